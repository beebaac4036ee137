import Timer from "timer";

/** The simulator has no pins: the contact closes and opens by itself, every 5 seconds. */
const CHANGE_MS = 5000;

/** @param {(isClosed: boolean) => void} changed as in ./board.js */
export function watchContact(changed) {
  let isClosed = false;
  Timer.repeat(() => {
    isClosed = !isClosed;
    changed(isClosed);
  }, CHANGE_MS);
}
