import { Clock } from "../engine/clock.js";
import type { EncodedEvent } from "../engine/feed/event.js";
import { SEED_WORDS, Seeds } from "../engine/membership/seeds.js";
import type { NodeEngine } from "../engine/node-engine.js";
import { NOTIFY_TABLE_FULL, type Notification, nextChange, nextFault, reportFault } from "../engine/notifications.js";
import type { EngineOptions } from "../engine/options.js";
import type { Datagram } from "../engine/reconcile/outbox.js";
import { Stats, countDrop, countReceived, countSent } from "../engine/stats.js";
import { compareFreshness } from "../engine/table/freshness.js";
import { CLAIM_MAX, insertOwnRow } from "../engine/table/own-row.js";
import { randomBelow, seedRandom } from "../engine/table/random.js";
import {
  FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE, MERGED_FRESHER, MERGED_STATE, MERGE_TABLE_FULL, OWN_SLOT, RowData, Rows,
} from "../engine/table/rows.js";
import { REMOVE, SUSPECT, UP } from "../engine/table/states.js";
import { DROP_ECHO, DROP_NONE, DROP_ROW, DROP_TABLE_FULL, DROP_UNTRUSTED } from "../engine/wire/drops.js";
import { MAGIC_AND_VERSION } from "../engine/wire/frame.js";
import { WordPool } from "../engine/word-pool.js";
import type { EspGossipOptions } from "./options.js";
import { StateOutbox } from "./state-outbox.js";
import { ROW_BAD, ROW_GOOD, ROW_NONE, StateReader, TYPE_SYN } from "./state-reader.js";

/** A SYN or an ACK was applied. The rows that it changed follow as NOTIFY_UPDATE. */
export const NOTIFY_EXCHANGE = 16;
/** A datagram had a fresher statement about the node itself than its own: `claim`. */
export const NOTIFY_CLAIM = 17;

/**
 * One node in the dialect of NodeMCU's ESPGossip, which does as the reference
 * does (PROTOCOL 8): each round it sends the whole network state to a random
 * seed; any datagram sets its sender UP; each SYN adds 1 to the state of its
 * receiver. The contract is that of `Engine`. The id of a row is its IPv4
 * address. Datagrams contain no ports, so all nodes use the same one.
 */
export class EspGossipEngine implements NodeEngine {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly stats: Stats;
  /** ESPGossip has no events. */
  readonly feed = undefined;
  readonly isNameless = true;
  /** What NOTIFY_CLAIM is about. Its value is in `claimValue`. */
  readonly claim = new RowData();
  readonly claimValue: Uint8Array;
  protected readonly clock: Clock;
  protected readonly reader: StateReader;
  protected readonly outbox: StateOutbox;
  private readonly improved: EspGossipOptions;
  private readonly row = new RowData();
  private readonly value: Uint8Array;
  private started = false;
  private bootSeconds = 0;
  private roundDeadline = 0;
  private hasExchange = false;
  private hasClaim = false;

  /**
   * @param isMarked whether the node's datagrams have the mark of a node that also uses the compact dialect
   * @param stats of another engine, which then counts for both
   * @throws Error when the node's own address is unknown
   */
  constructor(options: EngineOptions, improved: EspGossipOptions, isMarked: boolean, stats?: Stats) {
    const address = options.address;
    if (address === 0) throw new Error("dialect: ESPGossip needs the node's IPv4 address, which is unknown");
    this.improved = improved;
    const seedCapacity = options.seedCapacity + options.capacity;
    const words = seedCapacity * SEED_WORDS;
    const rows = new Rows(options.capacity, options.valueBytesMax, options.trustedSubnets, undefined, words);
    this.rows = rows;
    this.stats = stats ?? new Stats(rows.words);
    const pool = new WordPool(words, rows.words);
    this.seeds = new Seeds(rows);
    this.seeds.allocSeeds(seedCapacity, address, options.port, options.broadcastAddress, pool);
    this.clock = new Clock(options.roundIntervalMs);
    seedRandom(rows.words, options.randomSeed, address);
    this.reader = new StateReader(improved.refuseNegative === true);
    this.outbox = new StateOutbox(
      this.rows, options.datagramBytesMax, isMarked, improved.wrapPlain === true, this.stats,
    );
    this.value = new Uint8Array(options.valueBytesMax);
    this.claimValue = new Uint8Array(options.valueBytesMax);
    insertOwnRow(this.rows, this.row, address, address, options.port, false);
  }

  get dialect(): "espgossip" { return "espgossip"; }

  addSeed(address: number, port: number): void {
    this.seeds.pin(address, port);
  }

  setSeed(place: number, address: number): void {
    this.seeds.setPinned(place, address);
  }

