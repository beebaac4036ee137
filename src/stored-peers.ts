import { readU16, readU32, writeU16, writeU32 } from "./cbor/big-endian.js";
import { isLivePeer } from "./engine/membership/probe-order.js";
import type { Seeds } from "./engine/membership/seeds.js";
import { isHost } from "./engine/wire/address.js";
import { OWN_SLOT, type Rows } from "./engine/table/rows.js";
import type { GossipStorage } from "./platform/types.js";

/*
 * The addresses of the last peers in the storage. After a power cut they lead to the network, also if all configured
 * seeds are dead.
 */

/** Bytes of one address: IPv4, port. */
const PEER_BYTES = 6;
/** Rounds until the first look of a start at the stored addresses, and then between two. */
export const PEERS_ROUNDS = 8;
/** Least time between two writes of a start, 6 hours. */
const PAUSE_MS = 21600000;

/** Whether a storage keeps addresses. It then has `writePeers`, too: options are checked for that. */
export function keepsPeers(storage: GossipStorage | undefined): boolean {
  return storage !== undefined && storage.readPeers !== undefined;
}

/** Makes the stored addresses seeds, as far as there is room. */
export function recallPeers(seeds: Seeds, storage: GossipStorage | undefined): void {
  const bytes = storage === undefined || storage.readPeers === undefined ? undefined : storage.readPeers();
  if (bytes === undefined) return;
  for (let at = 0; at + PEER_BYTES <= bytes.length; at += PEER_BYTES) {
    if (isHost(readU32(bytes, at)) && readU16(bytes, at + 4) !== 0) {
      seeds.recall(readU32(bytes, at), readU16(bytes, at + 4));
    }
  }
}

/**
 * Writes the addresses of live nodes, if less than half of the stored ones lead to such nodes, or less than half of
 * those that could be stored are. Returns the delay until the next call in ms.
 *
 * @param capacity of the stored addresses
 * @throws what the storage throws
 */
export function storePeers(rows: Rows, storage: GossipStorage, capacity: number, roundIntervalMs: number): number {
  const stored = storage.readPeers!() ?? new Uint8Array(0);
  const heldBytes = stored.length - stored.length % PEER_BYTES;
  const bytes = new Uint8Array(capacity * PEER_BYTES);
  const liveBytes = writeLive(rows, bytes);
  let knownBytes = 0;
  for (let at = 0; at < heldBytes; at += PEER_BYTES) if (isLive(rows, stored, at)) knownBytes += PEER_BYTES;
  if (liveBytes === 0 || (2 * knownBytes >= heldBytes && 2 * knownBytes >= liveBytes)) {
    return PEERS_ROUNDS * roundIntervalMs;
  }
  // Nodes that are away for now may be the only way back after a split. As many of them do not cause the next write.
  let length = liveBytes;
  for (let at = 0; at < heldBytes && length < Math.min(2 * liveBytes, bytes.length); at += PEER_BYTES) {
    if (isLive(rows, stored, at)) continue;
    for (let i = 0; i < PEER_BYTES; i++) bytes[length++] = stored[at + i];
  }
  storage.writePeers!(bytes, length);
  return PAUSE_MS;
}

/**
 * Writes the addresses of live nodes, from the node's own place on in the order of the rows. So each node stores other
 * addresses, and all of them together connect the network. Returns the bytes.
 */
function writeLive(rows: Rows, bytes: Uint8Array): number {
  let own = 0;
  while (rows.slotAt(own) !== OWN_SLOT) own++;
  let length = 0;
  for (let i = 1; i < rows.count && length < bytes.length; i++) {
    const slot = rows.slotAt((own + i) % rows.count);
    const address = rows.address(slot);
    if (!isLivePeer(rows, slot) || !isHost(address) || !rows.trusts(address)) continue;
    writeU32(bytes, length, address);
    writeU16(bytes, length + 4, rows.port(slot));
    length += PEER_BYTES;
  }
  return length;
}

/** Whether the address at `at` is that of a live node. */
function isLive(rows: Rows, bytes: Uint8Array, at: number): boolean {
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rows.isAt(slot, readU32(bytes, at), readU16(bytes, at + 4)) && isLivePeer(rows, slot)) return true;
  }
  return false;
}
