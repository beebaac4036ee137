import { checkGiven, integer } from "../checks.js";
import { invalid } from "../errors.js";
import { nameOf, stepOf } from "./names.js";

/** A sensor as ECMA-419 has it, such as those of the Moddable SDK, or any object with `sample`. */
export interface Sensor {
  /**
   * Readings as numbers by property, as in `{ temperature: 21.4 }`, or for a compound sensor one level deeper, as in
   * `{ thermometer: { temperature: 21.4 } }`. Undefined while there are none.
   */
  sample(): unknown;
  close?(): void;
}

/** A sensor, and how its readings are shared. */
export interface SensorSource {
  /** Makes the sensor: called at the first sample, and again at the sample after one that threw. */
  open: () => Sensor;
  /**
   * Names by property, such as `{ temperature: "temp2" }`. A property that is neither here nor in the table of
   * docs/SENSORS.md is left out; so is one whose name here is "".
   */
  names?: Record<string, string>;
  /** Factors by property, `{ humidity: 100 }` for a class that gives 0 to 1 where others give percent. */
  scale?: Record<string, number>;
}

/** What the sensors of a node read, by name, such as `{ temp: 21.375, hum: 40 }`. */
export interface ReadingMap {
  [name: string]: number;
}

export interface ReadingsOptions {
  /** 1 to 16. Of two readings with one name the first counts. */
  sensors: SensorSource[];
  /** By name: the least change that `update` shares. Any change by default. */
  thresholds?: Record<string, number>;
  /** By name: what readings are rounded to a multiple of; otherwise as in the table of docs/SENSORS.md. */
  steps?: Record<string, number>;
  /** `update` shares also without a change when this time is over: 1,000 to 86,400,000 ms; never by default. */
  repeatMs?: number;
  /**
   * A sensor failed, for the first time since it worked: `error` is what it threw, or an Error when it gave no
   * reading. Undefined: it works again.
   *
   * @param index of the sensor in `sensors`
   */
  onError?: (error: unknown, index: number) => void;
}

const SENSORS_MAX = 16;
const REPEAT_MS_LEAST = 1000;
const REPEAT_MS_MOST = 86400000;
/** A sensor that so many times in a row gave no reading is opened anew, which resets it. */
const MISSES_MAX = 3;

/** The readings of a node's sensors as one map. What a sensor throws goes to `onError` and nowhere else. */
export class Readings {
  private readonly options: ReadingsOptions;
  /** By index; undefined until the first sample, and after a failure. */
  private readonly opened: (Sensor | undefined)[] = [];
  /** By index: samples in a row that failed. */
  private readonly misses: number[] = [];
  private shared: ReadingMap | undefined;
  private sharedMs = 0;

  /** @throws TypeError or RangeError ERR_OPTION that names the option */
  constructor(options: ReadingsOptions) {
    checkOptions(options);
    this.options = options;
    for (let i = 0; i < options.sensors.length; i++) {
      this.opened.push(undefined);
      this.misses.push(0);
    }
  }

  /** Takes a sample of each sensor. Undefined when none gives a reading. */
  sample(): ReadingMap | undefined {
    const map: ReadingMap = {};
    for (let i = 0; i < this.opened.length; i++) this.sampleOne(i, map);
    return Object.keys(map).length === 0 ? undefined : map;
  }

  /**
   * Takes a sample and calls `share` with it if there is something to share: the first readings; a reading that is new,
   * missing or has changed by its threshold since the last call of `share`; or when `repeatMs` is over. `share` gets
   * undefined, once, when no sensor gives a reading any more.
   *
   * @param nowMs time in ms of any clock; it may begin anew after 2^32 ms
   * @returns whether it called `share`
   */
  update(nowMs: number, share: (readings: ReadingMap | undefined) => void): boolean {
    const map = this.sample();
    const repeatMs = this.options.repeatMs;
    const isOver = map !== undefined && repeatMs !== undefined && (nowMs - this.sharedMs) >>> 0 >= repeatMs;
    if (!isOver && !this.hasChanged(map)) return false;
    // If it throws, the next call shares it.
    share(map);
    this.shared = map;
    this.sharedMs = nowMs;
    return true;
  }

  /** Closes all sensors. The next sample opens them again. */
  close(): void {
    for (let i = 0; i < this.opened.length; i++) this.closeOne(i);
  }

