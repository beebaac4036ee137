import { formatAddress } from "../../src/engine/wire/address.js";
import { type FrontierEntry, Gossip, type NodeRow } from "../../src/gossip.js";
import {
  type Violation, checkAgreement, checkDatagramBytes, checkErrors, checkStatements, checkValues,
} from "./checkers.js";
import { SimRandom, STREAM_SCENARIO, STREAM_STRANGERS } from "./random.js";
import { ownFrontiers } from "./event-checkers.js";
import { EventCourse } from "./event-course.js";
import { noFaults } from "./faults.js";
import { FormerRevisions, revisionNotAbove } from "./former-revisions.js";
import { optionsOfDialect } from "./dialects.js";
import type { StorageImage } from "./holders.js";
import { SimNetwork } from "./network.js";
import { type SimNode, addressOfIndex } from "./node.js";
import {
  CLOCK_SKEW_PPM, DEPARTING_ROUNDS, ESPGOSSIP_ROUNDS, FOREIGN_ROUNDS, FORGET_ROUNDS, GAP_ROUNDS, INVENTED_ROUNDS,
  REMOVE_AFTER_MS, REST_ROUNDS, ROUNDS_PER_HOP, SAFETY_ROUNDS, SLEEPS_TO_HEAL, TIDY_ROUNDS, WARM_UP_ROUNDS,
  damagedRounds, roundsToHealMax,
} from "./scenario-times.js";
import { ScenarioSleepers } from "./scenario-sleepers.js";
import type { Crash, ScenarioOptions, ScenarioResult, ScenarioStep, SoakStretch } from "./scenario-types.js";
import { type Steps, resultOf } from "./steps.js";
import { Strangers } from "./strangers.js";
import { topologyOf } from "./topology-shapes.js";

/** A named sequence of faults. */
export interface Scenario {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** Nodes have no seed list and find each other by broadcast. */
  readonly isSeedless?: boolean;
  /** The largest clock error, in parts per million; 100 by default. */
  readonly clockSkewPpm?: number;
  /** Some writes to logs are interrupted by a power loss. */
  readonly isTearing?: boolean;
  /** Event buffers are too small for all events, except on two nodes that must hold all events in the end. */
  readonly isForgetful?: boolean;
  /**
   * Nodes leave for ever, and rows of nodes that are off are removed soon. The safety phase takes longer, and after the
   * healing the network is left alone for `REST_ROUNDS`.
   */
  readonly isDeparting?: boolean;
  /** As many devices as nodes, on top of them, sleep for so many rounds at a time. Not in ESPGossip's dialect. */
  readonly sleepRounds?: number;
  /** Sets the faults for the safety phase. */
  begin?(run: ScenarioRun): void;
  /** Called before each round of the safety phase, from 1 on. */
  beforeRound?(run: ScenarioRun, round: number): void;
}

/** The first nodes are in the seed lists of all: two, in a network of two nodes one. */
export const SEEDS = 2;
/** More violations than this are not recorded. */
const VIOLATIONS_MAX = 100;

/** A running scenario: warm-up, safety phase with faults while values are pushed, healing phase. */
export class ScenarioRun {
  readonly network: SimNetwork;
  /** The scenario's own random generator. */
  readonly random: SimRandom;
  readonly options: ScenarioOptions;
  /** Whether corrupted datagrams reach nodes, which may then hold false rows until the owners announce again. */
  isCorrupting = false;
  /** Whether this is the safety phase. */
  isEnduring = false;
  /** The attackers, in scenarios that have some. */
  strangers: Strangers | undefined;
  /** The devices that sleep, in scenarios that have some. */
  readonly sleepers: ScenarioSleepers | undefined;
  private readonly scenario: Scenario;
  /** Of the longest path of the topology. */
  private readonly hops: number;
  private readonly violations: Violation[] = [];
  private readonly former = new FormerRevisions();
  /** Nodes that lost their storage. Their statements may be older than their former ones. */
  private readonly wiped = new Set<SimNode>();
  /** Nodes that left for ever. */
  private readonly gone = new Set<SimNode>();
  /** Nodes that are off, and how they start again. */
  private readonly off = new Map<SimNode, Crash>();
  private readonly events: EventCourse;
  private eventsWanted = 0;
  private eventsLost = 0;
  private falseDowns = 0;
  private falseDownsHealed = 0;
  private hasAgreed = false;
  private pushes = 0;
  private moves = 0;

