import { Engine, type EngineOptions, type NodeEngine, type Rows } from "../src/engine/index.js";
import { isCompact } from "../src/espgossip/engine.js";
import { rowNameBytes } from "../src/engine/named-rows.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import { type NetworkTime, networkTime } from "../src/time/index.js";
import { checkFeeds } from "./feed-checks.js";
import { FeedSource, feedsOf } from "./feed-source.js";
import { FrameSource } from "./frame-source.js";
import { JsonSource } from "./json-source.js";
import { LogSession, fileMedium, flashMedium } from "./log-session.js";
import { MessageSource, checkMessages, messagesOf } from "./message-source.js";
import { type NodeKind, NodeSession } from "./node-session.js";
import { SealedSession } from "./sealed-session.js";
import { SignedSource, signedFeedsOf } from "./signed-source.js";
import type { Target } from "./target.js";
import { mixOf } from "./world.js";

/** Drop reasons that refuse one row: in any dialect, and only in ESPGossip's. */
const OF_ROWS = ["tableFull", "valueTooLarge"];
const OF_JSON_ROWS = ["row", "value"];

const frames = new FrameSource();
const json = new JsonSource();

const compact: NodeKind = {
  dialect: (options) => new Engine(options),
  source: mixOf(0.95, frames, json),
  burstMax: 4,
  tablesOf: ({ rows }) => [rows],
  seedsMax: (seedCapacity) => seedCapacity,
  isOfRow: (reason) => OF_ROWS.includes(reason),
  isLife: false,
};

/** A node of a network with a name. */
const named: NodeKind = { ...compact, network: 0x6e616d65 };

/** Drop reasons that refuse one batch of events, or the whole datagram. */
const OF_BATCHES = ["event", "fork", "gap", "duplicate", "oldGeneration", "arenaFull"];
const feedFrames = new FeedSource();

const feeds: NodeKind = {
  ...compact,
  dialect: (options) => new Engine({ ...options, feeds: feedsOf(4096) }),
  source: mixOf(0.95, feedFrames, frames),
  isOfRow: (reason) => OF_ROWS.includes(reason) || OF_BATCHES.includes(reason),
  check: (engine) => checkFeeds(engine as Engine),
};

const signed: NodeKind = {
  ...feeds,
  dialect: (options) => new Engine({ ...options, feeds: signedFeedsOf(1, 4096) }),
  source: mixOf(0.95, new SignedSource(), frames),
  isOfRow: (reason) => feeds.isOfRow(reason, new Uint8Array(0)) || reason === "signature",
  check: (engine) => SignedSource.check(engine as Engine),
};

const withMessages: NodeKind = {
  ...compact,
  dialect: (options) => new Engine({ ...options, messages: messagesOf(options) }),
  source: mixOf(0.7, new MessageSource(frames), frames),
  check: (engine) => checkMessages(engine as Engine),
};

/** A node that asks for the time, and answers. */
const withTime: NodeKind = {
  ...compact,
  dialect: (options) => new TimedEngine(options),
  check: (engine) => (engine as TimedEngine).checkTime(),
};

const boards: NodeKind = {
  ...compact,
  dialect: espgossip(),
  source: mixOf(0.95, json, frames),
  seedsMax: (seedCapacity, capacity) => seedCapacity + capacity,
  isOfRow: (reason) => OF_ROWS.includes(reason) || OF_JSON_ROWS.includes(reason),
  isLife: true,
};

const bridge: NodeKind = {
  ...compact,
  dialect: auto(),
  source: mixOf(0.5, json, frames),
  burstMax: 8,
  tablesOf: (engine) => [engine.rows, (engine as unknown as Halves).boards.rows],
  isOfRow: (reason, bytes) => (isCompact(bytes, bytes.length) ? compact : boards).isOfRow(reason, bytes),
  check: (engine) => checkNameless((engine as unknown as Halves).boards.rows),
  isLife: true,
};

class TimedEngine extends Engine {
  private readonly time: NetworkTime;

  constructor(options: EngineOptions) {
    const time = networkTime();
    const now = { callerMs: 0 };
    const links = time.engineLinks(undefined, {
      nowMs: () => now.callerMs, setTimer: () => undefined, clearTimer: () => undefined,
    });
    const bind = links.bind.bind(links);
    links.bind = (rows, clock) => {
      Object.defineProperty(now, "callerMs", { get: () => clock.callerMs });
      return bind(rows, clock);
    };
    super({ ...options, links });
    this.time = time;
  }

  /** @throws Error when the time is none, or its quality is impossible */
  checkTime(): void {
    const now = this.time.now();
    const quality = this.time.quality();
    if ((now === undefined) !== (quality === undefined)) throw new Error("a time without quality, or the other way");
    if (now === undefined || quality === undefined) return;
    const { hops, errorMs, ageMs, source } = quality;
    const isGood = Number.isInteger(now) && now > LEAST_MS && now < MOST_MS && hops >= 1 && hops <= 31 && ageMs >= 0
      && errorMs >= 0 && source === "peer";
    if (!isGood) throw new Error(`the time is ${now}, ${JSON.stringify(quality)}`);
  }
}

/** Two days beyond what answers may have. */
const LEAST_MS = 1577836800000 - 2 * 86400000;
const MOST_MS = 7258118400000 + 30 * 86400000;

/** @throws Error when a row of a table for boards has a name */
function checkNameless(rows: Rows): void {
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rowNameBytes(rows, slot) > 0) throw new Error(`row ${rows.id(slot)} has a name that boards cannot read`);
  }
}

/** A node of the dialect "auto" with its private table for boards. */
interface Halves extends NodeEngine {
  boards: { rows: Rows };
}

/** All objects that handle untrusted bytes. */
export const targets: readonly Target[] = [
  { name: "compact", begin: () => new NodeSession(compact) },
  { name: "named", begin: () => new NodeSession(named) },
  { name: "feeds", begin: () => new NodeSession(feeds) },
  { name: "signed-feeds", begin: () => new NodeSession(signed) },
  { name: "messages", begin: () => new NodeSession(withMessages) },
  { name: "time", begin: () => new NodeSession(withTime) },
  { name: "espgossip", begin: () => new NodeSession(boards) },
  { name: "sealed", begin: () => new SealedSession() },
  { name: "auto", begin: () => new NodeSession(bridge) },
  { name: "flash-log", begin: () => new LogSession(flashMedium()) },
  { name: "file-log", begin: () => new LogSession(fileMedium()) },
];
