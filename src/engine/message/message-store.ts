import { readU32, writeU32 } from "../../cbor/big-endian.js";
import { orderKey } from "../table/hash.js";
import { SEAL_BYTES } from "../wire/sealer.js";
import {
  AT_FROM, AT_KIND, AT_LEFT, AT_NUMBER, AT_TO, AT_TRY_HOPS, BUSY, COUNTERS, DEADLINE, ENDED, FLIGHT, FLIGHTS,
  HEAD_BYTES, HELD, LENGTH, MESSAGE_WORDS, OPEN, OUTCOME_DELIVERED, OUTCOME_REFUSED, QUERY_BYTES, STATE, TRY_SHIFT,
} from "./message.js";

/** Words of what is known of a sender: its id and highest number, which of the 32 up to it arrived or were refused. */
const SENDER_WORDS = 5;
const SENDER_ID = 0;
const SENDER_HIGHEST = 1;
/** Bit n: the message with the number SENDER_HIGHEST - n arrived. */
const SENDER_ARRIVED = 2;
const SENDER_REFUSED = 3;
/** Engine time until which messages of the sender may be under way; 0: the entry is free. */
const SENDER_UNTIL = 4;
const WINDOW = 32;
/** A number further away is of another start of its sender. */
const SAME_START = 0x8000;
/** A datagram may be under way for so long, in ms. */
const SLACK_MS = 5000;

// Words behind the tables.
/** Messages of others since ROUND_AT, engine time. */
const RELAYED = COUNTERS;
const ROUND_AT = COUNTERS + 1;
const REST_WORDS = COUNTERS + 2;

/** A message of a sender is new, arrived before, or there is no room to remember it. */
export const IS_NEW = 0;
export const IS_KNOWN = 1;
export const NO_PLACE = 2;

/** How much a node holds of messages. */
export interface StoreSizes {
  /** Messages at one time. */
  count: number;
  /** Longest payload as the application writes it, in bytes. */
  bytesMax: number;
  /** Senders that are remembered. */
  senders: number;
}

/** The messages that a node holds, and what it remembers of senders, in two arrays over one buffer. */
export class MessageStore {
  /** Places for messages. */
  readonly count: number;
  /** Longest payload as the application writes it. */
  readonly bytesMax: number;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** Bytes of a message at its longest, with what the seal adds. */
  readonly messageBytes: number;
  /** The scratch from its kind on, for a sealer; undefined in a network that is not sealed. */
  readonly view: Uint8Array | undefined;
  private readonly senders: number;
  private readonly rowBytes: number;

  constructor(sizes: StoreSizes, rowCapacity: number, isSealed: boolean) {
    const count = sizes.count;
    const bytesMax = sizes.bytesMax;
    const senders = sizes.senders;
    this.count = count;
    this.bytesMax = bytesMax;
    this.senders = senders;
    this.messageBytes = HEAD_BYTES + QUERY_BYTES + bytesMax + (isSealed ? SEAL_BYTES : 0);
    this.rowBytes = (rowCapacity + 7) >>> 3;
    const words = count * MESSAGE_WORDS + senders * SENDER_WORDS + REST_WORDS;
    // One message more: scratch.
    const bytes = (count + 1) * this.messageBytes + count * this.rowBytes;
    const buffer = new ArrayBuffer(words * 4 + bytes);
    this.words = new Uint32Array(buffer, 0, words);
    this.bytes = new Uint8Array(buffer, words * 4);
    this.view = isSealed ? new Uint8Array(buffer, words * 4 + this.scratch() + AT_KIND, this.messageBytes - AT_KIND)
      : undefined;
  }

  get(place: number, word: number): number { return this.words[place * MESSAGE_WORDS + word]; }
  set(place: number, word: number, value: number): void { this.words[place * MESSAGE_WORDS + word] = value; }
  has(place: number, bits: number): boolean { return (this.get(place, STATE) & bits) !== 0; }
  setBits(place: number, bits: number): void { this.words[place * MESSAGE_WORDS + STATE] |= bits; }
  clearBits(place: number, bits: number): void { this.words[place * MESSAGE_WORDS + STATE] &= ~bits; }

