import assert from "node:assert/strict";
import type { SimRandom } from "../../desktop/simulator/random.js";
import type { GossipLog } from "../../src/platform/types.js";

/** What is done to a log: a record is appended, or those that are given take the place of all. */
export type LogStep = { append: Uint8Array } | { rewrite: readonly Uint8Array[] };

/** Bytes of which each record has others. */
export function record(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i < 2 ? number >> (8 * i) : number * 31 + i * 7);
}

/** A sequence of steps: appends of many lengths, and now and then a rewrite that keeps some of them. */
export function steps(random: SimRandom, count: number, lengthMax: number, keptMax: number): LogStep[] {
  const all: LogStep[] = [];
  let held: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    if (random.chance(0.1)) {
      held = held.filter(() => random.chance(0.6)).slice(-keptMax);
      all.push({ rewrite: held });
    } else {
      const bytes = record(i, random.between(1, lengthMax));
      // What erased flash and a file filled up with zeros look like.
      if (random.chance(0.2)) bytes.fill(random.pick([0, 0xff]));
      held = [...held, bytes];
      all.push({ append: bytes });
    }
  }
  return all;
}

/** A log, and what it must hold. */
export class LogDriver {
  /** What was acknowledged: as hexadecimal text. */
  held: string[] = [];
  /** What it is also allowed to hold: a step was begun when the power was lost. */
  private instead: string[] | undefined;
  private log: GossipLog;
  private readonly start: () => GossipLog;
  private readonly keptMax: number;

  /**
   * @param start makes the log anew of what is on the medium, as a restart does
   * @param keptMax records that are kept when the log is full
   */
  constructor(start: () => GossipLog, keptMax: number) {
    this.start = start;
    this.keptMax = keptMax;
    this.log = start();
  }

  /** Throws what the medium throws; `restart` then says whether the log is right. */
  run(all: readonly LogStep[]): void {
    for (const step of all) {
      if ("append" in step) this.append(step.append);
      else this.rewrite(step.rewrite);
    }
  }

  append(bytes: Uint8Array): void {
    this.instead = [...this.held, hex(bytes)];
    // The caller's buffer is longer than the record.
    const buffer = Uint8Array.of(...bytes, 1, 2, 3);
    if (!this.log.append(buffer, bytes.length)) {
      this.rewrite(this.held.slice(-this.keptMax).map((text) => Buffer.from(text, "hex")));
      this.instead = [...this.held, hex(bytes)];
      assert.ok(this.log.append(buffer, bytes.length), "there is room after a rewrite");
    }
    this.held = this.instead;
    this.instead = undefined;
  }

  rewrite(all: readonly Uint8Array[]): void {
    this.instead = all.map(hex);
    const buffer = new Uint8Array(1000);
    this.log.rewrite((put) => {
      for (const bytes of all) {
        buffer.set(bytes);
        put(buffer, bytes.length);
      }
    });
    this.held = this.instead;
    this.instead = undefined;
  }

  /** Power is back: checks that all that was acknowledged is there and nothing else but what was being done. */
  restart(): void {
    this.log = this.start();
    const found = this.read();
    if (this.instead !== undefined && this.instead.join() === found.join()) this.held = this.instead;
    assert.deepEqual(found, this.held);
    this.instead = undefined;
  }

  /** Checks the log as it is, without a restart. */
  check(): void {
    assert.deepEqual(this.read(), this.held);
  }

  private read(): string[] {
    return contentOf(this.log);
  }
}

/** The records of a log, as hexadecimal text. */
export function contentOf(log: GossipLog): string[] {
  const found: string[] = [];
  log.read((bytes, length) => found.push(hex(bytes.subarray(0, length))));
  return found;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
