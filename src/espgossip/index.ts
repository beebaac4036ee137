/** NodeMCU's ESPGossip: dialects for `Gossip`, and a facade with the functions of the Lua module. */
import type { Dialect } from "../engine/node-engine.js";
import { EspGossipEngine } from "./engine.js";
import type { EspGossipOptions } from "./options.js";

export type { GossipConfig } from "./config.js";
export { EspGossip, type EspGossipPlatform, type EspGossipRow, type EspGossipUpdate } from "./facade.js";
export type { EspGossipOptions } from "./options.js";

/** For the option `dialect` of `Gossip`: a node among NodeMCU boards that does as they do. */
export function espgossip(options?: EspGossipOptions): Dialect {
  return (engineOptions) => new EspGossipEngine(engineOptions, options ?? {}, false);
}
