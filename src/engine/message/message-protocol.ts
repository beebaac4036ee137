import { readU32 } from "../../cbor/big-endian.js";
import type { Clock } from "../clock.js";
import type { Rounds } from "../membership/rounds.js";
import type { Outbox } from "../reconcile/outbox.js";
import { orderKey } from "../table/hash.js";
import { nextRandom } from "../table/random.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import type { Writer } from "../wire/cursor.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { SECTION_HEAD_BYTES, SECTION_HOP, SECTION_MESSAGE, sectionHead } from "../wire/frame.js";
import { WAITING_BYTES } from "../wire/message-form.js";
import type { Sealer } from "../wire/sealer.js";
import { closeMessage, openMessage } from "./end-seal.js";
import {
  AT_FROM, AT_KIND, AT_LEFT, AT_NUMBER, AT_TO, AT_TRY_HOPS, COUNT_BAD, COUNT_DELIVERED, COUNT_DUPLICATES, COUNT_FULL,
  COUNT_NO_WAY, COUNT_REFUSED, COUNT_RELAYED, COUNT_SENT, ENDED, EXPIRY, HEAD_BYTES, HOPS_MASK, HOP_FULL, HOP_HAD,
  HOP_NEW, HOP_NO_WAY, HOP_REFUSED, KIND_BROADCAST, KIND_PING, KIND_PONG, KIND_RECEIPT, KIND_REPLY, KIND_SEND,
  LEFT_MAX, LIFE_MAX, NEXT, NUMBERS_MAX, OPEN, OUTCOME_DELIVERED, OUTCOME_REFUSED, OUTCOME_SHIFT, OUTCOME_TIMEOUT,
  PASSED_ON,
  RELAYS_PER_ROUND, SENDING, STATE, TO_APP, TRY_SHIFT,
} from "./message.js";
import { MessageHops } from "./message-hops.js";
import { IS_KNOWN, IS_NEW, NO_PLACE, type StoreSizes } from "./message-store.js";
import { type MessageStats, messageStats } from "./message-stats.js";
import { isForSleeper, mayWait } from "./sleepers.js";
import { isSpread } from "./spread.js";

/** Nothing is to be answered. */
const NO_ANSWER = -1;
/** Less the number of messages that wait for a node that sleeps and that asks now. */
const WAITING = -1;
/** Most messages that an ACK shows as waiting. */
const WAITING_MAX = 255;

/**
 * Messages of an engine: what they make the outbox send, and what arrives. As in the engine, one input has bounded
 * effects and nothing is allocated after the constructor. A message that the application posts goes out with the next
 * tick, which is due at once.
 */
export class MessageProtocol extends MessageHops {
  private readonly sealer: Sealer | undefined;
  /** Number of the last own message; -1 before the first. */
  private lastNumber = -1;
  /** What the ACK of this input answers: a `HOP_` constant, and the check of the message above it; or NO_ANSWER. */
  private answer = NO_ANSWER;
  /** Messages that wait for this node, which sleeps, at the one that it asked, as far as it knows. */
  called = 0;

  constructor(
    sizes: StoreSizes, rows: Rows, clock: Clock, rounds: Rounds, outbox: Outbox,
    sealer: Sealer | undefined,
  ) {
    super(sizes, sealer !== undefined, rows, clock, rounds, outbox);
    this.sealer = sealer;
  }

  /** An input begins. */
  clear(): void { this.answer = NO_ANSWER; }

  /** A section MESSAGE or HOP of a frame arrived. @param slot of the sender's row, if it has the address; or -1 */
  handle(frame: FrameReader, slot: number): void {
    if (frame.section > SECTION_HOP) return;
    if (frame.section === SECTION_HOP) {
      if (frame.end - frame.position === WAITING_BYTES) this.called = frame.u8();
      else if (frame.isAnswer() && slot > OWN_SLOT) this.handleHop(frame.u8(), frame.u16(), slot);
    } else if (!frame.isAnswer()) {
      const what = slot <= OWN_SLOT ? HOP_FULL : this.handleMessage(frame.bytes, frame.position, frame.end, slot);
      if (what === HOP_HAD) this.store.countUp(COUNT_DUPLICATES);
      else if (what === HOP_FULL) this.store.countUp(COUNT_FULL);
      else if (what === HOP_NO_WAY) this.store.countUp(COUNT_NO_WAY);
      else if (what === HOP_REFUSED) this.store.countUp(COUNT_REFUSED);
      this.store.copy(frame.bytes, frame.position, this.store.scratch(), HEAD_BYTES);
      this.answer = (this.store.check(this.store.scratch()) << 8) | what;
    }
  }

