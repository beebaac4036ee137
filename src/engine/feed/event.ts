import { readU16, readU32, writeU16, writeU32 } from "../../cbor/big-endian.js";
import { cborEnd } from "../../cbor/cbor-check.js";
import { isUtf8, utf8Length, utf8Write } from "../../cbor/utf8.js";
import { type Reader, varintBytes, writeVarint } from "../wire/cursor.js";
import { DROP_EVENT, DROP_NONE, DROP_VALUE } from "../wire/drops.js";
import { COUNTER_MAX, STAMP_MS_END } from "./hlc.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";

/*
 * The canonical form of an event (PROTOCOL 10.1). A feed hashes, holds and stores these
 * bytes as they are.
 *
 * offset  bytes  field
 *      0      1  head: form (bits 6 and 7), 0 (bit 5), length of the topic (bits 0 to 4)
 *      1      6  stamp: milliseconds since 1970
 *      7      2  stamp: counter
 *      9   0–31  topic, UTF-8                              ← body starts
 *      …      1  forms 1, 2, 3: length of the key, 0 to 31
 *      …   0–31  forms 1, 2, 3: key, UTF-8
 *      …    1–5  form 3: time to live in seconds, varint; 0: the event is an end
 *      …         forms 0, 1, 3: payload, one item of deterministic CBOR
 *      …      8  of an end: the stamp of the event that it ends, in place of the payload
 *
 * A copy of an event, of another author or of the feed's own under another stamp, has the length 0 in its head, and
 * this body:
 *
 * offset  bytes  field
 *      9      1  12, where an event of an empty topic has the length 0 of its key
 *     10      4  id of the original author
 *     14      8  stamp of the original event
 *     22      1  length of the topic, 1 to 31
 *     23      …  topic and all that follows, as above; the end of a copy has nothing behind its time to live
 *
 * The feed holds author, generation and sequence number. On the wire an event has the
 * difference from the stamp before in place of its stamp (PROTOCOL 10.3).
 *
 * The stamp at offset 1 is that of the record in its feed. The stamp and the author of the
 * *original* event are its identity and decide the order: those of the copied event in a
 * copy, of the ended event in an end, else the event's own.
 */

/** Form of a KIND_SET with a time to live, and of a KIND_END; the other forms are the kinds. */
const FORM_SET_TTL = 3;
const FORM_SHIFT = 6;
const TOPIC_MASK = 0x1f;
/** At offset 9 in a copy. */
const COPY_MARK = 12;
/** First byte of the topics in which each author's value counts beside those of others: "+". */
const MERGE_MARK = 0x2b;
/** Bit 5 of the head: set on the wire if the counter of the stamp follows, else 0. */
export const HEAD_HAS_COUNTER = 0x20;

/** Longest topic and longest key, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 31;
/** In place of a hash: the event has no key. */
export const NO_NAME = -1;
/** Offset of the body. */
export const EVENT_HEAD_BYTES = 9;
/** Bytes that a copy takes more than the event. */
export const COPY_BYTES = 14;
/** Offsets in a copy. */
const COPY_AUTHOR = EVENT_HEAD_BYTES + 1;
const COPY_TOPIC = EVENT_HEAD_BYTES + COPY_BYTES;
/** A stamp lies this many bytes behind the start of an event. */
const STAMP_OFFSET = 1;
const STAMP_BYTES = 8;

const TWO_32 = 4294967296;

/** An event as it was parsed. Topic, key and payload lie in `bytes`. */
export class EventData {
  /** What it was parsed from. */
  bytes!: Uint8Array;
  /** First byte of the canonical form. */
  head = 0;
  ms = 0;
  counter = 0;
  /** Where the body starts, behind head and stamp. */
  bodyStart = 0;
  /** Whether it is a copy of another author's event. */
  isCopy = false;
  /** Seconds; 0: for ever, or an end. */
  ttlSeconds = 0;
  payloadStart = 0;
  /** Whether the payload is one item of deterministic CBOR, or the event is a removal or an end, which has none. */
  hasGoodPayload = false;
  /** Where the body ends, and the event with it. */
  end = 0;

  // What the bytes tell is no field: on XS it would take 16 bytes.
  get topicStart(): number { return this.isCopy ? this.bodyStart + COPY_TOPIC - EVENT_HEAD_BYTES : this.bodyStart; }
  get topicLength(): number { return this.isCopy ? this.bytes[this.topicStart - 1] : this.head & TOPIC_MASK; }
  get keyLength(): number { return this.isLog ? 0 : this.bytes[this.topicStart + this.topicLength]; }
  get keyStart(): number { return this.topicStart + this.topicLength + (this.isLog ? 0 : 1); }
  private get isLog(): boolean { return this.head >>> FORM_SHIFT === KIND_LOG; }
}

