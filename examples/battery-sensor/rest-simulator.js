import Timer from "timer";

/** @type {Uint8Array | undefined} */
export const kept = undefined;

export const keptBytes = 4096;

/**
 * The SDK's simulator keeps its RAM: it only says nothing for a while.
 *
 * @param {Uint8Array} _keep
 * @param {number} seconds
 * @param {() => void} waken
 */
export function rest(_keep, seconds, waken) {
  trace(`asleep for ${seconds} s\n`);
  Timer.set(waken, seconds * 1000);
}
