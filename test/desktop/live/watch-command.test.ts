import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { NetworkView } from "../../../desktop/control/network-view.js";
import { liveFileText, parseLiveOptions } from "../../../desktop/live/live-file.js";
import type { LiveInput } from "../../../desktop/live/live-inputs.js";
import { LiveRun } from "../../../desktop/live/live-run.js";
import { assertShape } from "../../support/control-schema.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { main } from "../../support/command-line.js";
import { ask } from "../http/http-client.js";

const OPTIONS = ["--seed", "7", "--nodes", "8"];

interface State { nowMs: number; command: string; isPlaying: boolean; inputs: LiveInput[] }

describe("chisme simulate --watch", function () {
  this.timeout(120000);
  let child: ChildProcess | undefined;
  let port: number;
  const lines: string[] = [];

  beforeEach(() => {
    port = freshPort();
    lines.splice(0);
  });
  afterEach(async () => {
    if (child?.exitCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    child = undefined;
    await cleanUp();
  });

  async function begin(...args: string[]): Promise<void> {
    child = spawn(process.execPath, [
      main, "simulate", "--watch", "--http", `127.0.0.1:${port}`, ...args,
    ], { env: { ...process.env, npm_lifecycle_event: "" }, stdio: ["ignore", "pipe", "inherit"] });
    assert.ok(child.stdout !== null);
    const reader = createInterface({ input: child.stdout });
    reader.on("line", (line) => lines.push(line));
    while (lines.length < 2) await once(reader, "line");
  }

  function simulate(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, [main, "simulate", ...args], { encoding: "utf8" });
  }

  const state = async (): Promise<State> => JSON.parse((await ask(port, "/v1/simulation")).text) as State;
  async function act(body: object, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
    return ask(port, "/v1/simulation", {
      method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers },
    });
  }

  it("the page's requests drive it, and its file gives the same tables without a page", async () => {
    await begin(...OPTIONS);
    assert.equal(lines[0], `page: http://127.0.0.1:${port}/ (Ctrl-C ends it)`);
    assert.equal(lines[1], "to run this again: chisme simulate --watch --seed 7 --nodes 8 --topology radio");
    const view = JSON.parse((await ask(port, "/v1/network")).text) as NetworkView;
    assertShape("network", view);
    assert.equal(view.source, "simulation");
    assert.equal(view.nodes.length, 8);
    const [a, b, c] = view.nodes.map(({ id }) => id);
    // Long enough after the start that all nodes run, at a speed that no machine keeps up with.
    assert.equal((await act({ action: "speed", roundsPerSecond: 100 })).status, 200);
    for (let step = 0; step < 3; step++) assert.equal((await act({ action: "step", by: "round" })).status, 200);
    for (const body of [
      { action: "crash", node: a }, { action: "cut", from: b, to: c }, { action: "push", node: b, value: 99 },
      { action: "play" },
    ]) assert.equal((await act(body)).status, 200);
    while ((await state()).nowMs < 100000);
    assert.equal((await act({ action: "restart", node: a })).status, 200);
    assert.equal((await act({ action: "pause" })).status, 200);
    const { inputs, nowMs, command } = await state();
    assert.deepEqual(inputs.map(({ action }) => action), ["crash", "cut", "push", "restart"]);
    assert.match(command, /--inputs FILE$/);
    const file = path.join(freshFolder(), "run.jsonl");
    const options = parseLiveOptions({ seed: 7, nodes: 8 });
    writeFileSync(file, liveFileText({ options, inputs, endMs: nowMs }));
    const { status, stdout, stderr } = simulate("--inputs", file, "--json");
    assert.equal(status, 0, stderr);
    const run = new LiveRun(options);
    for (const input of inputs) {
      run.runUntil(input.atMs);
      run.apply(input);
    }
    run.runUntil(nowMs);
    const { tablesHash, datagrams } = JSON.parse(stdout) as { tablesHash: string; datagrams: number };
    assert.equal(tablesHash, run.tablesHash);
    assert.equal(datagrams, run.network.counts.datagrams);
    child?.kill("SIGINT");
    const [code] = await once(child as ChildProcess, "close") as [number];
    assert.equal(code, 0);
  });

  it("requests that are wrong, or of another site, change nothing", async () => {
    await begin(...OPTIONS);
    await act({ action: "pause" });
    const wrong = await act({ action: "loss", lossProbability: 2 });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /lossProbability: 2 is no number from 0 to 0.9/);
    assert.equal((await act({ action: "new", options: { nodes: 501, seed: 1 } })).status, 400);
    assert.equal((await act({ action: "append", inputs: Array.from({ length: 101 }, () => ({})) })).status, 400);
    const end = await act({ action: "new", options: { seed: 1 }, endMs: 1e15 });
    assert.match(end.text, /endMs: 1000000000000000 is no number from 0 to 1000000000"/);
    const late = await act({ action: "append", inputs: [{ action: "heal", atMs: 1e15 }] });
    assert.match(late.text, /atMs: 1000000000000000 is after 1000000000, the end"/);
    assert.equal((await act({ action: "heal" }, { origin: "http://evil.example" })).status, 403);
    assert.equal((await act({ action: "heal" }, { host: `evil.example:${port}` })).status, 403);
    assert.deepEqual((await state()).inputs, []);
  });

  it("the command refuses what has no meaning", async () => {
    const file = path.join(freshFolder(), "run.jsonl");
    writeFileSync(file, '{"chisme":"simulation","version":1,"endMs":5,"options":{"seed":1}}\n{"atMs":9}\n');
    const endless = path.join(freshFolder(), "endless.jsonl");
    writeFileSync(endless, '{"chisme":"simulation","version":1,"endMs":1e300,"options":{"seed":1}}\n');
    for (const [args, message] of [
      [["--watch", "--scenario", "loss"], /'--scenario' has no meaning with '--watch'/],
      [["--watch", "--nodes", "501"], /nodes: 501 is no integer from 2 to 500/],
      [["--watch", "--http", "192.0.2.1:8600"], /192\.0\.2\.1 is open to other computers, and needs --http-token-file/],
      [["--http", "127.0.0.1:8600"], /'--http' needs '--watch'/],
      [["--inputs", file], /--inputs: .*run\.jsonl: line 2: action: nothing is none of/],
      [["--inputs", endless], /--inputs: .*endless\.jsonl: line 1: endMs: 1e\+300 is no number from 0 to 1000000000/],
      [["--inputs", `${file}.none`], /ENOENT/],
    ] as const) {
      const { status, stderr } = simulate(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
