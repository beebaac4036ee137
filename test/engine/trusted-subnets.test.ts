import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { BROADCAST_ADDRESS } from "../../src/engine/index.js";
import { DROP_UNTRUSTED } from "../../src/engine/wire/drops.js";
import { FLAG_NEIGHBOUR, FLAG_PROVEN, FLAG_REMOTE } from "../../src/engine/table/rows.js";
import { DOWN, SUSPECT, UP } from "../../src/engine/table/states.js";
import { isTrusted } from "../../src/engine/table/subnets.js";
import { EngineNetwork } from "../support/engine-network.js";
import { PORT, ROUND_MS } from "../support/engine-options.js";

const KEY = new Uint8Array(32).fill(9);
/** 0.0.0.0/28: nodes 1 to 15. Node 20 is elsewhere. */
const LOW = Uint32Array.of(0, 0xfffffff0);
const ELSEWHERE = 20;

/** Nodes 1, 2 and 3, of which 1 trusts low addresses only, and one elsewhere, which knows all of them as seeds. */
function mixed(more = {}): EngineNetwork {
  const network = new EngineNetwork();
  network.add(1, { randomSeed: 1, trustedSubnets: LOW, ...more }, [2]);
  for (const node of [2, 3]) network.add(node, { randomSeed: node, ...more }, [1]);
  network.add(ELSEWHERE, { randomSeed: 4, ...more }, [1, 2, 3]);
  return network;
}

/** States of which applications were notified, other than UP. */
function troubles(network: EngineNetwork): unknown[] {
  return network.notified.filter(({ state }) => state !== UP);
}

describe("Engine: trusted subnets", () => {
  for (const [name, more] of [["", {}], [", sealed", { sealer: nodeSealing(KEY, undefined) }],
    [", in a network with a name", { network: 77 }]] as const) {
    it(`a node elsewhere is held, but never asked nor suspected, and its frames are dropped${name}`, () => {
      const network = mixed(more);
      network.run(300 * ROUND_MS);
      const first = network.engines.get(1)!;
      const slot = first.rows.find(ELSEWHERE);
      assert.ok(slot > 0, "node 1 does not hold the row");
      assert.equal(first.rows.state(slot), UP);
      assert.ok(first.rows.hasFlag(slot, FLAG_REMOTE));
      assert.deepEqual(troubles(network), []);
      assert.deepEqual(network.sent.filter(({ from, to }) => from === 1 && to === ELSEWHERE), []);
      const arrived = network.sent.filter(({ from, to }) => from === ELSEWHERE && to === 1).length;
      assert.ok(arrived > 0, "nothing was refused");
      assert.equal(first.stats.drops(DROP_UNTRUSTED), arrived);
      for (let i = 0; i < first.seeds.count; i++) assert.notEqual(first.seeds.address(i), ELSEWHERE);
      // The node elsewhere knows all as well: the others pass its rows on.
      assert.equal(network.engines.get(ELSEWHERE)!.rows.count, 4);
    });
  }

  it("a node elsewhere that crashes goes DOWN here, too, without a datagram to it", () => {
    const network = mixed();
    network.run(60 * ROUND_MS);
    network.engines.delete(ELSEWHERE);
    network.run(60 * ROUND_MS);
    const { rows } = network.engines.get(1)!;
    assert.equal(rows.state(rows.find(ELSEWHERE)), DOWN);
    network.run(200 * ROUND_MS);
    assert.deepEqual(network.sent.filter(({ from, to }) => from === 1 && to === ELSEWHERE), []);
    const ofOthers = network.notified.filter(({ id, state }) => id !== ELSEWHERE && state >= SUSPECT);
    assert.deepEqual(ofOthers, []);
  });

  it("a node that advertises an address elsewhere is heard from a trusted source, and never asked there", () => {
    const network = mixed();
    // Its datagrams arrive from address 9, which is trusted.
    const deliver = network.deliver.bind(network);
    network.deliver = (to, from, bytes) => deliver(to, from === 30 ? 9 : from, bytes);
    network.add(30, {
      id: 5000, randomSeed: 7, address: 7, advertisedAddress: 30, advertisedPort: PORT,
    }, [1, 2]);
    network.run(300 * ROUND_MS);
    const first = network.engines.get(1)!;
    const slot = first.rows.find(5000);
    assert.equal(first.rows.address(slot), 30);
    assert.equal(first.rows.state(slot), UP);
    assert.ok(first.rows.hasFlag(slot, FLAG_REMOTE));
    assert.ok(!first.rows.hasFlag(slot, FLAG_NEIGHBOUR) && !first.rows.hasFlag(slot, FLAG_PROVEN));
    assert.deepEqual(network.sent.filter(({ from, to }) => from === 1 && (to === 30 || to === 9)), []);
    assert.deepEqual(troubles(network), []);
  });

  it("broadcasts are sent although their address is in no subnet", () => {
    const network = new EngineNetwork();
    network.add(1, { trustedSubnets: LOW });
    network.run(40 * ROUND_MS);
    assert.ok(network.sent.length > 5);
    assert.ok(network.sent.every(({ to }) => to === BROADCAST_ADDRESS));
  });

  it("a published value goes to no address elsewhere", () => {
    const network = new EngineNetwork();
    network.add(1, { trustedSubnets: LOW, broadcastAddress: 0 });
    network.publish(1, [0x01], ELSEWHERE);
    network.publish(1, [0x02], 14);
    assert.deepEqual(network.sent.map(({ to }) => to), [14]);
  });

  it("an address is trusted if it has the network of one of the subnets", () => {
    const subnets = Uint32Array.of(0xc0a80000, 0xffff0000, 0x0a000001, 0xffffffff, 0x80000000, 0xc0000000);
    for (const address of [0xc0a80001, 0xc0a8ffff, 0x0a000001, 0x80000000, 0xbfffffff]) {
      assert.ok(isTrusted(subnets, address), address.toString(16));
    }
    for (const address of [0xc0a90000, 0xc0a7ffff, 0x0a000002, 0x0a000000, 0, 0x7fffffff, 0xffffffff]) {
      assert.ok(!isTrusted(subnets, address), address.toString(16));
    }
    assert.ok(isTrusted(Uint32Array.of(0, 0), 0xffffffff));
    assert.ok(isTrusted(undefined, 0xffffffff));
  });
});
