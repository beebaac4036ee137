import Digital from "embedded:io/digital";
import config from "mc/config";
import Timer from "timer";

/** "offline": the board has no network; "alone": it knows no other node that is up; "joined": it does. */
export type Status = "offline" | "alone" | "joined";

/** Half the period of blinking. */
const BLINK_MS = 500;

let digital: Digital | undefined;
let blinking: Timer | undefined;
let isLit = false;

/**
 * Shows the status on a LED at the pin `ledPin`, if the configuration has one: off while the board is offline,
 * blinking once a second while it is alone, lit when it has joined other nodes.
 *
 * @throws Error of the SDK when the pin cannot be an output
 */
export function showStatus(status: Status): void {
  if (config.ledPin === undefined) return;
  digital ??= new Digital({ pin: Number(config.ledPin), mode: Digital.Output });
  if (status === "alone") {
    blinking ??= Timer.repeat(() => light(!isLit), BLINK_MS);
    return;
  }
  if (blinking !== undefined) Timer.clear(blinking);
  blinking = undefined;
  light(status === "joined");
}

function light(lit: boolean): void {
  isLit = lit;
  digital?.write(lit === (Number(config.ledOn) !== 0) ? 1 : 0);
}
