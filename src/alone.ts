import type { CborValue } from "./cbor/cbor.js";
import { ALONE_ROUNDS } from "./engine/notifications.js";
import type { NodeEngine } from "./engine/node-engine.js";
import { DROP_REASONS, dropReasonName } from "./engine/wire/drops.js";
import { formatAddress } from "./engine/wire/address.js";
import type { GossipOptions } from "./options.js";
import type { SeedNames } from "./seed-names.js";

/** Seeds that the message lists. */
const LISTED_MAX = 8;
const LIMITED_BROADCAST = 0xffffffff;

/** What a node reports that nobody answers: what it tried, what arrived, and what may be wrong. */
export function aloneMessage<Value extends CborValue>(
  options: GossipOptions<Value>, engine: NodeEngine, names: SeedNames | undefined,
): string {
  const cause = probableCause(refusedReasons(engine), options.key !== undefined);
  return `no other node for ${ALONE_ROUNDS} rounds, tried ${tried(options, engine, names)}; ${cause}`;
}

function tried<Value extends CborValue>(
  options: GossipOptions<Value>, engine: NodeEngine, names: SeedNames | undefined,
): string {
  const seeds = engine.seeds;
  const list: string[] = [];
  for (let i = 0; i < seeds.count && i < LISTED_MAX; i++) {
    const name = names === undefined ? undefined : names.nameOf(i);
    const address = seeds.address(i) === 0 ? "not found, or this node" : formatAddress(seeds.address(i));
    list.push(name === undefined ? `${address}:${seeds.port(i)}` : `${name}:${seeds.port(i)} (${address})`);
  }
  if (seeds.count > LISTED_MAX) list.push(`${seeds.count - LISTED_MAX} more`);
  if (seeds.broadcastAddress !== 0) list.push(broadcastText(options, seeds.broadcastAddress));
  return list.length === 0 ? "nothing (no seed, no broadcasts)" : list.join(", ");
}

function broadcastText<Value extends CborValue>(options: GossipOptions<Value>, address: number): string {
  const socket = options.socket;
  if (address !== LIMITED_BROADCAST || socket.broadcastAddresses === undefined) {
    return `broadcast to ${formatAddress(address)}`;
  }
  const targets = socket.broadcastAddresses();
  const list: string[] = [];
  for (let i = 0; i < targets.length; i++) list.push(formatAddress(targets[i]));
  if (list.length === 0) return "no broadcast (none is possible from the node's address)";
  return `broadcast to ${list.join(" and ")}`;
}

/** Names of the reasons for which something was refused since another node was live, but for the node's own echo. */
function refusedReasons(engine: NodeEngine): string[] {
  const refused = engine.stats.refusedAlone();
  const reasons: string[] = [];
  for (let reason = 1; reason < DROP_REASONS; reason++) {
    const name = dropReasonName(reason);
    if ((refused & (1 << reason)) !== 0 && name !== "echo") reasons.push(name);
  }
  return reasons;
}

/** What the refused datagrams show. The first reason that says something counts. */
function probableCause(reasons: string[], isSealed: boolean): string {
  if (reasons.indexOf("seal") >= 0) return "frames of another key arrive: all nodes need the same key";
  if (reasons.indexOf("unsealed") >= 0) {
    return isSealed ? "unsealed frames arrive: the other nodes have no key"
      : "sealed frames arrive: this node has no key";
  }
  if (reasons.indexOf("untrusted") >= 0) return "datagrams arrive from outside of the trustedSubnets";
  if (reasons.indexOf("network") >= 0) return "frames of another network name arrive";
  if (reasons.indexOf("version") >= 0) return "frames of another version of chisme arrive";
  if (reasons.indexOf("idConflict") >= 0) return "another device with this node's id answers";
  if (reasons.indexOf("magic") >= 0) return "datagrams of another dialect or program arrive at this port";
  if (reasons.length > 0) return `what arrives is refused (${reasons.join(", ")})`;
  return "nothing arrives: no other node runs, another port, a firewall, or an access point that isolates clients";
}
