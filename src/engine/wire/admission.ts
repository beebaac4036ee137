import type { RowData } from "../table/row-data.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { isHost } from "./address.js";
import {
  DROP_ECHO, DROP_ID_CONFLICT, DROP_LENGTH, DROP_NONE, DROP_REPLAY, DROP_ROW, DROP_STALE, DROP_UNASKED, DROP_UNPROVEN,
  DROP_UNSEALED,
} from "./drops.js";
import { DATAGRAM_BYTES_MOST, FLAG_CHALLENGE, FLAG_SEALED, TYPE_ACK, TYPE_SYN } from "./frame.js";
import type { FrameReader } from "./frame-reader.js";
import { FRESH, REPLAYED, type ReplayGuard } from "./replay-guard.js";
import { SEAL_BYTES } from "./sealer.js";

/** A frame with the node's own id and one of its last 8 counters is an echo. */
const ECHO_FRAMES = 8;
/** An answer must be to one of the last 1,024 frames, and in a sealed network to one of the last 5 to 10 s. */
const ANSWERABLE_FRAMES = 1024;

/** PROTOCOL 3.3 and 7: unseals a frame in place, decodes and checks all of it. Returns a drop reason. */
export function parseFrame(
  frame: FrameReader, guard: ReplayGuard | undefined, bytes: Uint8Array, length: number, row: RowData,
  ownId: number,
): number {
  const malformed = frame.parseHead(bytes, length);
  if (malformed !== DROP_NONE) return malformed;
  // Refused before any work: no node sends it.
  if (length > DATAGRAM_BYTES_MOST) return DROP_LENGTH;
  if (guard === undefined) {
    return (frame.flags & FLAG_SEALED) !== 0 ? DROP_UNSEALED : frame.parseBody(length, row);
  }
  // A frame of this node's id is for another node, so it cannot be unsealed, unless it is for anybody.
  const isOwn = frame.id === ownId;
  if (isOwn && !frame.isUnaddressed()) return DROP_ECHO;
  const sealed = guard.unseal(frame, bytes, length);
  return sealed === DROP_NONE && !isOwn ? frame.parseBody(length - SEAL_BYTES, row) : sealed;
}

/**
 * PROTOCOL 3.3: checks a well-formed frame against what this node holds. Returns
 * a drop reason. If the reason is DROP_NONE, the replay guard has counted the frame.
 *
 * @param slot of the sender's row; -1: there is none
 * @param counter of the last frame that this node sent
 */
export function checkFrame(
  frame: FrameReader, guard: ReplayGuard | undefined, rows: Rows, slot: number, counter: number, address: number,
  port: number,
): number {
  // No row could hold such an address.
  if (!isHost(address) || port === 0) return DROP_ROW;
  if (slot === OWN_SLOT) {
    return isEcho(frame, rows, counter, address, port) ? DROP_ECHO : DROP_ID_CONFLICT;
  }
  if (slot >= 0 && frame.revision < rows.revision(slot)) return DROP_STALE;
  const isAnswer = frame.isAnswer();
  if (isAnswer && !answersFrame(frame, guard, counter)) return DROP_UNASKED;
  if (guard === undefined) return DROP_NONE;
  const verdict = guard.check(frame, slot, isAnswer);
  if (verdict === FRESH) return DROP_NONE;
  return verdict === REPLAYED || frame.type !== TYPE_SYN ? DROP_REPLAY : DROP_UNPROVEN;
}

/** Whether a frame answers one of the 1,024 frames up to `counter`; with a guard, one of the last 5 to 10 s. */
export function answersFrame(frame: FrameReader, guard: ReplayGuard | undefined, counter: number): boolean {
  if (!frame.isAnswer() || (counter - frame.inReplyTo) >>> 0 >= ANSWERABLE_FRAMES) return false;
  return guard === undefined || guard.isRecent(frame.inReplyTo);
}

/**
 * Whether the sender of an answer may not have applied the SYN: it challenges (PROTOCOL 7) or, in a network with a
 * name, shows its limits (3.4).
 */
export function isUnsure(frame: FrameReader): boolean {
  return (frame.flags & FLAG_CHALLENGE) !== 0 || (frame.isNamed() && frame.type === TYPE_ACK && frame.limits >= 0);
}

function isEcho(frame: FrameReader, rows: Rows, counter: number, address: number, port: number): boolean {
  if (address === rows.address(OWN_SLOT) && port === rows.port(OWN_SLOT)) return true;
  const framesAgo = counter - frame.counter;
  return frame.revision === rows.revision(OWN_SLOT) && framesAgo >= 0 && framesAgo < ECHO_FRAMES;
}
