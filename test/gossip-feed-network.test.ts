import assert from "node:assert/strict";
import { eventFeeds } from "../src/events/index.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import type { FeedEvent } from "../src/gossip.js";
import { latestMap } from "../src/views/latest-map.js";
import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";
import { count } from "./support/random.js";

const ROUND_MS = 10000;
const NODES = 5;
const SEEDS = count(30, 3, 100);
/** Steps of a few seconds, each with a publish, a crash or a start. */
const STEPS = 60;

/** One device: what outlives its crashes, and the node that runs on it, if one does. */
class Device {
  readonly log = new MemoryLog();
  view = latestMap();
  revision: number | undefined;
  node: FakeNode | undefined;
  /** What this run of the node told, by author and generation. */
  told = new Map<string, number[]>();
  said = 0;

  constructor(private readonly network: FakeNetwork, readonly address: string, private readonly seed: number) {}

  start(): void {
    this.told = new Map();
    this.view = latestMap();
    this.node = new FakeNode(this.network, this.address, {
      events: eventFeeds({
        bytes: 65536, digest: nodeDigest, views: [this.view], onEvent: (event) => this.hear(event),
      }),
      seedList: ["192.168.0.53", "192.168.0.54"], roundIntervalMs: ROUND_MS,
      randomSeed: this.seed + (this.revision ?? 0),
      storage: {
        log: this.log, readRevision: () => this.revision, writeRevision: (revision) => { this.revision = revision; },
      },
    });
    this.node.gossip.start();
  }

  /** Power is lost: nothing is said any more. */
  crash(): void {
    this.network.sockets.delete(this.node!.socket.address);
    this.node!.clock.stop();
    this.node = undefined;
  }

  private hear({ author, generation, sequence, value }: FeedEvent): void {
    const name = `${author}/${generation}`;
    const told = this.told.get(name) ?? [];
    this.told.set(name, told);
    assert.ok(told.length === 0 || sequence > told[told.length - 1], `${this.address}: ${name} ${sequence}`);
    assert.notEqual(value, undefined);
    told.push(sequence);
  }
}

function live(devices: Device[]): Device[] {
  return devices.filter(({ node }) => node !== undefined);
}

describe("a network of nodes with event logs", function () {
  this.timeout(240000);

  it(`the network loses no event, whatever datagrams are lost and nodes crash: ${SEEDS} seeds`, () => {
    const first = Number(process.env.CHISME_TEST_SEED ?? 1);
    for (let seed = first; seed < first + SEEDS; seed++) {
      const random = new SimRandom(seed, STREAM_SCENARIO);
      const network = new FakeNetwork();
      network.loses = () => random.below(100) < 20;
      const devices = Array.from({ length: NODES }, (_, i) => (
        new Device(network, `192.168.0.${53 + i}`, seed * 100 + i)
      ));
      for (const device of devices) device.start();
      for (let step = 0; step < STEPS; step++) {
        const device = devices[random.below(NODES)];
        const choice = random.below(10);
        if (device.node === undefined) device.start();
        else if (choice === 0) device.crash();
        else if (choice < 5) device.node.gossip.log("log", ++device.said);
        else device.node.gossip.set("value", `key ${random.below(3)}`, ++device.said);
        network.run(random.below(6000));
      }
      network.loses = () => false;
      for (const device of devices) if (device.node === undefined) device.start();
      network.run(15 * ROUND_MS);
      check(devices, seed);
    }
  });

  function check(devices: Device[], seed: number): void {
    const all = live(devices);
    const events = all[0].node!.gossip.events();
    const views = all[0].view.entries();
    for (const device of all) {
      const { gossip } = device.node!;
      const own = events.filter(({ author }) => author === gossip.id);
      assert.equal(own.length, device.said, `seed ${seed}: events of ${device.address}`);
      assert.deepEqual(own.map(({ value }) => value), Array.from({ length: device.said }, (_, i) => i + 1));
      assert.deepEqual(gossip.events(), events, `seed ${seed}: ${device.address}`);
      assert.deepEqual(device.view.entries(), views, `seed ${seed}: ${device.address}`);
      assert.deepEqual(device.node!.errors, [], `seed ${seed}`);
      // The numbers between them are those of ends, which no application published.
      for (const [name, told] of device.told) {
        const held = events.filter(({ author, generation }) => `${author}/${generation}` === name);
        const expected = held.map(({ sequence }) => sequence);
        assert.deepEqual(told, expected, `seed ${seed}: ${device.address} was told of all events of ${name}`);
      }
    }
  }
});