  constructor(scenario: Scenario, options: ScenarioOptions) {
    this.scenario = scenario;
    this.options = options;
    const { radio } = options;
    this.network = new SimNetwork({
      seed: options.seed, datagramBytesMax: options.datagramBytesMax, ...radio !== undefined && { radio },
    });
    const topology = topologyOf(options);
    this.network.topology = topology;
    this.hops = topology?.diameter ?? 0;
    this.random = new SimRandom(options.seed, STREAM_SCENARIO);
    const { seed, nodes, feedBytes } = options;
    const { isForgetful = false, isDeparting = false } = scenario;
    this.events = new EventCourse({
      seed, nodes, feedBytes, isForgetful, isDeparting,
      onPowerLoss: (node) => this.crash(node, { offMs: this.roundIntervalMs, keepStorage: true }),
    });
    for (let i = 0; i < options.nodes; i++) this.addNode();
    if (scenario.sleepRounds !== undefined && !this.isBoards) {
      this.sleepers = new ScenarioSleepers(this.network, options, scenario, this.seedListOf(SEEDS), this.events);
    }
  }

  get roundIntervalMs(): number { return this.options.roundIntervalMs; }
  get nodes(): readonly SimNode[] { return this.network.nodes.filter((node) => !node.sleeps); }
  /** How many of the first nodes are seeds. At least one node is none, so that it can move. */
  private get seedCount(): number { return Math.min(SEEDS, this.options.nodes - 1); }
  /** The nodes that are no seeds. */
  get seekers(): readonly SimNode[] { return this.nodes.slice(this.seedCount); }
  /** Nodes that did not leave for ever. */
  get present(): readonly SimNode[] { return this.nodes.filter((node) => !this.gone.has(node)); }

  /** Yields after each round, and returns the result. */
  *run(): Generator<ScenarioStep, ScenarioResult, undefined> {
    let roundsToHeal: number | null = null;
    try {
      yield* this.warmUp();
      yield* this.endure();
      roundsToHeal = yield* this.heal();
    } catch (error) {
      const node = this.network.active?.name ?? "the network";
      this.addViolations([{ check: "exception", node, detail: (error as Error).stack ?? String(error) }]);
    }
    this.addViolations(checkDatagramBytes(this.network));
    if (!this.isCorrupting && this.strangers === undefined) this.addViolations(checkErrors(this.network));
    return {
      scenario: this.scenario.name,
      ...this.options,
      agreed: this.violations.length === 0,
      roundsToHeal,
      roundsToHealMax: this.roundsToHealMax(),
      restarts: this.nodes.reduce((sum, node) => sum + Math.max(0, node.starts - 1), 0),
      falseDowns: this.falseDowns,
      falseDownsHealed: this.falseDownsHealed,
      eventsPublished: this.events.publishedCount,
      eventsWanted: this.eventsWanted,
      eventsLost: this.eventsLost,
      valuesUndone: this.events.valuesUndone,
      ...this.sleepers !== undefined && { sleep: this.sleepers.figures() },
      counts: this.network.counts,
      violations: this.violations,
    };
  }

  /**
   * Used instead of `run`: repeats faults and healing.
   *
   * @param rounds rounds in all
   * @param calmRoundsMax calm rounds after each healing, at most
   */
  * soak(rounds: number, calmRoundsMax: number): Generator<SoakStretch, void, undefined> {
    const atMs = (): number => Math.round(this.network.nowMs / this.roundIntervalMs);
    resultOf(this.warmUp());
    while (atMs() < rounds) {
      resultOf(this.endure());
      const roundsToHeal = resultOf(this.heal());
      this.network.runFor(this.random.below(calmRoundsMax + 1) * this.roundIntervalMs);
      // Not `checkAgreed`: a node may have just announced a new heartbeat, which takes some rounds to spread.
      this.addViolations(checkValues(this.network));
      this.addViolations(checkDatagramBytes(this.network));
      this.events.prune(this.network.running);
      const { falseDowns, falseDownsHealed } = this;
      yield { rounds: atMs(), roundsToHeal, falseDowns, falseDownsHealed, violations: this.violations.splice(0) };
      this.forget();
    }
  }

