import { FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE, type Rows } from "./table/rows.js";

/** What `pollEvent` has to say. */
export interface Notification {
  kind: number;
  /** Slot of the row that it is about; of NOTIFY_STRANGER, the IPv4 address as uint32. */
  slot: number;
}

/** The row became fresher: another statement of its owner, perhaps another value. */
export const NOTIFY_UPDATE = 1;
/** The row's state changed. */
export const NOTIFY_STATE = 2;
/** Another device speaks under this node's id; said once a start. */
export const NOTIFY_ID_CONFLICT = 3;
/** A row was refused because the table is full of live rows; said once a start. */
export const NOTIFY_TABLE_FULL = 4;

/** A datagram came that the network's key does not open; said once for each of the first few addresses. */
export const NOTIFY_STRANGER = 5;
/** Somebody said two things under one number of a feed, or changed what was said; said once a start. */
export const NOTIFY_FORK = 6;

/**
 * Takes the next change of a row, in a slot from `from` on, that the application
 * was not told of. Returns false when there is none.
 */
export function nextChange(rows: Rows, from: number, out: Notification): boolean {
  for (let slot = Math.max(from, rows.changesFrom); slot < rows.changesEnd; slot++) {
    out.slot = slot;
    const updated = rows.consumeFlag(slot, FLAG_NOTIFY_UPDATE);
    if (!updated && !rows.consumeFlag(slot, FLAG_NOTIFY_STATE)) continue;
    out.kind = updated ? NOTIFY_UPDATE : NOTIFY_STATE;
    return true;
  }
  rows.changesEnd = 0;
  return false;
}

/** What went wrong: the application is told of each kind once a start. */
export class Faults {
  private occurred = 0;
  private notified = 0;
  private forkSlot = 0;

  /** @param kind NOTIFY_ID_CONFLICT, NOTIFY_TABLE_FULL or NOTIFY_FORK @param slot of the row that it is about */
  report(kind: number, slot: number): void {
    if (kind === NOTIFY_FORK && (this.occurred & (1 << kind)) === 0) this.forkSlot = slot;
    this.occurred |= 1 << kind;
  }

  /** Takes the next one that was not told; false when there is none. */
  next(out: Notification): boolean {
    const untold = this.occurred & ~this.notified;
    if (untold === 0) return false;
    let kind = NOTIFY_ID_CONFLICT;
    while ((untold & (1 << kind)) === 0) kind++;
    this.notified |= 1 << kind;
    out.kind = kind;
    out.slot = kind === NOTIFY_FORK ? this.forkSlot : 0;
    return true;
  }
}
