import { eventFeeds } from "../../src/events/index.js";
import type { FeedEvent, GossipErrorCode, GossipOptions, GossipStorage } from "../../src/gossip.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import type { Violation } from "./checkers.js";
import { SimRandom, STREAM_EVENTS } from "./random.js";
import { type HeldEvents, type PublishedEvent, checkEvents, checkHeld, checkKeepers } from "./event-checkers.js";
import type { SimNode } from "./node.js";

/** Room for all events of a scenario. */
const FEED_BYTES = 32768;
/** Room for little more than the latest values. */
const FEED_BYTES_SMALL = 6144;
/** The same in scenarios where nodes must discard events, for each author. */
const FEED_BYTES_AUTHOR = 640;
/** Room for more than twice the events that one node publishes in a scenario. */
const FEED_BYTES_KEEPER = 8192;
/** Where the others discard events, this many nodes have large event buffers and `fillGaps`. */
const KEEPERS = 2;
/** More than the topics and keys that the nodes set. */
const VIEW_CAPACITY = 4096;
const TOPICS = ["door", "voucher"];
const KEYS = ["a", "b", "c"];
const TTL_MS = 200000;
/** During faults, power is lost in one of this many writes. */
const WRITES_TO_TEAR = 40;
/** 2026-01-01 00:00 UTC. */
const PHYSICAL_START_MS = 1767225600000;

/**
 * The events of a scenario: what nodes publish, and what `onEvent` of each node
 * receives. Every fourth node has no log, every third no time of day. In one of
 * four runs all event buffers but those of two nodes are small.
 */
export class EventCourse {
  /** Events acknowledged by nodes that have a log and have not lost it. */
  publishedCount = 0;
  /** Whether writes to logs may be torn. */
  isTearing = false;
  /**
   * Whether invented nodes displace rows that are DOWN. The events of such a node are
   * delivered again from the first when it returns.
   */
  isCrowded = false;
  readonly isSmall: boolean;
  private readonly feedBytes: number;
  private readonly keeperBytes: number;
  private readonly random: SimRandom;
  /** Acknowledged events that must not be lost, by node. */
  private readonly published = new Map<SimNode, PublishedEvent[]>();
  private readonly views = new Map<SimNode, LatestMap>();
  /** By author, generation and sequence number: the event, and the node that was notified of it first. */
  private readonly notified = new Map<string, { text: string; node: string }>();
  /** Authors that may reuse a sequence number for another event, because their storage was wiped. */
  private readonly forgetful = new Set<number>();
  private readonly violations: Violation[] = [];
  private readonly onPowerLoss: (node: SimNode) => void;
  private values = 0;

  /**
   * @param nodes number of nodes
   * @param feedBytes bytes for events, with room for all of them; undefined: drawn, large or small
   * @param isForgetful whether event buffers are small in any case
   * @param onPowerLoss called when a node loses power during a write to its log; must switch the node off
   */
  constructor(
    seed: number, nodes: number, feedBytes: number | undefined, isForgetful: boolean,
    onPowerLoss: (node: SimNode) => void,
  ) {
    this.random = new SimRandom(seed, STREAM_EVENTS);
    this.isSmall = feedBytes === undefined && (this.random.below(4) === 0 || isForgetful);
    const smallBytes = Math.max(FEED_BYTES_SMALL, isForgetful ? FEED_BYTES_AUTHOR * nodes : 0);
    this.feedBytes = this.isSmall ? smallBytes : feedBytes ?? FEED_BYTES;
    this.keeperBytes = Math.max(FEED_BYTES, FEED_BYTES_KEEPER * nodes);
    this.onPowerLoss = onPowerLoss;
  }