  private hasChanged(map: ReadingMap | undefined): boolean {
    const shared = this.shared;
    if (map === undefined || shared === undefined) return map !== shared;
    const names = Object.keys(map);
    if (names.length !== Object.keys(shared).length) return true;
    const thresholds = this.options.thresholds;
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      const before = shared[name] as number | undefined;
      if (before === undefined) return true;
      const change = Math.abs(map[name] - before);
      const threshold = thresholds === undefined ? undefined : thresholds[name] as number | undefined;
      if (change > 0 && (threshold === undefined || change >= threshold)) return true;
    }
    return false;
  }

  private sampleOne(index: number, map: ReadingMap): void {
    try {
      let sensor = this.opened[index];
      if (sensor === undefined) {
        sensor = this.options.sensors[index].open();
        this.opened[index] = sensor;
      }
      if (this.addAll(index, sensor.sample(), map)) {
        this.works(index);
        return;
      }
      this.fails(index, new Error("no reading"));
      if (this.misses[index] % MISSES_MAX === 0) this.closeOne(index);
    } catch (error) {
      this.closeOne(index);
      this.fails(index, error);
    }
  }

  private works(index: number): void {
    const failed = this.misses[index] > 0;
    this.misses[index] = 0;
    if (failed) this.report(undefined, index);
  }

  private fails(index: number, error: unknown): void {
    this.misses[index]++;
    if (this.misses[index] === 1) this.report(error, index);
  }

  private report(error: unknown, index: number): void {
    const onError = this.options.onError;
    if (onError !== undefined) onError(error, index);
  }

  private closeOne(index: number): void {
    const sensor = this.opened[index];
    this.opened[index] = undefined;
    try {
      if (sensor !== undefined && sensor.close !== undefined) sensor.close();
    } catch {
      // It failed before, or the application is done with it.
    }
  }

  /** Returns whether there was a reading at all. */
  private addAll(index: number, sample: unknown, map: ReadingMap): boolean {
    if (typeof sample !== "object" || sample === null) return false;
    const properties = Object.keys(sample);
    let hasReading = false;
    for (let i = 0; i < properties.length; i++) {
      const value = (sample as Record<string, unknown>)[properties[i]];
      if (typeof value !== "object" || value === null) {
        hasReading = this.add(index, properties[i], value, map) || hasReading;
        continue;
      }
      const inner = Object.keys(value);
      for (let k = 0; k < inner.length; k++) {
        hasReading = this.add(index, inner[k], (value as Record<string, unknown>)[inner[k]], map) || hasReading;
      }
    }
    return hasReading;
  }

  private add(index: number, property: string, value: unknown, map: ReadingMap): boolean {
    if (typeof value !== "number" || !isFinite(value)) return false;
    const source = this.options.sensors[index];
    const given = source.names === undefined ? undefined : source.names[property] as string | undefined;
    const name = given === undefined ? nameOf(property) : given;
    if (name === "") return false;
    const factor = source.scale === undefined ? undefined : source.scale[property] as number | undefined;
    const steps = this.options.steps;
    const ownStep = steps === undefined ? undefined : steps[name] as number | undefined;
    const step = ownStep === undefined ? stepOf(name) : ownStep;
    const rounded = Math.floor(value * (factor === undefined ? 1 : factor) / step + 0.5) * step;
    if (!isFinite(rounded)) return false;
    if (map[name] as number | undefined === undefined) map[name] = rounded;
    return true;
  }
}

function checkOptions(options: ReadingsOptions): void {
  checkGiven(options, "onError", "sensors thresholds steps repeatMs");
  const sensors = options.sensors as unknown;
  if (!Array.isArray(sensors)) throw invalid("", "sensors", "is not an array", false);
  if (sensors.length < 1 || sensors.length > SENSORS_MAX) {
    throw invalid("", "sensors", `has ${sensors.length} entries, not 1 to ${SENSORS_MAX}`, true);
  }
  for (let i = 0; i < sensors.length; i++) {
    const source = sensors[i] as Record<string, unknown> | null | undefined;
    if (source === null || source === undefined || typeof source.open !== "function") {
      throw invalid("", "sensors", `entry ${i} has no function open`, false);
    }
    checkNumbers(`sensors[${i}].scale`, source.scale, false);
  }
  checkNumbers("thresholds", options.thresholds, true);
  checkNumbers("steps", options.steps, false);
  if (options.repeatMs !== undefined) {
    integer("repeatMs", options.repeatMs, REPEAT_MS_LEAST, REPEAT_MS_LEAST, REPEAT_MS_MOST);
  }
}

/** Checks that an option is undefined or has only numbers above 0, or also 0. */
function checkNumbers(option: string, numbers: unknown, mayBeZero: boolean): void {
  if (numbers === undefined) return;
  if (typeof numbers !== "object" || numbers === null) throw invalid("", option, "is not an object", false);
  const names = Object.keys(numbers);
  for (let i = 0; i < names.length; i++) {
    const number = (numbers as Record<string, unknown>)[names[i]];
    const isNumber = typeof number === "number";
    if (isNumber && isFinite(number) && (number > 0 || (mayBeZero && number === 0))) continue;
    const least = mayBeZero ? "of at least 0" : "above 0";
    throw invalid("", option, `${names[i]} is ${isNumber ? number : "not a number"}, not a number ${least}`, isNumber);
  }
}

/** The readings of 1 to 16 sensors as one map, for `push`. */
export function readings(options: ReadingsOptions): Readings {
  return new Readings(options);
}
