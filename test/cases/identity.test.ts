import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { eventFeeds } from "../../src/events/index.js";
import { type CborValue, type FeedEvent, Gossip } from "../../src/gossip.js";
import { feedKeeper } from "../../src/keeper/index.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import { type TopicMerge, topicMerge } from "../../src/views/topic-merge.js";

const EPOCH_MS = 1.7e12;
const MINUTE_MS = 60_000;
const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const ID = 700;
const NEW_ID = 5;

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
          ...platform, storage: stored, seedList: ["10.0.0.1", "10.0.0.2"], ...this.key !== undefined && { key: this.key },
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
    house.network.runFor(MINUTE_MS);
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
    assert.throws(() => gossip.start(), { code: "ERR_STORAGE", message: /the storage is that of node \d+ now; this node is 1$/ });
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
        const news = `the storage was that of node ${ID}, and is that of node ${NEW_ID} now, which publishes the events `
          + "there as copies";
        assert.deepEqual(copy.errors[0], { code: "storage", message: news });
        network.runFor(30 * MINUTE_MS);
        node.log("door", "after");
        copy.log("door", "after, of the copy");
        network.runFor(5 * MINUTE_MS);

        assert.equal(copy.storage.readId?.(), NEW_ID);
        const logs = [...Array.from({ length: 5 }, (_, i) => `before ${i}`), "after", "after, of the copy", "of the copy",
          "of the node"].sort();
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

function fakePlatform() {
  const socket = {
    bind: () => undefined, send: () => undefined, close: () => undefined, ownAddress: () => 1, deviceId: () => 1,
  };
  const clock = { nowMs: () => 0, setTimer: () => 0, clearTimer: () => undefined };
  return { socket, clock, randomSeed: 1 };
}
