import { orderKey } from "../table/hash.js";
import { IS_PARTIAL, NEIGHBOURS_MAX, PASS_LENGTH, PASS_POSITION } from "../table/node-words.js";
import { randomBelow } from "../table/random.js";
import { FLAG_FOREIGN, FLAG_PROVEN, FLAG_REMOTE, LIST_PROBE_ORDER, OWN_SLOT, type Rows } from "../table/rows.js";
import { FLAG_ANY_LOST, FLAG_HELD } from "../table/row-flags.js";
import { STATE_BITS, STATE_SHIFT } from "../table/row-layout.js";
import { DOWN, SUSPECT } from "../table/states.js";

/** A network is partial for a node that can't reach a third of it or more. */
const PARTIAL_PART = 2;

/*
 * Picks the next node to probe: a shuffled pass over all live rows that are not
 * remote, then another pass. Within two passes each of them is probed (Das,
 * Gupta, Motivala: SWIM, 2002, section 4.3). A node that joins during a pass is
 * probed in the next one. In a partial network each pass has the same order: a node
 * may have one neighbour only, so that none should wait for two passes. Elsewhere
 * each probe draws one of the rows left (Fisher-Yates, as in Durstenfeld, 1964).
 */

/** Nodes that one pass has at most. To be called once, before the first pass. */
export function setNeighboursMax(rows: Rows, neighboursMax: number): void {
  rows.words[NEIGHBOURS_MAX] = neighboursMax;
}

/** Whether many nodes are out of reach, as of the last round. */
export function isPartial(rows: Rows): boolean { return rows.words[IS_PARTIAL] !== 0; }

/** The slot of the next row to probe; -1 when there is none. Each call is one step of a shuffle (Durstenfeld, 1964). */
export function nextProbed(rows: Rows): number {
  const words = rows.words;
  for (let pass = 0; pass < 2; pass++) {
    while (words[PASS_POSITION] < words[PASS_LENGTH]) {
      const position = words[PASS_POSITION]++;
      const drawn = isPartial(rows) ? position : position + randomBelow(words, words[PASS_LENGTH] - position);
      const slot = rows.listed(LIST_PROBE_ORDER, drawn);
      rows.setListed(LIST_PROBE_ORDER, drawn, rows.listed(LIST_PROBE_ORDER, position));
      if (isProbed(rows, slot)) return slot;
    }
    beginPass(rows);
  }
  return -1;
}

/** Live nodes that are not remote, counted up to 2. */
export function countInReach(rows: Rows): number {
  let count = 0;
  for (let place = 0; place < rows.count && count < 2; place++) {
    const slot = rows.slotAt(place);
    if (isLivePeer(rows, slot) && !rows.hasFlag(slot, FLAG_REMOTE)) count++;
  }
  return count;
}

/** Counts the nodes that this one can't reach, although they are UP. Mostly there are none, and it counts nothing. */
export function updatePartial(rows: Rows): void {
  rows.words[IS_PARTIAL] = 0;
  if (!rows.hasFlag(OWN_SLOT, FLAG_ANY_LOST)) return;
  let near = 0;
  let remote = 0;
  let lost = 0;
  // In the order of slots, so that a processor with a cache reads ahead. Without the free ones behind the last row.
  let left = rows.count - 1;
  for (let slot = OWN_SLOT + 1; left > 0 && slot < rows.capacity; slot++) {
    // At one look: UP or PROBED, awake, and understands a SYN.
    const word = rows.word(slot);
    const state = (word >>> STATE_SHIFT) & STATE_BITS;
    if (!rows.isHeld(slot)) continue;
    left--;
    if ((word & FLAG_REMOTE) !== 0 || state >= SUSPECT) lost++;
    if (state >= SUSPECT || (word & FLAG_FOREIGN) !== 0) continue;
    if ((word & FLAG_REMOTE) !== 0) remote++;
    else near++;
  }
  rows.words[IS_PARTIAL] = remote > 0 && remote * PARTIAL_PART >= near ? 1 : 0;
  if (lost === 0) rows.clearFlag(OWN_SLOT, FLAG_ANY_LOST);
}

/** Remote nodes are left out. A former neighbour is probed all the same where a broken link is the exception. */
function isProbed(rows: Rows, slot: number): boolean {
  if (!isLivePeer(rows, slot)) return false;
  return !rows.hasFlag(slot, FLAG_REMOTE) || (rows.hasFlag(slot, FLAG_PROVEN) && !isPartial(rows));
}

function beginPass(rows: Rows): void {
  const words = rows.words;
  words[PASS_LENGTH] = 0;
  words[PASS_POSITION] = 0;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (isProbed(rows, slot)) rows.setListed(LIST_PROBE_ORDER, words[PASS_LENGTH]++, slot);
  }
  if (words[PASS_LENGTH] > words[NEIGHBOURS_MAX]) choose(rows);
}

/**
 * Keeps the `neighboursMax` rows with the least order keys of (id xor own id). The two ids of a pair give one key,
 * so most pairs choose each other; and the choice stays while nobody comes or goes.
 */
function choose(rows: Rows): void {
  const words = rows.words;
  for (let chosen = 0; chosen < words[NEIGHBOURS_MAX]; chosen++) {
    let least = chosen;
    let leastKey = 0xffffffff;
    for (let other = chosen; other < words[PASS_LENGTH]; other++) {
      const key = orderKey((rows.id(rows.listed(LIST_PROBE_ORDER, other)) ^ rows.id(OWN_SLOT)) >>> 0);
      if (key > leastKey) continue;
      least = other;
      leastKey = key;
    }
    const slot = rows.listed(LIST_PROBE_ORDER, least);
    rows.setListed(LIST_PROBE_ORDER, least, rows.listed(LIST_PROBE_ORDER, chosen));
    rows.setListed(LIST_PROBE_ORDER, chosen, slot);
  }
  words[PASS_LENGTH] = words[NEIGHBOURS_MAX];
}

/** Whether a slot holds a live row (UP, PROBED or SUSPECT) of another node that is awake and understands a SYN. */
export function isLivePeer(rows: Rows, slot: number): boolean {
  // At one look: a pass looks at all rows. The state of a node that is asleep is above the others.
  const word = rows.word(slot);
  return slot !== OWN_SLOT && (word & (FLAG_HELD | FLAG_FOREIGN)) === FLAG_HELD
    && ((word >>> STATE_SHIFT) & STATE_BITS) < DOWN;
}

/** Whether another node is live, in any dialect. Mostly one of the first rows shows that. */
export function hasLiveNode(rows: Rows): boolean {
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot !== OWN_SLOT && rows.state(slot) < DOWN) return true;
  }
  return false;
}
