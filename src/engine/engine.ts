import { Clock, earlier } from "./clock.js";
import type { EncodedEvent } from "./feed/event.js";
import type { FeedProtocol } from "./feed/feed-protocol.js";
import { exchangeLimits, isOfNetwork, noteValue, reviewNetwork } from "./limits.js";
import { believedState, expireStates, probeAccused, suspectSilent } from "./membership/expiry.js";
import { Rounds } from "./membership/rounds.js";
import { SEED_WORDS, type Seeds } from "./membership/seeds.js";
import { noteStatement } from "./membership/routes.js";
import { Suspicion } from "./membership/suspicion.js";
import type { MessageProtocol } from "./message/message-protocol.js";
import type { NodeEngine } from "./node-engine.js";
import { NOTIFY_TABLE_FULL, type Notification, nextNotification, reportFault } from "./notifications.js";
import type { EngineOptions } from "./options.js";
import {
  answerClaim, compareSection, isInSync, isSummaryDue, isSynInSync, meetSender, notePeerHolds, observeSender,
  placeRow, senderAt, wantSender,
} from "./reconcile/differences.js";
import { showsLimits } from "./reconcile/opening.js";
import { type Datagram, Outbox, outboxWords } from "./reconcile/outbox.js";
import { AMPLIFICATION_MAX, answerJson, answerRefused, answersBroadcast } from "./reconcile/refusals.js";
import { answerWaking } from "./reconcile/waking.js";
import { reportRefusal } from "./report-refusal.js";
import { beginFeeds, handleFeedSection, settleFeeds } from "./settle-feeds.js";
import type { Sleeper } from "./sleep/sleeper.js";
import { Stats, countDrop, countReceived, countSent, countUnsure } from "./stats.js";
import { EARLIEST_DEADLINE, KEEPALIVE_DEADLINE } from "./table/node-words.js";
import { nextRandom, randomBelow, seedRandom } from "./table/random.js";
import { type OwnRow, insertOwnRow } from "./table/own-row.js";
import {
  FLAG_NOTIFY_UPDATE, FLAG_PROVEN, MERGED_FRESHER, MERGED_STATE, MERGE_TABLE_FULL, OWN_SLOT, RowData, Rows,
} from "./table/rows.js";
import { LEFT, UP } from "./table/states.js";
import { checkFrame, parseFrame } from "./wire/admission.js";
import { locateSender } from "./wire/advertised.js";
import { DROP_NETWORK, DROP_NONE, DROP_TABLE_FULL, DROP_UNTRUSTED } from "./wire/drops.js";
import {
  FLAG_ADVERTISED, FLAG_BROADCAST, FLAG_CHALLENGE, NO_NETWORK, SECTION_INDIRECT_ACK, SECTION_MESSAGE, SECTION_PING_REQ,
  SECTION_ROWS, TYPE_ACK, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN,
} from "./wire/frame.js";
import { FrameReader, NO_FEEDS, NO_LIMITS } from "./wire/frame-reader.js";
import { ReplayGuard } from "./wire/replay-guard.js";
import { WordPool } from "./word-pool.js";

/** A tick later than an eighth of a round and this shows that the node itself stood still. */
const LATE_MS = 200;
/** The first counter of a start is random below this. An attacker that has not seen it cannot answer it. */
const FIRST_COUNTERS = 0x8000000;

/**
 * One node of a gossip network, without sockets, a clock or a source of random numbers: the caller passes datagrams,
 * times and a seed.
 *
 * The contract: one input (any method that takes `nowMs`), then `pollNotification` and `pollTransmit` until they return
 * false, then the next input. `tick` is due at `nextDeadline`. Equal inputs give equal outputs, byte for byte, on every
 * JavaScript engine. No method throws, and nothing is allocated after the constructor. Times are uint32 milliseconds of
 * any clock that does not run backwards for long.
 *
 * All control flow is here. The methods follow PROTOCOL.md, sections 5 and 6; the parts make decisions or hold data.
 */
