import type { ModelEvent } from "./event.js";
import type { Feed, Link } from "./feed.js";
import { DAY_MS, DOWN_ROUNDS, ROUND_MS, UP_ROUNDS } from "./times.js";
import type { World } from "./world.js";

/** A row of the membership table. */
export interface Row {
  heartbeat: number;
  /** Round of the last sign of life. */
  at: number;
  /** The row became REMOVE, and the node has noted the events of its author (R3). */
  isRemoved: boolean;
}

/** An event that the node will copy, unless the copy is needless by then. */
export interface DueCopy {
  readonly event: ModelEvent;
  readonly at: number;
}

/** Contents of a log on a medium. */
export interface LogContents {
  links: Link[];
  /** The link before the first one in the log. */
  base: Link | null;
}

/** What a node loses at a restart. */
class Memory {
  isAlive = true;
  /** Gone for good, with its log. */
  isGone = false;
  heartbeat = 0;
  hlcMs = 0;
  /** The greatest order stamp of an own event since the start. */
  lastOrderMs = 0;
  feeds = new Map<number, Feed>();
  readonly rows = new Map<number, Row>();
  due: DueCopy[] = [];
  /** Answered by a peer since the start. */
  hasMet = false;
  /** Rounds with a peer while the own feed has holes. */
  roundsWithHoles = 0;
  /** Nothing was appended since the start. */
  isStarted = true;
  /** Stamp of the first own event since the start. */
  birthMs = 0;
  /** Stamp of the last own event that the node itself dropped since the start. */
  removedUpToMs = 0;
  /** The last 4 branch ends of its own feed that the node joined (R7). */
  readonly joined: Link[] = [];
  /** Authors whose consent to a later generation the node asks for (R6). */
  readonly awaitingConsent = new Set<number>();
  /** Round in which the node first met a later generation or fork of an author. */
  readonly awaitedSince = new Map<number, number>();
  /** Round since which an own event is hidden (R1). */
  readonly hiddenSince = new Map<ModelEvent, number>();
  /** Round since which a set of any feed is hidden by a removal (R5). */
  readonly removedSince = new Map<string, number>();
  /** Removals that the node repeated for an author that did not end what they hide (R5). */
  readonly repeated = new Set<string>();
  /** Own copies whose end just passed through (R4). */
  readonly endedElsewhere = new Set<ModelEvent>();
  /** Round since which own stamps are more than a day ahead of the clock (R11). */
  aheadSince: number | null = null;
  /** The time at round 0 that a board without a clock took from others (R11). */
  adoptedOffsetMs: number | null = null;
  /** Of each author: the time at round 0 by the author's last new stamp (R11). */
  readonly clockOffsets = new Map<number, number>();
  /** Author of the only usable clock, and the round since which it is the only one (R11). */
  singleClock: { readonly author: number; readonly since: number } | null = null;
  /** The checker must compare the view with what was shown before. */
  isDirty = true;
  readonly shown = new Map<string, ModelEvent>();
  /** Round since which a name shows less than before. */
  readonly lessSince = new Map<string, number>();
}

/** A node: its memory, and what outlasts a restart. */
export class ModelNode extends Memory {
  readonly world: World;
  readonly id: number;
  hasClock = true;
  /** Difference between the node's clock and the true time, in rounds. */
  skewRounds = 0;
  revision = 0;
  log: LogContents = { links: [], base: null };
  /** A copy of the log from an earlier time. */
  image: LogContents | null = null;
  /** Records for which the node has room, of all feeds together. */
  room = Infinity;

  constructor(world: World, id: number) {
    super();
    this.world = world;
    this.id = id;
  }

  /** A restart: all of the memory is as in a new node. */
  loseMemory(): void {
    Object.assign(this, new Memory());
  }

  saveImage(): void {
    this.image = { links: this.log.links.slice(), base: this.log.base };
  }

  /** The own clock shows a time that may be right; it can be wrong by years. */
  hasOwnTime(): boolean {
    return this.hasClock && this.ownClockMs() >= this.world.plausibleMs;
  }

  knowsTime(): boolean {
    return this.hasOwnTime() || this.adoptedOffsetMs !== null;
  }

  /** Time by the own clock, else by the time that the node adopted, else 0. */
  clockMs(): number {
    if (this.hasOwnTime()) return this.ownClockMs();
    return this.adoptedOffsetMs === null ? 0 : this.adoptedOffsetMs + this.world.now * ROUND_MS;
  }

  /** R11: a stamp is more than a day ahead of the time, if the node knows the time. */
  isFarAhead(stampMs: number): boolean {
    return this.knowsTime() && stampMs > this.clockMs() + DAY_MS;
  }

  /** R11: a record stamp was read from the own clock now, and not made from other stamps. */
  isFromClock(stampMs: number): boolean {
    return this.hasOwnTime() && stampMs < this.ownClockMs() + ROUND_MS;
  }

  private ownClockMs(): number {
    return this.world.trueMs() + this.skewRounds * ROUND_MS;
  }

  ownFeed(): Feed | undefined {
    return this.feeds.get(this.id);
  }

  /** Whether the row of `id` is UP, or the node itself is meant. */
  isUp(id: number): boolean {
    if (id === this.id) return true;
    const row = this.rows.get(id);
    return row !== undefined && this.world.now - row.at <= UP_ROUNDS;
  }

  /** Whether the row of `id` is REMOVE: a tombstone. */
  isRemoved(id: number): boolean {
    const row = this.rows.get(id);
    return row !== undefined && this.world.now - row.at > UP_ROUNDS + DOWN_ROUNDS;
  }

  /** Number of live nodes of lower id: they act before this node. */
  rank(): number {
    let lower = 0;
    for (const id of this.rows.keys()) if (id < this.id && this.isUp(id)) lower++;
    return lower;
  }

  recordCount(): number {
    let total = 0;
    for (const feed of this.feeds.values()) total += feed.records.size;
    return total;
  }
}
