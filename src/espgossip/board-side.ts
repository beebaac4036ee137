import type { Seeds } from "../engine/membership/seeds.js";
import type { EngineOptions } from "../engine/options.js";
import type { Stats } from "../engine/stats.js";
import { compareFreshness } from "../engine/table/freshness.js";
import {
  FLAG_FOREIGN, FLAG_VOUCHED, LIST_PROBE_ORDER, LIST_TO_SEND, OWN_SLOT, RowData, type Rows,
} from "../engine/table/rows.js";
import { DOWN, SUSPECT, UP } from "../engine/table/states.js";
import { EspGossipEngine } from "./engine.js";

/** For so many rounds, and log2(n) more, a board may let nobody hear a higher heartbeat. */
const SILENT_ROUNDS = 12;
/** In the last of these rounds the bridge asks it itself. */
const ASKED_ROUNDS = 6;
/** A vouched row that another node made fresher is left to that one for so many rounds. */
const LEAVE_ROUNDS = 3;
/** A node that knows of no board looks for one every so many rounds. */
const RETRY_ROUNDS = 8;

/**
 * The half of an `auto` node that speaks JSON. Its table holds boards, which
 * have spoken to it (FLAG_FOREIGN), compact nodes, for which it speaks
 * (FLAG_VOUCHED), and what it only knows from hearsay.
 */
export class BoardSide extends EspGossipEngine {
  private readonly compactSeeds: Seeds;
  private readonly statement = new RowData();
  private roundsAlone = 0;

  constructor(options: EngineOptions, stats: Stats, compactSeeds: Seeds) {
    // A bridge does better than the reference wherever it can.
    const improved = { refuseNegative: true, needDecoding: true, recover: true, riseWithValue: true };
    super(options, improved, true, stats);
    this.compactSeeds = compactSeeds;
  }

  override receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    super.receive(nowMs, address, port, bytes, length);
    const slot = this.rows.find(address);
    if (slot < 0 || slot === OWN_SLOT || this.rows.hasFlag(slot, FLAG_VOUCHED)) return;
    // Who speaks compact frames too has a row of its own there. Hearsay makes no board either.
    if (this.reader.type === 0 || this.reader.isMarked) return;
    this.rows.setFlag(slot, FLAG_FOREIGN);
    this.isHeard(slot);
  }

  /** Whether a board is known that has spoken to this node. */
  isBoard(address: number): boolean {
    const slot = this.rows.find(address);
    return slot >= 0 && this.rows.hasFlag(slot, FLAG_FOREIGN);
  }

  isVouched(address: number): boolean {
    const slot = this.rows.find(address);
    return slot >= 0 && this.rows.hasFlag(slot, FLAG_VOUCHED);
  }

  /** Whether a board has been silent for so long that it counts as DOWN. Its neighbours' doubts do not count. */
  isSilent(slot: number): boolean {
    return this.clock.isDue(this.rows.deadline(slot));
  }

  /** Makes sure that boards have a fresh row of a live compact node, whose row is in `from`. */
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
    if (from.revision(source) > rows.revision(slot)) this.say(slot, from.revision(source), from.heartbeat(source), UP);
    if (this.isNewStatement(slot, from, source) && !sameValue(rows, slot, from, source)) {
      rows.setValue(slot, from.valueBytes(), from.valueStart(source), from.valueLength(source));
      this.freshen(slot);
    } else if (this.clock.isDue(rows.deadline(slot))) {
      this.freshen(slot);
    }
    return slot;
  }

  /** A compact node is gone, or its address: the boards should know. */
  disown(slot: number): void {
    this.rows.clearFlag(slot, FLAG_VOUCHED);
    if (this.rows.state(slot) < DOWN) this.setState(slot, DOWN);
  }

  protected override mayProbe(address: number): boolean {
    return !this.isVouched(address);
  }

  /** A board that was not heard of for long is asked before it counts as silent. */
  protected override mostUrgent(): number {
    const rows = this.rows;
    let urgent = -1;
    let leastMs = ASKED_ROUNDS * this.clock.roundIntervalMs;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      const leftMs = (rows.deadline(slot) - this.clock.nowMs) | 0;
      if (!rows.hasFlag(slot, FLAG_FOREIGN) || leftMs >= leastMs) continue;
      leastMs = leftMs;
      urgent = slot;
    }
    return urgent;
  }

  /** Where all nodes that are known speak compact frames, a board may still be somewhere. */
  protected override noSeedToProbe(): void {
    this.roundsAlone++;
    if (this.roundsAlone % RETRY_ROUNDS === 1) this.broadcast();
  }

  /** That a node which may not speak JSON does not answer in it is nothing against it. */
  protected override maySuspect(slot: number): boolean {
    return this.rows.hasFlag(slot, FLAG_FOREIGN);
  }

  /** Whether a compact node runs is not for boards to say, who get no answer of it. */
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
      this.isHeard(slot);
    } else if (!rows.hasFlag(slot, FLAG_VOUCHED)) {
      // It may be a compact node that is not known yet.
      this.compactSeeds.learn(rows.address(slot), rows.port(slot), this.random);
    } else if (!this.clock.isDue(rows.deadline(slot))) {
      rows.setDeadline(slot, this.clock.nowMs + LEAVE_ROUNDS * this.clock.roundIntervalMs);
    }
  }

  private isHeard(slot: number): void {
    let rounds = SILENT_ROUNDS;
    for (let rest = this.rows.count; rest > 1; rest >>>= 1) rounds++;
    this.rows.setDeadline(slot, this.clock.nowMs + rounds * this.clock.roundIntervalMs);
  }

  /** The first row that boards get of a compact node. Returns its slot, -1 when there is no room. */
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

  /** Whether a compact node has made another statement since this was asked before. */
  private isNewStatement(slot: number, from: Rows, source: number): boolean {
    const rows = this.rows;
    const low = from.heartbeat(source) & 0xffff;
    const high = ((from.heartbeat(source) >>> 16) ^ from.revision(source)) & 0xffff;
    if (rows.listed(LIST_PROBE_ORDER, slot) === low && rows.listed(LIST_TO_SEND, slot) === high) return false;
    rows.setListed(LIST_PROBE_ORDER, slot, low);
    rows.setListed(LIST_TO_SEND, slot, high);
    return true;
  }

  /** One step beyond what boards hold: never by what they say of it alone, so two bridges do not race. */
  private freshen(slot: number): void {
    const rows = this.rows;
    rows.setDeadline(slot, this.clock.nowMs + this.clock.roundIntervalMs);
    if (rows.heartbeat(slot) < 0xffffffff) this.say(slot, rows.revision(slot), rows.heartbeat(slot) + 1, UP);
  }

  private say(slot: number, revision: number, heartbeat: number, state: number): void {
    this.rows.setStatement(slot, revision, heartbeat, state);
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