export class Engine implements NodeEngine {
  readonly rows: Rows;
  /** The event feeds, the messages and the sleep: undefined in a node without them. */
  declare readonly feed: FeedProtocol | undefined;
  declare readonly messages: MessageProtocol | undefined;
  declare readonly sleeper: Sleeper | undefined;
  private readonly suspicion: Suspicion;
  private readonly rounds: Rounds;
  private readonly outbox: Outbox;
  private declare readonly replayGuard: ReplayGuard | undefined;
  private readonly frame = new FrameReader();
  /** The row that is being read. */
  private readonly row = new RowData();
  private started = false;

  constructor(options: EngineOptions) {
    const words = options.seedCapacity * SEED_WORDS + outboxWords(options.datagramBytesMax, options.capacity);
    const rows = new Rows(options.capacity, options.valueBytesMax, options.trustedSubnets, options.media, words);
    const pool = new WordPool(words, rows.words);
    const clock = new Clock(options.roundIntervalMs);
    seedRandom(rows.words, options.randomSeed, options.id);
    this.rows = rows;
    const suspicion = new Suspicion(rows, clock, options.removeAfterMs);
    this.suspicion = suspicion;
    // What is missing is not set: on XS an undefined property takes 16 bytes.
    if (options.sealer !== undefined) this.replayGuard = new ReplayGuard(options.sealer, rows);
    if (options.feeds !== undefined) {
      this.feed = options.feeds(rows, clock, this.frame, suspicion);
      this.frame.events = this.feed;
    }
    this.outbox = new Outbox(
      rows, options.datagramBytesMax, this.replayGuard, pool, this.feed, options.network, options.burstMax,
    );
    if (options.links !== undefined) this.outbox.links = options.links.bind(rows, clock);
    this.frame.network = options.network ?? NO_NETWORK;
    const most = options.neighboursMax ?? options.capacity;
    this.rounds = new Rounds(rows, this.outbox, most);
    this.rounds.allocSeeds(options.seedCapacity, options.address, options.port, options.broadcastAddress, pool);
    if (options.messages !== undefined) {
      this.messages = options.messages(rows, clock, this.rounds, this.outbox, options.sealer);
      this.outbox.messages = this.messages;
    }
    if (options.sleeper !== undefined) {
      this.sleeper = options.sleeper(rows, clock, suspicion, this.rounds, this.outbox);
    }
    const advertised = options.advertisedAddress;
    const port = options.advertisedPort ?? options.port;
    insertOwnRow(rows, this.row, options.id, advertised ?? options.address, port, advertised !== undefined);
  }

  // What another part refers to is no property: it would take 16 bytes of a board's RAM.
  get seeds(): Seeds { return this.rounds; }
  get stats(): Stats { return new Stats(this.rows.words); }
  private get own(): OwnRow { return this.suspicion; }
  private get clock(): Clock { return this.rows.clock as Clock; }

  addSeed(address: number, port: number): void {
    if (address === 0 || address !== this.rows.address(OWN_SLOT) || port !== this.rows.port(OWN_SLOT)) {
      this.rounds.pin(address, port);
    }
  }
  setSeed(place: number, address: number): void { this.rounds.setPinned(place, address); }
  /**
   * Starts the node's rounds.
   *
   * @param revision uint32, one more than at the last start. The caller has stored it
   * @param isRemembered whether there was a stored revision. If not, the node may have used this revision before. Its
   * heartbeat then starts at random below 1,024: it is fresher than the former life, or peers show the former life
   */
  start(nowMs: number, revision: number, isRemembered: boolean): void {
    this.started = true;
    this.clock.start(nowMs);
    this.own.start(revision, isRemembered);
    if (this.feed !== undefined) {
      this.feed.hlc.start(revision);
      this.feed.startOwn(isRemembered);
    }
    this.outbox.count(randomBelow(this.rows.words, FIRST_COUNTERS));
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
    countReceived(this.rows.words, length);
    const frame = this.frame;
    const reason = !this.rows.trusts(address) ? DROP_UNTRUSTED
      : parseFrame(frame, this.replayGuard, bytes, length, this.row, this.rows.id(OWN_SLOT));
    if (reason !== DROP_NONE) this.refuse(reason, address, port, bytes, length);
    else if ((frame.flags & FLAG_ADVERTISED) === 0) this.receiveFrame(address, port, bytes, length);
    else {
      locateSender(frame, this.rows, this.row, address, port);
      this.receiveFrame(this.row.address, this.row.port, bytes, length);
    }
    // Drop the reference so that a board can free the datagram before the next arrives.
    frame.bytes = this.rows.valueBytes();
  }

