import { cborEnd } from "../../cbor/cbor-check.js";
import { type Reader, type Writer, varintBytes } from "../wire/cursor.js";
import { DROP_EVENT, DROP_NONE, DROP_VALUE } from "../wire/drops.js";
import { isUtf8, utf8Length, utf8Write } from "../../cbor/utf8.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";
import { COUNTER_MAX, STAMP_MS_END } from "./hlc.js";

/*
 * The canonical bytes of an event: hashed, held in the arena and stored as they are.
 *
 * offset  bytes  field
 *      0      1  head: form (high two bits), 0, length of the topic (low five bits)
 *      1      6  stamp: milliseconds since 1970
 *      7      2  stamp: counter
 *      9   0–31  topic, UTF-8                              ← body starts
 *      …      1  forms 1, 2, 3: length of the key, 0 to 31
 *      …   0–31  forms 1, 2, 3: key, UTF-8
 *      …    1–5  form 3: time to live in seconds, varint, not 0
 *      …         forms 0, 1, 3: payload, one item of deterministic CBOR
 *
 * Author, generation and sequence number are not in it, as the feed has them. On
 * the wire the stamp is written as its difference from the one before.
 */

/** Form of a KIND_SET with a time to live; the other forms are the kinds. */
const FORM_SET_TTL = 3;
const FORM_SHIFT = 6;
const TOPIC_MASK = 0x1f;
/** Bit 5 of the head: on the wire, the counter of the stamp follows; else 0. */
export const HEAD_HAS_COUNTER = 0x20;

/** Longest topic and longest key, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 31;
/** Where the body starts. */
export const EVENT_HEAD_BYTES = 9;
/** Longest event that the arena has lengths for. */
export const EVENT_BYTES_END = 2048;

const TWO_32 = 4294967296;

/** An event as it is read; topic, key and payload lie in the bytes that it was read from. */
export class EventData {
  /** First byte of the canonical form. */
  head = 0;
  ms = 0;
  counter = 0;
  topicStart = 0;
  keyStart = 0;
  keyLength = 0;
  /** 0: for ever. */
  ttlSeconds = 0;
  payloadStart = 0;
  /** Whether the payload is one item of deterministic CBOR, or there is none. */
  hasGoodPayload = false;
  /** Where the body, and with it the event, ends. */
  end = 0;
}

export function kindOf(head: number): number {
  const form = head >>> FORM_SHIFT;
  return form === FORM_SET_TTL ? KIND_SET : form;
}

export function hasTtl(head: number): boolean {
  return head >>> FORM_SHIFT === FORM_SET_TTL;
}

/** Bytes of the topic, which is where the body starts. */
export function topicLengthOf(head: number): number {
  return head & TOPIC_MASK;
}

/** Bytes of the event in canonical form. */
export function canonicalBytes(event: EventData): number {
  return EVENT_HEAD_BYTES + event.end - event.topicStart;
}

/** Reads one event in canonical form, checked before, that takes all bytes of the reader. */
export function readEvent(reader: Reader, event: EventData): void {
  readHead(reader, event);
  readNames(reader, event);
  reader.skip(reader.end - reader.position);
  event.end = reader.position;
}

/** Reads one event in canonical form that takes all bytes of the reader. Returns a drop reason. */
export function checkEvent(reader: Reader, event: EventData): number {
  readHead(reader, event);
  readBody(reader, event);
  if (!reader.failed && event.end !== reader.end) return DROP_EVENT;
  return checkBody(reader, event);
}

function readHead(reader: Reader, event: EventData): void {
  event.head = reader.u8();
  const high = reader.u16();
  event.ms = high * TWO_32 + reader.u32();
  event.counter = reader.u16();
}

/** Reads what stands between head and payload. */
function readNames(reader: Reader, event: EventData): void {
  const form = event.head >>> FORM_SHIFT;
  event.topicStart = reader.skip(topicLengthOf(event.head));
  event.keyLength = form === KIND_LOG ? 0 : reader.u8();
  event.keyStart = reader.skip(event.keyLength);
  event.ttlSeconds = form === FORM_SET_TTL ? reader.varint() : 0;
  event.payloadStart = reader.position;
}

