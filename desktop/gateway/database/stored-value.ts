import { type CborValue, decodeCbor, encodeCbor } from "../../../src/cbor/cbor.js";
import type { SqliteValue } from "./sqlite.js";

/** Longer than any value of an event or a row; a longer one comes from another site, and gets a buffer of its own. */
const CBOR_BYTES = 4096;

let buffer = new Uint8Array(CBOR_BYTES);

/** How a value stands in the database: as text, its JSON; where JSON cannot hold it, its CBOR as a blob. */
export function storedValue(value: CborValue): SqliteValue {
  if (value === undefined) return null;
  if (isJson(value)) return JSON.stringify(value);
  for (;;) {
    const end = encodeCbor(value, buffer, 0);
    if (end >= 0) return buffer.slice(0, end);
    if (buffer.length >= 1 << 20) throw new Error("value: is no CBOR, or has more than 1048576 bytes");
    buffer = new Uint8Array(buffer.length * 2);
  }
}

/** The value that `storedValue` stored. */
export function readStoredValue(stored: SqliteValue): CborValue {
  if (stored === null) return undefined;
  if (!(stored instanceof Uint8Array)) return JSON.parse(String(stored)) as CborValue;
  const result = decodeCbor(stored, 0, stored.length);
  return result.ok ? result.value : undefined;
}

/**
 * How a name, topic or key stands in the database: as text; with a zero byte, where SQLite's libraries end text, as a
 * blob of its UTF-8.
 */
export function storedText(text: string): SqliteValue {
  return text.includes("\0") ? Buffer.from(text, "utf8") : text;
}

/** The text that `storedText` stored. */
export function readStoredText(stored: SqliteValue): string {
  return stored instanceof Uint8Array ? Buffer.from(stored).toString("utf8") : String(stored);
}

/** Whether JSON gives the same value back: no bytes, no undefined, no NaN, no infinity, no -0. */
function isJson(value: CborValue): boolean {
  switch (typeof value) {
    case "undefined": return false;
    case "number": return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      if (value === null) return true;
      if (value instanceof Uint8Array) return false;
      return Array.isArray(value) ? value.every(isJson) : Object.values(value).every(isJson);
    default: return true;
  }
}
