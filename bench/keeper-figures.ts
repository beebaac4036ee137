import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileStorage } from "../desktop/platform/file-storage.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import type { Clock } from "../src/engine/clock.js";
import { Engine } from "../src/engine/engine.js";
import { recordWords } from "../src/engine/feed/arena.js";
import { Chain, chainBytes } from "../src/engine/feed/chain.js";
import { EncodedEvent, writeStamp } from "../src/engine/feed/event.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "../src/engine/feed/kinds.js";
import type { Suspicion } from "../src/engine/membership/suspicion.js";
import { RowData } from "../src/engine/table/rows.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip } from "../src/gossip.js";
import { FeedKeeper } from "../src/keeper/feed-keeper.js";
import { ITEM_EVENTS, ITEM_HELD } from "../src/keeper/items.js";
import { KEEPER_BYTES, feedKeeper } from "../src/keeper/index.js";
import { engineOptions } from "../test/support/engine-options.js";

export interface KeeperFigures {
  "keeper.events": number;
  "keeper.fileBytes": number;
  /** Until the node runs with all feeds, in ms; medians. */
  "keeper.startMs": number;
  /** Reading the file, checking each record's CRC-32 and computing the chain of each feed, in ms. */
  "keeper.checkMs": number;
  /** The part of it without the chains. */
  "keeper.readMs": number;
  /** Start by check, each of the same run: the median. */
  "keeper.startRatio": number;
  /** Memory of a process with these feeds, beyond that of one without a keeper, in bytes. */
  "keeper.ramBytes": number;
}

const EVENT_BYTES_MAX = 128;
/** 2026-01-01. */
const T = 1767225600000;
/** Events between two writes. */
const EVENTS_PER_WRITE = 100;

/**
 * Writes the feeds of `authors` to files, then starts a keeper with them `runs` times.
 *
 * @param log is called with what goes on, for people
 */