  /** Bytes that a frame needs for a message or a HOP. @param place of the message; -1: the frame is an ACK */
  sectionBytes(place: number): number {
    if (place < 0) {
      if (this.answer === NO_ANSWER) return 0;
      return SECTION_HEAD_BYTES + (this.answer < NO_ANSWER ? 1 : 3);
    }
    return SECTION_HEAD_BYTES + this.store.length(place);
  }

  /** Writes a message into a SYN, or with the place -1 the HOP into an ACK. There is room. */
  write(writer: Writer, place: number): void {
    if (place < 0 && this.answer < NO_ANSWER) {
      writer.u16(sectionHead(SECTION_HOP, WAITING_BYTES));
      writer.u8(WAITING - this.answer);
      return;
    }
    if (place < 0) {
      writer.u16(sectionHead(SECTION_HOP, 3));
      writer.u8(this.answer & 0xff);
      writer.u16(this.answer >>> 8);
      return;
    }
    const store = this.store;
    const at = store.at(place);
    const left = (store.get(place, EXPIRY) - this.clock.nowMs) | 0;
    writeLeft(store.bytes, at, left < 1 ? 1 : left);
    writer.u16(sectionHead(SECTION_MESSAGE, store.length(place)));
    writer.copy(store.bytes, at, store.length(place));
  }

  /**
   * Posts an own message, whose payload stands in the scratch behind the head, or behind the number of the query in
   * REPLY. Returns its number; -1: there is no room.
   *
   * @param callerMs the caller's time
   * @param lifeMs 1 to LIFE_MAX
   * @param query number of the query, in REPLY
   */
  post(callerMs: number, kind: number, to: number, payloadBytes: number, lifeMs: number, query: number): number {
    const store = this.store;
    const reserve = (store.count + 3) >>> 2;
    if (store.waiting(OWN_SLOT) >= store.count - reserve || this.isWindowFull()) return -1;
    if (isForSleeper(this.rows, kind, to) && !mayWait(store, this.rows, true)) return -1;
    const number = this.nextNumber();
    const scratch = store.scratch();
    const own = this.rows.id(OWN_SLOT);
    store.writeHead(scratch, kind, to, own, number);
    const length = closeMessage(store, this.sealer, payloadBytes, query, to);
    const place = store.take(length, OWN_SLOT);
    if (place < 0) return -1;
    this.lastNumber = number;
    store.copy(store.bytes, scratch, store.at(place), length);
    const nowMs = (this.clock.nowMs + Math.max(0, (callerMs - this.clock.callerMs) | 0)) >>> 0;
    store.set(place, EXPIRY, (nowMs + lifeMs) >>> 0);
    store.set(place, NEXT, isSpread(kind) ? 0 : (nowMs + this.repeatDelayMs(place)) >>> 0);
    this.dispatch(place);
    if (kind !== KIND_BROADCAST) store.setBits(place, OPEN);
    store.countUp(COUNT_SENT);
    return number;
  }

  /** PROTOCOL 11.6: a node that sleeps asks this one: the ACK shows how many messages wait. @param slot of its row */
  noteWaking(slot: number): void {
    const count = Math.min(this.wake(slot), WAITING_MAX);
    if (count > 0 && this.answer === NO_ANSWER) this.answer = WAITING - count;
  }

  /** Whether messages of this node, which sleeps, are under way or wait for it: its radio has to stay on. */
  isBusy(): boolean { return this.called > 0 || this.isSending(); }

  /** The place of the next message that the application has to see; -1: there is none. */
  nextForApp(): number {
    for (let place = 0; place < this.store.count; place++) if (this.store.has(place, TO_APP | ENDED)) return place;
    return -1;
  }

