import { orderKey } from "../engine/table/hash.js";
import { BURST_MAX, type Datagram } from "../engine/reconcile/outbox.js";
import type { Stats } from "../engine/stats.js";
import {
  FLAG_SENT_AS_UPDATE, FLAG_TO_SEND, FLAG_WINDOW, OWN_SLOT, type RowData, type Rows,
} from "../engine/table/rows.js";
import { TYPE_ACK, TYPE_SYN } from "./state-reader.js";
import { StateWriter } from "./state-writer.js";

/** Boards get the row without its data, since they could not repeat all rows with it. */
export const FLAG_WITHHELD = FLAG_WINDOW;

/** The peer's SYN lists this row. */
const FLAG_LISTED = FLAG_SENT_AS_UPDATE;
/** A SYN with fewer rows, the sender's own not counted, is not treated as a part: their order may be accidental. */
const PART_ROWS_MIN = 8;

/**
 * What the current input makes the node send: a SYN with the whole network state,
 * or an ACK with the rows that the sender of a SYN lacks. `next` writes the
 * datagrams.
 *
 * A state that does not fit one datagram is sent in parts, at most BURST_MAX per
 * input, and the next SYN begins where this one ended (PROTOCOL 8.3). The node's
 * own row comes first. The order keys of the other rows ascend in a part, from the
 * greatest on to the least, and descend in a complete state. So the receiver of a part
 * knows which rows the sender left out.
 */
export class StateOutbox {
  /** Whether peers get the node's own row. */
  tellsOwn = true;
  private readonly rows: Rows;
  private readonly writer: StateWriter;
  private readonly datagramBytesMax: number;
  private type = 0;
  private address = 0;
  private port = 0;
  private datagramsLeft = 0;
  /** Slot of the SYN's receiver, and its state before the SYN raised it. */
  private target = -1;
  private targetState = 0;
  /** Of a SYN in parts: the place where the next part begins, also in the next SYN; rows that this SYN still lacks. */
  private syncPlace = 0;
  private rowsLeft = 0;
  private isBegun = false;
  /** Of an ACK: the place of the next row. */
  private ackPlace = 0;

  // Of the answered SYN.
  private listedCount = 0;
  /** Times that a row's order key was below that of the row before. */
  private descents = 0;
  private firstKey = 0;
  private lastKey = 0;

  constructor(rows: Rows, datagramBytesMax: number, isMarked: boolean, wraps: boolean, stats: Stats) {
    this.rows = rows;
    this.datagramBytesMax = datagramBytesMax;
    this.writer = new StateWriter(isMarked, wraps, stats);
  }

  /** Drops what the last input left unsent. */
  clear(): void {
    this.datagramsLeft = 0;
  }

  /** @param target slot of the receiver's row; -1 when there is none */
  addSyn(address: number, port: number, target: number): void {
    this.begin(TYPE_SYN, address, port);
    this.target = target;
    this.targetState = target < 0 ? 0 : this.rows.state(target);
    this.isBegun = false;
  }