  /** The time of day that a node's clock shows at the start, if the node has one. */
  clock(index: number): { physicalStartMs?: number } {
    return index % 3 === 2 ? {} : { physicalStartMs: PHYSICAL_START_MS + this.random.between(-5000, 5000) };
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
        onEvent: (event) => this.notify(node, event, last),
      }),
    };
  }

  /** Lets a node publish a random event, if the node runs. */
  publish(node: SimNode): void {
    if (!node.isRunning || node.isStalled) return;
    const { random } = this;
    const value = ++this.values;
    const topic = random.pick(TOPICS);
    const key = random.pick(KEYS);
    const draw = random.below(10);
    const ttlMs = draw === 9 ? TTL_MS : 0;
    const event: PublishedEvent = { author: node.id, kind: "set", topic, key, value, ttlMs };
    try {
      if (draw < 4) {
        event.kind = "log";
        node.log(topic, value);
      } else if (draw === 4) {
        event.kind = "remove";
        node.remove(topic, key);
      } else {
        node.set(topic, key, value, ttlMs);
      }
    } catch (error) {
      // An event that was refused or interrupted by a power loss is not acknowledged.
      if (node.isRunning && !this.isSmall) this.addViolation(node, "publish", (error as Error).message);
      return;
    }
    if (!hasLog(node)) return;
    this.publishedCount++;
    this.publishedBy(node).push(event);
  }

  /** Records that a node's storage was wiped, so its events may be lost. */
  wiped(node: SimNode): void {
    this.publishedCount -= this.publishedBy(node).length;
    this.published.set(node, []);
    this.forgetful.add(node.id);
  }

  /** Whether an error reports a fork in the feed of an author whose storage was wiped. */
  isExcused(code: GossipErrorCode, message: string): boolean {
    return code === "fork" && [...this.forgetful].some((id) => message.includes(` ${id} `));
  }

  /** Violations in the notifications since the last call. */
  takeViolations(): Violation[] {
    return this.violations.splice(0);
  }

  /** Differences between the frontiers and views of the running nodes. */
  checkAgreement(nodes: readonly SimNode[]): Violation[] {
    return checkEvents(nodes, this.views);
  }

  /** Acknowledged events that a running node does not hold. */
  checkLost(nodes: readonly SimNode[]): HeldEvents {
    return checkHeld(nodes, [...this.published.values()], !this.isSmall);
  }

  /**
   * Events that nodes with `fillGaps` do not hold.
   *
   * @param fromFirst whether they must hold each feed from its first event on
   */
  checkKept(nodes: readonly SimNode[], fromFirst: boolean): Violation[] {
    return checkKeepers(nodes, nodes.filter((node) => this.isKeeper(node)), fromFirst);
  }

  private isKeeper(node: SimNode): boolean {
    return this.isSmall && node.index < KEEPERS;
  }

  private publishedBy(node: SimNode): PublishedEvent[] {
    const published = this.published.get(node) ?? [];
    this.published.set(node, published);
    return published;
  }

  private tear(node: SimNode, length: number): number {
    if (!this.isTearing || node.gossip === undefined || this.random.below(WRITES_TO_TEAR) > 0) return length;
    this.onPowerLoss(node);
    return this.random.below(length);
  }

  /** Checks that a node is notified of each feed in order, each event once, and of the same event as other nodes. */
  private notify(node: SimNode, event: FeedEvent, last: Map<number, FeedEvent>): void {
    const before = last.get(event.author);
    last.set(event.author, event);
    const { author, generation, sequence } = event;
    const number = `${author} ${generation}:${sequence}`;
    const isBehind = before !== undefined && (before.generation > generation
      || (before.generation === generation && before.sequence >= sequence));
    if (isBehind && !this.isCrowded) {
      this.addViolation(node, "feedOrder", `was notified of ${number} after ${before.generation}:${before.sequence}`);
    }
    const text = textOf(event);
    const first = this.notified.get(number);
    if (first === undefined) this.notified.set(number, { text, node: node.name });
    else if (first.text !== text && !this.forgetful.has(author)) {
      this.addViolation(node, "fork", `was notified of ${text} as ${number}; ${first.node}, of ${first.text}`);
    }
  }

  private addViolation(node: SimNode, check: string, detail: string): void {
    this.violations.push({ check, node: node.name, detail });
  }
}

function hasLog(node: SimNode): boolean {
  return node.index % 4 !== 3;
}

function textOf({ kind, topic, key, value, timeMs, counter, ttlMs }: FeedEvent): string {
  return JSON.stringify([kind, topic, key, value, timeMs, counter, ttlMs]);
}
