/** What all platforms assume of UDP over IPv4. */

export const DEFAULT_PORT = 5000;

/** Longest payload that fits into one Ethernet frame: 1,500 bytes less 20 of IPv4's header and 8 of UDP's. */
export const DATAGRAM_BYTES_MAX = 1472;

/**
 * The default id of a node: a uint32 that names its device. A port other than 5000
 * changes it, so that nodes on one computer differ.
 */
export function nodeIdOf(device: number, port: number): number {
  return (device ^ ((port - DEFAULT_PORT) << 16)) >>> 0;
}
