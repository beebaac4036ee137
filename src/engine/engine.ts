import { ASK_WORDS } from "./asks.js";
import { Clock, earlier } from "./clock.js";
import {
  DROP_ECHO, DROP_ID_CONFLICT, DROP_MAGIC, DROP_NONE, DROP_STALE, DROP_TABLE_FULL, DROP_UNASKED, DROP_VALUE_TOO_LARGE,
} from "./drops.js";
import { EVENT_ID_CONFLICT, EVENT_TABLE_FULL, type EngineEvent, takeChange } from "./events.js";
import { FrameReader } from "./frame-reader.js";
import { FLAG_BROADCAST, SECTION_BUCKETS, SECTION_DIGEST, SECTION_ROWS, SECTION_WANT, TYPE_ACK, TYPE_DIFF, TYPE_SYN,
  bucketFrom, bucketTo } from "./frame.js";
import { keyOf } from "./hash.js";
import type { NodeEngine } from "./node-engine.js";
import type { EngineOptions } from "./options.js";
import { type Datagram, Outbox, outboxWords } from "./outbox.js";
import { Random } from "./random.js";
import { type NodeParts, Rounds } from "./rounds.js";
import {
  FLAG_UPDATED, MERGED_FRESHER, MERGED_NOTHING, MERGE_TABLE_FULL, OWN_SLOT, RowData, Rows,
  compareFreshness,
} from "./rows.js";
import { SEED_WORDS, Seeds } from "./seeds.js";
import { REMOVE, SUSPECT, UP } from "./states.js";
import { STATS_WORDS, Stats } from "./stats.js";
import { Suspicion } from "./suspicion.js";
import { WordPool } from "./word-pool.js";

/** Every so many rounds a node says that its row still stands, so that rows age even in a quiet network. */
const KEEPALIVE_ROUNDS = 64;
/** A tick that is this much later than an eighth of a round means that the node itself stood still. */
const LATE_MS = 200;
/** Nodes that answer one broadcast, on average. */
const BROADCAST_ANSWERS = 4;
/** Revisions that a node takes on, in one start, because others knew of a later one than it did. */
const RECOVERIES_MAX = 8;
/** A claim beyond this is not followed, so that thousands of starts are always left. */
const RECOVERED_MAX = 0xfffeffff;
/** Heartbeats from which a node starts whose revision may have been used before. */
const HEARTBEAT_BASES = 1024;
/** An echo is of one of the last few frames. */
const ECHO_FRAMES = 8;
/** The brace that a datagram in ESPGossip's dialect begins with. */
const JSON_START = 0x7b;
const ERROR_ID_CONFLICT = 1;
const ERROR_TABLE_FULL = 2;

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
export class Engine implements NodeEngine, NodeParts {
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
  private readonly rounds: Rounds;
  private readonly frame = new FrameReader();
  private readonly row = new RowData();

  private started = false;
  private keepaliveDeadline = 0;
  private recoveries = 0;
  private heartbeatBase = 0;
  /** Bits of the errors that occurred, and of those that the application was told of. */
  private errors = 0;
  private errorsTold = 0;
  private eventSlot = 0;

  constructor(options: EngineOptions) {
    this.roundIntervalMs = options.roundIntervalMs;
    const seedWords = options.seedCapacity * SEED_WORDS;
    const pool = new WordPool(STATS_WORDS + seedWords + ASK_WORDS + outboxWords(options.datagramBytesMax));
    this.rows = new Rows(options.capacity, options.valueBytesMax);
    this.stats = new Stats(pool);
    this.seeds = new Seeds(options, pool);
    this.random = new Random(options.randomSeed, options.id);
    this.suspicion = new Suspicion(this, options.removeAfterMs);
    this.outbox = new Outbox(this.rows, options.datagramBytesMax, pool);
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
    this.keepaliveDeadline = this.roundIntervalMs * KEEPALIVE_ROUNDS;
    if (!isRemembered) this.heartbeatBase = this.random.below(HEARTBEAT_BASES);
    this.rows.setStatement(OWN_SLOT, revision, this.uptimeSeconds(), UP);
    this.rows.markUrgentNews(OWN_SLOT);
    this.rounds.start();
  }

