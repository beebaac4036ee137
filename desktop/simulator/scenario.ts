import { formatAddress } from "../../src/engine/wire/address.js";
import { Gossip, type NodeRow } from "../../src/gossip.js";
import {
  type Complaint, checkAgreement, checkDatagramBytes, checkErrors, checkStatements, checkValues,
} from "./checkers.js";
import { SimRandom, STREAM_SCENARIO, STREAM_STRANGERS } from "./random.js";
import { EventCourse } from "./event-course.js";
import { noFaults } from "./faults.js";
import { type SimDialect, optionsOfDialect } from "./dialects.js";
import { type SimCounts, SimNetwork } from "./network.js";
import { type SimNode, addressOfIndex } from "./node.js";
import { Strangers } from "./strangers.js";

export interface ScenarioOptions {
  seed: number;
  nodes: number;
  roundIntervalMs: number;
  datagramBytesMax: number;
  dialect: SimDialect;
  /** Rounds that an agreement has to last. */
  lastingRounds: number;
  /** Room for events; without it, the seed and the scenario tell whether there is much or little. */
  feedBytes?: number;
}

export const SCENARIO_DEFAULTS: Omit<ScenarioOptions, "seed"> = {
  nodes: 12,
  roundIntervalMs: 10000,
  datagramBytesMax: 1200,
  dialect: "compact",
  lastingRounds: 3,
};

/** How a node loses its power, and what of it comes back. */
export interface Crash {
  offMs: number;
  keepStorage: boolean;
  address?: string;
  /** Power is lost a second time, while the revision of the next start is written: what is left of it. */
  torn?: "old" | "new" | "nothing";
}

/** A named course of faults. */
export interface Scenario {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** Nodes have no seed list and find each other by broadcast. */
  readonly isSeedless?: boolean;
  /** How far clocks are from the right speed at most, in parts per million; 100 by default. */
  readonly clockSkewPpm?: number;
  /** Power is lost now and then while nodes write to their logs. */
  readonly isTearing?: boolean;
  /** Nodes forget old events, but for two that keep everything and are to have all of it in the end. */
  readonly isForgetful?: boolean;
  /** Sets the faults for the safety phase. */
  begin?(run: ScenarioRun): void;
  /** Called before each round of the safety phase, from 1 on. */
  beforeRound?(run: ScenarioRun, round: number): void;
}

/** How a scenario went; plain data, the same for the same scenario and options. */
export interface ScenarioResult extends ScenarioOptions {
  scenario: string;
  agreed: boolean;
  /** Rounds from the end of the faults until all agreed for good; null when they did not. */
  roundsToHeal: number | null;
  /** Rounds that they had for it. */
  roundsToHealMax: number;
  restarts: number;
  /** Times that a node called one DOWN that ran, in all phases. */
  falseDowns: number;
  /** The same once all had agreed. */
  falseDownsHealed: number;
  /** Events that nodes with a log published, without those of nodes whose storage was wiped since. */
  eventsPublished: number;
  /** Of those, what all nodes must hold in the end: all logs, unless arenas are small, and the last of each key. */
  eventsWanted: number;
  /** Of these, how many some node lacks. */
  eventsLost: number;
  counts: SimCounts;
  complaints: Complaint[];
}

export const WARM_UP_ROUNDS = 12;
export const SAFETY_ROUNDS = 30;
/** The first nodes are in the seed lists of all. */
export const SEEDS = 2;
/** How long a row stands that corruption made foreign: 64 rounds by PROTOCOL.md 4.4, since nobody can ask its node. */
const FOREIGN_ROUNDS = 64;
/** How long rows of nodes that there are not may stay live: they are asked in turn like all others. */
const INVENTED_ROUNDS = 160;
/** ESPGossip has no bound: after so many rounds nobody waits any longer. */
const ESPGOSSIP_ROUNDS = 200;
/** Clocks that run as badly as those of boards do. */
const CLOCK_SKEW_PPM = 100;
/** So many for each node; a quarter of them go by until each has been asked once. */
const GAP_ROUNDS = 4;
/** More complaints than these help nobody. */
const COMPLAINTS_MAX = 100;

