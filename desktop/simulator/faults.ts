import type { SimRandom } from "./random.js";

/** An end of a link: a node, by its place in `SimNetwork.nodes`. */
export interface LinkEnd {
  readonly index: number;
}

/** The faults of a link. Probabilities are 0 to 1. */
export interface LinkFaults {
  lossProbability: number;
  /** A second copy arrives, with its own faults and delay. */
  duplicateProbability: number;
  /** 1 to 8 bits are flipped, or the end is cut off. */
  corruptProbability: number;
  /** Drawn for each copy, so a wide range reorders datagrams. */
  delayMs: { min: number; max: number };
}

/** Returns whether all datagrams from one node to another are dropped. */
export type Cut = (from: LinkEnd, to: LinkEnd) => boolean;

/** The faults of a network. A running simulation may change them at any time. */
export interface Faults extends LinkFaults {
  /** A datagram is dropped when one of these returns true. */
  cuts: Cut[];
  /** Returns the faults of a link; undefined: the same faults as all links. */
  link: ((from: LinkEnd, to: LinkEnd) => LinkFaults | undefined) | undefined;
  /**
   * Whether receivers drop datagrams that fail the UDP checksum, as IP stacks do.
   * If false, corrupted datagrams reach the nodes.
   */
  udpChecksum: boolean;
}

/** A network without faults: datagrams take 1 to 10 ms. */
export function noFaults(): Faults {
  return {
    lossProbability: 0,
    duplicateProbability: 0,
    corruptProbability: 0,
    delayMs: { min: 1, max: 10 },
    cuts: [],
    link: undefined,
    udpChecksum: true,
  };
}

/** A cut between groups, in both directions. A node in none of the groups reaches all nodes. */
export function split(...groups: readonly (readonly LinkEnd[])[]): Cut {
  const groupOf = new Map<LinkEnd, number>();
  groups.forEach((group, index) => group.forEach((node) => groupOf.set(node, index)));
  return (from, to) => {
    const a = groupOf.get(from);
    const b = groupOf.get(to);
    return a !== undefined && b !== undefined && a !== b;
  };
}

/** A cut in one direction: datagrams from the first nodes to the others are dropped, those back are not. */
export function oneWay(from: readonly LinkEnd[], to: readonly LinkEnd[]): Cut {
  const senders = new Set(from);
  const receivers = new Set(to);
  return (sender, receiver) => sender !== receiver && senders.has(sender) && receivers.has(receiver);
}

/** A copy with 1 to 8 flipped bits or, with a probability of 1/4, without its end. */
export function corrupted(bytes: Uint8Array, random: SimRandom): Uint8Array {
  if (bytes.length === 0) return bytes;
  if (random.below(4) === 0) return bytes.slice(0, random.below(bytes.length));
  const copy = bytes.slice();
  for (let flips = random.between(1, 8); flips > 0; flips--) copy[random.below(copy.length)] ^= 1 << random.below(8);
  return copy;
}

/** Whether a receiver's IP stack would accept a corrupted datagram (RFC 768). */
export function passesChecksum(sent: Uint8Array, arrived: Uint8Array): boolean {
  return sent.length === arrived.length && checksum(sent) === checksum(arrived);
}

/** The internet checksum (RFC 1071) without its final complement. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (i + 1 < bytes.length ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff ? 0 : sum;
}
