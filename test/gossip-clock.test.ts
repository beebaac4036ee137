import assert from "node:assert/strict";
import { type EventFeedOptions, eventFeeds } from "../src/events/index.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { type LatestMap, latestMap } from "../src/views/latest-map.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

/*
 * Wrong clocks, and boards without one (PROTOCOL 10.7). What a node publishes comes after what it showed before, and
 * one wrong clock does no harm that lasts.
 */
/** 2026-01-01. */
const T = 1767225600000;
const MINUTE = 60000;
const HOUR = 3600000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const ROUND = 10000;
const ADDRESSES = ["192.168.0.53", "192.168.0.54", "192.168.0.55"];

/** A device whose clock may be wrong. It keeps its log and its revision when it starts again. */
class Device {
  log = new MemoryLog();
  revision: number | undefined;
  node!: FakeNode;
  map!: LatestMap;

  /** @param aheadMs by how much its clock is ahead; undefined: it has no clock */
  constructor(
    readonly network: FakeNetwork, readonly address: string, public aheadMs: number | undefined,
    private readonly options: EventFeedOptions = {},
  ) {
    this.start();
  }

  start(): void {
    const storage = {
      log: this.log,
      readRevision: () => this.revision,
      writeRevision: (revision: number) => { this.revision = revision; },
    };
    this.map = latestMap({ capacity: 500 });
    const events = eventFeeds({ bytes: 16384, digest: nodeDigest, views: [this.map], ...this.options });
    this.node = new FakeNode(this.network, this.address, { seedList: ADDRESSES, events, storage });
    this.node.clock.physicalMs = () => this.aheadMs === undefined ? undefined : T + this.network.nowMs + this.aheadMs;
    this.node.gossip.start();
  }

  crash(): void {
    this.network.sockets.delete(this.node.socket.address);
    this.node.socket.isCut = true;
    this.node.clock.stop();
  }

  restart(isWiped = false): void {
    this.crash();
    if (isWiped) {
      this.log = new MemoryLog();
      this.revision = undefined;
    }
    this.start();
  }

  get gossip(): FakeNode["gossip"] { return this.node.gossip; }

  /** By how much the node's stamps are ahead of the right time. */
  stampsAhead(): number {
    return this.gossip.now().timeMs - T - this.network.nowMs;
  }

  lamp(): unknown { return this.map.get("lamp", "1"); }
}

function devices(...aheadMs: (number | undefined)[]): { network: FakeNetwork; all: Device[] } {
  const network = new FakeNetwork();
  const all = aheadMs.map((ahead, i) => new Device(network, ADDRESSES[i], ahead));
  network.run(MINUTE);
  return { network, all };
}

function assertNoErrors(all: Device[]): void {
  for (const { node } of all) assert.deepEqual(node.errors, []);
}

