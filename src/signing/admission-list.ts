import { checkFunction, integer } from "../checks.js";
import { isCopyAt, nameStart, stampMs } from "../engine/feed/event.js";
import type { FeedStore } from "../engine/feed/feed-store.js";
import { KIND_SET } from "../engine/feed/kinds.js";
import { truncateFeed } from "../engine/feed/truncate.js";
import type { Rows } from "../engine/table/rows.js";
import { invalid } from "../errors.js";
import type { FeedEvent, FeedView } from "../views/feed-event.js";
import {
  ADMISSION_BYTES, NO_LIMIT, type SignedAdmission, compareAdmissions, isRevocation, readAdmission, signatureOf,
  signedPart,
} from "./admission.js";
import { type AuthorKeys, KEY_BYTES, type VerifySignature } from "./keys.js";

/** Topic of the events that carry admissions, "+admit": each author's value stands beside those of others. */
export const ADMISSION_TOPIC = "+admit";
const TOPIC = [0x2b, 0x61, 0x64, 0x6d, 0x69, 0x74];
/** Before the payload: head of a CBOR byte string, and its length. */
const BYTE_STRING = 0x58;
const KIND_SHIFT = 6;
const TOPIC_MASK = 0x1f;
/** Authors in a list: the default. */
const CAPACITY = 4096;
/** Bad signatures that are verified in a round, at most: a verification takes time. */
const BAD_MAX = 32;

/** Admissions that a list did not take from events, by reason. */
export interface IgnoredAdmissions {
  /** What is in the topic is no admission. */
  form: number;
  /** The owner of this network did not sign it, or for another network. */
  signature: number;
  /** A later version of that author is held. */
  old: number;
  /** The list is full. */
  full: number;
  /** It came after too many bad ones of this round, and was not verified. */
  unverified: number;
}

/** Options of `admissionList`. */
export interface AdmissionListOptions {
  /** The owner's Ed25519 public key, 32 bytes. */
  owner: Uint8Array;
  /** Verifies Ed25519 signatures, such as `nodeVerify`. */
  verify: VerifySignature;
  /** Authors that the list remembers, also revoked ones: 2 to 65,535; 4,096 by default. */
  capacity?: number;
  /** Admissions of earlier starts, or of a card that the node was given. They are verified when the node is made. */
  stored?: readonly Uint8Array[];
  /** Called for each further admission that the list takes, to store it. */
  onAdmission?: (admission: SignedAdmission) => void;
}

/**
 * The keys of the authors that an owner admits: for `keys` of `signedFeeds`, and for `views` of `eventFeeds`. It takes
 * admissions from the events of any author, also from those of a batch that is refused, since the owner's signature is
 * in each. So a node that knows only the owner's key can begin.
 */
export class AdmissionList implements AuthorKeys, FeedView {
  readonly ignored: IgnoredAdmissions = { form: 0, signature: 0, old: 0, full: 0, unverified: 0 };
  readonly endMs = Infinity;
  readonly owner: Uint8Array;
  private readonly verify: VerifySignature;
  private readonly capacity: number;
  private readonly onAdmission: ((admission: SignedAdmission) => void) | undefined;
  private readonly list: SignedAdmission[] = [];
  private stored: readonly Uint8Array[];
  private networkHash = 0;
  /** Stamp of the event that was watched last. */
  private ms = 0;
  private bad = 0;
  /** Whether a feed may be held beyond a revocation: it is looked at once a round, and after a revocation. */
  private isToSettle = true;

  /** @throws TypeError or RangeError ERR_OPTION that names the option as `admissions.NAME` */
  constructor(options: AdmissionListOptions) {
    const owner = options.owner;
    if (!(owner instanceof Uint8Array) || owner.length !== KEY_BYTES) {
      throw invalid("", "admissions.owner", `is not a Uint8Array of ${KEY_BYTES} bytes`, false);
    }
    checkFunction("admissions.verify", options.verify);
    checkFunction("admissions.onAdmission", options.onAdmission);
    this.owner = owner;
    this.verify = options.verify;
    this.capacity = integer("admissions.capacity", options.capacity, CAPACITY, 2, 65535);
    this.onAdmission = options.onAdmission;
    this.stored = options.stored ?? [];
  }

  /** Hash of the network's name, which the owner signs, too; 0: it has none. `eventFeeds` sets it. */
  get network(): number { return this.networkHash; }

  /** The admissions that count, in the order in which their authors were first admitted. */
  all(): readonly SignedAdmission[] { return this.list; }

  find(author: number): SignedAdmission | undefined {
    for (let i = 0; i < this.list.length; i++) if (this.list[i].author === author) return this.list[i];
    return undefined;
  }

