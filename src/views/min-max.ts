import type { CborValue } from "../cbor/cbor.js";
import { checkGiven, checkUnbound } from "../checks.js";
import { invalid } from "../errors.js";
import type { View, ViewRows } from "./view.js";

export interface MinMaxOptions {
  /**
   * Picks the number out of the value that a node shares; anything but a finite number is left out. It is called again
   * for the values of all live nodes when the minimum or the maximum went away.
   */
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
  private rows: ViewRows | undefined;
  /** By slot, without `rows`: the values of live nodes. */
  private values: CborValue[] | undefined;
  /** Bit by slot: the row has a number. */
  private counted = new Uint8Array(0);
  /** Over all rows, unless `isStale`. */
  private least = Infinity;
  private greatest = -Infinity;
  /** The slots in which they are. */
  private leastSlot = -1;
  private greatestSlot = -1;
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

  /**
   * @param rows of the node. Without them, as in a view that hands on its calls to this one, all values are kept
   * @throws RangeError ERR_OPTION when another node has the view
   */
  bind(capacity: number, rows?: ViewRows): void {
    checkUnbound("views", this.counted.length > 0);
    this.counted = new Uint8Array((capacity + 7) >>> 3);
    this.rows = rows;
    if (rows === undefined) this.values = [];
  }

  rowChanged(slot: number, isLive: boolean, data: CborValue): void {
    if (this.values !== undefined) this.values[slot] = isLive ? data : undefined;
    const number = isLive ? this.numberOf(data) : NaN;
    this.countNumber(slot, !isNaN(number));
    // Comparisons with NaN are false.
    if (number <= this.least) this.setLeast(slot, number);
    else if (slot === this.leastSlot) this.isStale = true;
    if (number >= this.greatest) this.setGreatest(slot, number);
    else if (slot === this.greatestSlot) this.isStale = true;
  }

  settle(): void {
    if (this.isStale) this.searchAll();
    this.change(this.leastSlot < 0 ? undefined : this.least, this.greatestSlot < 0 ? undefined : this.greatest);
  }

  /** The number of a live node; NaN when it shares none. */
  private numberOf(data: CborValue): number {
    const number = this.selected(data);
    return typeof number === "number" && isFinite(number) ? number : NaN;
  }

  private selected(data: CborValue): unknown {
    const field = this.options.field;
    const select = this.options.select;
    if (select !== undefined) return select(data);
    if (field === undefined || typeof data !== "object" || data === null) return data;
    return Object.prototype.hasOwnProperty.call(data, field) ? (data as Record<string, unknown>)[field] : undefined;
  }

  private countNumber(slot: number, hasNumber: boolean): void {
    const bit = 1 << (slot & 7);
    const byte = this.counted[slot >>> 3];
    if (((byte & bit) !== 0) === hasNumber) return;
    this.counted[slot >>> 3] = byte ^ bit;
    this.count += hasNumber ? 1 : -1;
  }

  private setLeast(slot: number, number: number): void {
    this.least = number;
    this.leastSlot = slot;
  }

  private setGreatest(slot: number, number: number): void {
    this.greatest = number;
    this.greatestSlot = slot;
  }

  /** Looks at the rows that have a number. A copy of each number would take 8 bytes. */
  private searchAll(): void {
    this.isStale = false;
    this.setLeast(-1, Infinity);
    this.setGreatest(-1, -Infinity);
    for (let slot = 0; slot < this.counted.length << 3; slot++) {
      if (((this.counted[slot >>> 3] >>> (slot & 7)) & 1) === 0) continue;
      const number = this.numberOf(this.valueAt(slot));
      if (number < this.least) this.setLeast(slot, number);
      if (number > this.greatest) this.setGreatest(slot, number);
    }
  }

  private valueAt(slot: number): CborValue {
    if (this.rows !== undefined) return this.rows.value(slot);
    return this.values === undefined ? undefined : this.values[slot];
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
