import type { Reader } from "../wire/cursor.js";
import type { OwnRow } from "../table/own-row.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { REMOVE, SUSPECT } from "../table/states.js";
import { FLOOR, UPKEEP_COUNT, UPKEEP_ENDED, UPKEEP_REPEATED, recordWords } from "./arena.js";
import {
  COPY_BYTES, type EventData, compareStamps, isCopyAt, isMergeAt, orderAt, ttlSecondsAt, writeCopy, writeEnd,
} from "./event.js";
import { isSignatureAt } from "./feed-signing.js";
import type { FeedStore } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import { holdsEvent } from "./join.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";
import {
  compareOrder, endMsOf, firstLog, firstNamed, hiderOf, hidesAny, nextNamed, originAuthor, originalLog, recordKind,
} from "./names.js";
import { OwnFeed } from "./own-feed.js";
import { HAS_MET, UPKEEP_ADOPTED, UPKEEP_CURSOR, VALUES_FORGOTTEN } from "./state-words.js";

/** Most events that a node publishes in a round on behalf of others, and to tidy its own feed. */
export const UPKEEP_EVENTS = 4;
/** Most copies at once for rows that are forgotten. Each round allows UPKEEP_EVENTS more. */
const ADOPTED_MAX = 256;
/** A pass over all records takes this many rounds. */
const PASS_ROUNDS = 32;

/**
 * Keeps what was published, whatever becomes of its author (PROTOCOL 10.8). A node that has met
 * a peer visits all records that it holds, a part in each round. For each it decides:
 *
 * - the author's row became REMOVE: the node publishes a *copy* of what still counts;
 * - an own event is hidden by a later one: the node *ends* it, so that removals can be dropped one day;
 * - an own copy is needless, as its author is back or a live node of lower id has it, too: the node ends it;
 * - a removal hides a value that its author does not end: others may have dropped the removal, so the
 *   node publishes a copy of the removal;
 * - a branch takes the place of a feed: the node publishes copies of what only the feed has;
 * - another node holds a copy of an own value that this node ended: it publishes the end again.
 *
 * Waits are counted in passes: a node that acts first has the lowest id of those that live.
 */
export class Upkeep extends OwnFeed {
  // Explicit: the constructor that compilers generate calls `super(...arguments)`, and Espruino has no spread.
  /** @param reader not in use elsewhere while a frame is written @param event likewise */
  constructor(feeds: FeedStore, hlc: Hlc, reader: Reader, event: EventData, rows: Rows, ownRow: OwnRow) {
    super(feeds, hlc, reader, event, rows, ownRow);
  }

  /** Whether a peer with feeds has answered since the start. */
  private hasMet(): boolean { return this.feeds.state(HAS_MET) !== 0; }
  /** A peer with feeds has answered. */
  meet(): void { this.feeds.setState(HAS_MET, 1); }

  /** Values that went with their author's row, as this node had no room for copies: a uint32 that wraps. */
  get valuesForgotten(): number { return this.feeds.state(VALUES_FORGOTTEN); }

  /** A round is over: visits a part of the records. */
  round(): void {
    const adopted = this.feeds.state(UPKEEP_ADOPTED);
    this.feeds.setState(UPKEEP_ADOPTED, Math.max(0, adopted - UPKEEP_EVENTS));
    if (!this.hasMet()) return;
    const arena = this.feeds.arena;
    const first = arena.words.length - arena.size();
    const held = this.feeds.state(UPKEEP_CURSOR);
    const start = held < first || held >= arena.words.length ? first : held;
    // A pass takes its time however few records there are: others wait for passes.
    const end = start + Math.ceil(arena.size() / PASS_ROUNDS);
    let next = start;
    let left = UPKEEP_EVENTS;
    for (let record = arena.recordFrom(start); record !== 0 && record < end && left > 0;) {
      next = record + arena.wordsAt(record);
      const isMoved = this.visit(record);
      // An own event may have moved all records. Then this pass may skip some.
      record = isMoved ? arena.recordFrom(next) : arena.recordAfter(record);
      if (isMoved) left--;
    }
    this.feeds.setState(UPKEEP_CURSOR, left > 0 ? end : next);
  }

