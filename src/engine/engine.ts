import { PROBE_WORDS } from "./membership/probes.js";
import { Clock, earlier } from "./clock.js";
import {
  DROP_ECHO, DROP_ID_CONFLICT, DROP_MAGIC, DROP_NONE, DROP_REPLAY, DROP_ROW, DROP_STALE, DROP_UNASKED,
  DROP_UNPROVEN, DROP_UNSEALED,
} from "./wire/drops.js";
import { NOTIFY_ID_CONFLICT, NOTIFY_STRANGER, type Notification, Faults, nextChange } from "./notifications.js";
import {
  type DiffParts, handleRangeFingerprints, handleDigest, handleRowFingerprints, handleWants, wantSender,
} from "./reconcile/differences.js";
import type { EncodedEvent } from "./feed/event.js";
import type { FeedProtocol } from "./feed/feed-protocol.js";
import { FrameReader, NO_FEEDS, isHost } from "./wire/frame-reader.js";
import {
  FLAG_BROADCAST, FLAG_CHALLENGE, FLAG_MORE, FLAG_SEALED, SECTION_RANGE_FINGERPRINTS, SECTION_DIGEST,
  SECTION_ROW_FINGERPRINTS, SECTION_INDIRECT_ACK, SECTION_PING_REQ, SECTION_ROWS, SECTION_WANT, TYPE_ACK, TYPE_DIFF,
  TYPE_LEAVE, TYPE_SYN,
} from "./wire/frame.js";
import { FRESH, ReplayGuard, REPLAYED, UNPROVEN } from "./wire/replay-guard.js";
import { type MergeParts, mergeRow } from "./reconcile/merge-row.js";
import type { NodeEngine } from "./node-engine.js";
import type { EngineOptions } from "./options.js";
import { type Datagram, Outbox, outboxWords } from "./reconcile/outbox.js";
import { OwnRow } from "./table/own-row.js";
import { Random } from "./random.js";
import { type NodeParts, Rounds } from "./membership/rounds.js";
import { FLAG_PROVEN, FLAG_WINDOW, OWN_SLOT, RowData, Rows } from "./table/rows.js";
import { SEED_WORDS, Seeds } from "./membership/seeds.js";
import { SEAL_BYTES } from "./wire/sealer.js";
import { LEFT, SUSPECT, UP } from "./table/states.js";
import { INDIRECT_PROBE_WORDS } from "./membership/indirect-probes.js";
import { STATS_WORDS, Stats } from "./stats.js";
import { Suspicion } from "./membership/suspicion.js";
import { WordPool } from "./word-pool.js";

/** A tick that is this much later than an eighth of a round means that the node itself stood still. */
const LATE_MS = 200;
/** Nodes that answer one broadcast, on average. */
const BROADCAST_ANSWERS = 4;
/** An echo is of one of the last few frames. */
const ECHO_FRAMES = 8;
/** An answer is to one of so many last frames. */
const ANSWERABLE_FRAMES = 1024;
/** The first frame of a start has a counter below this, drawn by chance: who has not seen it can't answer it. */
const FIRST_COUNTERS = 0x8000000;
/** An address that has not answered yet gets at most so many times the bytes that it sent. */
const AMPLIFICATION_MAX = 3;
/** Datagrams in JSON that are shorter are no sign of an ESPGossip node, and not worth a frame. */
const JSON_BYTES_MIN = 12;
/** The brace that a datagram in ESPGossip's dialect begins with. */
const JSON_START = 0x7b;

/**
 * One node of a gossip network, without sockets, clock or dice of its own.
 *
 * The contract: one input (`receive`, `tick` or `publish`), then `pollEvent`
 * and `pollTransmit` until they return false, then the next input; `tick` is
 * due at `nextDeadline`. Equal inputs give equal outputs, byte for byte, on
 * every JavaScript engine. Nothing here throws and nothing grows after the
 * constructor. Times are uint32 milliseconds of any clock that does not run
 * backwards for long.
 */
