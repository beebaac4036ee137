import type { FlashSectors } from "../../src/platform/flash-log.js";
import type { SimRandom } from "./random.js";

/** Steps of an erase; power can be lost before each. A write of one byte is one step. */
export const ERASE_STEPS = 8;

/** Thrown when `stepsLeft` is used up. */
export class PowerLoss extends Error {}

/**
 * An exact model of NOR flash: an erase sets bits, a write only clears them.
 * Power can be lost before, between and within the bytes of a write, and in the
 * middle of an erase.
 */
export class Flash implements FlashSectors {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly bytes: Uint8Array;
  /** How many times each sector was erased. */
  readonly erases: number[];
  /** Steps until power is lost. */
  stepsLeft = Infinity;
  /** Draws the bits of a half-done step when power is lost; without it, that step is not begun. */
  private readonly random: SimRandom | undefined;

  /** @param random leaves steps half done when power is lost; without it, the interrupted step is not begun */
  constructor(sectors: number, sectorBytes = 4096, random?: SimRandom) {
    this.sectors = sectors;
    this.sectorBytes = sectorBytes;
    this.random = random;
    this.bytes = new Uint8Array(sectors * sectorBytes).fill(0xff);
    this.erases = new Array<number>(sectors).fill(0);
  }

  get eraseCount(): number {
    return this.erases.reduce((sum, count) => sum + count, 0);
  }

  read(sector: number, offset: number, into: Uint8Array, length: number): void {
    this.check(sector, offset, length);
    const start = sector * this.sectorBytes + offset;
    into.set(this.bytes.subarray(start, start + length));
  }

  write(sector: number, offset: number, bytes: Uint8Array, length: number): void {
    this.check(sector, offset, length);
    if (offset % 4 !== 0 || length % 4 !== 0) throw new Error(`write: ${length} bytes at ${offset} are not aligned`);
    const start = sector * this.sectorBytes + offset;
    for (let i = 0; i < length; i++) {
      if (this.bytes[start + i] !== 0xff) throw new Error(`write: ${offset + i} of sector ${sector} is not erased`);
      if (!this.step()) this.loseWhile(() => this.bytes[start + i] &= bytes[i] | this.someBits());
      this.bytes[start + i] &= bytes[i];
    }
  }

  erase(sector: number): void {
    this.check(sector, 0, this.sectorBytes);
    const start = sector * this.sectorBytes;
    const all = this.bytes.subarray(start, start + this.sectorBytes);
    for (let i = 0; i < ERASE_STEPS; i++) {
      if (this.step()) continue;
      this.loseWhile(() => {
        for (let at = 0; at < all.length; at++) all[at] |= this.someBits();
      });
    }
    all.fill(0xff);
    this.erases[sector]++;
  }

  /** Takes a step. Returns false when power is lost. */
  private step(): boolean {
    return this.stepsLeft-- > 0;
  }

  private loseWhile(half: () => void): never {
    if (this.random !== undefined) half();
    throw new PowerLoss("no power");
  }

  private someBits(): number {
    return this.random === undefined ? 0 : this.random.below(256);
  }

  private check(sector: number, offset: number, length: number): void {
    if (sector >= 0 && sector < this.sectors && offset >= 0 && offset + length <= this.sectorBytes) return;
    throw new Error(`sector ${sector}, offset ${offset}: ${length} bytes are outside the flash`);
  }
}