describe("A node writes what it read before", () => {
  const clocks: [name: string, first: number | undefined, second: number | undefined][] = [
    ["both clocks are right", 0, 0],
    ["the second clock is 30 s behind", 0, -30000],
    ["the second clock is 61 s behind", 0, -61000],
    ["the second clock is 2 h behind", 0, -2 * HOUR],
    ["the second clock is a year behind", 0, -YEAR],
    ["the second clock was never set", 0, -T],
    ["the first clock is a day ahead", DAY, 0],
    ["the first clock is 74 years ahead", 74 * YEAR, 0],
    ["the second node has no clock", 0, undefined],
    ["nobody has a clock", undefined, undefined],
  ];
  for (const [name, first, second] of clocks) {
    it(`its set and its removal win at all nodes: ${name}`, () => {
      const { network, all } = devices(first, second, 0);
      const [a, b] = all;
      for (let i = 0; i < 3; i++) {
        a.gossip.set("lamp", "1", `off ${i}`);
        network.run(30000);
        assert.deepEqual(all.map((device) => device.lamp()), Array(3).fill(`off ${i}`));
        b.gossip.set("lamp", "1", `on ${i}`);
        network.run(30000);
        assert.deepEqual(all.map((device) => device.lamp()), Array(3).fill(`on ${i}`));
      }
      b.gossip.remove("lamp", "1");
      network.run(30000);
      assert.deepEqual(all.map((device) => device.lamp()), [undefined, undefined, undefined]);
      a.gossip.set("lamp", "1", "again");
      network.run(30000);
      assert.deepEqual(all.map((device) => device.lamp()), ["again", "again", "again"]);
      assertNoErrors(all);
    });
  }

  it("now() comes after all events that are at most a day ahead of the node's clock", () => {
    for (const behind of [30000, 61000, 2 * HOUR, 23 * HOUR]) {
      const { network, all: [a, b] } = devices(0, -behind, 0);
      a.gossip.log("t", 1);
      network.run(30000);
      const [event] = b.gossip.events();
      assert.ok(b.gossip.now().timeMs > event.timeMs, `${behind} ms behind`);
    }
  });

  it("a write after a value of a wrong year keeps its record near the clock", () => {
    const { network, all } = devices(9 * YEAR, 0, 0);
    const [a, b] = all;
    a.gossip.set("lamp", "1", "wrong year");
    network.run(30000);
    b.gossip.set("lamp", "1", "after it");
    b.gossip.set("other", "1", "right");
    network.run(30000);
    const events = all[2].gossip.events().filter(({ author }) => author === b.gossip.id);
    assert.ok(events[0].timeMs > T + 9 * YEAR, "its order follows");
    assert.ok(Math.abs(events[1].timeMs - T - network.nowMs) < MINUTE, "the next name is stamped by the clock");
    assert.ok(b.stampsAhead() < MINUTE);
    assertNoErrors(all);
  });

  it("the longest event that is allowed can be written after a value of a wrong year", () => {
    const { network, all } = devices(9 * YEAR, 0, 0);
    all[0].gossip.set("lamp", "1", 0);
    network.run(30000);
    const value = "x".repeat(448 - 9 - 4 - 2 - 3);
    assert.throws(() => all[1].gossip.set("lamp", "1", `${value}x`), /takes more than 448 bytes/);
    all[1].gossip.set("lamp", "1", value);
    network.run(30000);
    assert.deepEqual(all.map((device) => device.lamp()), [value, value, value]);
    all[1].restart();
    network.run(MINUTE);
    assert.deepEqual(all.map((device) => device.lamp()), [value, value, value]);
    assertNoErrors(all);
  });
});