  /**
   * The feed in a slot is about to go: publishes copies of what counts there and is in no live feed. A log event is
   * only copied when a branch takes its place.
   *
   * @param winner the slot of a branch that takes its place; the same slot: its row is forgotten
   */
  adoptAll(slot: number, winner: number): void {
    if (slot === OWN_SLOT || this.feeds.sequence(slot) === 0 || !this.feeds.isComplete(slot)) return;
    const isReady = this.hasMet() && this.getReady();
    const arena = this.feeds.arena;
    for (let next = 1; ;) {
      const record = arena.from(slot, next);
      if (record === 0) return;
      next = arena.sequence(record) + 1;
      if (this.isLostLog(record, slot, winner)) {
        // Nothing makes room for a log event.
        const words = recordWords(arena.eventLength(record) + COPY_BYTES);
        if (isReady && words <= arena.room()) this.copy(record);
        continue;
      }
      if (!this.feeds.isLive(record) || isSignatureAt(arena.bytes, arena.eventAt(record))) continue;
      if (!this.isWorthCopying(record, slot, winner)) continue;
      const isValue = recordKind(arena, record) === KIND_SET;
      const adopted = this.feeds.state(UPKEEP_ADOPTED);
      if (isReady && adopted < ADOPTED_MAX && this.copy(record)) this.feeds.setState(UPKEEP_ADOPTED, adopted + 1);
      else if (isValue) this.feeds.setState(VALUES_FORGOTTEN, this.valuesForgotten + 1);
    }
  }

  /**
   * Whether a record of a feed that loses against a branch is a log event that the author lacks: the branch begins
   * before it and does not have it, and no feed has a copy.
   */
  private isLostLog(record: number, slot: number, winner: number): boolean {
    const arena = this.feeds.arena;
    if (winner === slot || recordKind(arena, record) !== KIND_LOG) return false;
    const at = arena.eventAt(record);
    // What the branch had before its floor was evicted.
    const floor = arena.get(winner, FLOOR);
    const first = floor === 1 ? 0 : arena.from(winner, floor);
    const bytes = arena.bytes;
    const isBefore = floor > 1 && (first === 0 || compareStamps(bytes, arena.eventAt(first), bytes, at) > 0);
    if (isBefore || holdsEvent(this.feeds, winner, at, arena.eventLength(record))) return false;
    return firstLog(arena, record) === 0 && (!this.isCopy(record) || originalLog(arena, record) === 0);
  }

  /** Returns whether records may have moved, as an own event was published. */
  private visit(record: number): boolean {
    const arena = this.feeds.arena;
    const slot = arena.owner(record);
    // A branch that is being read is not part of a feed yet.
    if (slot === arena.capacity) return false;
    if (!arena.isHeld(record) || !this.feeds.isLive(record)) return false;
    // A signature is of use in its own feed only.
    if (isSignatureAt(arena.bytes, arena.eventAt(record))) return false;
    if (!this.feeds.isComplete(slot)) return false;
    if (slot === OWN_SLOT) return this.visitOwn(record);
    if (this.rows.state(slot) === REMOVE) return this.visitDeparted(record);
    const isOwnCopied = this.isCopy(record) && originAuthor(arena, record) === this.rows.id(OWN_SLOT);
    if (isOwnCopied && this.isOver(record)) return this.endRecord(record, false);
    return this.visitHidden(record);
  }

  private visitDeparted(record: number): boolean {
    const slot = this.feeds.arena.owner(record);
    const visits = this.count(record, true);
    return visits > this.delay() && this.isWorthCopying(record, slot, slot) && this.copy(record);
  }

  private visitOwn(record: number): boolean {
    const arena = this.feeds.arena;
    if (this.isToRefresh(record)) return this.copy(record);
    const isCopied = this.isCopy(record) && originAuthor(arena, record) !== this.rows.id(OWN_SLOT);
    const hasEnded = (arena.upkeep(record) & UPKEEP_ENDED) !== 0;
    if (isCopied && (hasEnded || this.isNeedless(record))) return this.endRecord(record, true);
    const visits = this.count(record, hiderOf(arena, record) !== 0);
    return visits >= END_VISITS && this.endRecord(record, true);
  }

  /**
   * Whether a value of the own feed is below its floor, where no signature vouches for it to nodes that join (PROTOCOL
   * 10.10). While live events take most of the buffer, copies would only push each other out.
   */
  private isToRefresh(record: number): boolean {
    const arena = this.feeds.arena;
    if (this.feeds.signing === undefined || !this.isBelowFloor(record)) return false;
    return (arena.room() + this.feeds.arena.spareWords) * 2 > arena.size();
  }

