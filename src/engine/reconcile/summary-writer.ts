import { countBetween } from "../table/fingerprints.js";
import { orderKey } from "../table/hash.js";
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

// Words that `SummaryWriter` allocates: what is being listed, then a bit for each range.
/** The order key to begin with: not 0 if the last burst had no room for the rest. */
const FIRST_KEY = 0;
/** Order key at which the room ended. */
const CUT_KEY = FIRST_KEY + 1;
/**
 * Where the next burst begins; 0 when the last one had room for everything. Lists of ids and lists of fingerprints
 * each have their own: they take turns, and one that ends must not end the other.
 */
const NEXT_KEYS = CUT_KEY + 1;
/** The base-2 logarithm of the number of ranges. */
const LOG = NEXT_KEYS + 2;
/** The section for the marked ranges: SECTION_ROW_FINGERPRINTS, or SECTION_DIGEST if the peer holds other nodes. */
const SECTION = LOG + 1;
const MARKS = SECTION + 1;
const MARK_WORDS = (1 << RANGES_LOG_MAX) >>> 5;
// In a node with room for SKETCHED_ROWS_LEAST rows, while no range is marked: a sketch. Behind it:
/** Counter of the last frame with a sketch. */
const SKETCHED_AT = MARKS + SKETCH_WORDS;
/** For how many more inputs no sketch is tried, and the number of rows at the last one. */
const SKETCH_PAUSE = SKETCHED_AT + 1;
const ROWS_BEFORE = SKETCH_PAUSE + 1;

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

/** Words that a `SummaryWriter` allocates. @param capacity in rows */
export function summaryWords(capacity: number): number {
  return capacity < SKETCHED_ROWS_LEAST ? MARKS + MARK_WORDS : ROWS_BEFORE + 1;
}

/**
 * Shows a peer which rows differ, in three steps (PROTOCOL 5.3): fingerprints of
 * ranges; then a byte for each row of the ranges that differ; then ids and
 * statements where the two nodes hold rows of different nodes.
 */
export class SummaryWriter {
  private readonly rows: Rows;
  private readonly rowFingerprintsBytesMax: number;
  private readonly words: Uint32Array;
  private readonly start: number;
  private marked = 0;
  /** Order key from which lists are still to be written; above all keys when all were. */
  private listKey = 0;

  /** @param pool has `summaryWords(rows.capacity)` free */
  constructor(rows: Rows, datagramBytesMax: number, pool: WordPool) {
    this.rows = rows;
    this.rowFingerprintsBytesMax = datagramBytesMax - PREAMBLE_BYTES_MAX - SECTION_HEAD_BYTES
      - ROW_FINGERPRINTS_HEAD_BYTES;
    this.words = pool.words;
    this.start = pool.alloc(summaryWords(rows.capacity));
  }

  /** Drops what is left. The next burst begins with it, so that every row has its turn. */
  clear(): void {
    if (this.marked > 0) this.setKey(this.nextKey(), this.key(CUT_KEY));
    this.marked = 0;
    if (this.rows.capacity >= SKETCHED_ROWS_LEAST) this.awaitSketch();
  }

  /** While nodes get to know one another, more differs than a sketch shows. */
  private awaitSketch(): void {
    const words = this.words;
    const start = this.start;
    const count = this.rows.count;
    if (words[start + ROWS_BEFORE] !== count) {
      words[start + ROWS_BEFORE] = count;
      words[start + SKETCH_PAUSE] = SKETCH_PAUSE_MAX;
    } else if (words[start + SKETCH_PAUSE] > 0) {
      words[start + SKETCH_PAUSE]--;
    }
  }

  /** Whether a marked range is left. */
  isPending(): boolean {
    return this.marked > 0;
  }

  /**
   * Begins with 2^`log` ranges, none of them marked.
   *
   * @param section for the ranges that will be marked
   */
  begin(log: number, section: number): void {
    this.marked = 0;
    this.setKey(LOG, log);
    this.setKey(SECTION, section);
    this.listKey = NOT_BEGUN;
    this.setKey(CUT_KEY, this.key(this.nextKey()));
    for (let i = 0; i < MARK_WORDS; i++) this.words[this.start + MARKS + i] = 0;
  }

  /** Marks a range whose rows differ from the peer's. */
  mark(range: number): void {
    if (this.isMarked(range)) return;
    this.words[this.start + MARKS + (range >>> 5)] |= 1 << (range & 31);
    this.marked++;
  }

