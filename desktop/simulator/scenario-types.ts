import type { Violation } from "./checkers.js";
import type { SimDialect } from "./dialects.js";
import type { StorageImage } from "./holders.js";
import type { SimCounts } from "./network.js";
import type { RadioOptions } from "./radio.js";
import type { SimulatedTopology } from "./topology-shapes.js";

export interface ScenarioOptions {
  seed: number;
  nodes: number;
  roundIntervalMs: number;
  datagramBytesMax: number;
  dialect: SimDialect;
  /** Rounds that an agreement must last. */
  lastingRounds: number;
  /** Which nodes reach which, without movement. Without it, each node reaches all others. */
  topology?: SimulatedTopology;
  /** The nodes have ESP-NOW in place of UDP, and find each other by broadcast. */
  radio?: RadioOptions;
  /** Bytes for events; without it, the seed and the scenario decide whether event buffers are large or small. */
  feedBytes?: number;
}

export const SCENARIO_DEFAULTS: Omit<ScenarioOptions, "seed" | "topology" | "radio"> = {
  nodes: 12,
  roundIntervalMs: 10000,
  datagramBytesMax: 1200,
  dialect: "compact",
  lastingRounds: 3,
};

/** How a node loses its power, and how it starts again. */
export interface Crash {
  offMs: number;
  keepStorage: boolean;
  address?: string;
  /** The node then has an older state of its storage, as from a restored SD card. */
  image?: StorageImage;
  /** Power is lost again while the next start writes its revision; the storage then holds this. */
  torn?: "old" | "new" | "nothing";
}

/** Where a running scenario is, after each round. */
export interface ScenarioStep {
  phase: "warm-up" | "faults" | "healing" | "rest" | "filling gaps";
  /** Rounds of this phase so far. */
  round: number;
  /** The most that this phase takes. */
  rounds: number;
}

/** The result of a scenario: plain data, equal for equal scenarios and options. */
export interface ScenarioResult extends ScenarioOptions {
  scenario: string;
  agreed: boolean;
  /** Rounds from the end of the faults until all nodes agreed for good; null when they did not. */
  roundsToHeal: number | null;
  /** The largest allowed value of `roundsToHeal`. */
  roundsToHealMax: number;
  restarts: number;
  /** How many times a node held a running node as DOWN, in all phases. */
  falseDowns: number;
  /** The same after all nodes had agreed. */
  falseDownsHealed: number;
  /** Events published by nodes with a log, without those of nodes whose storage was wiped later. */
  eventsPublished: number;
  /**
   * What all nodes must show and hold in the end: the latest value or removal of each
   * name, each contribution in merge topics and, unless event buffers are small, all
   * log events of nodes whose log was never lost.
   */
  eventsWanted: number;
  /** Of these: those that at least one node does not show or hold. */
  eventsLost: number;
  /** How many times a node went back from a value to an older one for longer than `UNDONE_ROUNDS`. */
  valuesUndone: number;
  /** In scenarios with devices that sleep. */
  sleep?: SleepFigures;
  counts: SimCounts;
  violations: Violation[];
}

/** What devices that sleep did, all together; the last three are means over them. */
export interface SleepFigures {
  sleepers: number;
  wakings: number;
  /** Wakings in which no node answered. */
  unheard: number;
  /** How many times a device lost its power, with what it kept. */
  powerLosses: number;
  /** The longest time from the begin of a waking until the radio might be off. */
  longestWakingMs: number;
  /** Of a device, at as many wakings a day as in this run. */
  wakingsPerDay: number;
  radioSecondsPerDay: number;
  bytesPerDay: number;
}

/** The result of a stretch of a soak: faults, healing, and calm rounds after it. */
export interface SoakStretch {
  /** Rounds since the beginning, all stretches together. */
  rounds: number;
  /** Rounds from the end of the faults until all nodes agreed for good; null when they did not. */
  roundsToHeal: number | null;
  /** How many times a node held a running node as DOWN: in total, and after all had agreed. */
  falseDowns: number;
  falseDownsHealed: number;
  violations: Violation[];
}
