import assert from "node:assert/strict";
import { BROADCAST_ADDRESS, DOWN, LEFT, PROBED, REMOVE, SUSPECT, UP } from "../../../src/engine/index.js";
import { SECTION_INDIRECT_ACK, SECTION_PING_REQ } from "../../../src/engine/wire/frame.js";
import { claimsAbout, sectionsOf } from "../wire/frame-support.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { bareSyn } from "../../support/engine-outputs.js";
import { held } from "../../support/engine-state.js";

const ROUND = 10000;

/** So many nodes that know each other; nothing was sent or notified yet. */
function makeNetwork(nodes: number): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= nodes; node++) network.add(node, {}, [1]);
  network.run(20 * ROUND);
  network.sent.length = 0;
  network.notified.length = 0;
  return network;
}

function isBetween({ from, to }: Sent, a: number, b: number): boolean {
  return (from === a && to === b) || (from === b && to === a);
}

function idsIn(bytes: Uint8Array, tag: number): unknown[] {
  return sectionsOf(bytes, tag).flatMap(({ entries }) => entries);
}

function suspectedBy(network: EngineNetwork, address: number): number[] {
  return network.notified.filter((told) => told.address === address && told.state === SUSPECT).map(({ id }) => id);
}

describe("Engine: indirect probes", () => {
  it("indirect probes keep a node UP that one other node cannot reach", () => {
    const network = makeNetwork(5);
    network.lose = (sent) => isBetween(sent, 1, 2);
    network.run(100 * ROUND);
    assert.deepEqual(network.notified.filter(({ state }) => state !== UP), []);
    assert.ok(network.sent.some(({ from, bytes }) => from === 1 && idsIn(bytes, SECTION_PING_REQ).includes(2)));
    assert.ok(network.sent.some(({ to, bytes }) => to === 1 && idsIn(bytes, SECTION_INDIRECT_ACK).includes(2)));
  });

  for (const [name, tag] of [["ping requests", SECTION_PING_REQ], ["indirect acks", SECTION_INDIRECT_ACK]] as const) {
    it(`without ${name} the unreachable node is suspected`, () => {
      const network = makeNetwork(5);
      network.lose = (sent) => isBetween(sent, 1, 2) || idsIn(sent.bytes, tag).length > 0;
      network.run(30 * ROUND);
      assert.ok(network.notified.some(({ id, state }) => id <= 2 && state === SUSPECT));
    });
  }

  it("a node sends three ping requests with the fourth attempt, and three with the fifth", () => {
    const network = makeNetwork(9);
    network.engines.delete(9);
    // No indirect probes: each node only probes for itself.
    network.lose = ({ bytes }) => idsIn(bytes, SECTION_PING_REQ).length > 0;
    while (!network.notified.some(({ id }) => id === 9)) network.run(100);
    const [{ address }] = network.notified;
    const kinds = network.sent.filter(({ from, to, bytes }) => {
      return from === address && (to === 9 || idsIn(bytes, SECTION_PING_REQ).includes(9));
    }).map(({ to }) => to === 9 ? "ask" : "probe");
    const requests = ["probe", "probe", "probe"];
    // The last word to the node itself is that it is suspected.
    assert.deepEqual(kinds, ["ask", "ask", "ask", "ask", ...requests, "ask", ...requests, "ask"]);
    const [first, second] = [0, 3].map((from) => new Set(network.sent
      .filter(({ from: by, bytes }) => by === address && idsIn(bytes, SECTION_PING_REQ).includes(9))
      .slice(from, from + 3).map(({ to }) => to)));
    assert.deepEqual([first.size, second.size], [3, 3]);
  });

  it("a node probes one node for a ping request, if that node's row is live", () => {
    const network = makeNetwork(4);
    assert.deepEqual(probed(network, 2, headOf(network, 2), [3, 4]), [3]);
    assert.deepEqual(probed(network, 2, headOf(network, 2), [1]), [], "itself");
    assert.deepEqual(probed(network, 2, headOf(network, 2), [77]), [], "an unknown node");
    network.leave(4);
    network.run(4 * ROUND);
    assert.deepEqual(probed(network, 2, headOf(network, 2), [4]), [], "one that is gone");
  });

  it("a node ignores ping requests from addresses that are not proven, whatever id they give", () => {
    const network = makeNetwork(4);
    const stranger = new EngineNetwork();
    stranger.add(9, {}, [1]);
    assert.deepEqual(probed(network, 9, headOf(stranger, 9), [3]), []);
    const older = headOf(network, 2);
    network.publish(2, [1]);
    network.run(3 * ROUND);
    assert.deepEqual(probed(network, 66, older, [3]), [], "an old frame of another node");
    assert.deepEqual(probed(network, 66, headOf(network, 2), [3]), [], "a frame of another node");
  });
});