/**
 * Rounds in which a network of so many nodes must agree once the faults are
 * over: a few to be tried again where a node is DOWN, and a suspicion's time.
 */
export function roundsToHealMax(nodes: number): number {
  return 16 + 2 * Math.ceil(Math.log2(nodes));
}

/** Runs a scenario: warm-up, safety phase with faults while values are pushed, healing phase. */
export function runScenario(scenario: Scenario, options: ScenarioOptions): ScenarioResult {
  return new ScenarioRun(scenario, options).run();
}

/** What came of a stretch of a soak: faults, healing, and calm rounds after it. */
export interface SoakStretch {
  /** Rounds since the beginning, all stretches together. */
  rounds: number;
  /** Rounds from the end of the faults until all agreed for good; null when they did not. */
  roundsToHeal: number | null;
  /** Times that a node called one DOWN that ran: in all, and once all had agreed. */
  falseDowns: number;
  falseDownsHealed: number;
  complaints: Complaint[];
}

/** A scenario under way. */
export class ScenarioRun {
  readonly network: SimNetwork;
  /** For what the scenario draws. */
  readonly dice: SimRandom;
  readonly options: ScenarioOptions;
  /** Whether corrupted datagrams get through: then nodes may believe what nobody said, until the owners speak again. */
  isCorrupting = false;
  /** Strangers who send what they like, once there are any. */
  strangers: Strangers | undefined;
  private readonly scenario: Scenario;
  private readonly complaints: Complaint[] = [];
  /** Revisions that all knew of when their node crashed. */
  private readonly former = new Map<SimNode, number>();
  /** Nodes that lost their storage: what they say may lag behind what they said before. */
  private readonly wiped = new Set<SimNode>();
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
    this.network = new SimNetwork({ seed: options.seed, datagramBytesMax: options.datagramBytesMax });
    this.dice = new SimRandom(options.seed, STREAM_SCENARIO);
    const { seed, nodes, feedBytes } = options;
    this.events = new EventCourse(seed, nodes, feedBytes, scenario.isForgetful === true, (node) => {
      this.crash(node, { offMs: this.roundIntervalMs, keepStorage: true });
    });
    for (let i = 0; i < options.nodes; i++) this.addNode();
  }

  get roundIntervalMs(): number { return this.options.roundIntervalMs; }
  get nodes(): readonly SimNode[] { return this.network.nodes; }

  run(): ScenarioResult {
    let roundsToHeal: number | null = null;
    try {
      this.warmUp();
      this.endure();
      roundsToHeal = this.heal();
    } catch (error) {
      const who = this.network.active?.name ?? "the network";
      this.complain([{ check: "exception", who, what: (error as Error).stack ?? String(error) }]);
    }
    this.complain(checkDatagramBytes(this.network));
    if (!this.isCorrupting && this.strangers === undefined) this.complain(checkErrors(this.network));
    return {
      scenario: this.scenario.name,
      ...this.options,
      agreed: this.complaints.length === 0,
      roundsToHeal,
      roundsToHealMax: this.roundsToHealMax(),
      restarts: this.nodes.reduce((sum, node) => sum + Math.max(0, node.starts - 1), 0),
      falseDowns: this.falseDowns,
      falseDownsHealed: this.falseDownsHealed,
      eventsPublished: this.events.published,
      eventsWanted: this.eventsWanted,
      eventsLost: this.eventsLost,
      counts: this.network.counts,
      complaints: this.complaints,
    };
  }

  /** In place of `run`: faults and healing again and again, with up to so many calm rounds after each. */
  * soak(rounds: number, calmRoundsMax: number): Generator<SoakStretch, void, undefined> {
    const atMs = (): number => Math.round(this.network.nowMs / this.roundIntervalMs);
    this.warmUp();
    while (atMs() < rounds) {
      this.endure();
      const roundsToHeal = this.heal();
      this.network.runFor(this.dice.below(calmRoundsMax + 1) * this.roundIntervalMs);
      // Not `checkAgreed`: now and then a node says that it still runs, which takes some rounds to be known.
      this.complain(checkValues(this.network));
      this.complain(checkDatagramBytes(this.network));
      const { falseDowns, falseDownsHealed } = this;
      yield { rounds: atMs(), roundsToHeal, falseDowns, falseDownsHealed, complaints: this.complaints.splice(0) };
      this.forget();
    }
  }

  /** All agreed, so nothing that was before counts any more. */
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
    return roundsToHealMax(this.options.nodes) + (this.isCorrupting ? FOREIGN_ROUNDS : 0)
      + (this.strangers === undefined ? 0 : INVENTED_ROUNDS);
  }

  /** Whether nodes speak ESPGossip, which promises less: that all end with the same values. */
  private get isBoards(): boolean { return this.options.dialect === "espgossip"; }

  /** Has strangers send so many datagrams in this round. */
  flood(datagrams: number): void {
    this.events.isCrowded = true;
    const { network, options, dice } = this;
    const strangers = this.strangers
      ??= new Strangers(network, new SimRandom(options.seed, STREAM_STRANGERS), options.dialect);
    for (let left = datagrams; left > 0; left--) {
      const node = dice.pick(this.nodes);
      network.schedule(dice.below(this.roundIntervalMs), () => strangers.send(node));
    }
  }

  /** Takes the power of a node away and gives it back after a while, unless it is back by then. */
  crash(node: SimNode, how: Crash): void {
    if (node.gossip === undefined) return;
    const revision = node.gossip.revision;
    if (this.network.running.every((other) => heldRevision(other, node) === revision)) this.former.set(node, revision);
    if (!how.keepStorage) {
      this.wiped.add(node);
      this.events.wiped(node);
    }
    node.crash();
    this.network.schedule(how.offMs, () => {
      if (node.isRunning) return;
      if (how.torn !== undefined) node.tearWrite(how.torn);
      node.restart(how);
      if (how.keepStorage) this.complain(revisionNotAbove(node, revision));
    });
  }

  /** An address that no node has had. */
  freshAddress(): string {
    return formatAddress(addressOfIndex(this.nodes.length + this.moves++));
  }

  private addNode(): void {
    const { nodes, roundIntervalMs, dialect } = this.options;
    const skewPpm = this.scenario.clockSkewPpm ?? CLOCK_SKEW_PPM;
    const seeds = this.scenario.isSeedless === true ? 0 : SEEDS;
    const seedList = Array.from({ length: seeds }, (_, index) => formatAddress(addressOfIndex(index)));
    this.network.addNode({
      options: { seedList, roundIntervalMs, capacity: 2 * nodes, ...optionsOfDialect(dialect) },
      startAfterMs: this.dice.below(roundIntervalMs),
      clockSkewPpm: this.dice.between(-skewPpm, skewPpm),
      // A third of the clocks wrap around during the run.
      ...this.dice.below(3) === 0 && { clockStartMs: 0xffffffff - this.dice.below(40 * roundIntervalMs) },
      // There a heartbeat is what the clock shows, so it has to begin with the device.
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
            // A write that was interrupted by a loss of power fails as if there still were somebody to be told.
            if (!node.isRunning || this.events.isExcused(code, error.message)) return;
            node.errors.push({ code, message: error.message });
          },
        });
        gossip.start();
        return gossip;
      },
    });
  }

  private noteState({ state, id }: NodeRow): void {
    if (state !== "down" || !this.nodes.some((node) => node.isRunning && node.gossip?.id === id)) return;
    this.falseDowns++;
    if (this.hasAgreed) this.falseDownsHealed++;
  }

  private warmUp(): void {
    this.network.runFor(this.roundIntervalMs * WARM_UP_ROUNDS / 2);
    for (const node of this.nodes) this.push(node);
    this.publishSome();
    this.network.runFor(this.roundIntervalMs * WARM_UP_ROUNDS / 2);
    // Values that a board pushed in its first second stay behind: see `checkAgreed`.
    if (!this.isBoards) this.complain(this.checkAgreed().map((complaint) => ({ ...complaint, check: "warmUp" })));
  }

  private checkAgreed(): Complaint[] {
    if (this.isBoards) return checkValues(this.network);
    return [...checkAgreement(this.network), ...this.events.checkAgreement(this.network.running)];
  }

  private endure(): void {
    this.scenario.begin?.(this);
    this.events.isTearing = this.scenario.isTearing === true;
    for (let round = 1; round <= SAFETY_ROUNDS; round++) {
      this.scenario.beforeRound?.(this, round);
      for (let pushes = this.dice.below(4); pushes > 0; pushes--) {
        this.network.schedule(this.dice.below(this.roundIntervalMs), () => this.push(this.dice.pick(this.nodes)));
      }
      this.publishSome();
      this.network.runFor(this.roundIntervalMs);
      this.complain(this.checkSafety());
    }
    this.events.isTearing = false;
  }

  /** In this round up to three nodes say a few things at once. */
  private publishSome(): void {
    if (this.isBoards) return;
    const times = this.dice.below(4) + (this.scenario.isForgetful === true ? this.nodes.length >>> 1 : 0);
    for (let left = times; left > 0; left--) {
      const node = this.dice.pick(this.nodes);
      const count = this.dice.between(1, 3);
      this.network.schedule(this.dice.below(this.roundIntervalMs), () => {
        for (let i = 0; i < count; i++) this.events.publish(node);
      });
    }
  }

  private checkSafety(): Complaint[] {
    if (this.isBoards) return [];
    const ofEvents = this.events.takeComplaints();
    if (this.isCorrupting) return ofEvents;
    return ofEvents.concat(checkStatements(this.network, this.nodes.filter((node) => !this.wiped.has(node))));
  }

  /** Ends all faults and waits for agreement. Returns the round in which it came for good. */
  private heal(): number | null {
    Object.assign(this.network.faults, noFaults());
    for (const node of this.nodes) {
      if (!node.isRunning) node.restart({ keepStorage: true });
      // Both may leave other values behind under one statement, which only the next one ends.
      if (this.isCorrupting || this.isBoards) this.push(node);
    }
    let agreedSince: number | null = null;
    let complaints: Complaint[] = [];
    const { lastingRounds } = this.options;
    for (let round = 1; round <= this.roundsToHealMax() + lastingRounds; round++) {
      this.network.runFor(this.roundIntervalMs);
      complaints = this.checkAgreed();
      this.hasAgreed ||= complaints.length === 0;
      if (complaints.length > 0) agreedSince = null;
      else if (agreedSince === null) agreedSince = round;
      else if (round - agreedSince === lastingRounds) break;
    }
    this.complain(complaints);
    if (this.isBoards) return agreedSince;
    this.fillGaps();
    const { complaints: losses, wanted, lost } = this.events.checkLost(this.network.running);
    this.eventsWanted = wanted;
    this.eventsLost = lost;
    this.complain([...this.events.takeComplaints(), ...losses]);
    // Even a node whose storage was wiped goes beyond what others knew of it.
    for (const [node, revision] of this.former) this.complain(revisionNotAbove(node, revision));
    return agreedSince;
  }

  /** Who keeps everything asks everybody for a few feeds at a time, which takes longer than to agree. */
  private fillGaps(): void {
    const { isForgetful = false } = this.scenario;
    let complaints = this.events.checkKept(this.network.running, isForgetful);
    for (let left = GAP_ROUNDS * this.nodes.length; complaints.length > 0 && left > 0; left--) {
      this.network.runFor(this.roundIntervalMs);
      complaints = this.events.checkKept(this.network.running, isForgetful);
    }
    this.complain(complaints);
  }

  private push(node: SimNode): void {
    if (node.isRunning && !node.isStalled) node.push(++this.pushes);
  }

  private complain(complaints: readonly Complaint[]): void {
    for (const complaint of complaints) {
      if (this.complaints.length < COMPLAINTS_MAX) this.complaints.push(complaint);
    }
  }
}

function heldRevision(holder: SimNode, node: SimNode): number | undefined {
  return holder.gossip?.rows().find(({ id }) => id === node.id)?.revision;
}

function revisionNotAbove(node: SimNode, former: number): Complaint[] {
  const revision = node.gossip?.revision ?? 0;
  // A node that remembers nothing may live under revision 0 twice; its heartbeat tells its lives apart.
  if (revision > former || (revision === 0 && former === 0)) return [];
  return [{ check: "revisions", who: node.name, what: `is at revision ${revision} and was at ${former} before` }];
}
