import { espgossip } from "../../src/espgossip/index.js";
import type { GossipOptions } from "../../src/gossip.js";
import { pureSealing } from "../../src/sealing/aes.js";

/** The dialect of a simulated network; "sealed" is compact frames with a key. */
export type SimDialect = "compact" | "sealed" | "espgossip";

export const SIM_DIALECTS: readonly SimDialect[] = ["compact", "sealed", "espgossip"];

/** The key of all simulated networks. It is not a secret. */
const SIMULATED_KEY = "c415".repeat(16);

/** The options of `Gossip` that select a dialect. */
export function optionsOfDialect(dialect: SimDialect): Partial<GossipOptions> {
  if (dialect === "espgossip") return { dialect: espgossip() };
  // AES in JavaScript: for frames as short as these it is several times faster than Node's.
  return dialect === "sealed" ? { key: SIMULATED_KEY, sealing: pureSealing() } : {};
}