/** A SYN of a node with nothing but its head. */
function headOf(network: EngineNetwork, address: number): Uint8Array {
  return bareSyn(network.engines.get(address)!, network.nowMs);
}

/** The nodes that node 1 probes when a frame from an address requests indirect probes. */
function probed(network: EngineNetwork, from: number, head: Uint8Array, ids: number[]): number[] {
  const lose = network.lose;
  network.lose = () => true;
  network.sent.length = 0;
  const content = ids.flatMap((id) => [0, 0, 0, id]);
  network.deliver(1, from, Uint8Array.of(...head, SECTION_PING_REQ << 3, 4 * ids.length, ...content));
  network.lose = lose;
  assert.ok(network.sent.some(({ to, bytes }) => to === from && bytes[1] % 8 === 2), "a good frame is answered");
  return network.sent.map(({ to }) => to).filter((to) => to !== from);
}

describe("Engine: local health", () => {
  it("a node that receives nothing suspects nobody for 9 rounds", () => {
    const network = makeNetwork(8);
    const cut = 4;
    // Node 1, which has no seed, broadcasts when it looks for the lost node.
    network.lose = ({ from, to }) => from === cut || to === cut || to === BROADCAST_ADDRESS;
    network.run(9 * ROUND);
    assert.deepEqual(suspectedBy(network, cut), []);
    const others = [1, 2, 3, 5, 6, 7, 8].filter((address) => suspectedBy(network, address).includes(cut));
    assert.equal(others.length, 7, "the others, which reach each other, suspect it");
    network.run(80 * ROUND);
    assert.ok(suspectedBy(network, cut).length > 0, "in the end it must conclude that they are gone");
  });

  it("a node's local health recovers when datagrams arrive again", () => {
    const network = makeNetwork(8);
    const cut = 4;
    network.lose = ({ from, to }) => from === cut || to === cut;
    // Shorter than the time after which the others have it as DOWN.
    network.run(4 * ROUND);
    network.lose = () => false;
    network.run(6 * ROUND);
    for (const { rows } of network.engines.values()) {
      for (let node = 1; node <= 8; node++) assert.equal(held(rows, node)?.state, UP);
    }
    assert.ok(network.notified.every(({ state }) => state === UP || state === SUSPECT));
  });

  it("of two nodes, each suspects the other", () => {
    const network = makeNetwork(2);
    network.lose = () => true;
    network.run(3 * ROUND);
    assert.deepEqual([suspectedBy(network, 1), suspectedBy(network, 2)], [[2], [1]]);
  });
});

describe("Engine: a statement about another node", () => {
  /** What a node that holds another in a state makes of hearing that it is in another one. */
  function believed(before: number | undefined, said: number, isForeign = false): number | undefined {
    const network = new EngineNetwork();
    const { rows } = network.add(1);
    const hear = (state: number): void => {
      network.deliver(1, 250, claimsAbout({ revision: 2, heartbeat: 9, state, ...isForeign && { isForeign } }));
    };
    if (before !== undefined) hear(before);
    hear(said);
    return held(rows, 7)?.state;
  }

  it("a statement of DOWN or REMOVE makes a row that is UP PROBED; one that is SUSPECT stays so", () => {
    for (const said of [DOWN, REMOVE]) {
      assert.equal(believed(UP, said), PROBED);
      assert.equal(believed(SUSPECT, said), SUSPECT);
    }
  });

  it("a node believes any state of a row that it does not hold, or that is not live", () => {
    for (const said of [UP, SUSPECT, DOWN, REMOVE, LEFT]) assert.equal(believed(undefined, said), said);
    assert.equal(believed(DOWN, REMOVE), REMOVE);
  });

  it("a node believes LEFT of any row", () => {
    for (const before of [UP, SUSPECT, DOWN, REMOVE]) assert.equal(believed(before, LEFT), LEFT);
  });

  it("a node believes the state of a foreign row, whose node nobody can probe", () => {
    for (const said of [DOWN, REMOVE]) assert.equal(believed(UP, said, true), said);
  });
});
