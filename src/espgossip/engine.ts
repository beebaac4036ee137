import { Clock } from "../engine/clock.js";
import { DROP_ECHO, DROP_NONE, DROP_ROW, DROP_TABLE_FULL } from "../engine/wire/drops.js";
import { NOTIFY_TABLE_FULL, type Notification, nextChange } from "../engine/notifications.js";
import type { EncodedEvent } from "../engine/feed/event.js";
import type { NodeEngine } from "../engine/node-engine.js";
import type { EngineOptions } from "../engine/options.js";
import type { Datagram } from "../engine/reconcile/outbox.js";
import { Random } from "../engine/random.js";
import { compareFreshness } from "../engine/table/freshness.js";
import {
  FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE, MERGED_FRESHER, MERGE_TABLE_FULL, OWN_SLOT, RowData, Rows,
} from "../engine/table/rows.js";
import { SEED_WORDS, Seeds } from "../engine/membership/seeds.js";
import { REMOVE, SUSPECT, UP } from "../engine/table/states.js";
import { STATS_WORDS, Stats } from "../engine/stats.js";
import { WordPool } from "../engine/word-pool.js";
import type { EspGossipOptions } from "./options.js";
import { StateOutbox } from "./state-outbox.js";
import { ROW_BAD, ROW_GOOD, ROW_NONE, StateReader, TYPE_SYN } from "./state-reader.js";

/** A SYN or an ACK was taken in; the rows that it brought follow as EVENT_UPDATE, if there are any. */
export const EVENT_EXCHANGE = 16;
/** It told of the node itself, under a fresher statement than its own: `claim`. */
export const EVENT_CLAIM = 17;

/** High four bits of a compact frame's first byte. */
const COMPACT_MAGIC = 0xc;
/** A claim beyond this is not followed, so that thousands of starts are always left. */
const RECOVERED_MAX = 0xfffeffff;

/**
 * One node that speaks NodeMCU's ESPGossip, as the reference does: each round
 * the whole network state goes to a random seed, any datagram says that its
 * sender is there, and each SYN adds 1 to the state of whom it goes to. The
 * contract is that of `Engine`. A row's id is its IPv4 address; ports are not
 * told, so all nodes listen on the same.
 */
export class EspGossipEngine implements NodeEngine {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly stats: Stats;
  /** ESPGossip has none. */
  readonly feed = undefined;
  readonly random: Random;
  /** What EVENT_CLAIM is about; its value lies in `claimValue`. */
  readonly claim = new RowData();
  readonly claimValue: Uint8Array;
  protected readonly clock = new Clock();
  protected readonly reader: StateReader;
  protected readonly outbox: StateOutbox;
  protected readonly roundIntervalMs: number;
  private readonly improved: EspGossipOptions;
  private readonly broadcastAddress: number;
  private readonly row = new RowData();
  private readonly value: Uint8Array;
  private started = false;
  private bootSeconds = 0;
  private roundDeadline = 0;
  private eventSlot = 0;
  private hasExchange = false;
  private hasClaim = false;
  private isTableFull = false;
  private isTableFullTold = false;

  /**
   * @param isMarked whether its datagrams say that the node speaks compact frames too
   * @param stats to count in, where another engine counts too
   * @throws Error when the node's own address is not known
   */
  constructor(options: EngineOptions, improved: EspGossipOptions, isMarked: boolean, stats?: Stats) {
    if (options.address === 0) throw new Error("dialect: ESPGossip needs the node's IPv4 address, which is unknown");
    this.improved = improved;
    this.roundIntervalMs = options.roundIntervalMs;
    this.broadcastAddress = options.broadcastAddress;
    const seedCapacity = options.seedCapacity + options.capacity;
    const pool = new WordPool(STATS_WORDS + seedCapacity * SEED_WORDS);
    this.rows = new Rows(options.capacity, options.valueBytesMax);
    this.stats = stats ?? new Stats(pool);
    this.seeds = new Seeds({
      capacity: options.capacity, seedCapacity, address: options.address, port: options.port, id: options.address,
      broadcastAddress: options.broadcastAddress, valueBytesMax: options.valueBytesMax,
      datagramBytesMax: options.datagramBytesMax, roundIntervalMs: options.roundIntervalMs,
      removeAfterMs: options.removeAfterMs, randomSeed: options.randomSeed,
    }, pool);
    this.random = new Random(options.randomSeed, options.address);
    this.reader = new StateReader(improved.refuseNegative === true);
    this.outbox = new StateOutbox(this.rows, options.datagramBytesMax, isMarked);
    this.value = new Uint8Array(options.valueBytesMax);
    this.claimValue = new Uint8Array(options.valueBytesMax);
    this.insertOwnRow(options);
  }

  addSeed(address: number, port: number): void {
    this.seeds.pin(address, port);
  }