  private receiveFrame(address: number, port: number, bytes: Uint8Array, length: number): void {
    const frame = this.frame;
    // Searches cost much on a board: the slot is handed on, and searched again only where rows may have been merged.
    const held = this.rows.find(frame.id);
    const reason = checkFrame(frame, this.replayGuard, this.rows, held, this.outbox.counter, address, port);
    const isOurs = frame.network === NO_NETWORK || isOfNetwork(this.rows, frame);
    if (reason !== DROP_NONE) this.refuse(reason, address, port, bytes, length);
    else if (isOurs) this.exchange(held, address, port, bytes, length);
    else this.showLimits(address, port, length);
  }

  /** The deadline passed. */
  tick(nowMs: number): void {
    this.begin(nowMs);
    if (this.sleeper !== undefined && this.sleeper.tick(this.messages)) return;
    expireStates(this.rows, this.suspicion, this.rounds);
    const asked = this.feed === undefined ? -1 : this.feed.tick();
    // PROTOCOL 10.6: the author of a feed is probed for its consent.
    if (asked >= 0) this.rounds.probe(asked);
    // PROTOCOL 6.4: a node that made no statement for long announces itself. Spreads are of 6.4, too, rounds of 6.1.
    if (this.clock.isDue(this.own.keepaliveDeadline)) this.own.endRest();
    suspectSilent(this.rows, this.suspicion, this.rounds);
    if (this.rounds.isSpreadDue()) this.rounds.spread();
    if (this.rounds.isRoundDue()) {
      if (this.replayGuard !== undefined) this.replayGuard.countRound();
      this.rounds.round();
      reviewNetwork(this.rows);
    }
    // Last, so that they do not take the place of probes.
    if (this.messages !== undefined) this.messages.tick();
  }

  /**
   * Shares a value of `length` bytes: one item of deterministic CBOR, or name and value (PROTOCOL 4.6), at most
   * `valueBytesMax`; 0 withdraws both. The node sends it to `address` (0: no certain address) and to 3 live nodes at
   * once (PROTOCOL 6.4). Before the start, and while the node sleeps, it only stands in the own row.
   */
  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void {
    this.rows.setValue(OWN_SLOT, bytes, 0, length);
    if (!this.started) return;
    this.begin(nowMs);
    this.own.announce(UP);
    if (address !== 0) this.outbox.addSyn(address, port, 0, OWN_SLOT);
    if (this.rounds.requestSpread()) this.rounds.spread();
  }

  /** Appends an event that `feed.stampEvent` stamped to the node's feed, and spreads it at once. After the start. */
  publishEvent(nowMs: number, event: EncodedEvent): void {
    this.begin(nowMs);
    if (this.feed !== undefined) this.feed.publish(event);
    if (this.rounds.requestSpread()) this.rounds.spread();
  }

  /** Adopts a higher revision, which the caller has stored. A lower one is ignored. */
  setRevision(nowMs: number, revision: number): void {
    this.begin(nowMs);
    if (revision > this.revision()) this.own.adopt(revision);
  }

  /** PROTOCOL 4.2: removes the row of a node that is DOWN or LEFT here and, with 3 live nodes at once, everywhere. */
  forget(nowMs: number, slot: number): boolean {
    this.begin(nowMs);
    this.suspicion.advance(slot);
    if (this.rounds.requestSpread()) this.rounds.spread();
    return true;
  }

