/**
 * The table hash: 64 bits over a set of rows, updated in constant time.
 *
 * The table hash is the sum, in two words modulo 2^32, of one hash per row, so
 * rows can be added and subtracted in any order. The hash of a row is the final
 * stage of Bob Jenkins' lookup3 (`hashword2`, 2006) over four words. It needs
 * additions and rotations only, which are exact on every JavaScript engine. It
 * detects accidents. Against forgery, frames are sealed.
 */
export class TableHash {
  /** First and second word, as signed 32-bit integers. */
  first = 0;
  second = 0;

  add(id: number, revision: number, heartbeat: number, state: number): void {
    this.mix(id, revision, heartbeat, state, 1);
  }

  clear(): void {
    this.first = 0;
    this.second = 0;
  }

  /** Whether a frame's table hash is that of this table: the first word, and the low half of the second. */
  isShown(first: number, second: number): boolean {
    return this.first === (first | 0) && (this.second & 0xffff) === second;
  }

  /** @param sign 1 to add, -1 to subtract */
  mix(id: number, revision: number, heartbeat: number, state: number, sign: number): void {
    let a = (SEED + id) | 0;
    let b = (SEED + revision) | 0;
    let c = (SEED + heartbeat) | 0;

    a = (a - c) ^ (c << 4 | c >>> 28); c = (c + b) | 0;
    b = (b - a) ^ (a << 6 | a >>> 26); a = (a + c) | 0;
    c = (c - b) ^ (b << 8 | b >>> 24); b = (b + a) | 0;
    a = (a - c) ^ (c << 16 | c >>> 16); c = (c + b) | 0;
    b = (b - a) ^ (a << 19 | a >>> 13); a = (a + c) | 0;
    c = (c - b) ^ (b << 4 | b >>> 28); b = (b + a) | 0;

    a = (a + state) | 0;

    c = ((c ^ b) - (b << 14 | b >>> 18)) | 0;
    a = ((a ^ c) - (c << 11 | c >>> 21)) | 0;
    b = ((b ^ a) - (a << 25 | a >>> 7)) | 0;
    c = ((c ^ b) - (b << 16 | b >>> 16)) | 0;
    a = ((a ^ c) - (c << 4 | c >>> 28)) | 0;
    b = ((b ^ a) - (a << 14 | a >>> 18)) | 0;
    c = ((c ^ b) - (b << 24 | b >>> 8)) | 0;

    this.first = (this.first + sign * c) | 0;
    this.second = (this.second + sign * b) | 0;
  }
}

/**
 * The order key of an id: Bob Jenkins' six-step integer hash (2006), which maps
 * uint32 one to one. Rows are kept in the order of these keys, so that ranges of
 * equal width hold about equally many rows, for any choice of ids.
 */
export function orderKey(id: number): number {
  let key = (id + 0x7ed55d16 + (id << 12)) | 0;
  key = key ^ 0xc761c23c ^ (key >>> 19);
  key = (key + 0x165667b1 + (key << 5)) | 0;
  key = ((key + 0xd3a2646c) | 0) ^ (key << 9);
  key = (key + 0xfd7046c5 + (key << 3)) | 0;
  return (key ^ 0xb55a4f09 ^ (key >>> 16)) >>> 0;
}

/**
 * Hash of a network's name, a uint32. It begins with the number of bytes. For each
 * byte it becomes the order key of itself xor the byte.
 *
 * @param name in UTF-8
 */
export function networkHash(name: Uint8Array): number {
  let hash = name.length;
  for (let i = 0; i < name.length; i++) hash = orderKey((hash ^ name[i]) >>> 0);
  return hash;
}

/** Hash over the feeds of the rows. Feeds implement it; the table and the wire format only use it. */
export interface FeedsHash {
  /** As it stands in a frame: a uint32. */
  word(): number;
  /** Whether the sender of the frame that is handled, with this feeds hash, has nothing that this node would take. */
  isSame(word: number): boolean;
  /** By how much the hash would change if another feed were held in a slot; an int32. */
  differenceTo(slot: number, generation: number, sequence: number, tipFirst: number): number;
  /** Adds the feed in a slot. */
  addFeed(slot: number): void;
  /** Subtracts the feed in a slot. */
  subtractFeed(slot: number): void;
  /** Adds the hash of the feed in a slot to another sum, that of a fingerprint. */
  addTo(sum: TableHash, slot: number): void;
  /** The row in a slot is removed, and its feed with it. */
  drop(slot: number): void;
}

const WORDS = 4;
const SEED = (0xdeadbeef + (WORDS << 2)) | 0;
