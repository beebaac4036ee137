import { Clock, earlier } from "./clock.js";
import type { EncodedEvent } from "./feed/event.js";
import type { FeedProtocol } from "./feed/feed-protocol.js";
import { SETTLE_FORK, SETTLE_SEND } from "./feed/kinds.js";
import { exchangeLimits, noteValue, showsLimits } from "./limits.js";
import { Rounds, ROUND_WORDS } from "./membership/rounds.js";
import { SEED_WORDS, Seeds } from "./membership/seeds.js";
import { Suspicion } from "./membership/suspicion.js";
import type { NodeEngine } from "./node-engine.js";
import {
  NOTIFY_FORK, NOTIFY_ID_CONFLICT, NOTIFY_STRANGER, NOTIFY_TABLE_FULL, type Notification, Faults, nextChange,
} from "./notifications.js";
import type { EngineOptions } from "./options.js";
import { Random } from "./random.js";
import {
  answerClaim, compareDigest, compareRanges, compareRows, isInSync, isSummaryDue, observeSender, sendWanted, senderAt,
  wantSender,
} from "./reconcile/differences.js";
import { type Datagram, Outbox, outboxWords } from "./reconcile/outbox.js";
import { STATS_WORDS, Stats } from "./stats.js";
import { OwnRow, insertOwnRow } from "./table/own-row.js";
import {
  FLAG_NOTIFY_UPDATE, FLAG_PROVEN, MERGED_FRESHER, MERGED_STATE, MERGE_TABLE_FULL, OWN_SLOT, RowData, Rows,
} from "./table/rows.js";
import { LEFT, SUSPECT, UP } from "./table/states.js";
import { answersFrame, checkFrame, parseFrame } from "./wire/admission.js";
import {
  DROP_ID_CONFLICT, DROP_MAGIC, DROP_NONE, DROP_SEAL, DROP_STALE, DROP_TABLE_FULL, DROP_UNPROVEN, DROP_UNSEALED,
} from "./wire/drops.js";
import {
  FLAG_BROADCAST, FLAG_CHALLENGE, JSON_FIRST_BYTE, SECTION_DIGEST, SECTION_INDIRECT_ACK, SECTION_PING_REQ,
  SECTION_RANGE_FINGERPRINTS, SECTION_ROWS, SECTION_ROW_FINGERPRINTS, SECTION_WANT, TYPE_ACK, TYPE_DIFF, TYPE_LEAVE,
  TYPE_SYN,
} from "./wire/frame.js";
import { FrameReader, NO_FEEDS } from "./wire/frame-reader.js";
import { ReplayGuard } from "./wire/replay-guard.js";
import { WordPool } from "./word-pool.js";

/** A tick later than an eighth of a round and this shows that the node itself stood still. */
const LATE_MS = 200;
/** Nodes that answer one broadcast, on average. */
const BROADCAST_ANSWERS = 4;
/** The first counter of a start is random below this. An attacker that has not seen it cannot answer it. */
const FIRST_COUNTERS = 0x8000000;
/** An address that is not proven gets at most this many times the bytes that it sent. */
const AMPLIFICATION_MAX = 3;
/** A shorter JSON datagram is not from an ESPGossip node and gets no sign of life. */
const JSON_BYTES_MIN = 12;

/**
 * One node of a gossip network, without sockets, a clock or a source of random
 * numbers: the caller passes datagrams, times and a seed.
 *
 * The contract: one input (any method that takes `nowMs`), then
 * `pollNotification` and `pollTransmit` until they return false, then the next
 * input. `tick` is due at `nextDeadline`. Equal inputs give equal outputs, byte
 * for byte, on every JavaScript engine. No method throws, and nothing is
 * allocated after the constructor. Times are uint32 milliseconds of any clock
 * that does not run backwards for long.
 *
 * This class is the only place of control flow. The methods follow PROTOCOL.md,
 * sections 5 and 6; the parts make decisions or hold data.
 */
export class Engine implements NodeEngine {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly stats: Stats;
  /** The event feeds; undefined in a node without them. */
  readonly feed: FeedProtocol | undefined;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly own: OwnRow;
  private readonly suspicion: Suspicion;
  private readonly rounds: Rounds;
  private readonly outbox: Outbox;
  private readonly replayGuard: ReplayGuard | undefined;
  private readonly faults = new Faults();
  private readonly frame = new FrameReader();
  /** The row that is being read. */
  private readonly row = new RowData();
  private started = false;

