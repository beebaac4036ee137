import { FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE, type Rows } from "./table/rows.js";

/** What `pollNotification` yields. */
export interface Notification {
  /** One of the NOTIFY_ constants. */
  kind: number;
  /** Slot of the row that the notification is about. For NOTIFY_STRANGER: the IPv4 address as uint32. */
  slot: number;
}

/** The row holds a fresher statement of its owner, perhaps with another value. */
export const NOTIFY_UPDATE = 1;
/** The row's state changed. */
export const NOTIFY_STATE = 2;
/** Another device uses this node's id. Notified once a start. */
export const NOTIFY_ID_CONFLICT = 3;
/** A row was refused because the table is full of live rows. Notified once a start. */
export const NOTIFY_TABLE_FULL = 4;
/** A datagram arrived that the network's key does not unseal. Notified once for each of the first 4 addresses. */
export const NOTIFY_STRANGER = 5;
/** Two different events have the same number in one feed. Notified once a start. */
export const NOTIFY_FORK = 6;

/** Writes the next row change that the application has not been notified of; false when there is none. */
export function nextChange(rows: Rows, out: Notification): boolean {
  for (; rows.changesFrom < rows.changesEnd; rows.changesFrom++) {
    out.slot = rows.changesFrom;
    const isUpdated = rows.consumeFlag(out.slot, FLAG_NOTIFY_UPDATE);
    if (!isUpdated && !rows.consumeFlag(out.slot, FLAG_NOTIFY_STATE)) continue;
    out.kind = isUpdated ? NOTIFY_UPDATE : NOTIFY_STATE;
    return true;
  }
  rows.changesEnd = 0;
  return false;
}

const NOTIFIED_SHIFT = 8;

/** Faults of which the application is notified once a start. */
export class Faults {
  /** Bit k: a fault of kind k occurred. Bit k + 8: the application was notified of it. */
  private bits = 0;
  private forkSlot = 0;

  /**
   * @param kind NOTIFY_ID_CONFLICT, NOTIFY_TABLE_FULL or NOTIFY_FORK
   * @param slot of the row that the fault is about
   */
  report(kind: number, slot: number): void {
    if (kind === NOTIFY_FORK && (this.bits & (1 << kind)) === 0) this.forkSlot = slot;
    this.bits |= 1 << kind;
  }

  /** Writes the next fault that the application has not been notified of; false when there is none. */
  next(out: Notification): boolean {
    const pending = this.bits & 0xff & ~(this.bits >>> NOTIFIED_SHIFT);
    if (pending === 0) return false;
    let kind = NOTIFY_ID_CONFLICT;
    while ((pending & (1 << kind)) === 0) kind++;
    this.bits |= 1 << (kind + NOTIFIED_SHIFT);
    out.kind = kind;
    out.slot = kind === NOTIFY_FORK ? this.forkSlot : 0;
    return true;
  }
}
