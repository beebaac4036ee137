import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../desktop/simulator/index.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import { type ChismeError, type GossipOptions, minMax } from "../src/gossip.js";
import { DOWN } from "../src/engine/table/states.js";
import { FakeNetwork, FakeNode, joined } from "./support/fake-platform.js";

const MINUTE_MS = 60000;

function simulate(count: number, options: Partial<GossipOptions> = {}): SimNetwork {
  const network = new SimNetwork({ seed: 11 });
  for (let i = 0; i < count; i++) network.addNode({ options: { seedList: ["10.0.0.1", "10.0.0.2"], ...options } });
  network.runFor(10 * MINUTE_MS);
  return network;
}

/** The state of a node's row at each running node but itself. */
function statesOf(network: SimNetwork, node: SimNode): (string | undefined)[] {
  return network.running.filter((other) => other !== node).map(({ gossip }) => gossip!.row(node.id)?.state);
}

function refusal(run: () => unknown): [string, string] {
  try {
    run();
  } catch (error) {
    const { code, message } = error as ChismeError;
    return [code, message.replace(/node \d+/, "node ID")];
  }
  return ["", ""];
}

function all(count: number, state: string | undefined): (string | undefined)[] {
  return Array.from({ length: count }, () => state);
}

describe("forget", () => {
  it("a node that is down is removed at all nodes, within some rounds", () => {
    const network = simulate(12);
    const gone = network.nodes[5];
    gone.crash();
    network.runFor(10 * MINUTE_MS);
    assert.deepEqual(statesOf(network, gone), all(11, "down"));
    network.nodes[0].gossip!.forget(gone.id);
    assert.equal(network.nodes[0].gossip!.row(gone.id)!.state, "removed");
    network.runFor(MINUTE_MS);
    assert.deepEqual(statesOf(network, gone), all(11, "removed"));
    assert.deepEqual(network.nodes.map(({ errors }) => errors.length), all(12, undefined).map(() => 0));
  });

  it("its tombstone is forgotten after the time that the options say", () => {
    const network = simulate(3, { removeAfterMs: 60 * MINUTE_MS });
    const gone = network.nodes[2];
    gone.crash();
    network.runFor(10 * MINUTE_MS);
    network.nodes[0].gossip!.forget(gone.id);
    network.runFor(59 * MINUTE_MS);
    assert.deepEqual(statesOf(network, gone), all(2, "removed"));
    network.runFor(3 * MINUTE_MS);
    assert.deepEqual(statesOf(network, gone), all(2, undefined));
  });

  it("a node that left is removed too, by its address, and a second time does nothing", () => {
    const network = simulate(6);
    const gone = network.nodes[4];
    gone.gossip!.close();
    network.runFor(MINUTE_MS);
    assert.deepEqual(network.nodes.slice(0, 4).map(({ gossip }) => gossip!.row(gone.id)!.state), all(4, "left"));
    const first = network.nodes[0].gossip!;
    first.forget("10.0.0.5");
    first.forget("10.0.0.5:5000");
    network.runFor(MINUTE_MS);
    const others = [0, 1, 2, 3, 5].map((i) => network.nodes[i].gossip!.row(gone.id)!.state);
    assert.deepEqual(others, all(5, "removed"));
  });

  it("comes back when it speaks again, with and without its storage", () => {
    for (const isWiped of [false, true]) {
      for (const leaves of [false, true]) {
        const network = simulate(6);
        const gone = network.nodes[3];
        if (leaves) gone.gossip!.close();
        gone.crash();
        network.runFor(10 * MINUTE_MS);
        network.nodes[0].gossip!.forget(gone.id);
        network.runFor(MINUTE_MS);
        assert.deepEqual(statesOf(network, gone), all(5, "removed"));
        gone.restart({ keepStorage: !isWiped });
        network.runFor(2 * MINUTE_MS);
        assert.deepEqual(statesOf(network, gone), all(5, "up"), `wiped ${isWiped}, left ${leaves}`);
      }
    }
  });

  it("peers that hold the node as live are not convinced", () => {
    const network = simulate(6);
    const [first, , other] = network.nodes;
    // Only the first node cannot reach it. No other one probes for the first.
    network.faults.cuts.push((from, to) => (from === first) !== (to === first) && (from === other || to === other));
    network.faults.cuts.push((from, to) => (from === first) !== (to === first));
    network.runFor(20 * MINUTE_MS);
    assert.equal(first.gossip!.row(other.id)!.state, "down");
    first.gossip!.forget(other.id);
    network.faults.cuts.length = 0;
    network.runFor(5 * MINUTE_MS);
    assert.deepEqual(statesOf(network, other), all(5, "up"));
  });

  it("a view loses nothing and gains nothing: the node was down before", () => {
    const network = new FakeNetwork();
    const view = minMax({});
    const [first, second] = joined(network, [{ views: [view] }, {}]);
    first.gossip.push(1);
    second.gossip.push(9);
    network.run(MINUTE_MS);
    assert.equal(view.maximum, 9);
    second.clock.stop();
    second.socket.close();
    network.run(20 * MINUTE_MS);
    assert.equal(view.maximum, 1);
    first.gossip.forget("192.168.0.54");
    assert.equal(view.maximum, 1);
    assert.equal(first.states[first.states.length - 1].state, "removed");
  });

  it("what cannot be forgotten is refused", () => {
    const network = simulate(3);
    const [first, second] = network.nodes.map(({ gossip }) => gossip!);
    const own = first.id;
    assert.deepEqual(refusal(() => first.forget(77)), ["ERR_ARGUMENT", "forget: node: no row has 77"]);
    assert.deepEqual(
      refusal(() => first.forget("10.9.9.9")), ["ERR_ARGUMENT", 'forget: node: no row has "10.9.9.9"'],
    );
    assert.equal(refusal(() => first.forget("kitchen"))[0], "ERR_ARGUMENT");
    assert.equal(refusal(() => first.forget(-1))[0], "ERR_ARGUMENT");
    assert.deepEqual(refusal(() => first.forget(own)), ["ERR_STATE", `forget: ${own} is this node itself`]);
    assert.deepEqual(
      refusal(() => first.forget(second.id)), ["ERR_STATE", "forget: node ID is up, neither down nor left"],
    );
    network.nodes[1].crash();
    const seen = new Set<string>();
    for (let i = 0; i < 600; i++) {
      network.runFor(1000);
      const [code, text] = refusal(() => first.forget(network.nodes[1].id));
      if (code === "") break;
      assert.equal(code, "ERR_STATE");
      seen.add(text);
    }
    const texts = ["probed", "suspect", "up"].map((state) => `forget: node ID is ${state}, neither down nor left`);
    assert.ok([...seen].every((text) => texts.includes(text)), [...seen].join());
    // Whether this node probes it first, or hears that another one suspects it, is left to chance.
    assert.ok(seen.has(texts[1]) && seen.has(texts[2]));
    const idle = new FakeNode(new FakeNetwork(), "192.168.0.53").gossip;
    assert.equal(refusal(() => idle.forget(5))[0], "ERR_ARGUMENT");
    first.close();
    const refused = refusal(() => first.forget(network.nodes[1].id));
    assert.deepEqual(refused, ["ERR_STATE", "forget: the node is not running"]);
  });

  it("a bridge forgets boards among compact nodes, and a node of ESPGossip refuses", () => {
    const network = new SimNetwork({ seed: 3 });
    const seedList = ["10.0.0.1"];
    network.addNode({ options: { seedList, dialect: auto() } });
    network.addNode({ options: { seedList } });
    const board = network.addNode({ options: { seedList, dialect: espgossip() } });
    const other = network.addNode({ options: { seedList, dialect: espgossip() } });
    network.runFor(10 * MINUTE_MS);
    assert.equal(network.nodes[1].gossip!.row("10.0.0.3")!.state, "up");
    board.crash();
    network.runFor(30 * MINUTE_MS);
    assert.equal(network.nodes[1].gossip!.row("10.0.0.3")!.state, "down");
    network.nodes[0].gossip!.forget("10.0.0.3");
    network.runFor(MINUTE_MS);
    assert.equal(network.nodes[1].gossip!.row("10.0.0.3")!.state, "removed");
    const held = other.gossip!.engine.rows;
    held.setState(held.find(0x0a000003), DOWN);
    const refused = refusal(() => other.gossip!.forget("10.0.0.3"));
    assert.deepEqual(refused, ["ERR_STATE", "forget: the dialect espgossip removes no rows"]);
    board.start();
    network.runFor(10 * MINUTE_MS);
    assert.equal(network.nodes[1].gossip!.row("10.0.0.3")!.state, "up");
  });
});
