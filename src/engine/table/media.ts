/*
 * What carries frames beside UDP, such as a serial line or ESP-NOW. A node has one address for all of its media. That
 * of a node with UDP is its IPv4 address; a node without UDP has one in 240.0.0.0/4, which no host on the Internet has.
 */

/** The media of a node, as far as the engine has to know them. A node without them only has UDP. */
export interface Media {
  /** Whether the node also has UDP. If not, its own address stays, whatever peers show. */
  readonly hasUdp: boolean;
  /** Point-to-point lines. The node at the other end of line n, from 1 on, is at `LINE_ADDRESSES` + n for this node. */
  readonly lines: number;
  /** The longest datagram that fits into a frame of each medium, in bytes: what describes rows is at most as long. */
  readonly bytesMaxLeast: number;
  /** The node's own address and port for UDP peers, before each datagram. Address 0: unknown. */
  setOwnAddress(address: number, port: number): void;
  /** Whether a datagram to an address would go anywhere. */
  reaches(address: number): boolean;
  /** The longest datagram on the way to an address and port, in bytes; 1,472 over UDP. */
  bytesMax(address: number, port: number): number;
}

/** 240.0.0.0: see `Media.lines`. */
export const LINE_ADDRESSES = 0xf0000000;
/** Own addresses of nodes without UDP are 241.0.0.0 to 254.255.255.255. */
const OWN_FIRST = 0xf1000000;
const OWN_COUNT = 0x0e000000;
/** Lines that a node may have. */
export const LINES_MAX = 255;
const MEDIA_PREFIX = 15;
const PREFIX_SHIFT = 28;
const BROADCAST = 0xffffffff;

/** Whether an address is one that only means something on media: 240.0.0.0/4 without 255.255.255.255. */
export function isMediaAddress(address: number): boolean {
  return address >>> PREFIX_SHIFT === MEDIA_PREFIX && address !== BROADCAST;
}

/** The own address of a node without UDP. @param device uint32 that is the device's own, such as its id */
export function mediaAddress(device: number): number {
  return OWN_FIRST + device % OWN_COUNT;
}

/** Whether a node reaches an address directly, as far as it can know. @param media undefined: it only has UDP */
export function isReached(media: Media | undefined, address: number): boolean {
  return media === undefined ? !isMediaAddress(address) : media.reaches(address);
}

/** Whether an address is that of the other end of a line: no node has it as its own. */
export function isLineAddress(address: number): boolean {
  return address > LINE_ADDRESSES && address <= LINE_ADDRESSES + LINES_MAX;
}
