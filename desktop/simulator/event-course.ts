import { eventFeeds } from "../../src/events/index.js";
import type { FeedEvent, FrontierEntry, GossipErrorCode, GossipOptions, GossipStorage } from "../../src/gossip.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import type { Violation } from "./checkers.js";
import { type HeldEvents, checkEvents, checkKeepers, checkLogs } from "./event-checkers.js";
import { holdingOf, ownRecords } from "./held-records.js";
import { EventHolders, type Kept, type StorageImage } from "./holders.js";
import type { SimNode } from "./node.js";
import { type PublishedEvent, PublishedEvents, latestOf, nameOf } from "./published.js";
import { SimRandom, STREAM_EVENTS } from "./random.js";
import { UndoneMonitor, checkCopies, checkShown } from "./shown-checkers.js";
import { LATEST_TOPICS, MERGE_TOPIC, type ShownViews, newViews } from "./shown-views.js";

/** Room for all events of a scenario. */
const FEED_BYTES = 32768;
/** Room for little more than the latest values. */
const FEED_BYTES_SMALL = 8192;
/** The same in scenarios with more events, for each node. */
const FEED_BYTES_AUTHOR = 1280;
/** Room for more than twice the events that one node publishes in a scenario. */
const FEED_BYTES_KEEPER = 8192;
/** Where the others discard events, this many nodes have large event buffers and `fillGaps`. */
const KEEPERS = 2;
const KEYS = ["a", "b", "c", "d", "e", "f", "g", "h"];
/** Values of this key have a time to live, always the same one, and are never removed. */
const BRIEF_KEY = "brief";
const TTL_MS = 200000;
/** During faults, power is lost in one of this many writes. */
const WRITES_TO_TEAR = 40;
/** 2026-01-01 00:00 UTC. */
const PHYSICAL_START_MS = 1767225600000;

/** What the events of a run need to know about it. */
export interface EventCourseOptions {
  seed: number;
  /** The largest number of nodes of which the network holds feeds at a time. */
  nodes: number;
  /** Bytes for events, with room for all of them; undefined: drawn, large or small. */
  feedBytes: number | undefined;
  /** Whether event buffers are small in any case. */
  isForgetful: boolean;
  /** Whether nodes leave for ever. */
  isDeparting: boolean;
  /** Called when a node loses power during a write to its log; must switch the node off. */
  onPowerLoss: (node: SimNode) => void;
}

/**
 * The events of a scenario: what nodes publish, what `onEvent` of each node
 * receives, and what their views show. Every fourth node has no log, every third
 * no time of day. In one of four runs all event buffers but those of two nodes are
 * small.
 */
export class EventCourse {
  /** Events acknowledged by nodes that have a log and have not lost it. */
  publishedCount = 0;
  /** Whether writes to logs may be torn. */
  isTearing = false;
  /**
   * Whether nodes may forget rows that are DOWN: invented nodes displace them, or their
   * time is over. The events of such a node are delivered again from the first when it
   * returns.
   */
  mayForget: boolean;
  readonly isSmall: boolean;
  private readonly feedBytes: number;
  private readonly keeperBytes: number;
  private readonly random: SimRandom;
  private readonly published = new PublishedEvents();
  private readonly holders = new EventHolders(this.published);
  private readonly monitor = new UndoneMonitor(this.published);
  /** Acknowledged events of nodes whose logs must keep all of them. */
  private readonly safe = new Map<SimNode, PublishedEvent[]>();
  private readonly views = new Map<SimNode, ShownViews>();
  /** By author, generation and sequence number: the event, and the node that was notified of it first. */
  private readonly notified = new Map<string, { text: string; node: string }>();
  /** By node: the last event of its own feed of which it was notified. */
  private readonly own = new Map<SimNode, FeedEvent>();
  /** Authors that may reuse a sequence number for another event, because their storage was wiped. */
  private readonly forgetful = new Set<number>();
  private readonly violations: Violation[] = [];
  private readonly onPowerLoss: (node: SimNode) => void;
  private values = 0;
  /** Whether a node forgot a removal for want of room. */
  private hasForgotten = false;

  constructor({ seed, nodes, feedBytes, isForgetful, isDeparting, onPowerLoss }: EventCourseOptions) {
    this.random = new SimRandom(seed, STREAM_EVENTS);
    this.isSmall = feedBytes === undefined && (this.random.below(4) === 0 || isForgetful);
    const smallBytes = isForgetful || isDeparting ? FEED_BYTES_AUTHOR * nodes : FEED_BYTES_SMALL;
    this.feedBytes = this.isSmall ? Math.max(FEED_BYTES_SMALL, smallBytes) : feedBytes ?? FEED_BYTES;
    this.keeperBytes = Math.max(FEED_BYTES, FEED_BYTES_KEEPER * nodes);
    this.mayForget = isDeparting;
    this.onPowerLoss = onPowerLoss;
  }

  /** Values that nodes showed and that then gave way to older ones. */
  get valuesUndone(): number { return this.monitor.undone; }

