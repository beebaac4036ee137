import { ANSWERS, ANSWERS_SHIFT, FLAGS, WORDS } from "./row-layout.js";

/*
 * Answers to the SYNs of each node since the last round, in the flags of its row. Mostly few nodes send SYNs in a
 * round, so their slots are listed, and a round need not visit all rows. The own row counts the slots in the list.
 */

/** Slots in the list. With more, a round visits all rows. */
export const ANSWERED_MAX = 4;
/** Answers of any length to the SYNs of one node between two rounds. Further answers are kept short. */
export const ANSWERS_MAX = 14;

/**
 * Counts an answer to a SYN of the node in `slot`. Returns the number since `clearAnswers`, 15 at most.
 *
 * @param words the rows' words
 * @param halves the list is in the last ANSWERED_MAX
 */
export function countAnswer(words: Uint32Array, halves: Uint16Array, slot: number): number {
  const at = slot * WORDS + FLAGS;
  if ((words[at] & ANSWERS) === 0) {
    const listed = (words[FLAGS] & ANSWERS) >>> ANSWERS_SHIFT;
    if (listed < ANSWERED_MAX) halves[halves.length - ANSWERED_MAX + listed] = slot;
    if (listed <= ANSWERED_MAX) words[FLAGS] += 1 << ANSWERS_SHIFT;
  }
  if ((words[at] & ANSWERS) !== ANSWERS) words[at] += 1 << ANSWERS_SHIFT;
  return (words[at] & ANSWERS) >>> ANSWERS_SHIFT;
}

/** A round begins. */
export function clearAnswers(words: Uint32Array, halves: Uint16Array, capacity: number): void {
  const listed = (words[FLAGS] & ANSWERS) >>> ANSWERS_SHIFT;
  if (listed > ANSWERED_MAX) {
    for (let slot = 0; slot < capacity; slot++) words[slot * WORDS + FLAGS] &= ~ANSWERS;
    return;
  }
  for (let i = halves.length - ANSWERED_MAX; i < halves.length - ANSWERED_MAX + listed; i++) {
    words[halves[i] * WORDS + FLAGS] &= ~ANSWERS;
  }
  words[FLAGS] &= ~ANSWERS;
}