export class Engine implements NodeEngine, NodeParts, DiffParts, MergeParts {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly stats: Stats;
  /** @internal Parts that `Rounds` works with. */
  readonly clock = new Clock();
  /** @internal */
  readonly random: Random;
  /** @internal */
  readonly suspicion: Suspicion;
  /** @internal */
  readonly outbox: Outbox;
  /** @internal */
  readonly roundIntervalMs: number;
  /** @internal */
  readonly frame = new FrameReader();
  /** @internal */
  readonly row = new RowData();
  /** @internal */
  readonly faults = new Faults();
  /** @internal */
  readonly rounds: Rounds;
  /** The event feeds; undefined in a node without them. */
  readonly feed: FeedProtocol | undefined;
  private readonly self = new OwnRow(this);
  private readonly replayGuard: ReplayGuard | undefined;

  private started = false;
  /** Length of the datagram that is answered. */
  private receivedBytes = 0;
  private notifySlot = 0;

  constructor(options: EngineOptions) {
    this.roundIntervalMs = options.roundIntervalMs;
    const seedWords = options.seedCapacity * SEED_WORDS;
    const fixedWords = STATS_WORDS + PROBE_WORDS + INDIRECT_PROBE_WORDS;
    const pool = new WordPool(fixedWords + seedWords + outboxWords(options.datagramBytesMax));
    this.rows = new Rows(options.capacity, options.valueBytesMax);
    this.stats = new Stats(pool);
    this.seeds = new Seeds(options, pool);
    this.random = new Random(options.randomSeed, options.id);
    this.suspicion = new Suspicion(this, options.removeAfterMs);
    this.replayGuard = options.sealer === undefined ? undefined : new ReplayGuard(options.sealer, this.rows);
    this.feed = options.feeds === undefined ? undefined : options.feeds(this);
    this.frame.events = this.feed;
    const feedOutbox = this.feed === undefined ? undefined : this.feed.outbox;
    this.outbox = new Outbox(this.rows, options.datagramBytesMax, this.replayGuard, pool, feedOutbox);
    this.rounds = new Rounds(this, options.broadcastAddress, pool);
    this.insertOwnRow(options);
  }

  addSeed(address: number, port: number): void {
    this.seeds.pin(address, port);
  }

  /**
   * Starts the node's rounds.
   *
   * @param revision uint32, one more than at the last start, already stored
   * @param isRemembered whether there was a stored revision. Without one the node
   * may have lived under this revision before, so its heartbeat starts anywhere
   * below 1,024: then it is fresher than its former life, or hears of that
   */
  start(nowMs: number, revision: number, isRemembered: boolean): void {
    this.started = true;
    this.clock.start(nowMs);
    this.self.start(revision, isRemembered);
    if (this.feed !== undefined) this.feed.own.start(isRemembered);
    this.outbox.count(this.random.below(FIRST_COUNTERS));
    this.rounds.start();
  }

  /** Says goodbye to a few live nodes, which tell the others. Nothing may follow but `pollTransmit`. */
  leave(nowMs: number): void {
    this.begin(nowMs);
    this.self.announce(LEFT);
    this.rounds.leave();
  }

