import assert from "node:assert/strict";
import fc from "fast-check";
import { FILE_HEADER, FileLog } from "../../desktop/platform/file-log.js";
import { SimRandom } from "../../desktop/simulator/random.js";
import { recordWords } from "../../src/engine/feed/arena.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import type { GossipLog } from "../../src/platform/types.js";
import { T, bytesOf, hex, logEvent, removeEvent, setEvent, tipAfter, wordsHex } from "../engine/feed/feed-support.js";
import { FakeFiles, NoPower } from "../support/fake-files.js";
import { count, propertyOptions } from "../support/random.js";
import { type HeldFeed, KeeperNode, nameOf } from "./keeper-support.js";

const PATH = "/state/feeds";
const FEED_BYTES = 3072;
/** Room for less than what is published between two losses of power. */
const FEED_BYTES_SMALL = 1280;
const AUTHORS = [11, 12, 13];

/** What authors published, and a keeper that follows it. Power is lost now and then. */
class World {
  readonly fake = new FakeFiles();
  node: KeeperNode;
  /** What the log has for certain. */
  stored = new Map<number, HeldFeed>();
  private readonly random: SimRandom;
  /** By author, generation and sequence number. */
  private readonly tips = new Map<string, string>();
  private readonly events = new Map<string, string>();
  private readonly generations = new Map<number, number>();
  private arriving: { author: number; base: number } | undefined;
  private n = 0;
  /** How often the log had to be rewritten. */
  filled = 0;

  /** @param log in place of one in files */
  constructor(seed: number, private readonly feedBytes: number, log?: GossipLog) {
    this.random = new SimRandom(seed, 1);
    this.node = new KeeperNode(log ?? new FileLog(PATH, { files: this.fake.files }), feedBytes);
  }

  step(): void {
    const { random, node } = this;
    const author = random.pick(AUTHORS);
    if (this.arriving !== undefined && random.chance(0.5)) {
      this.endSnapshot(this.arriving);
    } else if (this.arriving?.author !== author) {
      const draw = random.below(100);
      if (draw < 70) this.publish(author);
      else if (draw < 75) this.begin(author);
      else if (draw < 80 && this.arriving === undefined) this.beginSnapshot(author);
      else if (draw < 82) this.remove(author);
      else if (draw < 92) this.fillGap(author);
    }
    if (!random.chance(0.3)) return;
    node.store();
    this.note();
  }

  /** Power is lost: whatever of the last write is on the disk, the keeper finds all that it had stored. */
  restart(): void {
    const before = this.node.all();
    this.fake.restart(this.random);
    this.node = new KeeperNode(new FileLog(PATH, { files: this.fake.files }), this.feedBytes);
    const found = this.node.all();
    for (const [author, feed] of found) this.check(author, feed, before.get(author));
    for (const author of this.stored.keys()) assert.ok(found.has(author) || !before.has(author), `${author} is lost`);
    for (const author of found.keys()) assert.ok(this.stored.has(author) || before.has(author), `${author} is back`);
    this.arriving = undefined;
    this.note();
  }

  /** Whether what a node holds of a feed was published, and leads to its tip. */
  checkTrue(author: number, feed: HeldFeed): void {
    const { generation, sequence, floor, events } = feed;
    for (const [number, bytes] of events) {
      assert.equal(bytes, this.events.get(`${author} ${generation} ${number}`), `event ${number} of ${author}`);
    }
    if (!feed.isComplete || sequence === 0) return;
    assert.equal(feed.tip, this.tips.get(`${author} ${generation} ${sequence}`), `tip of ${author}`);
    for (let number = floor; number <= sequence; number++) assert.ok(events.has(number), `${number} of ${author}`);
  }

  private check(author: number, feed: HeldFeed, before: HeldFeed | undefined): void {
    const stored = this.stored.get(author);
    this.checkTrue(author, feed);
    if (stored === undefined || feed.generation > stored.generation) {
      assert.ok(before !== undefined && feed.generation === before.generation);
      return;
    }
    assert.equal(feed.generation, stored.generation, `generation of ${author}`);
    assert.ok(feed.isComplete && feed.sequence >= stored.sequence, `sequence number of ${author}`);
    const isBefore = before?.generation === feed.generation && before.sequence === feed.sequence && before.isComplete;
    for (const [name, number] of isBefore ? before.live : stored.live) {
      const isEnded = !isBefore && this.isEnded(author, feed, name, number);
      if (!isEnded) assert.equal(feed.live.get(name), number, `${name} of ${author}`);
    }
  }

