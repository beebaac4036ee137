/** What a JavaScript engine under test runs: the conformance harness with ESPGossip's dialects. */
import { auto, espgossip } from "../../src/espgossip/index.js";
import { Harness } from "../conformance/harness.js";

let harness: Harness | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    harness ??= new Harness({ espgossip: espgossip(), auto: auto() });
    return harness.line(text);
  },
};
