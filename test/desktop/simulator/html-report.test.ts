import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { bands } from "../../../desktop/simulator/html-plots.js";
import { htmlReport } from "../../../desktop/simulator/html-report.js";
import { SimNetwork } from "../../../desktop/simulator/index.js";
import { COLUMNS_MAX, FARES, RunHistory, holdersOf } from "../../../desktop/simulator/run-history.js";
import { main } from "../../support/command-line.js";

const root = path.resolve(import.meta.dirname, "../../..");
const REPORT_BYTES_MAX = 2e6;
const SUMMARY = {
  title: "a run", lines: ["a line"], command: "chisme simulate --seed 1", agreed: true, verdict: "agreed", figures: [],
  violationCount: 0, violations: [],
};

function networkOf(nodes: number): SimNetwork {
  const network = new SimNetwork({ seed: 1 });
  for (let i = 0; i < nodes; i++) network.addNode({ options: { seedList: ["10.0.0.1", "10.0.0.2"] } });
  return network;
}

describe("report of a simulation as a page", function () {
  this.timeout(120000);
  const folder = mkdtempSync(path.join(tmpdir(), "chisme-report-"));
  after(() => rmSync(folder, { recursive: true }));

  function simulate(...options: string[]): { status: number | null; stdout: string; stderr: string } {
    const args = [main, "simulate", ...options];
    return spawnSync(process.execPath, args, {
      cwd: root, encoding: "utf8", env: { ...process.env, npm_lifecycle_event: "" },
    });
  }

  it("the command writes one page with plots, bands, figures and the command", () => {
    const file = path.join(folder, "run.html");
    const { status, stderr } = simulate("--seed", "7", "--nodes", "12", "--rounds", "20", "--report", file);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const page = readFileSync(file, "utf8");
    assert.ok(page.includes("chisme simulate --seed 7 --nodes 12 --rounds 20"));
    assert.ok(page.includes("agreed: all 12 nodes know"));
    assert.equal(page.match(/<figure>/g)?.length, 5);
    assert.equal(page.match(/<title>node \d+ \(10/g)?.length, 12);
    assert.match(page, /None: no rule was broken/);
    // It needs nothing from anywhere, and a browser would not load it.
    assert.match(page, /default-src 'none'/);
    assert.doesNotMatch(page, /<script|<link|<img|@import|url\(|\bsrc=|\bhref=|https?:/);
  });

  it("the page of a run that does not agree has its violations", () => {
    const file = path.join(folder, "failed.html");
    assert.equal(simulate("--seed", "7", "--nodes", "120", "--rounds", "2", "--report", file).status, 1);
    const page = readFileSync(file, "utf8");
    assert.match(page, /not agreed: \d+ of 120 nodes know/);
    assert.match(page, /violations; the first 100:/);
    assert.equal(page.match(/<li><b>node/g)?.length, 100);
  });

  it("the page of a scenario shows its phases", () => {
    const file = path.join(folder, "scenario.html");
    assert.equal(simulate("--scenario", "partition", "--seed", "3", "--report", file).status, 0);
    const page = readFileSync(file, "utf8");
    assert.ok(page.includes("chisme simulate --scenario partition --seed 3"));
    assert.match(page, /faults from round 13/);
    assert.match(page, /healing from round 43/);
  });

  it("the command refuses a file that it cannot write, before it runs, and --report with --seeds", () => {
    const wrong = simulate("--report", path.join(folder, "none", "run.html"));
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /option '--report': ENOENT/);
    assert.equal(wrong.stdout, "");
    const seeds = simulate("--scenario", "loss", "--seeds", "1..2", "--report", path.join(folder, "seeds.html"));
    assert.match(seeds.stderr, /'--report' has no meaning with '--seeds'/);
  });

  it("a band shows a crash that nobody noticed yet, one that all noticed, and a node that all hold as up again", () => {
    const network = networkOf(4);
    const history = new RunHistory(network);
    const round = (): string => {
      network.runFor(10000);
      history.add("");
      return FARES[history.columns.at(-1)?.fares[3] ?? -1];
    };
    for (let i = 0; i < 8; i++) round();
    assert.equal(round(), "up, held as up by all");
    assert.deepEqual(holdersOf(network).get(network.nodes[3]), { up: 3, suspect: 0, gone: 0 });
    network.nodes[3].crash();
    assert.equal(round(), "off, but held as up by some");
    for (let i = 0; i < 12; i++) round();
    assert.equal(round(), "off");
    assert.deepEqual(holdersOf(network).get(network.nodes[3]), { up: 0, suspect: 0, gone: 3 });
    network.nodes[3].start();
    for (let i = 0; i < 8; i++) round();
    assert.equal(round(), "up, held as up by all");
  });

  it("a long run has at most 360 columns, whose sums are those of all rounds", () => {
    const network = networkOf(2);
    const history = new RunHistory(network);
    for (let round = 1; round <= 1000; round++) {
      network.runFor(10000);
      history.add("", round);
    }
    const { columns } = history;
    assert.ok(columns.length <= COLUMNS_MAX && columns.length > COLUMNS_MAX / 2, `${columns.length} columns`);
    assert.equal(columns.at(-1)?.round, 1000);
    assert.equal(columns.reduce((sum, { rounds }) => sum + rounds, 0), 1000);
    assert.equal(columns.reduce((sum, { bytes }) => sum + bytes, 0), network.counts.bytes);
    assert.equal(columns[0].knowing, 1);
  });

  it("bands stay below 2 MB when each of 500 nodes, or of 5,000, fares otherwise in each column", () => {
    for (const nodes of [500, 5000]) {
      const columns = Array.from({ length: COLUMNS_MAX }, (_, at) => ({
        round: at + 1, rounds: 1, phase: "", datagrams: 0, bytes: 0, knowing: 0, suspicions: 0,
        fares: Uint8Array.from({ length: nodes }, (_, node) => (node * 7 + at * 5 + (at % 11) * node) % FARES.length),
      }));
      const names = Array.from({ length: nodes }, (_, node) => `node ${node} (10.0.0.1)`);
      const text = bands(columns, names);
      assert.ok(text.length < REPORT_BYTES_MAX, `${nodes} nodes: ${text.length} bytes`);
      assert.equal(text.match(/<title>/g)?.length, 500);
    }
  });

  it("text of a run is shown as text", () => {
    const history = new RunHistory(networkOf(2));
    const violations = [{ check: "<b>", node: "node 0", detail: "<img src=x onerror=alert(1)>" }];
    const page = htmlReport({ ...SUMMARY, title: "</title><script>", violations, violationCount: 1 }, history);
    writeFileSync(path.join(folder, "text.html"), page);
    assert.doesNotMatch(page, /<img|<script/);
    assert.match(page, /&#60;img src=x onerror=alert\(1\)&#62;/);
  });
});