  /** Resets the counts and expectations of a stretch, at the end of which all nodes agreed. */
  private forget(): void {
    this.falseDowns = 0;
    this.falseDownsHealed = 0;
    this.hasAgreed = false;
    this.isCorrupting = false;
    this.former.clear();
    this.wiped.clear();
    for (const node of this.nodes) node.errors.splice(0);
  }

  private roundsToHealMax(): number {
    if (this.isBoards) return ESPGOSSIP_ROUNDS;
    const damagedMax = this.hops === 0 ? FOREIGN_ROUNDS : damagedRounds(2 * this.options.nodes);
    return roundsToHealMax(this.options.nodes, this.hops) + (this.isCorrupting ? damagedMax : 0)
      + SLEEPS_TO_HEAL * (this.scenario.sleepRounds ?? 0)
      + (this.scenario.isDeparting === true ? FORGET_ROUNDS : 0) + (this.strangers === undefined ? 0 : INVENTED_ROUNDS);
  }

  /** Whether the dialect is ESPGossip, which guarantees only that all nodes end with the same values. */
  get isBoards(): boolean { return this.options.dialect === "espgossip"; }

  /** Lets strangers send this many datagrams in this round. */
  flood(datagrams: number): void {
    this.events.mayForget = true;
    const { network, options, random } = this;
    const strangers = this.strangers
      ??= new Strangers(network, new SimRandom(options.seed, STREAM_STRANGERS), options.dialect);
    for (let left = datagrams; left > 0; left--) {
      const node = random.pick(this.nodes);
      network.schedule(random.below(this.roundIntervalMs), () => strangers.send(node));
    }
  }

  /** Switches a node off, and on again after `how.offMs` unless it is on by then. */
  crash(node: SimNode, how: Crash): void {
    const revision = node.gossip?.revision;
    if (revision === undefined) return;
    this.former.note(node, this.network.running);
    if (this.scenario.isDeparting === true) this.former.clear();
    const kept = how.image ?? (how.keepStorage ? "log" : "nothing");
    if (kept !== "log") this.wiped.add(node);
    this.events.off(node, this.network.running, kept);
    node.crash();
    this.off.set(node, how);
    this.network.schedule(how.offMs, () => {
      if (this.off.get(node) !== how) return;
      this.comeBack(node, how);
      if (kept === "log") this.addViolations(revisionNotAbove(node, revision));
    });
  }

  private comeBack(node: SimNode, how: Crash): void {
    this.off.delete(node);
    this.former.prune(this.network.running);
    if (how.image !== undefined) node.storage = how.image.storage;
    if (how.torn !== undefined) node.tearWrite(how.torn);
    node.restart(how);
  }

  /** Switches a node off for ever. */
  leave(node: SimNode, saysGoodbye: boolean): void {
    this.events.off(node, this.network.running, "gone");
    this.gone.add(node);
    if (saysGoodbye) node.close();
    else node.crash();
  }

  /** The storage of a node that runs, as it is now. */
  imageOf(node: SimNode): StorageImage {
    return this.events.imageOf(node);
  }

  /** An address that no node has had. */
  freshAddress(): string {
    return formatAddress(addressOfIndex(this.network.nodes.length + this.moves++));
  }

