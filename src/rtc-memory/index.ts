import { show } from "../checks.js";
import { failure, invalid } from "../errors.js";

/*
 * Memory that a deep sleep does not lose, on boards with the Moddable SDK. Version 8.2.3 of the SDK has none on ESP32
 * and ESP8266, and its `System.deepSleep` of `embedded:io/system` passes no time on. So rtc-memory.c has both.
 */

/** What XS makes of a C function's name. Names must be literals. */
declare function native(name: string): { call(self: undefined, value?: unknown): unknown };

/** Bytes that `writeKept` takes at most: 4,096 on ESP32 and in the SDK's simulator, 448 on ESP8266. */
export function keptBytesMax(): number {
  return native("xs_chisme_kept_size").call(undefined) as number;
}

/**
 * What `writeKept` wrote before the deep sleep, for the option `kept` of `sleeping`: all bytes of the memory, longer
 * than what was written. After a power cut it is anything, which `sleeping` ignores. It can be read once: a start after
 * a crash must not go on with what another start used.
 */
export function readKept(): Uint8Array {
  const kept = new Uint8Array(keptBytesMax());
  native("xs_chisme_kept_read").call(undefined, kept.buffer);
  return kept;
}

/**
 * Writes what has to outlast a deep sleep.
 *
 * @param kept what `sleep` hands over; set the option `keptBytesMax` of `sleeping` to `keptBytesMax()`
 * @throws TypeError or RangeError ERR_ARGUMENT when it is no Uint8Array, or longer than `keptBytesMax()`
 */
export function writeKept(kept: Uint8Array): void {
  if (!(kept instanceof Uint8Array)) throw invalid("writeKept", "kept", `${show(kept)} is not a Uint8Array`, false);
  const most = keptBytesMax();
  if (kept.length > most) throw invalid("writeKept", "kept", `has ${kept.length} bytes, at most ${most} fit`, true);
  // It may be a part of a longer buffer.
  const copy = new Uint8Array(kept.length);
  copy.set(kept);
  native("xs_chisme_kept_write").call(undefined, copy.buffer);
}

/** Whether this start is the end of a deep sleep. */
export function wokeUp(): boolean {
  return native("xs_chisme_woke_up").call(undefined) as boolean;
}

/**
 * Switches the board off for so many seconds. Then it starts anew. On ESP8266 the pin GPIO16 must be wired to RST.
 *
 * @param seconds an integer from 1 to 1,728,000; on ESP8266 to 4,294 (71 minutes)
 * @throws RangeError or TypeError ERR_ARGUMENT that names the argument; Error ERR_STATE on a platform without deep
 * sleep
 */
export function deepSleep(seconds: number): void {
  const most = native("xs_chisme_sleep_max").call(undefined) as number;
  if (most === 0) throw failure("ERR_STATE", "deepSleep: this platform has no deep sleep");
  const isNumber = typeof seconds === "number";
  if (!isNumber || Math.floor(seconds) !== seconds || seconds < 1 || seconds > most) {
    throw invalid("deepSleep", "seconds", `${show(seconds)} is not an integer from 1 to ${most}`, isNumber);
  }
  native("xs_chisme_deep_sleep").call(undefined, seconds);
}
