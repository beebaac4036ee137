import {
  FLAG_SEALED, FEEDS_HASH_BYTES, SECTION_WANT, TYPE_ACK, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN,
} from "../wire/frame.js";
import { FrameWriter } from "../wire/frame-writer.js";
import type { FeedOutbox } from "../feed/feed-outbox.js";
import type { ReplayGuard } from "../wire/replay-guard.js";
import { FLAG_SENT_AS_UPDATE, FLAG_TO_SEND, LIST_TO_SEND, TRANSMITS_MAX, OWN_SLOT, type Rows } from "../table/rows.js";
import { SEAL_BYTES } from "../wire/sealer.js";
import { SUSPECT } from "../table/states.js";
import { SUMMARY_WORDS, SummaryWriter } from "./summary-writer.js";
import type { WordPool } from "../word-pool.js";

/** Datagrams that one input can cause at most. */
export const BURST_MAX = 4;

/** A datagram on its way out, written into `bytes` by the engine. */
export interface Datagram {
  /** At least `datagramBytesMax` long. */
  bytes: Uint8Array;
  length: number;
  /** IPv4 address as uint32. */
  address: number;
  port: number;
}

/**
 * What the current input makes the node send: a few frames to certain
 * addresses and, for the peer that is answered, the rows it lacks and the ids
 * wanted from it. Frames are written when they are taken, so an outbox costs no
 * buffers; what the caller does not take is gone at the next input.
 */
export class Outbox {
  private readonly rows: Rows;
  private readonly writer: FrameWriter;
  private readonly replayGuard: ReplayGuard | undefined;
  private readonly datagramBytesMax: number;
  /** Undefined in a node without feeds. */
  private readonly feeds: FeedOutbox | undefined;
  /** What shows the peer that is answered which rows differ. */
  readonly summary: SummaryWriter;
  /** Counter of the last frame sent: rises with each, so that no two of one start are alike. */
  counter = 0;
  /** Counter of the last frame that told of all rows. */
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
  /** Whether the answer had its news: what follows is for the rows and the digest. */
  private updatesSent = false;
  /** Whether more was wanted than there is room for. */
  private wantsCut = false;
  /** Bytes that the peer that is answered may get. */
  private answerBytesLeft = 0;

  /** @param replayGuard seals what is sent, if there is one @param pool has `outboxWords(datagramBytesMax)` to give */
  constructor(
    rows: Rows, datagramBytesMax: number, replayGuard: ReplayGuard | undefined, pool: WordPool, feeds?: FeedOutbox  ,
  ) {
    this.rows = rows;
    this.replayGuard = replayGuard;
    this.feeds = feeds;
    this.datagramBytesMax = datagramBytesMax;
    this.writer = new FrameWriter();
    this.writer.feeds = feeds;
    this.words = pool.words;
    this.start = pool.alloc(WANTS + wantsMax(datagramBytesMax));
    const frontierBytes = feeds === undefined ? 0 : FEEDS_HASH_BYTES;
    this.summary = new SummaryWriter(rows, datagramBytesMax - this.sealBytes() - frontierBytes, pool);
  }

  /** Counts frames from a number on. */
  count(from: number): void {
    this.counter = from;
    this.summarizedAt = from;
  }

  /**
   * Whether a peer that answers a frame had what this node told last of all its
   * rows. If not it will yet go on from there, and two threads would tell the
   * same things twice.
   */
  answersSummary(answered: number): boolean {
    return ((answered - this.summarizedAt) | 0) >= 0;
  }

  /** Drops what the last input left. */
  clear(): void {
    for (let i = 0; i < this.toSendCount; i++) this.rows.clearFlag(this.rows.listed(LIST_TO_SEND, i), FLAG_TO_SEND);
    this.toSendCount = 0;
    this.toSendNext = 0;
    this.wantCount = 0;
    this.wantNext = 0;
    this.intentCount = 0;
    this.intentNext = 0;
    this.framesLeft = BURST_MAX;
    this.updatesSent = false;
    this.wantsCut = false;
    this.answerBytesLeft = ANY_BYTES;
    this.summary.clear();
    if (this.feeds !== undefined) this.feeds.clear();
  }

  /** The peer may get no more than so many bytes for its datagram. */
  limitAnswer(bytes: number): void {
    this.answerBytesLeft = bytes;
  }

  /** The peer gets no news: what was not believed, or is old, must not use up the sends that news has. */
  withholdUpdates(): void {
    this.updatesSent = true;
  }

  hasRoom(): boolean {
    return this.intentCount < BURST_MAX;
  }

  intentsLeft(): number {
    return BURST_MAX - this.intentCount;
  }

  /** Whether there is something for the peer that is answered. */
  hasAnswer(): boolean {
    if (this.feeds !== undefined && this.feeds.isPending()) return true;
    return this.toSendCount > 0 || this.wantCount > 0 || this.summary.isPending();
  }

