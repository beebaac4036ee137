/** The protocol: no I/O, no clock, no dice of its own. `Engine` states its contract. */
export { BROADCAST_ADDRESS, formatAddress, parseAddress } from "./address.js";
export { DROP_REASONS, dropReasonName } from "./drops.js";
export { Engine } from "./engine.js";
export {
  EVENT_FORK, EVENT_ID_CONFLICT, EVENT_STATE, EVENT_STRANGER, EVENT_TABLE_FULL, EVENT_UPDATE,
} from "./events.js";
export type { EngineEvent } from "./events.js";
export type { Dialect, NodeEngine } from "./node-engine.js";
export type { EngineOptions } from "./options.js";
export type { Datagram } from "./outbox.js";
export { FLAG_ASKED, OWN_SLOT, Rows } from "./rows.js";
export { SEAL_BYTES, type Sealer, type Sealing } from "./sealer.js";
export { ASKED, DOWN, LEFT, REMOVE, SUSPECT, UP } from "./states.js";
