import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { type Engine, LEFT, OWN_SLOT, SEAL_BYTES, UP } from "../../src/engine/index.js";
import { Rows } from "../../src/engine/table/rows.js";
import { TYPE_ACK, TYPE_LEAVE, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { ReplayGuard } from "../../src/engine/wire/replay-guard.js";
import { EngineNetwork, type Sent } from "../support/engine-network.js";
import { ROUND_MS } from "../support/engine-options.js";
import { held, ownHeartbeat } from "../support/engine-state.js";

const KEY = new Uint8Array(32).map((_, i) => i);
/** Where no node listens. */
const STRANGER = 250;

function sealedNetwork(nodes: number): EngineNetwork {
  const network = new EngineNetwork();
  for (let id = 1; id <= nodes; id++) addSealed(network, id, id);
  network.run(30 * ROUND_MS);
  network.notified.length = 0;
  network.sent.length = 0;
  return network;
}

function addSealed(network: EngineNetwork, id: number, address: number, revision = 0, randomSeed = id): void {
  const options = { id, sealer: nodeSealing(KEY, undefined), randomSeed };
  network.add(address, options, address === 1 ? [] : [1], revision);
}

/** Where all nodes hold a node. */
function addressesOf(network: EngineNetwork, id: number): number[] {
  return [...network.engines.values()].map(({ rows }) => rows.address(rows.find(id)));
}

function typeOf({ bytes }: Sent): number {
  return bytes[1] & 15;
}

describe("a sealed network: addresses that change", () => {
  it("all nodes follow an address that changes without a restart within 8 rounds, without suspicion", () => {
    const network = sealedNetwork(12);
    network.move(5, 105);
    network.run(8 * ROUND_MS);
    assert.deepEqual(addressesOf(network, 5), new Array(12).fill(105));
    network.run(20 * ROUND_MS);
    assert.deepEqual(network.notified.filter(({ state }) => state !== UP), []);
    assert.equal(network.engines.get(105)!.rows.address(OWN_SLOT), 105);
  });

  it("the moved node makes one announcement, and no other node makes any", () => {
    const network = sealedNetwork(12);
    const before = [...network.engines].map(([node, engine]) => [node, ownHeartbeat(engine)]);
    network.move(5, 105);
    network.run(20 * ROUND_MS);
    for (const [node, heartbeat] of before) {
      const engine = network.engines.get(node === 5 ? 105 : node)!;
      assert.equal(ownHeartbeat(engine) > heartbeat, node === 5, `node ${node}`);
    }
  });

  it("all nodes follow two nodes that swap their addresses within 12 rounds", () => {
    for (const nodes of [3, 12]) {
      const network = sealedNetwork(nodes);
      network.move(2, 99);
      network.move(3, 2);
      network.move(99, 3);
      network.run(12 * ROUND_MS);
      assert.deepEqual(addressesOf(network, 2), new Array(nodes).fill(3), `of ${nodes}`);
      assert.deepEqual(addressesOf(network, 3), new Array(nodes).fill(2), `of ${nodes}`);
      network.run(30 * ROUND_MS);
      for (const id of [2, 3]) {
        for (const { rows } of network.engines.values()) assert.equal(held(rows, id)!.state, UP);
      }
    }
  });

  it("all nodes follow when each node has another address, with half the datagrams lost", () => {
    const network = sealedNetwork(8);
    let count = 0;
    network.lose = () => (Math.imul(count++, 0x9e3779b1) >>> 8) % 2 === 0;
    for (let id = 2; id <= 8; id++) network.move(id, 100 + id);
    network.run(12 * ROUND_MS);
    network.lose = () => false;
    network.run(20 * ROUND_MS);
    // A node whose own address got lost on the way learns it with one of its next eight statements.
    for (let value = 0; value < 8; value++) {
      for (let id = 2; id <= 8; id++) network.publish(100 + id, [value]);
      network.run(2 * ROUND_MS);
    }
    for (let id = 2; id <= 8; id++) assert.deepEqual(addressesOf(network, id), new Array(8).fill(100 + id));
  });

  it("a node that starts again at another address is back within 6 rounds, with its new value", () => {
    const network = sealedNetwork(6);
    network.engines.delete(5);
    network.run(ROUND_MS);
    addSealed(network, 5, 105, 1, 55);
    network.publish(105, [7]);
    network.run(6 * ROUND_MS);
    for (const { rows } of network.engines.values()) assert.deepEqual(held(rows, 5)!.value, [7]);
    assert.deepEqual(addressesOf(network, 5), new Array(6).fill(105));
  });

  it("a node that leaves from another address has left", () => {
    const network = sealedNetwork(3);
    network.move(2, 102);
    // Nothing but its goodbyes arrives.
    network.lose = (sent) => sent.from === 102 && typeOf(sent) !== TYPE_LEAVE;
    network.leave(102);
    assert.equal(held(network.engines.get(1)!.rows, 2)!.state, LEFT);
    assert.equal(network.engines.get(1)!.rows.address(network.engines.get(1)!.rows.find(2)), 2);
  });
});

describe("a sealed network: the proof of an address", () => {
  /** Nodes 1 and 2, and the first frame of node 2 that node 1 gets from elsewhere. */
  function redirected(isAnswered: boolean): { network: EngineNetwork; a: Engine } {
    const network = sealedNetwork(2);
    const a = network.engines.get(1)!;
    network.lose = ({ from, to }) => (from === 2 && to === 1) || (to === STRANGER && !isAnswered);
    network.run(2 * ROUND_MS);
    const frame = network.sent.filter((sent) => sent.from === 2 && sent.to === 1 && typeOf(sent) === TYPE_SYN).at(-1)!;
    network.sent.length = 0;
    network.deliver(1, STRANGER, frame.bytes);
    return { network, a };
  }

  it("a good frame from elsewhere moves nothing; a SYN without sections goes there", () => {
    const { network, a } = redirected(false);
    assert.equal(a.rows.address(a.rows.find(2)), 2);
    const [proof, answer] = network.sent.filter(({ to }) => to === STRANGER);
    assert.ok(proof.bytes.length <= 52, `${proof.bytes.length} bytes`);
    assert.equal(typeOf(answer), TYPE_ACK);
    assert.ok(SEAL_BYTES < answer.bytes.length);
  });

  it("only an answer from exactly that address moves the row, and only once", () => {
    const { network, a } = redirected(false);
    const [proof] = network.sent.filter(({ to }) => to === STRANGER);
    network.lose = () => true;
    network.sent.length = 0;
    // An outsider that relays both directions gets this far; it has to stay between the two.
    network.deliver(2, STRANGER, proof.bytes);
    const answer = network.sent.find((sent) => sent.from === 2 && typeOf(sent) === TYPE_ACK)!;
    network.deliver(1, STRANGER + 1, answer.bytes);
    assert.equal(a.rows.address(a.rows.find(2)), 2);
    network.deliver(1, STRANGER, answer.bytes);
    assert.equal(a.rows.address(a.rows.find(2)), 2, "it arrived before");
    const other = redirected(true);
    const [again] = other.network.sent.filter(({ to }) => to === STRANGER);
    other.network.lose = () => true;
    other.network.sent.length = 0;
    other.network.deliver(2, STRANGER, again.bytes);
    const relayed = other.network.sent.find((sent) => sent.from === 2 && typeOf(sent) === TYPE_ACK)!;
    other.network.deliver(1, STRANGER, relayed.bytes);
    assert.equal(other.a.rows.address(other.a.rows.find(2)), STRANGER, "who relays live is believed");
  });

  it("a node requests at most 64 proofs between two rounds, and none again for 5 to 10 s", () => {
    const guard = new ReplayGuard(nodeSealing(KEY, undefined), new Rows(4, 0));
    const requested = (from: number, to: number) => {
      let count = 0;
      for (let address = from; address < to; address++) if (guard.requestProof(2, address, 5000)) count++;
      return count;
    };
    assert.equal(requested(1, 2), 1);
    assert.equal(requested(1, 2), 0, "it waits in the outbox");
    guard.noteSyn(2, 1, 5000, 7);
    assert.equal(requested(1, 2), 0, "it was just sent");
    assert.equal(requested(2, 200), 63);
    guard.countRound();
    assert.equal(requested(200, 400), 64);
  });

  it("a proof counts for its node, address, port and counter, and once", () => {
    const guard = new ReplayGuard(nodeSealing(KEY, undefined), new Rows(4, 0));
    const answer = (fields: Partial<FrameReader>) => {
      return Object.assign(new FrameReader(), { type: TYPE_ACK, id: 2, ...fields });
    };
    guard.requestProof(2, 9, 5000);
    assert.equal(guard.takeProof(answer({ inReplyTo: 0 }), 9, 5000), false, "nothing was sent");
    guard.noteSyn(2, 9, 5001, 6);
    guard.noteSyn(2, 9, 5000, 7);
    guard.noteSyn(2, 9, 5000, 8);
    const good = answer({ inReplyTo: 7 });
    for (const [frame, address, port] of [
      [answer({ inReplyTo: 7, id: 3 }), 9, 5000], [answer({ inReplyTo: 8 }), 9, 5000], [good, 8, 5000],
      [good, 9, 5001], [answer({ inReplyTo: 7, type: TYPE_SYN }), 9, 5000],
    ] as const) assert.equal(guard.takeProof(frame, address, port), false);
    assert.equal(guard.takeProof(good, 9, 5000), true);
    assert.equal(guard.takeProof(good, 9, 5000), false);
  });

  it("a proof that was lost is requested again after 10 s", () => {
    const guard = new ReplayGuard(nodeSealing(KEY, undefined), new Rows(4, 0));
    guard.requestProof(2, 9, 5000);
    guard.noteSyn(2, 9, 5000, 7);
    for (const nowMs of [5000, 10000]) guard.mark(nowMs, 7 + nowMs / 5000);
    assert.equal(guard.requestProof(2, 9, 5000), true);
  });
});

describe("a sealed network: recent answers", () => {
  it("the frames of the last 5 to 10 s are recent", () => {
    for (const stepMs of [100, 4999, 5000, 7000, 10000, 60000]) {
      const guard = new ReplayGuard(nodeSealing(KEY, undefined), new Rows(4, 0));
      const sentMs: number[] = [];
      for (let nowMs = 0; nowMs < 200000; nowMs += stepMs) {
        guard.mark(nowMs, sentMs.length);
        for (const [index, atMs] of sentMs.entries()) {
          const ageMs = nowMs - atMs;
          const isRecent = guard.isRecent(index + 1);
          if (nowMs >= 10000 && ageMs >= 10000) assert.equal(isRecent, false, `${ageMs} ms, in steps of ${stepMs} ms`);
          if (ageMs < 5000) assert.equal(isRecent, true, `${ageMs} ms, in steps of ${stepMs} ms`);
        }
        sentMs.push(nowMs);
      }
    }
  });
});
