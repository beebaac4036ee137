/**
 * Words of uint32 that several small tables share. On 32-bit XS a typed
 * array costs about 110 bytes before its first element.
 */
export class WordPool {
  readonly words: Uint32Array;
  private allocated: number;

  /** @param words the pool is its last `size` words; without it the pool is an array of its own */
  constructor(size: number, words?: Uint32Array) {
    this.words = words ?? new Uint32Array(size);
    this.allocated = this.words.length - size;
  }

  /** Allocates `count` words and returns the index of the first. */
  alloc(count: number): number {
    const at = this.allocated;
    this.allocated += count;
    return at;
  }
}
