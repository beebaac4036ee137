import { failure } from "./errors.js";
import type { GossipSocket, GossipStorage } from "./platform/types.js";

/** The id in a storage, if it counts for a node without the option `id`. @throws what the storage throws */
export function storedId(storage: GossipStorage | undefined, socket: GossipSocket): number | undefined {
  if (storage === undefined || storage.readId === undefined || socket.isDeviceIdFixed === true) return undefined;
  return storage.readId();
}

/**
 * At the start: reads the stored id again, as another node may have had the storage until now.
 *
 * @param id of the node
 * @param isGiven whether another id in the storage has to give way to it
 * @returns the id of which the events in the storage are, if it is another one
 * @throws Error ERR_STORAGE when the id changed meanwhile; and what the storage throws
 */
export function checkStoredId(storage: GossipStorage | undefined, id: number, isGiven: boolean): number | undefined {
  if (storage === undefined || storage.readId === undefined) return undefined;
  const stored = storage.readId();
  if (stored === undefined || stored === id) return undefined;
  if (!isGiven) throw failure("ERR_STORAGE", `start: the storage is that of node ${stored} now; this node is ${id}`);
  return stored;
}

/** Stores an id that is new, where the storage keeps ids. @throws what the storage throws */
export function writeId(storage: GossipStorage | undefined, id: number): void {
  if (storage === undefined || storage.readId === undefined || storage.writeId === undefined) return;
  if (storage.readId() !== id) storage.writeId(id);
}
