import assert from "node:assert/strict";
import { DOWN, LEFT, REMOVE, SUSPECT, UP } from "../../../src/engine/index.js";
import { SECTION_INDIRECT_ACK, SECTION_PING_REQ } from "../../../src/engine/wire/frame.js";
import { hearsay, sectionsOf } from "../wire/frame-support.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { bareSyn } from "../../support/engine-outputs.js";
import { held } from "../../support/engine-state.js";

const ROUND = 10000;

/** So many nodes that know each other; nothing was sent or told yet. */
function network(nodes: number): EngineNetwork {
  const lan = new EngineNetwork();
  for (let node = 1; node <= nodes; node++) lan.add(node, {}, [1]);
  lan.run(20 * ROUND);
  lan.sent.length = 0;
  lan.notified.length = 0;
  return lan;
}

function isBetween({ from, to }: Sent, a: number, b: number): boolean {
  return (from === a && to === b) || (from === b && to === a);
}

function idsIn(bytes: Uint8Array, tag: number): unknown[] {
  return sectionsOf(bytes, tag).flatMap(({ entries }) => entries);
}

function suspectedBy(lan: EngineNetwork, address: number): number[] {
  return lan.notified.filter((told) => told.address === address && told.state === SUSPECT).map(({ id }) => id);
}

describe("Engine: indirect probes", () => {
  it("indirect probes keep a node UP that one other node cannot reach", () => {
    const lan = network(5);
    lan.lose = (sent) => isBetween(sent, 1, 2);
    lan.run(100 * ROUND);
    assert.deepEqual(lan.notified.filter(({ state }) => state !== UP), []);
    assert.ok(lan.sent.some(({ from, bytes }) => from === 1 && idsIn(bytes, SECTION_PING_REQ).includes(2)));
    assert.ok(lan.sent.some(({ to, bytes }) => to === 1 && idsIn(bytes, SECTION_INDIRECT_ACK).includes(2)));
  });

  for (const [name, tag] of [["ping requests", SECTION_PING_REQ], ["indirect acks", SECTION_INDIRECT_ACK]] as const) {
    it(`without ${name} the unreachable node is suspected`, () => {
      const lan = network(5);
      lan.lose = (sent) => isBetween(sent, 1, 2) || idsIn(sent.bytes, tag).length > 0;
      lan.run(30 * ROUND);
      assert.ok(lan.notified.some(({ id, state }) => id <= 2 && state === SUSPECT));
    });
  }

  it("a node sends three ping requests with the fourth attempt, and three with the fifth", () => {
    const lan = network(9);
    lan.engines.delete(9);
    // Nobody probes for others, so that each only asks for itself.
    lan.lose = ({ bytes }) => idsIn(bytes, SECTION_PING_REQ).length > 0;
    while (!lan.notified.some(({ id }) => id === 9)) lan.run(100);
    const [{ address }] = lan.notified;
    const kinds = lan.sent.filter(({ from, to, bytes }) => {
      return from === address && (to === 9 || idsIn(bytes, SECTION_PING_REQ).includes(9));
    }).map(({ to }) => to === 9 ? "ask" : "probe");
    const witnesses = ["probe", "probe", "probe"];
    // The last word to the node itself is that it is suspected.
    assert.deepEqual(kinds, ["ask", "ask", "ask", "ask", ...witnesses, "ask", ...witnesses, "ask"]);
    const [first, second] = [0, 3].map((from) => new Set(lan.sent
      .filter(({ from: by, bytes }) => by === address && idsIn(bytes, SECTION_PING_REQ).includes(9))
      .slice(from, from + 3).map(({ to }) => to)));
    assert.deepEqual([first.size, second.size], [3, 3]);
  });

  it("a node probes one node for a ping request, if that node's row is live", () => {
    const lan = network(4);
    assert.deepEqual(probed(lan, 2, headOf(lan, 2), [3, 4]), [3]);
    assert.deepEqual(probed(lan, 2, headOf(lan, 2), [1]), [], "itself");
    assert.deepEqual(probed(lan, 2, headOf(lan, 2), [77]), [], "an unknown node");
    lan.leave(4);
    lan.run(4 * ROUND);
    assert.deepEqual(probed(lan, 2, headOf(lan, 2), [4]), [], "one that is gone");
  });

  it("a node ignores ping requests from addresses that are not proven, whatever id they give", () => {
    const lan = network(4);
    const stranger = new EngineNetwork();
    stranger.add(9, {}, [1]);
    assert.deepEqual(probed(lan, 9, headOf(stranger, 9), [3]), []);
    const older = headOf(lan, 2);
    lan.publish(2, [1]);
    lan.run(3 * ROUND);
    assert.deepEqual(probed(lan, 66, older, [3]), [], "an old frame of another node");
    assert.deepEqual(probed(lan, 66, headOf(lan, 2), [3]), [], "a frame of another node");
  });
});

