/** NodeMCU's ESPGossip: dialects for `Gossip`, and a facade with the functions of the Lua module. */
import { checkNames } from "../checks.js";
import type { Dialect } from "../engine/node-engine.js";
import { NO_NETWORK } from "../engine/wire/frame.js";
import { invalid } from "../errors.js";
import { AutoEngine } from "./auto.js";
import { EspGossipEngine } from "./engine.js";
import type { AutoOptions, EspGossipOptions } from "./options.js";

export type { GossipConfig } from "./config.js";
export { EspGossip, type EspGossipPlatform, type EspGossipRow, type EspGossipUpdate } from "./facade.js";
export { type NetworkStateRow, type RowHolder, networkState, networkStateJson } from "./network-state.js";
export type { AutoOptions, EspGossipOptions } from "./options.js";

/**
 * For the option `dialect` of `Gossip`: a node that behaves as NodeMCU boards do.
 *
 * @param options where the node differs from the reference; default: nowhere
 * @returns a dialect whose constructor throws an Error when the node's own address is unknown, or with `network`
 * @throws TypeError ERR_OPTION when there is no such option
 */
export function espgossip(options?: EspGossipOptions): Dialect {
  const given = options ?? {};
  checkGivenNames(given, "refuseNegative needDecoding recover riseWithValue wrapPlain");
  return (engineOptions) => {
    const isNamed = engineOptions.network !== undefined && engineOptions.network !== NO_NETWORK;
    if (isNamed) throw invalid("", "network", "ESPGossip has no network names", false);
    return new EspGossipEngine(engineOptions, given, false);
  };
}

/**
 * For the option `dialect` of `Gossip`: a bridge (PROTOCOL 9). It uses ESPGossip
 * with NodeMCU boards and the compact dialect with other nodes, and passes rows on
 * between the two. It has two tables, so it needs twice the memory for rows.
 *
 * @returns a dialect whose constructor throws an Error when the node's own address is unknown
 * @throws TypeError ERR_OPTION when there is no such option
 */
export function auto(options?: AutoOptions): Dialect {
  const given = options ?? {};
  checkGivenNames(given, "wrapPlain");
  return (engineOptions) => new AutoEngine(engineOptions, given);
}

/** `dialect: auto` instead of `dialect: auto()` passes an engine's options. `Gossip` refuses what it gets then. */
function checkGivenNames(given: object, names: string): void {
  if (!("capacity" in given)) checkNames("", given, names);
}
