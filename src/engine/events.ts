/** What `pollEvent` has to say. */
export interface EngineEvent {
  kind: number;
  /** Slot of the row that it is about. */
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
