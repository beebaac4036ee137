import type { CborValue } from "../cbor/cbor.js";
import { EventSet, insertByAge } from "./event-set.js";
import { type FeedEvent, type FeedView, compareNumbers, compareTexts, isAlive } from "./feed-event.js";

/** One record of a `RecordsView`. */
export type { FeedEvent, FeedView } from "./feed-event.js";

export interface FeedRecord {
  id: string;
  /** The oldest `record.create`; undefined when there is none (yet), or it is no longer held. */
  created: { author: number; timeMs: number } | undefined;
  /** Ordered by the bytes of their names. */
  fields: RecordField[];
  /** The oldest first. */
  notes: RecordNote[];
  attachments: RecordAttachment[];
}

export interface RecordField {
  name: string;
  value: CborValue;
  author: number;
  timeMs: number;
}

export interface RecordNote {
  text: string;
  author: number;
  timeMs: number;
}

export interface RecordAttachment {
  name: string;
  /** The bytes, or where they are to be had. */
  data: CborValue;
  author: number;
  timeMs: number;
}

export interface RecordsOptions {
  /**
   * Events that are held: 1 to 65,535; 256 by default. Beyond it what was said
   * longest ago is as if it had never been.
   */
  capacity?: number;
}

/**
 * Records, folded from events of four topics; others are ignored, and so are
 * events whose value is not of the form below.
 *
 * | topic | value |
 * | --- | --- |
 * | `record.create` | `{ record, fields }`: the record's id, a text, and its first fields, which may be left out |
 * | `field.set` | `{ record, field, value }`: of all that set a field the newest counts |
 * | `note.add` | `{ record, text }` |
 * | `attachment.add` | `{ record, name, data }` |
 *
 * Said with `log`, an event is kept for as long as there is room for it. Said
 * with `set`, under a key of the author's choice, it is kept by all nodes until
 * the author sets the same topic and key again, which is how a note is changed,
 * or removes them, which takes it back. An event whose time to live is over
 * counts no more.
 */
export class RecordsView implements FeedView {
  private readonly set: EventSet;

  /** @throws Error when the capacity is out of its range */
  constructor(options?: RecordsOptions) {
    const capacity = options === undefined ? undefined : options.capacity;
    this.set = new EventSet(capacity ?? CAPACITY_DEFAULT, compareSources);
  }

  /** Whether there was ever more than the capacity. */
  get isCut(): boolean { return this.set.isCut; }

  apply(event: FeedEvent): void {
    if (isRecordTopic(event.topic)) this.set.add(event);
  }

  forget(author: number, generation: number): boolean {
    return this.set.forget(author, generation);
  }

  clear(): void {
    this.set.clear();
  }

  /** A record as it is at a time, in milliseconds since 1970; undefined when nobody has said anything of it. */
  get(id: string, nowMs: number): FeedRecord | undefined {
    return fold(this.set.events, nowMs, id)[0];
  }

  /** All records as they are at a time, in milliseconds since 1970, ordered by the bytes of their ids. */
  records(nowMs: number): FeedRecord[] {
    return fold(this.set.events, nowMs, undefined);
  }
}

/** A view of records. */
export function records(options?: RecordsOptions): RecordsView {
  return new RecordsView(options);
}

const CAPACITY_DEFAULT = 256;
const CREATE = "record.create";
const SET_FIELD = "field.set";
const ADD_NOTE = "note.add";
const ADD_ATTACHMENT = "attachment.add";

function isRecordTopic(topic: string): boolean {
  return topic === CREATE || topic === SET_FIELD || topic === ADD_NOTE || topic === ADD_ATTACHMENT;
}

/** An event without a key is about nothing that another one is about. */
function compareSources(a: FeedEvent, b: FeedEvent): number {
  const byAuthor = compareNumbers(a.author, b.author) || compareTexts(a.topic, b.topic);
  if (byAuthor !== 0) return byAuthor;
  if (a.key !== undefined && b.key !== undefined) return compareTexts(a.key, b.key);
  if (a.key !== undefined || b.key !== undefined) return a.key === undefined ? -1 : 1;
  return compareNumbers(a.generation, b.generation) || compareNumbers(a.sequence, b.sequence);
}

function fold(events: FeedEvent[], nowMs: number, id: string | undefined): FeedRecord[] {
  const inOrder: FeedEvent[] = [];
  for (const event of events) {
    if (event.kind !== "remove" && isAlive(event, nowMs)) insertByAge(inOrder, event);
  }
  const all: FeedRecord[] = [];
  for (const event of inOrder) {
    const value = mapOf(event.value);
    if (value === undefined || typeof value.record !== "string") continue;
    if (id === undefined || value.record === id) foldEvent(all, event, value.record, value);
  }
  return all;
}

function foldEvent(all: FeedRecord[], event: FeedEvent, id: string, value: { [key: string]: CborValue }): void {
  const author = event.author;
  const timeMs = event.timeMs;
  switch (event.topic) {
    case CREATE: {
      const record = recordOf(all, id);
      if (record.created === undefined) record.created = { author, timeMs };
      const fields = mapOf(value.fields);
      if (fields === undefined) break;
      for (const name of Object.keys(fields)) setField(record.fields, { name, value: fields[name], author, timeMs });
      break;
    }
    case SET_FIELD:
      if (typeof value.field !== "string") break;
      setField(recordOf(all, id).fields, { name: value.field, value: value.value, author, timeMs });
      break;
    case ADD_NOTE:
      if (typeof value.text !== "string") break;
      recordOf(all, id).notes.push({ text: value.text, author, timeMs });
      break;
    default:
      if (typeof value.name !== "string") break;
      recordOf(all, id).attachments.push({ name: value.name, data: value.data, author, timeMs });
  }
}

/** The record with an id, which is added if there is none. */
function recordOf(all: FeedRecord[], id: string): FeedRecord {
  let at = 0;
  for (; at < all.length; at++) {
    const order = compareTexts(all[at].id, id);
    if (order === 0) return all[at];
    if (order > 0) break;
  }
  const record: FeedRecord = { id, created: undefined, fields: [], notes: [], attachments: [] };
  all.splice(at, 0, record);
  return record;
}

/** Puts a field in the place of one of its name, which is older. */
function setField(fields: RecordField[], field: RecordField): void {
  let at = 0;
  for (; at < fields.length; at++) {
    const order = compareTexts(fields[at].name, field.name);
    if (order < 0) continue;
    fields.splice(at, order === 0 ? 1 : 0, field);
    return;
  }
  fields.push(field);
}

/** A value that is a map. */
function mapOf(value: CborValue): { [key: string]: CborValue } | undefined {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  return isMap ? value : undefined;
}
