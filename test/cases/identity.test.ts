import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { eventFeeds } from "../../src/events/index.js";
import { type CborValue, type FeedEvent, Gossip } from "../../src/gossip.js";
import { feedKeeper } from "../../src/keeper/index.js";
import { MemoryLog, PowerLossError } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import { type TopicMerge, topicMerge } from "../../src/views/topic-merge.js";

const EPOCH_MS = 1.7e12;
const MINUTE_MS = 60_000;
const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const ID = 700;
const NEW_ID = 5;
const NEWS = `the storage had the id ${ID}, its id is ${NEW_ID} now. Its events go on as copies of node ${NEW_ID}`;

interface Told {
  map: LatestMap;
  merge: TopicMerge<CborValue[]>;
  /** All that `onEvent` got since the start. */
  told: FeedEvent[];
}

class House {
  readonly network: SimNetwork;
  /** The views and events of each node since its last start. */
  readonly of = new Map<SimNode, Told>();
  /** The option `id` at the next start, by node. */
  readonly ids = new Map<SimNode, number>();

  constructor(seed: number, private readonly key?: string) {
    this.network = new SimNetwork({ seed });
  }

  add(storage: MemoryStorage, isKeeper = false): SimNode {
    return this.network.addNode({
      physicalStartMs: EPOCH_MS,
      startAfterMs: Infinity,
      makeStorage: () => storage,
      start: (platform, stored, node) => {
        const map = latestMap({});
        const merge = topicMerge({ topic: "+guests", merge: (all) => all.map(({ value }) => value) });
        const told: FeedEvent[] = [];
        this.of.set(node, { map, merge, told });
        const onEvent = (event: FeedEvent): void => void told.push(event);
        const events = { bytes: 16384, digest: nodeDigest, views: [map, merge], onEvent };
        const id = this.ids.get(node);
        const gossip = new Gossip({
          ...platform, storage: stored, seedList: ["10.0.0.1", "10.0.0.2"],
          ...this.key !== undefined && { key: this.key },
          ...id !== undefined && { id }, events: isKeeper ? feedKeeper(events) : eventFeeds(events),
          onError: (code, error) => node.errors.push({ code, message: error.message }),
        });
        gossip.start();
        return gossip;
      },
    });
  }

  told(node: SimNode): Told {
    const told = this.of.get(node);
    assert.ok(told);
    return told;
  }

  /** Nothing reaches a node, and nothing leaves it, while `run` runs. */
  alone(node: SimNode, run: () => void): void {
    const { cuts } = this.network.faults;
    cuts.push((from, to) => from.index === node.index || to.index === node.index);
    run();
    cuts.length = 0;
  }
}

function storage(): MemoryStorage {
  return new MemoryStorage(new MemoryLog(), new MemoryLog());
}

/** A copy of a storage, as of an SD card. */
function imageOf({ storage: from }: SimNode): MemoryStorage {
  const image = storage();
  from.log?.read((bytes, length) => image.log?.append(bytes, length));
  image.writeRevision(from.readRevision() ?? 0);
  const id = from.readId?.();
  if (id !== undefined) image.writeId(id);
  return image;
}

function logsOf(events: FeedEvent[]): unknown[] {
  return events.filter(({ kind }) => kind === "log").map(({ value }) => value).sort();
}

