import { countBetween } from "../table/fingerprints.js";
import {
  RANGE_FINGERPRINTS_HEAD_BYTES, RANGES_LOG_MAX, RANGE_FINGERPRINT_BYTES, DIGEST_ENTRY_BYTES_MAX, DIGEST_HEAD_BYTES,
  ROW_FINGERPRINTS_HEAD_BYTES, PREAMBLE_BYTES_MAX, SECTION_DIGEST, SECTION_ROW_FINGERPRINTS, SECTION_HEAD_BYTES,
  rangeFrom, rangeTo,
} from "../wire/frame.js";
import { type FrameWriter, rowFingerprintsBytes } from "../wire/frame-writer.js";
import type { Rows } from "../table/rows.js";
import { isCounted } from "../table/states.js";
import type { WordPool } from "../word-pool.js";

/** What `Summary` takes from its pool: a bit for each bucket. */
export const SUMMARY_WORDS = (1 << RANGES_LOG_MAX) >>> 5;

/** Up to so many rows are told by a byte each at once; beyond, buckets first find out where to look. */
const FLAT_ROWS_MAX = 64;
/** Rows in a bucket, about: so many that a byte for each costs little more than the head of their list. */
const BUCKET_ROWS = 8;
/** Fewer than 8 buckets tell too little; they wait for another frame. */
const BUCKETS_LOG_LEAST = 3;
/** So few rows are listed with ids at once: that costs no more, and shows what the peer has beside them. */
const EXPLICIT_ROWS = 2;
/** A digest that has no room for one row waits for another frame. */
const DIGEST_BYTES_WORTHWHILE = SECTION_HEAD_BYTES + DIGEST_HEAD_BYTES + DIGEST_ENTRY_BYTES_MAX;
const KEY_MAX = 0xffffffff;

/**
 * Shows a peer which rows differ, in steps that each cost what they are worth:
 * fingerprints of buckets, then a byte for each row of those buckets that
 * differ, then ids and statements where not even the ids are the same.
 */
export class SummaryWriter {
  private readonly rows: Rows;
  private readonly rowFingerprintsBytesMax: number;
  private readonly words: Uint32Array;
  private readonly start: number;
  /** The base-2 logarithm of the number of buckets. */
  private log = 0;
  /** How the marked buckets are to be told: SECTION_FLAT, or SECTION_DIGEST if the peer knows other nodes there. */
  private section = 0;
  private marked = 0;
  /** The bucket to begin with, and the key: they are not 0 where this goes on with what the last burst left. */
  private first = 0;
  private firstKey = 0;
  /** Key from which on lists are still to be told; above all keys when they were. */
  private listKey = 0;
  /** Key at which there was no more room. */
  private cutKey = 0;
  /** Where another burst begins; 0 when the last one had room for all. */
  private nextKey = 0;
  /** Whether the rows' feeds are told, too: the peer has feeds. */
  withFeeds = false;

  /** @param pool has SUMMARY_WORDS to give */
  constructor(rows: Rows, datagramBytesMax: number, pool: WordPool) {
    this.rows = rows;
    this.rowFingerprintsBytesMax = datagramBytesMax - PREAMBLE_BYTES_MAX - SECTION_HEAD_BYTES
      - ROW_FINGERPRINTS_HEAD_BYTES;
    this.words = pool.words;
    this.start = pool.alloc(SUMMARY_WORDS);
  }

  /** Drops what is left. Another burst begins with it, so that all have their turn though never all of them fit. */
  clear(): void {
    if (this.marked > 0) this.nextKey = this.cutKey;
    this.marked = 0;
    this.withFeeds = false;
  }

  /** Whether a bucket is left to be told. */
  isPending(): boolean {
    return this.marked > 0;
  }

  /**
   * There are 2^`log` buckets, none of which is marked yet.
   *
   * @param section how those that will be marked are to be told
   */
  begin(log: number, section: number): void {
    this.marked = 0;
    this.log = log;
    this.section = section;
    this.beginAt(this.nextKey);
    for (let i = 0; i < SUMMARY_WORDS; i++) this.words[this.start + i] = 0;
  }

  /** Has the rows in a bucket told, since they differ from the peer's. */
  mark(bucket: number): void {
    if (this.isMarked(bucket)) return;
    this.words[this.start + (bucket >>> 5)] |= 1 << (bucket & 31);
    this.marked++;
  }

