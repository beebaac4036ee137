/**
 * One array of uint32 from which the small tables take their parts: on a board
 * an array of their own would cost each about 110 bytes before its first element.
 */
export class WordPool {
  readonly words: Uint32Array;
  private taken = 0;

  constructor(size: number) {
    this.words = new Uint32Array(size);
  }

  /** Where a part of `count` words begins that is nobody else's. */
  alloc(count: number): number {
    const at = this.taken;
    this.taken += count;
    return at;
  }
}
