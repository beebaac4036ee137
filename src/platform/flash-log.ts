import { readU32, writeU32 } from "../cbor/big-endian.js";
import {
  type FasterCrc32, LogRecords, type OnRecord, RECORD_HEAD_BYTES, type RecordSource, recordBytes,
} from "./log-record.js";
import type { GossipLog } from "./types.js";

/**
 * NOR flash as all platforms have it: an erase sets all bits of a sector, a
 * write can only clear bits.
 */
export interface FlashSectors extends FasterCrc32 {
  /** A multiple of 4, and of what the flash erases at once: 4,096 on ESP32 and ESP8266. */
  readonly sectorBytes: number;
  /** 2 or more. */
  readonly sectors: number;
  /** Reads `length` bytes from `offset` within a sector on into the beginning of `into`. */
  read(sector: number, offset: number, into: Uint8Array, length: number): void;
  /** Writes the first `length` bytes, at an offset and of a length that are multiples of 4. They were erased before. */
  write(sector: number, offset: number, bytes: Uint8Array, length: number): void;
  erase(sector: number): void;
}

export interface FlashLogOptions {
  /** Longest record, 1 to what a sector holds; 512 bytes by default. The log has a buffer of that size. */
  recordBytesMax?: number;
  /**
   * Sectors that appending leaves free for a rewrite, 1 to all but one; by
   * default half of them, so that all that is held can be written anew.
   * `sectorsFor` counts those for a number of records. The fewer, the more is
   * appended between two rewrites.
   */
  spareSectors?: number;
}

/**
 * An event log in a ring of flash sectors. Each is written from its beginning
 * to its end, and they take turns, so that they wear alike.
 *
 * A sector is:
 *
 *    0  "cgl", 1
 *    4  sequence number of the sector, u32: it grows by one from sector to sector, and modulo
 *       their number it is the sector's place
 *    8  sequence number of the first sector of its generation, u32
 *   12  CRC-32 of bytes 0 to 11
 *   16  zeros when the generation is whole, in its first sector; erased otherwise
 *   20  records, each from a multiple of 4 on
 *
 * A generation is what one rewrite began. The log is the newest generation that
 * is whole; the sectors of others are free. So a rewrite counts from one write
 * of four bytes on, and nothing that counts is ever erased. A record that a loss
 * of power has torn is passed over, and the next one is written behind it.
 */
export class FlashLog implements GossipLog {
  readonly recordBytesMax: number;
  private readonly flash: FlashSectors;
  private readonly spareSectors: number;
  private readonly records: LogRecords;
  private readonly head = new Uint8Array(COMMIT_OFFSET);
  /** What is known of the flash, below, is so. It is not while something is written, should that fail. */
  private isMounted = false;
  /** Sequence number of the first sector of the log's generation; -1: there is none. */
  private first = -1;
  /** Sequence number of the sector that is appended to. */
  private last = -1;
  /** Where in it the next record goes. */
  private free = 0;
  /** The highest sequence number there is, in sectors that are free, too. */
  private highest = -1;

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

  read(each: OnRecord): void {
    this.mount(each);
  }

  append(bytes: Uint8Array, length: number): boolean {
    if (!this.isMounted) this.mount(undefined);
    const size = this.records.frame(bytes, length, STEP);
    if (this.first < 0) this.begin();
    const sectors = this.last - this.first + 1;
    if (size > this.flash.sectorBytes - this.free && sectors + this.spareSectors >= this.flash.sectors) return false;
    this.isMounted = false;
    this.write(size);
    this.isMounted = true;
    return true;
  }

  rewrite(fill: (put: OnRecord) => void): void {
    if (!this.isMounted) this.mount(undefined);
    const used = this.first < 0 ? 0 : this.last - this.first + 1;
    const room = Math.min(this.flash.sectors - used, this.flash.sectors - this.spareSectors);
    // Should anything below throw, the log is what it was: the new generation is not whole.
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

  /** Begins the first generation that there is. */
  private begin(): void {
    this.isMounted = false;
    this.open(this.nextFirst());
    this.commit();
    this.isMounted = true;
  }

  /**
   * A sequence number for the next sector in the ring that no sector has had:
   * one of a rewrite that power was lost in is not taken for one of this.
   */
  private nextFirst(): number {
    const sectors = this.flash.sectors;
    const after = this.last + 1;
    return this.highest < after ? after : after + Math.ceil((this.highest + 1 - after) / sectors) * sectors;
  }

  /** Erases the next sector and makes it the first of a generation, or of the one there is. */
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
  }

