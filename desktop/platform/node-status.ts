import type { CborValue } from "../../src/cbor/cbor.js";
import type { GossipNode } from "../../src/gossip-node.js";
import { type GossipStatus, status } from "../../src/status/index.js";

/** The status of a node on Node.js, with the memory of its process in bytes. */
export function nodeStatus<Value extends CborValue>(gossip: GossipNode<Value>): GossipStatus {
  return status(gossip, { ...process.memoryUsage() });
}
