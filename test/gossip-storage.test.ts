import assert from "node:assert/strict";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import type { Engine } from "../src/engine/index.js";
import { EncodedEvent, writeStamp } from "../src/engine/feed/event.js";
import { KIND_LOG } from "../src/engine/feed/kinds.js";
import { eventFeeds } from "../src/events/index.js";
import type { GossipOptions, GossipStorage } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";
import type { GossipLog } from "../src/platform/types.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";
import { count } from "./support/random.js";

const T = 1767225600000;
const ADDRESS = "192.168.0.54";
const PEER = "192.168.0.53";
const ROUND_MS = 10000;

/** A storage whose writes can fail, and that counts them. */
class Medium implements GossipStorage {
  isFailing = false;
  revisionTries = 0;
  logTries = 0;
  /** Times at which the log was written. */
  readonly writtenAt = new Set<number>();
  readonly log: GossipLog;
  private readonly memory: MemoryStorage;

  constructor(private readonly network: FakeNetwork, private readonly records = new MemoryLog({ bytesMax: 1e6 })) {
    this.memory = new MemoryStorage(records);
    this.log = {
      recordBytesMax: records.recordBytesMax,
      read: (each) => records.read(each),
      append: (bytes, length) => this.write(() => records.append(bytes, length)),
      rewrite: (fill) => this.write(() => records.rewrite(fill)),
    };
  }

  readRevision(): number | undefined {
    return this.memory.readRevision();
  }

  writeRevision(revision: number): void {
    this.revisionTries++;
    if (this.isFailing) throw new Error("ENOSPC");
    this.memory.writeRevision(revision);
  }

  /** Flash that was replaced. */
  wipe(): void {
    this.records.rewrite(() => undefined);
    this.memory.writeRevision(0);
  }

  private write<Result>(action: () => Result): Result {
    this.logTries++;
    this.writtenAt.add(this.network.nowMs);
    if (this.isFailing) throw new Error("ENOSPC: log");
    return action();
  }
}

function start(network: FakeNetwork, address: string, options: Partial<GossipOptions>): FakeNode {
  const seedList = [address === PEER ? ADDRESS : PEER];
  const events = eventFeeds({ bytes: 16384, digest: nodeDigest });
  const node = new FakeNode(network, address, { seedList, events, roundIntervalMs: ROUND_MS, ...options });
  node.clock.physicalMs = () => T + network.nowMs;
  node.gossip.start();
  return node;
}

/** Power is lost. */
function stop(network: FakeNetwork, node: FakeNode): void {
  network.sockets.delete(node.socket.address);
  node.socket.isCut = true;
  node.clock.stop();
}

function values(node: FakeNode): unknown[] {
  return node.gossip.events().map((event) => event.value);
}

