import { formatAddress } from "../../src/engine/wire/address.js";
import {
  Gossip, type GossipErrorCode, type GossipStorage, type MinMax, type NodeRow, minMax,
} from "../../src/gossip.js";
import {
  type Violation, type MinMaxBelief, checkDatagramBytes, checkErrors, checkMinMax, minMaxOf,
} from "./checkers.js";
import { differences, heldValue } from "./differences.js";
import { SimRandom, STREAM_MESSAGES, STREAM_NODES, STREAM_SCENARIO } from "./random.js";
import { type SimDialect, optionsOfDialect } from "./dialects.js";
import { SimNetwork } from "./network.js";
import { type NodePlatform, type SimNode, addressOfIndex } from "./node.js";
import { HOPS_MAX, MessageCourse, type MessageFigures } from "./message-course.js";
import { MovingTopology } from "./moving-topology.js";
import { PathHistory } from "./path-history.js";
import { Thermometer } from "./temperature.js";
import type { Topology } from "./topology.js";
import { type SimulatedTopology, topologyOf } from "./topology-shapes.js";

export interface SimulateOptions {
  nodes: number;
  seed: number;
  lossProbability: number;
  rounds: number;
  datagramBytesMax: number;
  roundIntervalMs: number;
  dialect: SimDialect;
  /** Which nodes reach which. Without it, each node reaches all others. */
  topology?: SimulatedTopology;
}

export const SIMULATE_DEFAULTS: Omit<SimulateOptions, "seed" | "topology"> = {
  nodes: 50,
  lossProbability: 0.1,
  rounds: 30,
  datagramBytesMax: 1200,
  roundIntervalMs: 10000,
  dialect: "compact",
};

/** The state of the network at the end of a round. */
export interface RoundFigures {
  round: number;
  /** Nodes that know the minimum and the maximum of the latest readings of the nodes to which they have a path. */
  knowing: number;
  /** Nodes that hold a value of every node to which they have a path. */
  complete: number;
  /** Parts of the network without a path between them; 1 unless nodes move. */
  parts: number;
  minimum: number | undefined;
  maximum: number | undefined;
  /** In this round, all nodes together. */
  datagrams: number;
  bytes: number;
  datagramsSoFar: number;
  bytesSoFar: number;
}

/** The progress within a round. */
export interface StepFigures {
  round: number;
  /** Of the round, between 0 and 1. */
  part: number;
  datagramsSoFar: number;
  bytesSoFar: number;
}

export interface SimulateResult {
  agreed: boolean;
  /** Rounds from the last reading until all nodes knew minimum and maximum for good; null when they never did. */
  roundsToAgree: number | null;
  /** The round of the last readings. */
  lastReadingRound: number;
  minimum: number | undefined;
  maximum: number | undefined;
  knowing: number;
  datagrams: number;
  bytes: number;
  bytesPerNodeAndRound: number;
  largestDatagramBytes: number;
  lost: number;
  /** How many times a node held a running node as SUSPECT, while both had a path to each other. */
  suspects: number;
  /** How many times a node held a running node as DOWN, while both had a path to each other. */
  falseDowns: number;
  /** Parts of the network at the end, and the most at the end of any round. */
  parts: number;
  partsMost: number;
  /** With a topology, and enough rounds after the last readings. */
  messages?: MessageFigures;
  violationCount: number;
  /** The first violations, at most 100. */
  violations: Violation[];
}

/**
 * Rounds between two readings of a node, on average: at least 3, and in a large
 * network enough that about 50 nodes measure in a round.
 */
export function readingRounds(nodes: number): number {
  return Math.max(3, Math.ceil(nodes / 50));
}

/** More violations than this are counted, but not recorded. */
const VIOLATIONS_MAX = 100;
export const ROUNDS_MAX = 10000;
/** Rounds in which all nodes agree, beside those for each link of a long path. */
const SETTLING_ROUNDS = 20;
/** Part of the rounds, from the first on, in which nodes measure. They span one simulated day. */
const READING_PART = 0.6;
const SEEDS = 2;
/** Rounds until a message is given up, and one more. */
const OUTCOME_ROUNDS = 13;
/** The longest number in CBOR. 5,000 nodes hold 5,000 values each, so each byte here takes 25 MB. */
const READING_BYTES_MAX = 9;