  /** Opens a message into the scratch. Returns the bytes of its payload there, behind its head; -1: it is forged. */
  open(place: number): number {
    const store = this.store;
    const length = store.length(place);
    store.copy(store.bytes, store.at(place), store.scratch(), length);
    const payload = openMessage(store, this.sealer, length, this.rows.id(OWN_SLOT));
    if (payload < 0) store.countUp(COUNT_BAD);
    return payload;
  }

  /** The application took a message, or refused it. A SEND or REPLY becomes its own receipt. */
  settle(place: number, outcome: number): void {
    const store = this.store;
    store.clearBits(place, TO_APP);
    store.countUp(outcome === OUTCOME_DELIVERED ? COUNT_DELIVERED : COUNT_REFUSED);
    if (isSpread(store.kind(place))) return;
    if (outcome === OUTCOME_REFUSED) store.refuse(store.from(place), store.number(place));
    this.makeReceipt(place, outcome);
  }

  /** Links that a message took to this node. */
  arrivedHops(place: number): number {
    const hops = this.store.tryHops(place) & HOPS_MASK;
    // What was passed on has one hop more already.
    return this.store.has(place, PASSED_ON) ? hops : hops + 1;
  }

  /** Milliseconds left of a message's life. */
  leftMs(place: number): number { return Math.max(0, (this.store.get(place, EXPIRY) - this.clock.nowMs) | 0); }

  /** The application was told of the end of an own message. */
  release(place: number): void { this.store.clearBits(place, OPEN | ENDED | SENDING); }

  stats(): MessageStats { return messageStats(this); }

  outcome(place: number): number { return (this.store.get(place, STATE) >>> OUTCOME_SHIFT) & 3; }

  private nextNumber(): number {
    // Without storage and with equal random numbers, two starts have other numbers by their revisions.
    if (this.lastNumber < 0) return (nextRandom(this.rows.words) ^ orderKey(this.rows.revision(OWN_SLOT))) >>> 0;
    return (this.lastNumber + 1) >>> 0;
  }

  /** Whether the oldest own message that is not done is so old that receivers do not tell a newer one from it. */
  private isWindowFull(): boolean {
    const store = this.store;
    for (let place = 0; place < store.count; place++) {
      // A query that waits for replies is not under way any more.
      if (!store.has(place, isSpread(store.kind(place)) ? SENDING : SENDING | OPEN)) continue;
      const isOwn = store.from(place) === this.rows.id(OWN_SLOT) && hasOwnNumber(store.kind(place));
      if (isOwn && (this.lastNumber - store.number(place)) >>> 0 >= NUMBERS_MAX - 1) return true;
    }
    return false;
  }

  /** A message arrived from a neighbour, in the bytes from `at` to `end`. Returns a `HOP_` constant. */
  private handleMessage(bytes: Uint8Array, at: number, end: number, slot: number): number {
    const store = this.store;
    const kind = bytes[at + AT_KIND];
    const isForAll = isSpread(kind);
    const own = this.rows.id(OWN_SLOT);
    const same = store.findSame(bytes, at);
    if (same >= 0) {
      if (isForAll) store.serve(same, slot);
      return HOP_HAD;
    }
    const from = readU32(bytes, at + AT_FROM);
    if (from === own) return HOP_HAD;
    if (end - at > store.messageBytes) return HOP_REFUSED;
    const isMine = !isForAll && readU32(bytes, at + AT_TO) === own;
    if (isMine && kind === KIND_RECEIPT) return this.handleReceipt(bytes, at, end);
    if (isMine && kind === KIND_PONG) return this.handlePong(bytes, at, end);
    if (isMine || isForAll) return this.arrive(bytes, at, end, slot);
    if ((bytes[at + AT_TRY_HOPS] & HOPS_MASK) === HOPS_MASK) return HOP_REFUSED;
    const to = readU32(bytes, at + AT_TO);
    const isAsleep = isForSleeper(this.rows, kind, to);
    if (!isAsleep && this.hopTo(to, slot) < 0) return HOP_NO_WAY;
    if (isAsleep) this.dropEarlierTry(bytes, at);
    if (!this.hasPlace(slot) || (isAsleep && !mayWait(store, this.rows, false))) return HOP_FULL;
    this.passOn(this.accept(bytes, at, end, slot));
    return HOP_NEW;
  }

