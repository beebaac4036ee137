import { FLAG_CONFIRMED } from "../table/row-flags.js";
import { FLAG_NEIGHBOUR, OWN_SLOT, type Rows } from "../table/rows.js";

/** Rows that a search for a way visits. */
const WAY_STEPS_MAX = 8;

/**
 * The neighbour to which a datagram for a node goes: that node itself, or the node that told this one of it last, or
 * the one that told of that one, and so on. Each row has one such node and no more, as in B.A.T.M.A.N.: a node holds
 * no routes, and a relay finds the next hop in its own table.
 *
 * @param slot of the node's row
 * @returns the neighbour's slot; -1 when this node knows no way, or the row is its own
 */
export function nextHop(rows: Rows, slot: number): number {
  let hop = slot;
  for (let step = 0; step < WAY_STEPS_MAX && hop !== OWN_SLOT; step++) {
    // A node that sleeps passes nothing on.
    if (rows.hasFlag(hop, FLAG_NEIGHBOUR) && (hop === slot || !rows.isAsleep(hop))) return hop;
    hop = rows.via(hop);
  }
  return -1;
}

/**
 * Notes who brought the freshest statement of a node.
 *
 * @param slot of the node's row
 * @param sender slot of the sender of the frame; -1: it is not held
 * @param isFirst whether no statement of the node was held
 */
export function noteStatement(rows: Rows, slot: number, sender: number, isFirst: boolean): void {
  if (!isFirst) rows.setFlag(slot, FLAG_CONFIRMED);
  // Its own word shows no way to a node that can be heard but not reached. A node that sleeps wakes to this one.
  const isOneWay = sender === slot && !rows.hasFlag(slot, FLAG_NEIGHBOUR) && !rows.isAsleep(slot);
  if (isOneWay && rows.via(slot) !== OWN_SLOT) return;
  // A node that sleeps passes nothing on: what it knows of another one shows no way.
  if (sender > OWN_SLOT && sender !== slot && rows.isAsleep(sender)) return;
  rows.setVia(slot, sender < 0 ? OWN_SLOT : sender);
}
