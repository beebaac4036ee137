import {
  FEEDS_HASH_BYTES, FLAG_ADVERTISED, FLAG_BROADCAST, FLAG_CHALLENGE, FLAG_NETWORK, FLAG_SEALED, FLAG_UNADDRESSED,
  LIMITS_BYTES_MAX, NETWORK_HASH_BYTES, NO_NETWORK, SECTION_INDIRECT_ACK, SECTION_PING_REQ, SECTION_WANT, TYPE_ACK,
  TYPE_DIFF, TYPE_LEAVE, TYPE_SYN,
} from "../wire/frame.js";
import { FrameWriter } from "../wire/frame-writer.js";
import type { FeedOutbox } from "../feed/feed-outbox.js";
import type { ReplayGuard } from "../wire/replay-guard.js";
import { FLAG_ADDRESS_GIVEN, FLAG_LIMITS, FLAG_TO_SEND, LIST_TO_SEND, OWN_SLOT, type Rows } from "../table/rows.js";
import { NO_RECEIVER, SEAL_BYTES } from "../wire/sealer.js";
import { UP } from "../table/states.js";
import { SUMMARY_WORDS, SummaryWriter } from "./summary-writer.js";
import { writeUpdates } from "./updates.js";
import type { WordPool } from "../word-pool.js";

/** The most datagrams that one input can cause. */
export const BURST_MAX = 4;

// Of the answer to the peer, in `answer`.
/** It carries no more updates, so that the room is for rows and summary. */
const ANSWER_UPDATED = 1;
/** It shows this node's limits. */
const ANSWER_LIMITS = 2;
/** More ids were wanted than one answer may want. */
const ANSWER_WANTS_CUT = 4;

/** A datagram to send. The engine writes it into `bytes`. */
export interface Datagram {
  /** At least `datagramBytesMax` long. */
  bytes: Uint8Array;
  length: number;
  /** IPv4 address as uint32. */
  address: number;
  port: number;
}

/**
 * What the current input makes the node send: up to 4 intents, one per receiver,
 * and for the peer that is answered the rows it lacks and the ids wanted from it.
 * `next` writes the frames, so an outbox needs no buffers. The next input drops
 * frames that the caller did not fetch.
 */
export class Outbox {
  private readonly rows: Rows;
  private readonly writer: FrameWriter;
  private readonly replayGuard: ReplayGuard | undefined;
  private readonly datagramBytesMax: number;
  /** Undefined in a node without feeds. */
  private readonly feeds: FeedOutbox | undefined;
  /** What shows the answered peer which rows differ. */
  readonly summary: SummaryWriter;
  /** Counter of the last frame sent. Each frame of a start has another one. */
  counter = 0;
  /** Counter of the last frame with a summary of all rows. */
  private summarizedAt = 0;

  /** The intents, then the wants. */
  private readonly words: Uint32Array;
  private readonly start: number;
  private intentCount = 0;
  private intentNext = 0;
  private framesLeft = 0;

  private toSendCount = 0;
  private toSendNext = 0;
  private wantCount = 0;
  private wantNext = 0;
  /** `ANSWER_` bits. */
  private answer = 0;
  /** Bytes that the answered peer may get. */
  private answerBytesLeft = 0;

  /**
   * @param replayGuard seals the frames, if there is one
   * @param pool has `outboxWords(datagramBytesMax)` free
   * @param network hash of the network's name, a uint32; without it, or with NO_NETWORK, it has none
   */
  constructor(
    rows: Rows, datagramBytesMax: number, replayGuard: ReplayGuard | undefined, pool: WordPool, feeds?: FeedOutbox,
    network?: number,
  ) {
    this.rows = rows;
    this.replayGuard = replayGuard;
    this.feeds = feeds;
    this.datagramBytesMax = datagramBytesMax;
    this.writer = new FrameWriter();
    this.writer.feeds = feeds;
    this.words = pool.words;
    this.start = pool.alloc(WANTS + wantsMax(datagramBytesMax));
    const hash = network ?? NO_NETWORK;
    this.words[this.start + HEAD_FLAGS] = hash === NO_NETWORK ? 0 : FLAG_NETWORK;
    this.words[this.start + NETWORK] = hash;
    const moreBytes = (feeds === undefined ? 0 : FEEDS_HASH_BYTES) + (hash === NO_NETWORK ? 0 : 1);
    // What describes rows has to fit on each way.
    const links = rows.links;
    const least = links === undefined || links.bytesMaxLeast > datagramBytesMax ? datagramBytesMax
      : links.bytesMaxLeast;
    this.summary = new SummaryWriter(rows, least - this.sealBytes() - moreBytes, pool);
  }

