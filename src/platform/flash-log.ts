import { readU32, writeU32 } from "../cbor/big-endian.js";
import {
  type FasterCrc32, LogRecords, type OnRecord, type RecordSource, recordBytes, recordsExtraBytes,
} from "./log-record.js";
import type { GossipLog } from "./types.js";

/**
 * The NOR flash of a platform. An erase sets all bits of a sector, a write can
 * only clear bits.
 */
export interface FlashSectors extends FasterCrc32 {
  /** A multiple of 4 and of the flash's erase unit, which is 4,096 on ESP32 and ESP8266. */
  readonly sectorBytes: number;
  /** 2 or more. */
  readonly sectors: number;
  /** Reads `length` bytes at `offset` of a sector into the beginning of `into`. */
  read(sector: number, offset: number, into: Uint8Array, length: number): void;
  /** Writes the first `length` bytes into erased flash. Offset and length are multiples of 4. */
  write(sector: number, offset: number, bytes: Uint8Array, length: number): void;
  erase(sector: number): void;
}

export interface FlashLogOptions {
  /** Longest record in bytes, from 1 to what a sector holds; 512 by default. The log has a buffer of that size. */
  recordBytesMax?: number;
  /**
   * Sectors that `append` leaves free for a rewrite, from 1 to all but one. Half of
   * them by default, so that a rewrite can keep all records. `sectorsFor` computes
   * it for a number of records. A smaller number allows more appends between two
   * rewrites.
   */
  spareSectors?: number;
}

/**
 * An event log in a ring of flash sectors. Each sector is written from its
 * beginning to its end. The sectors take turns, so that they wear evenly.
 *
 * A sector is:
 *
 *    0  "cgl", 2
 *    4  sequence number of the sector, u32: it grows by one from sector to sector. Modulo the
 *       number of sectors it is the sector's place
 *    8  sequence number of the first sector of its generation, u32
 *   12  CRC-32 of bytes 0 to 11
 *   16  zeros in the first sector of a committed generation; erased otherwise
 *   20  records, each aligned to 4 bytes
 *
 * A rewrite begins a generation. The log is the newest committed generation; the
 * sectors of all others are free. A single write of four bytes commits a rewrite,
 * and no sector of the log is ever erased. A record that a power loss has torn is
 * skipped, and so are damaged ones. The next record is written behind it, with a
 * mark between them. One flipped bit in a sector's head is repaired when it is read.
 */
export class FlashLog implements GossipLog {
  readonly recordBytesMax: number;
  private readonly flash: FlashSectors;
  private readonly spareSectors: number;
  private readonly records: LogRecords;
  private readonly head = new Uint8Array(COMMIT_OFFSET);
  /** Whether the fields below describe the flash. False during a write, in case it fails. */
  private isMounted = false;
  /** Sequence number of the first sector of the log's generation; -1: there is none. */
  private first = -1;
  /** Sequence number of the sector to which records are appended. */
  private last = -1;
  /** Offset of the next record in that sector. */
  private free = 0;
  /** Whether a torn record lies before that offset, without a mark behind it. */
  private isTorn = false;
  /** The highest sequence number in all sectors, including free ones. */
  private highest = -1;
  /** Whether the head that was read last had a flipped bit. */
  private isRepaired = false;

  /** @throws Error when an option or a number of `flash` is out of its range */
  constructor(flash: FlashSectors, options?: FlashLogOptions) {
    const given: FlashLogOptions = options ?? {};
    const recordBytesMax = given.recordBytesMax ?? RECORD_BYTES_MAX_DEFAULT;
    const spareSectors = given.spareSectors ?? Math.ceil(flash.sectors / 2);
    if (!(flash.sectors >= 2)) throw new Error(`sectors: ${flash.sectors} is not 2 or more`);
    if (!(spareSectors >= 1 && spareSectors < flash.sectors)) {
      throw new Error(`spareSectors: ${spareSectors} is not from 1 to ${flash.sectors - 1}`);
    }
    if (!(recordBytes(recordBytesMax, STEP) <= flash.sectorBytes - HEAD_BYTES)) {
      throw new Error(`recordBytesMax: ${recordBytesMax} does not fit into a sector of ${flash.sectorBytes} bytes`);
    }
    this.flash = flash;
    this.spareSectors = spareSectors;
    this.recordBytesMax = recordBytesMax;
    this.records = new LogRecords(recordBytesMax, flash);
  }