describe("The id of a node is in its storage", function () {
  this.timeout(600_000);

  it("a node that starts with another address keeps its id and its feed", () => {
    const house = new House(1);
    const [observer, node] = [house.add(storage()), house.add(storage())];
    observer.start();
    node.start();
    const id = node.gossip!.id;
    node.log("door", "open");
    node.set("voucher", "7", "paid");
    house.network.runFor(MINUTE_MS);
    node.restart({ keepStorage: true, address: "10.0.9.9" });
    node.remove("voucher", "7");
    node.log("door", "closed");
    house.network.runFor(3 * MINUTE_MS);
    assert.equal(node.gossip!.id, id);
    assert.deepEqual(observer.gossip!.rows().map((row) => row.id), [observer.gossip!.id, id].sort((a, b) => a - b));
    assert.equal(observer.gossip!.row(id)?.address, "10.0.9.9");
    assert.equal(observer.gossip!.frontier().length, 1);
    assert.deepEqual(logsOf(house.told(observer).told), ["closed", "open"]);
    assert.equal(house.told(observer).map.get("voucher", "7"), undefined);
  });

  it("the node refuses to start when another node used its storage after it was made", () => {
    const house = new House(1);
    const shared = storage();
    const { socket, clock, randomSeed } = fakePlatform();
    const gossip = new Gossip({ socket, clock, randomSeed, storage: shared });
    house.add(shared).start();
    const message = /the storage is that of node \d+ now; this node is 1$/;
    assert.throws(() => gossip.start(), { code: "ERR_STORAGE", message });
  });

  for (const key of [undefined, KEY]) {
    for (const observers of [0, 1, 3]) {
      const name = `${key === undefined ? "unsealed" : "sealed"}, ${observers} other nodes`;
      it(`a copied storage is told, and the copy goes on under a new id with all that both said (${name})`, () => {
        const house = new House(observers + 1, key);
        const { network } = house;
        const others = Array.from({ length: observers }, () => house.add(storage()));
        for (const other of others) other.start();
        const node = house.add(storage());
        house.ids.set(node, ID);
        node.start();
        // At its first start it does not know whether it had a storage before.
        node.restart({ keepStorage: true });
        network.runFor(MINUTE_MS);
        for (let i = 0; i < 5; i++) node.log("door", `before ${i}`);
        node.set("voucher", "1", "before");
        node.set("voucher", "2", "before");
        node.set("voucher", "3", "before");
        node.set("+guests", "hall", 1);
        network.runFor(MINUTE_MS);

        const copy = house.add(imageOf(node));
        copy.start();
        assert.equal(copy.gossip!.id, ID);
        network.runFor(10 * MINUTE_MS);
        const told = [node, copy].filter(({ errors }) => errors.some(({ code }) => code === "idConflict"));
        // Seals hide which of two nodes is later in time, and other nodes side with one of them.
        const indexes = told.map(({ index }) => index);
        if (observers > 0) assert.ok(indexes.length > 0);
        else assert.deepEqual(indexes, key === undefined ? [0, 1] : [0], "sealed: the one that started less often");
        // What the copy says now reaches nobody.
        house.alone(copy, () => {
          copy.log("door", "of the copy");
          copy.set("voucher", "1", "of the copy");
          copy.set("voucher", "4", "of the copy");
          copy.remove("voucher", "2");
          copy.set("+guests", "yard", 2);
          network.runFor(MINUTE_MS);
          node.log("door", "of the node");
          node.set("voucher", "3", "of the node");
          network.runFor(MINUTE_MS);
          copy.crash();
        });
        house.ids.set(copy, NEW_ID);
        copy.errors.length = 0;
        copy.start();
        assert.deepEqual(copy.errors[0], { code: "storage", message: NEWS });
        network.runFor(30 * MINUTE_MS);
        node.log("door", "after");
        copy.log("door", "after, of the copy");
        network.runFor(5 * MINUTE_MS);

        assert.equal(copy.storage.readId?.(), NEW_ID);
        const before = Array.from({ length: 5 }, (_, i) => `before ${i}`);
        const logs = ["after", "after, of the copy", ...before, "of the copy", "of the node"];
        for (const one of network.running) {
          const { told, map, merge } = house.told(one);
          assert.deepEqual(logsOf(one.gossip!.events()), logs, one.name);
          assert.deepEqual(logsOf(told), logs, `${one.name} was notified`);
          assert.deepEqual(["1", "2", "3", "4"].map((key) => map.get("voucher", key)),
            ["of the copy", undefined, "of the node", "of the copy"], one.name);
          assert.deepEqual([merge.get("hall"), merge.get("yard")], [[1], [2]], one.name);
          assert.deepEqual(one.gossip!.events().filter(({ author }) => author === NEW_ID).map(({ value }) => value),
            ["after, of the copy"], one.name);
        }
      });
    }
  }
});