  /** Whether a later event of the feed has the same name. */
  private isEnded(author: number, { generation, sequence }: HeldFeed, name: string, after: number): boolean {
    for (let number = after + 1; number <= sequence; number++) {
      const bytes = this.events.get(`${author} ${generation} ${number}`);
      if (bytes !== undefined && nameOf(Buffer.from(bytes, "hex")) === name) return true;
    }
    return false;
  }

  private note(): void {
    this.stored = new Map([...this.node.all()].filter(([author, feed]) => {
      return feed.isComplete || this.stored.has(author);
    }).map(([author, feed]) => [author, feed.isComplete ? feed : this.stored.get(author) as HeldFeed]));
  }

  private publish(author: number): void {
    const { node, random } = this;
    const n = ++this.n;
    const key = `k${random.below(6)}`;
    const draw = random.below(10);
    const plain = draw < 6 ? setEvent(key, n) : draw < 8 ? logEvent(n) : removeEvent(key, n);
    if (node.append(author, plain)) this.remember(author, hex(bytesOf(plain)));
  }

  private remember(author: number, event: string): void {
    const { generation, sequence, tip } = this.node.held(author);
    this.events.set(`${author} ${generation} ${sequence}`, event);
    this.tips.set(`${author} ${generation} ${sequence}`, tip);
    this.generations.set(author, Math.max(generation, this.generations.get(author) ?? 0));
  }

  /** The author begins another generation. */
  private begin(author: number): void {
    const generation = (this.generations.get(author) ?? 0) + 1;
    this.generations.set(author, generation);
    this.node.feeds.begin(this.node.slotOf(author), generation);
    for (let i = this.random.between(1, 3); i > 0; i--) this.publish(author);
  }

  /** A snapshot of the feed begins to arrive. */
  private beginSnapshot(author: number): void {
    const { feeds } = this.node;
    const slot = this.node.slotOf(author);
    const base = feeds.sequence(slot) + 10;
    feeds.enterSnapshot(slot);
    feeds.startOver(slot);
    for (let i = 0; i < 3; i++) {
      const bytes = bytesOf(setEvent(`s${i}`, ++this.n));
      const sequence = base - 5 + i;
      if (!feeds.reserve(recordWords(bytes.length))) continue;
      feeds.copyToScratch(bytes, 0, bytes.length);
      if (!feeds.store(slot, sequence, 0, 0, bytes.length)) continue;
      this.events.set(`${author} ${feeds.generation(slot)} ${sequence}`, hex(bytes));
    }
    feeds.advanceSnapshot(slot, base - 3, base);
    this.node.notify();
    this.arriving = { author, base };
  }

  private endSnapshot({ author, base }: { author: number; base: number }): void {
    const { feeds } = this.node;
    const slot = this.node.slotOf(author);
    const tip = [this.random.next(), this.random.next() | 1];
    feeds.markUncertain(slot, 0, base - 5);
    feeds.endSnapshot(slot, base, tip[0], tip[1] >>> 0, base - 6);
    this.node.notify();
    this.tips.set(`${author} ${feeds.generation(slot)} ${base}`, wordsHex(tip[0], tip[1] >>> 0));
    this.arriving = undefined;
  }

