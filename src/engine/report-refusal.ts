import { NOTIFY_NETWORK, NOTIFY_SEALED, reportSender } from "./notifications.js";
import { DROP_NETWORK, DROP_SEAL, DROP_UNSEALED } from "./wire/drops.js";
import type { FrameReader } from "./wire/frame-reader.js";
import type { ReplayGuard } from "./wire/replay-guard.js";

/** Reports a refused datagram that shows a fault of the network. @param words of the rows */
export function reportRefusal(
  words: Uint32Array, guard: ReplayGuard | undefined, frame: FrameReader, reason: number, address: number,
): void {
  if (reason === DROP_NETWORK) reportSender(words, NOTIFY_NETWORK, address, frame.isNamed() ? 1 : 0);
  else if (guard === undefined && reason === DROP_UNSEALED) reportSender(words, NOTIFY_SEALED, address, 0);
  if (guard === undefined || (reason !== DROP_UNSEALED && reason !== DROP_SEAL)) return;
  guard.noteStranger(address, reason === DROP_SEAL);
}