describe("A node that takes another id with its storage", function () {
  this.timeout(600_000);

  /** Events of a node that nobody else holds, in a log. The last of the sets and removals counts. */
  function publish(house: House, stored: MemoryStorage): void {
    const node = house.add(stored);
    house.ids.set(node, ID);
    node.start();
    for (let i = 0; i < 10; i++) {
      node.log("door", i);
      node.set("voucher", String(i % 3), i);
    }
    node.set("lamp", "1", "on", 3_600_000);
    node.remove("voucher", "1");
    node.crash();
  }

  /** What the events are that count, without the feed that holds them. */
  function identities(events: FeedEvent[]): unknown[] {
    const isLast = ({ topic, key }: FeedEvent, i: number): boolean => key === undefined
      || !events.slice(i + 1).some((other) => other.topic === topic && other.key === key);
    return events.filter(isLast).map(({ author, timeMs, counter, topic, key, kind, value, ttlMs, endMs }) => {
      return [timeMs, counter, author, topic, key, kind, value, ttlMs, endMs];
    });
  }

  it("the events keep author, time and end, and no power cut loses one or makes one twice", () => {
    // First without a cut: how many bytes are written to the log.
    let [written, left] = [0, Infinity];
    const make = (): MemoryStorage => new MemoryStorage(new MemoryLog({
      tear: (length) => {
        written += length;
        const stored = Math.min(length, left);
        left -= stored;
        return stored;
      },
    }));
    let cuts = 0;
    for (let atByte = 0; ; atByte += 13) {
      const house = new House(1);
      const stored = make();
      publish(house, stored);
      const before = house.add(stored);
      house.ids.set(before, ID);
      before.start();
      const expected = identities(before.gossip!.events());
      assert.equal(expected.length, 14);
      before.crash();
      const node = house.add(stored);
      house.ids.set(node, NEW_ID);
      [written, left] = [0, atByte];
      let isCut = false;
      try {
        node.start();
      } catch (error) {
        assert.ok(error instanceof PowerLossError);
        isCut = true;
        node.crash();
      }
      left = Infinity;
      if (isCut) {
        cuts++;
        assert.equal(stored.readId(), ID, "the old id stays until all is converted");
        // Every second time without the new id.
        if (cuts % 2 === 0) {
          const old = house.add(stored);
          house.ids.set(old, ID);
          old.start();
          assert.deepEqual(identities(old.gossip!.events()), expected);
          old.crash();
        }
        node.start();
      }
      assert.deepEqual(identities(node.gossip!.events()), expected);
      assert.deepEqual([...new Set(node.gossip!.events().map(({ copiedBy }) => copiedBy))], [NEW_ID]);
      const frontier = node.gossip!.frontier();
      assert.deepEqual(frontier, [{ author: NEW_ID, generation: node.gossip!.revision, sequence: 14 }]);
      node.restart({ keepStorage: true });
      assert.deepEqual(identities(node.gossip!.events()), expected);
      assert.deepEqual(node.gossip!.frontier(), frontier, "it converts once");
      if (!isCut) break;
    }
    assert.ok(cuts > 20 && written > 500, `${cuts} cuts, ${written} bytes`);
  });

  it("the loss of power between the log and the id leaves the same events", () => {
    const house = new House(1);
    const stored = storage();
    publish(house, stored);
    const node = house.add(stored);
    house.ids.set(node, NEW_ID);
    const writeId = stored.writeId.bind(stored);
    stored.writeId = () => {
      throw new PowerLossError("no power");
    };
    assert.throws(() => node.start(), PowerLossError);
    node.crash();
    stored.writeId = writeId;
    const [first, ...more] = [ID, NEW_ID, NEW_ID, ID].map((id) => {
      const again = house.add(stored);
      house.ids.set(again, id);
      again.start();
      const events = identities(again.gossip!.events());
      again.crash();
      return events;
    });
    assert.equal(first.length, 14);
    for (const events of more) assert.deepEqual(events, first);
  });

  it("a log event is notified once, whether the copy or the original arrives first, and from two copies", () => {
    for (const order of ["copy first", "original first", "two copies"]) {
      const house = new House(1);
      const stored = storage();
      publish(house, stored);
      const observer = house.add(storage(), order === "two copies");
      observer.start();
      const original = house.add(stored);
      house.ids.set(original, ID);
      original.storage = stored;
      const copies = [NEW_ID, 9000].slice(0, order === "two copies" ? 2 : 1).map((id) => {
        const copy = house.add(imageOf(original));
        house.ids.set(copy, id);
        return copy;
      });
      const starts = order === "copy first" ? [...copies, original]
        : order === "original first" ? [original, ...copies] : [copies[1], copies[0]];
      for (const node of starts) {
        node.start();
        house.network.runFor(2 * MINUTE_MS);
        const { told, map } = house.told(observer);
        assert.deepEqual(logsOf(told), Array.from({ length: 10 }, (_, i) => i), order);
        assert.deepEqual(logsOf(observer.gossip!.events()), Array.from({ length: 10 }, (_, i) => i), order);
        assert.deepEqual(["0", "1", "2"].map((key) => map.get("voucher", key)), [9, undefined, 8], order);
      }
      if (order !== "two copies") continue;
      // The keeper has the feeds of both copies.
      for (const node of [observer, ...copies]) node.crash();
      observer.start();
      assert.deepEqual(logsOf(house.told(observer).told), Array.from({ length: 10 }, (_, i) => i));
    }
  });

  it("the keeper's feeds of others stay when the keeper takes another id", () => {
    const house = new House(1);
    const author = house.add(storage());
    const keeper = house.add(storage(), true);
    house.ids.set(keeper, ID);
    author.start();
    keeper.start();
    author.log("door", "open");
    keeper.set("lamp", "1", "on");
    house.network.runFor(2 * MINUTE_MS);
    author.crash();
    keeper.crash();
    house.ids.set(keeper, NEW_ID);
    keeper.start();
    const authors = keeper.gossip!.events().map(({ author: id, copiedBy }) => [id, copiedBy]);
    assert.deepEqual(authors, [[ID, NEW_ID], [author.gossip?.id ?? author.storage.readId?.(), undefined]]
      .sort(([one], [other]) => Number(one === ID ? NEW_ID : one) - Number(other === ID ? NEW_ID : other)));
  });

  it("the node does not start, and its log stays, when copies have no room or are too long", () => {
    for (const [options, code] of [
      [{ bytes: 512, eventBytesMax: 64 }, "ERR_NO_ROOM"], [{ eventBytesMax: 64 }, "ERR_OPTION"],
    ] as const) {
      const log = new MemoryLog();
      const stored = new MemoryStorage(log);
      const make = (id: number, more: object) => new Gossip({
        ...fakePlatform(), id, storage: stored, events: eventFeeds({ digest: nodeDigest, ...more }),
      });
      const node = make(ID, code === "ERR_OPTION" ? {} : options);
      node.start();
      const value = code === "ERR_OPTION" ? "x".repeat(50) : 1;
      let sets = 0;
      try {
        for (; sets < 20; sets++) node.set("voucher", String(sets), value);
      } catch (error) {
        assert.equal((error as { code: string }).code, "ERR_NO_ROOM");
      }
      node.close();
      const recordsOf = (): string[] => {
        const records: string[] = [];
        log.read((bytes, length) => records.push(Buffer.from(bytes.subarray(0, length)).toString("hex")));
        return records;
      };
      const before = recordsOf();
      assert.throws(() => make(NEW_ID, options).start(), { code });
      assert.deepEqual(recordsOf(), before);
      assert.equal(stored.readId(), ID);
      const bigger = make(NEW_ID, { bytes: 4096 });
      bigger.start();
      assert.equal(bigger.events().length, sets);
      bigger.close();
    }
  });
});

function fakePlatform() {
  const socket = {
    bind: () => undefined, send: () => undefined, close: () => undefined, ownAddress: () => 1, deviceId: () => 1,
  };
  const clock = { nowMs: () => 0, setTimer: () => 0, clearTimer: () => undefined };
  return { socket, clock, randomSeed: 1 };
}
