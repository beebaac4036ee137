import { randomBytes } from "node:crypto";
import type { GossipClock, Platform } from "../../src/platform/types.js";
import { nodeDigest } from "./node-digest.js";
import { nodeSealing } from "./node-sealing.js";
import { NodeSocket } from "./node-socket.js";

/**
 * The platform's part of a node's options on Node.js.
 *
 * @param listen IPv4 address to bind to
 * @param interfaceName the interface to whose address to bind, such as "eth0"; without it and `listen` the node
 * listens on all interfaces
 * @throws RangeError or TypeError ERR_OPTION when `listen` is no IPv4 address, or `interfaceName` no name
 */
export function nodePlatform(listen?: string, interfaceName?: string): Platform {
  return {
    socket: new NodeSocket(listen, interfaceName),
    clock: nodeClock,
    sealing: nodeSealing,
    digest: nodeDigest,
    randomSeed: randomBytes(4).readUInt32LE(),
    burstMax: 64,
  };
}

/** Node's monotonic clock and timers. */
export const nodeClock: GossipClock = {
  nowMs: () => Math.trunc(performance.now()) >>> 0,
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  physicalMs: () => Date.now(),
};
