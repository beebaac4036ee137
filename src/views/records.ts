import type { CborValue } from "../cbor/cbor.js";
import { checkGiven } from "../checks.js";
import { insertByAge } from "./event-set.js";
import { EventView } from "./event-view.js";
import {
  type FeedEvent, type FeedView, compareEvents, compareNumbers, compareTexts, earliestEndOf, isAlive,
} from "./feed-event.js";

export type { FeedEvent, FeedView } from "./feed-event.js";

/** One record of a `RecordsView`. */
export interface FeedRecord {
  id: string;
  /** The oldest `record.create`; undefined when the view holds none. */
  created: { author: number; timeMs: number } | undefined;
  /** Ordered by the bytes of their names. */
  fields: RecordField[];
  /** The oldest first. */
  notes: RecordNote[];
  /** The oldest first. */
  attachments: RecordAttachment[];
}

export interface RecordField {
  name: string;
  value: CborValue;
  /** Id of the node that set it. */
  author: number;
  /** When it was set, in milliseconds since 1970. */
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
  /** Events that the view holds: 1 to 65,535; 256 by default. Beyond it the oldest are dropped. */
  capacity?: number;
  /**
   * Called when a record changes, and with undefined when the last event about it
   * is removed or its time to live ends. `LatestMapOptions.onChange` describes when
   * the node calls it.
   */
  onChange?: (id: string, record: FeedRecord | undefined) => void;
}

/**
 * Records, folded from events of four topics. The view ignores other topics, and
 * events whose value has not the form below.
 *
 * | topic | value |
 * | --- | --- |
 * | `record.create` | `{ record, fields }`: the record's id, a text, and its first fields, which may be missing |
 * | `field.set` | `{ record, field, value }`: the newest event about a field counts |
 * | `note.add` | `{ record, text }` |
 * | `attachment.add` | `{ record, name, data }` |
 *
 * An event that was published with `log` is kept as long as there is room for it.
 * An event that was published with `set`, under a key of the author's choice, is
 * kept by all nodes until a node sets the same topic and key again, which changes a
 * note, or removes them. An event whose time to live is over does not count.
 *
 * The time is that of the node that the view is given to. No time to live ends
 * before that. Where the node, or the author at that time, does not know the time
 * of day, it counts from when this node learnt of the event since its start.
 */
export class RecordsView extends EventView implements FeedView {
  private readonly onChange: RecordsOptions["onChange"];
  /** Ids of which the application is to be notified, at most two for each event held. */
  private changed: string[] = [];

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(options?: RecordsOptions) {
    const given: RecordsOptions = options ?? {};
    checkGiven(given, "onChange", "capacity");
    super(given.capacity ?? CAPACITY_DEFAULT, compareSources);
    this.onChange = given.onChange;
  }

  apply(event: FeedEvent): void {
    if (!isRecordTopic(event.topic)) return;
    this.hold(event);
  }

  settle(): boolean {
    const onChange = this.onChange;
    if (onChange === undefined) return false;
    if (this.changed.length === 0) this.findChanged();
    const id = this.changed.shift();
    if (id === undefined) return false;
    onChange(id, fold(this.changes.counted, id)[0]);
    return true;
  }

  /** A record; undefined when the view holds no event about it. */
  get(id: string): FeedRecord | undefined {
    return fold(this.alive(), id)[0];
  }

  /** All records, ordered by the bytes of their ids. */
  records(): FeedRecord[] {
    return fold(this.alive(), undefined);
  }

  private findChanged(): void {
    const changes = this.changes;
    if (!this.mayHaveChanged()) return;
    const counting = this.counting();
    const changed = changes.update(withoutRemovals(counting), earliestEndOf(counting));
    for (let i = 0; i < changed.length; i++) {
      const value = mapOf(changed[i].value);
      if (value === undefined || typeof value.record !== "string") continue;
      if (this.changed.indexOf(value.record) < 0) this.changed.push(value.record);
    }
  }

  /** The events that count now, in order. */
  private alive(): FeedEvent[] {
    return withoutRemovals(this.counting());
  }

  /** The events and the removals that count now, in order: when a removal ends, what it hid counts again. */
  private counting(): FeedEvent[] {
    const nowMs = this.nowMs();
    const counting: FeedEvent[] = [];
    const latest = latestOfNames(this.set.events, nowMs);
    for (const event of this.set.events) {
      if (event.kind === "withdraw" || !isAlive(event, nowMs)) continue;
      if (event.key === undefined || latest[nameOf(event)] === event) counting.push(event);
    }
    return counting;
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
  return compareNumbers(a.timeMs, b.timeMs) || a.counter - b.counter;
}

/** The latest event about each topic and key that counts at `nowMs`, of any author. */
function latestOfNames(events: FeedEvent[], nowMs: number): { [name: string]: FeedEvent } {
  const latest: { [name: string]: FeedEvent } = {};
  for (const event of events) {
    if (event.key === undefined || event.kind === "withdraw" || !isAlive(event, nowMs)) continue;
    const held = latest[nameOf(event)];
    if (held === undefined || compareEvents(event, held) > 0) latest[nameOf(event)] = event;
  }
  return latest;
}

function withoutRemovals(events: FeedEvent[]): FeedEvent[] {
  return events.filter((event) => event.kind !== "remove");
}

function nameOf(event: FeedEvent): string {
  return `${event.topic}\n${event.key}`;
}

function fold(events: FeedEvent[], id: string | undefined): FeedRecord[] {
  const inOrder: FeedEvent[] = [];
  for (const event of events) insertByAge(inOrder, event);
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