  /** A value of another live author. */
  private visitHidden(record: number): boolean {
    const hider = recordKind(this.feeds.arena, record) === KIND_SET ? hiderOf(this.feeds.arena, record) : 0;
    const isRemoved = hider !== 0 && recordKind(this.feeds.arena, hider) === KIND_REMOVE;
    const visits = this.count(record, isRemoved);
    if (!isRemoved || visits <= this.delay()) return false;
    const arena = this.feeds.arena;
    const isRepeated = (arena.upkeep(record) & UPKEEP_REPEATED) !== 0;
    // The author lives and does not end its value: it does not hold the removal.
    const isLate = visits >= REPEAT_VISITS + this.delay();
    const isUnknown = isLate && !isRepeated && this.isLiveNode(arena.owner(record));
    if (isUnknown) arena.setUpkeep(record, arena.upkeep(record) | UPKEEP_REPEATED);
    return (isUnknown || (this.isBelowFloor(hider) && !this.hasOtherAboveFloor(hider))) && this.copy(hider);
  }

  /** Counts the visits in which a record was found hidden, or its author departed. Returns the count. */
  private count(record: number, isCounted: boolean): number {
    const arena = this.feeds.arena;
    const before = arena.upkeep(record);
    const visits = isCounted ? Math.min(UPKEEP_COUNT, (before & UPKEEP_COUNT) + 1) : 0;
    if (visits !== (before & UPKEEP_COUNT)) arena.setUpkeep(record, (before & ~UPKEEP_COUNT) | visits);
    return visits;
  }

  /** Visits for which this node waits for others to act: none if it has the lowest id. */
  private delay(): number {
    const lower = this.countLower();
    return lower === 0 ? 0 : lower < PASS_RANKS ? 1 : 2;
  }

