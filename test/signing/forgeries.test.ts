import assert from "node:assert/strict";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import type { Engine } from "../../src/engine/index.js";
import { EncodedEvent, stampMs, writeStamp } from "../../src/engine/feed/event.js";
import type { FeedStore } from "../../src/engine/feed/feed-store.js";
import { isSignatureAt } from "../../src/engine/feed/feed-signing.js";
import { KIND_SET } from "../../src/engine/feed/kinds.js";
import { eventFeeds } from "../../src/events/index.js";
import type { FeedEvent, GossipOptions } from "../../src/gossip.js";
import { FeedSigner } from "../../src/signing/feed-signer.js";
import { type AuthorKeys, type SignedFeeds, signedFeeds } from "../../src/signing/index.js";
import { FakeNetwork, FakeNode } from "../support/fake-platform.js";

const AUTHOR = 0xc0a80035;
const GENERATION = 4;
const KEYS = new Map([AUTHOR, AUTHOR + 1, AUTHOR + 2].map((id) => [id, identityOf(id).publicKey]));
const LISTED: AuthorKeys = { acceptsKey: (author) => KEYS.get(author) };

function identityOf(id: number): ReturnType<typeof nodeIdentity> {
  return nodeIdentity(new Uint8Array(32).fill(id & 255));
}

/** What an attacker with the network's key reaches: its own memory, from which its node sends. */
class Attacker {
  readonly feeds: FeedStore;
  private readonly engine: Engine;

  constructor(readonly node: FakeNode) {
    this.engine = (node.gossip as unknown as { engine: Engine }).engine;
    assert.ok(this.engine.feed !== undefined);
    this.feeds = this.engine.feed.feeds;
  }

  get slot(): number {
    return this.engine.rows.find(AUTHOR);
  }

  /** The last events of the author ride along with its row. */
  tell(events: number): void {
    this.engine.feed!.refresh(this.slot, events);
  }

  /** Changes what this node holds of the author's feed. */
  change(how: (feeds: FeedStore, slot: number) => void): void {
    const { rows } = this.engine;
    rows.subtractFromFeedsHash(this.slot);
    how(this.feeds, this.slot);
    rows.addToFeedsHash(this.slot);
  }
}

/** A set in canonical form. */
function setOf(key: string, value: string, ms: number): Uint8Array {
  const event = new EncodedEvent(128);
  event.begin(KIND_SET, "door", key, 0);
  event.length = encodeCbor(value, event.bytes, event.length);
  writeStamp(event.bytes, 0, ms, 0);
  return event.bytes.slice(0, event.length);
}

function append(feeds: FeedStore, slot: number, event: Uint8Array): void {
  assert.ok(feeds.reserve(64));
  assert.ok(feeds.append(slot, event, 0, event.length));
}

function lastMs(feeds: FeedStore, slot: number): number {
  const last = feeds.arena.last(slot);
  return last === 0 ? 1 : stampMs(feeds.arena.bytes, feeds.arena.eventAt(last));
}

/** Signs what the feed has behind its last signature, by some key. */
function sign(feeds: FeedStore, slot: number, id: number): void {
  const signer = new FeedSigner(identityOf(id), nodeVerify, LISTED, 0);
  const { arena, chain } = feeds;
  signer.begin(arena, chain, slot, feeds.generation(slot), feeds.sequence(slot));
  const length = signer.write(chain, lastMs(feeds, slot) + 1, 0);
  assert.ok(length > 0);
  append(feeds, slot, arena.bytes.slice(chain.eventAt, chain.eventAt + length));
}

/** The events of a feed that are held, in canonical form. */
function eventsOf({ arena }: FeedStore, slot: number): Uint8Array[] {
  const held: Uint8Array[] = [];
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const at = arena.eventAt(record);
    held.push(arena.bytes.slice(at, at + arena.eventLength(record)));
  }
  return held;
}

/** Replaces the last run by another one, signed by a key. */
function fork(feeds: FeedStore, slot: number, id: number): void {
  const held = eventsOf(feeds, slot);
  feeds.begin(slot, GENERATION);
  for (const event of held.slice(0, 2)) append(feeds, slot, event);
  append(feeds, slot, setOf("front", "open", lastMs(feeds, slot) + 2));
  sign(feeds, slot, id);
}

interface Scene {
  signing: SignedFeeds;
  network: FakeNetwork;
  author: FakeNode;
  victim: FakeNode;
  attacker: Attacker;
  events: FeedEvent[];
}

