/** What XS runs: sealing with nothing of a platform's. See `harness.ts` for the lines it takes. */
import { pureSealing } from "../../src/sealing/aes.js";
import { SealingHarness } from "./harness.js";

let harness: SealingHarness | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    harness ??= new SealingHarness(pureSealing());
    return harness.line(text);
  },
};
