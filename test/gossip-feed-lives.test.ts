import assert from "node:assert/strict";
import { type EventFeedOptions, eventFeeds } from "../src/events/index.js";
import type { GossipOptions } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";
import { count } from "./support/random.js";

/*
 * A device whose id had a former life, which its peers hold: its storage was wiped, or is an old image.
 * Its events are acknowledged once they are in its log. From then on neither peers nor losses of power may remove them.
 */
const T = 1767225600000;
const ADDRESS = "192.168.0.54";
const ID = 0xc0a80036;
const PEERS = ["192.168.0.53", "192.168.0.55"];
/** Room for a few dozens of events, and for fewer than a former life has. */
const FEED_BYTES = 4096;
const FEED_BYTES_SMALL = 768;

class Device {
  log = new MemoryLog();
  revision: number | undefined;
  node!: FakeNode;
  /** What was acknowledged, by value. */
  readonly published: number[] = [];
  /** Bytes written to the log, and revisions written, until power is lost. */
  stepsLeft = Infinity;

  constructor(private readonly network: FakeNetwork, private readonly hasClock: boolean) {}

  start(more: EventFeedOptions = {}): void {
    this.stepsLeft = Infinity;
    const storage = {
      log: this.log,
      readRevision: () => this.revision,
      writeRevision: (revision: number) => {
        if (this.tear(1) === 0) throw new Error("no power");
        this.revision = revision;
      },
    };
    const events = eventFeeds({ bytes: FEED_BYTES, eventBytesMax: 128, digest: nodeDigest, ...more });
    this.node = new FakeNode(this.network, ADDRESS, { seedList: PEERS, events, storage });
    if (this.hasClock) this.node.clock.physicalMs = () => T + this.network.nowMs;
    this.node.gossip.start();
  }

  /** Publishes values as log events; returns before all of them when power is lost. */
  publish(...values: number[]): void {
    for (const value of values) {
      try {
        this.node.gossip.log("n", value);
      } catch (error) {
        assert.equal(this.stepsLeft, -1, (error as Error).message);
        return;
      }
      this.published.push(value);
    }
  }

  crash(): void {
    this.network.sockets.delete(this.node.socket.address);
    this.node.socket.isCut = true;
    this.node.clock.stop();
  }

  wipe(): void {
    this.crash();
    this.published.length = 0;
    this.revision = undefined;
    this.log = new MemoryLog({ tear: (length) => this.tear(length) });
  }

  /** An image of the flash as it is. */
  image(): () => void {
    const { revision } = this;
    const records: Uint8Array[] = [];
    this.log.read((bytes, length) => records.push(bytes.slice(0, length)));
    return () => {
      this.crash();
      this.revision = revision;
      this.log = new MemoryLog({ tear: (length) => this.tear(length) });
      this.log.rewrite((put) => records.forEach((record) => put(record, record.length)));
    };
  }

  private tear(length: number): number {
    if (this.stepsLeft < 0) return 0;
    const kept = Math.min(length, this.stepsLeft);
    this.stepsLeft -= length;
    if (kept === length) return length;
    this.stepsLeft = -1;
    this.crash();
    return kept;
  }
}

interface Network {
  network: FakeNetwork;
  peers: FakeNode[];
  device: Device;
  /** Whether nothing gets to or from the device. */
  cut: (isCut: boolean) => void;
}