/** An author that has set two doors, a node that verifies, and one without keys that the network trusts. */
function scene(): Scene {
  const network = new FakeNetwork();
  const events: FeedEvent[] = [];
  const signing = signedFeeds({ identity: identityOf(AUTHOR + 1), verify: nodeVerify, keys: LISTED });
  const node = (last: number, isSigning: boolean, onEvent?: (event: FeedEvent) => void): FakeNode => {
    const id = AUTHOR - 53 + last;
    const own = signedFeeds({ identity: identityOf(id), verify: nodeVerify, keys: LISTED });
    const signed = isSigning ? { signing: onEvent === undefined ? own : signing } : {};
    const feeds = { bytes: 8192, digest: nodeDigest, ...onEvent ? { onEvent } : {}, ...signed };
    const options: Partial<GossipOptions> = { events: eventFeeds(feeds) };
    const made = new FakeNode(network, `192.168.0.${last}`, { seedList: ["192.168.0.53"], ...options });
    made.storage.revision = GENERATION - 1;
    made.gossip.start();
    return made;
  };
  const author = node(53, true);
  const victim = node(54, true, (event) => events.push(event));
  const attacker = new Attacker(node(55, false));
  network.run(60000);
  author.gossip.set("door", "front", "closed");
  author.gossip.set("door", "back", "closed");
  network.run(60000);
  assert.deepEqual(doors(victim), { front: "closed", back: "closed" });
  assert.equal(attacker.feeds.sequence(attacker.slot), 4);
  return { network, author, victim, attacker, events, signing };
}

function doors({ gossip }: FakeNode): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { author, key, value } of gossip.events()) if (author === AUTHOR) found[key ?? ""] = value;
  return found;
}

const UNCHANGED = { front: "closed", back: "closed" };

/** Runs the network, first while the author is away, then with it, and finds nothing changed. */
function assertHarmless({ network, author, victim, attacker, events }: Scene): void {
  const away = author.socket.address;
  const before = victim.gossip.frontier().find((entry) => entry.author === AUTHOR);
  network.loses = (from, to) => from === away || to === away;
  network.run(900000);
  assert.deepEqual(doors(victim), UNCHANGED);
  network.loses = () => false;
  network.run(300000);
  assert.deepEqual(doors(victim), UNCHANGED);
  assert.deepEqual(victim.gossip.frontier().find((entry) => entry.author === AUTHOR), before);
  assert.ok(events.filter((event) => event.author === AUTHOR).every(({ value }) => value === "closed"));
  assert.ok(victim.gossip.frontier().every(({ sequence }) => sequence > 0));
  // The author goes on, and everybody that verifies follows.
  author.gossip.set("door", "front", "opened by its author");
  network.run(120000);
  assert.equal(doors(victim).front, "opened by its author");
  assert.ok(attacker.feeds.sequence(attacker.slot) > 0);
}

