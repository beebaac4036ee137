import { readU16, readU32, writeU16, writeU32 } from "../../cbor/big-endian.js";
import { cborEnd } from "../../cbor/cbor-check.js";
import { isUtf8, utf8Length, utf8Write } from "../../cbor/utf8.js";
import { type Reader, varintBytes, writeVarint } from "../wire/cursor.js";
import { DROP_EVENT, DROP_NONE, DROP_VALUE } from "../wire/drops.js";
import { COUNTER_MAX, STAMP_MS_END } from "./hlc.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";

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
 *      …    1–5  form 3: time to live in seconds, varint, not 0
 *      …         forms 0, 1, 3: payload, one item of deterministic CBOR
 *
 * The feed holds author, generation and sequence number. On the wire an event has the
 * difference from the stamp before in place of its stamp (PROTOCOL 10.3).
 */

/** Form of a KIND_SET with a time to live; the other forms are the kinds. */
const FORM_SET_TTL = 3;
const FORM_SHIFT = 6;
const TOPIC_MASK = 0x1f;
/** Bit 5 of the head: set on the wire if the counter of the stamp follows, else 0. */
export const HEAD_HAS_COUNTER = 0x20;

/** Longest topic and longest key, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 31;
/** Offset of the body. */
export const EVENT_HEAD_BYTES = 9;

const TWO_32 = 4294967296;

/** An event as it was parsed. Topic, key and payload lie in the bytes that were parsed. */
export class EventData {
  /** First byte of the canonical form. */
  head = 0;
  ms = 0;
  counter = 0;
  topicStart = 0;
  keyStart = 0;
  keyLength = 0;
  /** Seconds; 0: for ever. */
  ttlSeconds = 0;
  payloadStart = 0;
  /** Whether the payload is one item of deterministic CBOR, or the event is a removal, which has none. */
  hasGoodPayload = false;
  /** Where the body ends, and the event with it. */
  end = 0;
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
    this.bytes = new Uint8Array(eventBytesMax);
  }

  /**
   * Begins an event with all but its stamp and its payload. A KIND_LOG has no key and only
   * a KIND_SET has a time to live; the arguments are ignored in other kinds.
   *
   * @param topic 1 to NAME_BYTES_MAX bytes in UTF-8; 0 only for the node's shared value
   * @param key 0 to NAME_BYTES_MAX bytes in UTF-8
   * @param ttlSeconds uint32; 0: for ever
   * @returns false when the bytes do not fit; `length` is 0 then
   */
  begin(kind: number, topic: string, key: string, ttlSeconds: number): boolean {
    const bytes = this.bytes;
    const form = kind === KIND_SET && ttlSeconds > 0 ? FORM_SET_TTL : kind;
    const topicLength = utf8Length(topic);
    const keyLength = form === KIND_LOG ? 0 : utf8Length(key);
    const keyBytes = form === KIND_LOG ? 0 : 1 + keyLength;
    const ttlBytes = form === FORM_SET_TTL ? varintBytes(ttlSeconds) : 0;
    const length = EVENT_HEAD_BYTES + topicLength + keyBytes + ttlBytes;
    this.length = 0;
    if (length > bytes.length) return false;
    bytes[0] = (form << FORM_SHIFT) | topicLength;
    let at = utf8Write(topic, bytes, EVENT_HEAD_BYTES);
    if (form !== KIND_LOG) {
      bytes[at] = keyLength;
      at = utf8Write(key, bytes, at + 1);
    }
    if (form === FORM_SET_TTL) writeVarint(bytes, at, ttlSeconds);
    this.length = length;
    return true;
  }
}

export function kindOf(head: number): number {
  const form = head >>> FORM_SHIFT;
  return form === FORM_SET_TTL ? KIND_SET : form;
}

export function hasTtl(head: number): boolean {
  return head >>> FORM_SHIFT === FORM_SET_TTL;
}

/** Bytes of the topic, which starts the body. */
export function topicLengthOf(head: number): number {
  return head & TOPIC_MASK;
}

/** Bytes of the event in canonical form. */
export function canonicalBytes(event: EventData): number {
  return EVENT_HEAD_BYTES + event.end - event.topicStart;
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

/** Parses what lies between head and payload. */
function readNames(reader: Reader, event: EventData): void {
  const form = event.head >>> FORM_SHIFT;
  event.topicStart = reader.skip(topicLengthOf(event.head));
  event.keyLength = form === KIND_LOG ? 0 : reader.u8();
  event.keyStart = reader.skip(event.keyLength);
  event.ttlSeconds = form === FORM_SET_TTL ? reader.varint() : 0;
  event.payloadStart = reader.position;
}

/** Parses the body of an event whose head is in `event`. `checkBody` returns whether it is valid. */
export function readBody(reader: Reader, event: EventData): void {
  const form = event.head >>> FORM_SHIFT;
  readNames(reader, event);
  event.hasGoodPayload = form === KIND_REMOVE;
  if (form !== KIND_REMOVE && !reader.failed) {
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
  const bytes = reader.bytes;
  const form = event.head >>> FORM_SHIFT;
  const topicLength = topicLengthOf(event.head);
  if ((event.head & HEAD_HAS_COUNTER) !== 0 || event.keyLength > NAME_BYTES_MAX) return DROP_EVENT;
  if (form === FORM_SET_TTL && event.ttlSeconds === 0) return DROP_EVENT;
  // PROTOCOL 10.1: only the node's shared value has an empty topic. It has no key and is no log.
  if (topicLength === 0 && (form === KIND_LOG || event.keyLength > 0)) return DROP_EVENT;
  if (!isUtf8(bytes, event.topicStart, event.topicStart + topicLength)) return DROP_EVENT;
  if (!isUtf8(bytes, event.keyStart, event.keyStart + event.keyLength)) return DROP_EVENT;
  return event.hasGoodPayload ? DROP_NONE : DROP_VALUE;
}

/**
 * Writes an event that was parsed from `bytes` to `at` of `out`, in canonical form. It
 * takes `canonicalBytes(event)` bytes there.
 */
export function writeCanonical(out: Uint8Array, at: number, bytes: Uint8Array, event: EventData): void {
  out[at] = event.head;
  writeStamp(out, at, event.ms, event.counter);
  const to = at + EVENT_HEAD_BYTES - event.topicStart;
  for (let i = event.topicStart; i < event.end; i++) out[to + i] = bytes[i];
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

/** Compares the stamps of the events at `one` and `other` of two buffers: below 0 if the first is earlier. */
export function compareStamps(bytes: Uint8Array, one: number, otherBytes: Uint8Array, other: number): number {
  const ms = stampMs(bytes, one) - stampMs(otherBytes, other);
  return ms === 0 ? stampCounter(bytes, one) - stampCounter(otherBytes, other) : ms;
}

/** Whether a stamp is in range: milliseconds of 48 bits, a counter of 16. */
export function isStamp(ms: number, counter: number): boolean {
  return ms >= 0 && ms < STAMP_MS_END && counter >= 0 && counter <= COUNTER_MAX;
}
