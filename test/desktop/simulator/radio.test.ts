import assert from "node:assert/strict";
import {
  SCENARIO_DEFAULTS, type SimMedia, SimNetwork, type SimNode, Topology, checkAgreement, findScenario, runScenario,
} from "../../../desktop/simulator/index.js";
import { isMediaAddress } from "../../../src/engine/table/media.js";
import { eventFeeds } from "../../../src/events/index.js";

const ROUND = 10000;
const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/** A network of devices with these media; each event buffer is small enough for a board. */
function networkOf(media: SimMedia[], seed: number, key?: string): { network: SimNetwork; alarms: string[] } {
  const network = new SimNetwork({ seed, radio: { lossProbability: 0.1 } });
  const alarms: string[] = [];
  media.forEach((one, index) => network.addNode({
    media: one,
    options: {
      events: eventFeeds({ bytes: 4096, eventBytesMax: 100 }),
      ...key !== undefined && { key },
      onState: ({ id, state }) => {
        if (state === "suspect" || state === "down") alarms.push(`node ${index} holds ${id} as ${state}`);
      },
    },
    startAfterMs: 300 * index,
  }));
  return { network, alarms };
}

function assertAgreed(network: SimNetwork): void {
  // What a node said of itself just now is still on its way.
  for (let round = 0; round < 12 && checkAgreement(network).length > 0; round++) network.runFor(ROUND);
  assert.deepEqual(checkAgreement(network), []);
}

/** Fails when a device sends UDP to an address of a medium. */
function watchUdp(network: SimNetwork): void {
  network.tap = (entry) => {
    if (entry.kind === "sent") assert.ok(!isMediaAddress(entry.address), `${entry.node.name} sends UDP to a radio`);
  };
}

describe("Simulated ESP-NOW", () => {
  for (const name of ["loss", "partition", "restart", "everything"]) {
    it(`20 nodes with 250-byte frames and 10 % loss agree after the scenario ${name}`, function () {
      this.timeout(60000);
      const radio = { lossProbability: 0.1 };
      const result = runScenario(findScenario(name)!, { ...SCENARIO_DEFAULTS, seed: 1, nodes: 20, radio });
      assert.deepEqual(result.violations, []);
      assert.equal(result.eventsLost, 0);
      assert.equal(result.falseDownsHealed, 0);
    });
  }

  for (const key of [undefined, KEY]) {
    const sealed = key === undefined ? "" : ", sealed";
    it(`sensors with a radio only join a UDP network by one gateway${sealed}`, function () {
      this.timeout(60000);
      const media: SimMedia[] = ["both", "udp", "udp", "udp", "radio", "radio", "radio"];
      const { network, alarms } = networkOf(media, 7, key);
      watchUdp(network);
      network.runFor(10 * ROUND);
      for (const node of network.nodes) node.push(node.index);
      network.nodes[4].set("door", "garden", "open");
      network.nodes[1].log("button", 1);
      network.runFor(10 * ROUND);
      assertAgreed(network);
      for (const node of network.nodes) {
        assert.deepEqual(node.gossip!.rows().map(({ data }) => data).sort(), [0, 1, 2, 3, 4, 5, 6], node.name);
        assert.equal(node.gossip!.frontier().length, 2, `${node.name} has the events of both authors`);
      }
      network.runFor(300 * ROUND);
      assert.deepEqual(alarms, [], "nobody is suspected in 300 rounds");
      assertAgreed(network);
      const [gateway] = network.nodes;
      assert.equal(gateway.gossip!.row(gateway.id)!.address, "10.0.0.1", "the gateway has one address everywhere");
      assert.ok(network.radio!.counts.largestBytes <= 250);
    });
  }

  it("a sensor that stops is down everywhere, and back after its restart", function () {
    this.timeout(60000);
    const { network } = networkOf(["both", "udp", "udp", "radio", "radio"], 3);
    network.runFor(20 * ROUND);
    network.nodes[4].crash();
    network.runFor(30 * ROUND);
    const stateOf = (node: SimNode): string => node.gossip!.row(network.nodes[4].id)!.state;
    assert.deepEqual(network.running.map(stateOf), ["down", "down", "down", "down"]);
    network.nodes[4].start();
    network.runFor(20 * ROUND);
    assert.deepEqual(network.running.map(stateOf), ["up", "up", "up", "up", "up"]);
  });

  it("two gateways share the sensors, and either may fail", function () {
    this.timeout(60000);
    const { network } = networkOf(["both", "both", "udp", "radio", "radio", "radio"], 11);
    watchUdp(network);
    network.runFor(30 * ROUND);
    assertAgreed(network);
    network.nodes[0].crash();
    network.runFor(40 * ROUND);
    network.nodes[3].push(33);
    network.runFor(10 * ROUND);
    assert.equal(network.nodes[2].gossip!.row(network.nodes[3].id)!.data, 33);
    assertAgreed(network);
    network.nodes[0].start();
    network.runFor(20 * ROUND);
    assertAgreed(network);
  });

  it("sensors out of reach of each other and of the gateway are reached over others", function () {
    this.timeout(60000);
    const { network, alarms } = networkOf(["both", "udp", "radio", "radio", "radio"], 5);
    // By radio, 0 - 2 - 3 - 4 is a line; by UDP 0 and 1 reach each other.
    const links = new Set(["0 1", "1 0", "0 2", "2 0", "2 3", "3 2", "3 4", "4 3"]);
    network.topology = new Topology("line", 5, (from, to) => links.has(`${from} ${to}`));
    watchUdp(network);
    network.runFor(60 * ROUND);
    network.nodes[4].push("far");
    network.runFor(20 * ROUND);
    assert.equal(network.nodes[1].gossip!.row(network.nodes[4].id)!.data, "far");
    network.runFor(200 * ROUND);
    assert.deepEqual(alarms, []);
  });

  it("stations that do not hear each other collide, and retries deliver all the same", () => {
    const { network } = networkOf(Array.from({ length: 9 }, () => "radio" as const), 2);
    network.topology = new Topology("star", 9, (from, to) => from === 0 || to === 0);
    network.runFor(10 * ROUND);
    for (let i = 0; i < 50; i++) for (const node of network.nodes) network.schedule(200 * i, () => node.push(i));
    network.runFor(10 * ROUND);
    const { collisions, retries } = network.radio!.counts;
    assert.ok(collisions > 0 && retries > 0, `${collisions} collisions, ${retries} retries`);
    assert.deepEqual(network.nodes.map((node) => node.gossip!.row(network.nodes[8].id)!.data), Array(9).fill(49));
  });
});
