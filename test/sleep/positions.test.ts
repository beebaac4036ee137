import assert from "node:assert/strict";
import { SimNetwork, SimSleeper, type SimNode, type SimNodeOptions } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";
import { Gossip } from "../../src/gossip.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { sleeping } from "../../src/sleep/index.js";

const SLEEP_SECONDS = 900;
const AWAKE = 4;

/** Nodes that are awake and log events, and one in deep sleep that shows them. */
class FeedNetwork {
  readonly sim: SimNetwork;
  readonly awake: SimNode[] = [];
  readonly node: SimNode;
  readonly sleeper: SimSleeper;
  /** Values of the events that the sleeper's application was notified of. */
  readonly got: number[] = [];
  writes = 0;

  constructor(loss = 0, keptBytesMax = 4096, keepFeeds = true) {
    this.sim = new SimNetwork({ seed: 31 });
    this.sim.faults.lossProbability = loss;
    const seedList = ["10.0.0.1", "10.0.0.2"];
    for (let i = 0; i < AWAKE; i++) this.awake.push(this.sim.addNode({ start: starter(seedList) }));
    const onEvent = ({ value }: { value: unknown }): void => { this.got.push(Number(value)); };
    this.sleeper = new SimSleeper({
      sleepSeconds: SLEEP_SECONDS, firstSleepMs: 120000, value: () => 7, options: { seedList },
      makeOptions: () => ({ events: eventFeeds({ onEvent }) }), sleep: { keptBytesMax, keepFeeds },
    });
    this.node = this.sim.addNode({
      start: this.sleeper.start,
      makeStorage: () => {
        const storage = new MemoryStorage();
        return {
          readRevision: () => storage.readRevision(),
          writeRevision: (revision) => {
            this.writes++;
            storage.writeRevision(revision);
          },
        };
      },
    });
    this.sim.runFor(5000);
    for (let i = 0; i < 20; i++) this.awake[i % AWAKE].log("reading", i);
    this.sim.runFor(115000 + (2 * SLEEP_SECONDS + 60) * 1000);
    assert.equal(this.sleeper.wakings, 3);
    this.writes = 0;
  }

  /** One waking. Returns its datagrams, bytes, and how many frames the sleeper sent. */
  waking(): { datagrams: number; bytes: number; trips: number } {
    const { datagrams, bytes, wakings } = this.sleeper;
    let trips = 0;
    this.sim.tap = ({ kind, node }) => { if (kind === "sent" && node === this.node) trips++; };
    this.sim.runFor(SLEEP_SECONDS * 1000 + 5000);
    this.sim.tap = undefined;
    assert.equal(this.sleeper.wakings, wakings + 1);
    return { datagrams: this.sleeper.datagrams - datagrams, bytes: this.sleeper.bytes - bytes, trips };
  }
}

function starter(seedList: string[]): NonNullable<SimNodeOptions["start"]> {
  return (platform, storage) => {
    const gossip = new Gossip({ ...platform, storage, seedList, events: eventFeeds() });
    gossip.start();
    return gossip;
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe("positions of feeds over a deep sleep", () => {
  it("a waking brings new events only, once each, in two round trips, and writes nothing", () => {
    const network = new FeedNetwork();
    assert.deepEqual([...network.got].sort((a, b) => a - b), range(0, 20), "what was logged before");
    const nothing = network.waking();
    assert.deepEqual([nothing.datagrams, nothing.trips, network.got.length], [2, 1, 20]);
    assert.ok(nothing.bytes <= 100, `${nothing.bytes} bytes`);
    for (let i = 20; i < 40; i++) network.awake[i % AWAKE].log("reading", i);
    const events = network.waking();
    assert.deepEqual([...network.got].sort((a, b) => a - b), range(0, 40));
    assert.ok(events.trips <= 2, `${events.trips} round trips`);
    assert.equal(network.waking().trips, 1);
    assert.equal(network.got.length, 40);
    assert.equal(network.writes, 0);
  });

  it("without keepFeeds each waking brings all events", () => {
    const network = new FeedNetwork(0, 4096, false);
    network.got.length = 0;
    network.waking();
    assert.deepEqual([...network.got].sort((a, b) => a - b), range(0, 20));
  });

  it("with room for some positions only, the feeds without one come anew, and nothing is lost", () => {
    // 28 bytes, 4 rows of 20 and a value of 1 byte each at most, and 2 positions.
    const network = new FeedNetwork(0, 28 + 4 * 20 + 2 * 20);
    network.got.length = 0;
    network.awake[0].log("reading", 20);
    network.waking();
    assert.ok(network.got.includes(20));
    assert.ok(network.got.length < 21, `${network.got.length} events`);
  });

  it("a node that lost its events gets them from a holder, not from a sleeper's position", () => {
    const network = new FeedNetwork();
    // All start again without a log; the authors hold nothing. Only node 4, new, and the sleeper remain in the end.
    const late = network.sim.addNode({ start: starter(["10.0.0.1"]) });
    network.sim.runFor(60000);
    assert.equal(late.gossip!.events().length, 20);
    network.waking();
    late.restart({ keepStorage: false });
    network.sim.runFor(60000);
    assert.equal(late.gossip!.events().length, 20, "the sleeper's claims end nobody's search");
  });

  it("an author's new generation reaches the sleeper, though it had a position in the old one", () => {
    const network = new FeedNetwork();
    const author = network.awake[1];
    author.restart({ keepStorage: false });
    network.sim.runFor(200000);
    author.log("reading", 100);
    network.waking();
    network.waking();
    assert.ok(network.got.includes(100));
    const frontier = author.gossip!.frontier().find((entry) => entry.author === author.id);
    assert.ok(frontier !== undefined && frontier.generation > 0);
  });

  it("a node that wakes up to stay holds all events again", () => {
    const network = new FeedNetwork();
    network.sleeper.stop();
    network.sim.runFor(1000);
    network.node.start();
    network.sim.runFor(60000);
    assert.equal(network.node.gossip!.events().length, 20);
    assert.equal(network.node.gossip!.row(network.node.id)!.state, "up");
  });

  it("20 % loss: every event in the end, none twice in a waking's run", () => {
    const network = new FeedNetwork(0.2);
    for (let i = 20; i < 60; i++) {
      network.awake[i % AWAKE].log("reading", i);
      if (i % 10 === 0) network.sim.runFor(SLEEP_SECONDS * 1000);
    }
    network.sim.runFor(5 * SLEEP_SECONDS * 1000);
    assert.deepEqual([...new Set(network.got)].sort((a, b) => a - b), range(0, 60));
    assert.equal(network.got.length, 60, "once each");
  });

  it("refuses a keepFeeds that is no boolean", () => {
    assert.throws(() => sleeping({ keepFeeds: 1 as never }), { name: "TypeError", message: /sleep.keepFeeds/ });
  });
});
