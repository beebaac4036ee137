import Digital from "embedded:io/digital";
import config from "mc/config";
import Timer from "timer";

/** A contact bounces for some milliseconds. */
const BOUNCE_MS = 50;

/**
 * Watches a button, or the reed contact of a door, between the pin `contactPin` and ground.
 *
 * @param {(isClosed: boolean) => void} changed called when it was closed or opened, and not before
 */
export function watchContact(changed) {
  const digital = new Digital({ pin: Number(config.contactPin), mode: Digital.InputPullUp });
  let wasClosed = digital.read() === 0;
  Timer.repeat(() => {
    const isClosed = digital.read() === 0;
    if (isClosed === wasClosed) return;
    wasClosed = isClosed;
    changed(isClosed);
  }, BOUNCE_MS);
}
