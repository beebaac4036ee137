import { readFileSync } from "node:fs";
import { parseKey } from "../../src/sealing/key.js";
import type { KeysByHand } from "../platform/network-keys.js";

/** The environment variable of the key. The command line would show the key to other users of the computer. */
export const KEY_VARIABLE = "CHISME_KEY";

/**
 * Reads a key, as `chisme key` prints it, from a file or, without a file, from an
 * environment variable.
 *
 * @param flag of the command line, for errors. Errors never show the key
 * @returns undefined when neither is given
 * @throws Error that names the flag or the variable, and what is wrong
 */
export function readKey(flag: string, file: string | undefined, variable?: string): Uint8Array | undefined {
  if (file !== undefined) return parse(flag, `${flag}: ${file}`, contentOf(flag, file));
  const text = variable === undefined ? undefined : process.env[variable];
  return variable === undefined || text === undefined || text === "" ? undefined : parse(variable, variable, text);
}

/** Those of --key-file, or the environment variable, and --other-key-file. @throws as `readKey` */
export function keysByHand({ keyFile, otherKeyFile }: { keyFile?: string; otherKeyFile?: string }): KeysByHand {
  return { key: readKey("--key-file", keyFile, KEY_VARIABLE), otherKey: readKey("--other-key-file", otherKeyFile) };
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
