import { orderKey } from "../engine/table/hash.js";
import { BURST_MAX, type Datagram } from "../engine/reconcile/outbox.js";
import { FLAG_SENT_AS_UPDATE, FLAG_TO_SEND, OWN_SLOT, type RowData, type Rows } from "../engine/table/rows.js";
import { TYPE_ACK, TYPE_SYN } from "./state-reader.js";
import { StateWriter } from "./state-writer.js";

/** The peer has listed this row: what it lacks can be told from what it left out. */
const FLAG_LISTED = FLAG_SENT_AS_UPDATE;
/** With fewer rows than these, beside the sender's own, a SYN is not taken for a part: their order may be by chance. */
const PART_ROWS_MIN = 8;

/**
 * What the current input makes the node send: a SYN with the whole network
 * state, or an ACK with the rows that a SYN showed to be wanted. Datagrams are
 * written when they are taken.
 *
 * A state that does not fit one datagram goes out in parts, at most BURST_MAX
 * at a time, and the next SYN begins where this one ended. The rows of a part
 * ascend by key, from the last on to the first, those of a whole state descend,
 * and the node's own comes first in either: so a receiver of a part knows which
 * rows the sender only left out.
 */
export class StateOutbox {
  private readonly rows: Rows;
  private readonly writer: StateWriter;
  private readonly datagramBytesMax: number;
  private type = 0;
  private address = 0;
  private port = 0;
  private datagramsLeft = 0;
  /** The row that the SYN goes to, and its state before it was asked. */
  private target = -1;
  private targetState = 0;
  /** Of a SYN in parts: where the next part begins, for ever, and the rows that this SYN has not had yet. */
  private syncPlace = 0;
  private rowsLeft = 0;
  /** Of an ACK: where it goes on. */
  private ackPlace = 0;

  // Of the SYN that is answered.
  private listedCount = 0;
  /** Times that a row's key was below that of the row before. */
  private descents = 0;
  private firstKey = 0;
  private lastKey = 0;

  constructor(rows: Rows, datagramBytesMax: number, isMarked: boolean) {
    this.rows = rows;
    this.datagramBytesMax = datagramBytesMax;
    this.writer = new StateWriter(isMarked);
  }

  /** Drops what the last input left. */
  clear(): void {
    this.datagramsLeft = 0;
  }

  /** @param target slot of the row of the receiver, -1 when there is none */
  addSyn(address: number, port: number, target: number): void {
    this.begin(TYPE_SYN, address, port);
    this.target = target;
    this.targetState = target < 0 ? 0 : this.rows.state(target);
    this.rowsLeft = this.rows.count - 1;
  }

  /** Begins to work out what the sender of a SYN lacks: until it lists a row, it lacks it. */
  beginDiff(): void {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      rows.setFlag(rows.slotAt(place), FLAG_TO_SEND);
      rows.clearFlag(rows.slotAt(place), FLAG_LISTED);
    }
    this.listedCount = 0;
    this.descents = 0;
  }

  /** The SYN lists a row, complete or not. */
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

  /** All rows were listed: the ACK is what is left. */
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
    if (this.rowsLeft === this.rows.count - 1 && this.writeWhole()) return true;
    this.writer.begin(out.bytes, this.datagramBytesMax);
    this.writeOwn();
    return this.writePart();
  }

  private writeWhole(): boolean {
    const rows = this.rows;
    this.writeOwn();
    for (let place = rows.count - 1; place >= 0; place--) {
      if (rows.slotAt(place) !== OWN_SLOT && !this.writeRow(rows.slotAt(place))) return false;
    }
    return true;
  }

  /** Writes rows from where the last part ended. Returns whether all passed, but a few that come first next time. */
  private writePart(): boolean {
    const rows = this.rows;
    for (let isEmpty = true; this.rowsLeft > 0; this.syncPlace++) {
      if (this.syncPlace >= rows.count) this.syncPlace = 0;
      const slot = rows.slotAt(this.syncPlace);
      if (slot === OWN_SLOT) continue;
      // A row that does not fit a datagram of its own is left out, or it would stop the others.
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

  /** Without its data rather than not at all: the others have to know that this node is there. */
  private writeOwn(): void {
    if (!this.writeRow(OWN_SLOT)) this.writer.writeRow(this.rows, OWN_SLOT, this.rows.state(OWN_SLOT), false);
  }

  private writeRow(slot: number): boolean {
    const state = slot === this.target && this.type === TYPE_SYN ? this.targetState : this.rows.state(slot);
    return this.writer.writeRow(this.rows, slot, state, true);
  }
}
