import { readFileSync } from "node:fs";
import { parseKey } from "../../src/sealing/key.js";

/** Where the key may stand that is on no command line: other users of the computer see those. */
export const KEY_VARIABLE = "CHISME_KEY";

/**
 * Reads a key from a file, as `chisme key` prints it; without one, from the
 * environment.
 *
 * @param flag of the command line, for errors, which never show what was read
 * @throws Error that names the flag, or the variable, and what is wrong
 */
export function readKey(flag: string, file: string | undefined, variable?: string): Uint8Array | undefined {
  if (file !== undefined) return parse(flag, `${flag}: ${file}`, contentOf(flag, file));
  const text = variable === undefined ? undefined : process.env[variable];
  return variable === undefined || text === undefined || text === "" ? undefined : parse(variable, variable, text);
}

function contentOf(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${flag}: ${(error as Error).message}`, { cause: error });
  }
}

function parse(name: string, place: string, text: string): Uint8Array {
  try {
    return parseKey(name, text.trim());
  } catch {
    throw new Error(`${place} is not a key: 64 hex digits, as \`chisme key\` prints them`);
  }
}
