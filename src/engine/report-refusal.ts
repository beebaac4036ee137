import { type Faults, NOTIFY_NETWORK, NOTIFY_SEALED } from "./notifications.js";
import { DROP_NETWORK, DROP_SEAL, DROP_UNSEALED } from "./wire/drops.js";
import { JSON_FIRST_BYTE } from "./wire/frame.js";
import type { FrameReader } from "./wire/frame-reader.js";
import type { ReplayGuard } from "./wire/replay-guard.js";

/** A shorter JSON datagram is not from an ESPGossip node and gets no sign of life. */
const JSON_BYTES_MIN = 12;

/** Whether a datagram may be from an ESPGossip node. */
export function isJson(bytes: Uint8Array, length: number): boolean {
  return length >= JSON_BYTES_MIN && bytes[0] === JSON_FIRST_BYTE;
}

/** Reports a refused datagram that shows a fault of the network. */
export function reportRefusal(
  faults: Faults, guard: ReplayGuard | undefined, frame: FrameReader, reason: number, address: number,
): void {
  if (reason === DROP_NETWORK) faults.reportSender(NOTIFY_NETWORK, address, frame.isNamed() ? 1 : 0);
  else if (guard === undefined && reason === DROP_UNSEALED) faults.reportSender(NOTIFY_SEALED, address, 0);
  if (guard === undefined || (reason !== DROP_UNSEALED && reason !== DROP_SEAL)) return;
  guard.noteStranger(address, reason === DROP_SEAL);
}
