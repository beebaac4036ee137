import type { Clock } from "../clock.js";
import type { Rounds } from "../membership/rounds.js";
import type { Suspicion } from "../membership/suspicion.js";
import type { Outbox } from "../reconcile/outbox.js";
import type { OwnRow } from "../table/own-row.js";
import { FLAG_NEIGHBOUR, OWN_SLOT, type Rows } from "../table/rows.js";
import { UP } from "../table/states.js";
import { FLAG_MORE, TYPE_ACK } from "../wire/frame.js";
import type { FrameReader } from "../wire/frame-reader.js";
import type { WordPool } from "../word-pool.js";

/** Nodes that a waking asks, one after the other, until one answers. */
const ASKS_MAX = 3;
/** How long a waking waits for an answer: a radio that sleeps, too, hears a datagram after up to 3 beacons of 100 ms. */
const ANSWER_MS = 500;
/** The datagrams of a burst come at once. How long a waking waits for the next one. */
const BURST_MS = 60;

// Phases. The node does rounds in AWAKE only.
const AWAKE_PHASE = 0;
const ASKING = 1;
const ANSWERED = 2;
const QUIET = 3;

const PHASE = 0;
/** Engine time at which the phase ends. */
const DEADLINE = 1;
/** Nodes that were asked in this waking. */
const ASKED = 2;
/** Slot of the node that answered last, and 1; 0: none. It is asked first the next time. */
const PEER = 3;
/** 1: the node that is asked never answered before, so the two compare all rows. */
const IS_STRANGE = 4;
/** Words that `Sleeper` allocates. */
export const SLEEP_WORDS = 5;

/**
 * PROTOCOL 6.8: the sleep of this node. It says when it is back, and exchanges with one other node. Then the radio may
 * be off until the next waking.
 */
export class Sleeper {
  private readonly rows: Rows;
  private readonly clock: Clock;
  private readonly own: OwnRow;
  private readonly suspicion: Suspicion;
  private readonly rounds: Rounds;
  private readonly outbox: Outbox;
  private readonly words: Uint32Array;
  private readonly start: number;

  /** @param pool has SLEEP_WORDS free */
  constructor(
    rows: Rows, clock: Clock, own: OwnRow, suspicion: Suspicion, rounds: Rounds, outbox: Outbox, pool: WordPool,
  ) {
    this.rows = rows;
    this.clock = clock;
    this.own = own;
    this.suspicion = suspicion;
    this.rounds = rounds;
    this.outbox = outbox;
    this.words = pool.words;
    this.start = pool.alloc(SLEEP_WORDS);
  }

  get isAsleep(): boolean { return this.get(PHASE) !== AWAKE_PHASE; }
  /** Whether the node sleeps and its exchange is over: the radio may be off. */
  get isQuiet(): boolean { return this.get(PHASE) === QUIET; }
  /** When `tick` is due, while the node sleeps. */
  get deadline(): number { return this.get(DEADLINE); }

  /** Says that this node sleeps for so many seconds, 1 to SLEEP_SECONDS_MAX, and begins the exchange. */
  sleep(seconds: number): void {
    this.rows.setAsleep(OWN_SLOT, seconds);
    this.own.announce(UP);
    this.words[this.start + ASKED] = 0;
    this.ask();
  }

  /** The node is asleep, as after a start that goes on with a sleep; without a call of `sleep` it wakes in a round. */
  resume(): void {
    this.rows.setAsleep(OWN_SLOT, 0);
    this.rest();
  }

  /** Ends the sleep: the node says that it is UP, and does rounds again. */
  wake(): void {
    this.words[this.start + PHASE] = AWAKE_PHASE;
    // Without the state's bits of sleep.
    this.rows.setStatement(OWN_SLOT, this.own.revision(), this.rows.heartbeat(OWN_SLOT), UP);
    this.own.announce(UP);
    this.suspicion.restart();
    this.rounds.start();
  }

  /** The deadline passed, if the node sleeps. Returns whether it sleeps on. */
  tick(): boolean {
    if (!this.isAsleep || !this.clock.isDue(this.deadline)) return this.isAsleep;
    const phase = this.get(PHASE);
    if (phase === QUIET) this.wake();
    else if (phase === ASKING && this.get(ASKED) < ASKS_MAX) this.ask();
    else this.rest();
    return this.isAsleep;
  }

  /** Whether this node does without a summary in its answer: the frame, if it is an ACK, had all that changed. */
  isContent(frame: FrameReader): boolean {
    return this.isAsleep && (frame.flags & FLAG_MORE) === 0 && this.get(IS_STRANGE) === 0;
  }

  /** An answer was handled. @param isAnswered whether this node goes on @param hasRows whether it had rows or events */
  answered(frame: FrameReader, isAnswered: boolean, hasNews: boolean): void {
    const phase = this.get(PHASE);
    if (phase !== ASKING && phase !== ANSWERED) return;
    if (frame.type === TYPE_ACK) this.words[this.start + PEER] = this.rows.find(frame.id) + 1;
    if (isAnswered) this.wait(ANSWERED, ANSWER_MS);
    else if (hasNews) this.wait(ANSWERED, BURST_MS);
    else this.rest();
  }

  /** Asks the node that answered last; if it does not answer, another one, or a seed. */
  private ask(): void {
    const rows = this.rows;
    const isFirst = this.words[this.start + ASKED]++ === 0;
    const last = this.get(PEER) - 1;
    const slot = this.rounds.askAsleep(isFirst && last > 0 ? last : -1);
    this.words[this.start + IS_STRANGE] = slot >= 0 && rows.hasFlag(slot, FLAG_NEIGHBOUR) ? 0 : 1;
    this.wait(ASKING, ANSWER_MS);
  }

  /** The exchange is over, or nobody answers: until the time that the node named, nothing is due. */
  private rest(): void {
    this.words[this.start + PHASE] = QUIET;
    this.words[this.start + DEADLINE] = this.rows.deadline(OWN_SLOT);
  }

  private wait(phase: number, ms: number): void {
    this.words[this.start + PHASE] = phase;
    this.words[this.start + DEADLINE] = this.clock.nowMs + ms;
  }

  private get(word: number): number { return this.words[this.start + word]; }
}
