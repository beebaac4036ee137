import { readFileSync } from "node:fs";
import { Reader } from "../../../src/engine/wire/cursor.js";
import { EventData } from "../../../src/engine/feed/event.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { BatchWriter } from "../../../src/engine/feed/batch-writer.js";
import { writeGaps } from "../../../src/engine/feed/gaps.js";
import { Hlc } from "../../../src/engine/feed/hlc.js";
import { FeedProtocol } from "../../../src/engine/feed/feed-protocol.js";
import type { FeedMaker } from "../../../src/engine/options.js";
import { SECTION_EVENTS, SECTION_HISTORY, SECTION_SNAPSHOT, TYPE_SYN } from "../../../src/engine/wire/frame.js";
import { FrameWriter } from "../../../src/engine/wire/frame-writer.js";
import { DROP_REASONS, Engine, OWN_SLOT, dropReasonName } from "../../../src/engine/index.js";
import { RowData } from "../../../src/engine/table/rows.js";
import { engineOptions } from "../../support/engine-options.js";
import { type PlainEvent, nodeDigest, wordsHex } from "./feed-support.js";
import { bytesOf as fromHex } from "../wire/frame-support.js";

export interface EventVector {
  sequence: number;
  kind: "log" | "set" | "remove" | "end";
  topic: string;
  key?: string;
  ttlSeconds?: number;
  timeMs: number;
  counter: number;
  payload?: string;
  /** Of a copy, the author and the stamp of the original; of an end, the stamp of the ended event. */
  origin?: { author?: number; timeMs: number; counter: number };
  canonical: string;
  tip: string;
}

/** How a node came to hold what it holds: frames that it took in, and how far it forgot after that. */
export interface History {
  before: string[];
  floor?: number;
}

export interface FrameVector {
  name: string;
  sender: number;
  /** Of a sender that is not the author. */
  sent?: History;
  /** The sections, by name, with where they begin. */
  sections: { events?: number; snapshot?: number; frontier?: true; gap?: true; history?: number };
  receiver: History;
  hex: string;
  /** What the receiver holds of the feed after it. */
  held: { sequence: number; floor: number; tip: string; numbers: number[] };
}

export interface RefusalVector {
  name: string;
  reason: string;
  receiver: History;
  feedBytes?: number;
  hex: string;
}

/** One feed, and frames with parts of it. */
export interface FeedVectors {
  author: number;
  generation: number;
  events: EventVector[];
  frames: FrameVector[];
  refusals: RefusalVector[];
}

interface Vectors extends FeedVectors {
  eventBytesMax: number;
  /** A feed whose events are sent as deltas. */
  deltas: FeedVectors;
  /** A feed with copies and ends. */
  copies: FeedVectors;
}

const file = new URL("../../vectors/feeds.json", import.meta.url);
export const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;

const RECEIVER = 9;
const ADDRESS = 0x0a000001;
const KINDS = { log: KIND_LOG, set: KIND_SET, remove: KIND_REMOVE, end: KIND_END };

export function plain(event: EventVector): PlainEvent {
  const { topic, timeMs, counter, origin } = event;
  const { timeMs: ms, ...more } = origin ?? { timeMs: 0, counter: 0 };
  return {
    kind: KINDS[event.kind], topic, key: event.key ?? "", ttlSeconds: event.ttlSeconds ?? 0, ms: timeMs, counter,
    payload: event.payload ?? "", ...(origin === undefined ? {} : { origin: { ...more, ms } }),
  };
}

function makeEngine(id: number, feedBytes: number): Engine {
  // Not by `eventFeeds`: some vectors need fewer bytes than that option allows.
  const feeds: FeedMaker = (rows, _clock, frame, ownRow) => new FeedProtocol(
    rows, frame, ownRow, feedBytes, vectors.eventBytesMax, nodeDigest, true,
  );
  return new Engine(engineOptions({ id, address: ADDRESS, capacity: 8, feeds }));
}

/** A node that knows the author and has come to hold something of its feed. */
export function receiver(feed: FeedVectors, history: History, feedBytes = 4096): Engine {
  const engine = makeEngine(RECEIVER, feedBytes);
  engine.start(1000, 1, true);
  getFeed(engine, feed, history);
  return engine;
}

