import type { Random } from "../random.js";
import { FLAG_FOREIGN, LIST_PROBE_ORDER, OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN } from "../table/states.js";

/**
 * Picks the next node to probe: a shuffled pass over all live rows, then another
 * pass. Within two passes every live node is probed (Das, Gupta, Motivala: SWIM,
 * 2002, section 4.3). A node that joins during a pass is probed in the next one.
 */
export class ProbeOrder {
  private length = 0;
  private position = 0;

  /** The slot of the next live row that is not the node's own; -1 when there is none. */
  next(rows: Rows, random: Random): number {
    for (let pass = 0; pass < 2; pass++) {
      while (this.position < this.length) {
        const slot = rows.listed(LIST_PROBE_ORDER, this.position++);
        if (isLivePeer(rows, slot)) return slot;
      }
      this.shuffle(rows, random);
    }
    return -1;
  }

  private shuffle(rows: Rows, random: Random): void {
    this.length = 0;
    this.position = 0;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (!isLivePeer(rows, slot)) continue;
      const other = random.below(this.length + 1);
      rows.setListed(LIST_PROBE_ORDER, this.length, rows.listed(LIST_PROBE_ORDER, other));
      rows.setListed(LIST_PROBE_ORDER, other, slot);
      this.length++;
    }
  }
}

/** Whether a slot holds a live row (UP or SUSPECT) of another node that understands a SYN. */
export function isLivePeer(rows: Rows, slot: number): boolean {
  return slot !== OWN_SLOT && rows.isHeld(slot) && rows.state(slot) < DOWN && !rows.hasFlag(slot, FLAG_FOREIGN);
}

/** Whether another node is live, in any dialect. Mostly one of the first rows shows that. */
export function hasLiveNode(rows: Rows): boolean {
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot !== OWN_SLOT && rows.state(slot) < DOWN) return true;
  }
  return false;
}