  /** Has a row sent to the peer that is answered, in the order of these calls. */
  send(slot: number): void {
    if (this.rows.hasFlag(slot, FLAG_TO_SEND)) return;
    this.rows.setFlag(slot, FLAG_TO_SEND);
    this.rows.setListed(LIST_TO_SEND, this.toSendCount++, slot);
  }

  /** Asks the peer that is answered for its row of a node. What does not fit is asked for another time. */
  want(id: number): void {
    if (this.wantCount < wantsMax(this.datagramBytesMax)) this.words[this.start + WANTS + this.wantCount++] = id;
    else this.wantsCut = true;
  }

  /** @param slot row to put first if it is suspected, usually that of the receiver; 0 for none */
  addSyn(address: number, port: number, flags: number, slot: number): void {
    this.add(TYPE_SYN, address, port, flags, slot, 0);
  }

  /** A SYN that asks its receiver to probe a node, or says that this node heard it: SECTION_PROBE or SECTION_HEARD. */
  addAbout(section: number, id: number, address: number, port: number): void {
    this.add(TYPE_SYN, address, port, section << ABOUT_SHIFT, OWN_SLOT, id);
  }

  /** Says goodbye to a peer. */
  addLeave(address: number, port: number): void {
    this.add(TYPE_LEAVE, address, port, 0, 0, 0);
  }

  /** A SYN with nothing but its head: all that it says is that this node is there. */
  addSign(address: number, port: number): void {
    this.add(TYPE_SYN, address, port, 0, BARE, 0);
  }

  /** @param answered counter of the frame that is answered */
  addAnswer(
    type: number, address: number, port: number, flags: number, withSummary: boolean, answered: number,
  ): void {
    this.add(type, address, port, flags, withSummary ? WITH_SUMMARY : 0, answered);
  }

  /** Writes the next frame into `out`. Returns false when there is none. */
  next(out: Datagram): boolean {
    if (this.intentNext === this.intentCount || this.framesLeft === 0) return false;
    this.framesLeft--;
    const at = this.start + this.intentNext * WORDS;
    const type = this.words[at + TYPE];
    out.address = this.words[at + ADDRESS];
    out.port = this.words[at + PORT];
    this.counter = (this.counter + 1) >>> 0;
    const isAnswer = type === TYPE_ACK || type === TYPE_DIFF;
    const limit = isAnswer && this.answerBytesLeft < this.datagramBytesMax
      ? this.answerBytesLeft : this.datagramBytesMax;
    const flags = (this.words[at + FLAGS] & FLAGS_ON_WIRE) | (this.replayGuard === undefined ? 0 : FLAG_SEALED);
    this.writer.begin(
      out.bytes, limit - this.sealBytes(), type, flags, this.rows, this.counter, this.words[at + ANSWERED],
    );
    if (!isAnswer) this.writeOpening(type, at);
    const rowsFinished = !isAnswer || this.writeAnswer(at);
    const feedsFinished = this.feeds === undefined || this.feeds.write(this.writer, isAnswer);
    const finished = rowsFinished && (feedsFinished || !isAnswer);
    if (finished || limit < this.datagramBytesMax) this.intentNext++;
    else this.words[at + TYPE] = TYPE_DIFF;
    // On the last frame of the burst, so that it goes on once.
    if (isAnswer && (finished ? this.mayAskMore() : this.framesLeft === 0)) this.writer.markMore();
    out.length = this.finish(out.bytes);
    return true;
  }

  /** Whether the peer may go on although all is said: what it wants may not all be known here. */
  private mayAskMore(): boolean {
    return this.wantsCut || (this.feeds !== undefined && this.feeds.gaps.hasSent);
  }

  /** Seals the frame that was written, if this node seals. Returns its length. */
  private finish(bytes: Uint8Array): number {
    const writer = this.writer;
    if (this.replayGuard === undefined) return writer.length();
    return this.replayGuard.seal(bytes, writer.headLength, writer.length(), this.datagramBytesMax);
  }

  private sealBytes(): number {
    return this.replayGuard === undefined ? 0 : SEAL_BYTES;
  }

  private add(type: number, address: number, port: number, flags: number, detail: number, answered: number): void {
    if (!this.hasRoom()) return;
    const at = this.start + this.intentCount++ * WORDS;
    this.words[at + TYPE] = type;
    this.words[at + ADDRESS] = address;
    this.words[at + PORT] = port;
    this.words[at + FLAGS] = flags;
    this.words[at + DETAIL] = detail;
    this.words[at + ANSWERED] = answered;
  }

