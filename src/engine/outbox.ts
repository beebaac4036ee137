import {
  BUCKETS_HEAD_BYTES, BUCKETS_LOG_MAX, BUCKET_BYTES, DIGEST_ENTRY_BYTES_MAX, DIGEST_HEAD_BYTES, SECTION_HEAD_BYTES,
  TYPE_DIFF, TYPE_SYN, bucketFrom, bucketTo,
} from "./frame.js";
import { FrameWriter, digestEntryBytes } from "./frame-writer.js";
import { FLAG_SENT_AS_NEWS, FLAG_TO_SEND, LIST_TO_SEND, NEWS_MAX, type Rows } from "./rows.js";
import { REMOVE, SUSPECT } from "./states.js";
import type { WordPool } from "./word-pool.js";

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
  private readonly datagramBytesMax: number;
  /** Counter of the last frame sent: rises with each, so that no two of one start are alike. */
  counter = 0;

  /** The intents, then a bit for each of the peer's buckets, then the wants. */
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
  private newsSent = false;
  /** Of the peer's buckets, the base-2 logarithm of their number; those that differ are marked. */
  private bucketsLog = 0;
  private bucketsLeft = 0;
  private bucketsStart = 0;
  /** Key at which the digest of a bucket goes on that did not fit; 0 when a new one begins. */
  private bucketsResume = 0;

  /** @param pool has `outboxWords(datagramBytesMax)` to give */
  constructor(rows: Rows, datagramBytesMax: number, pool: WordPool) {
    this.rows = rows;
    this.datagramBytesMax = datagramBytesMax;
    this.writer = new FrameWriter();
    this.words = pool.words;
    this.start = pool.take(outboxWords(datagramBytesMax));
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
    this.newsSent = false;
    this.bucketsLeft = 0;
    this.bucketsResume = 0;
  }

  hasRoom(): boolean {
    return this.intentCount < BURST_MAX;
  }

  /** Whether there is something for the peer that is answered. */
  hasAnswer(): boolean {
    return this.toSendCount > 0 || this.wantCount > 0 || this.bucketsLeft > 0;
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
  }

  /** The peer has told fingerprints of 2^`log` buckets; none is marked yet. */
  beginMarks(log: number): void {
    this.bucketsLog = log;
    this.bucketsStart = this.counter;
    for (let i = 0; i < MARK_WORDS; i++) this.words[this.start + MARKS + i] = 0;
  }

  /** Has the rows in a bucket listed, since they differ from the peer's. */
  mark(bucket: number): void {
    this.words[this.start + MARKS + (bucket >>> 5)] |= 1 << (bucket & 31);
    this.bucketsLeft = 1 << this.bucketsLog;
  }

  /** @param slot row to put first if it is suspected, usually that of the receiver; 0 for none */
  addSyn(address: number, port: number, flags: number, slot: number): void {
    this.add(TYPE_SYN, address, port, flags, slot, 0);
  }

  /** A SYN with nothing but its head: all that it says is that this node is there. */
  addSign(address: number, port: number): void {
    this.add(TYPE_SYN, address, port, 0, BARE, 0);
  }

  /** @param answered counter of the frame that is answered */
  addAnswer(type: number, address: number, port: number, withSummary: boolean, answered: number): void {
    this.add(type, address, port, 0, withSummary ? WITH_SUMMARY : 0, answered);
  }

  /** Writes the next frame into `out`. Returns false when there is none. */
  take(out: Datagram): boolean {
    if (this.intentNext === this.intentCount || this.framesLeft === 0) return false;
    this.framesLeft--;
    const at = this.start + this.intentNext * WORDS;
    const type = this.words[at + TYPE];
    out.address = this.words[at + ADDRESS];
    out.port = this.words[at + PORT];
    this.counter = (this.counter + 1) >>> 0;
    this.writer.begin(
      out.bytes, this.datagramBytesMax, type, this.words[at + FLAGS], this.rows, this.counter,
      this.words[at + ANSWERED],
    );
    const finished = type === TYPE_SYN ? this.writeSyn(at) : this.writeAnswer(at);
    if (finished) this.intentNext++;
    else this.words[at + TYPE] = TYPE_DIFF;
    out.length = this.writer.length();
    return true;
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

  private writeSyn(at: number): boolean {
    const slot = this.words[at + DETAIL];
    if (slot === BARE || !this.writer.beginRows()) return true;
    const accused = slot !== 0 && this.rows.isHeld(slot) && this.rows.state(slot) >= SUSPECT;
    if (accused) this.writer.writeRow(this.rows, slot);
    this.writeNews(accused ? slot : -1);
    this.writer.endRows();
    return true;
  }

  /** Returns whether nothing is left for the peer. */
  private writeAnswer(at: number): boolean {
    const writer = this.writer;
    if (this.wantNext < this.wantCount && writer.beginWants()) {
      while (this.wantNext < this.wantCount && this.writeWant(this.wantNext)) this.wantNext++;
      writer.endWants();
    }
    if (writer.beginRows()) {
      while (this.toSendNext < this.toSendCount && this.writeToSend(this.toSendNext)) this.toSendNext++;
      if (this.toSendNext === this.toSendCount && !this.newsSent) {
        this.newsSent = true;
        this.writeNews(-1);
      }
      writer.endRows();
    }
    this.writeMarkedBuckets();
    if (this.words[at + DETAIL] === WITH_SUMMARY && this.writeSummary()) this.words[at + DETAIL] = 0;
    const sent = this.toSendNext === this.toSendCount && this.wantNext === this.wantCount;
    return sent && this.bucketsLeft === 0 && this.words[at + DETAIL] === 0;
  }

  private writeWant(index: number): boolean {
    return this.writer.writeWant(this.words[this.start + WANTS + index]);
  }

  private writeToSend(index: number): boolean {
    return this.writer.writeRow(this.rows, this.rows.listed(LIST_TO_SEND, index));
  }

  /** Rows with sends left as news: urgent ones first, then those that were sent least often. */
  private writeNews(except: number): void {
    const rows = this.rows;
    if (rows.newsCount === 0) return;
    // Another row comes first each time, so that of equal ones none is always left out.
    const start = this.counter % rows.capacity;
    let sends = rows.mostNews(NEWS_MAX + 1);
    while (sends > 0 && this.writeNewsOf(sends, start, rows.capacity, except)) {
      if (!this.writeNewsOf(sends, 0, start, except)) break;
      sends = rows.mostNews(sends);
    }
    rows.countNewsSends();
  }

  /** Writes the rows in slots from `from` to below `to` with so many sends left. Returns whether all did fit. */
  private writeNewsOf(sends: number, from: number, to: number, except: number): boolean {
    const rows = this.rows;
    for (let slot = rows.nextNews(from, sends); slot < to; slot = rows.nextNews(slot + 1, sends)) {
      if (slot === except || rows.hasFlag(slot, FLAG_TO_SEND)) continue;
      if (!this.writer.writeRow(rows, slot)) return false;
      rows.setFlag(slot, FLAG_SENT_AS_NEWS);
    }
    return true;
  }

  /** What shows a peer which rows differ: all of them if they fit, else fingerprints. False: no room for either. */
  private writeSummary(): boolean {
    const rows = this.rows;
    if (this.digestFits()) {
      this.writeDigest(0, KEY_MAX);
      return true;
    }
    let log = BUCKETS_LOG_MAX;
    const room = this.writer.room() - SECTION_HEAD_BYTES - BUCKETS_HEAD_BYTES;
    while (log > 0 && (BUCKET_BYTES << log > room || BUCKET_ROWS << log > rows.count * 2)) log--;
    if (log < BUCKETS_LOG_LEAST) return false;
    this.writer.writeBuckets(rows, log, this.counter);
    return true;
  }

  private digestFits(): boolean {
    let room = this.writer.room() - SECTION_HEAD_BYTES - DIGEST_HEAD_BYTES;
    for (let place = 0; place < this.rows.count && room >= 0; place++) {
      room -= digestEntryBytes(this.rows, this.rows.slotAt(place));
    }
    return room >= 0;
  }

  /** Lists the rows in those buckets that the peer's fingerprints showed to differ. */
  private writeMarkedBuckets(): void {
    const count = 1 << this.bucketsLog;
    // Another bucket comes first each time, so that what is beyond a burst has its turn.
    for (; this.bucketsLeft > 0; this.bucketsLeft--) {
      const bucket = (this.bucketsStart + this.bucketsLeft) & (count - 1);
      if ((this.words[this.start + MARKS + (bucket >>> 5)] & (1 << (bucket & 31))) === 0) continue;
      const from = this.bucketsResume > 0 ? this.bucketsResume : bucketFrom(bucket, this.bucketsLog);
      const to = bucketTo(bucket, this.bucketsLog);
      this.bucketsResume = this.writeDigest(from, to);
      if (this.bucketsResume <= to) return;
      this.bucketsResume = 0;
    }
  }

  /** Lists rows with keys from `from` to `to`, as many as fit; returns the key from which on it did not. */
  private writeDigest(from: number, to: number): number {
    const rows = this.rows;
    const writer = this.writer;
    if (writer.room() < DIGEST_BYTES_WORTHWHILE || !writer.beginDigest(from)) return from;
    let place = rows.placeOf(from);
    for (; place < rows.count && rows.keyAt(place) <= to; place++) {
      const slot = rows.slotAt(place);
      if (rows.state(slot) !== REMOVE && !writer.writeDigestEntry(rows, slot)) break;
    }
    const complete = place === rows.count || rows.keyAt(place) > to;
    const end = complete ? to : rows.keyAt(place) - 1;
    writer.endDigest(end);
    return end + 1;
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
const MARKS = BURST_MAX * WORDS;
const MARK_WORDS = (1 << BUCKETS_LOG_MAX) >>> 5;
const WANTS = MARKS + MARK_WORDS;

const KEY_MAX = 0xffffffff;
const WITH_SUMMARY = 1;
/** Beyond all slots. */
const BARE = 0xffffffff;
/** Rows in a bucket, about: so many that its digest costs little more than its fingerprint. */
const BUCKET_ROWS = 4;
/** Fewer than 8 buckets tell too little; they wait for another frame. */
const BUCKETS_LOG_LEAST = 3;
/** A digest that has no room for one row waits for another frame. */
const DIGEST_BYTES_WORTHWHILE = SECTION_HEAD_BYTES + DIGEST_HEAD_BYTES + DIGEST_ENTRY_BYTES_MAX;

/** Ids that one answer may want: as many as a datagram of rows without values would bring, or more. */
function wantsMax(datagramBytesMax: number): number {
  return datagramBytesMax >>> 3;
}

/** What an `Outbox` takes from its pool. */
export function outboxWords(datagramBytesMax: number): number {
  return WANTS + wantsMax(datagramBytesMax);
}