  /** PROTOCOL 11.6: an earlier repeat of a message still waits here. This one takes its place. */
  private dropEarlierTry(bytes: Uint8Array, at: number): void {
    const store = this.store;
    for (let place = 0; place < store.count; place++) {
      if (!store.has(place, SENDING)) continue;
      const held = store.at(place);
      let isSame = true;
      for (let i = AT_KIND; isSame && i < HEAD_BYTES; i++) isSame = store.bytes[held + i] === bytes[at + i];
      if (isSame) this.finish(place);
    }
  }

  /** A message for this node or for all arrived. */
  private arrive(bytes: Uint8Array, at: number, end: number, slot: number): number {
    const store = this.store;
    const kind = bytes[at + AT_KIND];
    const from = readU32(bytes, at + AT_FROM);
    const number = readU32(bytes, at + AT_NUMBER);
    const answer = kind === KIND_PING ? KIND_PONG : KIND_RECEIPT;
    if (store.findAnswer(answer, from, number, bytes[at] >>> TRY_SHIFT) >= 0) return HOP_HAD;
    if (!this.hasPlace(slot)) return HOP_FULL;
    // One PING may be answered twice. What asks gives one REPLY of each node to its application.
    const isRemembered = kind !== KIND_PING && kind !== KIND_REPLY;
    const isNew = isRemembered ? store.remember(from, number, this.clock.nowMs, leftOf(bytes, at)) : IS_NEW;
    if (isNew === NO_PLACE) return HOP_FULL;
    if (isSpread(kind) && isNew === IS_KNOWN) return HOP_HAD;
    const outcome = isNew === IS_KNOWN ? store.outcomeOf(from, number) : OUTCOME_DELIVERED;
    // Too old to know what became of it.
    if (outcome < 0) return HOP_HAD;
    const place = this.accept(bytes, at, end, slot);
    if (this.called > 0) this.called--;
    if (kind === KIND_PING) {
      this.makePong(place);
    } else if (isNew === IS_KNOWN) {
      store.countUp(COUNT_DUPLICATES);
      this.makeReceipt(place, outcome);
    } else {
      store.setBits(place, TO_APP);
      if (isSpread(kind) && (store.tryHops(place) & HOPS_MASK) < HOPS_MASK) this.passOn(place);
    }
    return HOP_NEW;
  }

  /** Whether a neighbour may leave a message here: each has at most half of the places, all have so many a round. */
  private hasPlace(slot: number): boolean {
    const store = this.store;
    if (store.waiting(-1) >= store.count || store.waiting(slot) >= (store.count + 1) >>> 1) return false;
    return store.relaysLeft(this.clock.nowMs, this.clock.roundIntervalMs, RELAYS_PER_ROUND) > 0;
  }

  /** Takes a message of a neighbour in, after `hasPlace`. Returns its place. */
  private accept(bytes: Uint8Array, at: number, end: number, slot: number): number {
    const store = this.store;
    store.countRelay();
    const place = store.take(end - at, slot);
    store.copy(bytes, at, store.at(place), end - at);
    store.set(place, EXPIRY, (this.clock.nowMs + leftOf(bytes, at)) >>> 0);
    return place;
  }

  /** Passes on a message of another node. */
  private passOn(place: number): void {
    const store = this.store;
    store.bytes[store.at(place) + AT_TRY_HOPS]++;
    store.setBits(place, PASSED_ON);
    const kind = store.kind(place);
    if (kind === KIND_PING || kind === KIND_PONG) this.record(place);
    this.dispatch(place);
    if (isSpread(kind)) store.serve(place, store.cameFrom(place));
    store.countUp(COUNT_RELAYED);
  }

  /** Appends the own id to the way of a PING or PONG, if there is room. */
  private record(place: number): void {
    const store = this.store;
    const length = store.length(place);
    if (length + 4 > store.messageBytes) return;
    store.writeId(store.at(place) + length, this.rows.id(OWN_SLOT));
    store.setLength(place, length + 4);
  }

