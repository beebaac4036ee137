/** The exports of `require("chisme")` on Espruino. The build bundles them into one file. */
export { GossipNode as Gossip, type GossipStats } from "./gossip-node.js";
export type { CborValue } from "./cbor/cbor.js";
export type { ChismeError, ErrorCode, GossipErrorCode } from "./errors.js";
export type { NodeRow, NodeState } from "./node-row.js";
export type { GossipOptions } from "./options.js";
export {
  EspruinoClock, type EspruinoPlatform, EspruinoSocket, espruinoPlatform, flashStorage,
} from "./platform/espruino.js";
export { MinMax, type MinMaxOptions, minMax } from "./views/min-max.js";
export type { View } from "./views/view.js";
