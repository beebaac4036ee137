import { DROP_NONE, DROP_SECTION } from "./drops.js";
import type { Reader } from "./cursor.js";
import { RANGES_LOG_MAX, RANGE_FINGERPRINT_BYTES } from "./frame.js";

/*
 * Whether a section of fingerprints is well-formed. The reader is behind the first byte of the section. Each function
 * returns a drop reason.
 */

/** @param log base-2 logarithm of the number of ranges */
export function checkRangeFingerprints(reader: Reader, log: number): number {
  if (log < 1 || log > RANGES_LOG_MAX) return DROP_SECTION;
  return reader.end - reader.position === RANGE_FINGERPRINT_BYTES << log ? DROP_NONE : DROP_SECTION;
}

/** @param log base-2 logarithm of the number of ranges, some of which follow */
export function checkRowFingerprints(reader: Reader, log: number): number {
  if (log > RANGES_LOG_MAX) return DROP_SECTION;
  let last = -1;
  while (!reader.failed && reader.position < reader.end) {
    // The range, its rows, its roster and a byte for each row.
    const range = reader.varint();
    reader.skip(reader.varint() + 1);
    if (range <= last || range >= 1 << log) return DROP_SECTION;
    last = range;
  }
  return reader.failed ? DROP_SECTION : DROP_NONE;
}
