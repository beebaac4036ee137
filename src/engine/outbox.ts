import { DIGEST_HEAD_BYTES, SECTION_HEAD_BYTES, TYPE_DIFF, TYPE_SYN } from "./frame.js";
import { FrameWriter } from "./frame-writer.js";
import { FLAG_SENT_AS_NEWS, FLAG_TO_SEND, LIST_TO_SEND, type Rows } from "./rows.js";
import { REMOVE, SUSPECT } from "./states.js";

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

  /** The intents, then the wants. */
  private readonly words: Uint32Array;
  private intentCount = 0;
  private intentNext = 0;
  private framesLeft = 0;

  private toSendCount = 0;
  private toSendNext = 0;
  private readonly wantsMax: number;
  private wantCount = 0;
  private wantNext = 0;
  /** Id at which the next digest starts, so that what never fits at once passes in turn. */
  private digestFrom = 0;

  constructor(rows: Rows, datagramBytesMax: number) {
    this.rows = rows;
    this.datagramBytesMax = datagramBytesMax;
    this.writer = new FrameWriter();
    this.wantsMax = datagramBytesMax >>> 3;
    this.words = new Uint32Array(BURST_MAX * WORDS + this.wantsMax);
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
  }

  hasRoom(): boolean {
    return this.intentCount < BURST_MAX;
  }

  /** Whether there is something for the peer that is answered. */
  hasAnswer(): boolean {
    return this.toSendCount > 0 || this.wantCount > 0;
  }

  /** Has a row sent to the peer that is answered, in the order of these calls. */
  send(slot: number): void {
    if (this.rows.hasFlag(slot, FLAG_TO_SEND)) return;
    this.rows.setFlag(slot, FLAG_TO_SEND);
    this.rows.setListed(LIST_TO_SEND, this.toSendCount++, slot);
  }

  /** Asks the peer that is answered for its row of a node. What does not fit is asked for another time. */
  want(id: number): void {
    if (this.wantCount < this.wantsMax) this.words[WANTS + this.wantCount++] = id;
  }

  /** @param slot row to put first if it is suspected, usually that of the receiver; 0 for none */
  addSyn(address: number, port: number, flags: number, slot: number): void {
    this.add(TYPE_SYN, address, port, flags, slot, 0);
  }

  /** @param answered counter of the frame that is answered */
  addAnswer(type: number, address: number, port: number, withDigest: boolean, answered: number): void {
    this.add(type, address, port, 0, withDigest ? 1 : 0, answered);
  }

  /** Writes the next frame into `out`. Returns false when there is none. */
  take(out: Datagram): boolean {
    if (this.intentNext === this.intentCount || this.framesLeft === 0) return false;
    this.framesLeft--;
    const at = this.intentNext * WORDS;
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
    const at = this.intentCount++ * WORDS;
    this.words[at + TYPE] = type;
    this.words[at + ADDRESS] = address;
    this.words[at + PORT] = port;
    this.words[at + FLAGS] = flags;
    this.words[at + DETAIL] = detail;
    this.words[at + ANSWERED] = answered;
  }

  private writeSyn(at: number): boolean {
    if (!this.writer.beginRows()) return true;
    const slot = this.words[at + DETAIL];
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
      while (this.wantNext < this.wantCount && writer.writeWant(this.words[WANTS + this.wantNext])) this.wantNext++;
      writer.endWants();
    }
    const withDigest = this.words[at + DETAIL] === 1;
    // Every fourth digest has half of the room to itself: where there is always news it would never fit.
    const reserved = withDigest && (this.counter & 3) === 0 ? writer.room() >>> 1 : 0;
    writer.reserve(reserved);
    if (writer.beginRows()) {
      while (this.toSendNext < this.toSendCount && this.writeToSend(this.toSendNext)) this.toSendNext++;
      if (this.toSendNext === this.toSendCount) this.writeNews(-1);
      writer.endRows();
    }
    writer.reserve(-reserved);
    if (withDigest) this.writeDigest();
    this.words[at + DETAIL] = 0;
    return this.toSendNext === this.toSendCount && this.wantNext === this.wantCount;
  }

  private writeToSend(index: number): boolean {
    return this.writer.writeRow(this.rows, this.rows.listed(LIST_TO_SEND, index));
  }

  /** Rows with sends left as news, those that were sent least often first. */
  private writeNews(except: number): void {
    const rows = this.rows;
    let unseen = rows.newsCount;
    let room = true;
    for (let sends = rows.newsSendsMax(); sends > 0 && unseen > 0 && room; sends--) {
      for (let place = 0; place < rows.count && room; place++) {
        const slot = rows.slotAt(place);
        if (rows.news(slot) !== sends) continue;
        unseen--;
        if (slot === except || rows.hasFlag(slot, FLAG_TO_SEND)) continue;
        room = this.writer.writeRow(rows, slot);
        if (room) rows.setFlag(slot, FLAG_SENT_AS_NEWS);
      }
    }
    this.countNewsSends();
  }

  private countNewsSends(): void {
    const rows = this.rows;
    if (rows.newsCount === 0) return;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (!rows.hasFlag(slot, FLAG_SENT_AS_NEWS)) continue;
      rows.clearFlag(slot, FLAG_SENT_AS_NEWS);
      rows.setNews(slot, rows.news(slot) - 1);
    }
  }

  private writeDigest(): void {
    const rows = this.rows;
    const writer = this.writer;
    if (writer.room() < DIGEST_BYTES_WORTHWHILE || !writer.beginDigest(this.digestFrom)) return;
    let last = ID_MAX;
    let written = this.digestFrom;
    for (let place = rows.placeOf(this.digestFrom); place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (rows.state(slot) === REMOVE) continue;
      if (!writer.writeDigestEntry(rows, slot)) {
        last = written;
        break;
      }
      written = rows.id(slot);
    }
    writer.endDigest(last);
    this.digestFrom = last === ID_MAX ? 0 : last + 1;
  }
}

const TYPE = 0;
const ADDRESS = 1;
const PORT = 2;
const FLAGS = 3;
/** Of a SYN, the slot of its receiver; of an answer, 1 when it carries a digest. */
const DETAIL = 4;
const ANSWERED = 5;
const WORDS = 6;
const WANTS = BURST_MAX * WORDS;

const ID_MAX = 0xffffffff;
/** A digest of less than four rows waits for a datagram with more room. */
const DIGEST_BYTES_WORTHWHILE = SECTION_HEAD_BYTES + DIGEST_HEAD_BYTES + 4 * 15;