  /** Sets the counter: the next frame has the number after `from`. */
  count(from: number): void {
    this.counter = from;
    this.summarizedAt = from;
  }

  /**
   * Whether an answered frame is the last one with a summary of all rows, or a
   * later one. Otherwise the answer to that summary is still on its way, and two
   * threads of the exchange would send everything twice.
   */
  answersSummary(answered: number): boolean {
    return ((answered - this.summarizedAt) | 0) >= 0;
  }

  /** Drops what the last input left unsent. */
  clear(): void {
    for (let i = 0; i < this.toSendCount; i++) this.rows.clearFlag(this.rows.listed(LIST_TO_SEND, i), FLAG_TO_SEND);
    this.toSendCount = 0;
    this.toSendNext = 0;
    this.wantCount = 0;
    this.wantNext = 0;
    this.intentCount = 0;
    this.intentNext = 0;
    this.framesLeft = BURST_MAX;
    this.answer = 0;
    this.answerBytesLeft = ANY_BYTES;
    this.writer.withFeeds = false;
    this.summary.clear();
    if (this.feeds !== undefined) this.feeds.clear();
  }

  /** Limits the answer to one datagram of at most `bytes`. */
  limitAnswer(bytes: number): void {
    this.answerBytesLeft = bytes;
  }

  /** The answer carries no updates: a frame that was not accepted must not use up their transmits. */
  withholdUpdates(): void {
    this.answer |= ANSWER_UPDATED;
  }

  /** The answered peer has feeds: fingerprints for it are over rows and feeds. */
  fingerprintFeeds(): void {
    this.writer.withFeeds = true;
  }

  /** The answer shows this node's limits (PROTOCOL 5.7). */
  sendLimits(): void {
    this.answer |= ANSWER_LIMITS;
  }

  private sendsLimits(): boolean {
    return (this.answer & ANSWER_LIMITS) !== 0;
  }

  hasRoom(): boolean {
    return this.intentCount < BURST_MAX;
  }

  intentsLeft(): number {
    return BURST_MAX - this.intentCount;
  }

  /** Whether there is something for the answered peer. */
  hasAnswer(): boolean {
    if (this.feeds !== undefined && this.feeds.isPending()) return true;
    return this.toSendCount > 0 || this.wantCount > 0 || this.sendsLimits() || this.summary.isPending();
  }

  /** Adds a row for the answered peer. Rows are sent in the order of the calls. */
  send(slot: number): void {
    if (this.rows.hasFlag(slot, FLAG_TO_SEND)) return;
    this.rows.setFlag(slot, FLAG_TO_SEND);
    this.rows.setListed(LIST_TO_SEND, this.toSendCount++, slot);
  }

  /** Wants the answered peer's row of a node. Ids that do not fit are wanted in a later exchange. */
  want(id: number): void {
    if (this.wantCount < wantsMax(this.datagramBytesMax)) this.words[this.start + WANTS + this.wantCount++] = id;
    else this.answer |= ANSWER_WANTS_CUT;
  }

  /** @param slot of the receiver's row, which goes first if it is not UP; 0 for none */
  addSyn(address: number, port: number, flags: number, slot: number): void {
    const isKnown = slot === OWN_SLOT ? !this.isNamed() : this.rows.hasFlag(slot, FLAG_LIMITS);
    const unaddressed = slot === OWN_SLOT && this.replayGuard !== undefined ? FLAG_UNADDRESSED : 0;
    const all = flags | unaddressed | (isKnown ? 0 : WITH_LIMITS);
    this.add(TYPE_SYN, address, port, all, slot, 0, this.rows.id(slot));
  }

  /**
   * A SYN to the node in `slot`, which is UP: a ping request for the node `id`.
   *
   * @param mayVouch whether the receiver's word is enough: this node never reached that node
   */
  addPingReq(id: number, slot: number, mayVouch: boolean): void {
    const rows = this.rows;
    const flags = (SECTION_PING_REQ << ABOUT_SHIFT) | this.limitsIfNamed() | (mayVouch ? MAY_VOUCH : 0);
    this.add(TYPE_SYN, rows.address(slot), rows.port(slot), flags, OWN_SLOT, id, rows.id(slot));
  }

