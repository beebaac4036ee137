import { formatAddress } from "./engine/wire/address.js";
import { JSON_FIRST_BYTE, MAGIC_AND_VERSION, TYPE_ADVERTISED, TYPE_BITS, TYPE_LEAVE } from "./engine/wire/frame.js";

/** What `debugOutput` gets about a datagram. @param direction "from" or "to" */
export function debugLine(
  direction: string, address: number, port: number, bytes: Uint8Array, length: number,
): string {
  const isFrame = length > 1 && bytes[0] === MAGIC_AND_VERSION;
  const type = bytes[0] === JSON_FIRST_BYTE ? "JSON" : frameTypeName(isFrame ? bytes[1] & TYPE_BITS : 0);
  return `${type} ${direction} ${formatAddress(address)}:${port}, ${length} bytes`;
}

function frameTypeName(bits: number): string {
  const type = bits > TYPE_LEAVE ? bits - TYPE_ADVERTISED : bits;
  return type === 1 ? "SYN" : type === 2 ? "ACK" : type === 3 ? "DIFF" : type === 4 ? "LEAVE" : "unknown";
}
