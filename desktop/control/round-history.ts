import type { GossipStats } from "../../src/gossip.js";
import type { NetworkRound } from "./changes.js";

/** Rounds that are kept, for plots. */
export const ROUNDS_KEPT = 512;

/** The last 512 rounds of a node, from its counters. */
export class RoundHistory {
  private readonly rounds: NetworkRound[] = [];
  private last: NetworkRound | undefined;

  /** Notes the counters at the end of a round. @returns the round; undefined for the first call, which begins one */
  add(stats: GossipStats, suspicions: number): NetworkRound | undefined {
    const { datagramsSent, bytesSent, datagramsReceived, bytesReceived } = stats;
    const drops = Object.values(stats.drops).reduce((sum, count) => sum + count, 0);
    const before = this.last;
    const total = {
      round: (before?.round ?? -1) + 1, datagramsSent, bytesSent, datagramsReceived, bytesReceived, suspicions, drops,
    };
    this.last = total;
    if (before === undefined) return undefined;
    const round = {
      round: total.round,
      datagramsSent: between(before.datagramsSent, datagramsSent),
      bytesSent: between(before.bytesSent, bytesSent),
      datagramsReceived: between(before.datagramsReceived, datagramsReceived),
      bytesReceived: between(before.bytesReceived, bytesReceived),
      suspicions,
      drops: Math.max(0, drops - before.drops),
    };
    this.rounds.push(round);
    if (this.rounds.length > ROUNDS_KEPT) this.rounds.shift();
    return round;
  }

  list(): NetworkRound[] {
    return [...this.rounds];
  }
}

/** Counters begin anew at 2³². */
function between(before: number, after: number): number {
  return (after - before) >>> 0;
}