  /** PROTOCOL 6.8: says that this node sleeps, 1 to SLEEP_SECONDS_MAX seconds from now, and exchanges; 0: it wakes. */
  sleep(nowMs: number, seconds: number): void {
    this.begin(nowMs);
    if (this.sleeper !== undefined) this.sleeper.sleep(seconds, this.messages);
  }

  /** The node's own revision. If an input raised it, the caller must store it before it sends anything. */
  revision(): number { return this.own.revision(); }
  /** Writes the next datagram to send into `out`; false when there is none. */
  pollTransmit(out: Datagram): boolean {
    const isSent = this.outbox.next(out);
    if (isSent) countSent(this.rows.words, out.length);
    return isSent;
  }
  /** Writes the next notification for the application; false when there is none. */
  pollNotification(out: Notification): boolean {
    return nextNotification(this.rows, this.suspicion.isContested, this.replayGuard, out);
  }

  /** When `tick` is due, in the caller's time. */
  nextDeadline(): number {
    const next = this.deadline();
    const messages = this.sleeper !== undefined && this.sleeper.isMute ? undefined : this.messages;
    return this.clock.toCaller(messages === undefined ? next : messages.nextDeadline(next));
  }

  /** Raises the state of a row. For a bridge, which is the judge of foreign nodes (PROTOCOL 9.2). */
  raiseState(slot: number, state: number): void { this.suspicion.raise(slot, state); }
  /** Without messages: the application may have posted some long ago, as far as this node knows. */
  private deadline(): number {
    if (this.sleeper !== undefined && this.sleeper.isAsleep) return this.sleeper.deadline;
    const words = this.rows.words;
    return earlier(earlier(this.rounds.nextDeadline(), words[EARLIEST_DEADLINE]), words[KEEPALIVE_DEADLINE]);
  }

  /** Begins an input: advances the time and drops what the last input left unsent. */
  private begin(nowMs: number): void {
    const clock = this.rows.clock as Clock;
    const expected = this.deadline();
    clock.advance(nowMs);
    this.outbox.clear();
    if (this.replayGuard !== undefined) this.replayGuard.mark(clock.nowMs, this.outbox.counter);
    const lateMs = (clock.nowMs - expected) | 0;
    // PROTOCOL 4.2: this node itself stood still.
    if (lateMs > (clock.roundIntervalMs >>> 3) + LATE_MS) {
      this.rounds.postpone(lateMs);
      this.suspicion.postpone(lateMs);
    }
  }

  /** Counts a refused datagram. For some reasons its sender gets a frame all the same. */
  private refuse(reason: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    const guard = this.replayGuard;
    countDrop(this.rows.words, reason);
    reportRefusal(this.rows.words, guard, this.frame, reason, address);
    answerJson(this.rows, this.outbox, guard, reason, address, bytes, length);
    answerRefused(this.rows, this.outbox, this.frame, guard, this.suspicion, this.feed, reason, address, port, length);
  }

  /** PROTOCOL 3.4: the sender may be of another network. It gets this node's limits, with its network's whole hash. */
  private showLimits(address: number, port: number, length: number): void {
    countUnsure(this.rows.words, DROP_NETWORK);
    if (this.frame.type !== TYPE_SYN) return;
    this.outbox.withholdUpdates();
    this.outbox.sendLimits(NO_LIMITS);
    this.answerSyn(this.rows.find(this.frame.id), address, port, length);
  }

