import { invalid } from "../errors.js";
import { KEY_BYTES } from "./block-cipher.js";

/**
 * Reads a network's key: 32 bytes, or 64 hexadecimal digits as `npx chisme key`
 * prints them.
 *
 * @param name of the option, for the error
 * @returns a copy, so that the caller may wipe or reuse its own
 * @throws RangeError or TypeError ERR_OPTION that names the option and the allowed form, but not the value, which may
 * be nearly a key
 */
export function parseKey(name: string, value: unknown): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  const good = typeof value === "string" ? readDigits(value, key) : readBytes(value, key);
  if (good) return key;
  const problem = `${describe(value)} is not a key: 32 bytes in a Uint8Array, or 64 hex digits`;
  throw invalid("", name, problem, typeof value === "string" || value instanceof Uint8Array);
}

/** The 64 hexadecimal digits of a key. */
export function formatKey(key: Uint8Array): string {
  let text = "";
  for (let i = 0; i < KEY_BYTES; i++) text += (key[i] < 16 ? "0" : "") + key[i].toString(16);
  return text;
}

function readDigits(text: string, key: Uint8Array): boolean {
  if (text.length !== 2 * KEY_BYTES) return false;
  for (let i = 0; i < KEY_BYTES; i++) {
    const high = nibble(text.charCodeAt(2 * i));
    const low = nibble(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return false;
    key[i] = (high << 4) | low;
  }
  return true;
}

function readBytes(value: unknown, key: Uint8Array): boolean {
  if (!(value instanceof Uint8Array) || value.length !== KEY_BYTES) return false;
  key.set(value);
  return true;
}

function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function describe(value: unknown): string {
  if (typeof value === "string") return `a string of ${value.length} characters`;
  if (value instanceof Uint8Array) return `a Uint8Array of ${value.length} bytes`;
  return value === null ? "null" : `a value of type ${typeof value}`;
}