  /** The time of day that a node's clock shows at the start, if the node has one. */
  clock(index: number): { physicalStartMs?: number } {
    return index % 3 === 2 ? {} : { physicalStartMs: PHYSICAL_START_MS + this.random.between(-5000, 5000) };
  }

  makeStorage(node: SimNode): GossipStorage {
    if (!hasLog(node)) return new MemoryStorage();
    return new MemoryStorage(new MemoryLog({ tear: (length) => this.tear(node, length) }));
  }

  /** A copy of the storage of a running node. */
  imageOf(node: SimNode): StorageImage {
    const storage = this.makeStorage(node);
    const revision = node.storage.readRevision();
    if (revision !== undefined) storage.writeRevision(revision);
    const { log } = storage;
    if (log === undefined) return { storage, identities: new Set() };
    node.storage.log?.read((bytes, length) => log.append(bytes, length));
    return { storage, identities: this.holders.ownOf(node) };
  }

  /** Options of `Gossip` for a start of a node. */
  options(node: SimNode): Partial<GossipOptions> {
    this.holders.on(node);
    const views = newViews();
    this.views.set(node, views);
    const last = new Map<number, FeedEvent>();
    const fillGaps = this.isKeeper(node);
    return {
      events: eventFeeds({
        bytes: fillGaps ? this.keeperBytes : this.feedBytes,
        fillGaps,
        views: [views.latest, views.merged],
        onEvent: (event) => this.notify(node, event, last),
      }),
    };
  }

  /** The events of a device that sleeps, which publishes none. */
  sleeperOptions(): Partial<GossipOptions> {
    return { events: eventFeeds({ bytes: this.feedBytes }) };
  }

  /** Lets a node publish a random event, if the node runs. */
  publish(node: SimNode): void {
    if (!node.isRunning || node.isStalled) return;
    const { random } = this;
    const topic = random.pick(LATEST_TOPICS);
    const key = random.pick(KEYS);
    const draw = random.below(20);
    if (draw < 7) this.perform(node, "log", topic, "");
    else if (draw < 8) this.perform(node, "set", topic, BRIEF_KEY, TTL_MS);
    else if (draw < 11) this.perform(node, "remove", topic, key);
    else if (draw < 17) this.perform(node, "set", topic, key);
    else if (draw < 18) this.perform(node, "remove", MERGE_TOPIC, key);
    else if (draw < 19) this.perform(node, "set", MERGE_TOPIC, key);
    else this.withdraw(node, key);
  }

  private perform(node: SimNode, kind: PublishedEvent["kind"], topic: string, key: string, ttlMs = 0): void {
    const value = ++this.values;
    this.own.delete(node);
    try {
      if (kind === "log") node.log(topic, value);
      else if (kind === "remove") node.remove(topic, key);
      else node.set(topic, key, value, ttlMs);
    } catch (error) {
      this.noteRefusal(node, error as Error);
      return;
    }
    const stamp = this.own.get(node);
    if (stamp === undefined) {
      this.addViolation(node, "publish", `was not notified of its own event ${value}`);
      return;
    }
    const event: PublishedEvent = {
      author: node.id, kind, topic, key, value, ttlMs, timeMs: stamp.timeMs, counter: stamp.counter,
      start: node.starts, isWithdrawn: false, isDestroyed: false,
    };
    this.published.add(event);
    this.checkOwn(node, event);
    if (!hasLog(node)) return;
    this.publishedCount++;
    this.safeOf(node).push(event);
  }

  /** Lets a node withdraw what it shows as its own value of a key in the merge topic. */
  private withdraw(node: SimNode, key: string): void {
    const own = latestOf(this.published.ofName(nameOf({ topic: MERGE_TOPIC, key }))
      .filter(({ kind, author }) => kind === "set" && author === node.id));
    if (own === undefined || own.isWithdrawn || this.contributionTo(node, key) !== own.value) return;
    try {
      node.withdraw(MERGE_TOPIC, key);
    } catch (error) {
      this.noteRefusal(node, error as Error);
      return;
    }
    own.isWithdrawn = true;
    const shown = this.contributionTo(node, key);
    if (shown === undefined) return;
    this.addViolation(node, "readYourWrites", `withdrew ${key}, and then shows ${JSON.stringify(shown)}`);
  }

  /** An event that was refused or interrupted by a power loss is not acknowledged. */
  private noteRefusal(node: SimNode, error: Error): void {
    if (node.isRunning && !this.isSmall) this.addViolation(node, "publish", error.message);
  }

  /** Checks that what a node has just published wins over all that the node showed before. */
  private checkOwn(node: SimNode, { kind, topic, key, value }: PublishedEvent): void {
    if (kind === "log") return;
    const views = this.views.get(node);
    const shown = topic === MERGE_TOPIC ? this.contributionTo(node, key) : views?.latest.get(topic, key);
    const wanted = kind === "remove" ? undefined : value;
    if (shown === wanted) return;
    const detail = `published ${kind} ${topic}/${key} ${value}, and then shows ${JSON.stringify(shown)}`;
    this.addViolation(node, "readYourWrites", detail);
  }