  /** Others give back the event below the floor, if they can. The log is rewritten then. */
  private fillGap(author: number): void {
    const { feeds, rows } = this.node;
    const slot = rows.find(author);
    const sequence = slot < 0 ? 0 : feeds.floor(slot) - 1;
    const [event, tip, before] = [[this.events, 0], [this.tips, 0], [this.tips, 1]].map(([map, back]) => (
      (map as Map<string, string>).get(`${author} ${feeds.generation(slot)} ${sequence - (back as number)}`)
    ));
    if (sequence < 2 || !feeds.isComplete(slot) || event === undefined || tip === undefined) return;
    const bytes = Buffer.from(event, "hex");
    if (before === undefined || feeds.arena.room() < recordWords(bytes.length)) return;
    // Others may remember an end of the feed that the author lost and replaced.
    const proven = tipAfter(author, feeds.generation(slot), sequence, Buffer.from(before, "hex"), bytes);
    const held = wordsHex(feeds.tipFirstAt(slot, sequence), feeds.tipSecondAt(slot, sequence));
    if (hex(proven) !== tip || tip !== held) return;
    feeds.lowerFloor(slot, sequence, parseInt(before.slice(0, 8), 16), parseInt(before.slice(8), 16));
    feeds.copyToScratch(bytes, 0, bytes.length);
    feeds.store(slot, sequence, parseInt(tip.slice(0, 8), 16), parseInt(tip.slice(8), 16), bytes.length);
    this.node.notify();
    this.filled++;
  }

  private remove(author: number): void {
    const slot = this.node.rows.find(author);
    if (slot < 0) return;
    this.node.rows.remove(slot);
    this.node.notify();
    if (!this.stored.has(author)) return;
    // Until the next write the log may still have it.
    this.generations.set(author, (this.generations.get(author) ?? 0) + 1);
    this.begin(author);
  }
}

/** Runs steps, and loses power after so many bytes and operations of the files, again and again. */
function runWithCuts(seed: number, stepCount: number, cuts: readonly number[]): { used: number; filled: number } {
  const world = new World(seed, FEED_BYTES_SMALL);
  let done = 0;
  let used = 0;
  for (const cut of [...cuts, 1e9]) {
    world.fake.stepsLeft = cut;
    try {
      for (; done < stepCount; done++) world.step();
    } catch (error) {
      if (!(error instanceof NoPower)) throw error;
    }
    used += cut - Math.max(0, world.fake.stepsLeft);
    world.restart();
  }
  return { used, filled: world.filled };
}

/** A keeper of 30 events of three authors, and the bytes of its log. */
function filled(): { world: World; whole: () => Uint8Array } {
  const log = new MemoryLog({ bytesMax: 1 << 20 });
  const world = new World(5, FEED_BYTES, log);
  for (let i = 0; i < 30; i++) {
    const author = AUTHORS[i % 3];
    const plain = i % 5 === 4 ? removeEvent(`k${i - 3}`, i) : i % 7 === 3 ? logEvent(i) : setEvent(`k${i}`, i);
    assert.ok(world.node.append(author, plain));
    world["remember"](author, hex(bytesOf(plain)));
    world.node.store();
  }
  return { world, whole: () => contentOf(log) };
}

/** The bytes of a log as those of a file. */
function contentOf(log: MemoryLog): Uint8Array {
  return Uint8Array.from([...Buffer.from(FILE_HEADER), ...log["stored"].subarray(0, log["end"])]);
}

/** A keeper that starts with a file of these bytes. */
function restored(bytes: Uint8Array): { node: KeeperNode; fake: FakeFiles } {
  const fake = new FakeFiles();
  fake.put(PATH, bytes);
  return { node: new KeeperNode(new FileLog(PATH, { files: fake.files }), FEED_BYTES), fake };
}

function eventsOf(node: KeeperNode): number {
  return [...node.all().values()].reduce((sum, { events }) => sum + events.size, 0);
}

/** With it the log is rewritten four times. */
const SEED = 3;

