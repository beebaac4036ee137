import type { SimRandom } from "../desktop/simulator/random.js";

/**
 * A run of a fuzzed object. Its inputs are lines of text, so that a failing session
 * can be written to a file and replayed.
 */
export interface Session {
  /** Draws the next input, which may depend on the session's state. Does not run it. */
  draw(random: SimRandom): string;

  /**
   * Runs an input and checks all invariants after it.
   *
   * @returns the outcome for the statistics, such as a drop reason; undefined: none
   * @throws Error that names the violated invariant
   */
  run(line: string): string | undefined;
}

/** An object that handles untrusted bytes. Add new ones to `targets.ts`; nothing else is needed. */
export interface Target {
  /** Letters and hyphens; the names of its files in the corpus begin with it. */
  name: string;
  begin(): Session;
}
