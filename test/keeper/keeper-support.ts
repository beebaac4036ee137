import assert from "node:assert/strict";
import type { Clock } from "../../src/engine/clock.js";
import { Engine } from "../../src/engine/engine.js";
import { recordWords } from "../../src/engine/feed/arena.js";
import { KIND_LOG } from "../../src/engine/feed/kinds.js";
import type { FeedStore } from "../../src/engine/feed/feed-store.js";
import type { Suspicion } from "../../src/engine/membership/suspicion.js";
import { RowData, type Rows } from "../../src/engine/table/rows.js";
import { UP } from "../../src/engine/table/states.js";
import { eventFeeds } from "../../src/events/index.js";
import type { GossipLog } from "../../src/platform/types.js";
import { FeedKeeper } from "../../src/keeper/feed-keeper.js";
import { type PlainEvent, bytesOf, decoded, hex, nodeDigest, wordsHex } from "../engine/feed/feed-support.js";
import { engineOptions } from "../support/engine-options.js";

/** Long enough for all that is bounded by time to be stored. */
export const LONG_MS = 601000;

/** A feed as a node holds it. */
export interface HeldFeed {
  generation: number;
  sequence: number;
  isComplete: boolean;
  floor: number;
  tip: string;
  /** Events in canonical form as hex, by sequence number. */
  events: Map<number, string>;
  /** Sequence numbers of the latest values, by name. */
  live: Map<string, number>;
}

export function nameOf(bytes: Uint8Array): string | undefined {
  const { kind, topic, key } = decoded(bytes);
  return kind === KIND_LOG ? undefined : `${topic}/${key}`;
}

/** A node that gets its feeds from a test, with a keeper. */
export class KeeperNode {
  readonly rows: Rows;
  readonly feeds: FeedStore;
  readonly keeper: FeedKeeper;
  private readonly clock: Clock;
  private readonly row = new RowData();

  /** Starts: restores what the log has. */
  constructor(readonly log: GossipLog, feedBytes: number) {
    const parts: { clock: Clock; suspicion: Suspicion }[] = [];
    const make = eventFeeds({ bytes: feedBytes }).engineFeeds(1200, nodeDigest);
    const engine = new Engine(engineOptions({
      capacity: 8,
      feeds: (rows, clock, frame, suspicion) => {
        parts.push({ clock, suspicion });
        return make(rows, clock, frame, suspicion);
      },
    }));
    assert.ok(engine.feed !== undefined);
    const [{ clock, suspicion }] = parts;
    this.clock = clock;
    this.rows = engine.rows;
    this.feeds = engine.feed.feeds;
    this.keeper = new FeedKeeper(engine.feed, engine.rows, clock, suspicion, log);
    this.keeper.restore(() => this.notify(), 0);
    engine.start(0, 0, true);
    this.notify();
  }

  /** The slot of an author's row, which is added if it is missing. */
  slotOf(author: number): number {
    const found = this.rows.find(author);
    if (found >= 0) return found;
    Object.assign(this.row, { id: author, address: 0x0a000000 + author, port: 5000, revision: 1, state: UP });
    this.rows.merge(this.row, this.rows.valueBytes());
    return this.rows.find(author);
  }

  /** Appends an event to an author's feed. Returns false: there is no room. */
  append(author: number, plain: PlainEvent): boolean {
    const slot = this.slotOf(author);
    const bytes = bytesOf(plain);
    if (!this.feeds.reserve(recordWords(bytes.length))) return false;
    const isAppended = this.feeds.append(slot, bytes, 0, bytes.length);
    this.notify();
    return isAppended;
  }

  /** Lets time go on and stores what is due. Returns what the application is told. @throws what the log throws */
  store(ms = LONG_MS): string {
    this.clock.advance((this.clock.callerMs + ms) >>> 0);
    const news = this.keeper.keepUp();
    if (news !== undefined && !("code" in news)) throw news;
    return news?.message ?? "";
  }

  notify(): void {
    while (this.feeds.arena.nextUnnotified() !== 0) continue;
  }

  /** Ids of the other authors, of whose feeds anything is held. */
  authors(): number[] {
    const ids: number[] = [];
    for (let place = 0; place < this.rows.count; place++) {
      const slot = this.rows.slotAt(place);
      if (slot > 0 && this.feeds.arena.last(slot) !== 0) ids.push(this.rows.id(slot));
    }
    return ids.sort((a, b) => a - b);
  }

  held(author: number): HeldFeed {
    const { feeds } = this;
    const { arena } = feeds;
    const slot = this.rows.find(author);
    assert.ok(slot > 0, `author ${author} has a row`);
    const events = new Map<number, string>();
    const live = new Map<string, number>();
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      const start = arena.eventAt(record);
      const bytes = arena.bytes.slice(start, start + arena.eventLength(record));
      const name = nameOf(bytes);
      events.set(arena.sequence(record), hex(bytes));
      if (name !== undefined && feeds.isLive(record)) live.set(name, arena.sequence(record));
    }
    return {
      generation: feeds.generation(slot), sequence: feeds.sequence(slot), isComplete: feeds.isComplete(slot),
      floor: feeds.floor(slot), tip: wordsHex(feeds.tipFirst(slot), feeds.tipSecond(slot)), events, live,
    };
  }

  all(): Map<number, HeldFeed> {
    return new Map(this.authors().map((author) => [author, this.held(author)]));
  }
}