describe("FeedKeeper", () => {
  it("finds all that it stored, wherever power is lost", () => {
    const { used, filled } = runWithCuts(SEED, 70, []);
    const step = count(11, 31, 1);
    for (let cut = 0; cut < used; cut += step) runWithCuts(SEED, 70, [cut]);
    assert.ok(used > 2500 && filled > 1, `${used} bytes and operations, ${filled} rewrites`);
  }).timeout(300000);

  it("finds all that it stored when power is lost several times", () => {
    const cutsOf = fc.array(fc.integer({ min: 0, max: 20000 }), { maxLength: 4 });
    fc.assert(fc.property(fc.integer(), cutsOf, (seed, cuts) => {
      runWithCuts(seed, 200, cuts);
    }), propertyOptions(count(100, 100, 200)));
  }).timeout(300000);

  it("loses no more than one record when a bit flips, and claims no tip of which it lacks an event", () => {
    const { world, whole: content } = filled();
    const whole = content();
    const all = eventsOf(world.node);
    assert.equal(all, 30);
    const step = count(11, 37, 1);
    for (let bit = 0; bit < whole.length * 8; bit += step) {
      const bytes = Uint8Array.from(whole);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      const { node } = restored(bytes);
      for (const [author, feed] of node.all()) world.checkTrue(author, feed);
      assert.ok(eventsOf(node) >= all - 1, `bit ${bit}: ${eventsOf(node)} events`);
      const damage = node.store(0);
      if (node.log.damagedRecords !== 0) assert.match(damage, /^the log of feeds is damaged: records: 1, bytes: \d+, /);
    }
  }).timeout(300000);

  it("loses no more than a kilobyte of a rewritten log when a bit flips", () => {
    const { world, whole: content } = filled();
    for (let i = 0; i < 1500; i++) {
      const plain = setEvent("often", 100 + i);
      assert.ok(world.node.append(AUTHORS[0], plain));
      world["remember"](AUTHORS[0], hex(bytesOf(plain)));
      world.node.store();
    }
    const all = world.node.all();
    const whole = content();
    assert.ok(whole.length < 65536 + 4 * FEED_BYTES, `${whole.length} bytes: it was rewritten`);
    const step = count(101, 3001);
    for (let bit = 0; bit < whole.length * 8; bit += step) {
      const bytes = Uint8Array.from(whole);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      const { node } = restored(bytes);
      let lost = 0;
      for (const author of AUTHORS) {
        const feed = node.held(author);
        world.checkTrue(author, feed);
        const { live, events } = all.get(author) as HeldFeed;
        for (const [name, number] of live) {
          if (feed.live.get(name) !== number) lost += (events.get(number) as string).length / 2;
        }
      }
      assert.ok(lost <= 1024, `bit ${bit}: ${lost} bytes`);
    }
  }).timeout(300000);

  it("fills a hole of its log from peers, and then in the log", () => {
    const { world, whole } = filled();
    const bytes = whole();
    bytes[Math.floor(bytes.length / 2)] ^= 0x10;
    const { node, fake } = restored(bytes);
    const [author] = AUTHORS.filter((id) => node.held(id).sequence < world.node.held(id).sequence);
    const whole2 = world.node.held(author);
    const slot = node.slotOf(author);
    assert.ok(node.held(author).events.size >= whole2.events.size - 1, "what lies behind the hole is held");
    for (let number = node.held(author).sequence + 1; number <= whole2.sequence; number++) {
      const event = Buffer.from(whole2.events.get(number) ?? "", "hex");
      assert.ok(node.feeds.reserve(recordWords(event.length)));
      assert.ok(node.feeds.append(slot, event, 0, event.length));
    }
    node.notify();
    assert.deepEqual(node.held(author), whole2);
    node.store();
    fake.restart(new SimRandom(1, 1));
    const again = new KeeperNode(new FileLog(PATH, { files: fake.files }), FEED_BYTES);
    assert.deepEqual(again.held(author).tip, whole2.tip);
    assert.deepEqual(again.held(author).live, whole2.live);
  });

  it("holds a log to twice what the event buffer holds, however many events pass", () => {
    const log = new MemoryLog({ bytesMax: 1 << 20 });
    const world = new World(9, FEED_BYTES, log);
    let most = 0;
    for (let i = 0; i < 6000; i++) {
      assert.ok(world.node.append(AUTHORS[i % 3], i % 2 === 0 ? setEvent(`k${i % 10}`, i) : logEvent(i, T + i * 1000)));
      if (i % 4 === 0) world.node.store();
      most = Math.max(most, log["end"]);
    }
    assert.ok(most > 65536 && most < 65536 + 2.5 * FEED_BYTES, `${most}`);
  });

  it("stores at most once a second, and what waits in time", () => {
    const { node } = new World(3, FEED_BYTES);
    assert.equal(node.keeper.delayMs(), -1);
    node.append(11, setEvent("a", 1));
    node.store(0);
    node.append(11, setEvent("a", 2));
    node.store(0);
    assert.equal(node.keeper.delayMs(), 1000);
    node.store(999);
    assert.equal(node.keeper.delayMs(), 1);
    node.store(1);
    assert.equal(node.keeper.delayMs(), -1);
  });
});
