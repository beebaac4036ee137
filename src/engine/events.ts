import { FLAG_STATE_CHANGED, FLAG_UPDATED, type Rows } from "./rows.js";

/** What `pollEvent` has to say. */
export interface EngineEvent {
  kind: number;
  /** Slot of the row that it is about; of EVENT_STRANGER, the IPv4 address as uint32. */
  slot: number;
}

/** The row became fresher: another statement of its owner, perhaps another value. */
export const EVENT_UPDATE = 1;
/** The row's state changed. */
export const EVENT_STATE = 2;
/** Another device speaks under this node's id; said once a start. */
export const EVENT_ID_CONFLICT = 3;
/** A row was refused because the table is full of live rows; said once a start. */
export const EVENT_TABLE_FULL = 4;

/** A datagram came that the network's key does not open; said once for each of the first few addresses. */
export const EVENT_STRANGER = 5;
/** Somebody said two things under one number of a feed, or changed what was said; said once a start. */
export const EVENT_FORK = 6;

/**
 * Takes the next change of a row, in a slot from `from` on, that the application
 * was not told of. Returns false when there is none.
 */
export function takeChange(rows: Rows, from: number, out: EngineEvent): boolean {
  for (let slot = Math.max(from, rows.changesFrom); slot < rows.changesEnd; slot++) {
    out.slot = slot;
    const updated = rows.takeFlag(slot, FLAG_UPDATED);
    if (!updated && !rows.takeFlag(slot, FLAG_STATE_CHANGED)) continue;
    out.kind = updated ? EVENT_UPDATE : EVENT_STATE;
    return true;
  }
  rows.changesEnd = 0;
  return false;
}

/** What went wrong: the application is told of each kind once a start. */
export class Faults {
  private occurred = 0;
  private told = 0;
  private forkSlot = 0;

  /** @param kind EVENT_ID_CONFLICT, EVENT_TABLE_FULL or EVENT_FORK @param slot of the row that it is about */
  report(kind: number, slot: number): void {
    if (kind === EVENT_FORK && (this.occurred & (1 << kind)) === 0) this.forkSlot = slot;
    this.occurred |= 1 << kind;
  }

  /** Takes the next one that was not told; false when there is none. */
  take(out: EngineEvent): boolean {
    const untold = this.occurred & ~this.told;
    if (untold === 0) return false;
    let kind = EVENT_ID_CONFLICT;
    while ((untold & (1 << kind)) === 0) kind++;
    this.told |= 1 << kind;
    out.kind = kind;
    out.slot = kind === EVENT_FORK ? this.forkSlot : 0;
    return true;
  }
}
