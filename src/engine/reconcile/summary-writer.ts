import { countBetween, rangeEnd } from "../table/fingerprints.js";
import { orderKey } from "../table/hash.js";
import {
  CUT_KEY, FIRST_KEY, MARKED_COUNT, MARKED_SECTION, MARKS_AT, NEXT_KEYS, RANGES_LOG, ROWS_BEFORE,
  ROW_FINGERPRINTS_BYTES_MAX, SKETCHED_AT, SKETCH_PAUSE,
} from "../table/node-words.js";
import {
  RANGE_FINGERPRINTS_HEAD_BYTES, RANGES_LOG_MAX, RANGE_FINGERPRINT_BYTES, DIGEST_ENTRY_BYTES_MAX, DIGEST_HEAD_BYTES,
  ROW_FINGERPRINTS_HEAD_BYTES, PREAMBLE_BYTES_MAX, SECTION_DIGEST, SECTION_ROW_FINGERPRINTS, SECTION_HEAD_BYTES,
  SKETCH_BYTES, SKETCH_SYNDROMES, TYPE_ACK, WITH_FEEDS, rangeFrom, rangeTo,
} from "../wire/frame.js";
import { type FrameWriter, rowFingerprintsBytes } from "../wire/frame-writer.js";
import type { Rows } from "../table/rows.js";
import { isCounted } from "../table/states.js";
import type { WordPool } from "../word-pool.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { SKETCH_WORDS, isLocated, locate, sketchRows, subtractSyndrome } from "./sketch.js";

const MARK_WORDS = (1 << RANGES_LOG_MAX) >>> 5;

/** With fewer rows, a byte for each is shorter than a sketch or hardly longer, and shows any number of them. */
const SKETCHED_ROWS_LEAST = 32;
/** After a new row, or a sketch that was too small for what differs: so many frames received and rounds. */
export const SKETCH_PAUSE_MAX = 32;
const SKETCH_SECTION_BYTES = SECTION_HEAD_BYTES + SKETCH_BYTES;

/** Up to this many rows get a fingerprint each at once. With more, range fingerprints come first. */
const SINGLE_ROWS_MAX = 64;
/** Rows in a range, about: a byte for each costs little more than the head of their list. */
const RANGE_ROWS = 8;
/** Fewer than 8 ranges narrow the difference too little. They wait for another frame. */
const RANGES_LOG_MIN = 3;
/** Up to this many rows are listed by id at once: that costs no more, and the peer sees which rows are missing. */
const EXPLICIT_ROWS = 2;
/** A digest without room for one row waits for another frame. */
const DIGEST_BYTES_WORTHWHILE = SECTION_HEAD_BYTES + DIGEST_HEAD_BYTES + DIGEST_ENTRY_BYTES_MAX;
const KEY_MAX = 0xffffffff;
/** In place of an order key: the list of marked ranges is not begun. */
const NOT_BEGUN = -1;

/** Words that a `SummaryWriter` allocates: marks, and in their place a sketch. @param capacity in rows */
export function summaryWords(capacity: number): number {
  return capacity < SKETCHED_ROWS_LEAST ? MARK_WORDS : Math.max(MARK_WORDS, SKETCH_WORDS);
}

/**
 * Shows a peer which rows differ, in three steps (PROTOCOL 5.3): fingerprints of
 * ranges; then a byte for each row of the ranges that differ; then ids and
 * statements where the two nodes hold rows of different nodes.
 */
export class SummaryWriter {
  protected readonly rows: Rows;
  /**
   * Order key from which lists are still to be written; above all keys when all were. No word, as it has two values
   * that are no uint32.
   */
  private listKey = 0;

  /** @param pool has `summaryWords(rows.capacity)` free */
  constructor(rows: Rows, datagramBytesMax: number, pool: WordPool) {
    this.rows = rows;
    this.setKey(ROW_FINGERPRINTS_BYTES_MAX, datagramBytesMax - PREAMBLE_BYTES_MAX - SECTION_HEAD_BYTES
      - ROW_FINGERPRINTS_HEAD_BYTES);
    this.setKey(MARKS_AT, pool.alloc(summaryWords(rows.capacity)));
  }

  /** Drops what is left. The next burst begins with it, so that every row has its turn. */
  protected clearSummary(): void {
    const words = this.rows.words;
    if (words[MARKED_COUNT] > 0) words[this.nextKey()] = words[CUT_KEY];
    words[MARKED_COUNT] = 0;
    // While nodes get to know one another, more differs than a sketch shows.
    const count = this.rows.count;
    if (words[ROWS_BEFORE] !== count) {
      words[ROWS_BEFORE] = count;
      words[SKETCH_PAUSE] = SKETCH_PAUSE_MAX;
    } else if (words[SKETCH_PAUSE] > 0) {
      words[SKETCH_PAUSE]--;
    }
  }

  /** Whether a marked range is left. */
  isSummaryPending(): boolean { return this.rows.words[MARKED_COUNT] > 0; }

