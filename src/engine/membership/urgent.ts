import type { Outbox } from "../reconcile/outbox.js";
import { randomBelow } from "../table/random.js";
import { FLAG_NEIGHBOUR, type Rows } from "../table/rows.js";
import { isLivePeer } from "./probe-order.js";

/** Live nodes that a published value, a doubt or a suspicion goes to at once. */
export const SPREAD_PEERS = 3;

/**
 * PROTOCOL 6.6: sends SYNs to 3 neighbours, from a random row on. They are no probes, whose places stay free.
 * Returns whether there was any.
 */
export function sendUrgent(rows: Rows, outbox: Outbox): boolean {
  const start = randomBelow(rows.words, rows.count);
  let left = SPREAD_PEERS;
  for (let i = 0; i < rows.count && left > 0 && outbox.hasRoom(); i++) {
    const slot = rows.slotAt((start + i) % rows.count);
    if (!isLivePeer(rows, slot) || !rows.hasFlag(slot, FLAG_NEIGHBOUR)) continue;
    outbox.addSyn(rows.address(slot), rows.port(slot), 0, slot);
    left--;
  }
  return left < SPREAD_PEERS;
}