describe("A date that was wrong once", () => {
  for (const ahead of [YEAR, 74 * YEAR]) {
    for (const way of ["clock put right", "restart", "wiped"]) {
      it(`stays in no stamp, and later writes of others win: ${ahead / YEAR} years ahead, ${way}`, () => {
        const { network, all } = devices(0, ahead, 0);
        const [a, b] = all;
        b.gossip.set("lamp", "1", "wrong clock");
        for (let n = 0; n < 3; n++) b.gossip.log("t", n);
        network.run(30000);
        b.aheadMs = 0;
        if (way !== "clock put right") b.restart(way === "wiped");
        network.run(74 * ROUND);
        for (const device of all) assert.ok(Math.abs(device.stampsAhead()) < MINUTE, `${device.stampsAhead()}`);
        assert.deepEqual(all.map((device) => device.lamp()), Array(3).fill("wrong clock"), "nothing is undone");
        b.gossip.set("heating", "hall", "right clock");
        a.gossip.set("lamp", "1", "a");
        network.run(30000);
        assert.deepEqual(all.map((device) => device.lamp()), ["a", "a", "a"]);
        b.gossip.set("lamp", "1", "b");
        network.run(30000);
        assert.deepEqual(all.map((device) => device.lamp()), ["b", "b", "b"]);
        for (const { gossip } of all) {
          const hall = gossip.events().find(({ topic }) => topic === "heating")!;
          assert.ok(Math.abs(hall.timeMs - T - network.nowMs) < 2 * MINUTE);
          const logs = gossip.events().filter(({ topic }) => topic === "t").map(({ value }) => value);
          assert.deepEqual(logs, [0, 1, 2]);
        }
        // What the log has is what it had: the step back is stored.
        b.restart();
        network.run(MINUTE);
        assert.ok(Math.abs(b.stampsAhead()) < MINUTE);
        assert.equal(b.lamp(), "b");
        assertNoErrors(all);
      });
    }
  }

  it("a removal of a wrong year stays a removal after the step back", () => {
    const { network, all } = devices(0, YEAR, 0);
    all[0].gossip.set("lamp", "1", "on");
    network.run(30000);
    all[1].gossip.remove("lamp", "1");
    network.run(30000);
    all[1].aheadMs = 0;
    network.run(70 * ROUND);
    assert.deepEqual(all.map((device) => device.lamp()), [undefined, undefined, undefined]);
    all[0].gossip.set("lamp", "1", "again");
    network.run(30000);
    assert.deepEqual(all.map((device) => device.lamp()), ["again", "again", "again"]);
  });

  it("a clock that is wrong for less than 64 rounds begins no generation", () => {
    const { network, all: [, b] } = devices(0, 0, 0);
    b.gossip.set("lamp", "1", "on");
    const generation = (): number => b.gossip.frontier().find(({ author }) => author === b.gossip.id)!.generation;
    const before = generation();
    b.aheadMs = -YEAR;
    network.run(60 * ROUND);
    b.aheadMs = 0;
    network.run(100 * ROUND);
    assert.equal(generation(), before);
  });

  it("a full buffer loses log events, but no value, by a step back", () => {
    const network = new FakeNetwork();
    const all = [0, YEAR, 0].map((ahead, i) => new Device(network, ADDRESSES[i], ahead, { bytes: 4096 }));
    network.run(MINUTE);
    const [a, b] = all;
    for (let n = 0; n < 40; n++) b.gossip.set("v", `${n}`, n);
    for (let n = 0; n < 40; n++) b.gossip.log("t", n);
    network.run(30000);
    b.aheadMs = 0;
    network.run(70 * ROUND);
    assert.ok(Math.abs(b.stampsAhead()) < MINUTE, `${b.stampsAhead()} ms ahead`);
    for (let n = 0; n < 40; n++) assert.equal(a.map.get("v", `${n}`), n);
    for (let n = 0; n < 40; n++) assert.equal(b.map.get("v", `${n}`), n);
  });

  it("a buffer that is full of values steps back once there is room, and undoes nothing before that", () => {
    const network = new FakeNetwork();
    const all = [0, YEAR, 0].map((ahead, i) => new Device(network, ADDRESSES[i], ahead, { bytes: 4096 }));
    network.run(MINUTE);
    const b = all[1];
    let count = 0;
    assert.throws(() => {
      for (; count < 200; count++) b.gossip.set("v", `${count}`, count);
    }, { code: "ERR_NO_ROOM" });
    network.run(30000);
    b.aheadMs = 0;
    network.run(70 * ROUND);
    assert.ok(b.stampsAhead() > DAY, "there is no room for 14 bytes more in each record");
    assert.ok(b.gossip.stats().drops.arenaFull > 0, "and the node counts it");
    for (let n = 0; n < count; n++) assert.equal(b.map.get("v", `${n}`), n);
    const half = count >> 1;
    for (let n = 0; n < half; n++) b.gossip.remove("v", `${n}`);
    network.run(10 * ROUND);
    assert.ok(Math.abs(b.stampsAhead()) < MINUTE, `${b.stampsAhead()}`);
    for (let n = 0; n < count; n++) assert.equal(b.map.get("v", `${n}`), n < half ? undefined : n);
  });
});

