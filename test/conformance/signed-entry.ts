/** As `entry.ts`, for traces of signed feeds. */
import { sleeping } from "../../src/sleep/index.js";
import { networkTime } from "../../src/time/index.js";
import { Harness } from "./harness.js";
import { HarnessMessages } from "./messages.js";
import { nobleSigning } from "./signing.js";

let harness: Harness | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    harness ??= new Harness(
      undefined, (tell) => new HarnessMessages(tell), sleeping().engineSleeper(), networkTime, nobleSigning,
    );
    return harness.line(text);
  },
};