/** The node that sends a frame: the author, or one that has its events from others. */
export function sender(feed: FeedVectors, vector: FrameVector): Engine {
  if (vector.sender !== feed.author) {
    const engine = makeEngine(vector.sender, 4096);
    engine.start(1000, 25, true);
    getFeed(engine, feed, vector.sent!);
    return engine;
  }
  const engine = makeEngine(feed.author, 4096);
  for (const { canonical, sequence } of feed.events) {
    const bytes = fromHex(canonical);
    engine.feed!.restore(feed.generation, sequence, bytes, 0, bytes.length);
  }
  engine.feed!.endRestore();
  engine.start(1000, 25, true);
  forget(engine, OWN_SLOT, vector.sent?.floor);
  return engine;
}

/** Has a node know the author and come to hold something of its feed. */
function getFeed(engine: Engine, feed: FeedVectors, history: History): void {
  learn(engine, feed.author);
  for (const name of history.before) deliver(engine, feed.frames.find((frame) => frame.name === name)!.hex);
  forget(engine, engine.rows.find(feed.author), history.floor);
}

export function deliver(engine: Engine, hex: string): void {
  const bytes = fromHex(hex);
  engine.receive(1000, ADDRESS + 1, 5000, bytes, bytes.length);
  while (engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
}

/** Writes the frame of a vector, as its sender would. */
export function write(of: FeedVectors, vector: FrameVector): Uint8Array {
  const engine = sender(of, vector);
  const feed = engine.feed!;
  const slot = engine.rows.find(of.author);
  const { sections } = vector;
  const writer = new FrameWriter();
  const out = new Uint8Array(1200);
  const runs = new BatchWriter(feed.feeds, new Hlc(), new Reader(), new EventData());
  writer.feeds = feed;
  writer.begin(out, out.length, TYPE_SYN, 0, engine.rows, 1, 0);
  if (sections.snapshot !== undefined) {
    writer.beginEvents(SECTION_SNAPSHOT);
    runs.begin();
    runs.writeSnapshotChunk(writer, slot, sections.snapshot);
    writer.endSection();
  }
  if (sections.events !== undefined) {
    writer.beginEvents(SECTION_EVENTS);
    runs.begin();
    runs.writeBatch(writer, slot, sections.events);
    writer.endSection();
  }
  if (sections.frontier) writer.writeFeedsHash(engine.rows);
  else writer.end += 7;
  if (sections.gap) writeGaps(feed.feeds, writer, runs, false);
  if (sections.history !== undefined) {
    writer.beginEvents(SECTION_HISTORY);
    runs.begin();
    runs.writeHistory(writer, slot, sections.history);
    writer.endSection();
  }
  return out.subarray(0, writer.length());
}

/** What a node holds of the author's feed. */
export function held(engine: Engine, feed: FeedVectors): FrameVector["held"] {
  const { feeds } = engine.feed!;
  const slot = engine.rows.find(feed.author);
  const numbers: number[] = [];
  for (let record = feeds.arena.first(slot); record !== 0; record = feeds.arena.next(record)) {
    numbers.push(feeds.arena.sequence(record));
  }
  const tip = wordsHex(feeds.tipFirst(slot), feeds.tipSecond(slot));
  return { sequence: feeds.sequence(slot), floor: feeds.floor(slot), tip, numbers };
}

/** Names of the reasons for which anything was dropped, as often as it was. */
export function drops(engine: Engine): string[] {
  return Array.from({ length: DROP_REASONS }, (_, reason) => reason)
    .flatMap((reason) => Array<string>(engine.stats.drops(reason)).fill(dropReasonName(reason)));
}

function learn(engine: Engine, id: number): void {
  const row = Object.assign(new RowData(), { id, address: ADDRESS + 1, port: 5000, revision: 25, heartbeat: 90 });
  engine.rows.merge(row, new Uint8Array(0));
}

/** Has a node forget what is below a number, but for values and removals that are alive. */
function forget(engine: Engine, slot: number, floor = 1): void {
  const { feeds } = engine.feed!;
  while (feeds.arena.nextUnnotified() !== 0) continue;
  while (feeds.floor(slot) < floor) feeds.arena["raiseFloor"](slot);
}