  /** Whether a record of a slot still counts, and no live feed or the winner has it, its end or a later event. */
  private isWorthCopying(record: number, slot: number, winner: number): boolean {
    const arena = this.feeds.arena;
    if (endMsOf(arena, record) <= this.feeds.arena.physicalMs || hiderOf(arena, record) !== 0) return false;
    const bytes = arena.bytes;
    const at = arena.eventAt(record);
    const author = originAuthor(arena, record);
    for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
      const owner = arena.owner(other);
      const stays = owner === winner ? winner !== slot : owner !== slot && this.isLiveNode(owner);
      if (!stays || originAuthor(arena, other) !== author) continue;
      const order = compareOrder(arena, other, record);
      const kind = recordKind(arena, other);
      if (order === 0 && kind === recordKind(arena, record)) return false;
      const isEnd = kind === KIND_END;
      // In a merge topic a later set says nothing about a removal. An end has the stamp of the removal that it ends.
      const isRemoval = recordKind(arena, record) === KIND_REMOVE;
      const isOther = isMergeAt(bytes, at) && isRemoval !== (kind === KIND_REMOVE);
      if (isOther && !(isEnd && order === 0)) continue;
      if (this.feeds.author(owner) === author ? order >= 0 : order > 0 && !isEnd) return false;
    }
    return true;
  }

  /** Whether the author is back with the copied event or a later one, or a live node of lower id has the same copy. */
  private isNeedless(copy: number): boolean {
    const arena = this.feeds.arena;
    const bytes = arena.bytes;
    const at = arena.eventAt(copy);
    const author = originAuthor(arena, copy);
    // A removal that hides something may have been repeated on purpose.
    const isNeeded = recordKind(arena, copy) === KIND_REMOVE && hidesAny(arena, copy);
    for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
      const owner = arena.owner(other);
      if (owner === OWN_SLOT || !this.isLiveNode(owner) || originAuthor(arena, other) !== author) continue;
      const order = compareOrder(arena, other, copy);
      if (this.rows.id(owner) === author && order >= 0 && !isNeeded) return true;
      const isSame = order === 0 && recordKind(arena, other) === recordKind(arena, copy);
      if (!isSame || this.rows.id(owner) >= this.rows.id(OWN_SLOT)) continue;
      if (!isNeeded || !this.isBelowFloor(other)) return true;
    }
    return false;
  }

  /** Whether this node ended the own value that a record of another feed is a copy of, or its time to live is over. */
  private isOver(copy: number): boolean {
    const arena = this.feeds.arena;
    if (recordKind(arena, copy) !== KIND_SET) return false;
    const bytes = arena.bytes;
    const at = arena.eventAt(copy);
    for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
      if (arena.owner(other) !== OWN_SLOT || originAuthor(arena, other) !== this.rows.id(OWN_SLOT)) continue;
      if (recordKind(arena, other) === KIND_END && compareOrder(arena, other, copy) >= 0) return false;
      if (recordKind(arena, other) !== KIND_SET) continue;
      return compareOrder(arena, other, copy) > 0 && endMsOf(arena, other) <= this.feeds.arena.physicalMs;
    }
    // Of what it published since its start, this node holds all but what it ended, and the ends that it dropped since.
    return this.hasDropped(orderAt(bytes, at, arena.eventLength(copy)));
  }

  private isCopy(record: number): boolean {
    const arena = this.feeds.arena;
    return isCopyAt(arena.bytes, arena.eventAt(record));
  }

  private isLiveNode(slot: number): boolean {
    // A branch is of no use to others before it is joined.
    return slot < this.rows.capacity && this.rows.state(slot) <= SUSPECT;
  }

  private isBelowFloor(record: number): boolean {
    const arena = this.feeds.arena;
    return arena.sequence(record) < arena.get(arena.owner(record), FLOOR);
  }

  /** Whether the feed of a live node has the event of a record, too, where peers get it as an event. */
  private hasOtherAboveFloor(record: number): boolean {
    const arena = this.feeds.arena;
    const bytes = arena.bytes;
    const at = arena.eventAt(record);
    for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
      if (!this.isLiveNode(arena.owner(other)) || recordKind(arena, other) !== recordKind(arena, record)) continue;
      if (compareOrder(arena, other, record) === 0 && !this.isBelowFloor(other)) return true;
    }
    return false;
  }

  /** Number of live nodes with a lower id. */
  private countLower(): number {
    const rows = this.rows;
    let lower = 0;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (this.isLiveNode(slot) && rows.id(slot) < rows.id(OWN_SLOT)) lower++;
    }
    return lower;
  }

  /** Publishes a copy of a record. Returns whether records may have moved. */
  private copy(record: number): boolean {
    if (!this.isReady()) return this.getReady();
    const arena = this.feeds.arena;
    const length = arena.eventLength(record);
    if (!this.feeds.reserve(recordWords(length + COPY_BYTES)) || !arena.isHeld(record)) return false;
    const endMs = endMsOf(arena, record);
    const stampMs = this.nextStampMs(this.clock.callerMs);
    const start = arena.eventAt(record);
    const given = ttlSecondsAt(arena.bytes, start);
    const left = endMs === Infinity ? 0 : Math.max(1, Math.min(given, Math.ceil((endMs - stampMs) / 1000)));
    const author = this.feeds.author(arena.owner(record));
    const scratch = this.feeds.chain.eventAt;
    return this.publishScratch(writeCopy(arena.bytes, scratch, arena.bytes, start, length, author, left));
  }

  /**
   * Publishes the end of a record. Returns whether records may have moved.
   *
   * @param isHere whether the record is in the own feed; otherwise it is a copy of an own event in another one
   */
  private endRecord(record: number, isHere: boolean): boolean {
    if (!this.isReady()) return this.getReady();
    const arena = this.feeds.arena;
    const length = arena.eventLength(record);
    if (!this.feeds.reserve(recordWords(length + COPY_BYTES)) || !arena.isHeld(record)) return false;
    this.nextStampMs(this.clock.callerMs);
    const isCopyEnd = isHere && originAuthor(arena, record) !== this.rows.id(OWN_SLOT);
    const scratch = this.feeds.chain.eventAt;
    const start = arena.eventAt(record);
    return this.publishScratch(writeEnd(arena.bytes, scratch, arena.bytes, start, length, isCopyEnd));
  }
}

/** An own event that was found hidden in so many passes ends. */
const END_VISITS = 3;
/** A removed value that its live author has not ended in so many passes shows that the author lacks the removal. */
const REPEAT_VISITS = 5;
/** Nodes with fewer live nodes of lower id wait for one visit, the others for two. */
const PASS_RANKS = 8;
