import type { CborValue } from "../engine/cbor.js";
import type { View } from "./view.js";

export interface MinMaxOptions {
  /** Picks the number out of what a node shares; anything but a finite number is left out. */
  select?: (data: CborValue) => unknown;
  /** Called when the minimum or the maximum has changed; both are undefined when no live node shares a number. */
  onChange?: (minimum: number | undefined, maximum: number | undefined) => void;
}

/** The least and the greatest of the numbers that the live nodes share, the node itself included. */
export class MinMax implements View {
  minimum: number | undefined;
  maximum: number | undefined;
  /** How many live nodes share a number. */
  count = 0;
  private readonly options: MinMaxOptions;
  /** By slot; NaN where there is nothing to count. */
  private numbers!: Float64Array;

  constructor(options: MinMaxOptions) {
    this.options = options;
  }

  open(capacity: number): void {
    this.numbers = new Float64Array(capacity).fill(NaN);
  }

  rowChanged(slot: number, isLive: boolean, data: CborValue): void {
    const select = this.options.select;
    const number = isLive ? (select === undefined ? data : select(data)) : undefined;
    this.numbers[slot] = typeof number === "number" && isFinite(number) ? number : NaN;
  }

  settle(): void {
    let minimum = Infinity;
    let maximum = -Infinity;
    this.count = 0;
    for (let slot = 0; slot < this.numbers.length; slot++) {
      const number = this.numbers[slot];
      if (isNaN(number)) continue;
      this.count++;
      if (number < minimum) minimum = number;
      if (number > maximum) maximum = number;
    }
    this.change(this.count === 0 ? undefined : minimum, this.count === 0 ? undefined : maximum);
  }

  private change(minimum: number | undefined, maximum: number | undefined): void {
    if (minimum === this.minimum && maximum === this.maximum) return;
    this.minimum = minimum;
    this.maximum = maximum;
    const onChange = this.options.onChange;
    if (onChange !== undefined) onChange(minimum, maximum);
  }
}

/** A view of the minimum and the maximum, for the option `views` of `Gossip`. */
export function minMax(options: MinMaxOptions): MinMax {
  return new MinMax(options);
}
