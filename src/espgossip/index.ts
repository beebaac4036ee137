/** NodeMCU's ESPGossip: dialects for `Gossip`, and a facade with the functions of the Lua module. */
import type { Dialect } from "../engine/node-engine.js";
import { AutoEngine } from "./auto.js";
import { EspGossipEngine } from "./engine.js";
import type { EspGossipOptions } from "./options.js";

export type { GossipConfig } from "./config.js";
export { EspGossip, type EspGossipPlatform, type EspGossipRow, type EspGossipUpdate } from "./facade.js";
export { type NetworkStateRow, type RowHolder, networkState, networkStateJson } from "./network-state.js";
export type { EspGossipOptions } from "./options.js";

/** For the option `dialect` of `Gossip`: a node among NodeMCU boards that does as they do. */
export function espgossip(options?: EspGossipOptions): Dialect {
  return (engineOptions) => new EspGossipEngine(engineOptions, options ?? {}, false);
}

/**
 * For the option `dialect` of `Gossip`: a node that speaks both, ESPGossip with
 * NodeMCU boards and compact frames with others, and tells each of the other.
 * Its tables take twice the memory.
 */
export function auto(): Dialect {
  return (engineOptions) => new AutoEngine(engineOptions);
}
