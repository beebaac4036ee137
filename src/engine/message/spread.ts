import { isLivePeer } from "../membership/probe-order.js";
import { nextHop } from "../membership/routes.js";
import { randomBelow } from "../table/random.js";
import { FLAG_NEIGHBOUR, OWN_SLOT, type Rows } from "../table/rows.js";
import { HAD_SHIFT, KIND_BROADCAST, KIND_QUERY, NEXT, STATE, WAYS_DONE } from "./message.js";
import type { MessageStore } from "./message-store.js";

const START_SHIFT = 16;
const VISITED_MASK = 0xffff;

/** Whether messages of a kind are for all nodes. */
export function isSpread(kind: number): boolean {
  return kind === KIND_BROADCAST || kind === KIND_QUERY;
}

/**
 * The next neighbour that gets a message for all nodes: first those that are on the way to a remote node, then the
 * others, from a random one on. The search ends when as many neighbours had it already as an urgent update has
 * transmits: rumour mongering with feedback (Demers and others: Epidemic algorithms, 1987, section 1.4).
 *
 * @returns the slot of its row; -1: no more
 */
export function nextTarget(store: MessageStore, rows: Rows, place: number): number {
  if (!store.has(place, WAYS_DONE)) {
    const way = nextWay(store, rows, place);
    if (way >= 0) return way;
    store.setBits(place, WAYS_DONE);
    store.set(place, NEXT, (randomBelow(rows.words, rows.capacity) << START_SHIFT) >>> 0);
  }
  if (store.get(place, STATE) >>> HAD_SHIFT >= rows.transmitsOfUrgent()) return -1;
  const start = store.get(place, NEXT) >>> START_SHIFT;
  const stride = strideOf(rows.capacity);
  for (let visited = store.get(place, NEXT) & VISITED_MASK; visited < rows.capacity; visited++) {
    store.set(place, NEXT, ((start << START_SHIFT) | (visited + 1)) >>> 0);
    const slot = (start + visited * stride) % rows.capacity;
    if (isLivePeer(rows, slot) && rows.hasFlag(slot, FLAG_NEIGHBOUR) && isDue(store, place, slot)) return slot;
  }
  return -1;
}

/**
 * The step by which slots are looked at: without a common divisor with their number, so that each has its turn, and
 * about five eighths of it. Nodes that were found together, as those of one cell, have slots side by side; a node
 * between two cells thus tries both.
 */
function strideOf(capacity: number): number {
  let stride = (capacity * 5) >>> 3;
  while (divisorOf(stride, capacity) !== 1) stride++;
  return stride;
}

function divisorOf(a: number, b: number): number {
  let divisor = a;
  for (let rest = b; rest !== 0;) {
    const next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  return divisor;
}

function nextWay(store: MessageStore, rows: Rows, place: number): number {
  for (let slot = store.get(place, NEXT); slot < rows.capacity; slot++) {
    store.set(place, NEXT, slot + 1);
    if (!isLivePeer(rows, slot) || rows.hasFlag(slot, FLAG_NEIGHBOUR)) continue;
    const hop = nextHop(rows, slot);
    if (hop > OWN_SLOT && isLivePeer(rows, hop) && isDue(store, place, hop)) return hop;
  }
  return -1;
}

function isDue(store: MessageStore, place: number, slot: number): boolean {
  return !store.isServed(place, slot) && store.flightTo(place, slot) < 0;
}
