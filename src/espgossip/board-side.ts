import type { Seeds } from "../engine/membership/seeds.js";
import { rowNameBytes, rowValueBytes } from "../engine/named-rows.js";
import { NOTIFY_BOARDS_FULL, type Notification } from "../engine/notifications.js";
import type { EngineOptions } from "../engine/options.js";
import type { Stats } from "../engine/stats.js";
import { compareFreshness } from "../engine/table/freshness.js";
import {
  FLAG_FOREIGN, FLAG_VOUCHED, LIST_PROBE_ORDER, LIST_TO_SEND, OWN_SLOT, RowData, type Rows,
} from "../engine/table/rows.js";
import { DOWN, SUSPECT, UP } from "../engine/table/states.js";
import { BOARD_BYTES_MAX, BOARD_FRAME_BYTES, dataBytes, rowBytes } from "./board-bytes.js";
import { EspGossipEngine } from "./engine.js";
import { FLAG_WITHHELD } from "./state-outbox.js";

/** A board is silent if it shows no higher heartbeat for this many rounds and log2(n) more. */
const SILENT_ROUNDS = 12;
/** In the last 6 of these rounds the bridge sends the board a SYN first. */
const PROBED_ROUNDS = 6;
/** If another node made a vouched row fresher, this bridge leaves the row alone for 3 rounds. */
const LEAVE_ROUNDS = 3;
/** A bridge without boards broadcasts every eighth round. */
const RETRY_ROUNDS = 8;
/** Boards forget no row. So a bridge first waits until no row came to its tables for 3 rounds. */
const CALM_ROUNDS = 3;
/** Three quarters of what boards can repeat: the rest is for nodes with a value. */
const VALUELESS_BYTES_MAX = (3 * BOARD_BYTES_MAX) / 4;
/** If boards cannot repeat all data, other rows lack theirs after 8 rounds. */
const TURN_ROUNDS = 8;

/**
 * The half of a bridge for the ESPGossip dialect (PROTOCOL 9). Its table holds
 * boards, which sent it a datagram (FLAG_FOREIGN); compact nodes, for which it
 * makes statements (FLAG_VOUCHED); and rows that are only in datagrams of boards.
 */
export class BoardSide extends EspGossipEngine {
  private readonly compactSeeds: Seeds;
  private readonly statement = new RowData();
  private readonly wraps: boolean;
  private roundsAlone = 0;
  /** Rounds in which no row came to either table; the one of boards holds a board. */
  private calmRounds = 0;
  private rowsBefore = 0;
  private compactRows = 0;
  /** Bytes that boards need to repeat all rows of the table. */
  private bytes = 0;
  /** Compact nodes that boards are not told of since the last round, and the bytes of their rows. */
  private untold = 0;
  private untoldBytes = 0;
  private hasRoomForAll = true;
  private isWarned = false;
  private mayTell = false;