  /** Where a message begins in `bytes`. */
  at(place: number): number { return place * this.messageBytes; }
  kind(place: number): number { return this.bytes[this.at(place) + AT_KIND]; }
  tryHops(place: number): number { return this.bytes[this.at(place) + AT_TRY_HOPS]; }
  tryOf(place: number): number { return this.tryHops(place) >>> TRY_SHIFT; }
  to(place: number): number { return readU32(this.bytes, this.at(place) + AT_TO); }
  from(place: number): number { return readU32(this.bytes, this.at(place) + AT_FROM); }
  number(place: number): number { return readU32(this.bytes, this.at(place) + AT_NUMBER); }
  length(place: number): number { return this.get(place, LENGTH) & 0xffff; }
  /** Slot of the row of the neighbour that it came from; 0: it is this node's own. */
  cameFrom(place: number): number { return this.get(place, LENGTH) >>> 16; }
  setLength(place: number, length: number): void {
    this.set(place, LENGTH, ((this.get(place, LENGTH) & 0xffff0000) | length) >>> 0);
  }
  /** The message is this node's own from now on. */
  adopt(place: number): void { this.set(place, LENGTH, this.length(place)); }

  /** Slot of a neighbour that the message is on the way to; 0: none. @param index below FLIGHTS */
  flight(place: number, index: number): number {
    return (this.get(place, FLIGHT + (index >> 1)) >>> ((index & 1) << 4)) & 0xffff;
  }

  setFlight(place: number, index: number, slot: number): void {
    const word = FLIGHT + (index >> 1);
    const shift = (index & 1) << 4;
    this.set(place, word, ((this.get(place, word) & ~(0xffff << shift)) | (slot << shift)) >>> 0);
  }

  /** The index of the flight to a neighbour; -1: none. */
  flightTo(place: number, slot: number): number {
    for (let i = 0; i < FLIGHTS; i++) if (this.flight(place, i) === slot) return i;
    return -1;
  }

  hasFlights(place: number): boolean { return this.get(place, FLIGHT) !== 0 || this.get(place, FLIGHT + 1) !== 0; }

  /** Whether a neighbour needs the message no more. @param slot of its row */
  isServed(place: number, slot: number): boolean {
    return (this.bytes[this.servedAt(place, slot)] & (1 << (slot & 7))) !== 0;
  }

  serve(place: number, slot: number): void { this.bytes[this.servedAt(place, slot)] |= 1 << (slot & 7); }

  private servedAt(place: number, slot: number): number {
    return this.count * this.messageBytes + place * this.rowBytes + (slot >>> 3);
  }

  /** Where the scratch begins, which ends the bytes: as much as one message. */
  scratch(): number { return this.count * (this.messageBytes + this.rowBytes); }

  /** A check of a message, by which a HOP names it: 16 bits. */
  check(at: number): number {
    const word = (readU32(this.bytes, at + AT_FROM) + readU32(this.bytes, at + AT_NUMBER)) >>> 0;
    const head = (this.bytes[at + AT_KIND] << 8) | (this.bytes[at + AT_TRY_HOPS] >>> TRY_SHIFT);
    return orderKey((word ^ head) >>> 0) & 0xffff;
  }

  /** The place of the same try of the message at `at` in `bytes`; -1: none. */
  findSame(bytes: Uint8Array, at: number): number {
    for (let place = 0; place < this.count; place++) {
      if (!this.has(place, HELD)) continue;
      const held = this.at(place);
      let isSame = (this.bytes[held] ^ bytes[at]) >>> TRY_SHIFT === 0;
      for (let i = AT_KIND; isSame && i < HEAD_BYTES; i++) isSame = this.bytes[held + i] === bytes[at + i];
      if (isSame) return place;
    }
    return -1;
  }