  /** A datagram came. `bytes` are only looked at during the call. */
  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    this.begin(nowMs);
    this.stats.countReceived(length);
    const malformed = this.frame.open(bytes, length, this.row);
    const refused = malformed !== DROP_NONE ? malformed : this.refuses(address, port);
    if (refused === DROP_NONE) this.exchange(address, port, bytes);
    else this.refuse(refused, address, port, bytes[0]);
    // Lets go of the datagram, which on a board is worth having back before the next one comes.
    this.frame.reset(this.rows.valueBytes(), 0, 0);
  }

  /** The deadline passed. */
  tick(nowMs: number): void {
    this.begin(nowMs);
    this.suspicion.expire();
    if (this.clock.isDue(this.keepaliveDeadline)) this.speak();
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
    this.speak();
    if (address !== 0) this.outbox.addSyn(address, port, 0, OWN_SLOT);
    this.rounds.spreadSoon();
  }

  /** Takes on a higher revision, already stored. A lower one is ignored. */
  setRevision(nowMs: number, revision: number): void {
    this.begin(nowMs);
    if (revision <= this.revision()) return;
    this.rows.setStatement(OWN_SLOT, revision, this.uptimeSeconds(), UP);
    this.rows.markUrgentNews(OWN_SLOT);
  }

  /** The node's own revision. Where an input made it grow, store it before anything is sent. */
  revision(): number {
    return this.rows.revision(OWN_SLOT);
  }

  /** Writes the next datagram to send into `out`; false when there is none. */
  pollTransmit(out: Datagram): boolean {
    if (!this.outbox.take(out)) return false;
    this.stats.countSent(out.length);
    return true;
  }

  /** The next thing to tell the application; false when there is none. */
  pollEvent(out: EngineEvent): boolean {
    out.slot = OWN_SLOT;
    const untold = this.errors & ~this.errorsTold;
    if (untold === 0) return this.pollRowEvent(out);
    const conflict = (untold & ERROR_ID_CONFLICT) !== 0;
    this.errorsTold |= conflict ? ERROR_ID_CONFLICT : ERROR_TABLE_FULL;
    out.kind = conflict ? EVENT_ID_CONFLICT : EVENT_TABLE_FULL;
    return true;
  }

  /** When `tick` is due, in the caller's time. */
  nextDeadline(): number {
    return this.clock.toCaller(this.deadline());
  }

  /** @internal For `Suspicion`. */
  ask(slot: number): boolean {
    return this.rounds.ask(slot);
  }

  private pollRowEvent(out: EngineEvent): boolean {
    const told = takeChange(this.rows, this.eventSlot, out);
    this.eventSlot = out.slot;
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
    this.eventSlot = 0;
    const lateMs = (this.clock.nowMs - expected) | 0;
    if (lateMs > (this.roundIntervalMs >>> 3) + LATE_MS) {
      this.rounds.postpone(lateMs);
      this.suspicion.postpone(lateMs);
    }
  }

  private deadline(): number {
    return earlier(earlier(this.rounds.nextDeadline(), this.suspicion.nextDeadline()), this.keepaliveDeadline);
  }

  /** Counts a drop. To a node that speaks JSON any datagram is a sign of life, and silence is none. */
  private refuse(reason: number, address: number, port: number, first: number): void {
    this.stats.countDrop(reason);
    if (reason === DROP_MAGIC && first === JSON_START) this.outbox.addSign(address, port);
  }

  /** Checks of a well-formed frame against what this node knows. Returns a drop reason. */
  private refuses(address: number, port: number): number {
    const frame = this.frame;
    if (frame.id === this.rows.id(OWN_SLOT)) {
      const own = address === this.rows.address(OWN_SLOT) && port === this.rows.port(OWN_SLOT);
      const framesAgo = this.outbox.counter - frame.counter;
      const recent = frame.revision === this.revision() && framesAgo >= 0 && framesAgo < ECHO_FRAMES;
      const echo = own || recent;
      if (!echo) this.report(ERROR_ID_CONFLICT);
      return echo ? DROP_ECHO : DROP_ID_CONFLICT;
    }
    const slot = this.rows.find(frame.id);
    if (slot >= 0 && frame.revision < this.rows.revision(slot)) {
      this.correctStale(slot, address, port);
      return DROP_STALE;
    }
    const unasked = frame.inReplyTo === 0 || frame.inReplyTo > this.outbox.counter;
    return frame.type !== TYPE_SYN && unasked ? DROP_UNASKED : DROP_NONE;
  }

  /** A node whose storage was wiped starts over at a low revision; its own row as held here tells it. */
  private correctStale(slot: number, address: number, port: number): void {
    if (this.frame.type !== TYPE_SYN) return;
    this.outbox.send(slot);
    this.outbox.addAnswer(TYPE_ACK, address, port, false, this.frame.counter);
  }

  /** Takes in a frame and answers with the diff. */
  private exchange(address: number, port: number, bytes: Uint8Array): void {
    const frame = this.frame;
    this.rounds.answered(frame.id, address, port);
    this.meet(address, port);
    frame.rewind();
    while (frame.nextSection()) {
      if (frame.section === SECTION_WANT) this.takeWants();
      else if (frame.section === SECTION_ROWS) this.takeRows(address, port, bytes);
      else if (frame.section === SECTION_DIGEST) this.takeDigest();
      else if (frame.section === SECTION_BUCKETS) this.takeBuckets();
    }
    this.wantSender();
    this.answer(address, port);
  }

  /** The sender is there: its address is the one that works, and what is said against it, it should hear. */
  private meet(address: number, port: number): void {
    const rows = this.rows;
    const slot = rows.find(this.frame.id);
    if (slot < 0) return;
    const current = rows.revision(slot) === this.frame.revision && rows.heartbeat(slot) === this.frame.heartbeat;
    if (current) rows.setAddress(slot, address, port);
    if (rows.state(slot) >= SUSPECT) this.outbox.send(slot);
  }

  private takeWants(): void {
    while (this.frame.more()) {
      const slot = this.rows.find(this.frame.readWant());
      if (slot >= 0) this.outbox.send(slot);
    }
  }

  private takeRows(address: number, port: number, bytes: Uint8Array): void {
    const row = this.row;
    while (this.frame.more()) {
      this.frame.readRow(row);
      if (row.address === 0) {
        row.address = address;
        row.port = port;
      }
      if (row.id === this.rows.id(OWN_SLOT)) this.hearOfSelf(row);
      else this.takeRow(row, bytes);
    }
  }

  /** @internal Merges a statement about another node; its value lies in `bytes`. */
  takeRow(row: RowData, bytes: Uint8Array): void {
    const rows = this.rows;
    const held = rows.find(row.id);
    const stateBefore = held < 0 ? -1 : rows.state(held);
    const merged = rows.merge(row, bytes);
    if (merged > MERGED_FRESHER) {
      this.stats.countDrop(merged === MERGE_TABLE_FULL ? DROP_TABLE_FULL : DROP_VALUE_TOO_LARGE);
      if (merged === MERGE_TABLE_FULL) this.report(ERROR_TABLE_FULL);
    } else if (merged !== MERGED_NOTHING) {
      const slot = rows.find(row.id);
      if (stateBefore >= SUSPECT || row.state !== UP) rows.markUrgentNews(slot);
      else rows.markNews(slot);
      if (merged === MERGED_FRESHER) {
        rows.noteChange(slot, FLAG_UPDATED);
        if (row.isForeign) this.suspicion.foreignerSpoke(slot);
        else this.seeds.learn(row.address, row.port, this.random);
      }
      if (row.state !== stateBefore) this.suspicion.stateChanged(slot);
    } else if (rows.compare(held, row) > 0) {
      // The sender is behind on this one: what it lacks goes back at once.
      this.outbox.send(held);
    } else {
      rows.countNewsSend(held);
    }
  }

  /** Walks the sender's digest and the rows in the same range, both in the order of keys. */
  private takeDigest(): void {
    const frame = this.frame;
    const rows = this.rows;
    const row = this.row;
    let place = rows.placeOf(frame.digestFrom);
    while (frame.more()) {
      frame.readDigestEntry(row);
      place = this.sendRowsBelow(place, keyOf(row.id));
      if (row.id === rows.id(OWN_SLOT)) this.hearOfSelf(row);
      else this.compareEntry(row);
      if (place < rows.count && rows.id(rows.slotAt(place)) === row.id) place++;
    }
    this.sendRowsBelow(place, frame.digestTo + 1);
  }

  /** Sends the rows from a place on, which the sender's digest does not list, up to but without `key`. */
  private sendRowsBelow(from: number, key: number): number {
    const rows = this.rows;
    let place = from;
    for (; place < rows.count && rows.keyAt(place) < key; place++) {
      const slot = rows.slotAt(place);
      if (rows.state(slot) !== REMOVE) this.outbox.send(slot);
    }
    return place;
  }

  /** Where the sender's fingerprints differ, it gets a digest. */
  private takeBuckets(): void {
    const frame = this.frame;
    const log = frame.bucketsLog;
    this.outbox.beginMarks(log);
    for (let bucket = 0; bucket < 1 << log; bucket++) {
      const own = this.rows.fingerprint(bucketFrom(bucket, log), bucketTo(bucket, log), frame.counter);
      if (own !== frame.readFingerprint()) this.outbox.mark(bucket);
    }
  }

  private compareEntry(row: RowData): void {
    const slot = this.rows.find(row.id);
    const order = slot < 0 ? -1 : this.rows.compare(slot, row);
    if (order > 0) this.outbox.send(slot);
    else if (order === 0) this.rows.countNewsSend(slot);
    else if (slot >= 0 || this.rows.hasPlace()) this.outbox.want(row.id);
  }

  /** The head of each frame tells how fresh its sender's own row is. */
  private wantSender(): void {
    const frame = this.frame;
    if (frame.type === TYPE_DIFF) return;
    const slot = this.rows.find(frame.id);
    const order = slot < 0 ? -1 : compareFreshness(
      this.rows.revision(slot), this.rows.heartbeat(slot), UP, frame.revision, frame.heartbeat, UP,
    );
    if (order < 0 && (slot >= 0 || this.rows.hasPlace())) this.outbox.want(frame.id);
  }

  private answer(address: number, port: number): void {
    const frame = this.frame;
    if (frame.type === TYPE_SYN) {
      if ((frame.flags & FLAG_BROADCAST) !== 0 && this.random.below(this.rows.count) >= BROADCAST_ANSWERS) return;
      const inSync = this.rows.root.equals(frame.rootFirst, frame.rootSecond);
      this.outbox.addAnswer(TYPE_ACK, address, port, !inSync, frame.counter);
    } else if (this.outbox.hasAnswer()) {
      this.outbox.addAnswer(TYPE_DIFF, address, port, false, frame.counter);
    }
  }

  /**
   * Others speak of this node. A statement that it never made is from an earlier
   * start that its storage does not remember: it goes beyond it. A state other
   * than UP is refuted by a higher heartbeat.
   */
  private hearOfSelf(row: RowData): void {
    const own = compareFreshness(
      this.revision(), this.rows.heartbeat(OWN_SLOT), UP, row.revision, row.heartbeat, UP,
    );
    if (own < 0) this.recover(row.revision);
    else if (own === 0 && row.state !== UP) this.speak();
    if (this.rows.compare(OWN_SLOT, row) > 0) this.outbox.send(OWN_SLOT);
  }

  private recover(revision: number): void {
    if (revision > RECOVERED_MAX || this.recoveries === RECOVERIES_MAX) {
      this.report(ERROR_ID_CONFLICT);
      return;
    }
    this.recoveries++;
    this.heartbeatBase = this.random.below(HEARTBEAT_BASES);
    this.rows.setStatement(OWN_SLOT, revision + 1, this.uptimeSeconds(), UP);
    this.rows.markUrgentNews(OWN_SLOT);
  }

  /** Makes a new statement: the same row under a higher heartbeat. */
  private speak(): void {
    const uptime = this.uptimeSeconds();
    const heartbeat = this.rows.heartbeat(OWN_SLOT);
    const next = uptime > heartbeat ? uptime : heartbeat + 1;
    this.rows.setStatement(OWN_SLOT, this.revision(), next, UP);
    this.keepaliveDeadline = this.clock.nowMs + this.roundIntervalMs * KEEPALIVE_ROUNDS;
    this.rows.markUrgentNews(OWN_SLOT);
  }

  private uptimeSeconds(): number {
    return (this.clock.uptimeSeconds + this.heartbeatBase) >>> 0;
  }

  /** Has an error told to the application, once. */
  private report(error: number): void {
    this.errors |= error;
  }
}