  /**
   * Tells of all rows: of few at once, of many by buckets. Returns false when
   * there is no room for it. `write` has to follow.
   */
  writeAll(writer: FrameWriter, counter: number): boolean {
    writer.withFeeds = this.withFeeds;
    const count = countBetween(this.rows, 0, KEY_MAX);
    if (count <= FLAT_ROWS_MAX) {
      this.begin(0, SECTION_ROW_FINGERPRINTS);
      this.mark(0);
      return true;
    }
    let log = RANGES_LOG_MAX;
    const room = writer.room() - SECTION_HEAD_BYTES - RANGE_FINGERPRINTS_HEAD_BYTES;
    while (log > 0 && (RANGE_FINGERPRINT_BYTES << log > room || BUCKET_ROWS << log > count + (count >>> 1))) log--;
    if (log < BUCKETS_LOG_LEAST) return false;
    writer.writeRangeFingerprints(this.rows, log, counter);
    return true;
  }

  /** Writes what is marked, as far as it fits. Returns whether all of it did. */
  write(writer: FrameWriter, counter: number): boolean {
    if (this.marked === 0) return true;
    writer.withFeeds = this.withFeeds;
    if (!this.writeDigests(writer) || !this.writeRowFingerprints(writer, counter)) return false;
    // In a frame the buckets ascend: those before the first come in the next.
    this.beginAt(0);
    if (this.marked > 0) return false;
    // A byte for each of all rows, which is told between two parts of a list, does not end it.
    if (this.log > 0 || this.section === SECTION_DIGEST) this.nextKey = 0;
    return true;
  }

  private isMarked(bucket: number): boolean {
    return (this.words[this.start + (bucket >>> 5)] & (1 << (bucket & 31))) !== 0;
  }

  private beginAt(key: number): void {
    this.first = this.rangeOf(key);
    this.firstKey = key;
    this.listKey = key;
    this.cutKey = key;
  }

  private unmark(from: number, to: number): void {
    for (let bucket = from; bucket < to; bucket++) {
      if (!this.isMarked(bucket)) continue;
      this.words[this.start + (bucket >>> 5)] &= ~(1 << (bucket & 31));
      this.marked--;
    }
  }

  /** Whether a bucket is marked and to be told by ids. */
  private isListed(bucket: number): boolean {
    if (!this.isMarked(bucket)) return false;
    if (this.section === SECTION_DIGEST) return true;
    const count = countBetween(this.rows, rangeFrom(bucket, this.log), rangeTo(bucket, this.log));
    return count <= EXPLICIT_ROWS || rowFingerprintsBytes(bucket, count) > this.rowFingerprintsBytesMax;
  }

  /** Lists the rows of buckets that are marked for it, side by side ones together. Returns whether all did fit. */
  private writeDigests(writer: FrameWriter): boolean {
    const buckets = 1 << this.log;
    for (let bucket = this.rangeOf(this.listKey); bucket < buckets && this.listKey <= KEY_MAX; bucket++) {
      if (!this.isListed(bucket)) continue;
      let after = bucket + 1;
      while (after < buckets && this.isListed(after)) after++;
      const start = rangeFrom(bucket, this.log);
      const to = rangeTo(after - 1, this.log);
      this.listKey = this.writeDigest(writer, this.listKey > start ? this.listKey : start, to);
      const complete = this.listKey > to;
      // What lies in the first bucket before the first key has its turn at the end.
      this.unmark(start < this.firstKey ? bucket + 1 : bucket, complete ? after : this.rangeOf(this.listKey));
      if (!complete) {
        this.cutKey = this.listKey;
        return false;
      }
      bucket = after - 1;
    }
    this.listKey = KEY_MAX + 1;
    return true;
  }

  private rangeOf(key: number): number {
    return this.log === 0 ? 0 : key >>> (32 - this.log);
  }

  private writeRowFingerprints(writer: FrameWriter, counter: number): boolean {
    if (this.marked === 0) return true;
    if (!writer.beginRowFingerprints(this.log)) return false;
    let fits = true;
    for (let bucket = this.first; bucket < 1 << this.log && fits; bucket++) {
      if (!this.isMarked(bucket) || this.isListed(bucket)) continue;
      fits = writer.writeRowFingerprints(this.rows, bucket, this.log, counter);
      if (fits) this.unmark(bucket, bucket + 1);
      else this.cutKey = rangeFrom(bucket, this.log);
    }
    writer.endRowFingerprints();
    return fits;
  }

  /** Lists rows with keys from `from` to `to`, as many as fit; returns the key from which on it did not. */
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
