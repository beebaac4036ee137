import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import path from "node:path";
import type { TopologyFigures } from "../../../desktop/simulator/topology-text.js";
import { main } from "../../support/command-line.js";
import type { RoundFigures, SimulateOptions, SimulateResult } from "../../../desktop/simulator/index.js";

const root = path.resolve(import.meta.dirname, "../../..");

const MAIN = [main, "simulate"];

interface Outcome { status: number | null; stdout: string; stderr: string }

/** Runs `chisme simulate` with its output in pipes. */
function simulate(...options: string[]): Outcome {
  const environment = { ...process.env };
  delete environment.npm_lifecycle_event;
  return spawnSync(process.execPath, [...MAIN, ...options], {
    cwd: root, encoding: "utf8", env: environment,
  });
}

describe("chisme simulate", () => {
  it("the command prints seed and replay first, a line a round, a table and a verdict", () => {
    const { status, stdout, stderr } = simulate("--seed", "7", "--nodes", "12", "--rounds", "20");
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[1], /seed 7$/);
    assert.equal(lines[2], "to repeat this run: chisme simulate --seed 7 --nodes 12 --rounds 20");
    assert.equal(lines.filter((line) => /^round +\d+: +\d+ of 12 nodes know /.test(line)).length, 20);
    assert.match(lines.at(-1) as string, /^agreed: all 12 nodes know -?\d+\.\d\d to -?\d+\.\d\d °C$/);
    assert.ok(!stdout.includes("\x1b"));
  });

  it("the command exits with 1 when the network did not agree", () => {
    const { status, stdout } = simulate("--seed", "7", "--rounds", "2");
    assert.equal(status, 1);
    assert.match(stdout, /^not agreed: \d+ of 50 nodes know /m);
  });

  it("the command prints the same JSON object for the same seed", () => {
    const first = simulate("--seed", "7", "--json");
    assert.equal(first.status, 0);
    assert.equal(simulate("--seed", "7", "--json").stdout, first.stdout);
    const { options, rounds, result } = JSON.parse(first.stdout) as {
      options: SimulateOptions; rounds: RoundFigures[]; result: SimulateResult;
    };
    assert.equal(options.seed, 7);
    assert.equal(rounds.length, 30);
    assert.equal(result.agreed, true);
  });

  it("the command draws a seed when none is given", () => {
    const seed = (): number => {
      const { stdout } = simulate("--nodes", "2", "--rounds", "2", "--json");
      return (JSON.parse(stdout) as { options: SimulateOptions }).options.seed;
    };
    assert.notEqual(seed(), seed());
  });

  it("the command seals with --sealed, and reports that", () => {
    const { status, stdout } = simulate("--seed", "7", "--nodes", "8", "--rounds", "20", "--sealed");
    assert.equal(status, 0, stdout);
    assert.match(stdout, /sealed datagrams of at most 1,200 bytes, seed 7\n.*--nodes 8 --rounds 20 --sealed\n/);
    const scenario = simulate("--scenario", "wipe", "--seed", "3", "--sealed");
    assert.equal(scenario.status, 0, scenario.stdout);
    assert.match(scenario.stdout, /--scenario wipe --seed 3 --sealed\n/);
  });

  it("the command runs a scenario by name", () => {
    const { status, stdout } = simulate("--scenario", "partition", "--seed", "3", "--nodes", "8");
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^to repeat this run: chisme simulate --scenario partition --seed 3 --nodes 8$/m);
    assert.match(stdout, /\nagreed\n$/);
  });

  it("the command prints seed and phase before the scenario ends", async () => {
    const child = spawn(process.execPath, [...MAIN, "--scenario", "everything", "--nodes", "200"], { cwd: root });
    let output = "";
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (/^faults: 30 rounds/m.test(output)) break;
    }
    child.kill("SIGKILL");
    assert.match(output, /^seed \d+, datagrams of at most 1,200 bytes$/m);
    assert.match(output, /^warm-up: 12 rounds/m);
    assert.doesNotMatch(output, /agreed/);
  });

  it("the command runs a scenario with several seeds, and sums up", () => {
    const { status, stdout } = simulate("--scenario", "loss", "--seeds", "3..4", "--nodes", "8");
    assert.equal(status, 0, stdout);
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[0], /^seed 3: healed in \d+ rounds?, 0 of \d+ events lost, 0 values undone$/);
    assert.match(lines[1], /^seed 4: /);
    assert.match(lines[3], /^loss: 2 of 2 networks agreed; \d+ events published; 0 of \d+ .* lost; 0 values undone$/);
  });

  it("the command simulates a topology, prints its figures, and gives it enough rounds", () => {
    const { status, stdout } = simulate("--seed", "7", "--topology", "line", "--nodes", "16");
    assert.equal(status, 0, stdout);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines[1], "88 rounds of 10 s, 10 % loss, datagrams of at most 1,200 bytes, seed 7");
    assert.equal(lines[2], "line: 15 links, 1.9 neighbours a node, at most 15 hops");
    assert.equal(lines[3], "to repeat this run: chisme simulate --seed 7 --nodes 16 --rounds 88 --topology line");
    assert.ok(lines.some((line) => /^live nodes suspected +\d+ times?$/.test(line)), stdout);
    assert.ok(lines.some((line) => /^live nodes held as DOWN +0 times$/.test(line)), stdout);
    assert.ok(lines.some((line) => /^messages delivered +368 of 368, 0 twice$/.test(line)), stdout);
    assert.match(lines.at(-1) as string, /^agreed: all 16 nodes know /);
  });

  it("the command runs a scenario in a topology", () => {
    const options = ["--scenario", "loss", "--topology", "line", "--nodes", "8"];
    const { status, stdout } = simulate("--seed", "3", ...options);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^line: 7 links, 1\.8 neighbours a node, at most 7 hops$/m);
    assert.match(stdout, /: chisme simulate --scenario loss --seed 3 --nodes 8 --topology line\nwarm-up: 26 rounds/);
  });

  it("the command that a topology's run prints repeats it", () => {
    for (const options of [
      ["--topology", "cells", "--nodes", "24", "--cell-size", "6", "--bridges", "2", "--one-way", "10%"],
      ["--topology", "radio", "--nodes", "12", "--moving", "0.1", "--rounds", "40", "--sealed"],
    ]) {
      const { stdout } = simulate("--seed", "7", ...options);
      const [, repeat] = /^to repeat this run: chisme simulate (.*)$/m.exec(stdout) as unknown as [string, string];
      assert.equal(simulate(...repeat.split(" ")).stdout, stdout);
    }
  });

  it("the JSON object of a topology has its options and figures", () => {
    const { stdout } = simulate(
      "--seed", "7", "--topology", "radio", "--nodes", "12", "--moving", "0.1", "--rounds", "10", "--json",
    );
    const { options, topology, rounds, result } = JSON.parse(stdout) as {
      options: SimulateOptions; topology: TopologyFigures; rounds: RoundFigures[]; result: SimulateResult;
    };
    assert.deepEqual(options.topology, { shape: "radio", speed: 0.1 });
    assert.deepEqual([topology.shape, topology.oneWayLinks, topology.isMoving], ["radio", 0, true]);
    assert.ok(topology.links >= 11 && topology.diameter >= 1);
    assert.equal(rounds.length, 10);
    assert.ok(rounds.every(({ parts }) => parts >= 1));
    assert.equal(typeof result.suspects, "number");
  });

  for (const [options, message] of [
    [["--topology", "tree"], /'--topology <shape>' argument 'tree' is invalid\. It must be one of all, line, ring, /],
    [["--topology", "line", "--cell-size", "4"], /'--cell-size' needs '--topology cells' or '--topology star'/],
    [["--topology", "cells", "--cell-size", "1"], /'--cell-size <count>' argument '1' .* from 2 to 5000/],
    [["--topology", "star", "--bridges", "2"], /'--bridges' needs '--topology cells'/],
    [["--topology", "cells", "--bridges", "3"], /'--bridges <count>' argument '3' .* from 1 to 2/],
    [["--one-way", "0.1"], /'--one-way' needs '--topology'/],
    [["--topology", "grid", "--one-way", "0.6"], /'--one-way <part>' argument '0\.6' .* 0 to 0\.5, or from 0% to 50%/],
    [["--topology", "ring", "--nodes", "10", "--one-way", "0.2"], /'--one-way': 0\.2 is not .* from 0 to 0\.1: /],
    [["--topology", "grid", "--moving", "0.1"], /'--moving' needs '--topology radio'/],
    [["--topology", "radio", "--moving", "0"], /'--moving <speed>' argument '0' is invalid\. .* from 0\.001 to 1/],
    [["--topology", "radio", "--moving", "0.1", "--one-way", "0.1"], /'--one-way' has no meaning with '--moving'/],
    [["--scenario", "loss", "--topology", "radio", "--moving", "0.1"], /'--moving' has no meaning with '--scenario'/],
    [["--scenario", "departures", "--topology", "line"], /'--topology' has no meaning with '--scenario departures'/],
    [["--scenario", "loss", "--topology", "line", "--one-way", "0.1"], /'--one-way': 0\.1 is not .* from 0 to 0: /],
    [["--lose", "0.1"], /unknown option '--lose'/],
    [["--nodes", "1"], /'--nodes <count>' argument '1' is invalid\. It must be an integer from 2 to 5000/],
    [["--seed", "-1"], /'--seed <number>' argument '-1' is invalid/],
    [["--loss", "10"], /'--loss <part>' argument '10' is invalid\. It must be from 0 to 0\.9/],
    [["--rounds", "9.5"], /'--rounds <count>' argument '9\.5' is invalid/],
    [["--datagram-bytes", "127"], /argument '127' is invalid\. It must be an integer from 128 to 1472/],
    [["--scenario", "sleep", "--topology", "line"], /'--topology' has no meaning with '--scenario sleep'/],
    [["--scenario", "rain"], /'rain' is invalid\. It must be one of quiet, loss/],
    [["--scenario", "loss", "--loss", "0.5"], /'--loss' has no meaning with '--scenario'/],
    [["--scenario", "loss", "--nodes", "2001"], /'--nodes' is at most 2000 with '--scenario'/],
    [["--scenario", "loss", "--seeds", "9..3"], /argument '9\.\.3' is invalid\. It must be two seeds/],
    [["--seeds", "1..3"], /'--seeds' needs '--scenario'/],
    [["--scenario", "loss", "--seeds", "1..3", "--seed", "2"], /'--seed' has no meaning with '--seeds'/],
    [["more"], /too many arguments/],
  ] as const) {
    it(`the command refuses ${options.join(" ")}`, () => {
      const { status, stdout, stderr } = simulate(...options);
      assert.equal(status, 2);
      assert.equal(stdout, "");
      assert.match(stderr, message);
    });
  }

  it("the help lists options and scenarios", () => {
    const { status, stdout } = simulate("--help");
    assert.equal(status, 0);
    const names = ["--nodes", "--seed", "--loss", "--rounds", "--datagram-bytes", "--topology", "--json", "one-way"];
    for (const name of names) {
      assert.ok(stdout.includes(name), name);
    }
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
  });
});