  /** A new node joins the network. */
  addNode(): void {
    const { nodes, roundIntervalMs, dialect } = this.options;
    const skewPpm = this.scenario.clockSkewPpm ?? CLOCK_SKEW_PPM;
    const seedList = this.seedListOf(this.nodes.length);
    this.network.addNode({
      options: {
        seedList, roundIntervalMs, capacity: 2 * nodes + (this.scenario.sleepRounds === undefined ? 0 : nodes),
        ...optionsOfDialect(dialect),
        ...this.scenario.isDeparting === true && { removeAfterMs: REMOVE_AFTER_MS, capacity: 4 * nodes },
      },
      startAfterMs: this.random.below(roundIntervalMs),
      clockSkewPpm: this.random.between(-skewPpm, skewPpm),
      // A third of the clocks wrap around during the run.
      ...this.random.below(3) === 0 && { clockStartMs: 0xffffffff - this.random.below(40 * roundIntervalMs) },
      // ESPGossip's heartbeat is the device's clock, so the clock must start with the device.
      ...this.isBoards && { clockStartMs: 0 },
      ...this.events.clock(this.nodes.length),
      makeStorage: (node) => this.events.makeStorage(node),
      start: (platform, storage, node) => {
        const gossip: Gossip = new Gossip({
          storage,
          ...platform,
          ...(this.isBoards ? {} : this.events.options(node)),
          onState: (row) => this.noteState(row),
          onError: (code, error) => {
            // A write that a power loss interrupted also calls `onError`, on a device that is off.
            if (!node.isRunning || this.events.isExcused(code, error.message)) return;
            node.errors.push({ code, message: error.message });
          },
        });
        gossip.start();
        return gossip;
      },
    });
  }

  /** With a topology, a node that it reaches. */
  private seedListOf(index: number): string[] {
    const { topology } = this.network;
    if (this.scenario.isSeedless === true || this.options.radio !== undefined) return [];
    const seeds = topology === undefined
      ? Array.from({ length: this.seedCount }, (_, seed) => seed) : [topology.parent(index)];
    return seeds.map((seed) => formatAddress(addressOfIndex(seed)));
  }

  private noteState({ state, id }: NodeRow): void {
    if (state !== "down" || !this.nodes.some((node) => node.isRunning && node.gossip?.id === id)) return;
    this.falseDowns++;
    if (this.hasAgreed) this.falseDownsHealed++;
  }

  private *warmUp(): Steps {
    const rounds = WARM_UP_ROUNDS + ROUNDS_PER_HOP * this.hops;
    for (let round = 1; round <= rounds; round++) {
      this.network.runFor(this.roundIntervalMs);
      yield { phase: "warm-up", round, rounds };
      if (round !== WARM_UP_ROUNDS / 2) continue;
      for (const node of this.nodes) this.push(node);
      this.publishSome();
    }
    // ESPGossip may lose a value that was pushed in a board's first second: see `checkAgreed`.
    if (!this.isBoards) this.addViolations(this.checkAgreed().map((violation) => ({ ...violation, check: "warmUp" })));
  }

  /** @param held see `EventCourse.checkAgreement` */
  private checkAgreed(held?: readonly FrontierEntry[]): Violation[] {
    if (this.isBoards) return checkValues(this.network);
    const ofSleepers = this.sleepers?.check() ?? [];
    return [...checkAgreement(this.network), ...ofSleepers, ...this.events.checkAgreement(this.network.running, held)];
  }

  private *endure(): Steps {
    this.isEnduring = true;
    this.scenario.begin?.(this);
    this.events.isTearing = this.scenario.isTearing === true;
    const rounds = this.scenario.isDeparting === true ? DEPARTING_ROUNDS : SAFETY_ROUNDS;
    for (let round = 1; round <= rounds; round++) {
      this.scenario.beforeRound?.(this, round);
      for (let pushes = this.random.below(4); pushes > 0; pushes--) {
        this.network.schedule(this.random.below(this.roundIntervalMs), () => this.push(this.random.pick(this.present)));
      }
      this.publishSome();
      this.runRound();
      this.addViolations(this.checkSafety());
      yield { phase: "faults", round, rounds };
    }
    this.events.isTearing = false;
    this.isEnduring = false;
  }

  /** Lets up to three nodes publish 1 to 3 events each in this round; with `isForgetful`, half of all nodes more. */
  private publishSome(): void {
    if (this.isBoards) return;
    const times = this.random.below(4) + (this.scenario.isForgetful === true ? this.nodes.length >>> 1 : 0);
    for (let left = times; left > 0; left--) {
      const node = this.random.pick(this.present);
      const count = this.random.between(1, 3);
      this.network.schedule(this.random.below(this.roundIntervalMs), () => {
        for (let i = 0; i < count; i++) this.events.publish(node);
      });
    }
  }

