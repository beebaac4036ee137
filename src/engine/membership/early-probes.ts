import type { Clock } from "../clock.js";
import { randomBelow } from "../table/random.js";

/*
 * PROTOCOL 6.1: a node of a large network that learnt something new sends the probes of its next rounds at once, and
 * none in those rounds. What is left of that stands in words from `start` on.
 */

/** The base-2 logarithm of the part of an interval within which an early probe comes, at random. */
const HASTE_LOG = 6;
/** Rounds whose probes a node sends early when it learns something. */
const EARLY_ROUNDS = 2;
/** With fewer nodes to probe, few rounds reach all of them anyway, and a round without a probe is missed. */
const NODES_MIN = 16;

/** What is left, in this order: probes to send early, then EARLY_ROUNDS rounds that probe nobody; 0 = nothing. */
const STEPS = 0;
/** When the next early probe is due. */
const DEADLINE = 1;
export const EARLY_PROBE_WORDS = 2;

/** @param nodes that the node probes in turn */
export function startEarlyProbes(words: Uint32Array, start: number, nodes: number, clock: Clock): void {
  if (words[start + STEPS] > 0 || nodes < NODES_MIN) return;
  words[start + STEPS] = 2 * EARLY_ROUNDS;
  plan(words, start, clock);
}

/** Whether an early probe is left to send. */
export function hasEarlyProbe(words: Uint32Array, start: number): boolean {
  return words[start + STEPS] > EARLY_ROUNDS;
}

/** When it is due. */
export function earlyDeadline(words: Uint32Array, start: number): number { return words[start + DEADLINE]; }

export function isEarlyProbeDue(words: Uint32Array, start: number, clock: Clock): boolean {
  return hasEarlyProbe(words, start) && clock.isDue(words[start + DEADLINE]);
}

/** The probe that was due was sent: plans the next. If there was nobody to probe, none follows. */
export function endEarlyProbe(words: Uint32Array, start: number, isSent: boolean, clock: Clock): void {
  words[start + STEPS] = isSent ? words[start + STEPS] - 1 : 0;
  if (isSent) plan(words, start, clock);
}

/** A round begins. Returns whether it probes nobody, because its probe was early. */
export function takeEarlyRound(words: Uint32Array, start: number): boolean {
  if (words[start + STEPS] === 0 || hasEarlyProbe(words, start)) return false;
  words[start + STEPS]--;
  return true;
}

function plan(words: Uint32Array, start: number, clock: Clock): void {
  words[start + DEADLINE] = clock.nowMs + randomBelow(words, clock.roundIntervalMs >>> HASTE_LOG);
}