  /** Turns a message that arrived into an answer of this node to its sender. */
  private turn(place: number, kind: number): void {
    const store = this.store;
    const at = store.at(place);
    const tries = store.tryOf(place);
    store.writeHead(at, kind, store.from(place), this.rows.id(OWN_SLOT), store.number(place));
    store.bytes[at] = tries << TRY_SHIFT;
    // It may go back to the neighbour that the message came from.
    store.adopt(place);
    this.dispatch(place);
  }

  private makeReceipt(place: number, outcome: number): void {
    const store = this.store;
    this.turn(place, KIND_RECEIPT);
    const scratch = store.scratch();
    store.copy(store.bytes, store.at(place), scratch, HEAD_BYTES);
    store.bytes[scratch + HEAD_BYTES] = outcome;
    const length = closeMessage(store, this.sealer, 1, 0, store.to(place));
    store.copy(store.bytes, scratch, store.at(place), length);
    store.setLength(place, length);
  }

  private makePong(place: number): void {
    const store = this.store;
    const at = store.at(place);
    const length = store.length(place);
    const ids = Math.min((length - HEAD_BYTES) >>> 2, (store.messageBytes - HEAD_BYTES - 1) >>> 2);
    for (let i = HEAD_BYTES + ids * 4; i > HEAD_BYTES; i--) store.bytes[at + i] = store.bytes[at + i - 1];
    store.bytes[at + HEAD_BYTES] = ids;
    store.setLength(place, HEAD_BYTES + 1 + ids * 4);
    this.turn(place, KIND_PONG);
  }

  private handleReceipt(bytes: Uint8Array, at: number, end: number): number {
    const store = this.store;
    const place = store.findOpen(readU32(bytes, at + AT_NUMBER));
    const kind = place < 0 ? KIND_PING : store.kind(place);
    if ((kind !== KIND_SEND && kind !== KIND_REPLY) || store.to(place) !== readU32(bytes, at + AT_FROM)) return HOP_HAD;
    store.copy(bytes, at, store.scratch(), end - at);
    const payload = openMessage(store, this.sealer, end - at, this.rows.id(OWN_SLOT));
    const outcome = payload === 1 ? store.bytes[store.scratch() + HEAD_BYTES] : OUTCOME_TIMEOUT;
    if (outcome > OUTCOME_REFUSED) {
      store.countUp(COUNT_BAD);
      return HOP_HAD;
    }
    this.end(place, outcome);
    return HOP_NEW;
  }

  private handlePong(bytes: Uint8Array, at: number, end: number): number {
    const store = this.store;
    const place = store.findOpen(readU32(bytes, at + AT_NUMBER));
    if (place < 0 || store.kind(place) !== KIND_PING) return HOP_HAD;
    if (store.to(place) !== readU32(bytes, at + AT_FROM)) return HOP_HAD;
    // The way there and back takes the place of the way there. The try shows which one was answered.
    const to = store.at(place);
    const isLastTry = store.tryOf(place) === bytes[at + AT_TRY_HOPS] >>> TRY_SHIFT;
    store.copy(bytes, at + HEAD_BYTES, to + HEAD_BYTES, end - at - HEAD_BYTES);
    store.setLength(place, end - at);
    store.bytes[to + AT_TRY_HOPS] = bytes[at + AT_TRY_HOPS];
    store.set(place, NEXT, isLastTry ? this.sinceTryMs(place) : 0);
    this.end(place, OUTCOME_DELIVERED);
    return HOP_NEW;
  }
}

/** Whether the numbers of a kind are its sender's own. */
function hasOwnNumber(kind: number): boolean { return kind !== KIND_RECEIPT && kind !== KIND_PONG; }

function leftOf(bytes: Uint8Array, at: number): number {
  const left = (bytes[at + AT_LEFT] << 16) | (bytes[at + AT_LEFT + 1] << 8) | bytes[at + AT_LEFT + 2];
  return left > LIFE_MAX ? LIFE_MAX : left;
}

function writeLeft(bytes: Uint8Array, at: number, left: number): void {
  const shown = left > LEFT_MAX ? LEFT_MAX : left;
  bytes[at + AT_LEFT] = shown >>> 16;
  bytes[at + AT_LEFT + 1] = shown >>> 8;
  bytes[at + AT_LEFT + 2] = shown;
}