  private checkSafety(): Violation[] {
    if (this.isBoards) return [];
    const ofEvents = this.events.takeViolations();
    if (this.isCorrupting) return ofEvents;
    return ofEvents.concat(checkStatements(this.network, this.nodes.filter((node) => !this.wiped.has(node))));
  }

  /** Ends all faults and waits for agreement. Returns the round in which all nodes agreed for good. */
  private *heal(): Steps<number | null> {
    Object.assign(this.network.faults, noFaults());
    for (const [node, how] of this.off) this.comeBack(node, how);
    this.sleepers?.comeBack();
    // Both can leave different values under one revision and heartbeat until the node announces again.
    if (this.isCorrupting || this.isBoards) for (const node of this.present) this.push(node);
    // Nodes tidy their feeds for some time, so that feeds go on.
    const agreedSince = yield* this.settle(this.roundsToHealMax(), ownFrontiers(this.network.running));
    if (this.isBoards) return agreedSince;
    if (this.scenario.isDeparting === true) yield* this.rest();
    yield* this.fillGaps();
    const { violations: losses, wanted, lost } = this.events.checkLost(this.network.running);
    this.eventsWanted = wanted;
    this.eventsLost = lost;
    this.addViolations([...this.events.takeViolations(), ...losses]);
    // Even a node with wiped storage must choose a revision above the one that others held.
    this.addViolations(this.former.check());
    return agreedSince;
  }

  /**
   * Waits until all nodes agree for good. Returns the round since which they do.
   *
   * @param held see `EventCourse.checkAgreement`
   */
  private *settle(roundsMax: number, held?: readonly FrontierEntry[]): Steps<number | null> {
    let agreedSince: number | null = null;
    let violations: Violation[] = [];
    const { lastingRounds } = this.options;
    for (let round = 1; round <= roundsMax + lastingRounds; round++) {
      this.runRound();
      yield { phase: "healing", round: Math.min(round, roundsMax), rounds: roundsMax };
      violations = this.checkAgreed(held);
      this.hasAgreed ||= violations.length === 0;
      if (violations.length > 0) agreedSince = null;
      else if (agreedSince === null) agreedSince = round;
      else if (round - agreedSince === lastingRounds) break;
    }
    this.addViolations(violations);
    return agreedSince;
  }

  /** Waits until the rules of events have nothing left to do, and checks that no event is kept twice. */
  private *rest(): Steps {
    for (let round = 1; round <= REST_ROUNDS; round++) {
      this.runRound();
      yield { phase: "rest", round, rounds: REST_ROUNDS };
    }
    yield* this.settle(roundsToHealMax(this.options.nodes, this.hops));
    this.addViolations(this.events.checkCopies(this.network.running));
  }

  private runRound(): void {
    const { network, roundIntervalMs } = this;
    network.runFor(roundIntervalMs);
    this.former.prune(network.running);
    if (this.isBoards || this.isCorrupting) return;
    this.events.observe(network.running, Math.floor(network.nowMs / roundIntervalMs), network.isCut);
  }

  /** Waits until nodes with `fillGaps` hold all events. They request few feeds at a time, so this takes longer. */
  private *fillGaps(): Steps {
    const { isForgetful = false } = this.scenario;
    let violations = this.events.checkKept(this.network.running, isForgetful);
    const rounds = Math.max(GAP_ROUNDS * this.nodes.length, TIDY_ROUNDS);
    for (let round = 1; violations.length > 0 && round <= rounds; round++) {
      this.runRound();
      yield { phase: "filling gaps", round, rounds };
      violations = this.events.checkKept(this.network.running, isForgetful);
    }
    this.addViolations(violations);
  }

  private push(node: SimNode): void {
    if (node.isRunning && !node.isStalled) node.push(++this.pushes);
  }

  private addViolations(violations: readonly Violation[]): void {
    for (const violation of violations) {
      if (this.violations.length < VIOLATIONS_MAX) this.violations.push(violation);
    }
  }
}
