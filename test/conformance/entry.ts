/** What a JavaScript engine under test runs: see `harness.ts` for the lines it takes. */
import { sleeping } from "../../src/sleep/index.js";
import { networkTime } from "../../src/time/index.js";
import { Harness } from "./harness.js";
import { HarnessMessages } from "./messages.js";

let harness: Harness | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    harness ??= new Harness(undefined, (tell) => new HarnessMessages(tell), sleeping().engineSleeper(), networkTime);
    return harness.line(text);
  },
};
