import { checkNames, integer, show } from "../checks.js";
import type { NodeEngine } from "../engine/node-engine.js";
import type { SleeperMaker } from "../engine/options.js";
import { KEPT_HEAD_BYTES, isKept, keptRevision } from "../engine/sleep/kept.js";
import { Sleeper } from "../engine/sleep/sleeper.js";
import { SLEEP_SECONDS_MAX } from "../engine/table/states.js";
import { failure, invalid } from "../errors.js";

/** Options of `sleeping`. All have a default. */
export interface SleepOptions {
  /**
   * What `sleep` handed over before the last deep sleep. If it is whole and of this node, the start goes on under the
   * same revision: it writes nothing to the storage. Anything else, as after a power cut, is ignored.
   */
  kept?: Uint8Array | undefined;
  /**
   * The most bytes that `sleep` hands over, 28 to 65,535; 4,096 by default. 28 are for the node itself. Each row takes
   * 20 and its value, and each feed of events 20 more. Rows and feeds beyond that come with the next waking.
   */
  keptBytesMax?: number;
  /**
   * Whether a deep sleep keeps how far the node has seen the events of each author. Then a waking brings only those
   * that are new. Without it each waking brings all events that others hold, as a program needs whose views show the
   * latest values of all. true by default.
   */
  keepFeeds?: boolean;
}

/**
 * Called when the radio may be off.
 *
 * @param kept what a deep sleep has to keep in a memory that it does not lose, at most `keptBytesMax` bytes
 * @param wasHeard whether a node answered. If not, perhaps none knows that this one sleeps: it should sleep shortly
 */
export type OnReady = (kept: Uint8Array, wasHeard: boolean) => void;

/** What a sleep works on: a node. */
export interface SleepingNode {
  readonly engine: NodeEngine;
  /** The caller's time, a uint32 in ms. */
  nowMs(): number;
  /** Passes on what was posted, and calls back. */
  drain(isOwnRowNew: boolean): void;
  /** @throws Error ERR_STATE when the node is not running */
  checkRunning(method: string): void;
}

/** The sleep of one node, for the option `sleep` of `Gossip`: what `sleeping` makes. */
export class Sleeping {
  private readonly kept: Uint8Array | undefined;
  private readonly keptBytesMax: number;
  private readonly keepsFeeds: boolean;
  private onReady: OnReady | undefined;

  /** @internal */
  constructor(kept: Uint8Array | undefined, keptBytesMax: number, keepsFeeds: boolean) {
    this.keepsFeeds = keepsFeeds;
    this.kept = kept;
    this.keptBytesMax = keptBytesMax;
  }

  /** @internal Makes the engine's part. */
  engineSleeper(): SleeperMaker {
    return (rows, clock, suspicion, rounds, outbox) => new Sleeper(rows, clock, suspicion, rounds, outbox);
  }

  /**
   * @internal The revision under which the node goes on; undefined if it begins anew.
   * @param stored revision in the storage; undefined: it has none
   */
  revision(id: number, stored: number | undefined): number | undefined {
    const kept = this.kept;
    if (kept === undefined || !isKept(kept, id)) return undefined;
    const revision = keptRevision(kept);
    return stored === undefined || stored === revision ? revision : undefined;
  }

  /** @internal The engine was started under the kept revision. */
  resume(engine: NodeEngine): void {
    const feed = this.keepsFeeds ? engine.feed : undefined;
    // RAM is lost, and with it the own feed, unless a log has it. Others hold events under this revision.
    if (engine.feed !== undefined) {
      engine.feed.startOwn(false);
      if (engine.sleeper !== undefined) engine.sleeper.ownFeed = engine.feed;
    }
    if (engine.sleeper !== undefined && this.kept !== undefined) engine.sleeper.resume(this.kept, feed);
  }

  /** @internal Begins a sleep, or renews it. */
  sleep(node: SleepingNode, seconds: number, onReady: OnReady): void {
    const isNumber = typeof seconds === "number";
    if (!isNumber || Math.floor(seconds) !== seconds || seconds < 1 || seconds > SLEEP_SECONDS_MAX) {
      throw invalid("sleep", "seconds", `${show(seconds)} is not an integer from 1 to ${SLEEP_SECONDS_MAX}`, isNumber);
    }
    if (typeof onReady !== "function") throw invalid("sleep", "onReady", `${show(onReady)} is not a function`, false);
    this.begin(node, "sleep", seconds, onReady);
  }

  /** @internal Ends the sleep. */
  wake(node: SleepingNode): void {
    this.begin(node, "wake", 0, undefined);
  }

  private begin(
    node: SleepingNode, method: string, seconds: number, onReady: OnReady | undefined,
  ): void {
    node.checkRunning(method);
    const engine = node.engine;
    if (engine.sleep === undefined || engine.sleeper === undefined) {
      throw failure("ERR_STATE", `${method}: the option dialect has no sleep`);
    }
    this.onReady = onReady;
    engine.sleep(node.nowMs(), seconds);
    node.drain(false);
  }

  /** @internal Calls back if the radio may be off now. Returns whether it did. */
  notify(engine: NodeEngine): boolean {
    const onReady = this.onReady;
    const sleeper = engine.sleeper;
    if (onReady === undefined || sleeper === undefined || !sleeper.isQuiet) return false;
    this.onReady = undefined;
    const kept = new Uint8Array(this.keptBytesMax);
    onReady(kept.subarray(0, sleeper.keep(kept, this.keepsFeeds ? engine.feed : undefined)), sleeper.hasAnswer);
    return true;
  }
}

/**
 * Sleep, for the option `sleep` of one `Gossip`: see its method `sleep`. A program that does not import this function
 * has none of its code; its node understands others that sleep all the same.
 *
 * @throws RangeError or TypeError ERR_OPTION that names the option as `sleep.NAME`
 */
export function sleeping(options?: SleepOptions): Sleeping {
  const given: SleepOptions = options ?? {};
  if (typeof given !== "object") throw invalid("", "sleep", `${show(given)} is not an object of options`, false);
  checkNames("sleep.", given, "kept keptBytesMax keepFeeds");
  if (given.kept !== undefined && !(given.kept instanceof Uint8Array)) {
    throw invalid("", "sleep.kept", `${show(given.kept)} is not a Uint8Array`, false);
  }
  const bytesMax = integer("sleep.keptBytesMax", given.keptBytesMax, KEPT_BYTES, KEPT_HEAD_BYTES, 65535);
  const keepFeeds = given.keepFeeds ?? true;
  if (typeof keepFeeds !== "boolean") {
    throw invalid("", "sleep.keepFeeds", `${show(keepFeeds)} is neither true nor false`, false);
  }
  return new Sleeping(given.kept, bytesMax, keepFeeds);
}

const KEPT_BYTES = 4096;