describe("a holder of the network's key, without the author's", () => {
  it("can't extend another's feed without a signature", () => {
    const made = scene();
    made.attacker.change((feeds, slot) => append(feeds, slot, setOf("front", "open", lastMs(feeds, slot) + 2)));
    assertHarmless(made);
    assert.ok(made.victim.gossip.stats().drops.signature > 0);
  });

  it("can't extend another's feed with a signature by a key of its own", () => {
    const made = scene();
    made.attacker.change((feeds, slot) => {
      append(feeds, slot, setOf("front", "open", lastMs(feeds, slot) + 2));
      sign(feeds, slot, AUTHOR + 2);
    });
    assertHarmless(made);
    assert.ok(made.victim.gossip.stats().drops.signature > 0);
  });

  it("can't begin a new generation of another's feed, signed or not", () => {
    for (const isSigned of [false, true]) {
      const made = scene();
      made.attacker.change((feeds, slot) => {
        feeds.begin(slot, GENERATION + 1);
        append(feeds, slot, setOf("front", "open", 1767225600000));
        if (isSigned) sign(feeds, slot, AUTHOR + 2);
      });
      assertHarmless(made);
    }
  });

  it("can't change an event of a signed run, or move a signature to another run", () => {
    for (const part of ["event", "signature"]) {
      const made = scene();
      made.author.gossip.close();
      const { attacker, network, victim } = made;
      // The victim gets the feed anew.
      victim.gossip.close();
      attacker.change((feeds, slot) => {
        const { arena } = feeds;
        const held: Uint8Array[] = [];
        for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
          const at = arena.eventAt(record);
          held.push(arena.bytes.slice(at, at + arena.eventLength(record)));
        }
        assert.deepEqual(held.map((event) => isSignatureAt(event, 0)), [false, true, false, true]);
        if (part === "event") held[0][held[0].length - 1] ^= 1;
        else held[1].set(held[3].subarray(-64), held[1].length - 64);
        feeds.begin(slot, GENERATION);
        for (const event of held) append(feeds, slot, event);
      });
      const again = victimAnew(network);
      network.run(600000);
      assert.deepEqual(doors(again), {});
      assert.ok(again.gossip.stats().drops.signature > 0, part);
    }
  });

  it("can't change the stamp of a signature, which others' events follow", () => {
    const made = scene();
    made.victim.gossip.close();
    made.author.gossip.close();
    made.attacker.change((feeds, slot) => {
      const held = eventsOf(feeds, slot);
      writeStamp(held[3], 0, stampMs(held[3], 0) + 2, 0);
      feeds.begin(slot, GENERATION);
      for (const event of held) append(feeds, slot, event);
    });
    const again = victimAnew(made.network);
    made.network.run(600000);
    assert.deepEqual(doors(again), { front: "closed" });
  });

  it("can't take a feed back to an earlier place, nor cut it off", () => {
    const made = scene();
    made.attacker.change((feeds, slot) => {
      const held = eventsOf(feeds, slot);
      feeds.begin(slot, GENERATION);
      for (const event of held.slice(0, 2)) append(feeds, slot, event);
    });
    assertHarmless(made);
  });

  it("can't show values of another in a snapshot to a node that joins", () => {
    const made = scene();
    made.victim.gossip.close();
    made.author.gossip.close();
    made.attacker.change((feeds, slot) => {
      // All that the attacker has is below its floor, and one event is above it.
      feeds.begin(slot, GENERATION);
      for (let i = 0; i < 6; i++) append(feeds, slot, setOf(`k${i}`, "open", 1767225600000 + i));
      const base = feeds.sequence(slot);
      feeds.advanceSnapshot(slot, base, base);
      feeds.endSnapshot(slot, base, 1, 1, 0);
      append(feeds, slot, setOf("front", "open", 1767225700000));
    });
    const again = victimAnew(made.network);
    made.network.run(900000);
    assert.deepEqual(doors(again), {});
  });

  it("can't have a fork reported that the author did not make", () => {
    const made = scene();
    const { attacker, network, victim, signing } = made;
    attacker.change((feeds, slot) => fork(feeds, slot, AUTHOR + 2));
    attacker.tell(2);
    network.run(15000);
    assert.ok(victim.gossip.stats().drops.signature > 0);
    assert.equal(victim.gossip.stats().drops.fork, 0);
    assert.deepEqual(signing.forks(), []);
    assert.deepEqual(doors(victim), UNCHANGED);
  });

  it("can't have its device take the place of another by the same id", () => {
    const made = scene();
    const { network, author, victim, events } = made;
    author.gossip.close();
    network.run(20000);
    const signing = signedFeeds({ identity: identityOf(AUTHOR + 2), verify: nodeVerify, keys: LISTED });
    const thief = new FakeNode(network, "192.168.0.53", {
      seedList: ["192.168.0.54"], events: eventFeeds({ bytes: 8192, digest: nodeDigest, signing }),
    });
    thief.storage.revision = 90;
    thief.gossip.start();
    network.run(60000);
    thief.gossip.set("door", "front", "open");
    network.run(900000);
    assert.deepEqual(doors(victim), UNCHANGED);
    assert.ok(events.every(({ value }) => value === "closed"));
  });
});

describe("an author that signs two runs under the same numbers", () => {
  it("is proven to by both, once", () => {
    const { attacker, network, victim, signing } = scene();
    for (let i = 0; i < 2; i++) {
      attacker.change((feeds, slot) => fork(feeds, slot, AUTHOR));
      attacker.tell(2);
      network.run(15000);
    }
    const [proof] = signing.forks();
    assert.deepEqual([proof.author, proof.generation, proof.first], [AUTHOR, GENERATION, 3]);
    assert.deepEqual([proof.held.length, proof.received.length], [2, 2]);
    assert.ok(Buffer.from(proof.held[0]).includes("closed"));
    assert.ok(Buffer.from(proof.received[0]).includes("open"));
    assert.ok([proof.held[1], proof.received[1]].every((event) => isSignatureAt(event, 0)));
    assert.equal(signing.forks().length, 1);
    assert.equal(victim.errors.filter(([code]) => code === "fork").length, 1);
  });
});

/** The victim after a loss of all that it held. */
function victimAnew(network: FakeNetwork): FakeNode {
  const signing = signedFeeds({ identity: identityOf(AUTHOR + 1), verify: nodeVerify, keys: LISTED });
  const node = new FakeNode(network, "192.168.0.54", {
    seedList: ["192.168.0.55"], events: eventFeeds({ bytes: 8192, digest: nodeDigest, signing }),
  });
  node.storage.revision = 40;
  node.gossip.start();
  return node;
}
