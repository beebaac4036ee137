/** The protocol without I/O, clock and source of random numbers. `Engine` states the contract. */
export { BROADCAST_ADDRESS, formatAddress, parseAddress } from "./wire/address.js";
export { DROP_REASONS, dropReasonName } from "./wire/drops.js";
export { Engine } from "./engine.js";
export {
  NOTIFY_ALONE, NOTIFY_CAPACITY, NOTIFY_FORK, NOTIFY_ID_CONFLICT, NOTIFY_LIMITS, NOTIFY_NETWORK, NOTIFY_NO_FEEDS,
  NOTIFY_SEALED, NOTIFY_STATE, NOTIFY_STRANGER, NOTIFY_TABLE_FULL, NOTIFY_UPDATE,
} from "./notifications.js";
export type { EncodedEvent } from "./feed/event.js";
export type { Notification } from "./notifications.js";
export type { Dialect, NodeEngine } from "./node-engine.js";
export type { EngineOptions } from "./options.js";
export type { Datagram } from "./reconcile/outbox.js";
export { FLAG_PROBED, OWN_SLOT, Rows } from "./table/rows.js";
export { NO_RECEIVER, SEAL_BYTES, type Sealer, type Sealing } from "./wire/sealer.js";
export { PROBED, DOWN, LEFT, REMOVE, SUSPECT, UP } from "./table/states.js";