  /** Takes an admission if it is of this owner and counts more than the one that is held. Returns whether it does. */
  offer(bytes: Uint8Array): boolean {
    return this.take(bytes, undefined, false);
  }

  acceptsKey(author: number): Uint8Array | undefined {
    const found = this.find(author);
    return found === undefined ? undefined : found.key;
  }

  acceptsUpTo(author: number, generation: number): number {
    const found = this.find(author);
    if (found === undefined) return 0;
    if (found.generation === NO_LIMIT) return NO_LIMIT;
    // Who has the device's key could forge an earlier generation, where nobody holds the last one.
    return generation !== found.generation || this.ms > found.untilMs ? 0 : found.sequence;
  }

  /** @internal */
  refusesBeyond(author: number, generation: number, sequence: number): boolean {
    const found = this.find(author);
    if (found === undefined || found.sequence === 0) return true;
    return found.generation === generation && sequence >= found.sequence;
  }

  /** @internal */
  start(network: number): void {
    this.networkHash = network;
    for (let i = 0; i < this.stored.length; i++) this.take(this.stored[i], undefined, true);
    this.stored = [];
  }

  /** @internal */
  giveUp(feeds: FeedStore, rows: Rows): boolean {
    if (!this.isToSettle) return false;
    this.isToSettle = false;
    let any = false;
    for (let i = 0; i < this.list.length; i++) {
      const admission = this.list[i];
      if (!isRevocation(admission)) continue;
      const slot = rows.find(admission.author);
      any = truncateFeed(feeds, rows, slot, admission.generation, admission.sequence) || any;
    }
    return any;
  }

  /** @internal */
  endRound(): void {
    this.bad = 0;
    this.isToSettle = true;
  }

  bind(): void { /* It needs no time. */ }
  apply(event: FeedEvent): void {
    // A batch may have come after too many bad ones; this one was taken in.
    if (event.topic === ADMISSION_TOPIC && event.value instanceof Uint8Array) this.take(event.value, undefined, false);
  }
  forget(): boolean { return false; }
  clear(): void { /* What the owner stated stays. */ }
  settle(): boolean { return false; }

  /** @internal */
  sawEvent(bytes: Uint8Array, at: number, length: number): void {
    this.ms = stampMs(bytes, at);
    const payload = payloadOf(bytes, at);
    if (payload === 0) return;
    const ignored = this.ignored;
    if (bytes[payload] !== BYTE_STRING || bytes[payload + 1] !== ADMISSION_BYTES
      || payload + 2 + ADMISSION_BYTES !== at + length) {
      ignored.form++;
      return;
    }
    const admission = new Uint8Array(ADMISSION_BYTES);
    for (let i = 0; i < ADMISSION_BYTES; i++) admission[i] = bytes[payload + 2 + i];
    this.take(admission, ignored, false);
  }

  /** @param ignored counts why it was not taken; undefined: nothing is counted, and there is no limit */
  private take(bytes: Uint8Array, ignored: IgnoredAdmissions | undefined, isStored: boolean): boolean {
    const offered = readAdmission(bytes);
    if (offered === undefined) return count(ignored, "form");
    const held = this.find(offered.author);
    const order = held === undefined ? 1 : compareAdmissions(offered, held);
    if (order === 0) return false;
    if (order < 0) return count(ignored, "old");
    if (held === undefined && this.list.length >= this.capacity) return count(ignored, "full");
    if (ignored !== undefined && this.bad >= BAD_MAX) return count(ignored, "unverified");
    if (!this.verify(this.owner, signedPart(bytes, this.networkHash), signatureOf(bytes))) {
      if (ignored !== undefined) this.bad++;
      return count(ignored, "signature");
    }
    if (held === undefined) this.list.push(offered);
    else this.list[this.list.indexOf(held)] = offered;
    this.isToSettle = true;
    if (!isStored && this.onAdmission !== undefined) this.onAdmission(offered);
    return true;
  }
}

function count(ignored: IgnoredAdmissions | undefined, reason: keyof IgnoredAdmissions): boolean {
  if (ignored !== undefined) ignored[reason]++;
  return false;
}

/** Where the payload begins of an event in canonical form that sets a value of the topic for ever; 0: it does not. */
function payloadOf(bytes: Uint8Array, at: number): number {
  if (bytes[at] >>> KIND_SHIFT !== KIND_SET) return 0;
  const start = nameStart(bytes, at);
  if ((isCopyAt(bytes, at) ? bytes[start - 1] : bytes[at] & TOPIC_MASK) !== TOPIC.length) return 0;
  for (let i = 0; i < TOPIC.length; i++) if (bytes[start + i] !== TOPIC[i]) return 0;
  const keyAt = start + TOPIC.length;
  return keyAt + 1 + bytes[keyAt];
}
