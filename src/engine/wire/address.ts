// IPv4 addresses are uint32 in network order: 192.168.0.1 is 0xc0a80001.

/** The limited broadcast address (RFC 919): where a SYN goes when no node is known. */
export const BROADCAST_ADDRESS = 0xffffffff;

/** Whether an IPv4 address can be the address of one device. */
export function isHost(address: number): boolean {
  return address !== 0 && address !== BROADCAST_ADDRESS;
}

export function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/**
 * Reads four decimal numbers from 0 to 255, separated by dots, without leading
 * zeros and spaces. Returns -1 for anything else.
 */
export function parseAddress(text: string): number {
  let address = 0;
  let octet = -1;
  let octets = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (octet < 0) return -1;
      address = ((address << 8) | octet) >>> 0;
      octet = -1;
      octets++;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || octet === 0) return -1;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    }
  }
  return octets === 4 ? address : -1;
}

const DOT = 46;
const ZERO = 48;