  /** Begins to find the rows that the sender of a SYN lacks: all, before it lists any. */
  beginDiff(): void {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      rows.setFlag(rows.slotAt(place), FLAG_TO_SEND);
      rows.clearFlag(rows.slotAt(place), FLAG_LISTED);
    }
    if (!this.tellsOwn) rows.clearFlag(OWN_SLOT, FLAG_TO_SEND);
    this.listedCount = 0;
    this.descents = 0;
  }

  /** The SYN lists a row. @param isComplete whether the row has all its numbers */
  listed(row: RowData, isComplete: boolean): void {
    const key = orderKey(row.id);
    // The first row is the sender's own.
    if (this.listedCount === 1) this.firstKey = key;
    else if (this.listedCount > 1 && key < this.lastKey) this.descents++;
    this.lastKey = key;
    this.listedCount++;
    const slot = this.rows.find(row.id);
    if (slot < 0) return;
    this.rows.setFlag(slot, FLAG_LISTED);
    if (isComplete && this.rows.compare(slot, row) <= 0) this.rows.clearFlag(slot, FLAG_TO_SEND);
  }

  /** The SYN is read: the ACK gets the rows that are left. */
  endDiff(address: number, port: number): void {
    this.begin(TYPE_ACK, address, port);
    this.ackPlace = 0;
    const isRound = this.lastKey < this.firstKey;
    if (this.descents !== (isRound ? 1 : 0) || this.listedCount <= PART_ROWS_MIN) return;
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const key = rows.orderKeyAt(place);
      const slot = rows.slotAt(place);
      const isBelow = key < this.firstKey;
      const isAbove = key > this.lastKey;
      const isLeftOut = isRound ? isBelow && isAbove : isBelow || isAbove;
      if (isLeftOut && !rows.hasFlag(slot, FLAG_LISTED)) rows.clearFlag(slot, FLAG_TO_SEND);
    }
  }

  /** Writes the next datagram into `out`. Returns false when there is none. */
  next(out: Datagram): boolean {
    if (this.datagramsLeft === 0) return false;
    this.datagramsLeft--;
    out.address = this.address;
    out.port = this.port;
    this.writer.begin(out.bytes, this.datagramBytesMax);
    const isDone = this.type === TYPE_SYN ? this.writeSyn(out) : this.writeAck();
    out.length = this.writer.end(this.type);
    if (isDone) this.datagramsLeft = 0;
    return true;
  }

  private begin(type: number, address: number, port: number): void {
    this.type = type;
    this.address = address;
    this.port = port;
    this.datagramsLeft = BURST_MAX;
  }

  private writeSyn(out: Datagram): boolean {
    if (!this.isBegun) {
      this.isBegun = true;
      this.rowsLeft = this.rows.count - 1;
      if (this.writeComplete()) return true;
      this.writer.begin(out.bytes, this.datagramBytesMax);
    }
    this.writeOwn();
    return this.writePart();
  }

  private writeComplete(): boolean {
    const rows = this.rows;
    this.writeOwn();
    for (let place = rows.count - 1; place >= 0; place--) {
      if (rows.slotAt(place) !== OWN_SLOT && !this.writeRow(rows.slotAt(place))) return false;
    }
    return true;
  }

  /** Writes rows from where the last part ended. Returns whether fewer than 8 are left, which come first next time. */
  private writePart(): boolean {
    const rows = this.rows;
    for (let isEmpty = true; this.rowsLeft > 0; this.syncPlace++) {
      if (this.syncPlace >= rows.count) this.syncPlace = 0;
      const slot = rows.slotAt(this.syncPlace);
      if (slot === OWN_SLOT) continue;
      // A row that does not fit an empty datagram is left out; otherwise it would block the others.
      if (!this.writeRow(slot) && !isEmpty) return this.rowsLeft < PART_ROWS_MIN;
      isEmpty = false;
      this.rowsLeft--;
    }
    return true;
  }

  private writeAck(): boolean {
    const rows = this.rows;
    for (let isEmpty = true; this.ackPlace < rows.count; this.ackPlace++) {
      const slot = rows.slotAt(this.ackPlace);
      if (!rows.hasFlag(slot, FLAG_TO_SEND)) continue;
      if (!this.writeRow(slot) && !isEmpty) return false;
      isEmpty = false;
    }
    return true;
  }

  /** If the own row does not fit, it goes without its data: peers must see that this node is alive. */
  private writeOwn(): void {
    if (!this.tellsOwn) return;
    if (!this.writeRow(OWN_SLOT)) this.writer.writeRow(this.rows, OWN_SLOT, this.rows.state(OWN_SLOT), false);
  }

  private writeRow(slot: number): boolean {
    const state = slot === this.target && this.type === TYPE_SYN ? this.targetState : this.rows.state(slot);
    return this.writer.writeRow(this.rows, slot, state, !this.rows.hasFlag(slot, FLAG_WITHHELD));
  }
}