  /** A frame that answers none. */
  private writeOpening(type: number, at: number): void {
    const writer = this.writer;
    const slot = this.words[at + DETAIL];
    if (slot !== BARE && writer.beginRows()) {
      const first = type === TYPE_LEAVE || this.isAccused(slot) ? slot : -1;
      if (first >= 0) writer.writeRow(this.rows, first);
      if (type === TYPE_SYN) this.writeUpdates(first);
      writer.endRows();
    }
    const about = this.words[at + FLAGS] >>> ABOUT_SHIFT;
    if (about !== 0 && writer.beginIds(about)) {
      writer.writeId(this.words[at + ANSWERED]);
      writer.endIds();
    }
  }

  private isAccused(slot: number): boolean {
    return slot !== OWN_SLOT && this.rows.isHeld(slot) && this.rows.state(slot) >= SUSPECT;
  }

  /** Returns whether nothing is left for the peer. */
  private writeAnswer(at: number): boolean {
    const writer = this.writer;
    if (this.wantNext < this.wantCount && writer.beginIds(SECTION_WANT)) {
      while (this.wantNext < this.wantCount && this.writeWant(this.wantNext)) this.wantNext++;
      writer.endIds();
    }
    if (writer.beginRows()) {
      while (this.toSendNext < this.toSendCount && this.writeToSend(this.toSendNext)) this.toSendNext++;
      const isAck = this.words[at + TYPE] === TYPE_ACK;
      if (isAck && this.toSendNext === this.toSendCount && !this.updatesSent) {
        this.updatesSent = true;
        this.writeUpdates(-1);
      }
      writer.endRows();
    }
    const wantsSummary = this.words[at + DETAIL] === WITH_SUMMARY && !this.summary.isPending();
    if (wantsSummary && this.summary.writeAll(writer, this.counter)) {
      this.words[at + DETAIL] = 0;
      this.summarizedAt = this.counter;
    }
    const told = this.summary.write(writer, this.counter) && this.words[at + DETAIL] === 0;
    return told && this.toSendNext === this.toSendCount && this.wantNext === this.wantCount;
  }

  private writeWant(index: number): boolean {
    return this.writer.writeId(this.words[this.start + WANTS + index]);
  }

  private writeToSend(index: number): boolean {
    return this.writer.writeRow(this.rows, this.rows.listed(LIST_TO_SEND, index));
  }

  /** Rows with sends left as news: urgent ones first, then those that were sent least often. */
  private writeUpdates(except: number): void {
    const rows = this.rows;
    if (rows.updateCount === 0) return;
    // Another row comes first each time, so that of equal ones none is always left out.
    const start = this.counter % rows.capacity;
    let sends = rows.mostTransmitsLeft(TRANSMITS_MAX + 1);
    while (sends > 0 && this.writeUpdatesOf(sends, start, rows.capacity, except)) {
      if (!this.writeUpdatesOf(sends, 0, start, except)) break;
      sends = rows.mostTransmitsLeft(sends);
    }
    if (this.feeds !== undefined) this.feeds.noteUpdates();
    rows.countTransmits();
  }

  /** Writes the rows in slots from `from` to below `to` with so many sends left. Returns whether all did fit. */
  private writeUpdatesOf(sends: number, from: number, to: number, except: number): boolean {
    const rows = this.rows;
    for (let slot = rows.nextUpdate(from, sends); slot < to; slot = rows.nextUpdate(slot + 1, sends)) {
      if (slot === except || rows.hasFlag(slot, FLAG_TO_SEND)) continue;
      if (!this.writer.writeRow(rows, slot)) return false;
      rows.setFlag(slot, FLAG_SENT_AS_UPDATE);
    }
    return true;
  }
}

const TYPE = 0;
const ADDRESS = 1;
const PORT = 2;
const FLAGS = 3;
/** Of a SYN, the slot of its receiver; of an answer, whether it carries a summary. */
const DETAIL = 4;
const ANSWERED = 5;
const WORDS = 6;
const WANTS = BURST_MAX * WORDS;

/** Of an intent's flags: those that are sent, then the section that a SYN has about a node, whose id is in ANSWERED. */
const FLAGS_ON_WIRE = 0xff;
const ABOUT_SHIFT = 8;
const WITH_SUMMARY = 1;
/** Beyond all slots. */
const BARE = 0xffffffff;
const ANY_BYTES = 0xffff;
const WANTS_MIN = 8;

/** Ids that one answer may want. The peer goes on when there are more. */
function wantsMax(datagramBytesMax: number): number {
  const wants = datagramBytesMax >>> 5;
  return wants < WANTS_MIN ? WANTS_MIN : wants;
}

/** What an `Outbox` takes from its pool, its summary included. */
export function outboxWords(datagramBytesMax: number): number {
  return WANTS + wantsMax(datagramBytesMax) + SUMMARY_WORDS;
}