  private exchange(held: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    const frame = this.frame;
    const rows = this.rows;
    const feed = this.feed;
    const hasSections = frame.hasSections();
    const showedLimits = frame.type === TYPE_ACK && showsLimits(rows, held);
    if (this.sleeper !== undefined) this.sleeper.heard(held);
    // PROTOCOL 5.2, step 1
    if (this.replayGuard === undefined || frame.isAnswer()) this.rounds.answered(held, frame.id, address, port);
    if (held >= 0 && observeSender(rows, this.outbox, frame, held, this.replayGuard, address, port)) {
      this.rounds.learn(address, port);
      this.rounds.moved(frame.id);
    }
    if (this.outbox.links !== undefined) this.outbox.links.received(frame);
    const feedsBefore = feed === undefined ? 0 : beginFeeds(feed, rows, frame);
    const hasSummary = hasSections && this.handleSections(address, port, bytes);
    if (feed !== undefined
      && settleFeeds(feed, rows, frame, this.outbox, feedsBefore)) this.rounds.hasten();
    if (this.replayGuard !== undefined) this.replayGuard.admitSender(frame);
    const slot = hasSections ? rows.find(frame.id) : held;
    // PROTOCOL 5.2, step 7
    if (frame.type === TYPE_SYN || frame.type === TYPE_ACK) wantSender(rows, this.outbox, frame, slot);
    const mayDiffer = feed !== undefined || frame.limits !== NO_LIMITS || showsLimits(rows, slot);
    const isAsked = mayDiffer && exchangeLimits(rows, frame, feed, slot, showedLimits);
    if (isAsked) this.outbox.sendLimits(frame.limits);
    // PROTOCOL 5.4: an answer proves the address of a sender that was new. Step 1 proves the address of a known one.
    if (held < 0 && slot >= 0 && rows.isAt(slot, address, port)) meetSender(rows, slot, frame.isAnswer());
    if (frame.type === TYPE_SYN) this.answerSyn(slot, address, port, length);
    else if (frame.type !== TYPE_LEAVE) this.continueExchange(slot, address, port, hasSummary, length);
  }

  /** PROTOCOL 5.2, steps 2 to 6, 6.2 and 10.3. Returns whether the frame shows what rows its sender holds. */
  private handleSections(address: number, port: number, bytes: Uint8Array): boolean {
    const frame = this.frame;
    const rows = this.rows;
    let shown = false;
    for (frame.rewind(); frame.nextSection();) {
      if (frame.section === SECTION_ROWS) this.mergeRows(address, port, bytes);
      else if (frame.isOfRows()) shown = compareSection(rows, this.outbox, frame, this.row, this.suspicion) || shown;
      else if (frame.section === SECTION_PING_REQ) this.rounds.handlePingReq(frame, address, port);
      else if (frame.section === SECTION_INDIRECT_ACK && frame.isAnswer()) this.rounds.handleIndirectAck(frame);
      else if (this.feed !== undefined && frame.isOfEvents()) handleFeedSection(this.feed, rows, frame);
      else if (this.messages !== undefined && frame.section >= SECTION_MESSAGE) {
        this.messages.handle(frame, senderAt(rows, frame, address, port));
      }
    }
    return shown;
  }