  /** The place of an answer of this node to the same try of a message; -1: none. @param kind of the answer */
  findAnswer(kind: number, to: number, number: number, tries: number): number {
    for (let place = 0; place < this.count; place++) {
      const isAnswer = this.has(place, HELD) && this.kind(place) === kind && this.tryOf(place) === tries;
      if (isAnswer && this.to(place) === to && this.number(place) === number) return place;
    }
    return -1;
  }

  /** The place of an own message that waits for its end; -1: none. */
  findOpen(number: number): number {
    for (let place = 0; place < this.count; place++) {
      const isOpen = this.has(place, OPEN) && !this.has(place, ENDED);
      if (isOpen && this.number(place) === number) return place;
    }
    return -1;
  }

  /** Messages that wait here. @param cameFrom slot of the neighbour that they came from; 0: own ones; -1: all */
  waiting(cameFrom: number): number {
    let waiting = 0;
    for (let place = 0; place < this.count; place++) {
      if (this.has(place, BUSY) && (cameFrom < 0 || this.cameFrom(place) === cameFrom)) waiting++;
    }
    return waiting;
  }

  /** A place for another message, of which nothing but HELD is set: a free one, or the one that is done the longest. */
  take(length: number, cameFrom: number): number {
    let best = -1;
    for (let place = 0; place < this.count; place++) {
      if (this.has(place, BUSY)) continue;
      const isFree = !this.has(place, HELD);
      if (best < 0 || isFree || ((this.get(place, DEADLINE) - this.get(best, DEADLINE)) | 0) < 0) best = place;
      if (isFree) break;
    }
    if (best < 0) return -1;
    for (let i = 0; i < MESSAGE_WORDS; i++) this.set(best, i, 0);
    this.set(best, STATE, HELD);
    this.set(best, LENGTH, ((cameFrom << 16) | length) >>> 0);
    const served = this.servedAt(best, 0);
    for (let i = 0; i < this.rowBytes; i++) this.bytes[served + i] = 0;
    return best;
  }

  /** Writes the head of a message that this node makes. */
  writeHead(at: number, kind: number, to: number, from: number, number: number): void {
    this.bytes[at + AT_TRY_HOPS] = 0;
    for (let i = 0; i < 3; i++) this.bytes[at + AT_LEFT + i] = 0;
    this.bytes[at + AT_KIND] = kind;
    writeU32(this.bytes, at + AT_TO, to);
    writeU32(this.bytes, at + AT_FROM, from);
    writeU32(this.bytes, at + AT_NUMBER, number);
  }

  writeId(at: number, id: number): void { writeU32(this.bytes, at, id); }

  copy(from: Uint8Array, start: number, to: number, length: number): void {
    for (let i = 0; i < length; i++) this.bytes[to + i] = from[start + i];
  }

  /**
   * Whether a message of a sender is new, and notes that it arrived. Each is new once, for as long as it may be under
   * way.
   *
   * @param leftMs of the message's life
   */
  remember(from: number, number: number, nowMs: number, leftMs: number): number {
    const until = ((nowMs + leftMs + SLACK_MS) | 1) >>> 0;
    let entry = this.senderOf(from, number);
    if (entry < 0) {
      entry = this.freeSender(nowMs);
      if (entry < 0) return NO_PLACE;
      this.words[entry + SENDER_ID] = from;
      this.words[entry + SENDER_HIGHEST] = number;
      this.words[entry + SENDER_ARRIVED] = 1;
      this.words[entry + SENDER_REFUSED] = 0;
      this.words[entry + SENDER_UNTIL] = until;
      return IS_NEW;
    }
    const ahead = (number - this.words[entry + SENDER_HIGHEST]) | 0;
    if (ahead <= -WINDOW || (ahead <= 0 && (this.words[entry + SENDER_ARRIVED] & (1 << -ahead)) !== 0)) return IS_KNOWN;
    if (ahead > 0) {
      const isFar = ahead >= WINDOW;
      this.words[entry + SENDER_ARRIVED] = isFar ? 0 : this.words[entry + SENDER_ARRIVED] << ahead;
      this.words[entry + SENDER_REFUSED] = isFar ? 0 : this.words[entry + SENDER_REFUSED] << ahead;
      this.words[entry + SENDER_HIGHEST] = number;
    }
    this.words[entry + SENDER_ARRIVED] |= 1 << (ahead > 0 ? 0 : -ahead);
    if (((until - this.words[entry + SENDER_UNTIL]) | 0) > 0) this.words[entry + SENDER_UNTIL] = until;
    return IS_NEW;
  }

