import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { type Engine, NOTIFY_ID_CONFLICT, OWN_SLOT } from "../../src/engine/index.js";
import { TYPE_LEAVE } from "../../src/engine/wire/frame.js";
import { FLAG_PROVEN } from "../../src/engine/table/rows.js";
import { LEFT, UP } from "../../src/engine/table/states.js";
import { EngineNetwork } from "../support/engine-network.js";
import { PORT, ROUND_MS } from "../support/engine-options.js";
import { held } from "../support/engine-state.js";

const KEY = new Uint8Array(32).fill(9);
/** The address that the node behind the NAT advertises: datagrams to it are forwarded. */
const FORWARDED = 50;
/** Where its datagrams come from. Nothing that is sent there arrives. */
const NAT = 99;
/** The address that the node itself sees. */
const PRIVATE = 7;
const ID = 5000;

/** A network in which datagrams of the nodes at some addresses arrive from NAT. */
function behindNat(...addresses: number[]): EngineNetwork {
  const network = new EngineNetwork();
  const deliver = network.deliver.bind(network);
  network.deliver = (to, from, bytes) => deliver(to, addresses.includes(from) ? NAT : from, bytes);
  return network;
}

function addAdvertising(network: EngineNetwork, more = {}, address = FORWARDED, revision = 0): Engine {
  const options = { id: ID, randomSeed: 5, advertisedAddress: address, advertisedPort: PORT, ...more };
  const engine = network.add(address, { ...options, address: PRIVATE }, [1], revision);
  return engine;
}

function addressesOf(network: EngineNetwork, id: number): number[] {
  return [...network.engines.values()].map(({ rows }) => rows.address(rows.find(id)));
}

describe("Engine: a node that advertises its address", () => {
  for (const [name, key] of [["", {}], [", sealed", { sealer: nodeSealing(KEY, undefined) }],
    [", in a network with a name", { network: 77 }]] as const) {
    it(`is reached there by all, wherever its datagrams come from${name}`, () => {
      const network = behindNat(FORWARDED);
      for (const node of [1, 2, 3]) network.add(node, { randomSeed: node, ...key }, [1]);
      addAdvertising(network, key);
      network.run(10 * ROUND_MS);
      assert.deepEqual(addressesOf(network, ID), [FORWARDED, FORWARDED, FORWARDED, FORWARDED]);
      network.sent.length = 0;
      network.notified.length = 0;
      network.run(300 * ROUND_MS);
      assert.deepEqual(network.notified.filter(({ state }) => state !== UP), []);
      assert.equal(network.sent.filter(({ to }) => to === NAT).length, 0);
      assert.ok(network.sent.filter(({ to }) => to === FORWARDED).length > 100);
      for (const node of [1, 2, 3]) {
        const { rows } = network.engines.get(node)!;
        assert.ok(rows.hasFlag(rows.find(ID), FLAG_PROVEN), `proven at ${node}`);
      }
      const { rows } = network.engines.get(FORWARDED)!;
      assert.deepEqual([rows.address(OWN_SLOT), rows.port(OWN_SLOT)], [FORWARDED, PORT]);
    });

    it(`moves when it starts with another address, also under a lost revision${name}`, () => {
      for (const [revision, isRemembered] of [[8, true], [0, false]] as const) {
        const network = behindNat(FORWARDED, 60);
        for (const node of [1, 2, 3]) network.add(node, { randomSeed: node, ...key }, [1]);
        addAdvertising(network, key, FORWARDED, 7);
        network.run(10 * ROUND_MS);
        network.engines.delete(FORWARDED);
        const options = { id: ID, address: PRIVATE, advertisedAddress: 60, advertisedPort: PORT, randomSeed: 9 };
        network.add(60, { ...options, ...key }, [1], revision, isRemembered);
        network.run(10 * ROUND_MS);
        assert.deepEqual(addressesOf(network, ID), [60, 60, 60, 60]);
        assert.ok([1, 2, 3].every((node) => held(network.engines.get(node)!.rows, ID)!.state === UP));
      }
    });
  }

  it("leaves: also a LEAVE that comes twice does not move it to where the datagram came from", () => {
    const network = behindNat(FORWARDED);
    for (const node of [1, 2]) network.add(node, { randomSeed: node }, [1]);
    addAdvertising(network);
    network.run(10 * ROUND_MS);
    network.sent.length = 0;
    network.leave(FORWARDED);
    const leaves = network.sent.filter(({ bytes }) => (bytes[1] & 7) === TYPE_LEAVE);
    assert.ok(leaves.length >= 2);
    for (const { to, bytes } of leaves) network.deliver(to, NAT, bytes);
    assert.deepEqual(addressesOf(network, ID), [FORWARDED, FORWARDED]);
    assert.ok([1, 2].every((node) => held(network.engines.get(node)!.rows, ID)!.state === LEFT));
  });

  it("a node behind the NAT that does not advertise is looked for where its datagrams come from", () => {
    const network = behindNat(FORWARDED);
    network.add(1, { randomSeed: 1 }, []);
    network.add(FORWARDED, { id: ID, randomSeed: 5 }, [1]);
    network.run(2 * ROUND_MS);
    assert.ok(network.sent.some(({ to }) => to === NAT));
  });

  it("requests and gets indirect probes at its address", () => {
    const network = behindNat(FORWARDED);
    for (const node of [1, 2, 3]) network.add(node, { randomSeed: node }, [1]);
    addAdvertising(network);
    network.run(10 * ROUND_MS);
    network.lose = ({ from, to }) => (from === FORWARDED && to === 2) || (from === 2 && to === FORWARDED);
    network.notified.length = 0;
    network.run(200 * ROUND_MS);
    assert.deepEqual(network.notified.filter(({ state }) => state !== UP), []);
  });

  it("another device with its id that advertises an address, too, is told as a conflict", () => {
    const network = behindNat(FORWARDED, 60);
    for (const node of [1, 2]) network.add(node, { randomSeed: node }, [1]);
    addAdvertising(network);
    network.add(60, { id: ID, address: 8, advertisedAddress: 60, advertisedPort: PORT, randomSeed: 9 }, [1, FORWARDED]);
    network.run(200 * ROUND_MS);
    assert.ok(network.notified.some(({ address, kind }) => address === FORWARDED && kind === NOTIFY_ID_CONFLICT));
  });
});