  constructor(options: EngineOptions) {
    const seedWords = options.seedCapacity * SEED_WORDS;
    const pool = new WordPool(STATS_WORDS + ROUND_WORDS + seedWords + outboxWords(options.datagramBytesMax));
    const rows = new Rows(options.capacity, options.valueBytesMax);
    this.rows = rows;
    this.stats = new Stats(pool);
    this.seeds = new Seeds(options.seedCapacity, options.address, options.port, options.broadcastAddress, pool);
    this.clock = new Clock(options.roundIntervalMs);
    this.random = new Random(options.randomSeed, options.id);
    this.own = new OwnRow(rows, this.clock, this.random);
    this.suspicion = new Suspicion(rows, this.clock, options.removeAfterMs);
    this.replayGuard = options.sealer === undefined ? undefined : new ReplayGuard(options.sealer, rows);
    this.feed = options.feeds === undefined ? undefined
      : options.feeds(rows, this.clock, this.stats, this.frame, this.own, this.suspicion);
    this.frame.events = this.feed;
    const feedOutbox = this.feed === undefined ? undefined : this.feed.outbox;
    this.outbox = new Outbox(rows, options.datagramBytesMax, this.replayGuard, pool, feedOutbox);
    this.rounds = new Rounds(rows, this.seeds, this.clock, this.random, this.outbox, pool);
    insertOwnRow(rows, this.row, options.id, options.address, options.port);
  }

  addSeed(address: number, port: number): void {
    this.seeds.pin(address, port);
  }

  /**
   * Starts the node's rounds.
   *
   * @param revision uint32, one more than at the last start. The caller has stored it
   * @param isRemembered whether there was a stored revision. If not, the node may
   * have used this revision before. Its heartbeat then starts at random below
   * 1,024: it is fresher than the former life, or peers show the former life
   */
  start(nowMs: number, revision: number, isRemembered: boolean): void {
    this.started = true;
    this.clock.start(nowMs);
    this.own.start(revision, isRemembered);
    if (this.feed !== undefined) {
      this.feed.hlc.start(revision);
      this.feed.own.start(isRemembered);
    }
    this.outbox.count(this.random.below(FIRST_COUNTERS));
    this.rounds.start();
  }

  /** PROTOCOL 6.5: announces to 4 live nodes that this node leaves. Only `pollTransmit` may follow. */
  leave(nowMs: number): void {
    this.begin(nowMs);
    this.own.announce(LEFT);
    this.rounds.leave();
  }

