import assert from "node:assert/strict";
import { LiveRun } from "../../../desktop/live/live-run.js";
import { type LiveFile, liveFileText, parseLiveFile, parseLiveOptions } from "../../../desktop/live/live-file.js";
import { type LiveAction, parseAction } from "../../../desktop/live/live-inputs.js";
import { SimRandom } from "../../../desktop/simulator/index.js";
import { PlacedTopology } from "../../../desktop/simulator/moving-topology.js";

const ROUND_MS = 10000;

function options(more: object = {}): LiveFile["options"] {
  return parseLiveOptions({ seed: 7, nodes: 12, ...more });
}

/** Runs a file exactly again. */
function again(file: LiveFile): LiveRun {
  const run = new LiveRun(file.options);
  for (const input of file.inputs) {
    run.runUntil(input.atMs);
    run.apply(input);
  }
  run.runUntil(file.endMs);
  return run;
}

/** A random input that may be refused. */
function randomAction(random: SimRandom, run: LiveRun): LiveAction {
  const node = random.pick(run.network.nodes).id;
  const other = random.pick(run.network.nodes).id;
  return random.pick<LiveAction>([
    { action: "loss", lossProbability: random.below(5) / 10 }, { action: "cut", from: node, to: other },
    { action: "heal", from: node, to: other }, { action: "cut", node }, { action: "heal", node }, { action: "heal" },
    { action: "crash", node }, { action: "leave", node },
    { action: "restart", node, keepStorage: random.below(2) === 0 },
    { action: "move", node }, { action: "move", node, x: random.below(100) / 100, y: 0.5 },
    { action: "push", node, value: random.below(100) }, { action: "log", node, topic: "door", value: "open" },
  ]);
}

