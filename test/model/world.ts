import type { ModelEvent } from "./event.js";
import type { ModelNode } from "./node.js";
import { Random } from "./random.js";
import type { Rules } from "./rules.js";
import { ROUND_MS } from "./times.js";

/** What the checkers report. */
export type ViolationKind =
  "readYourWrites" | "undone" | "views" | "latest" | "merge" | "lostLog" | "memory" | "duplicates" | "convergence" |
  "identity" | "date" | "boardClock";

export interface Violation {
  readonly kind: ViolationKind;
  readonly text: string;
}

/** What happened in a history, counted. */
export interface Counts {
  ended: number;
  copied: number;
  generations: number;
  joined: number;
  forks: number;
  removalsRepeated: number;
  removalsForgotten: number;
  logsOfLostBranches: number;
  blinks: number;
  steppedBack: number;
  adoptedTimes: number;
}

export function noCounts(): Counts {
  return {
    ended: 0, copied: 0, generations: 0, joined: 0, forks: 0, removalsRepeated: 0, removalsForgotten: 0,
    logsOfLostBranches: 0, blinks: 0, steppedBack: 0, adoptedTimes: 0,
  };
}

/** All nodes of one history, what they published, and what the checkers found. */
export class World {
  /** The current round. */
  now = 100;
  /** True time at round 0. */
  epochMs = 0;
  /** An earlier time is that of a clock that was never set. */
  plausibleMs = -Infinity;
  readonly nodes: ModelNode[] = [];
  /** What applications published, in this order. Copies and ends of the library are not in it. */
  readonly events: ModelEvent[] = [];
  readonly violations: Violation[] = [];
  readonly counts = noCounts();
  readonly random: Random;
  readonly rules: Rules;
  /** Side of each node while the network is split. */
  partition: number[] | null = null;
  /** Every node has room for all records, so no log event may be missing. */
  isRoomy = true;
  /** A node ran out of room for values: `arenaFull`. The history ends without a verdict (limit L8). */
  isFull = false;
  /** Rounds until nothing changed any more. */
  settledRounds = 0;
  private lastRecordId = 0;

  constructor(seed: number, rules: Rules) {
    this.random = new Random(seed);
    this.rules = rules;
  }

  nextRecordId(): number {
    return ++this.lastRecordId;
  }

  fail(kind: ViolationKind, text: string): void {
    this.violations.push({ kind, text });
  }

  trueMs(): number {
    return this.epochMs + this.now * ROUND_MS;
  }

  live(): ModelNode[] {
    return this.nodes.filter((node) => node.isAlive);
  }

  canReach(one: ModelNode, other: ModelNode): boolean {
    if (!one.isAlive || !other.isAlive) return false;
    return this.partition === null || this.partition[one.id] === this.partition[other.id];
  }

  eventOf(record: ModelEvent): ModelEvent | undefined {
    return this.events.find(({ recordId }) => recordId === record.recordId);
  }
}