/**
 * An own event in canonical form, on its way from the application to the node's feed:
 * `begin`, then the payload at `length`, then `FeedProtocol.stampEvent`, then
 * `Engine.publishEvent`. The caller makes the object and may use it again after that.
 * The engine keeps no reference and writes no byte but the stamp, so an event that
 * arrives in between cannot overwrite this one.
 */
export class EncodedEvent {
  readonly bytes: Uint8Array;
  /** Bytes of the event so far; 0: there is none, and the object is free. */
  length = 0;

  /** @param eventBytesMax bytes, 16 to 2,047: the same number as the feed's */
  constructor(eventBytesMax: number) {
    this.bytes = new Uint8Array(eventBytesMax + COPY_BYTES);
  }

  /** Bytes of the longest event. There is room to make a copy of it. */
  bytesMax(): number {
    return this.bytes.length - COPY_BYTES;
  }

  /** Makes the event a copy of itself, whose order is that of a stamp which its record does not have. */
  setOrder(author: number, ms: number, counter: number): void {
    const bytes = this.bytes;
    for (let at = this.length - 1; at >= EVENT_HEAD_BYTES; at--) bytes[at + COPY_BYTES] = bytes[at];
    bytes[EVENT_HEAD_BYTES] = COPY_MARK;
    writeU32(bytes, COPY_AUTHOR, author);
    writeStamp(bytes, COPY_AUTHOR + 4 - STAMP_OFFSET, ms, counter);
    bytes[COPY_TOPIC - 1] = bytes[0] & TOPIC_MASK;
    bytes[0] &= ~TOPIC_MASK;
    this.length += COPY_BYTES;
  }

  /** Fills in which event a KIND_END ends, by its stamp. */
  setEnded(ms: number, counter: number): void {
    writeStamp(this.bytes, this.length - STAMP_BYTES - STAMP_OFFSET, ms, counter);
  }

  /**
   * Begins an event with all but its stamp and its payload. A KIND_LOG has no key and only
   * a KIND_SET has a time to live; the arguments are ignored in other kinds. A KIND_END has no
   * payload; `OwnFeed.fillEnd` fills in which event it ends.
   *
   * @param topic 1 to NAME_BYTES_MAX bytes in UTF-8; 0 only for the node's shared value
   * @param key 0 to NAME_BYTES_MAX bytes in UTF-8
   * @param ttlSeconds uint32; 0: for ever
   * @returns false when the bytes do not fit; `length` is 0 then
   */
  begin(kind: number, topic: string, key: string, ttlSeconds: number): boolean {
    const bytes = this.bytes;
    const isEnd = kind === KIND_END;
    const form = kind === KIND_SET && ttlSeconds > 0 ? FORM_SET_TTL : kind;
    const topicLength = utf8Length(topic);
    const keyLength = form === KIND_LOG ? 0 : utf8Length(key);
    const keyBytes = form === KIND_LOG ? 0 : 1 + keyLength;
    const ttlBytes = form === FORM_SET_TTL ? varintBytes(isEnd ? 0 : ttlSeconds) : 0;
    const length = EVENT_HEAD_BYTES + topicLength + keyBytes + ttlBytes + (isEnd ? STAMP_BYTES : 0);
    this.length = 0;
    if (length > this.bytesMax()) return false;
    bytes[0] = (form << FORM_SHIFT) | topicLength;
    let at = utf8Write(topic, bytes, EVENT_HEAD_BYTES);
    if (form !== KIND_LOG) {
      bytes[at] = keyLength;
      at = utf8Write(key, bytes, at + 1);
    }
    if (form === FORM_SET_TTL) writeVarint(bytes, at, isEnd ? 0 : ttlSeconds);
    this.length = length;
    return true;
  }
}

/** Kind of an event that was parsed. */
export function kindOf(event: EventData): number {
  const form = event.head >>> FORM_SHIFT;
  if (form !== FORM_SET_TTL) return form;
  return event.ttlSeconds === 0 ? KIND_END : KIND_SET;
}

/** Bytes of the event in canonical form. */
export function canonicalBytes(event: EventData): number {
  return EVENT_HEAD_BYTES + event.end - event.bodyStart;
}