describe("simulation by hand", function () {
  this.timeout(120000);

  it("a run with inputs gives equal tables when it is run again from its file, however time is divided", () => {
    for (const seed of [1, 2, 3, 4]) {
      const random = new SimRandom(seed, 1);
      const shape = random.pick([{ topology: { shape: "radio" } }, { topology: { shape: "radio", speed: 0.1 } },
        { topology: { shape: "all" } }, { topology: { shape: "grid", oneWayPart: 0.1 }, dialect: "sealed" }]);
      const run = new LiveRun(options({ seed, ...shape }));
      let refused = 0;
      for (let i = 0; i < 60; i++) {
        if (random.below(3) === 0) run.stepDatagram(run.nowMs + ROUND_MS);
        else run.runUntil(run.nowMs + random.below(2 * ROUND_MS));
        try {
          run.apply(randomAction(random, run));
        } catch {
          refused++;
        }
      }
      run.runUntil(run.nowMs + 3 * ROUND_MS);
      const text = liveFileText({ options: run.options, inputs: run.inputs, endMs: run.nowMs });
      const repeated = again(parseLiveFile(text));
      assert.ok(run.inputs.length > 20 && run.inputs.length + refused === 60);
      assert.deepEqual(repeated.inputs, run.inputs);
      assert.deepEqual(repeated.network.counts, run.network.counts, `seed ${seed}`);
      assert.equal(repeated.tablesHash, run.tablesHash, `seed ${seed}`);
      // Without its inputs it is another run.
      const other = again({ ...parseLiveFile(text), inputs: [] });
      assert.notEqual(other.tablesHash, run.tablesHash);
    }
  });

  it("a step of a datagram sends one, or several at the same time", () => {
    const run = new LiveRun(options());
    for (let step = 1; step < 50; step++) {
      const before = run.network.counts.datagrams;
      run.stepDatagram(run.nowMs + ROUND_MS);
      const sent = run.network.counts.datagrams - before;
      assert.ok(sent >= 1 && sent <= 64, `${sent} datagrams`);
    }
  });

  it("cut, heal, crash, restart, leave, push and move do what they say", () => {
    const run = new LiveRun(options({ lossProbability: 0, topology: { shape: "all" } }));
    const [a, b, c] = run.network.nodes;
    const go = (rounds: number): void => run.runUntil(run.nowMs + rounds * ROUND_MS);
    const held = (): string | undefined => a.gossip?.row(b.id)?.state;
    go(8);
    assert.equal(held(), "up");
    run.apply({ action: "cut", node: b.id });
    go(20);
    assert.equal(held(), "down");
    assert.ok(run.network.counts.cut > 0);
    run.apply({ action: "heal" });
    go(20);
    assert.equal(held(), "up");
    run.apply({ action: "crash", node: b.id });
    assert.equal(b.isRunning, false);
    assert.throws(() => run.apply({ action: "crash", node: b.id }), /node: node 1 .* is off/);
    go(20);
    assert.equal(held(), "down");
    run.apply({ action: "restart", node: b.id, keepStorage: true });
    go(5);
    assert.equal(held(), "up");
    assert.equal(a.gossip?.row(b.id)?.revision, 1);
    run.apply({ action: "push", node: b.id, value: { door: "open" } });
    go(6);
    assert.deepEqual(a.gossip?.row(b.id)?.data, { door: "open" });
    run.apply({ action: "move", node: b.id });
    go(6);
    assert.equal(a.gossip?.row(b.id)?.address, "10.0.0.13");
    run.apply({ action: "leave", node: b.id });
    go(6);
    assert.equal(held(), "left");
    run.apply({ action: "log", node: c.id, topic: "door", value: "open" });
    go(6);
    assert.deepEqual(a.gossip?.events().map(({ topic, value }) => [topic, value]), [["door", "open"]]);
    assert.throws(() => run.apply({ action: "move", node: a.id, x: 0.5, y: 0.5 }), /with the topology radio only/);
    assert.throws(() => run.apply({ action: "push", node: a.id, value: "x".repeat(100) }), /value/);
    assert.throws(() => run.apply({ action: "crash", node: 12 }), /node: 12 is no id of a node/);
  });

  it("a node that is moved to another place has the links of that place", () => {
    const run = new LiveRun(options());
    const { topology } = run;
    assert.ok(topology instanceof PlacedTopology);
    const [x, y] = [topology.places[2], topology.places[3]];
    run.apply({ action: "move", node: run.network.nodes[0].id, x, y });
    assert.ok(topology.reaches(0, 1) && topology.reaches(1, 0));
    for (let node = 2; node < 12; node++) assert.equal(topology.reaches(0, node), topology.reaches(1, node));
  });

  it("a node that was restarted before it began by itself does not begin twice", () => {
    const run = new LiveRun(options());
    for (const { id } of run.network.nodes) run.apply({ action: "restart", node: id, keepStorage: true });
    run.runUntil(2 * ROUND_MS);
    assert.ok(run.network.nodes.every(({ starts }) => starts === 1));
  });

  it("a simulation refuses its 10,001st input", () => {
    const run = new LiveRun(options({ nodes: 2, topology: { shape: "all" } }));
    for (let i = 0; i < 10000; i++) run.apply({ action: "heal" });
    assert.throws(() => run.apply({ action: "heal" }), /takes 10000 inputs at most/);
  });

  for (const [params, message] of [
    [{ action: "burn" }, /action: "burn" is none of loss, cut/],
    [{ action: "loss", lossProbability: 1 }, /lossProbability: 1 is no number from 0 to 0.9/],
    [{ action: "crash" }, /node: nothing is no integer from 0 to 4294967295/],
    [{ action: "crash", node: "7" }, /node: "7" is no integer/],
    [{ action: "crash", node: 7, why: 1 }, /"why": crash takes node/],
    [{ action: "cut", from: 1, to: 1 }, /to: 1 is the same node as from/],
    [{ action: "cut" }, /from: nothing is no integer/],
    [{ action: "move", node: 1, x: 2, y: 0 }, /x: 2 is no number from 0 to 1/],
    [{ action: "restart", node: 1, keepStorage: 0 }, /keepStorage: 0 is neither true nor false/],
    [{ action: "push", node: 1, value: "x".repeat(2000) }, /value: .* is longer than 1024 characters/],
    [{ action: "log", node: 1, topic: "", value: 1 }, /topic: "" is no text of 1 to 64 characters/],
  ] as const) {
    it(`an input is refused: ${JSON.stringify(params).slice(0, 60)}`, () => {
      assert.throws(() => parseAction(params), message);
    });
  }

  const head = '{"chisme":"simulation","version":1,"endMs":5,"options":{"seed":1}}';
  for (const [text, message] of [
    ["", /line 1: is not JSON/],
    ["7", /line 1: is no JSON object/],
    ['{"chisme":"node"}', /line 1: chisme: "node" is not "simulation"/],
    [head.replace('"version":1', '"version":2'), /line 1: version: 2 is not 1/],
    [head.replace('"endMs":5', '"endMs":1e15'), /line 1: endMs: 1000000000000000 is no number from 0 to 1000000000$/],
    [head.replace('"endMs":5', '"endMs":1e9').replace('"seed":1', '"seed":1,"roundIntervalMs":1000'),
      /line 1: endMs: 1000000000 is no number from 0 to 100000000$/],
    [head.replace('"seed":1', '"seed":1,"nodes":501'), /line 1: nodes: 501 is no integer from 2 to 500/],
    [head.replace('"seed":1', '"nodes":5'), /line 1: seed: nothing is no integer/],
    [head.replace('"seed":1', '"seed":1,"colour":2'), /line 1: options: "colour" is none of seed/],
    [head.replace('"seed":1', '"seed":1,"topology":{"shape":"star","cellSize":0}'), /line 1: topology: cellSize: 0/],
    [head.replace('"seed":1', '"seed":1,"topology":{"shape":"moebius"}'), /line 1: topology.shape: "moebius"/],
    [head.replace('"seed":1', '"seed":1,"topology":{"shape":"star","\\u001b[5m":0}'), /line 1: topology: \ufffd\[5m: /],
    [`${head}\n{"atMs":1,"action":"\u009b5m\u202e"}`, /line 2: action: "\ufffd5m\ufffd" is none of/],
    [`${head}\n{"atMs":1,"action":"heal","\u009b5m":1}`, /line 2: "\ufffd5m": heal takes/],
    [`${head}\n{"atMs":6,"action":"heal"}`, /line 2: atMs: 6 is no time from 0, .* to 5/],
    [`${head}\n{"atMs":3,"action":"heal"}\n{"atMs":2,"action":"heal"}`, /line 3: atMs: 2 is no time from 3/],
    [`${head}\n{"atMs":3,"action":"he`, /line 2: is not JSON/],
    [`${head}\n${" ".repeat(5000)}`, /line 2: is longer than 4096 bytes/],
    [`${head}\n${'{"atMs":0,"action":"heal"}\n'.repeat(10001)}`, /line 10002: there are more than 10000 inputs/],
  ] as const) {
    it(`a file is refused: ${text.slice(0, 90)}`, () => {
      assert.throws(() => parseLiveFile(text), message);
    });
  }
});
