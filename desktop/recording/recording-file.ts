import { readFileSync, statSync } from "node:fs";
import type { FeedEvent } from "../../src/gossip.js";
import type { Sealer } from "../../src/engine/wire/sealer.js";
import { RecordedState } from "./recorded-state.js";
import {
  LINE_BYTES_MAX, type RecordingEntry, type RecordingHead, parseEntry, parseHead,
} from "./recording.js";
import { ReplayText } from "./replay-text.js";

/** Longest file that is played in a page: all of it is kept in memory. */
export const PLAYED_BYTES_MAX = 134217728;
/** States that are kept, evenly over the file: a step back reads on from the last one before. */
export const STATES_MAX = 64;
/** Time steps of the figures: so many show all of the recording, and the page keeps no more. */
const STEPS_MAX = 512;
const STEP_MS_LEAST = 1000;
const LINE_FEED = 10;

/** A recording of which any part can be read. It keeps the file's bytes, and reads an entry when it is wanted. */
export class RecordingFile {
  readonly head: RecordingHead;
  /** Time from one of the figures to the next, in ms: a second, more where the recording is longer than 512 s. */
  readonly stepMs: number;
  /** Lines of entries, with names and addresses of the whole recording. */
  readonly text: ReplayText;
  /** All events: those of the begin, then those that came. */
  readonly events: FeedEvent[];
  /** What is wrong behind the last entry, with the number of its line; undefined: nothing. */
  readonly failure: string | undefined;
  private readonly bytes: Buffer;
  /** Where entries begin, and the end of the last one. */
  private readonly starts: number[] = [];
  private readonly times: number[] = [];
  private readonly states: RecordedState[] = [];

  /**
   * @param sealer opens sealed datagrams for `text`
   * @throws Error where the file is too long or its first line is wrong, and what the system throws
   */
  constructor(path: string, sealer?: Sealer) {
    if (statSync(path).size > PLAYED_BYTES_MAX) {
      throw new Error(`is longer than ${PLAYED_BYTES_MAX} bytes: a page plays no more, a terminal does`);
    }
    this.bytes = readFileSync(path);
    const headEnd = this.lineEnd(0);
    if (this.bytes.length === 0) throw new Error("line 1: is missing: the file is empty");
    try {
      this.head = parseHead(this.lineAt(0, headEnd));
    } catch (error) {
      throw new Error(`line 1: ${(error as Error).message}`, { cause: error });
    }
    this.text = new ReplayText(this.head, sealer);
    this.events = [...this.head.events as FeedEvent[]];
    this.failure = this.readTimes(headEnd + 1);
    const steps = Math.ceil(this.endMs / STEPS_MAX / STEP_MS_LEAST);
    this.stepMs = Math.max(1, steps) * STEP_MS_LEAST;
    this.keepStates();
  }

  /** How many entries there are. */
  get count(): number {
    return this.times.length;
  }

  /** Time of the last entry, in ms since the begin. */
  get endMs(): number {
    return this.times.at(-1) ?? 0;
  }

  /** Time of an entry, in ms since the begin. */
  timeOf(index: number): number {
    return this.times[index];
  }

  entry(index: number): RecordingEntry {
    return parseEntry(this.lineAt(this.starts[index], this.starts[index + 1]), 0);
  }

  /** How many entries are not after a time. */
  countUntil(atMs: number): number {
    let [from, to] = [0, this.count];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.times[middle] <= atMs) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The state after so many entries. */
  stateAfter(count: number): RecordedState {
    const kept = this.states.findLast((one) => one.position <= count) as RecordedState;
    const state = kept.copy();
    while (state.position < count) state.apply(this.entry(state.position));
    return state;
  }

  /** Checks all entries. @returns what is wrong with the first one that is */
  private readTimes(begin: number): string | undefined {
    let [at, beforeMs] = [begin, 0];
    this.starts.push(at);
    while (at < this.bytes.length) {
      const end = this.lineEnd(at);
      try {
        const entry = parseEntry(this.lineAt(at, end), beforeMs);
        this.text.learn(entry);
        if (entry.kind === "event") this.events.push(entry.event as FeedEvent);
        beforeMs = entry.atMs;
      } catch (error) {
        return `line ${this.count + 2}: ${(error as Error).message}`;
      }
      this.times.push(beforeMs);
      this.starts.push(end + 1);
      at = end + 1;
    }
    return undefined;
  }

  private keepStates(): void {
    const state = new RecordedState(this.head, this.stepMs);
    this.states.push(state.copy());
    const part = Math.max(1, Math.ceil((this.starts[this.count] - this.starts[0]) / STATES_MAX));
    for (let at = 0; at < this.count; at++) {
      state.apply(this.entry(at));
      const passed = Math.floor((this.starts[at + 1] - this.starts[0]) / part);
      if (passed > this.states.length - 1 && this.states.length < STATES_MAX) this.states.push(state.copy());
    }
  }

  private lineEnd(from: number): number {
    const end = this.bytes.indexOf(LINE_FEED, from);
    return end < 0 ? this.bytes.length : end;
  }

  private lineAt(from: number, to: number): string {
    if (to - from > LINE_BYTES_MAX) throw new Error(`is longer than ${LINE_BYTES_MAX} bytes`);
    return this.bytes.toString("utf8", from, to);
  }
}