/** Parses one event in canonical form, checked before, that takes all bytes of the reader. */
export function readEvent(reader: Reader, event: EventData): void {
  event.head = reader.u8();
  const high = reader.u16();
  event.ms = high * TWO_32 + reader.u32();
  event.counter = reader.u16();
  readNames(reader, event);
  reader.skip(reader.end - reader.position);
  event.end = reader.position;
}

/** Parses what lies between head and payload, and the stamp of an ended event. */
function readNames(reader: Reader, event: EventData): void {
  const form = event.head >>> FORM_SHIFT;
  event.bytes = reader.bytes;
  event.bodyStart = reader.position;
  let topicLength = event.head & TOPIC_MASK;
  event.isCopy = topicLength === 0 && reader.position < reader.end && reader.bytes[reader.position] === COPY_MARK;
  if (event.isCopy) {
    reader.skip(COPY_TOPIC - 1 - EVENT_HEAD_BYTES);
    topicLength = reader.u8();
  }
  reader.skip(topicLength);
  if (form !== KIND_LOG) reader.skip(reader.u8());
  event.ttlSeconds = form === FORM_SET_TTL ? reader.varint() : 0;
  if (!event.isCopy && kindOf(event) === KIND_END) reader.skip(STAMP_BYTES);
  event.payloadStart = reader.position;
}

/** Parses the body of an event whose head is in `event`. `checkBody` returns whether it is valid. */
export function readBody(reader: Reader, event: EventData): void {
  readNames(reader, event);
  const kind = kindOf(event);
  event.hasGoodPayload = kind === KIND_REMOVE || kind === KIND_END;
  if (!event.hasGoodPayload && !reader.failed) {
    // A payload without an end takes all that is left.
    const end = cborEnd(reader.bytes, reader.position, reader.end);
    event.hasGoodPayload = end >= 0;
    reader.skip((end < 0 ? reader.end : end) - reader.position);
  }
  event.end = reader.position;
}

/** Checks an event that was just parsed from `reader`. Returns a drop reason; DROP_NONE: it is valid. */
export function checkBody(reader: Reader, event: EventData): number {
  if (reader.failed) return DROP_EVENT;
  const bytes = event.bytes;
  const kind = kindOf(event);
  const topicStart = event.topicStart;
  const topicLength = event.topicLength;
  const keyLength = event.keyLength;
  if ((event.head & HEAD_HAS_COUNTER) !== 0 || topicLength > NAME_BYTES_MAX || keyLength > NAME_BYTES_MAX) {
    return DROP_EVENT;
  }
  // PROTOCOL 10.1: only the node's shared value has an empty topic. It has no key, and is no log, end or copy.
  if (topicLength === 0 && (event.isCopy || kind === KIND_LOG || kind === KIND_END || keyLength > 0)) {
    return DROP_EVENT;
  }
  const stampEnd = event.isCopy ? event.bodyStart + COPY_TOPIC - 1 - EVENT_HEAD_BYTES : event.payloadStart;
  const stampAt = stampEnd - STAMP_BYTES - STAMP_OFFSET;
  const hasOrigin = event.isCopy || kind === KIND_END;
  if (hasOrigin && !isStamp(stampMs(bytes, stampAt), stampCounter(bytes, stampAt))) return DROP_EVENT;
  const keyStart = topicStart + topicLength + 1;
  if (!isUtf8(bytes, topicStart, keyStart - 1)) return DROP_EVENT;
  if (keyLength > 0 && !isUtf8(bytes, keyStart, keyStart + keyLength)) return DROP_EVENT;
  return event.hasGoodPayload ? DROP_NONE : DROP_VALUE;
}

/**
 * Writes an event that was parsed to `at` of `out`, in canonical form. It takes
 * `canonicalBytes(event)` bytes there. Its body may be in its place already.
 */
export function writeCanonical(out: Uint8Array, at: number, event: EventData): void {
  const bytes = event.bytes;
  out[at] = event.head;
  writeStamp(out, at, event.ms, event.counter);
  const to = at + EVENT_HEAD_BYTES - event.bodyStart;
  if (to === 0 && bytes === out) return;
  for (let i = event.bodyStart; i < event.end; i++) out[to + i] = bytes[i];
}

/** Writes the stamp of the event that starts at `start`. */
export function writeStamp(bytes: Uint8Array, start: number, ms: number, counter: number): void {
  const high = Math.floor(ms / TWO_32);
  writeU16(bytes, start + 1, high);
  writeU32(bytes, start + 3, ms - high * TWO_32);
  writeU16(bytes, start + 7, counter);
}

