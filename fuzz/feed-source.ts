import { readFileSync } from "node:fs";
import { SimRandom } from "../desktop/simulator/random.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import { Sha256 } from "../src/digest/sha256.js";
import { Reader } from "../src/engine/wire/cursor.js";
import { EventData } from "../src/engine/feed/event.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "../src/engine/feed/kinds.js";
import { BatchWriter } from "../src/engine/feed/batch-writer.js";
import { Hlc } from "../src/engine/feed/hlc.js";
import {
  SECTION_EVENTS, SECTION_GAP, SECTION_HISTORY, SECTION_SNAPSHOT, TYPE_ACK, TYPE_DIFF, TYPE_SYN,
} from "../src/engine/wire/frame.js";
import { FrameWriter } from "../src/engine/wire/frame-writer.js";
import { Engine, OWN_SLOT } from "../src/engine/index.js";
import type { FeedMaker } from "../src/engine/options.js";
import { RowData } from "../src/engine/table/rows.js";
import { eventFeeds } from "../src/events/index.js";
import { engineOptions } from "../test/support/engine-options.js";
import { drawWord, mutate } from "./mutate.js";
import type { DatagramSource, World } from "./world.js";
import { publishEvent } from "../test/support/publish-event.js";

interface Vectors {
  frames: { hex: string }[];
  refusals: { hex: string }[];
  deltas: { frames: { hex: string }[] };
}

/** The authors of the events. No other source sends rows of them, except by mutation. */
const AUTHORS = [7, 8];
/** High, because a node drops frames with a lower revision than one that it has seen. */
const REVISION = 1000;
const EVENTS = 60;
/** One event buffer holds all events, the other some of them. */
const FEED_BYTES = [16384, 1500];
const LIMITS = [128, 400, 1200, 1200];

/**
 * Frames of nodes with feeds, and the vectors; some are mutated. Two authors always
 * have the same events, so that a session can collect them. Nodes that hold all
 * events or only the last ones pass them on.
 */
export class FeedSource implements DatagramSource {
  private readonly vectors: Uint8Array[];
  private readonly nodes: Engine[];
  /** The nodes that hold the feeds: first those whose buffers hold all events. */
  get holders(): readonly Engine[] { return this.nodes; }
  private readonly writer = new FrameWriter();
  private readonly out = new Uint8Array(1472);

  private readonly authorEvents: number;

  /** @param kind of the nodes that hold the feeds */
  constructor(kind: FeedKind = plainFeeds) {
    const file = new URL("../test/vectors/feeds.json", import.meta.url);
    const { frames, refusals, deltas } = JSON.parse(readFileSync(file, "utf8")) as Vectors;
    this.vectors = [...frames, ...refusals, ...deltas.frames].map(({ hex }) => new Uint8Array(Buffer.from(hex, "hex")));
    const makers = [kind.feeds, ...kind.forged === undefined ? [] : [kind.forged]];
    this.nodes = makers.flatMap((feeds, turn) => (
      FEED_BYTES.flatMap((feedBytes) => AUTHORS.map((id) => holder(id, feedBytes, feeds, turn)))
    ));
    this.authorEvents = this.nodes[0].feed!.feeds.sequence(OWN_SLOT);
  }

  draw(random: SimRandom, world: World): Uint8Array {
    const bytes = random.chance(0.15) ? random.pick(this.vectors) : this.write(random, world);
    if (random.chance(0.75)) return bytes;
    return mutate(random, bytes, random.chance(0.5) ? random.pick(this.vectors) : this.write(random, world));
  }

  private write(random: SimRandom, world: World): Uint8Array {
    const { writer } = this;
    const { rows, feed } = random.pick(this.nodes);
    const type = random.pick([TYPE_SYN, TYPE_SYN, TYPE_ACK, TYPE_DIFF]);
    const runs = new BatchWriter(feed!.feeds, new Hlc(), new Reader(), new EventData());
    const slot = random.below(AUTHORS.length);
    const from = random.chance(0.9) ? random.below(this.authorEvents + 1) : drawWord(random, []);
    writer.feeds = feed!;
    const limit = random.pick(LIMITS);
    writer.begin(this.out, limit, type, 0, rows, drawWord(random, [10]), drawWord(random, [world.counter]));
    if (random.chance(0.7) && writer.beginRows()) {
      for (let i = 0; i <= AUTHORS.length; i++) writer.writeRow(rows, random.below(AUTHORS.length), false);
      writer.endSection();
    }
    const after = random.chance(0.5) ? 0 : from;
    this.writeSection(random, SECTION_SNAPSHOT, runs, () => void runs.writeSnapshotChunk(writer, slot, after));
    const first = random.chance(0.3) ? 1 : from;
    this.writeSection(random, SECTION_EVENTS, runs, () => void runs.writeBatch(writer, slot, first));
    writer.writeFeedsHash(rows);
    this.writeSection(random, SECTION_GAP, runs, () => this.writeGap(random, world));
    this.writeSection(random, SECTION_HISTORY, runs, () => this.writeHistory(random, world, runs, slot, from));
    return this.out.slice(0, writer.length());
  }

