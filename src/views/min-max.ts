import type { CborValue } from "../cbor/cbor.js";
import { checkGiven, checkUnbound } from "../checks.js";
import { invalid } from "../errors.js";
import type { View } from "./view.js";

export interface MinMaxOptions {
  /** Picks the number out of the value that a node shares; anything but a finite number is left out. */
  select?: (data: CborValue) => unknown;
  /**
   * Name of the number in maps such as `{ temp: 21.5, hum: 40 }`; not with `select`. A node that shares a number alone
   * counts with that.
   */
  field?: string;
  /** Called when the minimum or the maximum changes; both are undefined when no live node shares a number. */
  onChange?: (minimum: number | undefined, maximum: number | undefined) => void;
}

/** The least and the greatest of the numbers that the live nodes share, the node itself included. */
export class MinMax implements View {
  minimum: number | undefined;
  maximum: number | undefined;
  /** How many live nodes share a number. */
  count = 0;
  private readonly options: MinMaxOptions;
  /** By slot; NaN where the row has no number. */
  private numbers = new Float64Array(0);
  /** Of `numbers`, unless `isStale`. */
  private least = Infinity;
  private greatest = -Infinity;
  /** The row that had the least or the greatest number has another: all rows must be searched. */
  private isStale = false;

  /** @throws TypeError ERR_OPTION that names the option */
  constructor(options?: MinMaxOptions) {
    this.options = options ?? {};
    checkGiven(this.options, "select onChange", "field");
    const field = this.options.field as unknown;
    if (field === undefined) return;
    if (typeof field !== "string") throw invalid("", "field", "is not a text", false);
    if (this.options.select !== undefined) throw invalid("", "field", "not together with select", true);
  }

  /** @throws RangeError ERR_OPTION when another node has the view */
  bind(capacity: number): void {
    checkUnbound("views", this.numbers.length > 0);
    this.numbers = new Float64Array(capacity).fill(NaN);
  }

  rowChanged(slot: number, isLive: boolean, data: CborValue): void {
    const number = isLive ? this.numberOf(data) : undefined;
    const after = typeof number === "number" && isFinite(number) ? number : NaN;
    const before = this.numbers[slot];
    this.numbers[slot] = after;
    // Comparisons with NaN are false.
    if (!isNaN(before)) this.count--;
    if (before !== after && (before === this.least || before === this.greatest)) this.isStale = true;
    if (!isNaN(after)) this.count++;
    if (after < this.least) this.least = after;
    if (after > this.greatest) this.greatest = after;
  }

  settle(): void {
    if (this.isStale) this.searchAll();
    this.change(this.count === 0 ? undefined : this.least, this.count === 0 ? undefined : this.greatest);
  }

  private numberOf(data: CborValue): unknown {
    const field = this.options.field;
    const select = this.options.select;
    if (select !== undefined) return select(data);
    if (field === undefined || typeof data !== "object" || data === null) return data;
    return Object.prototype.hasOwnProperty.call(data, field) ? (data as Record<string, unknown>)[field] : undefined;
  }

  private searchAll(): void {
    this.isStale = false;
    this.least = Infinity;
    this.greatest = -Infinity;
    for (let slot = 0; slot < this.numbers.length; slot++) {
      const number = this.numbers[slot];
      if (number < this.least) this.least = number;
      if (number > this.greatest) this.greatest = number;
    }
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
export function minMax(options?: MinMaxOptions): MinMax {
  return new MinMax(options);
}
