import { writeU32 } from "../cbor/big-endian.js";
import { SHA256_BYTES } from "../digest/digest.js";
import { type Arena, BASE_FIRST, BASE_SECOND, FLOOR, recordWords } from "../engine/feed/arena.js";
import type { BatchData } from "../engine/feed/batches.js";
import type { Chain } from "../engine/feed/chain.js";
import { writeStamp } from "../engine/feed/event.js";
import {
  FIRST_SIGNATURE_BYTES, type FeedSigning, RUN_EVENTS_MAX, type RefusedFeed, SIGNATURE_BYTES, SIGNATURE_HEAD,
  type SignedOwn, type SignedStore, isSignatureAt,
} from "../engine/feed/feed-signing.js";
import { firstNamed, nextNamed } from "../engine/feed/names.js";
import { OWN_SLOT } from "../engine/table/rows.js";
import { SEQUENCE_MAX } from "../engine/wire/frame.js";
import {
  type AuthorKeys, type ForkProof, type Identity, KEY_BYTES, SIGNATURE_LENGTH, type VerifySignature,
} from "./keys.js";
import { signGeneration, signatureWords } from "./sign-generation.js";

/*
 * A signature is an event (PROTOCOL 10.10): it sets the empty key of the empty topic to a byte string.
 *
 * offset  bytes  field
 *      0      1  head: 0x40
 *      1      8  stamp
 *      9      1  length of the key: 0
 *     10      2  head of the byte string: 0x58, then its length, 64 or 96
 *     12     32  public key of the author, in the first signature of a generation only
 *      …     64  Ed25519 signature
 *
 * What is signed:
 *
 * offset  bytes  field
 *      0     13  "chisme feed 1"
 *     13      4  hash of the network's name; 0 without a name
 *     17     32  public key of the author
 *     49      8  stamp of the signature
 *     57   32 n  of each of the n events of the run, the whole SHA-256 of which its tip is a part
 */
const DOMAIN = "chisme feed 1";
const NETWORK_AT = 13;
const KEY_AT = 17;
const STAMP_AT = 49;
const LINKS_AT = 57;
/** A batch has 16 events, of which one is the signature. */
const LINKS_MAX = 15;
const PAYLOAD_AT = 12;
/** Bytes up to the payload, without its head. */
const NAMED_BYTES = 10;
const BYTE_STRING = 0x58;

/** Where a peer's feed begins. */
interface Base {
  author: number;
  generation: number;
  base: number;
  tipFirst: number;
  tipSecond: number;
  /** How far this node held the feed. */
  held: number;
  /** The round since which it does. */
  since: number;
}

/** Rounds in which other peers may send what is missing. */
const BASE_ROUNDS = 2;
/** Rounds after which what a peer showed is forgotten. */
const BASE_ROUNDS_MAX = 64;
/** Authors of whose forks the proof is kept. */
const FORKS_MAX = 4;
/** Authors whose bases are remembered. */
const BASES_MAX = 256;
/** What a peer sent in vain, and until when it is not asked for more of it. */
interface Refused extends RefusedFeed {
  /** The first event of the batch that was verified. */
  first: number;
  /** The round in which it was. */
  since: number;
  rounds: number;
}

/** Feeds that peers sent in vain: so many are remembered, those that were sent last. */
const REFUSED_MAX = 64;
/** Rounds in which a peer is not asked again: at first, and at most. Each time that was in vain doubles them. */
const REFUSED_ROUNDS = 8;
const REFUSED_ROUNDS_MAX = 64;
/** Events of a batch. */
const BATCH_EVENTS_MAX = 16;