  /** The heartbeat is the device's uptime, as far as the caller's clock counts from its boot. */
  start(nowMs: number, revision: number, _isRemembered: boolean): void {
    this.started = true;
    this.clock.start(nowMs);
    this.bootSeconds = ((nowMs >>> 0) / 1000) >>> 0;
    this.rows.setStatement(OWN_SLOT, revision, this.uptimeSeconds(), UP);
    this.roundDeadline = this.clock.nowMs + this.roundIntervalMs;
  }

  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    this.begin(nowMs);
    this.stats.countReceived(length);
    if (address === this.rows.id(OWN_SLOT) && port === this.rows.port(OWN_SLOT)) {
      this.stats.countDrop(DROP_ECHO);
      return;
    }
    const malformed = this.reader.open(bytes, length);
    const isLife = malformed === DROP_NONE || this.improved.needDecoding !== true || isCompact(bytes, length);
    if (isLife) this.hearFrom(address);
    if (malformed === DROP_NONE) this.exchange(address, port);
    else this.stats.countDrop(malformed);
  }

  tick(nowMs: number): void {
    this.begin(nowMs);
    if (this.started && this.clock.isDue(this.roundDeadline)) this.round();
  }

  /** The value goes to `address`, or to a random seed when that is 0, at once. */
  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void {
    this.rows.setValue(OWN_SLOT, bytes, 0, length);
    if (!this.started) return;
    this.begin(nowMs);
    if (this.improved.riseWithValue === true) this.setHeartbeat(this.rows.heartbeat(OWN_SLOT) + 1);
    if (address === 0) this.ask();
    else this.syn(address, port);
  }

  /** ESPGossip has no events: nobody calls it. */
  publishEvent(_nowMs: number, _event: EncodedEvent): void {
    return;
  }

  /** ESPGossip knows no goodbye: what the last input left unsent is dropped. */
  leave(nowMs: number): void {
    this.begin(nowMs);
  }

  setRevision(nowMs: number, revision: number): void {
    this.begin(nowMs);
    if (revision <= this.revision()) return;
    this.rows.setStatement(OWN_SLOT, revision, this.uptimeSeconds(), UP);
  }

  revision(): number {
    return this.rows.revision(OWN_SLOT);
  }

  pollTransmit(out: Datagram): boolean {
    if (!this.outbox.take(out)) return false;
    this.stats.countSent(out.length);
    return true;
  }

  pollNotification(out: Notification): boolean {
    out.slot = OWN_SLOT;
    if (this.hasExchange) {
      this.hasExchange = false;
      out.kind = EVENT_EXCHANGE;
      return true;
    }
    if (this.hasClaim) {
      this.hasClaim = false;
      out.kind = EVENT_CLAIM;
      return true;
    }
    if (this.isTableFull && !this.isTableFullTold) {
      this.isTableFullTold = true;
      out.kind = NOTIFY_TABLE_FULL;
      return true;
    }
    return this.pollRowEvent(out);
  }

  nextDeadline(): number {
    return this.clock.toCaller(this.roundDeadline);
  }

  /** Asks a random seed now, whenever the next round is due. */
  round(): void {
    this.roundDeadline = this.clock.nowMs + this.roundIntervalMs;
    this.ask();
  }

  /** Whether the node at an address may be asked in this dialect. */
  protected mayAsk(_address: number): boolean {
    return true;
  }

  /** A good row of another node came in. Returns whether it counts. */
  protected hearRow(_row: RowData): boolean {
    return true;
  }

  /** A row was taken in: another statement of its owner, or the same in a state nearer to REMOVE. */
  protected rowTaken(_slot: number, _isFresher: boolean): void {
    // For the dialect that knows both.
  }

  /** Whether a SYN to a node that is known counts against it. */
  protected mayDoubt(_slot: number): boolean {
    return true;
  }

  protected uptimeSeconds(): number {
    return (this.bootSeconds + this.clock.uptimeSeconds) >>> 0;
  }

  protected setState(slot: number, state: number): void {
    const before = this.rows.state(slot);
    this.rows.setState(slot, state);
    // ASKED comes and goes with each SYN: that is nothing to tell.
    if (shown(before) !== shown(state)) this.rows.noteChange(slot, FLAG_NOTIFY_STATE);
  }

  private pollRowEvent(out: Notification): boolean {
    const told = nextChange(this.rows, this.eventSlot, out);
    this.eventSlot = out.slot;
    return told;
  }

  private insertOwnRow(options: EngineOptions): void {
    const row = this.row;
    row.id = options.address;
    row.address = options.address;
    row.port = options.port;
    this.rows.merge(row, this.value);
  }

  private begin(nowMs: number): void {
    this.clock.advance(nowMs);
    this.outbox.clear();
    this.eventSlot = 0;
    this.hasExchange = false;
    this.hasClaim = false;
  }

  private ask(): void {
    const seeds = this.seeds;
    if (seeds.count === 0) {
      this.broadcast();
      return;
    }
    const urgent = this.mostUrgent();
    if (urgent >= 0) {
      this.syn(this.rows.address(urgent), this.rows.port(urgent));
      return;
    }
    let choices = 0;
    for (let i = 0; i < seeds.count; i++) choices += this.mayAsk(seeds.address(i)) ? 1 : 0;
    if (choices === 0) {
      this.askNobody();
      return;
    }
    let left = this.random.below(choices);
    let choice = 0;
    while (!this.mayAsk(seeds.address(choice)) || left-- > 0) choice++;
    this.syn(seeds.address(choice), seeds.port(choice));
  }

  /** The slot of a row whose node is to be asked before all others, or -1. */
  protected mostUrgent(): number {
    return -1;
  }

  /** There are seeds, but none that may be asked. */
  protected askNobody(): void {
    // For the dialect that knows both.
  }

  protected broadcast(): void {
    this.syn(this.broadcastAddress, this.rows.port(OWN_SLOT));
  }

  private syn(address: number, port: number): void {
    this.setHeartbeat(this.uptimeSeconds());
    const slot = this.rows.find(address);
    this.outbox.syn(address, port, slot);
    if (slot < 0 || slot === OWN_SLOT || !this.mayDoubt(slot)) return;
    const state = this.rows.state(slot);
    if (state < REMOVE) this.setState(slot, state + 1);
  }

  private setHeartbeat(heartbeat: number): void {
    if (heartbeat <= this.rows.heartbeat(OWN_SLOT)) return;
    this.rows.setStatement(OWN_SLOT, this.revision(), heartbeat, UP);
  }

  private hearFrom(address: number): void {
    const slot = this.rows.find(address);
    if (slot >= 0 && this.rows.state(slot) !== UP) this.setState(slot, UP);
  }

  private exchange(address: number, port: number): void {
    const row = this.row;
    if (this.reader.type === TYPE_SYN) {
      this.outbox.beginDiff();
      this.reader.rewind();
      for (let found = this.reader.nextRow(row); found !== ROW_NONE; found = this.reader.nextRow(row)) {
        if (found !== ROW_BAD) this.outbox.listed(row, found === ROW_GOOD);
      }
      this.outbox.endDiff(address, port);
    }
    this.hasExchange = true;
    this.reader.rewind();
    for (let found = this.reader.nextRow(row); found !== ROW_NONE; found = this.reader.nextRow(row)) {
      if (found === ROW_BAD) this.stats.countDrop(DROP_ROW);
      else if (found === ROW_GOOD) this.takeRow(row);
    }
  }

  private takeRow(row: RowData): void {
    const rows = this.rows;
    row.port = rows.port(OWN_SLOT);
    if (row.id === rows.id(OWN_SLOT)) {
      this.hearOfSelf(row);
      return;
    }
    const held = rows.find(row.id);
    if (!this.hearRow(row) || (held >= 0 && rows.compare(held, row) >= 0)) return;
    const refused = this.reader.readData(row, this.value);
    if (refused !== DROP_NONE) {
      this.stats.countDrop(refused);
      return;
    }
    const stateBefore = held < 0 ? -1 : rows.state(held);
    const merged = rows.merge(row, this.value);
    if (merged === MERGE_TABLE_FULL) {
      this.stats.countDrop(DROP_TABLE_FULL);
      this.isTableFull = true;
      return;
    }
    const slot = rows.find(row.id);
    rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
    if (stateBefore < 0 || shown(stateBefore) !== shown(row.state)) rows.noteChange(slot, FLAG_NOTIFY_STATE);
    this.seeds.learn(row.address, row.port, this.random);
    this.rowTaken(slot, merged === MERGED_FRESHER);
  }

  /** Another node's word on this one counts for nothing, but that it may show a life which this one forgot. */
  private hearOfSelf(row: RowData): void {
    const rows = this.rows;
    if (rows.compare(OWN_SLOT, row) >= 0) return;
    this.hasClaim = this.reader.readData(this.claim, this.claimValue) === DROP_NONE;
    this.claim.revision = row.revision;
    this.claim.heartbeat = row.heartbeat;
    this.claim.state = row.state;
    if (this.improved.recover !== true || row.revision > RECOVERED_MAX || row.heartbeat > RECOVERED_MAX) return;
    const statement = compareFreshness(
      this.revision(), rows.heartbeat(OWN_SLOT), UP, row.revision, row.heartbeat, UP,
    );
    if (row.revision > this.revision()) rows.setStatement(OWN_SLOT, row.revision + 1, this.uptimeSeconds(), UP);
    else if (statement < 0 || row.state >= SUSPECT) this.setHeartbeat(row.heartbeat + 1);
  }
}

/** Whether a datagram looks like a compact frame: who sends it is there, and speaks something else. */
export function isCompact(bytes: Uint8Array, length: number): boolean {
  return length > 0 && bytes[0] >> 4 === COMPACT_MAGIC;
}

/** The state as it is told: a node that was asked and has not answered yet counts as UP. */
function shown(state: number): number {
  return state < SUSPECT ? UP : state;
}