/** A SYN of a node with nothing but its head. */
function headOf(lan: EngineNetwork, address: number): Uint8Array {
  return bareSyn(lan.engines.get(address)!, lan.nowMs);
}

/** Whom node 1 asks when a frame from an address asks it to probe others. */
function probed(lan: EngineNetwork, from: number, head: Uint8Array, ids: number[]): number[] {
  const lose = lan.lose;
  lan.lose = () => true;
  lan.sent.length = 0;
  const content = ids.flatMap((id) => [0, 0, 0, id]);
  lan.deliver(1, from, Uint8Array.of(...head, SECTION_PING_REQ, 0, 4 * ids.length, ...content));
  lan.lose = lose;
  assert.ok(lan.sent.some(({ to, bytes }) => to === from && bytes[1] === 2), "the frame is good, so it is answered");
  return lan.sent.map(({ to }) => to).filter((to) => to !== from);
}

describe("Engine: local health", () => {
  it("a node that receives nothing suspects nobody for 9 rounds", () => {
    const lan = network(8);
    const cut = 4;
    lan.lose = ({ from, to }) => from === cut || to === cut;
    lan.run(9 * ROUND);
    assert.deepEqual(suspectedBy(lan, cut), []);
    const others = [1, 2, 3, 5, 6, 7, 8].filter((address) => suspectedBy(lan, address).includes(cut));
    assert.equal(others.length, 7, "the others, who hear each other, suspect it");
    lan.run(80 * ROUND);
    assert.ok(suspectedBy(lan, cut).length > 0, "in the end it must conclude that they are gone");
  });

  it("a node's local health recovers when datagrams arrive again", () => {
    const lan = network(8);
    const cut = 4;
    lan.lose = ({ from, to }) => from === cut || to === cut;
    lan.run(6 * ROUND);
    lan.lose = () => false;
    lan.run(6 * ROUND);
    for (const { rows } of lan.engines.values()) {
      for (let node = 1; node <= 8; node++) assert.equal(held(rows, node)?.state, UP);
    }
    assert.ok(lan.notified.every(({ state }) => state === UP || state === SUSPECT));
  });

  it("of two nodes, each suspects the other", () => {
    const lan = network(2);
    lan.lose = () => true;
    lan.run(3 * ROUND);
    assert.deepEqual([suspectedBy(lan, 1), suspectedBy(lan, 2)], [[2], [1]]);
  });
});

describe("Engine: a statement about another node", () => {
  /** What a node that holds another in a state makes of hearing that it is in another one. */
  function believed(before: number | undefined, said: number, isForeign = false): number | undefined {
    const lan = new EngineNetwork();
    const { rows } = lan.add(1);
    const hear = (state: number): void => {
      lan.deliver(1, 250, hearsay({ revision: 2, heartbeat: 9, state, ...isForeign && { isForeign } }));
    };
    if (before !== undefined) hear(before);
    hear(said);
    return held(rows, 7)?.state;
  }

  it("a statement of DOWN or REMOVE makes a live row SUSPECT", () => {
    for (const before of [UP, SUSPECT]) {
      for (const said of [DOWN, REMOVE]) assert.equal(believed(before, said), SUSPECT);
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