/** Milliseconds of the stamp of the event that starts at `start`. */
export function stampMs(bytes: Uint8Array, start: number): number {
  return readU16(bytes, start + 1) * TWO_32 + readU32(bytes, start + 3);
}

/** Counter of the stamp of the event that starts at `start`. */
export function stampCounter(bytes: Uint8Array, start: number): number {
  return readU16(bytes, start + 7);
}

/** Compares two stamps: below 0 if the first one is earlier. */
export function compareTimes(ms: number, counter: number, otherMs: number, otherCounter: number): number {
  return ms === otherMs ? counter - otherCounter : ms - otherMs;
}

/** Compares the stamps of the events at `one` and `other` of two buffers: below 0 if the first is earlier. */
export function compareStamps(bytes: Uint8Array, one: number, otherBytes: Uint8Array, other: number): number {
  const ms = stampMs(bytes, one) - stampMs(otherBytes, other);
  return ms === 0 ? stampCounter(bytes, one) - stampCounter(otherBytes, other) : ms;
}

// Of an event in canonical form that was checked, at `start` of `bytes`.

/** Whether it is a copy of another author's event. */
export function isCopyAt(bytes: Uint8Array, start: number): boolean {
  return (bytes[start] & TOPIC_MASK) === 0 && bytes[start + EVENT_HEAD_BYTES] === COPY_MARK;
}

/** Whether the stamp of its record decides its order: it is neither a copy nor an end, and has a topic. */
export function isOwnForm(bytes: Uint8Array, start: number): boolean {
  return (bytes[start] & TOPIC_MASK) !== 0 && kindAt(bytes, start) !== KIND_END;
}

/** Its kind. */
export function kindAt(bytes: Uint8Array, start: number): number {
  const form = bytes[start] >>> FORM_SHIFT;
  if (form !== FORM_SET_TTL) return form;
  return bytes[nameEnd(bytes, start)] === 0 ? KIND_END : KIND_SET;
}

/** Time to live in seconds; 0: for ever, or the event is an end. */
export function ttlSecondsAt(bytes: Uint8Array, start: number): number {
  if (bytes[start] >>> FORM_SHIFT !== FORM_SET_TTL) return 0;
  let seconds = 0;
  let factor = 1;
  for (let at = nameEnd(bytes, start); ; factor *= 128) {
    seconds += (bytes[at] & 0x7f) * factor;
    if (bytes[at++] < 0x80) return seconds;
  }
}

/** Whether its topic is a merge topic (PROTOCOL 10.1). */
export function isMergeAt(bytes: Uint8Array, start: number): boolean {
  return bytes[nameStart(bytes, start)] === MERGE_MARK;
}

/** Where its topic starts. The length of the key and the key follow the topic, but in a log event. */
export function nameStart(bytes: Uint8Array, start: number): number {
  return start + (isCopyAt(bytes, start) ? COPY_TOPIC : EVENT_HEAD_BYTES);
}

/** Where topic and key end. It is no log event. */
export function nameEnd(bytes: Uint8Array, start: number): number {
  const at = nameStart(bytes, start) + topicLengthAt(bytes, start);
  return at + 1 + bytes[at];
}

/** Whether it is a log event, also a copy. */
export function isLogAt(bytes: Uint8Array, start: number): boolean {
  return bytes[start] >>> FORM_SHIFT === KIND_LOG;
}

/** A hash of author and stamp of a log event, not negative. @param order from `orderAt` */
export function logHash(bytes: Uint8Array, order: number, author: number): number {
  const hash = author ^ readU32(bytes, order + 3) ^ (stampCounter(bytes, order) << 9);
  return (hash ^ (hash >>> 15)) & 0x7fffffff;
}

/**
 * A hash by which others find it, not negative: of topic and key, or of author and stamp of a copied log event. NO_NAME
 * in a log event that is no copy.
 */
export function nameHash(bytes: Uint8Array, start: number): number {
  if (isLogAt(bytes, start)) {
    if (!isCopyAt(bytes, start)) return NO_NAME;
    return logHash(bytes, orderAt(bytes, start, 0), originAuthorAt(bytes, start, 0));
  }
  const end = nameEnd(bytes, start);
  let hash = 0;
  for (let at = nameStart(bytes, start); at < end; at++) hash = ((hash << 5) - hash + bytes[at]) | 0;
  return (hash ^ (hash >>> 15)) & 0x7fffffff;
}

