import type { Seeds } from "../engine/membership/seeds.js";
import type { EngineOptions } from "../engine/options.js";
import type { Stats } from "../engine/stats.js";
import { compareFreshness } from "../engine/table/freshness.js";
import {
  FLAG_FOREIGN, FLAG_VOUCHED, LIST_PROBE_ORDER, LIST_TO_SEND, OWN_SLOT, RowData, type Rows,
} from "../engine/table/rows.js";
import { DOWN, SUSPECT, UP } from "../engine/table/states.js";
import { EspGossipEngine } from "./engine.js";

/** A board is silent if it shows no higher heartbeat for this many rounds and log2(n) more. */
const SILENT_ROUNDS = 12;
/** In the last 6 of these rounds the bridge sends the board a SYN first. */
const PROBED_ROUNDS = 6;
/** If another node made a vouched row fresher, this bridge leaves the row alone for 3 rounds. */
const LEAVE_ROUNDS = 3;
/** A bridge without boards broadcasts every eighth round. */
const RETRY_ROUNDS = 8;

/**
 * The half of a bridge for the ESPGossip dialect (PROTOCOL 9). Its table holds
 * boards, which sent it a datagram (FLAG_FOREIGN); compact nodes, for which it
 * makes statements (FLAG_VOUCHED); and rows that are only in datagrams of boards.
 */
export class BoardSide extends EspGossipEngine {
  private readonly compactSeeds: Seeds;
  private readonly statement = new RowData();
  private roundsAlone = 0;

  constructor(options: EngineOptions, stats: Stats, compactSeeds: Seeds) {
    // PROTOCOL 8.4: all improvements are on in a bridge, but a board is alive whatever it sends.
    const improved = { refuseNegative: true, recover: true, riseWithValue: true };
    super(options, improved, true, stats);
    this.compactSeeds = compactSeeds;
  }