  /** A DIFF that answers the ping request of the node in `slot`: the node `id` lives. @param answered its counter */
  addIndirectAck(id: number, slot: number, answered: number): void {
    const rows = this.rows;
    const about = SECTION_INDIRECT_ACK << ABOUT_SHIFT;
    this.add(TYPE_DIFF, rows.address(slot), rows.port(slot), about, id, answered, rows.id(slot));
  }

  /** PROTOCOL 3.4: only with LIMITS does a node apply a frame of a sender whose limits it does not know. */
  private limitsIfNamed(): number {
    return this.isNamed() ? WITH_LIMITS : 0;
  }

  /** Whether the network has a name. */
  private isNamed(): boolean {
    return this.words[this.start + HEAD_FLAGS] !== 0;
  }

  /** A LEAVE to the node in `slot`. */
  addLeave(slot: number): void {
    const rows = this.rows;
    this.add(TYPE_LEAVE, rows.address(slot), rows.port(slot), this.limitsIfNamed(), 0, 0, rows.id(slot));
  }

  /**
   * A SYN without sections: a sign of life; in a sealed network, to find out whether a node is at an address.
   *
   * @param receiver id of that node; without meaning in a network that is not sealed
   */
  addSign(address: number, port: number, receiver: number): void {
    this.add(TYPE_SYN, address, port, 0, BARE, 0, receiver);
  }