  /** Starts the rounds. The heartbeat is the device's uptime, if the caller's clock counts from its boot. */
  start(nowMs: number, revision: number, _isRemembered: boolean): void {
    this.started = true;
    this.clock.start(nowMs);
    this.bootSeconds = ((nowMs >>> 0) / 1000) >>> 0;
    this.adopt(revision);
    this.roundDeadline = this.clock.nowMs + this.clock.roundIntervalMs;
  }

  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    this.begin(nowMs);
    countReceived(this.stats.words, length);
    if (address === this.rows.id(OWN_SLOT) && port === this.rows.port(OWN_SLOT)) {
      countDrop(this.stats.words, DROP_ECHO);
      return;
    }
    if (!this.rows.trusts(address)) {
      countDrop(this.stats.words, DROP_UNTRUSTED);
      return;
    }
    const malformed = this.reader.parse(bytes, length);
    const isLife = malformed === DROP_NONE || this.improved.needDecoding !== true || isCompact(bytes, length);
    if (isLife) this.senderAlive(address);
    if (malformed === DROP_NONE) this.exchange(address);
    else countDrop(this.stats.words, malformed);
  }

  tick(nowMs: number): void {
    this.begin(nowMs);
    if (this.started && this.clock.isDue(this.roundDeadline)) this.round();
  }

  /** Shares a value and sends it at once: to `address`, or to a random seed when that is 0. */
  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void {
    this.rows.setValue(OWN_SLOT, bytes, 0, length);
    if (!this.started) return;
    this.begin(nowMs);
    if (this.improved.riseWithValue === true) this.raiseHeartbeat(this.rows.heartbeat(OWN_SLOT) + 1);
    if (address === 0) this.probeSeed();
    else this.sendSyn(address, port);
  }

  /** ESPGossip has no events: no caller has one to publish. */
  publishEvent(_nowMs: number, _event: EncodedEvent): void {
    return;
  }

  /** ESPGossip has no LEAVE: only what the last input left unsent is dropped. */
  leave(nowMs: number): void {
    this.begin(nowMs);
  }

  /** ESPGossip removes no rows. */
  forget(_nowMs: number, _slot: number): boolean {
    return false;
  }

  setRevision(nowMs: number, revision: number): void {
    this.begin(nowMs);
    if (revision > this.revision()) this.adopt(revision);
  }

  revision(): number {
    return this.rows.revision(OWN_SLOT);
  }

  pollTransmit(out: Datagram): boolean {
    if (!this.outbox.next(out)) return false;
    countSent(this.stats.words, out.length);
    return true;
  }

  pollNotification(out: Notification): boolean {
    out.slot = OWN_SLOT;
    if (this.hasExchange) {
      this.hasExchange = false;
      out.kind = NOTIFY_EXCHANGE;
      return true;
    }
    if (this.hasClaim) {
      this.hasClaim = false;
      out.kind = NOTIFY_CLAIM;
      return true;
    }
    return nextFault(this.rows.words, out) || nextChange(this.rows, out);
  }

  nextDeadline(): number {
    return this.clock.toCaller(this.roundDeadline);
  }

  /** Does a round now, before it is due: sends a SYN to a random seed. */
  round(): void {
    this.roundDeadline = this.clock.nowMs + this.clock.roundIntervalMs;
    this.probeSeed();
  }

  /** Whether the node at an address may get a SYN in this dialect. */
  protected mayProbe(address: number): boolean {
    return address !== 0 && this.rows.trusts(address);
  }

  /** A well-formed row of another node arrived. Returns whether to merge it. */
  protected rowArrived(_row: RowData): boolean {
    return true;
  }

  /** A row was merged. @param isFresher whether it is another statement of its owner, and not only a higher state */
  protected rowMerged(_slot: number, _isFresher: boolean): void {
    // Only a bridge reacts.
  }

  /** Whether a SYN to a node that is held raises its state. */
  protected maySuspect(_slot: number): boolean {
    return true;
  }

  protected uptimeSeconds(): number {
    return (this.bootSeconds + this.clock.uptimeSeconds) >>> 0;
  }

  protected setState(slot: number, state: number): void {
    const before = this.rows.state(slot);
    this.rows.setState(slot, state);
    // PROBED comes and goes with each SYN. The application is not notified of it.
    if (shown(before) !== shown(state)) this.rows.noteChange(slot, FLAG_NOTIFY_STATE);
  }

  private begin(nowMs: number): void {
    this.clock.advance(nowMs);
    this.outbox.clear();
    this.hasExchange = false;
    this.hasClaim = false;
  }

  private adopt(revision: number): void {
    this.rows.setStatement(OWN_SLOT, revision, this.uptimeSeconds(), UP);
  }

  private probeSeed(): void {
    const seeds = this.seeds;
    if (seeds.count === 0) {
      this.broadcast();
      return;
    }
    const urgent = this.mostUrgent();
    if (urgent >= 0) {
      this.sendSyn(this.rows.address(urgent), this.rows.port(urgent));
      return;
    }
    let choices = 0;
    for (let i = 0; i < seeds.count; i++) choices += this.mayProbe(seeds.address(i)) ? 1 : 0;
    if (choices === 0) {
      this.noSeedToProbe();
      return;
    }
    let left = randomBelow(this.rows.words, choices);
    let choice = 0;
    while (!this.mayProbe(seeds.address(choice)) || left-- > 0) choice++;
    this.sendSyn(seeds.address(choice), seeds.port(choice));
  }

  /** The slot of a row whose node gets the SYN before any seed; -1 for none. */
  protected mostUrgent(): number {
    return -1;
  }

  /** There are seeds, but `mayProbe` refused all of them. */
  protected noSeedToProbe(): void {
    // Only a bridge reacts.
  }

  protected broadcast(): void {
    if (this.seeds.broadcastAddress !== 0) this.sendSyn(this.seeds.broadcastAddress, this.rows.port(OWN_SLOT));
  }

  private sendSyn(address: number, port: number): void {
    this.raiseHeartbeat(this.uptimeSeconds());
    const slot = this.rows.find(address);
    this.outbox.addSyn(address, port, slot);
    if (slot < 0 || slot === OWN_SLOT || !this.maySuspect(slot)) return;
    const state = this.rows.state(slot);
    if (state < REMOVE) this.setState(slot, state + 1);
  }

  private raiseHeartbeat(heartbeat: number): void {
    if (heartbeat <= this.rows.heartbeat(OWN_SLOT)) return;
    this.rows.setStatement(OWN_SLOT, this.revision(), heartbeat, UP);
  }

  private senderAlive(address: number): void {
    const slot = this.rows.find(address);
    if (slot >= 0 && this.rows.state(slot) !== UP) this.setState(slot, UP);
  }

  /** Gossip.lua before July 2022 sends from another port than it listens on, so the answer goes to the common port. */
  private exchange(address: number): void {
    const row = this.row;
    if (this.reader.type === TYPE_SYN) {
      this.outbox.beginDiff();
      this.reader.rewind();
      for (let found = this.reader.nextRow(row); found !== ROW_NONE; found = this.reader.nextRow(row)) {
        if (found !== ROW_BAD) this.outbox.listed(row, found === ROW_GOOD);
      }
      this.outbox.endDiff(address, this.rows.port(OWN_SLOT));
    }
    this.hasExchange = true;
    this.reader.rewind();
    for (let found = this.reader.nextRow(row); found !== ROW_NONE; found = this.reader.nextRow(row)) {
      if (found === ROW_BAD) countDrop(this.stats.words, DROP_ROW);
      else if (found === ROW_GOOD) this.mergeRow(row);
    }
  }

  private mergeRow(row: RowData): void {
    const rows = this.rows;
    row.port = rows.port(OWN_SLOT);
    if (row.id === rows.id(OWN_SLOT)) {
      this.observeClaim(row);
      return;
    }
    const held = rows.find(row.id);
    if (!this.rowArrived(row) || (held >= 0 && rows.compare(held, row) >= 0)) return;
    const refused = this.reader.readData(row, this.value);
    if (refused !== DROP_NONE) {
      countDrop(this.stats.words, refused);
      return;
    }
    const stateBefore = held < 0 ? -1 : rows.state(held);
    const merged = rows.merge(row, this.value);
    if (merged === MERGE_TABLE_FULL) {
      countDrop(this.stats.words, DROP_TABLE_FULL);
      if (!rows.hasPlace(row.state)) reportFault(rows.words, NOTIFY_TABLE_FULL, OWN_SLOT);
      return;
    }
    const slot = rows.find(row.id);
    // As the reference does: of two values with one heartbeat, the one that came with the higher state.
    if (merged === MERGED_STATE) rows.setValue(slot, this.value, row.valueStart, row.valueLength);
    rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
    if (stateBefore < 0 || shown(stateBefore) !== shown(row.state)) rows.noteChange(slot, FLAG_NOTIFY_STATE);
    this.seeds.learn(row.address, row.port);
    this.rowMerged(slot, merged === MERGED_FRESHER);
  }

  /** A claim about this node is never merged. It may show a former life that the storage lost (PROTOCOL 8.4). */
  protected observeClaim(row: RowData): void {
    const rows = this.rows;
    if (rows.compare(OWN_SLOT, row) >= 0) return;
    this.hasClaim = this.reader.readData(this.claim, this.claimValue) === DROP_NONE;
    this.claim.revision = row.revision;
    this.claim.heartbeat = row.heartbeat;
    this.claim.state = row.state;
    if (this.improved.recover !== true || row.revision > CLAIM_MAX || row.heartbeat > CLAIM_MAX) return;
    const order = compareFreshness(
      this.revision(), rows.heartbeat(OWN_SLOT), UP, row.revision, row.heartbeat, UP,
    );
    if (row.revision > this.revision()) this.adopt(row.revision + 1);
    else if (order < 0 || row.state >= SUSPECT) this.raiseHeartbeat(row.heartbeat + 1);
  }
}

/** Whether a datagram looks like a compact frame: its sender is alive, in another dialect. */
export function isCompact(bytes: Uint8Array, length: number): boolean {
  return length > 0 && bytes[0] >> 4 === MAGIC_AND_VERSION >> 4;
}

/** The state of which the application is notified: a node with an unanswered SYN counts as UP. */
function shown(state: number): number {
  return state < SUSPECT ? UP : state;
}