  private writeSection(random: SimRandom, tag: number, runs: BatchWriter, write: () => void): void {
    if (random.chance(0.5) || !this.writer.beginEvents(tag)) return;
    runs.begin();
    write();
    this.writer.endSection();
  }

  private writeGap(random: SimRandom, { engine }: World): void {
    const slot = engine.rows.slotAt(random.below(engine.rows.count));
    const feeds = engine.feed!.feeds;
    const floor = Math.max(feeds.floor(slot), 1);
    if (this.writer.room() < 16) return;
    this.writer.u32(engine.rows.id(slot));
    this.writer.varint(drawWord(random, [feeds.generation(slot)]));
    this.writer.varint(random.chance(0.8) ? random.between(2, this.authorEvents) : floor);
    this.writer.u16(drawWord(random, [Math.max(feeds.tipFirst(slot) >>> 16, 1)]) & 0xffff);
  }

  /** Mostly events that end just below those that the fuzzed node holds. */
  private writeHistory(random: SimRandom, { engine }: World, runs: BatchWriter, slot: number, from: number): void {
    const { feeds } = random.pick(this.nodes).feed!;
    const held = engine.rows.find(feeds.author(slot));
    const floor = held < 0 || random.chance(0.2) ? from : engine.feed!.feeds.floor(held);
    if (floor > feeds.floor(slot) && floor <= feeds.sequence(slot) + 1) runs.writeHistory(this.writer, slot, floor);
  }
}

/** A node that has its own events, and holds those of the other author. */
function holder(id: number, feedBytes: number, feeds: FeedKind["feeds"], turn: number): Engine {
  const engine = makeEngine(id, feedBytes, feeds);
  const author = makeEngine(AUTHORS[1 - AUTHORS.indexOf(id)], FEED_BYTES[0], feeds);
  for (const one of [engine, author]) {
    one.start(1000, REVISION, true);
    publish(one, turn);
  }
  const authorId = author.rows.id(OWN_SLOT);
  const row = Object.assign(new RowData(), { id: authorId, address: 9, port: 5000, revision: REVISION });
  engine.rows.merge(row, new Uint8Array(0));
  const writer = new FrameWriter();
  const runs = new BatchWriter(author.feed!.feeds, new Hlc(), new Reader(), new EventData());
  for (let next = 1, counter = 1; next <= author.feed!.feeds.sequence(OWN_SLOT); counter++) {
    const bytes = new Uint8Array(1200);
    writer.begin(bytes, bytes.length, TYPE_SYN, 0, author.rows, counter, 0);
    writer.beginEvents(SECTION_EVENTS);
    runs.begin();
    next = runs.writeBatch(writer, OWN_SLOT, next);
    writer.endSection();
    engine.receive(1000, 9, 5000, bytes, writer.length());
    while (engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
  }
  return engine;
}

function publish(engine: Engine, turn: number): void {
  const payload = new Uint8Array(64);
  const random = new SimRandom(engine.rows.id(OWN_SLOT), 1 + turn);
  engine.feed!.hlc.setPhysical(1000, 1767225600000);
  for (let n = 0; n < EVENTS; n++) {
    const kind = random.pick([KIND_LOG, KIND_LOG, KIND_SET, KIND_REMOVE]);
    const value = random.pick([n, "text", `lamp ${n} at 07:${n}`, [1, { a: n }]]);
    const length = kind === KIND_REMOVE ? 0 : encodeCbor(value, payload, 0);
    const ttl = random.chance(0.2) ? 60 : 0;
    publishEvent(engine, 1000, kind, "topic", `key ${random.below(4)}`, ttl, payload, length);
    while (engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
  }
}

/** How the feeds of nodes are made. */
export interface FeedKind {
  feeds: (id: number, feedBytes: number) => FeedMaker;
  /** Those of nodes that have the ids of the authors, but neither their keys nor their events. */
  forged?: FeedKind["feeds"];
}

const plainFeeds: FeedKind = { feeds: (_id, feedBytes) => feedsOf(feedBytes) };

/** Feeds for the nodes of this module and for the fuzzed node, with the same limit for events. */
export function feedsOf(feedBytes: number): FeedMaker {
  return eventFeeds({ bytes: feedBytes, eventBytesMax: 64, fillGaps: true }).engineFeeds(1472, new Sha256());
}

function makeEngine(id: number, feedBytes: number, feeds: FeedKind["feeds"]): Engine {
  const made = feeds(id, feedBytes);
  return new Engine(engineOptions({ id, address: id, capacity: 4, valueBytesMax: 16, feeds: made }));
}