  /**
   * Begins with 2^`log` ranges, none of them marked.
   *
   * @param section for the ranges that will be marked
   */
  beginSummary(log: number, section: number): void {
    this.setKey(MARKED_COUNT, 0);
    this.setKey(RANGES_LOG, log);
    this.setKey(MARKED_SECTION, section);
    this.listKey = NOT_BEGUN;
    this.setKey(CUT_KEY, this.key(this.nextKey()));
    const marks = this.key(MARKS_AT);
    for (let i = 0; i < MARK_WORDS; i++) this.rows.words[marks + i] = 0;
  }

  /** Marks a range whose rows differ from the peer's. */
  markRange(range: number): void {
    if (this.isMarked(range)) return;
    this.rows.words[this.key(MARKS_AT) + (range >>> 5)] |= 1 << (range & 31);
    this.rows.words[MARKED_COUNT]++;
  }

  /**
   * Shows all rows: up to 64 by a fingerprint each, more by range fingerprints.
   * Returns false when there is no room. `writeSummary` must follow.
   */
  protected writeAll(writer: FrameWriter, counter: number): boolean {
    const count = this.rows.counted;
    if (count <= SINGLE_ROWS_MAX) {
      this.beginSummary(0, SECTION_ROW_FINGERPRINTS);
      this.markRange(0);
      return true;
    }
    let log = RANGES_LOG_MAX;
    const room = writer.room() - SECTION_HEAD_BYTES - RANGE_FINGERPRINTS_HEAD_BYTES;
    while (log > 0 && (RANGE_FINGERPRINT_BYTES << log > room || RANGE_ROWS << log > count + (count >>> 1))) log--;
    if (log < RANGES_LOG_MIN) return false;
    writer.writeRangeFingerprints(this.rows, log, counter);
    return true;
  }

  /** Writes the marked ranges, as far as they fit. Returns whether all did. */
  protected writeSummary(writer: FrameWriter, counter: number): boolean {
    if (this.key(MARKED_COUNT) === 0) return true;
    if (this.listKey === NOT_BEGUN) this.beginAt(this.firstKey(counter));
    if (!this.writeDigests(writer) || !this.writeRowFingerprints(writer, counter)) return false;
    // In a frame the ranges ascend: those before the first come in the next frame.
    this.beginAt(0);
    if (this.key(MARKED_COUNT) > 0) return false;
    // Fingerprints of all rows, between two parts of a list, do not end the list.
    if (this.key(RANGES_LOG) > 0 || this.key(MARKED_SECTION) === SECTION_DIGEST) this.setKey(this.nextKey(), 0);
    return true;
  }

  /**
   * PROTOCOL 5.3: whether a sketch shows all rows in the ACK that is being written, which then has room for it. Not if
   * there are few rows, if there were new ones lately, or if a sketch was too small.
   */
  protected planSketch(writer: FrameWriter): boolean {
    const rows = this.rows;
    if (rows.capacity < SKETCHED_ROWS_LEAST || this.key(SKETCH_PAUSE) > 0) return false;
    if (writer.room() < SKETCH_SECTION_BYTES || rows.counted < SKETCHED_ROWS_LEAST) return false;
    writer.reserve(SKETCH_SECTION_BYTES);
    return true;
  }

  /** Writes the sketch for which `planSketch` made room, behind all other sections. */
  protected writeSketch(writer: FrameWriter, counter: number): void {
    this.setKey(SKETCHED_AT, counter);
    writer.reserve(-SKETCH_SECTION_BYTES);
    sketchRows(this.rows, this.rows.words, this.key(MARKS_AT), counter, writer.withFeeds);
    writer.writeSketch(this.rows.words, this.key(MARKS_AT));
  }

  /** A frame has fingerprints or lists, and answers another one: if that had a sketch, the sketch was too small. */
  noteSummary(answered: number): void {
    if (this.rows.capacity < SKETCHED_ROWS_LEAST || answered !== this.key(SKETCHED_AT)) return;
    this.setKey(SKETCH_PAUSE, SKETCH_PAUSE_MAX);
  }

  /** Reads a sketch and returns how many rows differ, of which `isLocated` tells; -1: more than a sketch shows. */
  locate(frame: FrameReader): number {
    if (frame.type !== TYPE_ACK || frame.end - frame.position !== SKETCH_BYTES) return -1;
    const withFeeds = frame.u8() >= WITH_FEEDS;
    if (this.rows.capacity < SKETCHED_ROWS_LEAST || this.key(MARKED_COUNT) > 0) return -1;
    if (withFeeds && this.rows.feedsHash === undefined) return -1;
    const start = this.key(MARKS_AT);
    sketchRows(this.rows, this.rows.words, start, frame.counter, withFeeds);
    for (let i = start; i < start + SKETCH_SYNDROMES; i++) subtractSyndrome(this.rows.words, i, frame.u16());
    return locate(this.rows.words, start);
  }

  /** Whether a row is one of those that differ. @param count from `locate` @param place from `placeInSketch` */
  isLocated(count: number, place: number): boolean {
    return isLocated(this.rows.words, this.key(MARKS_AT), count, place);
  }

