import { eventFeeds } from "../../src/events/index.js";
import type { FeedEvent, GossipErrorCode, GossipOptions, GossipStorage } from "../../src/gossip.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import type { Complaint } from "./checkers.js";
import { SimRandom, STREAM_EVENTS } from "./random.js";
import { type HeldEvents, type SaidEvent, checkEvents, checkHeld, checkKeepers } from "./event-checkers.js";
import type { SimNode } from "./node.js";

/** All events of a scenario have room in it. */
const FEED_BYTES = 32768;
/** Only the latest values have. */
const FEED_BYTES_SMALL = 6144;
/** The same for a node that must forget, for each author. */
const FEED_BYTES_AUTHOR = 640;
/** All that a node says in a scenario has room in it, more than twice. */
const FEED_BYTES_KEEPER = 8192;
/** Where the others forget, the first nodes keep everything, and fill what they lack. */
const KEEPERS = 2;
/** More than are ever set. */
const VIEW_CAPACITY = 4096;
const TOPICS = ["door", "voucher"];
const KEYS = ["a", "b", "c"];
const TTL_MS = 200000;
/** Power is lost in one of so many writes while there are faults. */
const WRITES_TO_TEAR = 40;
/** 2026-01-01, near enough. */
const PHYSICAL_START_MS = 1767225600000;

/**
 * Events in a scenario: what nodes say in their feeds, and what each is told.
 * Every fourth node has no log, every third no clock. In one run of four the
 * arenas have room for little more than the latest values, but for those of two
 * nodes.
 */
export class EventCourse {
  /** Events that nodes with a log acknowledged, and of nodes that have not lost it. */
  published = 0;
  /** Whether writes to logs may be torn. */
  isTearing = false;
  /** Invented nodes take the places of rows that are DOWN: who comes back then is told of from the beginning. */
  isCrowded = false;
  readonly isSmall: boolean;
  private readonly feedBytes: number;
  private readonly keeperBytes: number;
  private readonly dice: SimRandom;
  /** Said by nodes that must not lose them. */
  private readonly said = new Map<SimNode, SaidEvent[]>();
  private readonly views = new Map<SimNode, LatestMap>();
  /** What was told under an author, generation and sequence number, and to whom first. */
  private readonly told = new Map<string, { text: string; who: string }>();
  /** Authors who may say something else under a number: they forgot what they had said. */
  private readonly forgetful = new Set<number>();
  private readonly complaints: Complaint[] = [];
  private readonly onPowerLoss: (node: SimNode) => void;
  private values = 0;

  /**
   * @param nodes how many there are
   * @param feedBytes has room for all events; undefined: drawn, much or little
   * @param isForgetful whether arenas are small in any case
   * @param onPowerLoss takes the power of a node that lost it while it wrote to its log
   */
  constructor(
    seed: number, nodes: number, feedBytes: number | undefined, isForgetful: boolean,
    onPowerLoss: (node: SimNode) => void,
  ) {
    this.dice = new SimRandom(seed, STREAM_EVENTS);
    this.isSmall = feedBytes === undefined && (this.dice.below(4) === 0 || isForgetful);
    const smallBytes = Math.max(FEED_BYTES_SMALL, isForgetful ? FEED_BYTES_AUTHOR * nodes : 0);
    this.feedBytes = this.isSmall ? smallBytes : feedBytes ?? FEED_BYTES;
    this.keeperBytes = Math.max(FEED_BYTES, FEED_BYTES_KEEPER * nodes);
    this.onPowerLoss = onPowerLoss;
  }

  /** Milliseconds since 1970 at the start for a node, if it knows them. */
  clock(index: number): { physicalStartMs?: number } {
    return index % 3 === 2 ? {} : { physicalStartMs: PHYSICAL_START_MS + this.dice.between(-5000, 5000) };
  }

  makeStorage(node: SimNode): GossipStorage {
    if (!hasLog(node)) return new MemoryStorage();
    return new MemoryStorage(new MemoryLog({ tear: (length) => this.tear(node, length) }));
  }

  /** Options of `Gossip` for a start of a node. */
  options(node: SimNode): Partial<GossipOptions> {
    const view = latestMap({ capacity: VIEW_CAPACITY });
    this.views.set(node, view);
    const last = new Map<number, FeedEvent>();
    const fillGaps = this.isKeeper(node);
    return {
      events: eventFeeds({
        bytes: fillGaps ? this.keeperBytes : this.feedBytes,
        fillGaps,
        views: [view],
        onEvent: (event) => this.tell(node, event, last),
      }),
    };
  }