function joined(hasClock: boolean, peerBytes: number[], more: Partial<GossipOptions> = {}): Network {
  const network = new FakeNetwork();
  // In short datagrams there is room for short events only.
  const eventBytesMax = more.datagramBytesMax === undefined ? 128 : 32;
  const peers = PEERS.map((address, i) => new FakeNode(network, address, {
    seedList: PEERS, events: eventFeeds({ bytes: peerBytes[i], eventBytesMax, digest: nodeDigest }), ...more,
  }));
  for (const peer of peers) {
    if (hasClock) peer.clock.physicalMs = () => T + network.nowMs;
    peer.gossip.start();
  }
  const device = new Device(network, hasClock);
  device.start();
  network.run(30000);
  const cut = (isCut: boolean): void => {
    network.loses = (from, to) => isCut && (from === ID || to === ID);
  };
  return { network, peers, device, cut };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function heldBy({ gossip }: FakeNode): unknown[] {
  return gossip.events().filter(({ author }) => author === ID).map(({ value }) => value);
}

/** All hold the same of the device's feed, with all that it acknowledged. */
function assertHeld({ peers, device }: Network, what: string): void {
  const frontier = device.node.gossip.frontier();
  for (const node of [device.node, ...peers]) {
    const values = heldBy(node);
    const lacking = device.published.filter((value) => !values.includes(value));
    assert.deepEqual(lacking, [], `${what}: ${node.address} lacks them`);
    assert.deepEqual(node.gossip.frontier(), frontier, `${what}: ${node.address}`);
  }
  assert.deepEqual(device.node.errors, [], what);
}

/** The device holds all that it acknowledged. Its peers have no room for all of it. */
function assertOwn({ device }: Network, what: string): void {
  const values = heldBy(device.node);
  assert.deepEqual(device.published.filter((value) => !values.includes(value)), [], what);
  assert.deepEqual(device.node.errors, [], what);
}

const SMALL = [FEED_BYTES_SMALL, FEED_BYTES_SMALL];
const LARGE = [FEED_BYTES, FEED_BYTES];
/** Of a few events each. */
const SHORT_DATAGRAMS = { datagramBytesMax: 180, valueBytesMax: 16 };

/** Of the steps after which power is lost, an even number: each kind of node has those of one parity. */
const STEP = count(10, 22, 2);

describe("Gossip: a device whose peers hold a former life of it", () => {
  const FORMER: [name: string, peerBytes: number[], isLater: boolean][] = [
    ["all events of it", LARGE, false], ["only its end", SMALL, false], ["a later generation", LARGE, true],
  ];
  for (const hasClock of [true, false]) {
    for (const [name, peerBytes, isLater] of FORMER) {
      const clocks = hasClock ? "with a clock" : "without a clock";
      it(`loses no event that it publishes before they answer, ${clocks}, whenever power is lost: ${name}`, () => {
        let isDone = false;
        // With a clock after each even number of steps, without one after each odd number.
        for (let steps = hasClock ? 0 : 1; !isDone; steps += STEP) {
          const made = joined(hasClock, peerBytes);
          const { network, device, cut } = made;
          formerLife(made, isLater);
          device.wipe();
          cut(true);
          device.start();
          device.stepsLeft = steps;
          device.publish(101, 102);
          network.run(1000);
          cut(false);
          network.run(30000);
          isDone = device.stepsLeft >= 0;
          device.crash();
          device.start();
          network.run(60000);
          if (peerBytes === SMALL) assertOwn(made, `power was lost after step ${steps}`);
          else assertHeld(made, `power was lost after step ${steps}`);
          if (isDone) assert.ok(steps > 80 && device.published.length === 2, `${steps} steps`);
        }
      }).timeout(180000);
    }
  }

  function formerLife({ network, device }: Network, isLater: boolean): void {
    device.publish(...numbers(1, 30));
    network.run(30000);
    if (!isLater) return;
    device.crash();
    device.start();
    network.run(30000);
    // Back from its peers, it is gone on with in a generation of its own.
    device.wipe();
    device.start();
    network.run(30000);
    device.publish(31);
    network.run(30000);
    assert.ok(device.node.gossip.frontier()[0].generation > 0);
  }

  it("the device with an old image continues after the peers' events if they hold what the image has", () => {
    const made = joined(true, LARGE);
    const { network, device } = made;
    device.publish(1, 2, 3);
    const restore = device.image();
    device.publish(...numbers(4, 40));
    network.run(30000);
    restore();
    device.start();
    network.run(30000);
    device.publish(41);
    network.run(30000);
    assertHeld(made, "all");
    assert.deepEqual(heldBy(made.peers[0]), numbers(1, 41));
    assert.equal(device.node.gossip.frontier()[0].generation, 0);
  });

  it("the device joins what a second peer holds with what the first began to send", () => {
    const made = joined(true, [FEED_BYTES, FEED_BYTES_SMALL], SHORT_DATAGRAMS);
    const { network, peers, device } = made;
    device.publish(1, 2, 3);
    const restore = device.image();
    device.publish(...numbers(4, 100));
    network.run(30000);
    assert.ok(!heldBy(peers[1]).includes(60));
    restore();
    const [first, second] = peers.map(({ socket }) => socket.address);
    let shown = 3;
    // The first one gets one datagram with events through, and then the second one all.
    network.loses = (from, to) => {
      if (from !== ID && to !== ID) return false;
      return [from, to].includes(shown > 3 ? first : second) || (from === first && isSecondOfBurst());
    };
    let burstMs = -1;
    const isSecondOfBurst = (): boolean => {
      const isSecond = burstMs === network.nowMs;
      burstMs = network.nowMs;
      return isSecond;
    };
    device.start({ onEvent: ({ sequence }) => { shown = sequence; } });
    network.run(60000);
    const values = heldBy(device.node);
    for (const value of [1, 2, 3, 10, ...heldBy(peers[1])]) assert.ok(values.includes(value), `${values.join()}`);
    assert.ok(values.includes(100) && !values.includes(60), `${values.join()}`);
    assert.equal(device.node.gossip.frontier()[0].sequence, values.length);
  });

  it("the device accepts the peers' events if its log has no event but the end of its feed", () => {
    const made = joined(true, SMALL);
    const { network, peers, device } = made;
    device.publish(...numbers(1, 30));
    network.run(30000);
    device.wipe();
    // Base, generation 0, sequence number 3, a tip, nothing erased.
    device.log.append(Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]), 21);
    device.start();
    network.run(60000);
    assertHeld(made, "all");
    assert.deepEqual(heldBy(device.node), heldBy(peers[0]));
    assert.deepEqual(device.node.gossip.frontier(), [{ author: ID, generation: 0, sequence: 30 }]);
  });

  it("the device stores the events that the peers give back once they are complete", () => {
    const { network, device } = joined(true, LARGE, SHORT_DATAGRAMS);
    device.publish(...numbers(1, 90));
    network.run(30000);
    device.wipe();
    const held: number[] = [];
    const append = device.log.append.bind(device.log);
    device.log.append = (bytes, length) => {
      held.push(device.node.gossip.frontier()[0].sequence);
      return append(bytes, length);
    };
    const taken: number[] = [];
    device.start({ onEvent: ({ sequence }) => taken.push(sequence) });
    network.run(30000);
    assert.deepEqual(taken, numbers(1, 90));
    assert.deepEqual(held, numbers(1, 90).map(() => 90));
  });

  it("the device begins a generation with what its old image has and what peers hold", () => {
    const made = joined(true, SMALL);
    const { network, device } = made;
    device.publish(1, 2, 3);
    const restore = device.image();
    device.publish(...numbers(4, 40));
    network.run(30000);
    assert.ok(!heldBy(made.peers[0]).includes(4));
    const held = heldBy(made.peers[0]);
    restore();
    device.start();
    network.run(30000);
    assert.deepEqual(heldBy(device.node), [1, 2, 3, ...held]);
    assert.deepEqual(made.peers[0].gossip.frontier(), device.node.gossip.frontier());
    assert.equal(device.node.gossip.frontier()[0].generation, device.node.gossip.revision);
  });
});
