/**
 * One array of uint32 that several small tables share. On 32-bit XS a typed
 * array costs about 110 bytes before its first element.
 */
export class WordPool {
  readonly words: Uint32Array;
  private allocated = 0;

  constructor(size: number) {
    this.words = new Uint32Array(size);
  }

  /** Allocates `count` words and returns the index of the first. */
  alloc(count: number): number {
    const at = this.allocated;
    this.allocated += count;
    return at;
  }
}