  /** @param wrapPlain as in `AutoOptions` */
  constructor(options: EngineOptions, stats: Stats, compactSeeds: Seeds, wrapPlain: boolean) {
    // PROTOCOL 8.4: all improvements are on in a bridge, but a board is alive whatever it sends.
    const improved = { refuseNegative: true, recover: true, riseWithValue: true, wrapPlain };
    super(options, improved, true, stats);
    this.compactSeeds = compactSeeds;
    this.wraps = wrapPlain;
    this.outbox.tellsOwn = false;
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
   * @returns the slot in the boards' table; -1 when boards were not told of the node
   */
  vouch(from: Rows, source: number): number {
    const rows = this.rows;
    const slot = rows.find(from.address(source));
    if (slot < 0) return slot;
    if (!rows.hasFlag(slot, FLAG_VOUCHED)) {
      rows.setFlag(slot, FLAG_VOUCHED);
      this.leaveAlone(slot);
    }
    if (from.revision(source) > rows.revision(slot)) {
      rows.setStatement(slot, from.revision(source), from.heartbeat(source), UP);
    }
    if (this.isNewStatement(slot, from, source) && !sameValue(rows, slot, from, source)) {
      rows.setValue(slot, from.valueBytes(), valueStartOf(from, source), rowValueBytes(from, source));
      this.freshen(slot);
    } else if (this.clock.isDue(rows.deadline(slot))) {
      this.freshen(slot);
    }
    return slot;
  }

  /**
   * Whether boards may be told of more nodes now: once a round, while neither table grows. All bridges then know the
   * same nodes, and tell boards of the same.
   *
   * @param compactRows rows that the compact half holds
   */
  beginTelling(compactRows: number): boolean {
    if (compactRows !== this.compactRows) {
      this.compactRows = compactRows;
      this.calmRounds = 0;
      return false;
    }
    if (!this.mayTell) return false;
    this.mayTell = false;
    this.untold = 0;
    this.untoldBytes = 0;
    this.hasRoomForAll = this.bytes <= BOARD_BYTES_MAX;
    return true;
  }

  /**
   * PROTOCOL 9.4: tells boards of a compact node, or of this node itself, if they can repeat its row.
   *
   * @param source slot of the node's row in `from`
   */
  tell(from: Rows, source: number): void {
    const isOwn = source === OWN_SLOT;
    if (isOwn ? this.outbox.tellsOwn : this.rows.find(from.address(source)) >= 0) return;
    const value = dataBytes(from, source, this.wraps);
    const bytes = rowBytes(from, source) + value;
    if (this.bytes + bytes > (value === 0 ? VALUELESS_BYTES_MAX : BOARD_BYTES_MAX)) {
      this.untold++;
      this.untoldBytes += bytes;
      if (value > 0) this.hasRoomForAll = false;
      return;
    }
    this.bytes += bytes;
    if (isOwn) this.outbox.tellsOwn = true;
    else this.introduce(from, source);
  }

  /** Writes the warning that boards cannot repeat all rows, once a start; false when there is none. */
  nextWarning(out: Notification): boolean {
    if (this.hasRoomForAll || this.isWarned) return false;
    this.isWarned = true;
    out.kind = NOTIFY_BOARDS_FULL;
    out.slot = this.untold;
    out.detail = this.bytes + this.untoldBytes;
    return true;
  }

  override round(): void {
    const hasBoard = this.measure();
    this.calmRounds = hasBoard && this.rows.count === this.rowsBefore ? this.calmRounds + 1 : 0;
    this.rowsBefore = this.rows.count;
    this.mayTell = this.calmRounds >= CALM_ROUNDS;
    super.round();
  }

  /** A compact node is DOWN or gone, or has another address: the boards' row becomes DOWN. */
  disown(slot: number): void {
    this.rows.clearFlag(slot, FLAG_VOUCHED);
    if (this.rows.state(slot) < DOWN) this.setState(slot, DOWN);
  }

  protected override mayProbe(address: number): boolean {
    return super.mayProbe(address) && !this.isVouched(address);
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
    // Not the data: this bridge knows the node's value, and another one may withhold it.
    if (order > 0) {
      rows.setStatement(slot, row.revision, row.heartbeat, UP);
      if (!this.clock.isDue(rows.deadline(slot))) this.leaveAlone(slot);
    }
    return false;
  }

  /** A board, or a bridge that vouches for this one, holds this node's row. */
  protected override observeClaim(row: RowData): void {
    this.outbox.tellsOwn = true;
    super.observeClaim(row);
  }

  protected override rowMerged(slot: number, isFresher: boolean): void {
    const rows = this.rows;
    if (!isFresher) return;
    if (rows.hasFlag(slot, FLAG_FOREIGN)) {
      this.boardAlive(slot);
    } else {
      // This may be a compact node that the compact half does not hold yet.
      this.compactSeeds.learnBy(rows.address(slot), rows.port(slot), this.rows.words);
    }
  }

  private leaveAlone(slot: number): void {
    this.rows.setDeadline(slot, this.clock.nowMs + LEAVE_ROUNDS * this.clock.roundIntervalMs);
  }

  /** Whether this node makes the row's statements in JSON. */
  private isOurs(slot: number): boolean {
    return slot === OWN_SLOT || this.rows.hasFlag(slot, FLAG_VOUCHED);
  }

  /** Finds the bytes that boards need. Returns whether the table holds a board. */
  private measure(): boolean {
    const rows = this.rows;
    let bytes = BOARD_FRAME_BYTES;
    let heartbeat = -1;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (slot === OWN_SLOT && !this.outbox.tellsOwn) continue;
      bytes += rowBytes(rows, slot) + dataBytes(rows, slot, this.wraps && this.isOurs(slot));
      if (rows.hasFlag(slot, FLAG_FOREIGN) && rows.heartbeat(slot) > heartbeat) heartbeat = rows.heartbeat(slot);
    }
    this.bytes = bytes;
    this.withhold(bytes - BOARD_BYTES_MAX, heartbeat);
    return heartbeat >= 0;
  }

