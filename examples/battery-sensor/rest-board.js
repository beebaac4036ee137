import { deepSleep, keptBytesMax, readKept, writeKept } from "chisme/rtc-memory";

/** What the last run kept; after a power cut anything, which the node ignores. */
export const kept = readKept();

/** A board of the kind ESP8266 has room for less. */
export const keptBytes = keptBytesMax();

/**
 * Switches the board off. After that it starts anew. On ESP8266 the pin GPIO16 must be wired to RST.
 *
 * @param {Uint8Array} keep
 * @param {number} seconds
 */
export function rest(keep, seconds) {
  writeKept(keep);
  deepSleep(seconds);
}