  /** A node's own value of a key in the merge topic, as the node shows it. */
  private contributionTo(node: SimNode, key: string): unknown {
    return this.views.get(node)?.merged.get(key)?.find(({ author }) => author === node.id)?.value;
  }

  /** Records that a node is switched off, before it is: its events may be lost if its storage is. */
  off(node: SimNode, running: readonly SimNode[], kept: Kept | "gone"): void {
    this.holders.off(node, running, kept === "gone" || (kept === "log" && !hasLog(node)) ? "nothing" : kept);
    if (kept === "log") return;
    // What was published by a node that left for ever counts. Only its log events need not be held any more.
    if (kept !== "gone") this.publishedCount -= this.safeOf(node).length;
    this.safe.set(node, []);
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

  /** Checks that no node goes back to older values. To be called once a round. */
  observe(nodes: readonly SimNode[], round: number, isCut: boolean): void {
    for (const node of nodes) this.hasForgotten ||= removalsForgotten(node) > 0;
    for (const node of nodes) {
      const views = this.views.get(node);
      if (views === undefined) continue;
      this.violations.push(...this.monitor.observe(node, views.latest, round, isCut, this.hasForgotten));
    }
  }

  /** Differences between the views of the running nodes, and in how far they hold feeds: see `checkEvents`. */
  checkAgreement(nodes: readonly SimNode[], held: readonly FrontierEntry[] | undefined): Violation[] {
    return checkEvents(nodes, this.views, held);
  }

  /** Values that a running node does not show, though they are right, and log events that it does not hold. */
  checkLost(nodes: readonly SimNode[]): HeldEvents {
    const logs = this.isSmall ? [] : [...this.safe.values()].flat().filter(({ kind }) => kind === "log");
    const held = checkLogs(nodes, logs);
    const shown = checkShown(nodes, this.views, this.published, this.nowMs(nodes), this.hasForgotten);
    return {
      violations: [...shown.violations, ...held.violations],
      wanted: shown.judged + held.wanted,
      lost: shown.wrong + held.lost,
    };
  }

  /** Events that more than one running node keeps. */
  checkCopies(nodes: readonly SimNode[]): Violation[] {
    return checkCopies(new Map(nodes.map((node) => [node.name, ownRecords(node)])));
  }

  /** Forgets what cannot count any more, for long runs. */
  prune(nodes: readonly SimNode[]): void {
    this.published.prune(this.nowMs(nodes));
  }

  /**
   * Events that nodes with `fillGaps` do not hold.
   *
   * @param fromFirst whether they must hold each feed from its first event on
   */
  checkKept(nodes: readonly SimNode[], fromFirst: boolean): Violation[] {
    const keepers = nodes.filter((node) => this.isKeeper(node));
    return keepers.length === 0 ? [] : checkKeepers(nodes.map(holdingOf), keepers.map(holdingOf), fromFirst);
  }

  private nowMs(nodes: readonly SimNode[]): number {
    return nodes.at(0)?.gossip?.now().timeMs ?? 0;
  }

  private isKeeper(node: SimNode): boolean {
    return this.isSmall && node.index < KEEPERS;
  }

  private safeOf(node: SimNode): PublishedEvent[] {
    const events = this.safe.get(node) ?? [];
    this.safe.set(node, events);
    return events;
  }

  private tear(node: SimNode, length: number): number {
    if (!this.isTearing || node.gossip === undefined || this.random.below(WRITES_TO_TEAR) > 0) return length;
    this.onPowerLoss(node);
    return this.random.below(length);
  }

  /** Checks that a node is notified of each feed in order, each event once, and of the same event as other nodes. */
  private notify(node: SimNode, event: FeedEvent, last: Map<number, FeedEvent>): void {
    const { author, generation, sequence } = event;
    // Copies are part of the feed of the node that made them.
    const keeper = event.copiedBy ?? author;
    if (author === node.id) this.own.set(node, event);
    const before = last.get(keeper);
    last.set(keeper, event);
    const number = `${keeper} ${generation}:${sequence}`;
    // Two lives of an author that lost its storage may have one generation. A node then takes one for the other.
    const isFork = before?.generation === generation && textOf(before) !== textOf(event) && this.forgetful.has(keeper);
    const isBehind = before !== undefined && !isFork && (before.generation > generation
      || (before.generation === generation && before.sequence >= sequence));
    if (isBehind && !this.mayForget) {
      this.addViolation(node, "feedOrder", `was notified of ${number} after ${before.generation}:${before.sequence}`);
    }
    const text = textOf(event);
    const first = this.notified.get(number);
    if (first === undefined) this.notified.set(number, { text, node: node.name });
    else if (first.text !== text && !this.forgetful.has(keeper)) {
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

function removalsForgotten(node: SimNode): number {
  return node.gossip?.stats().removalsForgotten ?? 0;
}

function textOf({ author, kind, topic, key, value, timeMs, counter, ttlMs }: FeedEvent): string {
  return JSON.stringify([author, kind, topic, key, value, timeMs, counter, ttlMs]);
}