export function measureKeeper(events = 100000, authors = 50, runs = 5, log: (text: string) => void = () => undefined):
KeeperFigures {
  const folder = mkdtempSync(join(tmpdir(), "chisme-keeper-"));
  try {
    log(`writing ${events} events of ${authors} authors`);
    const held = fill(folder, events, authors);
    const samples: { start: number; check: number; read: number }[] = [];
    for (let i = 0; i < runs; i++) {
      const read = timed(() => readAll(folder));
      const check = timed(() => checkAll(folder));
      const start = timed(() => startNode(folder, held));
      samples.push({ start, check, read });
      log(`start ${start.toFixed(0)} ms, check ${check.toFixed(0)} ms, read ${read.toFixed(0)} ms`);
    }
    return {
      "keeper.events": held,
      "keeper.fileBytes": statSync(join(folder, "feeds")).size,
      "keeper.startMs": Math.round(median(samples.map(({ start }) => start))),
      "keeper.checkMs": Math.round(median(samples.map(({ check }) => check))),
      "keeper.readMs": Math.round(median(samples.map(({ read }) => read))),
      "keeper.startRatio": Number(median(samples.map(({ start, check }) => start / check)).toFixed(2)),
      "keeper.ramBytes": ramOf(folder) - ramOf(""),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a process holds after a start with a folder, or without a keeper, in bytes. For `ramOf`. */
export function printRam(folder: string): void {
  if (folder !== "") startNode(folder, 0);
  global.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  console.log(heapUsed + external);
}

function ramOf(folder: string): number {
  const file = fileURLToPath(new URL("keeper.ts", import.meta.url));
  const args = ["--expose-gc", "--import", "tsx", file, `--ram=${folder}`];
  return Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

/** Has a keeper follow feeds of many authors. Returns how many events it holds in the end. */
function fill(folder: string, events: number, authors: number): number {
  const parts: { clock: Clock; suspicion: Suspicion }[] = [];
  const make = eventFeeds({ bytes: KEEPER_BYTES }).engineFeeds(1200, nodeDigest);
  const engine = new Engine(engineOptions({
    capacity: 64,
    feeds: (rows, clock, frame, suspicion) => {
      parts.push({ clock, suspicion });
      return make(rows, clock, frame, suspicion);
    },
  }));
  const feed = engine.feed;
  if (feed === undefined) throw new Error("no feeds");
  const [{ clock, suspicion }] = parts;
  const storage = new FileStorage(folder);
  const keeper = new FeedKeeper(feed, engine.rows, clock, suspicion, storage.feeds);
  const row = new RowData();
  for (let author = 0; author < authors; author++) {
    Object.assign(row, { id: 1000 + author, address: 0x0a000000 + author, port: 5000, revision: 1 });
    engine.rows.merge(row, engine.rows.valueBytes());
  }
  const event = new EncodedEvent(EVENT_BYTES_MAX);
  for (let i = 0; i < events; i++) {
    const slot = engine.rows.find(1000 + i % authors);
    encode(event, Math.floor(i / authors), i, authors);
    if (!feed.feeds.reserve(recordWords(event.length)) || !feed.feeds.append(slot, event.bytes, 0, event.length)) {
      throw new Error("no room");
    }
    while (feed.feeds.arena.nextUnnotified() !== 0) continue;
    if (i % EVENTS_PER_WRITE !== 0 && i !== events - 1) continue;
    clock.advance((clock.callerMs + 1000) >>> 0);
    const problem = keeper.keepUp();
    if (problem !== undefined) throw problem;
  }
  storage.close();
  return countEvents(engine);
}

/** The n-th event of an author: half of them set names of their own, the others set names anew, remove and log. */
function encode(event: EncodedEvent, n: number, i: number, authors: number): void {
  const draw = n % 10;
  const kind = draw < 8 ? KIND_SET : draw === 8 ? KIND_REMOVE : KIND_LOG;
  const key = draw < 5 ? `voucher ${i}` : draw < 8 ? `host ${n % 7}` : `voucher ${i - 8 * authors}`;
  event.begin(kind, kind === KIND_LOG ? "door" : "portal", key, 0);
  if (kind !== KIND_REMOVE) event.length = encodeCbor({ mac: "02:00:5e:10:20:30", n }, event.bytes, event.length);
  writeStamp(event.bytes, 0, T + i, 0);
}

function countEvents(engine: Engine): number {
  const feeds = engine.feed?.feeds;
  let events = 0;
  for (let place = 0; feeds !== undefined && place < engine.rows.count; place++) {
    const { arena } = feeds;
    for (let at = arena.first(engine.rows.slotAt(place)); at !== 0; at = arena.next(at)) events++;
  }
  return events;
}

/** Starts a keeper with a folder as an application does. @param held events that it must hold; 0: any number */
function startNode(folder: string, held: number): void {
  const gossip = new Gossip({
    socket: { bind() {}, send() {}, ownAddress: () => 1, deviceId: () => 1, close() {} },
    clock: { nowMs: () => 0, setTimer: () => 0, clearTimer() {}, physicalMs: () => T + 1e9 },
    digest: nodeDigest, storage: new FileStorage(folder), events: feedKeeper(),
    onError: (_code, error) => { throw error; },
  });
  gossip.start();
  const found = countEvents(gossip.engine as Engine);
  gossip.close();
  if (held !== 0 && found !== held) throw new Error(`${found} events of ${held} came back`);
}

/** Reads the file and checks each record. */
function readAll(folder: string): void {
  const storage = new FileStorage(folder);
  storage.feeds.read(() => undefined);
  storage.close();
}

/** Reads the file, checks each record, and computes the chains. */
function checkAll(folder: string): void {
  const storage = new FileStorage(folder);
  const bytes = new Uint8Array(chainBytes(EVENT_BYTES_MAX));
  const chain = new Chain(nodeDigest, bytes, 0);
  storage.feeds.read((record, length) => {
    const view = new DataView(record.buffer, record.byteOffset, length);
    for (let at = 0; at < length;) {
      const type = view.getUint8(at);
      const end = at + 3 + view.getUint16(at + 1);
      if (type === ITEM_EVENTS || type === ITEM_HELD) checkItem(chain, bytes, view, type, at + 3, end);
      at = end;
    }
  });
  storage.close();
}

function checkItem(chain: Chain, bytes: Uint8Array, view: DataView, type: number, start: number, end: number): void {
  const isHeld = type === ITEM_HELD;
  chain.begin(view.getUint32(start), view.getUint32(start + 4), 0, 0);
  for (let at = start + (isHeld ? 8 : 20); at < end;) {
    if (isHeld) at += 4;
    const length = view.getUint16(at);
    for (let i = 0; i < length; i++) bytes[chain.eventAt + i] = view.getUint8(at + 2 + i);
    chain.link(1, length);
    at += 2 + length;
  }
}

function timed(run: () => void): number {
  const startMs = performance.now();
  run();
  return performance.now() - startMs;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >>> 1];
}