/** Whether two events of `bytes` and `others` have the same topic and key. Neither is a log event. */
export function hasSameName(bytes: Uint8Array, start: number, others: Uint8Array, other: number): boolean {
  const from = nameStart(bytes, start);
  const length = nameEnd(bytes, start) - from;
  const to = nameStart(others, other);
  if (topicLengthAt(bytes, start) !== topicLengthAt(others, other)) return false;
  // The comparison includes the length of the key, which lies between topic and key.
  for (let i = 0; i < length; i++) if (bytes[from + i] !== others[to + i]) return false;
  return true;
}

/** Bytes of its topic. */
export function topicLengthAt(bytes: Uint8Array, start: number): number {
  return isCopyAt(bytes, start) ? bytes[start + COPY_TOPIC - 1] : bytes[start] & TOPIC_MASK;
}

/** Author of the original event. @param holder the author of the feed that holds it */
export function originAuthorAt(bytes: Uint8Array, start: number, holder: number): number {
  return isCopyAt(bytes, start) ? readU32(bytes, start + COPY_AUTHOR) : holder;
}

/** Where `stampMs` and `stampCounter` find the stamp that decides its order. @param length its bytes */
export function orderAt(bytes: Uint8Array, start: number, length: number): number {
  if (isCopyAt(bytes, start)) return start + COPY_AUTHOR + 4 - STAMP_OFFSET;
  return kindAt(bytes, start) === KIND_END ? start + length - STAMP_BYTES - STAMP_OFFSET : start;
}

/**
 * Writes a copy of the event of `length` bytes at `from` to `at` of `out`, but for the stamp of the record. The copy of
 * a copy is a copy of the original event. Returns its bytes.
 *
 * @param author of the feed that holds the event
 * @param ttlSeconds seconds that remain, if the event has a time to live
 */
export function writeCopy(
  out: Uint8Array, at: number, bytes: Uint8Array, from: number, length: number, author: number, ttlSeconds: number,
): number {
  const order = orderAt(bytes, from, length);
  const kind = kindAt(bytes, from);
  const topicLength = topicLengthAt(bytes, from);
  const name = nameStart(bytes, from);
  const afterName = kind === KIND_LOG ? name + topicLength : nameEnd(bytes, from);
  out[at] = bytes[from] & ~TOPIC_MASK;
  out[at + EVENT_HEAD_BYTES] = COPY_MARK;
  writeU32(out, at + COPY_AUTHOR, originAuthorAt(bytes, from, author));
  for (let i = 0; i < STAMP_BYTES; i++) out[at + COPY_AUTHOR + 4 + i] = bytes[order + STAMP_OFFSET + i];
  out[at + COPY_TOPIC - 1] = topicLength;
  let to = at + COPY_TOPIC;
  for (let i = name; i < afterName; i++) out[to++] = bytes[i];
  let payload = afterName;
  if (bytes[from] >>> FORM_SHIFT === FORM_SET_TTL) {
    payload += varintBytes(ttlSecondsAt(bytes, from));
    writeVarint(out, to, ttlSeconds);
    to += varintBytes(ttlSeconds);
  }
  if (kind !== KIND_END) for (let i = payload; i < from + length; i++) out[to++] = bytes[i];
  return to - at;
}

/**
 * Writes the end of the event of `length` bytes at `from` to `at` of `out`, but for the stamp of the record. Returns
 * its bytes.
 *
 * @param isCopyEnd whether it ends the copy that is at `from`, in the feed that holds it; otherwise it ends an event
 * of the author itself, of which a copy may be at `from`
 */
export function writeEnd(
  out: Uint8Array, at: number, bytes: Uint8Array, from: number, length: number, isCopyEnd: boolean,
): number {
  const nameFrom = isCopyEnd ? from + EVENT_HEAD_BYTES : nameStart(bytes, from);
  const nameTo = nameEnd(bytes, from);
  out[at] = (FORM_SET_TTL << FORM_SHIFT) | (isCopyEnd ? 0 : topicLengthAt(bytes, from));
  let to = at + EVENT_HEAD_BYTES;
  for (let i = nameFrom; i < nameTo; i++) out[to++] = bytes[i];
  out[to++] = 0;
  if (isCopyEnd) return to - at;
  const order = orderAt(bytes, from, length) + STAMP_OFFSET;
  for (let i = 0; i < STAMP_BYTES; i++) out[to++] = bytes[order + i];
  return to - at;
}

/** Whether a stamp is in range: milliseconds before 2200, a counter of 16 bits. */
export function isStamp(ms: number, counter: number): boolean {
  return ms >= 0 && ms < STAMP_MS_END && counter >= 0 && counter <= COUNTER_MAX;
}