/**
 * Simulates nodes that each measure a temperature and share it, so that all nodes
 * know the minimum and the maximum. Yields once a round. In the last 40 % of the
 * rounds the readings do not change, so that all nodes can agree.
 */
export function* simulate(options: SimulateOptions): Generator<RoundFigures, SimulateResult, undefined> {
  const steps = simulateInSteps(options, 1);
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) if ("knowing" in step.value) yield step.value;
  return step.value;
}

/**
 * Like `simulate`, but divides each round into steps, and also yields after each step but the last.
 *
 * @param observe gets the network before anything happens
 */
export function* simulateInSteps(
  options: SimulateOptions, stepsPerRound: number, observe?: (network: SimNetwork) => void,
): Generator<RoundFigures | StepFigures, SimulateResult, undefined> {
  const run = new TemperatureRun(options);
  observe?.(run.network);
  let agreedSince = 0;
  for (let round = 1; round <= options.rounds; round++) {
    for (let step = 1; step < stepsPerRound; step++) yield run.step(round, step / stepsPerRound);
    const figures = run.round(round);
    const agrees = figures.knowing === options.nodes && figures.complete === options.nodes;
    if (!agrees) agreedSince = 0;
    else if (agreedSince === 0) agreedSince = round;
    yield figures;
  }
  return run.result(agreedSince);
}

/** The round of the last readings. */
export function lastReadingRound(rounds: number): number {
  return Math.max(1, Math.floor(rounds * READING_PART));
}

/**
 * Rounds that are enough for a topology by default. In the last 40 % of them each
 * reading must get from end to end. Where nodes moved, those that are gone must also
 * be held as DOWN, which takes up to three suspicion periods.
 */
export function roundsFor(topology: Topology): number {
  const suspicions = topology instanceof MovingTopology ? 3 * suspicionRounds(topology.nodes) : 0;
  const settling = SETTLING_ROUNDS + topology.diameter + suspicions;
  return Math.min(ROUNDS_MAX, Math.max(SIMULATE_DEFAULTS.rounds, Math.ceil(settling / (1 - READING_PART))));
}

/** A suspicion period in rounds (PROTOCOL.md 4.2). */
function suspicionRounds(nodes: number): number {
  return 3 + Math.ceil(Math.log2(nodes));
}

class TemperatureRun {
  readonly network: SimNetwork;
  private readonly options: SimulateOptions;
  private readonly readingsEndMs: number;
  private readonly readings = new Map<SimNode, number>();
  private readonly views = new Map<SimNode, MinMax>();
  private readonly topology: Topology | undefined;
  private readonly paths: PathHistory;
  private readonly messages = new MessageCourse();
  private readonly ids = new Map<number, number>();
  /** By the nodes' indices. */
  private readonly thermometers: Thermometer[] = [];
  /** The application of all nodes. */
  private readonly start: (platform: NodePlatform, storage: GossipStorage, node: SimNode) => Gossip;
  private suspects = 0;
  private falseDowns = 0;
  private knowing = 0;
  private parts = 1;
  private partsMost = 1;
  /** At the end of the round before. */
  private datagramsBefore = 0;
  private bytesBefore = 0;

  constructor(options: SimulateOptions) {
    this.options = options;
    this.readingsEndMs = lastReadingRound(options.rounds) * options.roundIntervalMs;
    this.network = new SimNetwork({
      seed: options.seed,
      datagramBytesMax: options.datagramBytesMax,
      faults: { lossProbability: options.lossProbability, delayMs: { min: 1, max: 50 } },
    });
    this.topology = topologyOf(options);
    this.start = (platform, storage, node) => this.startNode(platform, storage, node);
    this.paths = new PathHistory(suspicionRounds(options.nodes));
    this.network.topology = this.topology;
    const random = new SimRandom(options.seed, STREAM_SCENARIO);
    for (let i = 0; i < options.nodes; i++) this.addNode(random);
    if (this.topology instanceof MovingTopology) this.moveEachRound(this.topology);
    if (this.topology !== undefined) this.scheduleMessages(this.topology);
  }

  step(round: number, part: number): StepFigures {
    const { counts } = this.network;
    this.network.runUntil((round - 1 + part) * this.options.roundIntervalMs);
    return { round, part, datagramsSoFar: counts.datagrams, bytesSoFar: counts.bytes };
  }