/** Signs the runs of the own feed, and verifies those of others, also of the own feed as peers hold it. */
export class FeedSigner implements FeedSigning {
  private readonly identity: Identity;
  private readonly verify: VerifySignature;
  private readonly keys: AuthorKeys;
  private readonly message = new Uint8Array(LINKS_AT + LINKS_MAX * SHA256_BYTES);
  private readonly signature = new Uint8Array(SIGNATURE_LENGTH);
  /** An event with the name of signatures, for the index of records. */
  private readonly named = new Uint8Array(NAMED_BYTES);
  private author = 0;
  private generation = 0;
  private isOwn = false;
  /** How many events of the run were added, also those for which `message` has no room. */
  private links = 0;
  /** Sequence number of the first of them. */
  private first = 0;
  private hasFailed = false;
  private good = 0;
  /** The tip after it. */
  private goodFirst = 0;
  private goodSecond = 0;
  /** What was added since `beginFork`. */
  private received: Uint8Array[] | undefined;
  /** At most FORKS_MAX, one an author. */
  readonly forks: ForkProof[] = [];
  /** Whether events are missing before the batch that is verified. */
  private isBehind = false;
  base = 0;
  baseFirst = 0;
  baseSecond = 0;
  private rounds = 0;
  /** Of authors of whose feeds a part is missing, at most BASES_MAX. */
  private readonly bases: Base[] = [];
  readonly refused: Refused[] = [];
  vain = 0;

  /** @param network hash of the network's name; 0: it has none */
  constructor(identity: Identity, verify: VerifySignature, keys: AuthorKeys, network: number) {
    this.identity = identity;
    this.verify = verify;
    this.keys = keys;
    for (let i = 0; i < DOMAIN.length; i++) this.message[i] = DOMAIN.charCodeAt(i);
    this.named[0] = SIGNATURE_HEAD;
    writeU32(this.message, NETWORK_AT, network);
    if (keys.start !== undefined) keys.start(network);
  }

  begin(arena: Arena, chain: Chain, slot: number, generation: number, held: number): void {
    this.beginFeed(arena, slot, generation);
    const from = lastSignature(arena, slot, this.named) + 1;
    const floor = arena.get(slot, FLOOR);
    // What was verified before may be gone up to the end: a node that slept remembers only the place.
    if (from > held || floor === held + 1) return;
    if (from < floor) this.hasFailed = true;
    else this.addHeld(arena, chain, slot, from, held);
  }

  private beginFeed(arena: Arena, slot: number, generation: number): void {
    this.author = arena.author(slot);
    this.generation = generation;
    this.isOwn = this.author === arena.author(OWN_SLOT);
    this.links = 0;
    this.first = 0;
    this.hasFailed = false;
    this.good = 0;
    this.isBehind = false;
    this.received = undefined;
  }

  round(): void {
    if (this.keys.endRound !== undefined) this.keys.endRound();
    this.rounds++;
    for (let i = this.bases.length - 1; i >= 0; i--) {
      if (this.rounds - this.bases[i].since > BASE_ROUNDS_MAX) this.bases.splice(i, 1);
    }
    for (let i = this.refused.length - 1; i >= 0; i--) {
      if (this.rounds - this.refused[i].since > 2 * REFUSED_ROUNDS_MAX) this.refused.splice(i, 1);
    }
  }

  noteRefused(peer: number, batch: BatchData, isVerified: boolean): void {
    const known = this.findRefused(peer, batch.author);
    if (this.keys.refusesBeyond === undefined || (known === undefined && !isVerified)) return;
    const last = batch.first + batch.count - 1;
    if (known === undefined) {
      if (this.refused.length === REFUSED_MAX) this.refused.shift();
      this.refused.push({
        peer, author: batch.author, generation: batch.generation, last, tipFirst: batch.check, first: batch.first,
        since: this.rounds, rounds: REFUSED_ROUNDS,
      });
      return;
    }
    if (isVerified && this.isOver(known)) {
      known.rounds = Math.min(known.rounds * 2, REFUSED_ROUNDS_MAX);
      known.since = this.rounds;
      known.first = batch.first;
    }
    if (batch.generation < known.generation || (batch.generation === known.generation && last <= known.last)) return;
    // Of a long feed a peer sends several batches at a time.
    if (!isVerified && known.since !== this.rounds) this.isToAsk(peer, batch.author, last);
    known.generation = batch.generation;
    known.last = last;
    known.tipFirst = batch.check;
  }

