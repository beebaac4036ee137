import assert from "node:assert/strict";
import { FLAG_NEIGHBOUR, FLAG_REMOTE, OWN_SLOT } from "../../src/engine/table/rows.js";
import { type Media, isMediaAddress, mediaAddress } from "../../src/engine/table/media.js";
import { UP } from "../../src/engine/table/states.js";
import { EngineNetwork } from "../support/engine-network.js";
import { ROUND_MS } from "../support/engine-options.js";

const SENSOR = mediaAddress(9);
const GATEWAY = 1;
const LINE_BYTES = 150;

/** The media of a node with a line, and of one that reaches some addresses only. */
function lineMedia(hasUdp: boolean, reached: number[]): Media {
  return {
    hasUdp,
    lines: 0,
    bytesMaxLeast: LINE_BYTES,
    setOwnAddress: () => undefined,
    reaches: (address) => reached.includes(address) || (hasUdp && !isMediaAddress(address)),
    bytesMax: (address) => reached.includes(address) ? LINE_BYTES : 1472,
  };
}

/** A gateway, a sensor behind it, and many nodes with UDP; they know each other by seeds. */
function gatewayNetwork(nodes: number): EngineNetwork {
  const network = new EngineNetwork();
  network.add(GATEWAY, { randomSeed: 1, capacity: 256, media: lineMedia(true, [SENSOR]) }, [2]);
  for (let node = 2; node <= nodes; node++) network.add(node, { randomSeed: node, capacity: 256 }, [GATEWAY]);
  const media = lineMedia(false, [GATEWAY]);
  network.add(SENSOR, { id: 9000, randomSeed: 99, capacity: 256, media, broadcastAddress: 0 }, [GATEWAY]);
  return network;
}

describe("Engine: media", () => {
  it("the sensor and the gateway are neighbours; for all others it is out of reach, and UP for 400 rounds", () => {
    const network = gatewayNetwork(6);
    network.run(400 * ROUND_MS);
    for (const [address, engine] of network.engines) {
      const { rows } = engine;
      assert.equal(rows.count, 7, String(address));
      if (address === SENSOR) continue;
      const slot = rows.find(9000);
      assert.deepEqual([rows.state(slot), rows.address(slot)], [UP, SENSOR]);
      const isGateway = address === GATEWAY;
      assert.deepEqual([rows.hasFlag(slot, FLAG_NEIGHBOUR), rows.hasFlag(slot, FLAG_REMOTE)], [isGateway, !isGateway]);
      for (let i = 0; i < engine.seeds.count; i++) assert.ok(isGateway || engine.seeds.address(i) !== SENSOR);
    }
    assert.deepEqual(network.notified.filter(({ state }) => state !== UP), []);
    const { sent } = network;
    assert.deepEqual(sent.filter(({ from, to }) => to === SENSOR && from !== GATEWAY), []);
    assert.deepEqual(sent.filter(({ from, to }) => from === SENSOR && to !== GATEWAY), []);
  });

  it("each datagram is at most as long as its way allows, and 100 rows arrive over a short one", () => {
    const network = gatewayNetwork(100);
    network.run(40 * ROUND_MS);
    const most = (from: number, isOnLine: boolean): number => Math.max(...network.sent
      .filter((sent) => sent.from === from && (sent.to === SENSOR) === isOnLine).map(({ bytes }) => bytes.length));
    assert.ok(most(GATEWAY, true) <= LINE_BYTES && most(GATEWAY, true) > LINE_BYTES - 30, String(most(GATEWAY, true)));
    assert.ok(most(GATEWAY, false) > 2 * LINE_BYTES, String(most(GATEWAY, false)));
    assert.ok(network.sent.every(({ from, bytes }) => from !== SENSOR || bytes.length <= LINE_BYTES));
    const [gateway, sensor] = [GATEWAY, SENSOR].map((address) => network.engines.get(address)!.rows);
    assert.equal(sensor.count, 101);
    assert.deepEqual(sensor.tableHash, gateway.tableHash);
  });

  it("peers do not make a gateway take over an address of a medium, and do not change that of a sensor", () => {
    for (const [hasUdp, shown, own] of [[true, SENSOR, GATEWAY], [true, 77, 77], [false, 77, GATEWAY]] as const) {
      const network = new EngineNetwork();
      network.add(GATEWAY, { media: lineMedia(hasUdp, [2]) }, []);
      network.add(2, {}, [GATEWAY]);
      network.run(3 * ROUND_MS);
      const { rows } = network.engines.get(GATEWAY)!;
      const peer = network.engines.get(2)!.rows;
      peer.setAddress(peer.find(GATEWAY), shown, 5000);
      peer.markUrgentUpdate(peer.find(GATEWAY));
      network.lose = ({ from }) => from === GATEWAY;
      network.run(9 * ROUND_MS);
      assert.equal(rows.address(OWN_SLOT), own, `${hasUdp} ${shown}`);
    }
  });
});