  /** From now on the generation is the log. */
  private commit(): void {
    const zeros = this.head.subarray(0, HEAD_BYTES - COMMIT_OFFSET).fill(0);
    this.flash.write(this.first % this.flash.sectors, COMMIT_OFFSET, zeros, zeros.length);
  }

  /** Writes the record in the buffer, into the next sector if there is no room in this one. */
  private write(size: number): void {
    if (size > this.flash.sectorBytes - this.free) this.open(this.last + 1, this.first);
    this.flash.write(this.last % this.flash.sectors, this.free, this.records.buffer, size);
    this.free += size;
  }

  /** Finds out what is on the flash, and calls `each` for the records. */
  private mount(each: OnRecord | undefined): void {
    this.isMounted = false;
    const sectors = this.flash.sectors;
    this.first = -1;
    this.highest = -1;
    for (let place = 0; place < sectors; place++) {
      if (!this.readHead(place)) continue;
      const sequence = readU32(this.head, 4);
      if (sequence > this.highest) this.highest = sequence;
      if (sequence === readU32(this.head, 8) && sequence > this.first && this.isWhole(place)) this.first = sequence;
    }
    this.last = this.first < 0 ? this.highest : this.first;
    for (let sequence = this.first; this.first >= 0 && sequence < this.first + sectors; sequence++) {
      if (!this.readHead(sequence % sectors)) continue;
      if (readU32(this.head, 4) !== sequence || readU32(this.head, 8) !== this.first) continue;
      this.last = sequence;
      this.scan(sequence % sectors, each);
    }
    this.isMounted = true;
  }

  private scan(place: number, each: OnRecord | undefined): void {
    const sectorBytes = this.flash.sectorBytes;
    const source: RecordSource = { read: (at, into, length) => this.flash.read(place, at, into, length) };
    this.records.scan(source, HEAD_BYTES, sectorBytes, STEP, each);
    this.free = this.isErased(place, this.records.stoppedAt) ? this.records.stoppedAt : sectorBytes;
  }

  /** Whether a sector is erased from an offset on: a record whose length was torn hides how far it was written. */
  private isErased(place: number, offset: number): boolean {
    const buffer = this.records.buffer;
    for (let at = offset; at < this.flash.sectorBytes;) {
      const length = Math.min(buffer.length, this.flash.sectorBytes - at);
      this.flash.read(place, at, buffer, length);
      for (let i = 0; i < length; i++) if (buffer[i] !== 0xff) return false;
      at += length;
    }
    return true;
  }

  /** Reads a sector's head. Returns whether it is one, and one that belongs there. */
  private readHead(place: number): boolean {
    const head = this.head;
    this.flash.read(place, 0, head, COMMIT_OFFSET);
    if (readU32(head, 0) !== MAGIC || readU32(head, 4) % this.flash.sectors !== place) return false;
    return readU32(head, 12) === this.records.crc32(head, CHECKED_BYTES) >>> 0;
  }

  private isWhole(place: number): boolean {
    const commit = this.records.buffer;
    this.flash.read(place, COMMIT_OFFSET, commit, HEAD_BYTES - COMMIT_OFFSET);
    return readU32(commit, 0) === 0;
  }
}

/**
 * Sectors that records with `bytes` bytes altogether can take at most, for the
 * option `spareSectors`.
 *
 * @param records how many they are
 * @param recordBytesMax of the longest
 */
export function sectorsFor(sectorBytes: number, records: number, bytes: number, recordBytesMax: number): number {
  // No record goes over a sector's end; what is lost there is less than the longest takes.
  const used = sectorBytes - HEAD_BYTES - recordBytes(recordBytesMax, STEP) + STEP;
  return Math.max(1, Math.ceil((bytes + records * (RECORD_HEAD_BYTES + STEP - 1)) / used));
}

/** What records are filled up to a multiple of: what ESP8266's flash is written by. */
const STEP = 4;
const RECORD_BYTES_MAX_DEFAULT = 512;
/** "cgl", and the version of the layout. */
const MAGIC = 0x63676c01;
const CHECKED_BYTES = 12;
const COMMIT_OFFSET = 16;
const HEAD_BYTES = 20;