  /**
   * @param withSummary whether it shows all rows
   * @param answered counter of the answered frame
   * @param receiver id of that frame's sender
   */
  addAnswer(
    type: number, address: number, port: number, flags: number, withSummary: boolean, answered: number,
    receiver: number,
  ): void {
    // PROTOCOL 3.5: a peer that lacks the row of an advertising node could only answer to the source of the datagram.
    const isNeeded = withSummary || type === TYPE_DIFF;
    if (isNeeded && this.rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN)) this.send(OWN_SLOT);
    this.add(type, address, port, flags, withSummary ? WITH_SUMMARY : 0, answered, receiver);
  }

  /** Writes the next frame into `out`. Returns false when there is none. */
  next(out: Datagram): boolean {
    if (this.intentNext === this.intentCount || this.framesLeft === 0) return false;
    this.framesLeft--;
    const at = this.start + this.intentNext * WORDS;
    const type = this.typeOf(at);
    out.address = this.words[at + ADDRESS];
    out.port = this.words[at + PORT] & 0xffff;
    this.counter = (this.counter + 1) >>> 0;
    // An indirect ack does not go to the peer that is answered.
    const isAnswer = (type === TYPE_ACK || type === TYPE_DIFF) && this.aboutOf(at) === 0;
    const most = this.bytesMax(out.address, out.port);
    const limit = isAnswer && this.answerBytesLeft < most ? this.answerBytesLeft : most;
    const flags = (this.words[at + FLAGS] & FLAGS_ON_WIRE) | this.headFlags();
    this.writer.begin(
      out.bytes, limit - this.sealBytes(), type, flags, this.rows, this.counter, this.words[at + ANSWERED],
      this.words[this.start + NETWORK],
    );
    if (type === TYPE_SYN && this.replayGuard !== undefined) {
      this.replayGuard.noteSyn(this.words[at + RECEIVER], out.address, out.port, this.counter);
    }
    const answersLimits = isAnswer && this.sendsLimits();
    const hasLimits = answersLimits || (this.words[at + FLAGS] & WITH_LIMITS) !== 0;
    // A SYN of a network without a name shows them if there is room, so that updates come first.
    // Of a LEAVE the row counts most.
    const isNeeded = hasLimits && this.isNamed() && type !== TYPE_LEAVE;
    const limitsBytes = answersLimits || isNeeded ? this.limitsBytes() : 0;
    this.writer.reserve(limitsBytes);
    if (!isAnswer) this.writeOpening(type, at);
    const rowsFinished = !isAnswer || this.writeAnswer(at);
    const feedsFinished = this.feeds === undefined || this.feeds.write(this.writer, isAnswer);
    this.writer.reserve(-limitsBytes);
    if (answersLimits) this.answer &= ~ANSWER_LIMITS;
    if (hasLimits) this.writeLimits();
    const finished = rowsFinished && (feedsFinished || !isAnswer);
    if (finished || limit < most) this.intentNext++;
    else this.words[at + PORT] = (TYPE_DIFF << TYPE_SHIFT) | out.port;
    // On the last frame of the burst only, so that the peer continues once.
    if (isAnswer && (finished ? this.mayContinue() : this.framesLeft === 0)) this.writer.markMore();
    out.length = this.finish(out.bytes, at);
    return true;
  }

  /** The longest datagram on the way to an address. */
  private bytesMax(address: number, port: number): number {
    const links = this.rows.links;
    const most = links === undefined ? this.datagramBytesMax : links.bytesMax(address, port);
    return most < this.datagramBytesMax ? most : this.datagramBytesMax;
  }

  private writeLimits(): void {
    const network = this.isNamed() ? this.words[this.start + NETWORK] : NO_NETWORK;
    this.writer.writeLimits(this.rows.valueBytesMax, this.eventBytesMax(), this.rows.capacity, network);
  }

  private limitsBytes(): number {
    return LIMITS_BYTES_MAX + (this.isNamed() ? NETWORK_HASH_BYTES : 0);
  }

  /** The flags that all frames of this node have. */
  private headFlags(): number {
    return this.words[this.start + HEAD_FLAGS] | (this.replayGuard === undefined ? 0 : FLAG_SEALED)
      | (this.rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN) ? FLAG_ADVERTISED : 0);
  }

  /** Bytes of the longest event that this node holds; 0: it keeps no feeds. */
  eventBytesMax(): number {
    return this.feeds === undefined ? 0 : this.feeds.eventBytesMax();
  }

  /** Whether the peer may continue although nothing is left: more ids were wanted, or there may be more history. */
  private mayContinue(): boolean {
    return (this.answer & ANSWER_WANTS_CUT) !== 0 || (this.feeds !== undefined && this.feeds.gaps.hasSent);
  }

  /** Seals the written frame, if this node seals. Returns its length. */
  private finish(bytes: Uint8Array, at: number): number {
    const writer = this.writer;
    if (this.replayGuard === undefined) return writer.length();
    const isUnaddressed = writer.type === TYPE_SYN && (this.words[at + FLAGS] & FLAG_UNADDRESSED) !== 0;
    const receiver = isUnaddressed ? NO_RECEIVER : this.words[at + RECEIVER];
    return this.replayGuard.seal(bytes, writer.headLength, writer.length(), this.datagramBytesMax, receiver);
  }

  private sealBytes(): number {
    return this.replayGuard === undefined ? 0 : SEAL_BYTES;
  }

  private add(
    type: number, address: number, port: number, flags: number, detail: number, answered: number, receiver: number,
  ): void {
    const isTrusted = (flags & FLAG_BROADCAST) !== 0 || this.rows.trusts(address);
    if (!isTrusted || !this.hasRoom()) return;
    const at = this.start + this.intentCount++ * WORDS;
    this.words[at + ADDRESS] = address;
    this.words[at + PORT] = (type << TYPE_SHIFT) | port;
    this.words[at + FLAGS] = flags;
    this.words[at + DETAIL] = detail;
    this.words[at + ANSWERED] = answered;
    this.words[at + RECEIVER] = receiver;
  }

  private typeOf(at: number): number {
    return this.words[at + PORT] >>> TYPE_SHIFT;
  }

  /** The section of one id that a frame has: SECTION_PING_REQ, SECTION_INDIRECT_ACK, or 0. */
  private aboutOf(at: number): number {
    return (this.words[at + FLAGS] >>> ABOUT_SHIFT) & ABOUT_MASK;
  }

  /** Writes the sections of a frame that is no answer. */
  private writeOpening(type: number, at: number): void {
    const writer = this.writer;
    const slot = this.words[at + DETAIL];
    const about = this.aboutOf(at);
    if (about !== SECTION_INDIRECT_ACK && slot !== BARE && writer.beginRows()) {
      const isProbed = this.feeds !== undefined && this.feeds.probedSlot === slot;
      // PROTOCOL 3.5: a node that advertises shows its address to a receiver that may hold an earlier one.
      const isShown = slot === OWN_SLOT && about === 0 && this.rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN);
      const first = type === TYPE_LEAVE || isProbed || isShown || this.isAccused(slot) ? slot : -1;
      if (first >= 0) writer.writeRow(this.rows, first);
      if (type === TYPE_SYN) writeUpdates(this.rows, writer, this.feeds, this.counter, first);
      writer.endRows();
    }
    if (about !== 0 && writer.beginIds(about)) {
      writer.writeId(about === SECTION_INDIRECT_ACK ? slot : this.words[at + ANSWERED]);
      if ((this.words[at + FLAGS] & MAY_VOUCH) !== 0) writer.writeId(this.rows.id(OWN_SLOT));
      writer.endIds();
    }
  }

  private isAccused(slot: number): boolean {
    return slot !== OWN_SLOT && this.rows.isHeld(slot) && this.rows.state(slot) > UP;
  }

  /** Writes the sections of an answer. Returns whether nothing is left for the peer. */
  private writeAnswer(at: number): boolean {
    const writer = this.writer;
    if (this.wantNext < this.wantCount && writer.beginIds(SECTION_WANT)) {
      while (this.wantNext < this.wantCount && this.writeWant(this.wantNext)) this.wantNext++;
      writer.endIds();
    }
    if (writer.beginRows()) {
      while (this.toSendNext < this.toSendCount && this.writeToSend(this.toSendNext)) this.toSendNext++;
      const isAck = this.typeOf(at) === TYPE_ACK;
      if (isAck && this.toSendNext === this.toSendCount && (this.answer & ANSWER_UPDATED) === 0) {
        this.answer |= ANSWER_UPDATED;
        writeUpdates(this.rows, writer, this.feeds, this.counter, -1);
      }
      writer.endRows();
    }
    const wantsSummary = this.words[at + DETAIL] === WITH_SUMMARY && !this.summary.isPending();
    if (wantsSummary && this.summary.writeAll(writer, this.counter)) {
      this.words[at + DETAIL] = 0;
      // Anybody could cause challenges; they do not end the exchange with another peer.
      if ((this.words[at + FLAGS] & FLAG_CHALLENGE) === 0) this.summarizedAt = this.counter;
    }
    const summarized = this.summary.write(writer, this.counter) && this.words[at + DETAIL] === 0;
    return summarized && this.toSendNext === this.toSendCount && this.wantNext === this.wantCount;
  }

  private writeWant(index: number): boolean {
    return this.writer.writeId(this.words[this.start + WANTS + index]);
  }

  private writeToSend(index: number): boolean {
    return this.writer.writeRow(this.rows, this.rows.listed(LIST_TO_SEND, index));
  }
}

