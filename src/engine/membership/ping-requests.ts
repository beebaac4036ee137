import type { Outbox } from "../reconcile/outbox.js";
import { randomBelow } from "../table/random.js";
import { FLAG_NEIGHBOUR, FLAG_REMOTE, type Rows } from "../table/rows.js";
import { UP } from "../table/states.js";
import { isLivePeer } from "./probe-order.js";

/** Nodes that get a ping request for a node that does not answer. */
const PING_REQUESTS = 3;

/** PROTOCOL 6.2: sends ping requests for a node to 3 nodes that are UP: neighbours, or else unknown ones. */
export function sendPingRequests(rows: Rows, outbox: Outbox, target: number): void {
  const left = sendTo(rows, outbox, target, true, PING_REQUESTS);
  if (left > 0) sendTo(rows, outbox, target, false, left);
}

/** Sends up to `most` ping requests, from a random row on. Returns how many are left. */
function sendTo(
  rows: Rows, outbox: Outbox, target: number, isNeighbour: boolean, most: number,
): number {
  const mayVouch = !rows.hasFlag(target, FLAG_NEIGHBOUR);
  const start = randomBelow(rows.words, rows.count);
  let left = most;
  for (let i = 0; i < rows.count && left > 0 && outbox.hasRoom(); i++) {
    const slot = rows.slotAt((start + i) % rows.count);
    if (slot === target || !isLivePeer(rows, slot) || rows.state(slot) !== UP) continue;
    if (rows.hasFlag(slot, FLAG_NEIGHBOUR) !== isNeighbour || rows.hasFlag(slot, FLAG_REMOTE)) continue;
    outbox.addPingReq(rows.id(target), slot, mayVouch);
    left--;
  }
  return left;
}
