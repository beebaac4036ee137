import { writeU32 } from "../../cbor/big-endian.js";
import { NO_RECEIVER, type Sealer } from "../wire/sealer.js";
import { AT_KIND, HEAD_BYTES, KIND_PING, KIND_PONG, KIND_REPLY, QUERY_BYTES } from "./message.js";
import type { MessageStore } from "./message-store.js";
import { isSpread } from "./spread.js";

/*
 * The seal between the two ends of a message. Its associated data are kind, receiver, sender and number, in REPLY with
 * the number of the query: relays pass the payload on unread and cannot give it another meaning. Sealing is done in
 * the scratch, of which the sealer has a view.
 */

/** Where the payload begins, counted from the message. */
function payloadAt(kind: number): number {
  return kind === KIND_REPLY ? HEAD_BYTES + QUERY_BYTES : HEAD_BYTES;
}

function isSealed(kind: number): boolean {
  return kind !== KIND_PING && kind !== KIND_PONG;
}

/**
 * Seals the message in the scratch. Returns its length.
 *
 * @param payloadBytes of its payload before
 * @param query number of the query, in REPLY
 * @param to id of the receiver
 */
export function closeMessage(
  store: MessageStore, sealer: Sealer | undefined, payloadBytes: number, query: number, to: number,
): number {
  const at = store.scratch();
  const kind = store.bytes[at + AT_KIND];
  if (kind === KIND_REPLY) writeU32(store.bytes, at + HEAD_BYTES, query);
  const head = payloadAt(kind);
  const view = store.view;
  if (sealer === undefined || view === undefined || !isSealed(kind)) return head + payloadBytes;
  const receiver = isSpread(kind) ? NO_RECEIVER : to;
  return AT_KIND + sealer.seal(view, head - AT_KIND, head + payloadBytes - AT_KIND, view.length, receiver);
}

/**
 * Opens the message in the scratch. Returns the bytes of its payload there; -1: it is not genuine.
 *
 * @param length of the message
 * @param own id of this node
 */
export function openMessage(store: MessageStore, sealer: Sealer | undefined, length: number, own: number): number {
  const kind = store.bytes[store.scratch() + AT_KIND];
  const head = payloadAt(kind);
  const view = store.view;
  if (sealer === undefined || view === undefined || !isSealed(kind)) return length - head;
  const plain = sealer.unseal(view, head - AT_KIND, length - AT_KIND, isSpread(kind) ? NO_RECEIVER : own);
  return plain < 0 ? -1 : plain + AT_KIND - head;
}
