import { BROADCAST_ADDRESS, type EngineOptions } from "../../src/engine/index.js";

/** UDP port of all nodes in tests. */
export const PORT = 5000;
export const ROUND_MS = 10000;

/** Options of an engine: those of a node with id and address 1, with `options` in their place. */
export function engineOptions(options: Partial<EngineOptions> = {}): EngineOptions {
  return {
    id: 1, address: 1, port: PORT, capacity: 64, valueBytesMax: 32, datagramBytesMax: 1200, roundIntervalMs: ROUND_MS,
    removeAfterMs: 86400000, seedCapacity: 16, broadcastAddress: BROADCAST_ADDRESS, randomSeed: 1, ...options,
  };
}
