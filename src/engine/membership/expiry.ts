import { FLAG_CONFIRMED, FLAG_WITNESSED } from "../table/row-flags.js";
import {
  FLAG_FOREIGN, FLAG_NEIGHBOUR, FLAG_PROBED, FLAG_REMOTE, OWN_SLOT, type RowData, type Rows,
} from "../table/rows.js";
import { DOWN, PROBED, SUSPECT, UP } from "../table/states.js";
import { isLivePeer } from "./probe-order.js";
import type { Rounds } from "./rounds.js";
import type { Suspicion } from "./suspicion.js";

/** PROTOCOL 4.2: changes the states that nobody refuted in time. */
export function expireStates(rows: Rows, suspicion: Suspicion, rounds: Rounds): void {
  if (!suspicion.beginExpiry()) return;
  let place = suspicion.nextDue(rows.count - 1);
  for (; place >= 0; place = suspicion.nextDue(place - 1)) {
    const slot = rows.slotAt(place);
    if (!suspicion.needsLastProbe(slot)) {
      suspicion.advance(slot);
      rounds.hurry();
    } else if (rounds.probe(slot)) {
      suspicion.lastProbeSent(slot, rounds.localHealth);
    } else {
      suspicion.lastProbeFailed(slot);
    }
  }
}

/** PROTOCOL 6.2: nodes that did not answer are out of reach. Those of which no other node knows are suspected. */
export function suspectSilent(rows: Rows, suspicion: Suspicion, rounds: Rounds): void {
  for (let slot = rounds.nextSilent(); slot >= 0; slot = rounds.nextSilent()) {
    const wasNeighbour = rows.hasFlag(slot, FLAG_NEIGHBOUR);
    const state = rows.state(slot);
    const isPartial = rounds.isPartial();
    // Another node accused it: this one had reached it until now. Nodes that never did show nothing.
    const isConfirmed = wasNeighbour && state > UP && state <= SUSPECT && !isPartial
      && !rows.hasFlag(slot, FLAG_WITNESSED);
    const isSuspected = state < SUSPECT && isUnknownToOthers(rows, slot, wasNeighbour, isPartial);
    const isDoubt = isSuspected && (!wasNeighbour || (state === UP && isPartial));
    if (wasNeighbour) rounds.lostNeighbour();
    rows.clearFlag(slot, FLAG_NEIGHBOUR);
    rows.setRemote(slot);
    const raised = isDoubt ? PROBED : SUSPECT;
    if (isConfirmed) {
      if (state === PROBED) suspicion.raise(slot, SUSPECT);
      suspicion.confirm(slot);
      rounds.hurry();
    } else if (isSuspected && raised > state) {
      suspicion.raise(slot, raised);
      rounds.hurry();
      rounds.probe(slot);
    } else {
      suspicion.renew(slot);
    }
  }
}

/**
 * PROTOCOL 4.2: another node doubts or suspects a node. This one probes it, too: a second node that gets no answer
 * shortens the suspicion.
 */
export function probeAccused(rows: Rows, rounds: Rounds, slot: number): void {
  const state = rows.state(slot);
  const isAccused = state === PROBED || state === SUSPECT;
  if (!isAccused || !isLivePeer(rows, slot) || rows.hasFlag(slot, FLAG_REMOTE)) return;
  if (!rows.hasFlag(slot, FLAG_PROBED) && rounds.mayProbeAccused()) rounds.probe(slot);
}

/**
 * PROTOCOL 4.2: the state to merge from a peer's row. This node may have found itself that a suspected node does not
 * answer: then another one that calls it DOWN confirms that.
 */
export function believedState(
  rows: Rows, suspicion: Suspicion, rounds: Rounds, slot: number, row: RowData,
): number {
  const isSuspect = slot >= 0 && rows.state(slot) === SUSPECT && !rows.hasFlag(slot, FLAG_FOREIGN);
  const isConfirmed = isSuspect && row.state === DOWN && rows.hasFlag(slot, FLAG_REMOTE) && !rounds.wasPartial();
  return isConfirmed ? DOWN : suspicion.believed(slot, row);
}

/** Whether nobody else hears a silent node, as far as this node knows, or it has only now lost it as a neighbour. */
function isUnknownToOthers(rows: Rows, slot: number, wasNeighbour: boolean, isPartial: boolean): boolean {
  if (rows.hasFlag(slot, FLAG_WITNESSED)) return false;
  const via = rows.via(slot);
  return wasNeighbour || via === OWN_SLOT || via === slot || !isPartial || !rows.hasFlag(slot, FLAG_CONFIRMED);
}