  /** A datagram arrived. The engine reads `bytes` during the call only, and unseals a sealed frame in place. */
  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    this.begin(nowMs);
    this.stats.countReceived(length);
    const frame = this.frame;
    let reason = parseFrame(frame, this.replayGuard, bytes, length, this.row);
    if (reason === DROP_NONE) {
      reason = checkFrame(frame, this.replayGuard, this.rows, this.outbox.counter, address, port);
    }
    if (reason === DROP_NONE) this.exchange(address, port, bytes, length);
    else this.refuse(reason, address, port, bytes, length);
    // Drop the reference so that a board can free the datagram before the next arrives.
    frame.reset(this.rows.valueBytes(), 0, 0);
  }

  /** The deadline passed. */
  tick(nowMs: number): void {
    this.begin(nowMs);
    this.expireStates();
    const asked = this.feed === undefined ? -1 : this.feed.tick();
    // PROTOCOL 10.6: the author of a feed is probed for its consent.
    if (asked >= 0) this.rounds.probe(asked);
    // PROTOCOL 6.4: a node that made no statement for long announces itself. Spreads are of 6.4, too, rounds of 6.1.
    if (this.clock.isDue(this.own.keepaliveDeadline)) this.own.announce(UP);
    this.suspectSilent();
    if (this.rounds.isSpreadDue()) this.rounds.spread();
    if (this.rounds.isRoundDue()) this.rounds.round();
  }

  /**
   * Shares a value of `length` bytes: one item of deterministic CBOR, at most
   * `valueBytesMax`; 0 withdraws the value. The node sends it to `address` (0: no
   * certain address) and to 3 live nodes at once (PROTOCOL 6.4). Before the start
   * the value is only stored in the own row.
   */
  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void {
    this.rows.setValue(OWN_SLOT, bytes, 0, length);
    if (!this.started) return;
    this.begin(nowMs);
    this.own.announce(UP);
    if (address !== 0) this.outbox.addSyn(address, port, 0, OWN_SLOT);
    if (this.rounds.requestSpread()) this.rounds.spread();
  }

  /**
   * Appends an event that `feed.stampEvent` stamped to the node's feed, and sends
   * it to 3 live nodes at once. To be called after the start.
   */
  publishEvent(nowMs: number, event: EncodedEvent): void {
    this.begin(nowMs);
    if (this.feed !== undefined) this.feed.own.publish(event);
    if (this.rounds.requestSpread()) this.rounds.spread();
  }

  /** Adopts a higher revision, which the caller has stored. A lower one is ignored. */
  setRevision(nowMs: number, revision: number): void {
    this.begin(nowMs);
    if (revision > this.revision()) this.own.adopt(revision);
  }

  /** The node's own revision. If an input raised it, the caller must store it before it sends anything. */
  revision(): number {
    return this.own.revision();
  }

  /** Writes the next datagram to send into `out`; false when there is none. */
  pollTransmit(out: Datagram): boolean {
    if (!this.outbox.next(out)) return false;
    this.stats.countSent(out.length);
    return true;
  }

  /** Writes the next notification for the application; false when there is none. */
  pollNotification(out: Notification): boolean {
    if (this.replayGuard !== undefined && this.replayGuard.hasStranger()) {
      out.kind = NOTIFY_STRANGER;
      out.slot = this.replayGuard.nextStranger();
      return true;
    }
    if (this.own.isContested) this.faults.report(NOTIFY_ID_CONFLICT, OWN_SLOT);
    return this.faults.next(out) || nextChange(this.rows, out);
  }

  /** When `tick` is due, in the caller's time. */
  nextDeadline(): number {
    return this.clock.toCaller(this.deadline());
  }

  /** Raises the state of a row. For a bridge, which is the judge of foreign nodes (PROTOCOL 9.2). */
  raiseState(slot: number, state: number): void {
    this.suspicion.raise(slot, state);
  }

  private deadline(): number {
    return earlier(earlier(this.rounds.nextDeadline(), this.suspicion.nextDeadline()), this.own.keepaliveDeadline);
  }

  /** Begins an input: advances the time and drops what the last input left unsent. */
  private begin(nowMs: number): void {
    const expected = this.deadline();
    this.clock.advance(nowMs);
    this.outbox.clear();
    const lateMs = (this.clock.nowMs - expected) | 0;
    // PROTOCOL 4.2: this node itself stood still.
    if (lateMs > (this.clock.roundIntervalMs >>> 3) + LATE_MS) {
      this.rounds.postpone(lateMs);
      this.suspicion.postpone(lateMs);
    }
  }

  /** PROTOCOL 4.2: changes the states that nobody refuted in time. */
  private expireStates(): void {
    const suspicion = this.suspicion;
    if (!suspicion.beginExpiry()) return;
    let place = suspicion.nextDue(this.rows.count - 1);
    for (; place >= 0; place = suspicion.nextDue(place - 1)) {
      const slot = this.rows.slotAt(place);
      if (!suspicion.needsLastProbe(slot)) suspicion.advance(slot);
      else if (this.rounds.probe(slot)) suspicion.lastProbeSent(slot, this.rounds.localHealth);
      else suspicion.lastProbeFailed(slot);
    }
  }

  /** PROTOCOL 6.2: suspects nodes that do not answer, and sends them the suspicion so that they can refute it. */
  private suspectSilent(): void {
    for (let slot = this.rounds.nextSilent(); slot >= 0; slot = this.rounds.nextSilent()) {
      this.suspicion.raise(slot, SUSPECT);
      this.rounds.probe(slot);
    }
  }

  /** Counts a refused datagram. For some reasons its sender gets a frame all the same. */
  private refuse(reason: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    const guard = this.replayGuard;
    this.stats.countDrop(reason);
    if (reason === DROP_STALE) {
      this.correctStale(address, port, length);
    } else if (reason === DROP_UNPROVEN) {
      // PROTOCOL 7: a challenge, without rows.
      this.outbox.withholdUpdates();
      this.answerSyn(senderAt(this.rows, this.frame, address, port), address, port, FLAG_CHALLENGE, length);
    } else if (guard !== undefined) {
      if (reason === DROP_UNSEALED || reason === DROP_SEAL) guard.noteStranger(address);
    } else if (reason === DROP_ID_CONFLICT) {
      // Not with a guard: a sealed frame of this id may be this node's own, replayed by an attacker.
      this.own.isContested = true;
    } else if (reason === DROP_MAGIC && bytes[0] === JSON_FIRST_BYTE && length >= JSON_BYTES_MIN) {
      // PROTOCOL 5.6: to an ESPGossip node any datagram is a sign of life. It may send from another port than it reads.
      this.outbox.addSign(address, this.rows.port(OWN_SLOT));
    }
  }

  /**
   * PROTOCOL 5.5 and 7: the sender lost its storage and started again at a low
   * revision. Send it the row we hold, even if it challenges us; otherwise the
   * two would reject each other for ever.
   */
  private correctStale(address: number, port: number, length: number): void {
    const frame = this.frame;
    const isChallenge = answersFrame(frame, this.outbox.counter) && (frame.flags & FLAG_CHALLENGE) !== 0;
    if (frame.type !== TYPE_SYN && !isChallenge) return;
    this.outbox.send(this.rows.find(frame.id));
    this.outbox.withholdUpdates();
    this.outbox.limitAnswer(AMPLIFICATION_MAX * length);
    this.outbox.addAnswer(isChallenge ? TYPE_DIFF : TYPE_ACK, address, port, 0, false, frame.counter);
  }

  /** PROTOCOL 5.2: applies a good frame and answers it. */
  private exchange(address: number, port: number, bytes: Uint8Array, length: number): void {
    const frame = this.frame;
    const rows = this.rows;
    const outbox = this.outbox;
    const feed = this.feed;
    const held = rows.find(frame.id);
    const showedLimits = showsLimits(rows, held);
    // PROTOCOL 5.2, step 1
    this.rounds.answered(frame.id, address, port);
    if (held >= 0) observeSender(rows, outbox, frame, held, address, port);
    if (feed !== undefined) feed.begin();
    let hasSummary = false;
    frame.rewind();
    while (frame.nextSection()) {
      hasSummary = hasSummary || frame.isSummary();
      // PROTOCOL 5.2, steps 2 to 6
      if (frame.section === SECTION_WANT) sendWanted(rows, outbox, frame);
      else if (frame.section === SECTION_ROWS) this.mergeRows(address, port, bytes);
      else if (frame.section === SECTION_DIGEST) compareDigest(rows, outbox, frame, this.row, this.own);
      else if (frame.section === SECTION_RANGE_FINGERPRINTS) compareRanges(rows, outbox, frame);
      else if (frame.section === SECTION_ROW_FINGERPRINTS) compareRows(rows, outbox, frame);
      // PROTOCOL 6.2
      else if (frame.section === SECTION_PING_REQ) this.rounds.handlePingReq(frame, address, port);
      else if (frame.section === SECTION_INDIRECT_ACK) this.rounds.handleIndirectAck(frame);
      // PROTOCOL 10.3
      else if (feed !== undefined && frame.isOfEvents()) {
        const forkSlot = feed.handleSection(frame);
        if (forkSlot >= 0) this.faults.report(NOTIFY_FORK, forkSlot);
      }
    }
    if (feed !== undefined) this.settleFeeds(feed);
    if (this.replayGuard !== undefined) this.replayGuard.admitSender(frame);
    // PROTOCOL 5.2, step 7
    if (frame.type === TYPE_SYN || frame.type === TYPE_ACK) wantSender(rows, outbox, frame);
    if (exchangeLimits(rows, this.faults, frame, feed, showedLimits)) outbox.sendLimits();
    const slot = senderAt(rows, frame, address, port);
    // PROTOCOL 5.4: an answer proves the address of a sender that was new. Step 1 proves the address of a known one.
    if (slot >= 0 && held < 0 && frame.isAnswer()) rows.setFlag(slot, FLAG_PROVEN);
    if (frame.type === TYPE_SYN) this.answerSyn(slot, address, port, 0, length);
    else if (frame.type !== TYPE_LEAVE) this.continueExchange(slot, address, port, hasSummary, length);
  }

  /** PROTOCOL 5.2, step 3: merges each row of a ROWS section. */
  private mergeRows(address: number, port: number, bytes: Uint8Array): void {
    const row = this.row;
    while (this.frame.more()) {
      this.frame.readRow(row);
      // PROTOCOL 3.1: the sender's own row may leave its address to the datagram.
      if (row.address === 0) {
        row.address = address;
        row.port = port;
      }
      if (row.id === this.rows.id(OWN_SLOT)) {
        // PROTOCOL 5.5
        answerClaim(this.rows, this.outbox, this.own, row);
        this.own.observeAddress(row);
      } else {
        this.mergeRow(row, bytes);
      }
      if (this.feed !== undefined) this.feed.noteClaim(row);
    }
  }

  /** PROTOCOL 5.2, step 3: merges another node's row, whose value is in `bytes`. Public for a bridge (PROTOCOL 9.2). */
  mergeRow(row: RowData, bytes: Uint8Array): void {
    const rows = this.rows;
    const held = rows.find(row.id);
    const stateBefore = held < 0 ? -1 : rows.state(held);
    const isNewOrMoved = held < 0 || rows.address(held) !== row.address || rows.port(held) !== row.port;
    row.state = this.suspicion.believed(held, row);
    const merged = rows.merge(row, bytes);
    noteValue(rows, this.stats, row, merged);
    if (merged === MERGED_FRESHER || merged === MERGED_STATE) {
      this.rowMerged(row, stateBefore, merged === MERGED_FRESHER, isNewOrMoved);
    } else if (merged === MERGE_TABLE_FULL) {
      this.stats.countDrop(DROP_TABLE_FULL);
      this.faults.report(NOTIFY_TABLE_FULL, held);
    } else if (rows.compare(held, row) > 0) {
      // The row held is fresher. If both are equal, one transmit fewer is left.
      this.outbox.send(held);
    } else if (this.feed === undefined || this.feed.agrees(held)) {
      rows.countTransmit(held);
    }
  }

  /** A merged row becomes an update. Its address becomes a seed if the node is new or has moved. */
  private rowMerged(row: RowData, stateBefore: number, isFresher: boolean, isNewOrMoved: boolean): void {
    const rows = this.rows;
    const slot = rows.find(row.id);
    // PROTOCOL 6.3: states other than UP, and statements that refute them, are urgent.
    if (stateBefore >= SUSPECT || row.state !== UP) rows.markUrgentUpdate(slot);
    else rows.markUpdate(slot);
    if (isFresher) rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
    if (isFresher && row.isForeign) {
      this.suspicion.renewForeign(slot);
    } else if (isFresher && isNewOrMoved) {
      this.seeds.learn(row.address, row.port, this.random);
      this.rounds.moved(row.id);
    }
    // A suspicion of a fresher statement is another suspicion: its time begins now.
    if (row.state !== stateBefore || (isFresher && row.state !== UP)) this.suspicion.stateChanged(slot);
  }

  /** PROTOCOL 10.4: settles each feed that the frame's rows show. */
  private settleFeeds(feed: FeedProtocol): void {
    for (let slot = 0; feed.hasClaims && slot < this.rows.capacity; slot++) {
      const decision = feed.settle(this.frame, slot);
      if ((decision & SETTLE_FORK) !== 0) this.faults.report(NOTIFY_FORK, slot);
      if ((decision & SETTLE_SEND) !== 0) this.outbox.send(slot);
    }
    feed.end(this.frame);
  }

  /** PROTOCOL 5.2: a SYN is always answered by an ACK, within the bounds of 5.4. @param slot from `senderAt` */
  private answerSyn(slot: number, address: number, port: number, flags: number, length: number): void {
    const frame = this.frame;
    const isBroadcast = (frame.flags & FLAG_BROADCAST) !== 0;
    if (isBroadcast && this.random.below(this.rows.count) >= BROADCAST_ANSWERS) return;
    const isProven = this.prepareAnswer(slot, length);
    if (isProven && !this.rounds.mayAnswerInFull(slot)) this.outbox.limitAnswer(AMPLIFICATION_MAX * length);
    this.outbox.addAnswer(TYPE_ACK, address, port, flags, !isInSync(this.rows, frame), frame.counter);
  }

  /** PROTOCOL 5.2: an ACK or a DIFF is answered by a DIFF, if there is something to send or to want. */
  private continueExchange(slot: number, address: number, port: number, hasSummary: boolean, length: number): void {
    const frame = this.frame;
    this.prepareAnswer(slot, length);
    if (!this.rounds.mayContinue()) return;
    const mayGoOn = this.feed === undefined || this.feed.mayGoOn();
    const withSummary = !isInSync(this.rows, frame) && isSummaryDue(this.outbox, frame, hasSummary, mayGoOn);
    const isChallenge = (frame.flags & FLAG_CHALLENGE) !== 0;
    if (!withSummary && !isChallenge && !this.outbox.hasAnswer()) return;
    this.outbox.addAnswer(TYPE_DIFF, address, port, 0, withSummary, frame.counter);
  }

  /** PROTOCOL 5.4: limits the answer to an address that is not proven. Returns whether the address is proven. */
  private prepareAnswer(slot: number, length: number): boolean {
    const isProven = slot >= 0 && this.rows.hasFlag(slot, FLAG_PROVEN);
    if (!isProven) this.outbox.limitAnswer(AMPLIFICATION_MAX * length);
    if (this.feed !== undefined && this.frame.feedsHash !== NO_FEEDS) this.outbox.fingerprintFeeds();
    return isProven;
  }
}
