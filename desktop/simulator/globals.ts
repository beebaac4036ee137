import type { SimEvent } from "./queue.js";

/** A device as its code sees it through the globals of JavaScript. */
export interface CodeDevice {
  /** Runs code of the device after `delayMs` of its clock, unless its power was off meanwhile. */
  scheduleCode(delayMs: number, run: () => void): SimEvent;
  /** Milliseconds of the device's clock since it was switched on. */
  uptimeMs(): number;
  /** Milliseconds since 1970 by the device's clock; undefined where it does not know the time of day. */
  physicalMs(): number | undefined;
  /** A number from 0 to below 1. */
  drawNumber(): number;
}

type Callback = (...args: unknown[]) => void;
type Clear = (timer: unknown) => void;

/** Longest delay of Node's timers, in ms; a longer one counts as 1 ms. */
const DELAY_MS_MAX = 2147483647;

/** The device whose code runs; undefined while the simulation's own code runs. */
let current: CodeDevice | undefined;
let depth = 0;
/** How to restore the globals. */
const restores: (() => void)[] = [];
let ids = 0;
/** Timers of which the number was asked for, as `clearTimeout(+timer)` needs. */
const byNumber = new Map<number, SimTimer>();

/**
 * Begins code of a device, or of the simulation where that is undefined. Until
 * `leave` timers, dates, `performance.now` and `Math.random` are the device's; for
 * the simulation's own code they are the real ones.
 *
 * @returns what `leave` needs
 */
export function enter(device: CodeDevice | undefined): CodeDevice | undefined {
  const before = current;
  if (depth++ === 0) install();
  current = device;
  return before;
}

/** Ends what `enter` began. The last one restores the globals. */
export function leave(before: CodeDevice | undefined): void {
  current = before;
  if (--depth === 0) while (restores.length > 0) restores.pop()?.();
}

/** A timer of a device's code, with the methods of Node's `Timeout`. */
export class SimTimer {
  private readonly device: CodeDevice;
  private readonly callback: () => void;
  private readonly delayMs: number;
  private readonly isRepeated: boolean;
  private readonly id = ++ids;
  private event: SimEvent | undefined;
  private isCleared = false;

  /** @param isRepeated whether the timer starts again each time */
  constructor(device: CodeDevice, callback: () => void, delayMs: number, isRepeated: boolean) {
    this.device = device;
    this.callback = callback;
    this.delayMs = delayMs;
    this.isRepeated = isRepeated;
    this.start();
  }

  /** Has no effect: the program decides when a simulation ends. */
  ref(): this { return this; }
  /** Has no effect: the program decides when a simulation ends. */
  unref(): this { return this; }
  hasRef(): boolean { return true; }

  /** Starts the timer anew, as in Node.js also after it went off, unless it was cleared. */
  refresh(): this {
    if (!this.isCleared) this.start();
    return this;
  }

  /** Clears the timer. */
  close(): this {
    this.isCleared = true;
    this.end();
    return this;
  }

  [Symbol.toPrimitive](): number {
    byNumber.set(this.id, this);
    return this.id;
  }

  private start(): void {
    if (this.event !== undefined) this.event.run = undefined;
    const event = this.device.scheduleCode(this.delayMs, () => {
      // Another event, or none: the timer was started anew or ended while it waited for a stalled device.
      if (this.event !== event) return;
      if (this.isRepeated) this.start();
      else this.end();
      this.callback();
    });
    this.event = event;
  }

  private end(): void {
    if (this.event !== undefined) this.event.run = undefined;
    this.event = undefined;
    byNumber.delete(this.id);
  }
}

function install(): void {
  const RealDate = Date;
  const realNow = performance.now.bind(performance);
  const realRandom = Math.random;
  const dateNow = (): number => current === undefined ? RealDate.now() : timeOfDay(current);
  replace(globalThis, "Date", new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget) => {
      return Reflect.construct(target, args.length === 0 ? [dateNow()] : args, newTarget) as Date;
    },
    apply: () => new RealDate(dateNow()).toString(),
    get: (target, name) => name === "now" ? dateNow : Reflect.get(target, name) as unknown,
  }));
  replace(performance, "now", () => current === undefined ? realNow() : current.uptimeMs());
  replace(Math, "random", () => current === undefined ? realRandom() : current.drawNumber());
  replaceTimer("setTimeout", (device, callback, delayMs, args) => {
    return new SimTimer(device, bound(callback, args), delayOf(delayMs), false);
  });
  replaceTimer("setInterval", (device, callback, delayMs, args) => {
    return new SimTimer(device, bound(callback, args), delayOf(delayMs), true);
  });
  replaceTimer("setImmediate", (device, callback, first, args) => {
    return new SimTimer(device, bound(callback, [first, ...args]), 0, false);
  });
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"] as const) {
    const real = globalThis[name] as Clear;
    replace(globalThis, name, (timer: unknown) => {
      const found = timer instanceof SimTimer ? timer : byNumber.get(timer as number);
      if (found === undefined) real(timer);
      else found.close();
    });
  }
}

function replaceTimer(
  name: "setTimeout" | "setInterval" | "setImmediate",
  make: (device: CodeDevice, callback: Callback, delayMs: unknown, args: unknown[]) => SimTimer,
): void {
  const real = globalThis[name] as unknown as (...args: unknown[]) => unknown;
  replace(globalThis, name, (callback: Callback, delayMs: unknown, ...args: unknown[]) => {
    return current === undefined ? real(callback, delayMs, ...args) : make(current, callback, delayMs, args);
  });
}

function replace(owner: object, name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const enumerable = before?.enumerable ?? true;
  Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable });
  restores.push(() => {
    if (before === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, before);
  });
}

/** A device without the time of day counts from 1970 when it is switched on, as boards do. */
function timeOfDay(device: CodeDevice): number {
  return device.physicalMs() ?? Math.floor(device.uptimeMs());
}

function bound(callback: Callback, args: unknown[]): () => void {
  if (typeof callback !== "function") throw new TypeError(`callback: ${String(callback)} is not a function`);
  return () => callback(...args);
}

function delayOf(delayMs: unknown): number {
  const delay = Number(delayMs);
  return delay >= 1 && delay <= DELAY_MS_MAX ? Math.trunc(delay) : 1;
}