  isLeft(feed: Refused, generation: number, sequence: number): boolean {
    const keys = this.keys;
    return !this.isOver(feed) && keys.refusesBeyond !== undefined
      && keys.refusesBeyond(feed.author, generation, sequence);
  }

  isToAsk(peer: number, author: number, sequence: number): boolean {
    const known = this.findRefused(peer, author);
    const isMore = known !== undefined && sequence > known.last && sequence < known.first + BATCH_EVENTS_MAX;
    if (isMore) known.since = this.rounds - known.rounds;
    return isMore;
  }

  private isOver(feed: Refused): boolean { return this.rounds - feed.since >= feed.rounds; }

  private findRefused(peer: number, author: number): Refused | undefined {
    const all = this.refused;
    for (let i = 0; i < all.length; i++) if (all[i].peer === peer && all[i].author === author) return all[i];
    return undefined;
  }

  noteBase(
    author: number, generation: number, held: number, base: number, tipFirst: number, tipSecond: number,
  ): boolean {
    const known = this.findBase(author);
    const isSame = known !== undefined && known.generation === generation && known.base === base
      && known.tipFirst === tipFirst && known.tipSecond === tipSecond && known.held === held;
    if (isSame || (known === undefined && this.bases.length === BASES_MAX)) return false;
    // Whoever shows other places does not make it wait longer.
    const since = known !== undefined && known.held === held ? known.since : this.rounds;
    this.forgetBase(author);
    this.bases.push({ author, generation, base, tipFirst, tipSecond, held, since });
    return true;
  }

  beginFork(arena: Arena, slot: number, generation: number): void {
    this.beginFeed(arena, slot, generation);
    this.received = [];
  }

  noteFork(arena: Arena, slot: number, first: number, held: number): boolean {
    const received = this.received;
    const last = this.good;
    if (received === undefined || last === 0) return false;
    const record = last > held ? 0 : arena.find(slot, last);
    // What follows the signature was changed on its way.
    if (record !== 0 && arena.tipFirst(record) === this.goodFirst && arena.tipSecond(record) === this.goodSecond) {
      return false;
    }
    if (this.forks.length < FORKS_MAX && !this.hasFork()) {
      const events: Uint8Array[] = [];
      for (let at = arena.find(slot, first); at !== 0; at = arena.next(at)) {
        if (arena.sequence(at) <= held) events.push(copyOf(arena.bytes, arena.eventAt(at), arena.eventLength(at)));
      }
      received.length = last - first + 1;
      this.forks.push({ author: this.author, generation: this.generation, first, held: events, received });
    }
    return true;
  }

  private hasFork(): boolean {
    for (let i = 0; i < this.forks.length; i++) if (this.forks[i].author === this.author) return true;
    return false;
  }

  private findBase(author: number): Base | undefined {
    for (let i = 0; i < this.bases.length; i++) if (this.bases[i].author === author) return this.bases[i];
    return undefined;
  }

  private forgetBase(author: number): void {
    const known = this.findBase(author);
    if (known !== undefined) this.bases.splice(this.bases.indexOf(known), 1);
  }

  beginBehind(arena: Arena, chain: Chain, slot: number, generation: number, held: number, first: number): boolean {
    this.beginFeed(arena, slot, generation);
    const known = this.findBase(this.author);
    if (known === undefined || known.generation !== generation || known.base + 1 !== first) return false;
    if (known.held !== held || this.rounds - known.since < BASE_ROUNDS) return false;
    this.isBehind = true;
    this.base = known.base;
    this.baseFirst = known.tipFirst;
    this.baseSecond = known.tipSecond;
    chain.begin(this.author, generation, known.tipFirst, known.tipSecond);
    return true;
  }

