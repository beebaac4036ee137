import type { Clock } from "../clock.js";
import type { Random } from "../random.js";

/** The base-2 logarithm of the part of an interval within which an early probe comes, at random. */
const HASTE_LOG = 6;
/** Rounds whose probes a node sends early when it learns something. */
const EARLY_ROUNDS = 2;
/** With fewer nodes to probe, few rounds reach all of them anyway, and a round without a probe is missed. */
const NODES_MIN = 16;

/**
 * PROTOCOL 6.1: a node of a large network that learnt something new sends the probes of its next rounds at once, and
 * none in those rounds.
 */
export class EarlyProbes {
  /** Early probes left to send. */
  private left = 0;
  /** When the next of them is due. */
  private deadline = 0;
  /** Rounds that probe nobody, because their probes were early. */
  private owed = 0;

  /** @param nodes that the node probes in turn */
  start(nodes: number, clock: Clock, random: Random): void {
    if (this.owed > 0 || this.left > 0 || nodes < NODES_MIN) return;
    this.left = EARLY_ROUNDS;
    this.plan(clock, random);
  }

  isWaiting(): boolean { return this.left > 0; }

  nextDeadline(): number { return this.deadline; }

  isDue(clock: Clock): boolean { return this.left > 0 && clock.isDue(this.deadline); }

  /** Takes the one that is due, and plans the next. @param isSent whether there was a node to probe */
  take(isSent: boolean, clock: Clock, random: Random): void {
    this.left--;
    if (isSent) this.owed++;
    this.plan(clock, random);
  }

  /** Whether the round that begins probes nobody. */
  takeOwedRound(): boolean {
    if (this.owed === 0) return false;
    this.owed--;
    return true;
  }

  private plan(clock: Clock, random: Random): void {
    this.deadline = clock.nowMs + random.below(clock.roundIntervalMs >>> HASTE_LOG);
  }
}