  /** A node says something, if it can. */
  publish(node: SimNode): void {
    if (!node.isRunning || node.isStalled) return;
    const { dice } = this;
    const value = ++this.values;
    const topic = dice.pick(TOPICS);
    const key = dice.pick(KEYS);
    const what = dice.below(10);
    const ttlMs = what === 9 ? TTL_MS : 0;
    const said: SaidEvent = { author: node.id, kind: "set", topic, key, value, ttlMs };
    try {
      if (what < 4) {
        said.kind = "log";
        node.log(topic, value);
      } else if (what === 4) {
        said.kind = "remove";
        node.remove(topic, key);
      } else {
        node.set(topic, key, value, ttlMs);
      }
    } catch (error) {
      // What is refused, or interrupted by a loss of power, is not acknowledged.
      if (node.isRunning && !this.isSmall) this.complain(node, "publish", (error as Error).message);
      return;
    }
    if (!hasLog(node)) return;
    this.published++;
    this.saidBy(node).push(said);
  }

  /** What a node said until now may be lost: its storage is. */
  wiped(node: SimNode): void {
    this.published -= this.saidBy(node).length;
    this.said.set(node, []);
    this.forgetful.add(node.id);
  }

  /** Whether an error of a node is that another forgot what it had said. */
  isExcused(code: GossipErrorCode, message: string): boolean {
    return code === "fork" && [...this.forgetful].some((id) => message.includes(` ${id} `));
  }

  /** Complaints about what was told, since the last call. */
  takeComplaints(): Complaint[] {
    return this.complaints.splice(0);
  }

  /** In what frontiers and views of the running nodes differ. */
  checkAgreement(nodes: readonly SimNode[]): Complaint[] {
    return checkEvents(nodes, this.views);
  }

  /** Events that a running node lacks, although their authors had stored them. */
  checkLost(nodes: readonly SimNode[]): HeldEvents {
    return checkHeld(nodes, [...this.said.values()], !this.isSmall);
  }

  /**
   * What nodes that keep everything lack of what others hold.
   *
   * @param fromFirst whether they must hold all of each feed
   */
  checkKept(nodes: readonly SimNode[], fromFirst: boolean): Complaint[] {
    return checkKeepers(nodes, nodes.filter((node) => this.isKeeper(node)), fromFirst);
  }

  private isKeeper(node: SimNode): boolean {
    return this.isSmall && node.index < KEEPERS;
  }

  private saidBy(node: SimNode): SaidEvent[] {
    const said = this.said.get(node) ?? [];
    this.said.set(node, said);
    return said;
  }

  private tear(node: SimNode, length: number): number {
    if (!this.isTearing || node.gossip === undefined || this.dice.below(WRITES_TO_TEAR) > 0) return length;
    this.onPowerLoss(node);
    return this.dice.below(length);
  }

  /** Each event once in a run of a node, each feed in its order, and the same under the same number everywhere. */
  private tell(node: SimNode, event: FeedEvent, last: Map<number, FeedEvent>): void {
    const before = last.get(event.author);
    last.set(event.author, event);
    const { author, generation, sequence } = event;
    const number = `${author} ${generation}:${sequence}`;
    const isBehind = before !== undefined && (before.generation > generation
      || (before.generation === generation && before.sequence >= sequence));
    if (isBehind && !this.isCrowded) {
      this.complain(node, "feedOrder", `was told ${number} after ${before.generation}:${before.sequence}`);
    }
    const text = textOf(event);
    const first = this.told.get(number);
    if (first === undefined) this.told.set(number, { text, who: node.name });
    else if (first.text !== text && !this.forgetful.has(author)) {
      this.complain(node, "fork", `was told ${text} as ${number}; ${first.who} was told ${first.text}`);
    }
  }

  private complain(node: SimNode, check: string, what: string): void {
    this.complaints.push({ check, who: node.name, what });
  }
}

function hasLog(node: SimNode): boolean {
  return node.index % 4 !== 3;
}

function textOf({ kind, topic, key, value, timeMs, counter, ttlMs }: FeedEvent): string {
  return JSON.stringify([kind, topic, key, value, timeMs, counter, ttlMs]);
}
