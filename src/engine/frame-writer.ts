import { Writer, varintBytes } from "./cursor.js";
import {
  ADDRESS_IN_BASE, ADDRESS_IN_FULL, ADDRESS_OF_SOURCE, DIGEST_HEAD_BYTES, MAGIC_AND_VERSION, ROW_HAS_VALUE,
  ROWS_HEAD_BYTES, SECTION_DIGEST, SECTION_HEAD_BYTES, SECTION_ROWS, SECTION_WANT, TYPE_SYN, WANT_BYTES,
} from "./frame.js";
import type { Rows } from "./rows.js";
import { OWN_SLOT } from "./rows.js";

/**
 * Writes one frame into a caller's buffer. An entry that does not fit is left
 * out and its method returns false; a section without entries leaves no trace.
 */
export class FrameWriter {
  private readonly writer = new Writer();
  private sectionStart = 0;
  private contentStart = 0;
  private base = 0;
  private basePort = 0;

  /** Bytes that still fit. */
  room(): number {
    return this.writer.room();
  }

  /** Keeps `bytes` of the room for later; a negative number gives them back. */
  reserve(bytes: number): void {
    this.writer.end -= bytes;
  }

  /** Bytes written. */
  length(): number {
    return this.writer.position;
  }

  /** @param inReplyTo counter of the frame that is answered; a SYN has none */
  begin(
    out: Uint8Array, limit: number, type: number, flags: number, rows: Rows, counter: number, inReplyTo: number,
  ): void {
    const writer = this.writer;
    writer.reset(out, 0, limit);
    writer.u8(MAGIC_AND_VERSION);
    writer.u8(flags | type);
    writer.u32(rows.id(OWN_SLOT));
    writer.varint(rows.revision(OWN_SLOT));
    writer.varint(counter);
    writer.varint(rows.heartbeat(OWN_SLOT));
    writer.u32(rows.root.first);
    writer.u32(rows.root.second);
    if (type !== TYPE_SYN) writer.varint(inReplyTo);
  }

  beginWants(): boolean {
    return this.beginSection(SECTION_WANT, 0);
  }

  writeWant(id: number): boolean {
    if (this.room() < WANT_BYTES) return false;
    this.writer.u32(id);
    return true;
  }

  beginRows(): boolean {
    this.base = 0;
    this.basePort = 0;
    return this.beginSection(SECTION_ROWS, ROWS_HEAD_BYTES);
  }

  writeRow(rows: Rows, slot: number): boolean {
    const writer = this.writer;
    const form = this.addressForm(rows, slot);
    const valueLength = rows.valueLength(slot);
    const addressBytes = form === ADDRESS_IN_BASE ? 1 : form === ADDRESS_IN_FULL ? 6 : 0;
    const valueBytes = valueLength === 0 ? 0 : varintBytes(valueLength) + valueLength;
    const statementBytes = varintBytes(rows.revision(slot)) + varintBytes(rows.heartbeat(slot));
    if (this.room() < 5 + addressBytes + statementBytes + valueBytes) return false;
    writer.u8(rows.state(slot) | (form << 3) | (valueLength === 0 ? 0 : ROW_HAS_VALUE));
    writer.u32(rows.id(slot));
    if (form === ADDRESS_IN_BASE) {
      writer.u8(rows.address(slot));
    } else if (form === ADDRESS_IN_FULL) {
      writer.u32(rows.address(slot));
      writer.u16(rows.port(slot));
    }
    writer.varint(rows.revision(slot));
    writer.varint(rows.heartbeat(slot));
    if (valueLength > 0) {
      writer.varint(valueLength);
      writer.copy(rows.valueBytes(), rows.valueStart(slot), valueLength);
    }
    return true;
  }

  /** Starts a DIGEST of all rows with ids from `from` on. */
  beginDigest(from: number): boolean {
    if (!this.beginSection(SECTION_DIGEST, DIGEST_HEAD_BYTES)) return false;
    this.writer.position = this.contentStart;
    this.writer.u32(from);
    this.writer.u32(from);
    return true;
  }

  writeDigestEntry(rows: Rows, slot: number): boolean {
    const writer = this.writer;
    const bytes = 5 + varintBytes(rows.revision(slot)) + varintBytes(rows.heartbeat(slot));
    if (this.room() < bytes) return false;
    writer.u32(rows.id(slot));
    writer.u8(rows.state(slot));
    writer.varint(rows.revision(slot));
    writer.varint(rows.heartbeat(slot));
    return true;
  }

  /** Ends a DIGEST that is complete up to and with the id `to`. */
  endDigest(to: number): void {
    const writer = this.writer;
    writer.patchU16(this.contentStart + 4, to >>> 16);
    writer.patchU16(this.contentStart + 6, to);
    this.closeSection();
  }

  endWants(): void {
    if (this.writer.position === this.contentStart) this.writer.position = this.sectionStart;
    else this.closeSection();
  }

  endRows(): void {
    const writer = this.writer;
    if (writer.position === this.contentStart + ROWS_HEAD_BYTES) {
      writer.position = this.sectionStart;
      return;
    }
    writer.bytes[this.contentStart] = this.base >>> 24;
    writer.patchU16(this.contentStart + 1, this.base >>> 8);
    writer.patchU16(this.contentStart + 3, this.basePort);
    this.closeSection();
  }

  private beginSection(tag: number, headBytes: number): boolean {
    const writer = this.writer;
    if (this.room() < SECTION_HEAD_BYTES + headBytes) return false;
    this.sectionStart = writer.position;
    writer.u8(tag);
    writer.u16(0);
    this.contentStart = writer.position;
    writer.position += headBytes;
    return true;
  }

  private closeSection(): void {
    this.writer.patchU16(this.sectionStart + 1, this.writer.position - this.contentStart);
  }

  /** The first row with an address decides on the network and port that the others refer to. */
  private addressForm(rows: Rows, slot: number): number {
    if (slot === OWN_SLOT) return ADDRESS_OF_SOURCE;
    const network = (rows.address(slot) & 0xffffff00) >>> 0;
    if (this.base === 0 && this.basePort === 0) {
      this.base = network;
      this.basePort = rows.port(slot);
    }
    return network === this.base && rows.port(slot) === this.basePort ? ADDRESS_IN_BASE : ADDRESS_IN_FULL;
  }
}