describe("A node whose storage fails while it runs", () => {
  it("tries again ever less often, reports the first failure of each kind once, and the success once", () => {
    const network = new FakeNetwork();
    const medium = new Medium(network);
    start(network, PEER, {});
    const first = start(network, ADDRESS, { storage: medium });
    network.run(60000);
    for (let i = 1; i <= 10; i++) first.gossip.log("door", i);
    first.gossip.setRevision(7);
    network.run(60000);
    stop(network, first);

    // Flash was replaced; from then on each write fails. Peers give back the feed and the revision.
    medium.wipe();
    const node = start(network, ADDRESS, { storage: medium });
    medium.isFailing = true;
    medium.revisionTries = 0;
    medium.logTries = 0;
    network.run(3600000);
    assert.ok(node.gossip.revision > 7);
    assert.equal(values(node).length, 10);
    assert.deepEqual(node.errors.sort(), [["storage", "ENOSPC"], ["storage", "ENOSPC: log"]]);
    // After 10, 20, 40 ... 640 seconds: 12 in an hour.
    for (const tries of [medium.revisionTries, medium.logTries]) assert.ok(tries > 5 && tries <= 13, `${tries} tries`);
    assert.throws(() => node.gossip.log("door", 11), /ENOSPC: log/);
    assert.equal(values(node).length, 10, "the event that was refused is not published");

    medium.isFailing = false;
    node.errors.length = 0;
    network.run(1300000);
    assert.deepEqual(node.errors.sort(), [
      ["storage", "the node's own feed is stored again after failures"],
      ["storage", "the revision is stored again after failures"],
    ]);
    assert.equal(medium.readRevision(), node.gossip.revision);
    const alone = stopAndStartAlone(network, node, medium);
    assert.equal(values(alone).length, 10);
  });

  it("stores what peers gave back before its next event, however the tries stand", () => {
    const network = new FakeNetwork();
    const medium = new Medium(network);
    start(network, PEER, {});
    const first = start(network, ADDRESS, { storage: medium });
    network.run(60000);
    for (let i = 1; i <= 10; i++) first.gossip.log("door", i);
    network.run(60000);
    stop(network, first);
    medium.wipe();
    const node = start(network, ADDRESS, { storage: medium });
    medium.isFailing = true;
    network.run(600000);
    medium.isFailing = false;
    node.errors.length = 0;
    node.gossip.log("door", 11);
    // The next input tells that the log works again; the revision waits for its own try.
    network.run(20000);
    assert.ok(node.errors.some(([, message]) => message === "the node's own feed is stored again after failures"));
    const alone = stopAndStartAlone(network, node, medium);
    assert.deepEqual(values(alone), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});

describe("A node to which a peer gives events of its own feed that it never published", function () {
  this.timeout(120_000);

  /** What a stranger may do with the row and the feed of the node at ADDRESS that its engine holds. */
  class Liar {
    private readonly engine: Engine;
    private readonly slot: number;
    private number = 0;

    constructor(private readonly network: FakeNetwork, private readonly node: FakeNode, victim: number) {
      this.engine = node.gossip.engine as Engine;
      this.slot = this.engine.rows.find(victim);
    }

    /** Goes on with the feed, or begins a later generation of it, and has its own news to tell. */
    forge(events: number, generation?: number): void {
      const { rows, feed } = this.engine;
      const outbox = feed!;
      const { feeds } = outbox;
      rows.subtractFromFeedsHash(this.slot);
      if (generation !== undefined) feeds.begin(this.slot, generation);
      for (let i = 0; i < events; i++) {
        const event = new EncodedEvent(feeds.eventBytesMax);
        assert.ok(event.begin(KIND_LOG, "t", "", 0));
        event.length = encodeCbor(this.number++, event.bytes, event.length);
        writeStamp(event.bytes, 0, T + this.network.nowMs + i, 0);
        assert.ok(feeds.append(this.slot, event.bytes, 0, event.length));
      }
      rows.addToFeedsHash(this.slot);
      outbox.refresh(this.slot, events);
      this.node.gossip.push(this.number);
      while (feeds.arena.nextUnnotified() !== 0) continue;
    }
  }

  interface Attacked {
    medium: Medium;
    node: FakeNode;
    hours: number;
  }

  function attack(generationOf: (cycle: number) => number | undefined): Attacked {
    const network = new FakeNetwork();
    const medium = new Medium(network);
    const node = start(network, ADDRESS, { storage: medium });
    const peer = start(network, PEER, {});
    network.run(60000);
    const liar = new Liar(network, peer, node.gossip.id);
    const began = network.nowMs;
    medium.revisionTries = 0;
    liar.forge(5, node.gossip.revision);
    network.run(ROUND_MS);
    for (let cycle = count(300, 120); cycle > 0; cycle--) {
      liar.forge(3, generationOf(1000 - cycle));
      network.run(ROUND_MS);
    }
    return { medium, node, hours: (network.nowMs - began) / 3600000 };
  }

  /** Writes of a kind that others can cause: 8 at once, and one in 64 rounds. */
  function bound(hours: number): number {
    return 8 + Math.ceil(hours * 3600000 / (64 * ROUND_MS));
  }

  it("writes them no more often than the bound says, and loses none of them with its next event", () => {
    const { medium, node, hours } = attack(() => undefined);
    const held = values(node);
    assert.ok(held.length > 50, `${held.length} events`);
    const stores = medium.writtenAt.size;
    assert.ok(stores >= 5 && stores <= bound(hours), `${stores} times in ${hours} hours`);
    assert.ok(medium.revisionTries <= bound(hours), `${medium.revisionTries} revisions`);
    node.gossip.log("door", "own");
    const network = new FakeNetwork();
    stop(network, node);
    const alone = start(network, ADDRESS, { storage: medium });
    assert.deepEqual(values(alone).slice(-50), [...values(node)].slice(-50));
    assert.equal(values(alone).at(-1), "own");
  });

  it("writes its log and its revision no more often when each is a later generation", () => {
    const { medium, hours } = attack((cycle) => cycle);
    const stores = medium.writtenAt.size;
    assert.ok(stores >= 5 && stores <= bound(hours), `${stores} times in ${hours} hours`);
    assert.ok(medium.revisionTries <= bound(hours), `${medium.revisionTries} revisions`);
  });
});

/** Power is lost; the node starts with its storage where no peer is. */
function stopAndStartAlone(network: FakeNetwork, node: FakeNode, medium: Medium): FakeNode {
  stop(network, node);
  return start(new FakeNetwork(), ADDRESS, { storage: medium });
}
