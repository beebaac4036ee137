import assert from "node:assert/strict";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { eventFeeds } from "../src/events/index.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { type NetworkTime, networkTime } from "../src/time/index.js";
import { type LatestMap, latestMap } from "../src/views/latest-map.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

/*
 * Times to live where nobody knows the time of day, or not yet: they count from when a node learnt of the value.
 */
/** 2026-01-01. */
const T = 1767225600000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const ADDRESSES = ["192.168.0.53", "192.168.0.54", "192.168.0.55"];

class Board {
  readonly log = new MemoryLog();
  readonly changes: unknown[] = [];
  revision: number | undefined;
  node!: FakeNode;
  map!: LatestMap;
  knowsTime = false;

  constructor(readonly network: FakeNetwork, readonly address: string, private readonly makeTime?: () => NetworkTime) {
    this.start();
  }

  start(): void {
    const storage = {
      log: this.log,
      readRevision: () => this.revision,
      writeRevision: (revision: number) => { this.revision = revision; },
    };
    this.map = latestMap({ onChange: (_topic, _key, value) => { this.changes.push(value); } });
    const events = eventFeeds({ bytes: 8192, digest: nodeDigest, views: [this.map] });
    const time = this.makeTime?.();
    const given = { seedList: ADDRESSES, events, storage, ...time && { time } };
    this.node = new FakeNode(this.network, this.address, given);
    this.node.clock.physicalMs = () => this.knowsTime ? T + this.network.nowMs : undefined;
    this.node.gossip.start();
  }

  stop(): void {
    this.network.sockets.delete(this.node.socket.address);
    this.node.socket.isCut = true;
    this.node.clock.stop();
  }

  set(ttlMs: number): void { this.node.gossip.set("lamp", "1", "on", { ttlMs }); }
  get lamp(): unknown { return this.map.get("lamp", "1"); }
}

function boards(count: number): { network: FakeNetwork; all: Board[] } {
  const network = new FakeNetwork();
  const all = ADDRESSES.slice(0, count).map((address) => new Board(network, address));
  network.run(MINUTE);
  return { network, all };
}

const lampsOf = (all: Board[]): unknown[] => all.map(({ lamp }) => lamp);

describe("A time to live without a time of day", () => {
  it("a value ends on all nodes where no node knows the time", () => {
    const { network, all } = boards(3);
    all[0].set(10 * MINUTE);
    network.run(9 * MINUTE);
    assert.deepEqual(lampsOf(all), ["on", "on", "on"]);
    network.run(2 * MINUTE);
    assert.deepEqual(lampsOf(all), [undefined, undefined, undefined]);
    for (const { changes } of all) assert.deepEqual(changes, ["on", undefined]);
  });

  it("a value without a time to live never ends", () => {
    const { network, all } = boards(2);
    all[0].node.gossip.set("lamp", "1", "on");
    network.run(3 * HOUR);
    assert.deepEqual(lampsOf(all), ["on", "on"]);
  });

  it("a node that starts again, as after deep sleep, counts from its start", () => {
    const { network, all } = boards(2);
    const [author, other] = all;
    author.set(10 * MINUTE);
    network.run(8 * MINUTE);
    other.stop();
    other.start();
    network.run(3 * MINUTE);
    assert.deepEqual(lampsOf(all), [undefined, "on"]);
    network.run(8 * MINUTE);
    assert.deepEqual(lampsOf(all), [undefined, undefined]);
  });

  it("a node that learns of the value late counts from then", () => {
    const { network, all } = boards(2);
    all[0].set(10 * MINUTE);
    network.run(5 * MINUTE);
    const late = new Board(network, ADDRESSES[2]);
    network.run(MINUTE);
    assert.equal(late.lamp, "on");
    network.run(10 * MINUTE);
    assert.equal(late.lamp, undefined);
  });

  it("a value that was set before the author knew the time lasts as long as after that", () => {
    const { network, all } = boards(2);
    const [author, knowing] = all;
    author.set(10 * MINUTE);
    network.run(2 * MINUTE);
    knowing.knowsTime = true;
    network.run(MINUTE);
    author.knowsTime = true;
    network.run(5 * MINUTE);
    assert.deepEqual(lampsOf(all), ["on", "on"]);
    network.run(3 * MINUTE);
    assert.deepEqual(lampsOf(all), [undefined, undefined]);
    for (const { changes } of all) assert.deepEqual(changes, ["on", undefined]);
  });

  it("a node that knows the time gets such a value late, and shows it", () => {
    const { network, all } = boards(1);
    all[0].set(10 * MINUTE);
    const late = new Board(network, ADDRESSES[1]);
    late.knowsTime = true;
    network.run(5 * MINUTE);
    assert.equal(late.lamp, "on");
    network.run(6 * MINUTE);
    assert.equal(late.lamp, undefined);
  });

  it("a value ends at one time on nodes that have the time from a peer, also after a restart", () => {
    const network = new FakeNetwork();
    const source = new Board(network, ADDRESSES[0], () => networkTime({ clock: true }));
    source.knowsTime = true;
    const board = new Board(network, ADDRESSES[1], () => networkTime());
    network.run(MINUTE);
    board.set(10 * MINUTE);
    network.run(8 * MINUTE);
    assert.equal(board.node.gossip.stats().clock, "peers");
    board.stop();
    board.start();
    network.run(MINUTE);
    assert.deepEqual(lampsOf([source, board]), ["on", "on"]);
    network.run(2 * MINUTE);
    assert.deepEqual(lampsOf([source, board]), [undefined, undefined]);
  });

  it("a node that lost the time shows a value for its time, and no longer once it knows the time again", () => {
    const { network, all: [author] } = boards(1);
    author.knowsTime = true;
    network.run(MINUTE);
    author.set(10 * MINUTE);
    network.run(2 * MINUTE);
    author.stop();
    author.knowsTime = false;
    author.start();
    network.run(9 * MINUTE);
    assert.equal(author.lamp, "on");
    author.knowsTime = true;
    network.run(30 * SECOND);
    assert.equal(author.lamp, undefined);
  });
});