const ADDRESS = 0;
/** The port, then the type of the frame. */
const PORT = 1;
const TYPE_SHIFT = 16;
const FLAGS = 2;
/** Of a SYN: the slot of its receiver. Of an answer: whether it carries a summary. Of an indirect ack: its one id. */
const DETAIL = 3;
const ANSWERED = 4;
/** Id of the receiver. */
const RECEIVER = 5;
const WORDS = 6;
/** FLAG_NETWORK, if the network has a name, and the hash of that name. */
const HEAD_FLAGS = BURST_MAX * WORDS;
const NETWORK = HEAD_FLAGS + 1;
const WANTS = NETWORK + 1;

/** In FLAGS: the flags on the wire, then the section of ids that a frame has. That of a SYN is in ANSWERED. */
const FLAGS_ON_WIRE = 0xff;
const ABOUT_SHIFT = 8;
const ABOUT_MASK = 0xff;
/** In FLAGS: the SYN or LEAVE shows this node's limits. */
const WITH_LIMITS = 0x10000;
/** In FLAGS: the PING-REQ has this node's own id behind the other one. */
const MAY_VOUCH = 0x20000;
const WITH_SUMMARY = 1;
/** Higher than all slots. */
const BARE = 0xffffffff;
const ANY_BYTES = 0xffff;
const WANTS_MIN = 8;

/** Ids that one answer may want. With more the peer continues the exchange. */
function wantsMax(datagramBytesMax: number): number {
  const wants = datagramBytesMax >>> 5;
  return wants < WANTS_MIN ? WANTS_MIN : wants;
}

/** Words that an `Outbox` allocates, its summary included. */
export function outboxWords(datagramBytesMax: number): number {
  return WANTS + wantsMax(datagramBytesMax) + SUMMARY_WORDS;
}