  /**
   * Shows all rows: up to 64 by a fingerprint each, more by range fingerprints.
   * Returns false when there is no room. `write` must follow.
   */
  writeAll(writer: FrameWriter, counter: number): boolean {
    const count = this.rows.counted;
    if (count <= SINGLE_ROWS_MAX) {
      this.begin(0, SECTION_ROW_FINGERPRINTS);
      this.mark(0);
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
  write(writer: FrameWriter, counter: number): boolean {
    if (this.marked === 0) return true;
    if (this.listKey === NOT_BEGUN) this.beginAt(this.firstKey(counter));
    if (!this.writeDigests(writer) || !this.writeRowFingerprints(writer, counter)) return false;
    // In a frame the ranges ascend: those before the first come in the next frame.
    this.beginAt(0);
    if (this.marked > 0) return false;
    // Fingerprints of all rows, between two parts of a list, do not end the list.
    if (this.key(LOG) > 0 || this.key(SECTION) === SECTION_DIGEST) this.setKey(this.nextKey(), 0);
    return true;
  }

  /**
   * PROTOCOL 5.3: whether a sketch shows all rows in the ACK that is being written, which then has room for it. Not if
   * there are few rows, if there were new ones lately, or if a sketch was too small.
   */
  planSketch(writer: FrameWriter): boolean {
    const rows = this.rows;
    if (rows.capacity < SKETCHED_ROWS_LEAST || this.key(SKETCH_PAUSE) > 0) return false;
    if (writer.room() < SKETCH_SECTION_BYTES || rows.counted < SKETCHED_ROWS_LEAST) return false;
    writer.reserve(SKETCH_SECTION_BYTES);
    return true;
  }

  /** Writes the sketch for which `planSketch` made room, behind all other sections. */
  writeSketch(writer: FrameWriter, counter: number): void {
    this.setKey(SKETCHED_AT, counter);
    writer.reserve(-SKETCH_SECTION_BYTES);
    sketchRows(this.rows, this.words, this.start + MARKS, counter, writer.withFeeds);
    writer.writeSketch(this.words, this.start + MARKS);
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
    if (this.rows.capacity < SKETCHED_ROWS_LEAST || this.marked > 0) return -1;
    if (withFeeds && this.rows.feedsHash === undefined) return -1;
    const start = this.start + MARKS;
    sketchRows(this.rows, this.words, start, frame.counter, withFeeds);
    for (let i = start; i < start + SKETCH_SYNDROMES; i++) subtractSyndrome(this.words, i, frame.u16());
    return locate(this.words, start);
  }

  /** Whether a row is one of those that differ. @param count from `locate` @param place from `placeInSketch` */
  isLocated(count: number, place: number): boolean {
    return isLocated(this.words, this.start + MARKS, count, place);
  }

  private key(word: number): number { return this.words[this.start + word]; }
  private setKey(word: number, key: number): void { this.words[this.start + word] = key; }

  /**
   * The order key to begin with: where the last burst had no room. If that is in no marked range, the last burst
   * showed other ranges. Several such lists may take turns, so this one begins anywhere: each row has its turn.
   */
  private firstKey(counter: number): number {
    const next = this.key(this.nextKey());
    if (next === 0 || this.isMarked(this.rangeOf(next))) return next;
    const key = orderKey(counter);
    for (let range = this.rangeOf(key); range < 1 << this.key(LOG); range++) if (this.isMarked(range)) return key;
    return 0;
  }

  /** The word of NEXT_KEYS for the marked ranges. */
  private nextKey(): number {
    return this.key(SECTION) === SECTION_DIGEST ? NEXT_KEYS : NEXT_KEYS + 1;
  }

  private isMarked(range: number): boolean {
    return (this.words[this.start + MARKS + (range >>> 5)] & (1 << (range & 31))) !== 0;
  }

  private beginAt(key: number): void {
    this.setKey(FIRST_KEY, key);
    this.listKey = key;
    this.setKey(CUT_KEY, key);
  }

  private unmark(from: number, to: number): void {
    for (let range = from; range < to; range++) {
      if (!this.isMarked(range)) continue;
      this.words[this.start + MARKS + (range >>> 5)] &= ~(1 << (range & 31));
      this.marked--;
    }
  }

  /** Whether a range is marked and goes into a DIGEST. */
  private isListed(range: number): boolean {
    if (!this.isMarked(range)) return false;
    if (this.key(SECTION) === SECTION_DIGEST) return true;
    const log = this.key(LOG);
    const start = this.rows.placeOf(rangeFrom(range, log));
    const count = countBetween(this.rows, start, this.rows.rangeEnd(start, range, log));
    return count <= EXPLICIT_ROWS || rowFingerprintsBytes(range, count) > this.rowFingerprintsBytesMax;
  }

  /** Writes a DIGEST for each sequence of adjacent listed ranges. Returns whether all fit. */
  private writeDigests(writer: FrameWriter): boolean {
    const ranges = 1 << this.key(LOG);
    for (let range = this.rangeOf(this.listKey); range < ranges && this.listKey <= KEY_MAX; range++) {
      if (!this.isListed(range)) continue;
      let after = range + 1;
      while (after < ranges && this.isListed(after)) after++;
      const start = rangeFrom(range, this.key(LOG));
      const to = rangeTo(after - 1, this.key(LOG));
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
    return this.key(LOG) === 0 ? 0 : key >>> (32 - this.key(LOG));
  }

  private writeRowFingerprints(writer: FrameWriter, counter: number): boolean {
    if (this.marked === 0) return true;
    if (!writer.beginRowFingerprints(this.key(LOG))) return false;
    let fits = true;
    for (let range = this.rangeOf(this.key(FIRST_KEY)); range < 1 << this.key(LOG) && fits; range++) {
      if (!this.isMarked(range) || this.isListed(range)) continue;
      fits = writer.writeRowFingerprints(this.rows, range, this.key(LOG), counter);
      if (fits) this.unmark(range, range + 1);
      else this.setKey(CUT_KEY, rangeFrom(range, this.key(LOG)));
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
