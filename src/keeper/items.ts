import { Writer } from "../engine/wire/cursor.js";

/*
 * The records of a keeper's log are rows of items, so that one write stores all that is new. An item
 * is its type (1 byte), the length of its body (2), and its body. Numbers are in network byte
 * order; an event is in canonical form (PROTOCOL 10.1). A reader skips types that it does not
 * know, and bytes at the end of a body that it does not expect.
 *
 *   author  1, id (4), address (4), port (2), revision (4), heartbeat (4)
 *   gone    2, id (4): the row was removed, and the feed with it
 *   feed    3, id (4), generation (4), sequence number (4), base (4), tip at the base (8), last removal (4),
 *           values (4), events (4): replaces what is known of the feed once so many events have followed as `held`
 *   held    4, id (4), generation (4), then for each event: sequence number (4), length (2), the event
 *   events  5, id (4), generation (4), first sequence number (4), tip after the last (8), then for each event:
 *           length (2), the event: they continue the feed
 *
 * The base of a feed is the sequence number before its floor. `values` counts the events up to
 * the base. A feed without a tip at a base above 0 was not complete.
 */
export const ITEM_AUTHOR = 1;
export const ITEM_GONE = 2;
export const ITEM_FEED = 3;
export const ITEM_HELD = 4;
export const ITEM_EVENTS = 5;

export const ITEM_HEAD_BYTES = 3;
export const AUTHOR_BYTES = 18;
export const GONE_BYTES = 4;
export const FEED_BYTES = 36;
export const HELD_HEAD_BYTES = 8;
export const EVENTS_HEAD_BYTES = 20;
/** What an event takes beside its bytes in an item of type `held`; 4 fewer in one of type `events`. */
export const HELD_EVENT_BYTES = 6;
/** What a record takes beside its longest event at most. */
export const RECORD_EXTRA_BYTES = ITEM_HEAD_BYTES + EVENTS_HEAD_BYTES + HELD_EVENT_BYTES;

/** Longest record, in bytes. */
export const RECORD_BYTES_MAX = 4096;
/** Bytes of events in an item of type `held`, unless one event is longer: a flipped bit costs at most so much. */
export const HELD_BYTES_MAX = 1024;
/** What logs add to each record. */
const RECORD_HEAD_BYTES = 6;

/** Called with the bytes of a record, valid during the call, and their number. */
export type Put = (bytes: Uint8Array, length: number) => void;

/** Packs items into records. */
export class ItemWriter {
  /** Bytes of the records since `begin`, with their heads. */
  bytesPut = 0;
  private readonly writer = new Writer();
  private readonly bytes: Uint8Array;
  private put: Put = () => undefined;

  /** @param recordBytes bytes of the longest record */
  constructor(recordBytes: number) {
    this.bytes = new Uint8Array(recordBytes);
    this.reset();
  }

  /** Begins with an empty record. @param put gets each full record */
  begin(put: Put): void {
    this.put = put;
    this.bytesPut = 0;
    this.reset();
  }

  /** Bytes of a body that fits into this record. */
  room(): number {
    return this.writer.room() - ITEM_HEAD_BYTES;
  }

  /** Begins an item whose body, of `length` bytes, the caller writes next. */
  item(type: number, length: number): Writer {
    if (this.room() < length) this.flush();
    this.writer.u8(type);
    this.writer.u16(length);
    return this.writer;
  }

  /** Puts the record, if it has items. */
  flush(): void {
    const length = this.writer.position;
    if (length === 0) return;
    this.put(this.bytes, length);
    this.bytesPut += RECORD_HEAD_BYTES + length;
    this.reset();
  }

  private reset(): void {
    this.writer.reset(this.bytes, 0, this.bytes.length);
  }
}

/** Bytes that a record of `length` bytes takes in a log. */
export function storedBytes(length: number): number {
  return RECORD_HEAD_BYTES + length;
}
