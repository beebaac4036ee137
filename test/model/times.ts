/*
 * Waits of the rules in rounds. The model waits for fewer rounds than the
 * design, whose numbers stand behind each, so that a history takes less time.
 */

/** A row is UP for this long after a sign of life. */
export const UP_ROUNDS = 6;
/** A row is DOWN for this long, then REMOVE for as long again. */
export const DOWN_ROUNDS = 40;
/** R5: a node repeats a removal after this (8), plus the rank delay. */
export const REPEAT_ROUNDS = 8;
/** R6: a node waits this long for the author's own answer (64). */
export const CONSENT_ROUNDS = 16;
/** R1: an author ends an event that was hidden for this long (96). */
export const END_ROUNDS = 24;
/** R3 and R5: delay for each live node of lower id (4). */
export const RANK_ROUNDS = 4;
/** R11: a node's stamps stay ahead of its clock for this long before they step back (64). */
export const STEP_BACK_ROUNDS = 16;
/** R11: a board without a clock takes the time of a single author after this (64). */
export const SINGLE_CLOCK_ROUNDS = 16;
/** R8: an own feed with holes begins a generation after this many rounds with a peer (6). */
export const HOLE_ROUNDS = 6;
/** Checkers accept an older value for this long, while feeds come in. */
export const BLINK_ROUNDS = 24;

/** One round. */
export const ROUND_MS = 1000;
/** A node keeps an expired event for this long, in case its clock is ahead. */
export const EXPIRY_GRACE_MS = 20 * ROUND_MS;
/**
 * R11: a stamp that is further ahead of the node's clock does not move its HLC, and shows that a date was wrong. A day
 * of 10-second rounds.
 */
export const DAY_MS = 8640 * ROUND_MS;
/** R11: clocks that differ by less agree. */
export const HOUR_MS = 360 * ROUND_MS;
/** R10: at its start a node's HLC is at least its revision times this (4,096). */
export const REVISION_MS = 1000;
