import { numbersOf } from "./format.js";

/** Points that are kept of each number. */
const POINTS_MAX = 512;
/** Numbers of one node that are kept. */
const FIELDS_MAX = 8;

export interface Series {
  /** Seconds since 1970. */
  times: number[];
  values: number[];
}

/** The numbers that one node shared since the page was opened: 512 of each of its first 8 fields. */
export class ValueHistory {
  readonly series = new Map<string, Series>();

  add(value: unknown, timeMs: number): void {
    for (const [field, number] of numbersOf(value)) {
      let series = this.series.get(field);
      if (series === undefined) {
        if (this.series.size === FIELDS_MAX) continue;
        series = { times: [], values: [] };
        this.series.set(field, series);
      }
      series.times.push(timeMs / 1000);
      series.values.push(number);
      if (series.times.length > POINTS_MAX) {
        series.times.shift();
        series.values.shift();
      }
    }
  }
}