  private addHeld(arena: Arena, chain: Chain, slot: number, from: number, held: number): void {
    const before = from === arena.get(slot, FLOOR) ? 0 : arena.find(slot, from - 1);
    const tipFirst = before === 0 ? arena.get(slot, BASE_FIRST) : arena.tipFirst(before);
    const tipSecond = before === 0 ? arena.get(slot, BASE_SECOND) : arena.tipSecond(before);
    chain.begin(this.author, this.generation, tipFirst, tipSecond);
    let record = arena.find(slot, from);
    for (let sequence = from; sequence <= held; sequence++, record = arena.next(record)) {
      if (record === 0 || arena.sequence(record) !== sequence) {
        this.hasFailed = true;
        return;
      }
      const length = arena.eventLength(record);
      const at = arena.eventAt(record);
      for (let i = 0; i < length; i++) chain.bytes[chain.eventAt + i] = arena.bytes[at + i];
      chain.link(sequence, length);
      this.addLink(chain, sequence);
    }
  }

  add(chain: Chain, sequence: number, length: number): void {
    if (length > 0 && this.keys.sawEvent !== undefined) this.keys.sawEvent(chain.bytes, chain.eventAt, length);
    if (this.hasFailed) return;
    if (this.received !== undefined) this.received.push(copyOf(chain.bytes, chain.eventAt, Math.max(length, 0)));
    if (length < 0 || !isSignatureAt(chain.bytes, chain.eventAt)) {
      this.addLink(chain, sequence);
    } else if (this.isGood(chain, sequence, length)) {
      this.good = sequence;
      this.goodFirst = chain.first();
      this.goodSecond = chain.second();
      this.links = 0;
      if (this.isBehind) this.forgetBase(this.author);
    } else if (this.isBehind && this.good === 0) {
      // The feed may begin in the middle of a run.
      this.links = 0;
      this.base = sequence;
      this.baseFirst = chain.first();
      this.baseSecond = chain.second();
    } else {
      this.hasFailed = true;
    }
  }

  vouched(): number { return this.good; }
  runEvents(): number { return this.hasFailed || this.links > LINKS_MAX ? -1 : this.links; }

  signOwn(own: SignedOwn): void {
    const feeds = own.feeds;
    // Peers may hold the signature of what this node has not published since its start.
    if (!own.hasPublished || own.hasHole || !feeds.isComplete(OWN_SLOT)) return;
    if (this.unsigned(feeds) <= 0 || feeds.sequence(OWN_SLOT) >= SEQUENCE_MAX) return;
    if (!feeds.reserve(recordWords(FIRST_SIGNATURE_BYTES))) return;
    own.nextStampMs(own.clock.callerMs);
    const length = this.write(feeds.chain, own.hlc.ms, own.hlc.counter);
    if (length > 0) own.publishScratch(length);
  }

  isUnsignable(feeds: SignedStore): boolean {
    const count = this.unsigned(feeds);
    return (count < 0 || count >= RUN_EVENTS_MAX) && this.reserve(feeds, OWN_SLOT, OWN_SLOT);
  }

  reserve(feeds: SignedStore, slot: number, other: number): boolean {
    return feeds.reserve(signatureWords(feeds, slot) + signatureWords(feeds, other));
  }

  signGeneration(feeds: SignedStore, slot: number, generation: number): number {
    return signGeneration(feeds, slot, generation, this);
  }

  /** How many own events follow the last signature; -1: no signature can vouch for them. */
  private unsigned(feeds: SignedStore): number {
    const generation = feeds.generation(OWN_SLOT);
    this.begin(feeds.arena, feeds.chain, OWN_SLOT, generation, feeds.sequence(OWN_SLOT));
    return this.runEvents();
  }