  /** PROTOCOL 5.2, step 3: merges each row of a ROWS section. */
  private mergeRows(address: number, port: number, bytes: Uint8Array): void {
    const row = this.row;
    while (this.frame.more()) {
      this.frame.readRow(row);
      const isPlaced = row.address !== 0 || placeRow(this.rows, this.outbox, row, this.replayGuard, address, port);
      if (isPlaced && row.id === this.rows.id(OWN_SLOT)) {
        // PROTOCOL 5.5
        answerClaim(this.rows, this.outbox, this.own, row);
        if (this.replayGuard === undefined || this.frame.isAnswer()) this.own.observeAddress(row);
      } else if (isPlaced) {
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
    const isNewOrMoved = held < 0 || !rows.isAt(held, row.address, row.port);
    row.state = believedState(rows, this.suspicion, this.rounds, held, row);
    const merged = rows.merge(row, bytes);
    const slot = held >= 0 ? held : rows.find(row.id);
    noteValue(rows, row, slot, merged);
    if (merged === MERGED_FRESHER || merged === MERGED_STATE) {
      this.rowMerged(row, slot, stateBefore, merged === MERGED_FRESHER, isNewOrMoved);
    } else if (merged === MERGE_TABLE_FULL) {
      countDrop(this.rows.words, DROP_TABLE_FULL);
      if (!rows.hasPlace(row.state)) reportFault(rows.words, NOTIFY_TABLE_FULL, held);
    } else if (rows.compare(held, row) > 0) {
      // The row held is fresher. If both are equal, one transmit fewer is left.
      this.outbox.send(held);
      return;
    }
    notePeerHolds(rows, this.outbox, this.frame, this.feed, slot, row.id, merged);
  }

  /** A merged row becomes an update. Its address becomes a seed if the node is new or has moved. */
  private rowMerged(row: RowData, slot: number, stateBefore: number, isFresher: boolean, isNewOrMoved: boolean): void {
    const rows = this.rows;
    // PROTOCOL 6.3: states other than UP, and statements that refute them, are urgent.
    const isUrgent = stateBefore > UP || row.state !== UP;
    if (isUrgent) rows.markUrgentUpdate(slot);
    else rows.markUpdate(slot);
    if (isFresher) {
      rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
      noteStatement(rows, slot, rows.find(this.frame.id), stateBefore < 0);
      this.suspicion.renew(slot);
      this.rounds.hasten();
    }
    if (isFresher && isNewOrMoved && !row.isForeign) {
      this.rounds.learn(row.address, row.port);
      this.rounds.moved(row.id);
    }
    // A doubt about a fresher statement is another doubt: its time begins now.
    if (row.state !== stateBefore || (isFresher && row.state !== UP)) this.suspicion.stateChanged(slot, stateBefore);
    if (isUrgent) this.rounds.hurry();
    probeAccused(rows, this.rounds, slot);
  }

  /** PROTOCOL 5.2: a SYN is always answered by an ACK, within the bounds of 5.4. @param slot or -1 */
  private answerSyn(slot: number, address: number, port: number, length: number): void {
    const frame = this.frame;
    if ((frame.flags & FLAG_BROADCAST) !== 0 && !answersBroadcast(this.rows, nextRandom(this.rows.words))) return;
    const isOften = this.prepareAnswer(slot, address, port, length) && !this.rounds.mayAnswerInFull(slot);
    if (isOften) this.outbox.limitAnswer(AMPLIFICATION_MAX * length);
    const isOurs = frame.network === NO_NETWORK || isOfNetwork(this.rows, frame);
    const isAsleep = isOurs && slot >= 0 && this.rows.isAsleep(slot);
    const isWaking = isAsleep && answerWaking(this.rows, this.outbox, frame, slot);
    const withSummary = isOurs && !isWaking && !isSynInSync(this.rows, this.outbox, frame);
    this.outbox.addAnswer(TYPE_ACK, address, port, 0, withSummary, frame.counter, frame.id);
  }

  /** PROTOCOL 5.2: an ACK or a DIFF is answered by a DIFF, if there is something to send or to want. */
  private continueExchange(slot: number, address: number, port: number, hasSummary: boolean, length: number): void {
    const frame = this.frame;
    this.outbox.openBurst(frame, this.prepareAnswer(slot, address, port, length));
    if (!this.rounds.mayContinue()) return;
    const mayGoOn = this.feed === undefined || this.feed.mayGoOn();
    const hasAll = hasSummary || (this.sleeper !== undefined && this.sleeper.isContent(frame));
    const withSummary = !isInSync(this.rows, frame) && isSummaryDue(this.outbox, frame, hasAll, mayGoOn);
    const isAnswered = withSummary || (frame.flags & FLAG_CHALLENGE) !== 0 || this.outbox.hasAnswer();
    if (isAnswered) this.outbox.addAnswer(TYPE_DIFF, address, port, 0, withSummary, frame.counter, frame.id);
    if (this.sleeper !== undefined) this.sleeper.answered(frame, isAnswered, this.messages);
  }

  /** PROTOCOL 5.4: limits the answer to an address that is not proven. Returns whether it is. */
  private prepareAnswer(slot: number, address: number, port: number, length: number): boolean {
    const isProven = slot >= 0 && this.rows.hasFlag(slot, FLAG_PROVEN) && this.rows.isAt(slot, address, port);
    if (!isProven) this.outbox.limitAnswer(AMPLIFICATION_MAX * length);
    if (this.feed !== undefined && this.frame.feedsHash !== NO_FEEDS) this.outbox.fingerprintFeeds();
    return isProven;
  }
}