  get damagedRecords(): number { return this.records.damagedRecords; }
  get damagedBytes(): number { return this.records.damagedBytes; }

  read(each: OnRecord): void {
    this.mount(each);
  }

  append(bytes: Uint8Array, length: number): boolean {
    if (!this.isMounted) this.mount(undefined);
    const size = this.records.frame(bytes, length, STEP);
    if (this.first < 0) this.begin();
    const sectors = this.last - this.first + 1;
    const room = this.flash.sectorBytes - this.free - (this.isTorn ? STEP : 0);
    if (size > room && sectors + this.spareSectors >= this.flash.sectors) return false;
    this.isMounted = false;
    if (this.isTorn) this.writeMark();
    this.write(size);
    this.isMounted = true;
    return true;
  }

  rewrite(fill: (put: OnRecord) => void): void {
    if (!this.isMounted) this.mount(undefined);
    const used = this.first < 0 ? 0 : this.last - this.first + 1;
    const room = Math.min(this.flash.sectors - used, this.flash.sectors - this.spareSectors);
    // If anything below throws, the log is unchanged, because the new generation is not committed.
    this.isMounted = false;
    this.open(this.nextFirst());
    fill((bytes, length) => {
      const size = this.records.frame(bytes, length, STEP);
      if (size > this.flash.sectorBytes - this.free && this.last - this.first + 1 >= room) {
        throw new Error(`rewrite: the records take more than ${room} sectors of ${this.flash.sectorBytes} bytes`);
      }
      this.write(size);
    });
    this.commit();
    this.isMounted = true;
  }

  /** Begins the first generation of an empty log. */
  private begin(): void {
    this.isMounted = false;
    this.open(this.nextFirst());
    this.commit();
    this.isMounted = true;
  }

  /**
   * An unused sequence number for the next sector in the ring. Sectors of a rewrite
   * that a power loss interrupted must not count as part of the new one.
   */
  private nextFirst(): number {
    const sectors = this.flash.sectors;
    const after = this.last + 1;
    return this.highest < after ? after : after + Math.ceil((this.highest + 1 - after) / sectors) * sectors;
  }

  /** Erases the next sector and adds it to a generation, or makes it the first of a new one. */
  private open(sequence: number, generation?: number): void {
    const place = sequence % this.flash.sectors;
    const first = generation ?? sequence;
    const head = this.head;
    writeU32(head, 0, MAGIC);
    writeU32(head, 4, sequence);
    writeU32(head, 8, first);
    writeU32(head, 12, this.records.crc32(head, CHECKED_BYTES));
    this.flash.erase(place);
    this.flash.write(place, 0, head, COMMIT_OFFSET);
    this.first = first;
    this.last = sequence;
    if (sequence > this.highest) this.highest = sequence;
    this.free = HEAD_BYTES;
    this.isTorn = false;
  }

  /** Makes the generation the log. */
  private commit(): void {
    const zeros = this.head.subarray(0, HEAD_BYTES - COMMIT_OFFSET).fill(0);
    this.flash.write(this.first % this.flash.sectors, COMMIT_OFFSET, zeros, zeros.length);
  }

  /** Writes the record in the buffer; into the next sector if this one has no room. */
  private write(size: number): void {
    if (size > this.flash.sectorBytes - this.free) this.open(this.last + 1, this.first);
    this.flash.write(this.last % this.flash.sectors, this.free, this.records.buffer, size);
    this.free += size;
  }

  /** Writes behind a torn record that it is not damaged. At the end of the sector there may be no room for that. */
  private writeMark(): void {
    if (this.free + STEP <= this.flash.sectorBytes) {
      const size = this.records.frameMark(this.head, STEP);
      this.flash.write(this.last % this.flash.sectors, this.free, this.head, size);
      this.free += size;
    }
    this.isTorn = false;
  }

