import type { Rows } from "../table/rows.js";
import { SUSPECT } from "../table/states.js";
import type { Rounds } from "./rounds.js";
import type { Suspicion } from "./suspicion.js";

/** PROTOCOL 4.2: changes the states that nobody refuted in time. */
export function expireStates(rows: Rows, suspicion: Suspicion, rounds: Rounds): void {
  if (!suspicion.beginExpiry()) return;
  let place = suspicion.nextDue(rows.count - 1);
  for (; place >= 0; place = suspicion.nextDue(place - 1)) {
    const slot = rows.slotAt(place);
    if (!suspicion.needsLastProbe(slot)) suspicion.advance(slot);
    else if (rounds.probe(slot)) suspicion.lastProbeSent(slot, rounds.localHealth);
    else suspicion.lastProbeFailed(slot);
  }
}

/** PROTOCOL 6.2: suspects nodes that do not answer, and sends them the suspicion so that they can refute it. */
export function suspectSilent(suspicion: Suspicion, rounds: Rounds): void {
  for (let slot = rounds.nextSilent(); slot >= 0; slot = rounds.nextSilent()) {
    suspicion.raise(slot, SUSPECT);
    rounds.probe(slot);
  }
}