  /** A datagram came. `bytes` are only looked at during the call; a sealed frame is opened in place. */
  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    this.begin(nowMs);
    this.stats.countReceived(length);
    this.receivedBytes = length;
    const malformed = this.parse(address, bytes, length);
    const refused = malformed !== DROP_NONE ? malformed : this.check(address, port);
    if (refused === DROP_NONE) this.exchange(address, port, bytes);
    else this.refuse(refused, address, port, bytes, length);
    // Lets go of the datagram, which on a board is worth having back before the next one comes.
    this.frame.reset(this.rows.valueBytes(), 0, 0);
  }

  /** The deadline passed. */
  tick(nowMs: number): void {
    this.begin(nowMs);
    this.suspicion.expire();
    if (this.feed !== undefined) this.feed.tick();
    if (this.clock.isDue(this.self.keepaliveDeadline)) this.self.announce(UP);
    this.rounds.tick();
  }

  /**
   * Shares a value of `length` bytes, one item of deterministic CBOR and at most
   * `valueBytesMax`; 0 withdraws it. It goes to `address` (0: nobody in
   * particular) and to a few live nodes at once, then from node to node. Before
   * the start it only takes its place in the row.
   */
  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void {
    this.rows.setValue(OWN_SLOT, bytes, 0, length);
    if (!this.started) return;
    this.begin(nowMs);
    this.self.announce(UP);
    if (address !== 0) this.outbox.addSyn(address, port, 0, OWN_SLOT);
    this.rounds.spreadSoon();
  }

  /**
   * Appends an event that `feed.stampEvent` stamped to the node's feed. The event
   * leaves at once, then spreads from node to node. After the start.
   */
  publishEvent(nowMs: number, event: EncodedEvent): void {
    this.begin(nowMs);
    if (this.feed !== undefined) this.feed.own.publish(event);
    this.rounds.spreadSoon();
  }

  /** Takes on a higher revision, already stored. A lower one is ignored. */
  setRevision(nowMs: number, revision: number): void {
    this.begin(nowMs);
    if (revision > this.revision()) this.self.adopt(revision);
  }

  /** The node's own revision. Where an input made it grow, store it before anything is sent. */
  revision(): number {
    return this.rows.revision(OWN_SLOT);
  }

  /** Writes the next datagram to send into `out`; false when there is none. */
  pollTransmit(out: Datagram): boolean {
    if (!this.outbox.next(out)) return false;
    this.stats.countSent(out.length);
    return true;
  }

  /** The next thing to tell the application; false when there is none. */
  pollNotification(out: Notification): boolean {
    out.slot = OWN_SLOT;
    if (this.replayGuard !== undefined && this.replayGuard.hasStranger()) {
      out.kind = NOTIFY_STRANGER;
      out.slot = this.replayGuard.nextStranger();
      return true;
    }
    return this.faults.next(out) || this.pollRowNotification(out);
  }

  /** When `tick` is due, in the caller's time. */
  nextDeadline(): number {
    return this.clock.toCaller(this.deadline());
  }

  /** @internal For `Suspicion`. */
  probe(slot: number): boolean {
    return this.rounds.probe(slot);
  }

  /** @internal For `Suspicion`. */
  localHealth(): number {
    return this.rounds.localHealth;
  }

  private pollRowNotification(out: Notification): boolean {
    const told = nextChange(this.rows, this.notifySlot, out);
    this.notifySlot = out.slot;
    return told;
  }

  private insertOwnRow(options: EngineOptions): void {
    const row = this.row;
    row.id = options.id;
    row.address = options.address;
    row.port = options.port;
    this.rows.merge(row, this.rows.valueBytes());
  }

  /** Every input starts here: time goes on, and what the last one left unsent is gone. */
  private begin(nowMs: number): void {
    const expected = this.deadline();
    this.clock.advance(nowMs);
    this.outbox.clear();
    this.notifySlot = 0;
    const lateMs = (this.clock.nowMs - expected) | 0;
    if (lateMs > (this.roundIntervalMs >>> 3) + LATE_MS) {
      this.rounds.postpone(lateMs);
      this.suspicion.postpone(lateMs);
    }
  }

  private deadline(): number {
    return earlier(earlier(this.rounds.nextDeadline(), this.suspicion.nextDeadline()), this.self.keepaliveDeadline);
  }

  /** Opens and checks a whole frame. Returns a drop reason. */
  private parse(address: number, bytes: Uint8Array, length: number): number {
    const frame = this.frame;
    const malformed = frame.parseHead(bytes, length);
    if (malformed !== DROP_NONE) return malformed;
    const replayGuard = this.replayGuard;
    if (replayGuard === undefined) {
      return (frame.flags & FLAG_SEALED) !== 0 ? DROP_UNSEALED : frame.parseBody(length, this.row);
    }
    const unopened = replayGuard.unseal(frame, bytes, length);
    if (unopened === DROP_NONE) return frame.parseBody(length - SEAL_BYTES, this.row);
    replayGuard.noteStranger(address);
    return unopened;
  }

  /** Counts a drop. To a node that speaks JSON any datagram is a sign of life, and silence is none. */
  private refuse(reason: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    this.stats.countDrop(reason);
    const isJson = reason === DROP_MAGIC && bytes[0] === JSON_START && length >= JSON_BYTES_MIN;
    if (isJson && this.replayGuard === undefined) this.outbox.addSign(address, port);
  }

  /** Checks of a well-formed frame against what this node knows. Returns a drop reason. */
  private check(address: number, port: number): number {
    const frame = this.frame;
    // Nobody could be told of a node there.
    if (!isHost(address) || port === 0) return DROP_ROW;
    if (frame.id === this.rows.id(OWN_SLOT)) {
      const own = address === this.rows.address(OWN_SLOT) && port === this.rows.port(OWN_SLOT);
      const framesAgo = this.outbox.counter - frame.counter;
      const recent = frame.revision === this.revision() && framesAgo >= 0 && framesAgo < ECHO_FRAMES;
      const echo = own || recent;
      // A sealed frame of this node's may be an old one that somebody sends again.
      if (!echo && this.replayGuard === undefined) this.faults.report(NOTIFY_ID_CONFLICT, OWN_SLOT);
      return echo ? DROP_ECHO : DROP_ID_CONFLICT;
    }
    const slot = this.rows.find(frame.id);
    const answers = frame.isAnswer() && (this.outbox.counter - frame.inReplyTo) >>> 0 < ANSWERABLE_FRAMES;
    if (slot >= 0 && frame.revision < this.rows.revision(slot)) {
      this.correctStale(slot, answers, address, port);
      return DROP_STALE;
    }
    if (frame.isAnswer() && !answers) return DROP_UNASKED;
    if (this.replayGuard === undefined) return DROP_NONE;
    return this.checkReplay(this.replayGuard, slot, answers, address, port);
  }

  /** Whether a frame came before or, where nobody can tell, makes its sender prove that it did not. */
  private checkReplay(replayGuard: ReplayGuard, slot: number, answers: boolean, address: number, port: number): number {
    const judgement = replayGuard.check(this.frame, slot, answers);
    if (judgement === FRESH) return DROP_NONE;
    if (judgement === UNPROVEN && this.frame.type === TYPE_SYN) {
      this.outbox.withholdUpdates();
      this.answer(address, port, FLAG_CHALLENGE, false, false);
    }
    return judgement === REPLAYED || this.frame.type !== TYPE_SYN ? DROP_REPLAY : DROP_UNPROVEN;
  }

  /**
   * A node whose storage was wiped starts over at a low revision; its own row as
   * held here tells it, also when it challenges this one: else neither would
   * ever believe the other.
   */
  private correctStale(slot: number, answers: boolean, address: number, port: number): void {
    const isChallenge = answers && (this.frame.flags & FLAG_CHALLENGE) !== 0;
    if (this.frame.type !== TYPE_SYN && !isChallenge) return;
    this.outbox.send(slot);
    this.outbox.withholdUpdates();
    this.outbox.limitAnswer(AMPLIFICATION_MAX * this.receivedBytes);
    this.outbox.addAnswer(isChallenge ? TYPE_DIFF : TYPE_ACK, address, port, 0, false, this.frame.counter);
  }

  /** Takes in a frame and answers with the diff. */
  private exchange(address: number, port: number, bytes: Uint8Array): void {
    const frame = this.frame;
    this.rounds.answered(frame.id, address, port);
    const isNew = this.rows.find(frame.id) < 0;
    this.observeSender(address, port);
    let isSummarised = false;
    const feed = this.feed;
    if (feed !== undefined) feed.begin();
    frame.rewind();
    while (frame.nextSection()) {
      isSummarised = isSummarised || frame.isSummary();
      if (frame.section === SECTION_WANT) handleWants(this);
      else if (frame.section === SECTION_ROWS) this.handleRows(address, port, bytes);
      else if (frame.section === SECTION_DIGEST) handleDigest(this);
      else if (frame.section === SECTION_RANGE_FINGERPRINTS) handleRangeFingerprints(this);
      else if (frame.section === SECTION_ROW_FINGERPRINTS) handleRowFingerprints(this);
      else if (frame.section === SECTION_PING_REQ) this.rounds.handlePingReq(address, port);
      else if (frame.section === SECTION_INDIRECT_ACK) this.rounds.handleIndirectAck();
      else if (feed !== undefined && frame.isOfEvents()) feed.handleSection();
    }
    if (feed !== undefined) feed.settle();
    if (this.replayGuard !== undefined) this.admit(this.replayGuard);
    wantSender(this);
    if (frame.type !== TYPE_LEAVE) this.answer(address, port, 0, isSummarised, isNew);
  }

  /** Who was not known yet when its answer came is known by now. */
  private admit(replayGuard: ReplayGuard): void {
    const slot = this.rows.find(this.frame.id);
    const hasWindow = slot >= 0 && this.rows.hasFlag(slot, FLAG_WINDOW);
    if (slot >= 0 && !hasWindow && this.frame.isAnswer()) replayGuard.admit(this.frame, slot);
  }

  /** The sender is there: its address is the one that works, and what is said against it, it should hear. */
  private observeSender(address: number, port: number): void {
    const rows = this.rows;
    const slot = rows.find(this.frame.id);
    if (slot < 0) return;
    const current = rows.revision(slot) === this.frame.revision && rows.heartbeat(slot) === this.frame.heartbeat;
    const moved = rows.address(slot) !== address || rows.port(slot) !== port;
    if (current && moved) rows.setAddress(slot, address, port);
    // Its own row tells a node that it has moved, which it can't see itself.
    if (rows.state(slot) >= SUSPECT || (current && moved)) this.outbox.send(slot);
    if (this.frame.isAnswer() && !moved) rows.setFlag(slot, FLAG_PROVEN);
  }

  private handleRows(address: number, port: number, bytes: Uint8Array): void {
    const row = this.row;
    while (this.frame.more()) {
      this.frame.readRow(row);
      if (row.address === 0) {
        row.address = address;
        row.port = port;
      }
      if (row.id !== this.rows.id(OWN_SLOT)) {
        this.mergeRow(row, bytes);
      } else {
        this.handleSelfUpdate(row);
        this.self.observeAddress(row);
      }
      if (this.feed !== undefined) this.feed.noteClaim(row);
    }
  }

  /** @internal Merges a statement about another node; its value lies in `bytes`. */
  mergeRow(row: RowData, bytes: Uint8Array): void {
    mergeRow(this, row, bytes);
  }

  private answer(address: number, port: number, flags: number, isSummarised: boolean, isNew: boolean): void {
    const frame = this.frame;
    const slot = this.rows.find(frame.id);
    const isThere = slot >= 0 && this.rows.address(slot) === address && this.rows.port(slot) === port;
    // Who was not known before has answered from here; who has moved here has not.
    if (isThere && isNew && frame.isAnswer()) this.rows.setFlag(slot, FLAG_PROVEN);
    const isProven = isThere && this.rows.hasFlag(slot, FLAG_PROVEN);
    if (!isProven) this.outbox.limitAnswer(AMPLIFICATION_MAX * this.receivedBytes);
    const inSync = this.rows.tableHash.equals(frame.tableHashFirst, frame.tableHashSecond) && this.hasSameFrontier();
    this.outbox.summary.withFeeds = this.feed !== undefined && frame.feedsHash !== NO_FEEDS;
    if (frame.type === TYPE_SYN) {
      if ((frame.flags & FLAG_BROADCAST) !== 0 && this.random.below(this.rows.count) >= BROADCAST_ANSWERS) return;
      if (isProven && !this.rounds.mayAnswer(slot)) this.outbox.limitAnswer(AMPLIFICATION_MAX * this.receivedBytes);
      this.outbox.addAnswer(TYPE_ACK, address, port, flags, !inSync, frame.counter);
    } else if (this.rounds.mayGoOn()) {
      const isOpen = frame.type === TYPE_ACK ? !isSummarised
        : (frame.flags & FLAG_MORE) !== 0 && this.outbox.answersSummary(frame.inReplyTo)
          && (this.feed === undefined || this.feed.mayGoOn());
      const isNeeded = this.outbox.hasAnswer() || (frame.flags & FLAG_CHALLENGE) !== 0 || (!inSync && isOpen);
      if (isNeeded) this.outbox.addAnswer(TYPE_DIFF, address, port, 0, !inSync && isOpen, frame.counter);
    }
  }

  /** Whether the sender holds the same of all feeds, or has none, or this node has none. */
  private hasSameFrontier(): boolean {
    const frontier = this.rows.feedsHash;
    return frontier === undefined || this.frame.feedsHash === NO_FEEDS || this.frame.feedsHash === frontier.word();
  }

  /** @internal For feeds: takes on a revision beyond one that others know of. */
  recover(revision: number): boolean {
    const isDone = this.self.recover(revision);
    if (!isDone) this.faults.report(NOTIFY_ID_CONFLICT, OWN_SLOT);
    return isDone;
  }

  /** @internal Others speak of this node. */
  handleSelfUpdate(row: RowData): void {
    if (!this.self.observeClaim(row)) this.faults.report(NOTIFY_ID_CONFLICT, OWN_SLOT);
    if (this.rows.compare(OWN_SLOT, row) > 0) this.outbox.send(OWN_SLOT);
  }
}