  round(round: number): RoundFigures {
    const { datagramsBefore, bytesBefore } = this;
    this.network.runUntil(round * this.options.roundIntervalMs);
    const { datagrams, bytes } = this.network.counts;
    this.datagramsBefore = datagrams;
    this.bytesBefore = bytes;
    const truth = minMaxOf(this.readings.values());
    const complete = this.parts > 1 ? this.countInParts() : this.countInViews(truth);
    return {
      round,
      knowing: this.knowing,
      complete,
      parts: this.parts,
      ...truth,
      datagrams: datagrams - datagramsBefore,
      bytes: bytes - bytesBefore,
      datagramsSoFar: datagrams,
      bytesSoFar: bytes,
    };
  }

  /** @param agreedSince the round since which all nodes agree; 0 when they do not */
  result(agreedSince: number): SimulateResult {
    const { network, options } = this;
    const { datagrams, bytes, largestBytes, lost } = network.counts;
    const violations = this.checkReadings();
    const omitted = this.checkValues(violations);
    violations.push(...checkDatagramBytes(network), ...checkErrors(network));
    const reading = lastReadingRound(options.rounds);
    const messages = this.messages.figures();
    return {
      agreed: violations.length + omitted === 0,
      roundsToAgree: agreedSince === 0 ? null : Math.max(0, agreedSince - reading),
      lastReadingRound: reading,
      ...minMaxOf(this.readings.values()),
      knowing: this.knowing,
      datagrams,
      bytes,
      bytesPerNodeAndRound: Math.round(bytes / options.nodes / options.rounds),
      largestDatagramBytes: largestBytes,
      lost,
      suspects: this.suspects,
      falseDowns: this.falseDowns,
      parts: this.parts,
      partsMost: this.partsMost,
      ...messages !== undefined && { messages },
      violationCount: violations.length + omitted,
      violations: violations.slice(0, VIOLATIONS_MAX),
    };
  }

  /** Sets `knowing`. Returns how many nodes hold a value of every node. */
  private countInViews(truth: MinMaxBelief): number {
    let complete = 0;
    this.knowing = 0;
    for (const view of this.views.values()) {
      if (view.minimum === truth.minimum && view.maximum === truth.maximum) this.knowing++;
      if (view.count === this.options.nodes) complete++;
    }
    return complete;
  }

  /** The same where the network is in parts: views may still have values of nodes that are out of reach. */
  private countInParts(): number {
    let complete = 0;
    this.knowing = 0;
    for (const part of this.network.runningParts) {
      const truth = minMaxOf(this.readingsOf(part));
      for (const node of part) {
        const { minimum, maximum } = this.heldOf(node, part);
        if (minimum === truth.minimum && maximum === truth.maximum) this.knowing++;
        if (part.every((other) => heldValue(node, other) !== undefined)) complete++;
      }
    }
    return complete;
  }

  private readingsOf(part: readonly SimNode[]): number[] {
    return part.flatMap((node) => this.readings.get(node) ?? []);
  }

  /** What a node holds of the nodes of its part. */
  private heldOf(node: SimNode, part: readonly SimNode[]): MinMaxBelief {
    return minMaxOf(part.flatMap((other) => (heldValue(node, other) as number | undefined) ?? []));
  }

  /** Checks the minimum and the maximum of all nodes, or of the nodes of each part. */
  private checkReadings(): Violation[] {
    const { network } = this;
    if (this.parts === 1) {
      return checkMinMax(network, (node) => this.views.get(node) as MinMaxBelief, this.readings.values());
    }
    return network.runningParts.flatMap((part) => {
      return checkMinMax(network, (node) => this.heldOf(node, part), this.readingsOf(part), part);
    });
  }

  /** Nodes move while they measure. Then they stay where they are, so that they can agree. */
  private moveEachRound(topology: MovingTopology): void {
    this.parts = this.paths.note(topology);
    this.partsMost = Math.max(this.partsMost, this.parts);
    this.network.schedule(this.options.roundIntervalMs, () => {
      if (this.network.nowMs <= this.readingsEndMs) topology.move(1);
      this.moveEachRound(topology);
    });
  }

