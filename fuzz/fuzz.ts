import { SimRandom } from "../desktop/simulator/random.js";
import { replay, shorten, writeToCorpus } from "./corpus.js";
import type { Session, Target } from "./target.js";

/** Inputs of one session, at most. */
const SESSION_INPUTS = 500;

export interface FuzzOptions {
  /** uint32 from which all inputs are drawn. */
  seed: number;
  /** Limit of inputs; Infinity when only the time is limited. */
  inputs: number;
  /** Time limit, as a value of `performance.now()`. */
  endMs: number;
  /** Folder for failing sessions. */
  corpus: string;
}

export interface FuzzResult {
  seed: number;
  inputs: number;
  sessions: number;
  /** By target, then by the result of `Session.run`. */
  counts: Record<string, Record<string, number>>;
  failures: FuzzFailure[];
}

export interface FuzzFailure {
  target: string;
  message: string;
  file: string;
}

/** Runs one session of each target after another, until the inputs or the time are used up. */
export function fuzz(targets: readonly Target[], options: FuzzOptions): FuzzResult {
  const result: FuzzResult = { seed: options.seed, inputs: 0, sessions: 0, counts: {}, failures: [] };
  while (result.inputs < options.inputs && performance.now() < options.endMs) {
    const target = targets[result.sessions % targets.length];
    runSession(target, new SimRandom(options.seed, result.sessions), options, result);
    result.sessions++;
  }
  return result;
}

/** Runs one session. Its inputs depend only on the seed and the session's number, not on the time. */
function runSession(target: Target, random: SimRandom, options: FuzzOptions, result: FuzzResult): void {
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
  const outcome = session.run(line);
  if (outcome !== undefined) counts[outcome] = (counts[outcome] ?? 0) + 1;
}

function keep(target: Target, lines: readonly string[], corpus: string, error: unknown): FuzzFailure {
  // A failure while an input is drawn does not occur in a replay. It is a bug of the fuzzer.
  const message = replay(target, lines);
  if (message === undefined) throw error;
  const short = shorten(target, lines);
  const shortMessage = replay(target, short) ?? message;
  return { target: target.name, message: shortMessage, file: writeToCorpus(corpus, target.name, shortMessage, short) };
}