  /** Finds the log on the flash, and calls `each` for its records. */
  private mount(each: OnRecord | undefined): void {
    const sectors = this.flash.sectors;
    const head = this.head;
    this.isMounted = false;
    this.records.clearDamage();
    this.first = -1;
    this.highest = -1;
    for (let place = 0; place < sectors; place++) {
      if (!this.readHead(place)) continue;
      const sequence = readU32(head, 4);
      const first = readU32(head, 8);
      if (sequence > this.highest) this.highest = sequence;
      if (first <= sequence && first > this.first && this.isCommitted(first)) this.first = first;
    }
    this.last = this.first < 0 ? this.highest : this.first;
    for (let sequence = this.first; this.first >= 0 && sequence < this.first + sectors; sequence++) {
      if (this.readHead(sequence % sectors) && this.isOf(sequence)) this.last = sequence;
    }
    // The generation has all sectors from its first to its last one: those between them too whose heads are damaged.
    for (let sequence = this.first; this.first >= 0 && sequence <= this.last; sequence++) {
      const isDamaged = !this.readHead(sequence % sectors) || this.isRepaired;
      if (isDamaged) this.records.addDamage(HEAD_BYTES);
      this.scan(sequence % sectors, each);
    }
    this.isMounted = true;
  }

  /** Whether the head that was read last is that of a sector of the log. */
  private isOf(sequence: number): boolean {
    return readU32(this.head, 4) === sequence && readU32(this.head, 8) === this.first;
  }

  private scan(place: number, each: OnRecord | undefined): void {
    const sectorBytes = this.flash.sectorBytes;
    const source: RecordSource = { read: (at, into, length) => this.flash.read(place, at, into, length) };
    this.records.scan(source, HEAD_BYTES, sectorBytes, STEP, each);
    this.free = Math.ceil(this.records.writtenEnd / STEP) * STEP;
    this.isTorn = this.records.writtenEnd > this.records.wholeEnd;
  }

  /**
   * Reads a sector's head. Returns whether it is valid and belongs to this place. One flipped bit is repaired: heads
   * differ by 7 bits or more, as they have a CRC-32 (Koopman, "32-Bit Cyclic Redundancy Codes", 2002, table 1).
   */
  private readHead(place: number): boolean {
    const head = this.head;
    this.flash.read(place, 0, head, COMMIT_OFFSET);
    this.isRepaired = false;
    if (this.isHead(place)) return true;
    if (countBits(readU32(head, 0) ^ MAGIC) > 1) return false;
    for (let bit = 0; bit < COMMIT_OFFSET * 8; bit++) {
      head[bit >> 3] ^= 1 << (bit & 7);
      this.isRepaired = this.isHead(place);
      if (this.isRepaired) return true;
      head[bit >> 3] ^= 1 << (bit & 7);
    }
    return false;
  }

  private isHead(place: number): boolean {
    const head = this.head;
    if (readU32(head, 0) !== MAGIC || readU32(head, 4) % this.flash.sectors !== place) return false;
    return readU32(head, 12) === this.records.crc32(head, CHECKED_BYTES) >>> 0;
  }

  /** Whether a generation is committed: up to 8 of the 32 zeros that say so may be flipped. */
  private isCommitted(first: number): boolean {
    const commit = this.records.buffer;
    this.flash.read(first % this.flash.sectors, COMMIT_OFFSET, commit, HEAD_BYTES - COMMIT_OFFSET);
    return countBits(readU32(commit, 0)) <= 8;
  }
}

function countBits(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * The largest number of sectors that some records can take, for the option
 * `spareSectors`.
 *
 * @param records number of records
 * @param bytes length of all records together
 * @param recordBytesMax length of the longest record
 */
export function sectorsFor(sectorBytes: number, records: number, bytes: number, recordBytesMax: number): number {
  // A record never spans two sectors, so the unused end of a sector is shorter than the longest record.
  const used = sectorBytes - HEAD_BYTES - recordBytes(recordBytesMax, STEP) + STEP;
  return Math.max(1, Math.ceil((bytes + recordsExtraBytes(records, bytes, STEP)) / used));
}

/** Records are padded to a multiple of this, the write unit of ESP8266's flash. */
const STEP = 4;
const RECORD_BYTES_MAX_DEFAULT = 512;
/** "cgl", and the version of the layout. */
const MAGIC = 0x63676c02;
const CHECKED_BYTES = 12;
const COMMIT_OFFSET = 16;
const HEAD_BYTES = 20;