  private key(word: number): number { return this.rows.words[word]; }
  private setKey(word: number, key: number): void { this.rows.words[word] = key; }

  /**
   * The order key to begin with: where the last burst had no room. If that is in no marked range, the last burst
   * showed other ranges. Several such lists may take turns, so this one begins anywhere: each row has its turn.
   */
  private firstKey(counter: number): number {
    const next = this.key(this.nextKey());
    if (next === 0 || this.isMarked(this.rangeOf(next))) return next;
    const key = orderKey(counter);
    const ranges = 1 << this.key(RANGES_LOG);
    for (let range = this.rangeOf(key); range < ranges; range++) if (this.isMarked(range)) return key;
    return 0;
  }

  /** The word of NEXT_KEYS for the marked ranges. */
  private nextKey(): number {
    return this.key(MARKED_SECTION) === SECTION_DIGEST ? NEXT_KEYS : NEXT_KEYS + 1;
  }

  private isMarked(range: number): boolean {
    return (this.rows.words[this.key(MARKS_AT) + (range >>> 5)] & (1 << (range & 31))) !== 0;
  }

  private beginAt(key: number): void {
    this.setKey(FIRST_KEY, key);
    this.listKey = key;
    this.setKey(CUT_KEY, key);
  }

  private unmark(from: number, to: number): void {
    for (let range = from; range < to; range++) {
      if (!this.isMarked(range)) continue;
      this.rows.words[this.key(MARKS_AT) + (range >>> 5)] &= ~(1 << (range & 31));
      this.rows.words[MARKED_COUNT]--;
    }
  }

  /** Whether a range is marked and goes into a DIGEST. */
  private isListed(range: number): boolean {
    if (!this.isMarked(range)) return false;
    if (this.key(MARKED_SECTION) === SECTION_DIGEST) return true;
    const log = this.key(RANGES_LOG);
    const start = this.rows.placeOf(rangeFrom(range, log));
    const count = countBetween(this.rows, start, rangeEnd(this.rows, start, range, log));
    return count <= EXPLICIT_ROWS || rowFingerprintsBytes(range, count) > this.key(ROW_FINGERPRINTS_BYTES_MAX);
  }

  /** Writes a DIGEST for each sequence of adjacent listed ranges. Returns whether all fit. */
  private writeDigests(writer: FrameWriter): boolean {
    const ranges = 1 << this.key(RANGES_LOG);
    for (let range = this.rangeOf(this.listKey); range < ranges && this.listKey <= KEY_MAX; range++) {
      if (!this.isListed(range)) continue;
      let after = range + 1;
      while (after < ranges && this.isListed(after)) after++;
      const start = rangeFrom(range, this.key(RANGES_LOG));
      const to = rangeTo(after - 1, this.key(RANGES_LOG));
      this.listKey = this.writeDigest(writer, this.listKey > start ? this.listKey : start, to);
      const complete = this.listKey > to;
      // In the first range, the rows before the first key come last.
      this.unmark(start < this.key(FIRST_KEY) ? range + 1 : range, complete ? after : this.rangeOf(this.listKey));
      if (!complete) {
        this.setKey(CUT_KEY, this.listKey);
        return false;
      }
      range = after - 1;
    }
    this.listKey = KEY_MAX + 1;
    return true;
  }

  private rangeOf(key: number): number {
    return this.key(RANGES_LOG) === 0 ? 0 : key >>> (32 - this.key(RANGES_LOG));
  }

  private writeRowFingerprints(writer: FrameWriter, counter: number): boolean {
    if (this.key(MARKED_COUNT) === 0) return true;
    if (!writer.beginRowFingerprints(this.key(RANGES_LOG))) return false;
    let fits = true;
    for (let range = this.rangeOf(this.key(FIRST_KEY)); range < 1 << this.key(RANGES_LOG) && fits; range++) {
      if (!this.isMarked(range) || this.isListed(range)) continue;
      fits = writer.writeRowFingerprints(this.rows, range, this.key(RANGES_LOG), counter);
      if (fits) this.unmark(range, range + 1);
      else this.setKey(CUT_KEY, rangeFrom(range, this.key(RANGES_LOG)));
    }
    writer.endRowFingerprints();
    return fits;
  }

  /** Lists rows with order keys from `from` to `to`, as many as fit. Returns the key of the first that did not. */
  private writeDigest(writer: FrameWriter, from: number, to: number): number {
    const rows = this.rows;
    if (writer.room() < DIGEST_BYTES_WORTHWHILE || !writer.beginDigest(from)) return from;
    let place = rows.placeOf(from);
    for (; place < rows.count && rows.orderKeyAt(place) <= to; place++) {
      const slot = rows.slotAt(place);
      if (isCounted(rows.state(slot)) && !writer.writeDigestEntry(rows, slot)) break;
    }
    const complete = place === rows.count || rows.orderKeyAt(place) > to;
    const end = complete ? to : rows.orderKeyAt(place) - 1;
    writer.endDigest(end);
    return end + 1;
  }
}