  /**
   * Writes the signature of the run that was added to the scratch, under a stamp. Returns its bytes; 0: it cannot vouch
   * for the run. The caller goes on in the chain, and begins anew.
   */
  write(chain: Chain, ms: number, counter: number): number {
    if (this.runEvents() <= 0) return 0;
    const bytes = chain.bytes;
    const at = chain.eventAt;
    const isFirst = this.first === 1;
    const length = isFirst ? FIRST_SIGNATURE_BYTES : SIGNATURE_BYTES;
    const key = this.identity.publicKey;
    bytes[at] = SIGNATURE_HEAD;
    writeStamp(bytes, at, ms, counter);
    bytes[at + 9] = 0;
    bytes[at + 10] = BYTE_STRING;
    bytes[at + 11] = length - PAYLOAD_AT;
    if (isFirst) copy(key, 0, KEY_BYTES, bytes, at + PAYLOAD_AT);
    const signature = this.identity.sign(this.signed(chain, key));
    copy(signature, 0, SIGNATURE_LENGTH, bytes, at + length - SIGNATURE_LENGTH);
    return length;
  }

  /** Adds the SHA-256 that the chain has just made. It lies before what was hashed. */
  private addLink(chain: Chain, sequence: number): void {
    if (this.links === 0) this.first = sequence;
    if (this.links < LINKS_MAX) {
      copy(chain.bytes, chain.hashAt, SHA256_BYTES, this.message, LINKS_AT + this.links * SHA256_BYTES);
    }
    this.links++;
  }

  private isGood(chain: Chain, sequence: number, length: number): boolean {
    const bytes = chain.bytes;
    const at = chain.eventAt;
    const hasKey = length === FIRST_SIGNATURE_BYTES;
    if (this.runEvents() <= 0 || (length !== SIGNATURE_BYTES && !hasKey)) return false;
    if (bytes[at + 10] !== BYTE_STRING || bytes[at + 11] !== length - PAYLOAD_AT) return false;
    const offered = hasKey ? copyOf(bytes, at + PAYLOAD_AT, KEY_BYTES) : undefined;
    const key = this.isOwn ? this.identity.publicKey : this.keys.acceptsKey(this.author, offered);
    if (key === undefined || (offered !== undefined && !isEqual(offered, key))) return false;
    if (!this.isOwn && this.isRevoked(sequence)) return false;
    copy(bytes, at + length - SIGNATURE_LENGTH, SIGNATURE_LENGTH, this.signature, 0);
    if (!this.verify(key, this.signed(chain, key), this.signature)) return false;
    if (!this.isOwn && offered !== undefined && this.keys.proven !== undefined) this.keys.proven(this.author, key);
    return true;
  }

  private isRevoked(sequence: number): boolean {
    return this.keys.acceptsUpTo !== undefined && sequence > this.keys.acceptsUpTo(this.author, this.generation);
  }

  /** What is signed: the run, under the stamp of the signature in the scratch. */
  private signed(chain: Chain, key: Uint8Array): Uint8Array {
    copy(key, 0, KEY_BYTES, this.message, KEY_AT);
    copy(chain.bytes, chain.eventAt + 1, LINKS_AT - STAMP_AT, this.message, STAMP_AT);
    return this.message.subarray(0, LINKS_AT + this.links * SHA256_BYTES);
  }
}

/** Sequence number of the last signature that is held of a feed; 0: none. */
function lastSignature(arena: Arena, slot: number, named: Uint8Array): number {
  let last = 0;
  for (let record = firstNamed(arena, named, 0); record !== 0; record = nextNamed(arena, record, named, 0)) {
    if (arena.owner(record) === slot) last = Math.max(last, arena.sequence(record));
  }
  return last;
}

function copy(from: Uint8Array, start: number, length: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < length; i++) out[at + i] = from[start + i];
}

function copyOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  const made = new Uint8Array(length);
  copy(bytes, start, length, made, 0);
  return made;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < KEY_BYTES; i++) if (one[i] !== other[i]) return false;
  return true;
}
