/** How long the phases of scenarios take. */

export const WARM_UP_ROUNDS = 12;
/** More for each hop of the longest path, where not every node reaches every other; also for the healing. */
export const ROUNDS_PER_HOP = 2;
export const SAFETY_ROUNDS = 30;
/** The same where nodes leave for ever: time to be forgotten, and to return, several times. */
export const DEPARTING_ROUNDS = 150;
/** The same after the healing: longer than all waits of the rules of events (docs/EVENTS-DESIGN.md). */
export const REST_ROUNDS = 240;
/** How long the rows of nodes that left stay: suspected, down and removed, one after the other. */
export const FORGET_ROUNDS = 48;
/**
 * How long rows are down, and how long removed, where nodes leave for ever. It is longer than a suspicion. Otherwise
 * tombstones go before all nodes have them, and the row comes back from the others.
 */
export const REMOVE_AFTER_MS = 120000;
/** How long a corrupted row that became foreign stays: 64 rounds (PROTOCOL.md 4.4), because no node can be probed. */
export const FOREIGN_ROUNDS = 64;
/**
 * The same where not every node reaches every other. A damaged id whose statement was damaged, too, looks like a node
 * that others hear. Its row stays live for 1.5 times the longest pause between two statements (PROTOCOL.md 6.6), then
 * for a doubt and a suspicion.
 *
 * @param rows in a table at most
 */
export function damagedRounds(rows: number): number {
  return 1.5 * Math.max(64, 8 * rows) + 2 * (3 + Math.floor(Math.log2(rows)));
}
/** How long rows of invented nodes may stay live: they are probed in turn like all other rows. */
export const INVENTED_ROUNDS = 160;
/**
 * More for the healing where not every node reaches every other: how long a node waits for an author that it can't ask,
 * before it takes another branch of the same generation (PROTOCOL.md 10.6).
 */
export const CONSENT_ROUNDS = 64;
/** Sleeps within which a device that lost its power, or whose word was lost, is known to all again. */
export const SLEEPS_TO_HEAL = 3;
/** ESPGossip gives no bound; this is where the scenario stops waiting. */
export const ESPGOSSIP_ROUNDS = 200;
/** The clock error of typical boards. */
export const CLOCK_SKEW_PPM = 100;
/** Rounds per node for filling gaps. A node requests from every other node once in a quarter of them. */
export const GAP_ROUNDS = 4;
/** Rounds within which nodes end what was hidden. Their feeds go on until then. */
export const TIDY_ROUNDS = 160;

/**
 * Rounds within which a network must agree after the faults: time to retry nodes
 * that are DOWN, and the time of one suspicion.
 *
 * @param hops of the longest path, where not every node reaches every other; otherwise 0
 */
export function roundsToHealMax(nodes: number, hops: number): number {
  const more = hops === 0 ? 0 : CONSENT_ROUNDS + ROUNDS_PER_HOP * hops;
  return 16 + 2 * Math.ceil(Math.log2(nodes)) + more;
}