  /**
   * PROTOCOL 9.4: marks rows whose data boards do not get now, so that they need `excess` bytes less. The rows take
   * turns. The highest heartbeat of a board tells all bridges alike whose turn it is.
   */
  private withhold(excess: number, heartbeat: number): void {
    const rows = this.rows;
    const turnSeconds = (TURN_ROUNDS * this.clock.roundIntervalMs) / 1000;
    const turn = excess > 0 && heartbeat > 0 ? Math.floor(heartbeat / turnSeconds) % rows.count : 0;
    let left = excess;
    for (let i = 0; i < rows.count; i++) {
      const slot = rows.slotAt((i + turn) % rows.count);
      const data = left > 0 && this.isOurs(slot) ? dataBytes(rows, slot, this.wraps) : 0;
      left -= data;
      if (data > 0) rows.setFlag(slot, FLAG_WITHHELD);
      else rows.clearFlag(slot, FLAG_WITHHELD);
    }
  }

  private boardAlive(slot: number): void {
    let rounds = SILENT_ROUNDS;
    for (let rest = this.rows.count; rest > 1; rest >>>= 1) rounds++;
    this.rows.setDeadline(slot, this.clock.nowMs + rounds * this.clock.roundIntervalMs);
  }

  /** Adds the first row that boards get of a compact node, if the table has room. */
  private introduce(from: Rows, source: number): void {
    const row = this.statement;
    row.id = from.address(source);
    row.address = row.id;
    row.port = from.port(source);
    row.revision = from.revision(source);
    row.heartbeat = from.heartbeat(source);
    row.valueStart = valueStartOf(from, source);
    row.valueLength = rowValueBytes(from, source);
    this.rows.merge(row, from.valueBytes());
    const slot = this.rows.find(row.id);
    if (slot < 0) return;
    this.rows.setFlag(slot, FLAG_VOUCHED);
    this.rows.setDeadline(slot, this.clock.nowMs + this.clock.roundIntervalMs);
    this.isNewStatement(slot, from, source);
    this.seeds.learn(row.address, row.port);
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

/** Whether two rows have one value, whatever their names: boards have none. */
export function sameValue(a: Rows, slotA: number, b: Rows, slotB: number): boolean {
  const length = rowValueBytes(a, slotA);
  if (length !== rowValueBytes(b, slotB)) return false;
  const startA = valueStartOf(a, slotA);
  const startB = valueStartOf(b, slotB);
  for (let i = 0; i < length; i++) {
    if (a.valueBytes()[startA + i] !== b.valueBytes()[startB + i]) return false;
  }
  return true;
}

/** Where the value of a row begins, behind the name. */
function valueStartOf(rows: Rows, slot: number): number {
  return rows.valueStart(slot) + rowNameBytes(rows, slot);
}
