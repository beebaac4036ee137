import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { parseAddress } from "../../src/engine/wire/address.js";

/** One IPv4 address of this computer. Addresses are uint32 in network order. */
export interface Place {
  /** Name of the interface, such as "eth0". */
  name: string;
  address: number;
  netmask: number;
  /** Where a broadcast reaches all hosts of this network; 0 when it has no such address: loopback, /31 and /32. */
  broadcast: number;
  isLoopback: boolean;
}

/** Interfaces between the containers or virtual machines of one computer, which many computers have alike. */
const BRIDGE = /^(docker|br-[0-9a-f]{12}$|veth|virbr|vmnet|vboxnet|lxcbr|lxdbr|cni|podman|cali|flannel|vEthernet)/;
/** Networks with fewer host bits have no broadcast address (RFC 3021). */
const HOST_BITS_MIN = 2;

/**
 * The IPv4 addresses of the interfaces that are up and connected, in the system's
 * order. None where the system does not tell them.
 */
export function places(): Place[] {
  let all: NodeJS.Dict<NetworkInterfaceInfo[]>;
  try {
    all = networkInterfaces();
  } catch {
    // Some systems, such as Android, forbid it.
    return [];
  }
  return placesOf(all);
}

/** As `places`, from what `networkInterfaces` of node:os returned. */
export function placesOf(all: NodeJS.Dict<NetworkInterfaceInfo[]>): Place[] {
  const found: Place[] = [];
  for (const [name, addresses = []] of Object.entries(all)) {
    for (const info of addresses) {
      if (info.family !== "IPv4") continue;
      const address = parseAddress(info.address);
      const netmask = parseAddress(info.netmask);
      const isLoopback = info.internal;
      const broadcast = isLoopback ? 0 : broadcastOf(address, netmask);
      found.push({ name, address, netmask, broadcast, isLoopback });
    }
  }
  return found;
}

/** The highest address of a network; 0 when the network has fewer than 2 host bits. */
export function broadcastOf(address: number, netmask: number): number {
  const hostBits = ~netmask >>> 0;
  return hostBits < 2 ** HOST_BITS_MIN - 1 ? 0 : (address | hostBits) >>> 0;
}

/** The broadcast addresses of all networks of this computer, each once. */
export function broadcasts(all: Place[]): number[] {
  return [...new Set(all.map((place) => place.broadcast).filter((address) => address !== 0))];
}

/**
 * The address under which peers most likely see a node that listens on all
 * interfaces; 0 when there is none. Only a guess: peers tell the node what they see.
 */
export function likelyAddress(all: Place[]): number {
  const outward = all.filter((place) => !place.isLoopback);
  return (outward.find((place) => !BRIDGE.test(place.name)) ?? outward[0])?.address ?? 0;
}