  override receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    super.receive(nowMs, address, port, bytes, length);
    const slot = this.rows.find(address);
    if (slot < 0 || slot === OWN_SLOT || this.rows.hasFlag(slot, FLAG_VOUCHED)) return;
    // The sender of marked JSON has a compact row of its own. A refused datagram (type 0) makes no board either.
    if (this.reader.type !== 0 && !this.reader.isMarked) this.rows.setFlag(slot, FLAG_FOREIGN);
    if (this.rows.hasFlag(slot, FLAG_FOREIGN)) this.boardAlive(slot);
  }

  /** Whether an address is that of a board which sent this node a datagram. */
  isBoard(address: number): boolean {
    const slot = this.rows.find(address);
    return slot >= 0 && this.rows.hasFlag(slot, FLAG_FOREIGN);
  }

  /** Whether an address is that of a compact node for which this bridge makes statements. */
  isVouched(address: number): boolean {
    const slot = this.rows.find(address);
    return slot >= 0 && this.rows.hasFlag(slot, FLAG_VOUCHED);
  }

  /** Whether a board has been silent for so long that it is DOWN. States that other boards give it do not count. */
  isSilent(slot: number): boolean {
    return this.clock.isDue(this.rows.deadline(slot));
  }

  /**
   * PROTOCOL 9.3, rules 2 and 3: keeps the boards' row of a live compact node fresh.
   *
   * @param source slot of the node's row in `from`
   * @returns the slot in the boards' table; -1 when that has no room
   */
  vouch(from: Rows, source: number): number {
    const rows = this.rows;
    const address = from.address(source);
    let slot = rows.find(address);
    if (slot < 0) {
      slot = this.introduce(from, source);
    } else if (!rows.hasFlag(slot, FLAG_VOUCHED)) {
      rows.setFlag(slot, FLAG_VOUCHED);
      rows.setDeadline(slot, this.clock.nowMs + LEAVE_ROUNDS * this.clock.roundIntervalMs);
    }
    if (slot < 0) return slot;
    if (from.revision(source) > rows.revision(slot)) {
      rows.setStatement(slot, from.revision(source), from.heartbeat(source), UP);
    }
    if (this.isNewStatement(slot, from, source) && !sameValue(rows, slot, from, source)) {
      rows.setValue(slot, from.valueBytes(), from.valueStart(source), from.valueLength(source));
      this.freshen(slot);
    } else if (this.clock.isDue(rows.deadline(slot))) {
      this.freshen(slot);
    }
    return slot;
  }

  /** A compact node is DOWN or gone, or has another address: the boards' row becomes DOWN. */
  disown(slot: number): void {
    this.rows.clearFlag(slot, FLAG_VOUCHED);
    if (this.rows.state(slot) < DOWN) this.setState(slot, DOWN);
  }

  protected override mayProbe(address: number): boolean {
    return !this.isVouched(address);
  }

  /** A board is probed before it counts as silent. */
  protected override mostUrgent(): number {
    const rows = this.rows;
    let urgent = -1;
    let leastMs = PROBED_ROUNDS * this.clock.roundIntervalMs;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      const leftMs = (rows.deadline(slot) - this.clock.nowMs) | 0;
      if (!rows.hasFlag(slot, FLAG_FOREIGN) || leftMs >= leastMs) continue;
      leastMs = leftMs;
      urgent = slot;
    }
    return urgent;
  }

  /** All seeds are compact nodes. A broadcast may still reach boards. */
  protected override noSeedToProbe(): void {
    this.roundsAlone++;
    if (this.roundsAlone % RETRY_ROUNDS === 1) this.broadcast();
  }

  /** Only a board must answer JSON. Silence of other nodes does not raise their state. */
  protected override maySuspect(slot: number): boolean {
    return this.rows.hasFlag(slot, FLAG_FOREIGN);
  }

  /** A compact node does not answer boards, so the state that boards give it does not count. */
  protected override rowArrived(row: RowData): boolean {
    const rows = this.rows;
    const slot = rows.find(row.id);
    row.isForeign = slot >= 0 && rows.hasFlag(slot, FLAG_FOREIGN);
    if (slot < 0 || !rows.hasFlag(slot, FLAG_VOUCHED)) return true;
    const order = compareFreshness(
      row.revision, row.heartbeat, UP, rows.revision(slot), rows.heartbeat(slot), UP,
    );
    if (order >= 0 && row.state >= SUSPECT) rows.setDeadline(slot, this.clock.nowMs);
    row.state = UP;
    return order > 0;
  }

  protected override rowMerged(slot: number, isFresher: boolean): void {
    const rows = this.rows;
    if (!isFresher) return;
    if (rows.hasFlag(slot, FLAG_FOREIGN)) {
      this.boardAlive(slot);
    } else if (!rows.hasFlag(slot, FLAG_VOUCHED)) {
      // This may be a compact node that the compact half does not hold yet.
      this.compactSeeds.learn(rows.address(slot), rows.port(slot), this.random);
    } else if (!this.clock.isDue(rows.deadline(slot))) {
      rows.setDeadline(slot, this.clock.nowMs + LEAVE_ROUNDS * this.clock.roundIntervalMs);
    }
  }

  private boardAlive(slot: number): void {
    let rounds = SILENT_ROUNDS;
    for (let rest = this.rows.count; rest > 1; rest >>>= 1) rounds++;
    this.rows.setDeadline(slot, this.clock.nowMs + rounds * this.clock.roundIntervalMs);
  }

  /** Adds the first row that boards get of a compact node. Returns its slot; -1 when there is no room. */
  private introduce(from: Rows, source: number): number {
    const row = this.statement;
    row.id = from.address(source);
    row.address = row.id;
    row.port = from.port(source);
    row.revision = from.revision(source);
    row.heartbeat = from.heartbeat(source);
    row.valueStart = from.valueStart(source);
    row.valueLength = from.valueLength(source);
    this.rows.merge(row, from.valueBytes());
    const slot = this.rows.find(row.id);
    if (slot < 0) return slot;
    this.rows.setFlag(slot, FLAG_VOUCHED);
    this.rows.setDeadline(slot, this.clock.nowMs + this.clock.roundIntervalMs);
    this.isNewStatement(slot, from, source);
    this.seeds.learn(row.address, row.port, this.random);
    return slot;
  }

  /** Whether a compact node has made another statement since the last call. */
  private isNewStatement(slot: number, from: Rows, source: number): boolean {
    const rows = this.rows;
    const low = from.heartbeat(source) & 0xffff;
    const high = ((from.heartbeat(source) >>> 16) ^ from.revision(source)) & 0xffff;
    if (rows.listed(LIST_PROBE_ORDER, slot) === low && rows.listed(LIST_TO_SEND, slot) === high) return false;
    rows.setListed(LIST_PROBE_ORDER, slot, low);
    rows.setListed(LIST_TO_SEND, slot, high);
    return true;
  }

  /** Raises the heartbeat by one, once a round: two bridges do not outbid each other. */
  private freshen(slot: number): void {
    const rows = this.rows;
    rows.setDeadline(slot, this.clock.nowMs + this.clock.roundIntervalMs);
    if (rows.heartbeat(slot) < 0xffffffff) rows.setStatement(slot, rows.revision(slot), rows.heartbeat(slot) + 1, UP);
  }
}

export function sameValue(a: Rows, slotA: number, b: Rows, slotB: number): boolean {
  const length = a.valueLength(slotA);
  if (length !== b.valueLength(slotB)) return false;
  const startA = a.valueStart(slotA);
  const startB = b.valueStart(slotB);
  for (let i = 0; i < length; i++) {
    if (a.valueBytes()[startA + i] !== b.valueBytes()[startB + i]) return false;
  }
  return true;
}