  /** After the last readings each node sends a message in each round, while there is time for its outcome. */
  private scheduleMessages(topology: Topology): void {
    const { nodes, rounds, roundIntervalMs, seed } = this.options;
    const random = new SimRandom(seed, STREAM_MESSAGES);
    for (let round = lastReadingRound(rounds); round < rounds - OUTCOME_ROUNDS; round++) {
      for (let node = 0; node < nodes; node++) {
        this.network.schedule(round * roundIntervalMs + random.below(roundIntervalMs), () => {
          const hops = topology.distances(node);
          const others = Array.from(hops.keys()).filter((other) => hops[other] > 0 && hops[other] <= HOPS_MAX);
          if (others.length === 0) return;
          const to = random.pick(others);
          this.messages.send(this.network.nodes[node], this.network.nodes[to], hops[to]);
        });
      }
    }
  }

  private noteState(by: SimNode, { id, state }: NodeRow): void {
    const subject = this.ids.get(id);
    if (subject !== undefined && !this.paths.hadPath(by.index, subject)) return;
    if (state === "suspect") this.suspects++;
    else if (state === "down") this.falseDowns++;
  }

  private seedListOf(index: number): string[] {
    const { nodes } = this.options;
    // A seed moves away. Without seeds, nodes find each other by broadcast, also two groups that never met.
    if (this.topology instanceof MovingTopology) return [];
    if (this.topology !== undefined) return [formatAddress(addressOfIndex(this.topology.parent(index)))];
    const seedList: string[] = [];
    for (let i = 0; seedList.length < SEEDS && i < nodes; i++) {
      if (i !== index) seedList.push(formatAddress(addressOfIndex(i)));
    }
    return seedList;
  }

  /** Adds violations up to VIOLATIONS_MAX, as each pair of nodes may have one. Returns how many are left out. */
  private checkValues(violations: Violation[]): number {
    let omitted = 0;
    for (const { node, describe } of differences(this.network, false)) {
      if (violations.length < VIOLATIONS_MAX) violations.push({ check: "values", node: node.name, detail: describe() });
      else omitted++;
    }
    return omitted;
  }

  private addNode(random: SimRandom): void {
    const { nodes, roundIntervalMs, seed, dialect } = this.options;
    const index = this.network.nodes.length;
    // Separate random streams, so that readings do not depend on the nodes' draws.
    this.thermometers.push(new Thermometer(seed, 2 * STREAM_NODES + index));
    this.network.addNode({
      options: {
        seedList: this.seedListOf(index), roundIntervalMs, capacity: Math.max(2, nodes),
        valueBytesMax: READING_BYTES_MAX, ...optionsOfDialect(dialect),
      },
      startAfterMs: random.below(roundIntervalMs),
      clockSkewPpm: random.between(-50, 50),
      start: this.start,
    });
  }

  private startNode(platform: NodePlatform, storage: GossipStorage, node: SimNode): Gossip {
    const view = minMax({});
    this.views.set(node, view);
    const gossip = new Gossip({
      storage,
      ...platform,
      views: [view],
      ...this.topology !== undefined && { messages: this.messages.option() },
      onState: this.stateNoter(node),
      onError: this.errorNoter(node),
    });
    this.ids.set(gossip.id, node.index);
    gossip.start();
    this.measure(node, gossip);
    return gossip;
  }

  // As a property of an object, a function would get a name where tsx runs the simulator: 256 bytes of each node.
  private stateNoter(node: SimNode): (row: NodeRow) => void {
    return (row) => this.noteState(node, row);
  }

  private errorNoter(node: SimNode): (code: GossipErrorCode, error: Error) => void {
    return (code, error) => {
      // A node that moves may be alone for a while, which is no fault.
      if (code === "alone" && this.topology instanceof MovingTopology) return;
      node.errors.push({ code, message: error.message });
    };
  }

  /** Shares a reading now and, until `readingsEndMs`, again every `readingRounds` rounds on average. */
  private measure(node: SimNode, gossip: Gossip): void {
    if (this.network.nowMs >= this.readingsEndMs) return;
    const celsius = this.thermometers[node.index].read(this.network.nowMs / this.readingsEndMs);
    this.readings.set(node, celsius);
    gossip.push(celsius);
    const waitMs = node.random.between(1, 2 * readingRounds(this.options.nodes) - 1) * this.options.roundIntervalMs;
    this.network.schedule(waitMs, () => this.measure(node, gossip));
  }
}
