import type { SimRandom } from "../desktop/simulator/random.js";

/**
 * One life of what is fuzzed. It takes inputs as lines of text, so that a life
 * that ends badly can be written to a file and lived again.
 */
export interface Session {
  /** The next input, drawn by what the session has come to. It is not taken yet. */
  draw(random: SimRandom): string;

  /**
   * Takes an input and checks all that must hold after it.
   *
   * @returns under what to count it, such as a drop reason; undefined where there is nothing to count
   * @throws Error that says what does not hold
   */
  take(line: string): string | undefined;
}

/** Something that takes bytes from strangers. Add one to `targets.ts`, and the rest follows. */
export interface Target {
  /** Letters and hyphens: files of the corpus begin with it. */
  name: string;
  begin(): Session;
}