describe("Boards without a clock", () => {
  it("a board that meets a laptop with a wrong year for two minutes does not keep this year", () => {
    for (const ahead of [74 * YEAR, -4 * YEAR]) {
      const { network, all } = devices(undefined, ahead, 0);
      const [board, laptop, right] = all;
      for (let n = 0; n < 6; n++) {
        laptop.gossip.log("t", n);
        network.run(20000);
      }
      laptop.crash();
      right.gossip.log("t", 1);
      network.run(30000);
      right.gossip.log("t", 2);
      network.run(140 * ROUND);
      assert.equal(board.gossip.stats().clock, "peers");
      assert.ok(Math.abs(board.stampsAhead()) < MINUTE, `${board.stampsAhead()}`);
      board.gossip.log("t", 3);
      const [event] = board.gossip.events().filter(({ author }) => author === board.gossip.id);
      assert.ok(Math.abs(event.timeMs - T - network.nowMs) < MINUTE);
    }
  });

  it("a board that took a wrong year comes back, with what it published", () => {
    const { network, all } = devices(undefined, 74 * YEAR, 0);
    const [board, laptop, right] = all;
    for (let n = 0; n < 3; n++) {
      laptop.gossip.log("t", n);
      network.run(20000);
    }
    network.run(70 * ROUND);
    board.gossip.set("lamp", "1", "board");
    network.run(30000);
    assert.ok(board.stampsAhead() > 73 * YEAR, "it took the year of the only clock that it saw");
    laptop.crash();
    for (let n = 0; n < 3; n++) {
      right.gossip.log("t", n);
      network.run(20000);
    }
    network.run(160 * ROUND);
    assert.ok(Math.abs(board.stampsAhead()) < MINUTE, `${board.stampsAhead()}`);
    assert.deepEqual([board, right].map((device) => device.lamp()), ["board", "board"]);
    right.gossip.set("lamp", "1", "right");
    network.run(30000);
    assert.deepEqual([board, right].map((device) => device.lamp()), ["right", "right"]);
  });

  it("a board that starts again in a quiet network takes a held stamp as the least possible time", () => {
    const { network, all } = devices(undefined, 0, undefined);
    const [board, laptop] = all;
    laptop.gossip.set("a", "b", 1);
    network.run(HOUR);
    board.restart();
    network.run(MINUTE);
    assert.equal(board.gossip.stats().clock, "none");
    network.run(70 * ROUND);
    assert.equal(board.gossip.stats().clock, "peers");
    const late = -board.stampsAhead();
    assert.ok(late > HOUR - MINUTE && late < HOUR + 2 * MINUTE, `${late}`);
  });
});

describe("A time to live and a wrong clock that was put right", () => {
  for (const wrong of [74 * YEAR, -4 * YEAR]) {
    it(`a node that was wrong by ${wrong / YEAR} years shows a value until its time is over, like all others`, () => {
      const { network, all } = devices(0, wrong, 0);
      all[0].gossip.set("lamp", "1", "on", { ttlMs: 2 * HOUR });
      network.run(10 * MINUTE);
      all[1].aheadMs = 0;
      network.run(30 * MINUTE);
      assert.deepEqual(all.map((device) => device.lamp()), ["on", "on", "on"]);
      network.run(2 * HOUR);
      assert.deepEqual(all.map((device) => device.lamp()), [undefined, undefined, undefined]);
    });
  }

  it("a value that was set with a wrong year lives for its time after the step back", () => {
    const { network, all } = devices(0, 74 * YEAR, 0);
    all[1].gossip.set("lamp", "1", "on", { ttlMs: HOUR });
    network.run(MINUTE);
    all[1].aheadMs = 0;
    network.run(70 * ROUND);
    assert.deepEqual(all.map((device) => device.lamp()), ["on", "on", "on"]);
    network.run(HOUR + MINUTE);
    assert.deepEqual(all.map((device) => device.lamp()), [undefined, undefined, undefined]);
  });
});