  /** Notes that the application refused a message. */
  refuse(from: number, number: number): void {
    const entry = this.senderOf(from, number);
    const behind = entry < 0 ? WINDOW : (this.words[entry + SENDER_HIGHEST] - number) | 0;
    if (behind >= 0 && behind < WINDOW) this.words[entry + SENDER_REFUSED] |= 1 << behind;
  }

  /** How the application took a message that arrived before: an `OUTCOME_` constant; -1: it is not known any more. */
  outcomeOf(from: number, number: number): number {
    const entry = this.senderOf(from, number);
    const behind = entry < 0 ? WINDOW : (this.words[entry + SENDER_HIGHEST] - number) | 0;
    if (behind < 0 || behind >= WINDOW || (this.words[entry + SENDER_ARRIVED] & (1 << behind)) === 0) return -1;
    return (this.words[entry + SENDER_REFUSED] & (1 << behind)) !== 0 ? OUTCOME_REFUSED : OUTCOME_DELIVERED;
  }

  /** Forgets senders of which nothing is under way, so that no time of theirs is ever 24 days old. */
  forgetSenders(nowMs: number): void {
    const start = this.count * MESSAGE_WORDS;
    for (let i = 0; i < this.senders; i++) {
      const at = start + i * SENDER_WORDS + SENDER_UNTIL;
      if (((nowMs - this.words[at]) | 0) > 0) this.words[at] = 0;
    }
  }

  private senderOf(from: number, number: number): number {
    const start = this.count * MESSAGE_WORDS;
    for (let i = 0; i < this.senders; i++) {
      const entry = start + i * SENDER_WORDS;
      if (this.words[entry + SENDER_UNTIL] === 0 || this.words[entry + SENDER_ID] !== from) continue;
      const ahead = (number - this.words[entry + SENDER_HIGHEST]) | 0;
      if (ahead < SAME_START && ahead > -SAME_START) return entry;
    }
    return -1;
  }

  private freeSender(nowMs: number): number {
    const start = this.count * MESSAGE_WORDS;
    for (let i = 0; i < this.senders; i++) {
      const entry = start + i * SENDER_WORDS;
      const until = this.words[entry + SENDER_UNTIL];
      if (until === 0 || ((nowMs - until) | 0) > 0) return entry;
    }
    return -1;
  }

  /** A counter since the start, uint32 that wraps. */
  counter(which: number): number { return this.words[this.restAt() + which]; }
  countUp(which: number): void { this.words[this.restAt() + which]++; }

  /** How many messages of others may come in this round, of `most`. */
  relaysLeft(nowMs: number, roundMs: number, most: number): number {
    const at = this.restAt();
    if (((nowMs - this.words[at + ROUND_AT]) >>> 0) >= roundMs) {
      this.words[at + ROUND_AT] = nowMs;
      this.words[at + RELAYED] = 0;
    }
    return most - this.words[at + RELAYED];
  }

  countRelay(): void { this.words[this.restAt() + RELAYED]++; }

  private restAt(): number { return this.count * MESSAGE_WORDS + this.senders * SENDER_WORDS; }
}

