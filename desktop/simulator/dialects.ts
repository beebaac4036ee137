import { espgossip } from "../../src/espgossip/index.js";
import type { GossipOptions } from "../../src/gossip.js";
import { pureSealing } from "../../src/sealing/aes.js";

/** What the nodes of a simulated network speak. */
export type SimDialect = "compact" | "sealed" | "espgossip";

export const SIM_DIALECTS: readonly SimDialect[] = ["compact", "sealed", "espgossip"];

/** Of simulated networks: no secret. */
const SIMULATED_KEY = "c415".repeat(16);

/** The options that make nodes speak a dialect. */
export function optionsOfDialect(dialect: SimDialect): Partial<GossipOptions> {
  if (dialect === "espgossip") return { dialect: espgossip() };
  // AES in JavaScript: for frames as short as these it is several times as fast here as the platform's.
  return dialect === "sealed" ? { key: SIMULATED_KEY, sealing: pureSealing() } : {};
}
