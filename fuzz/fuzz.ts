import { SimRandom } from "../desktop/simulator/random.js";
import { replay, shorten, writeToCorpus } from "./corpus.js";
import type { Session, Target } from "./target.js";

/** Inputs of one session, at most. */
const SESSION_INPUTS = 500;

export interface FuzzOptions {
  /** uint32 that decides all inputs. */
  seed: number;
  /** Inputs in all; Infinity when only the time counts. */
  inputs: number;
  /** When to stop, as `performance.now()` has it. */
  endMs: number;
  /** Where failing sessions are written to. */
  corpus: string;
}

export interface FuzzResult {
  seed: number;
  inputs: number;
  sessions: number;
  /** By target, then by what `Session.take` returned. */
  counts: Record<string, Record<string, number>>;
  failures: FuzzFailure[];
}

export interface FuzzFailure {
  target: string;
  message: string;
  file: string;
}

/** Lets each target live one session after the other, until the inputs or the time are used up. */
export function fuzz(targets: readonly Target[], options: FuzzOptions): FuzzResult {
  const result: FuzzResult = { seed: options.seed, inputs: 0, sessions: 0, counts: {}, failures: [] };
  while (result.inputs < options.inputs && performance.now() < options.endMs) {
    const target = targets[result.sessions % targets.length];
    live(target, new SimRandom(options.seed, result.sessions), options, result);
    result.sessions++;
  }
  return result;
}

/** One session. What decides its inputs are the seed and its number alone, whatever the time. */
function live(target: Target, random: SimRandom, options: FuzzOptions, result: FuzzResult): void {
  const counts = result.counts[target.name] ??= {};
  const session = target.begin();
  const lines: string[] = [];
  try {
    for (let left = random.between(10, SESSION_INPUTS); left > 0; left--) {
      if (result.inputs >= options.inputs || performance.now() >= options.endMs) return;
      step(session, random, lines, counts);
      result.inputs++;
    }
  } catch (error) {
    result.failures.push(keep(target, lines, options.corpus, error));
  }
}

function step(session: Session, random: SimRandom, lines: string[], counts: Record<string, number>): void {
  const line = session.draw(random);
  lines.push(line);
  const outcome = session.take(line);
  if (outcome !== undefined) counts[outcome] = (counts[outcome] ?? 0) + 1;
}

function keep(target: Target, lines: readonly string[], corpus: string, error: unknown): FuzzFailure {
  // What drawing an input did wrong does not come again; what a session did wrong does.
  const message = replay(target, lines);
  if (message === undefined) throw error;
  const short = shorten(target, lines);
  const shortMessage = replay(target, short) ?? message;
  return { target: target.name, message: shortMessage, file: writeToCorpus(corpus, target.name, shortMessage, short) };
}