/** Reads the body of an event whose head is in `event`. `checkBody` tells whether it is good. */
export function readBody(reader: Reader, event: EventData): void {
  const form = event.head >>> FORM_SHIFT;
  readNames(reader, event);
  event.hasGoodPayload = form === KIND_REMOVE;
  if (form !== KIND_REMOVE && !reader.failed) {
    // A payload that has no end takes all there is.
    const end = cborEnd(reader.bytes, reader.position, reader.end);
    event.hasGoodPayload = end >= 0;
    reader.skip((end < 0 ? reader.end : end) - reader.position);
  }
  event.end = reader.position;
}

/** Checks an event that was just read from `reader`. Returns a drop reason, DROP_NONE when it is good. */
export function checkBody(reader: Reader, event: EventData): number {
  if (reader.failed) return DROP_EVENT;
  const bytes = reader.bytes;
  const form = event.head >>> FORM_SHIFT;
  const topicLength = topicLengthOf(event.head);
  if ((event.head & HEAD_HAS_COUNTER) !== 0 || event.keyLength > NAME_BYTES_MAX) return DROP_EVENT;
  if (form === FORM_SET_TTL && event.ttlSeconds === 0) return DROP_EVENT;
  // The topic without a name is that of the value which a node shares; it has no keys.
  if (topicLength === 0 && (form === KIND_LOG || event.keyLength > 0)) return DROP_EVENT;
  if (!isUtf8(bytes, event.topicStart, event.topicStart + topicLength)) return DROP_EVENT;
  if (!isUtf8(bytes, event.keyStart, event.keyStart + event.keyLength)) return DROP_EVENT;
  return event.hasGoodPayload ? DROP_NONE : DROP_VALUE;
}

/**
 * Writes a new event in canonical form: its stamp, then its parts. `key` is not
 * looked at for a KIND_LOG, nor `ttlSeconds` but for a KIND_SET, nor the payload
 * for a KIND_REMOVE.
 *
 * @param topic 1 to NAME_BYTES_MAX bytes in UTF-8; none only for the node's shared value
 * @param key 0 to NAME_BYTES_MAX bytes in UTF-8
 * @param ttlSeconds uint32, 0: for ever
 * @param payload its first `payloadLength` bytes are one item of deterministic CBOR
 */
export function writeEvent(
  writer: Writer, kind: number, ms: number, counter: number, topic: string, key: string, ttlSeconds: number,
  payload: Uint8Array, payloadLength: number,
): void {
  const form = kind === KIND_SET && ttlSeconds > 0 ? FORM_SET_TTL : kind;
  writer.u8((form << FORM_SHIFT) | utf8Length(topic));
  writeStamp(writer, ms, counter);
  writeText(writer, topic);
  if (form !== KIND_LOG) {
    writer.u8(utf8Length(key));
    writeText(writer, key);
  }
  if (form === FORM_SET_TTL) writer.varint(ttlSeconds);
  if (form !== KIND_REMOVE) writer.copy(payload, 0, payloadLength);
}

/** Bytes that `writeEvent` writes. */
export function eventBytes(
  kind: number, topic: string, key: string, ttlSeconds: number, payloadLength: number,
): number {
  const keyBytes = kind === KIND_LOG ? 0 : 1 + utf8Length(key);
  const ttlBytes = kind === KIND_SET && ttlSeconds > 0 ? varintBytes(ttlSeconds) : 0;
  return EVENT_HEAD_BYTES + utf8Length(topic) + keyBytes + ttlBytes + (kind === KIND_REMOVE ? 0 : payloadLength);
}

/** Writes an event that was read elsewhere, from `bytes`, in canonical form. */
export function writeCanonical(writer: Writer, bytes: Uint8Array, event: EventData): void {
  writer.u8(event.head);
  writeStamp(writer, event.ms, event.counter);
  writer.copy(bytes, event.topicStart, event.end - event.topicStart);
}

function writeStamp(writer: Writer, ms: number, counter: number): void {
  const high = Math.floor(ms / TWO_32);
  writer.u16(high);
  writer.u32(ms - high * TWO_32);
  writer.u16(counter);
}

function writeText(writer: Writer, text: string): void {
  const length = utf8Length(text);
  if (length > writer.room()) writer.failed = true;
  else writer.position = utf8Write(text, writer.bytes, writer.position);
}

/** Whether a stamp is one: milliseconds of 48 bits, a counter of 16. */
export function isStamp(ms: number, counter: number): boolean {
  return ms >= 0 && ms < STAMP_MS_END && counter >= 0 && counter <= COUNTER_MAX;
}
