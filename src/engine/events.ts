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
