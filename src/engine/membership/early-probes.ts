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
  /** What is left, in this order: probes to send early, then EARLY_ROUNDS rounds that probe nobody; 0 = nothing. */
  private steps = 0;
  /** When the next early probe is due. */
  private deadline = 0;

  /** @param nodes that the node probes in turn */
  start(nodes: number, clock: Clock, random: Random): void {
    if (this.steps > 0 || nodes < NODES_MIN) return;
    this.steps = 2 * EARLY_ROUNDS;
    this.plan(clock, random);
  }

  isWaiting(): boolean { return this.steps > EARLY_ROUNDS; }

  nextDeadline(): number { return this.deadline; }

  isDue(clock: Clock): boolean { return this.isWaiting() && clock.isDue(this.deadline); }

  /** The probe that is due was sent: plans the next. */
  sent(clock: Clock, random: Random): void {
    this.steps--;
    this.plan(clock, random);
  }

  /** There is nobody to probe. */
  stop(): void { this.steps = 0; }

  /** A round begins. Returns whether it probes nobody, because its probe was early. */
  takeRound(): boolean {
    if (this.steps === 0 || this.isWaiting()) return false;
    this.steps--;
    return true;
  }

  private plan(clock: Clock, random: Random): void {
    this.deadline = clock.nowMs + random.below(clock.roundIntervalMs >>> HASTE_LOG);
  }
}
