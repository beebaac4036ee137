/**
 * sfc32 by Chris Doty-Humphrey (PractRand) as an object: the same numbers as those of the engine, whose state is in
 * words of a node. For simulations, which have thousands of streams.
 */
export class Sfc32 {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  /** @param seed uint32 @param stream uint32 that separates nodes with equal seeds, such as the id */
  constructor(seed: number, stream: number) {
    this.a = seed | 0;
    this.b = stream | 0;
    this.c = 0x6368736d;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** The next uint32. */
  next(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer from 0 to `bound` - 1; 0 when `bound` is 0. The bias is below bound / 2^32. */
  below(bound: number): number {
    return bound === 0 ? 0 : this.next() % bound;
  }
}
