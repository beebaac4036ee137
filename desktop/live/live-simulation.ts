import type { FeedEvent } from "../../src/gossip.js";
import { ChangeFeed, type NetworkRound } from "../control/changes.js";
import type { Member } from "../control/members.js";
import type { NetworkResource, NetworkView, WatchedNetwork } from "../control/network-view.js";
import { ROUNDS_KEPT } from "../control/round-history.js";
import { LIVE_ROUNDS_MAX, type LiveFile, endOf, lastMsOf, parseLiveOptions } from "./live-file.js";
import { Flights } from "./flights.js";
import { INPUTS_MAX, type LiveInput, allow, numberOf, parseAction, parseInput, wrong } from "./live-inputs.js";
import { type LiveOptions, LiveRun } from "./live-run.js";
import { LiveView } from "./live-view.js";

const TICK_MS = 40;
/** Of each tick, how long the simulation may compute: the rest is for those who watch. */
const BUDGET_MS = 20;
/** Simulated time that is computed at once, as a part of a round of one node: a few datagrams, however many nodes. */
const CHUNK_PART = 0.5;
const FLIGHTS_EVERY_MS = 100;
const ROWS_EVERY_MS = 250;
/** In a large network, what has changed is looked for so seldom that it takes at most this part of the time. */
const ROWS_PART = 0.1;
const SPEED_MIN = 0.01;
const SPEED_MAX = 100;
/** Inputs that one request appends. */
const APPEND_MAX = 100;

export interface LiveSimulationOptions {
  file: LiveFile | { options: LiveOptions };
  roundsPerSecond?: number;
  isPlaying?: boolean;
  /** The command that runs a simulation again, in front of its options. */
  commandOf: (options: LiveOptions, hasInputs: boolean) => string;
}

/** A simulation that is played, stepped and disturbed by those who watch it. */
export class LiveSimulation implements WatchedNetwork {
  readonly changes = new ChangeFeed();
  readonly resources: Record<string, NetworkResource> = {
    "/v1/simulation": { get: () => ({ ...this.state(), inputs: this.run.inputs }), post: (body) => this.act(body) },
  };
  private readonly commandOf: LiveSimulationOptions["commandOf"];
  private run!: LiveRun;
  private live!: LiveView;
  private flights = new Flights();
  private rounds: NetworkRound[] = [];
  private counted = { datagrams: 0, bytes: 0, delivered: 0, bytesArriving: 0, drops: 0 };
  /** Bytes of datagrams that are not lost. */
  private arriving = 0;
  private suspects = new Set<number>();
  private published: FeedEvent[] = [];
  /** Inputs of a recording that are still to come, and its end. */
  private pending: LiveInput[] = [];
  private endMs: number | undefined;
  private isPlaying: boolean;
  /** A step of a round that goes on: until when, and what is called at its end. */
  private stepping: { untilMs: number; done: () => void } | undefined;
  private roundsPerSecond: number;
  private failure: string | undefined;
  private lastTickMs = 0;
  private flightsSentMs = 0;
  private rowsSentMs = 0;
  private rowsEveryMs = ROWS_EVERY_MS;
  private readonly timer: NodeJS.Timeout;

  constructor({ file, roundsPerSecond = 1, isPlaying = true, commandOf }: LiveSimulationOptions) {
    this.commandOf = commandOf;
    this.roundsPerSecond = roundsPerSecond;
    this.isPlaying = isPlaying;
    this.begin(file.options);
    if ("inputs" in file) {
      this.pending = [...file.inputs];
      this.endMs = file.endMs;
    }
    // It keeps the process alive.
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  close(): void {
    this.endStep();
    clearInterval(this.timer);
  }

  /** The run so far, to be saved. */
  get file(): LiveFile {
    return { options: this.run.options, inputs: this.run.inputs, endMs: this.run.nowMs };
  }

  get command(): string {
    return this.commandOf(this.run.options, this.run.inputs.length > 0);
  }

  get tablesHash(): string {
    return this.run.tablesHash;
  }

  view(): NetworkView {
    const nodes = this.live.nodes();
    return {
      source: "simulation", roundMs: this.roundMs, nowMs: Math.round(this.run.nowMs), nodes, links: this.live.links(),
      feeds: this.live.feeds(), minMax: this.live.minMax(), rounds: [...this.rounds],
    };
  }

  members(): Member[] {
    return this.live.nodes();
  }

  events(): FeedEvent[] {
    return this.published;
  }

  /** @throws ControlError */
  async act(body: Record<string, unknown>): Promise<object> {
    switch (body.action) {
      case "play":
      case "pause":
        allow(body, "");
        this.endStep();
        this.isPlaying = body.action === "play" && this.failure === undefined;
        this.lastTickMs = performance.now();
        break;
      case "step":
        await this.step(body);
        break;
      case "speed":
        allow(body, "roundsPerSecond");
        this.roundsPerSecond = numberOf(body, "roundsPerSecond", SPEED_MIN, SPEED_MAX);
        break;
      case "new":
        this.renew(body);
        break;
      case "append":
        this.append(body);
        break;
      default:
        this.input(body);
    }
    this.notifyAll();
    return this.state();
  }

  private get roundMs(): number { return this.run.options.roundIntervalMs; }
  private get round(): number { return Math.floor(this.run.nowMs / this.roundMs); }

  private state(): object {
    const { options, inputs, nowMs, network } = this.run;
    const { seed, nodes, topology, dialect } = options;
    return {
      isPlaying: this.isPlaying, roundsPerSecond: this.roundsPerSecond, round: this.round, nowMs: Math.round(nowMs),
      seed, nodes, lossProbability: network.faults.lossProbability, dialect,
      ...topology !== undefined && { topology }, command: this.command, options, inputCount: inputs.length,
      pendingCount: this.pending.length, ...this.endMs !== undefined && { endMs: this.endMs },
      ...this.failure !== undefined && { failure: this.failure },
      datagrams: network.counts.datagrams, lost: network.counts.lost, cut: network.counts.cut,
    };
  }

  private begin(options: LiveOptions): void {
    this.endStep();
    this.published = [];
    this.run = new LiveRun(options, { onPublished: (event) => this.onPublished(event) });
    this.live = new LiveView(this.run);
    this.flights = new Flights();
    this.arriving = 0;
    this.run.network.onFlight = (flight) => {
      if (flight.arrivalMs !== undefined) this.arriving += flight.length;
      this.flights.add(flight);
    };
    this.rounds = [];
    this.counted = { datagrams: 0, bytes: 0, delivered: 0, bytesArriving: 0, drops: 0 };
    this.suspects = new Set();
    this.pending = [];
    this.endMs = undefined;
    this.failure = undefined;
    this.lastTickMs = performance.now();
  }

  private onPublished(event: FeedEvent): void {
    // More than the page's list shows need not be kept.
    if (this.published.length < INPUTS_MAX) this.published.push(event);
    this.changes.notify("event", event);
  }

  private renew(body: Record<string, unknown>): void {
    allow(body, "options endMs");
    const { options = {}, endMs } = body;
    const seed = Math.floor(Math.random() * 0x100000000);
    const isObject = typeof options === "object" && !Array.isArray(options);
    const checked = parseLiveOptions(isObject ? { seed, ...options } : options);
    const end = endMs === undefined ? undefined : endOf(body, checked);
    this.begin(checked);
    this.endMs = end;
    this.changes.notify("reset", {});
  }

  /** Adds inputs of a recording, which are to come. */
  private append(body: Record<string, unknown>): void {
    allow(body, "inputs");
    const { inputs } = body;
    if (!Array.isArray(inputs) || inputs.length > APPEND_MAX) {
      throw wrong("inputs", inputs, `no list of at most ${APPEND_MAX} inputs`);
    }
    if (this.pending.length + this.run.inputs.length + inputs.length > INPUTS_MAX) {
      throw wrong("inputs", inputs, `too many: a simulation takes ${INPUTS_MAX} inputs at most`);
    }
    const lastMs = this.endMs ?? lastMsOf(this.run.options);
    let beforeMs = this.pending.at(-1)?.atMs ?? this.run.nowMs;
    const read = inputs.map((input) => {
      if (typeof input !== "object" || input === null) throw wrong("inputs", input, "no object");
      const parsed = parseInput(input as Record<string, unknown>);
      if (parsed.atMs < beforeMs) throw wrong("atMs", parsed.atMs, `before ${beforeMs}, the input before`);
      if (parsed.atMs > lastMs) throw wrong("atMs", parsed.atMs, `after ${lastMs}, the end`);
      beforeMs = parsed.atMs;
      return parsed;
    });
    this.pending.push(...read);
  }

  private input(body: Record<string, unknown>): void {
    this.run.apply(parseAction(body));
    // From here on it is another run than the recorded one.
    this.pending = [];
    this.endMs = undefined;
  }

  private async step(body: Record<string, unknown>): Promise<void> {
    allow(body, "by");
    const { by = "round" } = body;
    if (by !== "round" && by !== "datagram") throw wrong("by", by, 'neither "round" nor "datagram"');
    this.isPlaying = false;
    this.endStep();
    if (by === "datagram") this.guarded(() => void this.advance(this.run.nowMs + this.roundMs, true));
    else await new Promise<void>((done) => { this.stepping = { untilMs: (this.round + 1) * this.roundMs, done }; });
  }

  private endStep(): void {
    this.stepping?.done();
    this.stepping = undefined;
  }

  private tick(): void {
    const nowMs = performance.now();
    const elapsedMs = Math.min(nowMs - this.lastTickMs, 10 * TICK_MS);
    this.lastTickMs = nowMs;
    if (!this.isPlaying && this.stepping === undefined) return;
    // Whole milliseconds, as all times of inputs and recordings.
    const playedMs = Math.ceil(this.roundsPerSecond * this.roundMs * elapsedMs / 1000);
    const targetMs = this.stepping?.untilMs ?? this.run.nowMs + playedMs;
    let isOver = false;
    this.guarded(() => {
      while (!isOver && this.run.nowMs < targetMs && performance.now() - nowMs < BUDGET_MS) {
        isOver = !this.advance(targetMs, false);
      }
    });
    if (isOver || this.failure !== undefined || this.run.nowMs >= targetMs) this.endStep();
    // Nothing follows a run that has ended.
    this.notifyLate(this.isPlaying ? performance.now() : Infinity);
  }

  /** Runs one chunk, at most until a time. @returns whether the simulation can go on */
  private advance(untilMs: number, isDatagram: boolean): boolean {
    const nextRoundMs = (this.round + 1) * this.roundMs;
    const inputMs = this.pending[0]?.atMs ?? Infinity;
    const endMs = this.endMs ?? lastMsOf(this.run.options);
    const chunk = Math.ceil(this.roundMs * CHUNK_PART / this.run.options.nodes);
    const chunkMs = isDatagram ? Infinity : this.run.nowMs + chunk;
    const stopMs = Math.min(untilMs, nextRoundMs, inputMs, endMs, chunkMs);
    if (isDatagram) this.run.stepDatagram(stopMs);
    else this.run.runUntil(stopMs);
    if (this.run.nowMs === inputMs) {
      for (; this.pending[0]?.atMs === inputMs; this.pending.shift()) this.run.apply(this.pending[0]);
    }
    if (this.run.nowMs >= nextRoundMs) this.endRound();
    if (this.run.nowMs < endMs) return true;
    if (this.endMs === undefined) this.failure = `round ${LIVE_ROUNDS_MAX} is the last one of a simulation`;
    this.isPlaying = false;
    return false;
  }

  private endRound(): void {
    const { datagrams, bytes, delivered } = this.run.network.counts;
    const drops = this.live.drops();
    const suspects = new Set(this.live.nodes().filter(({ state }) => state === "suspect").map(({ id }) => id));
    const before = this.counted;
    const round: NetworkRound = {
      round: this.round, datagramsSent: datagrams - before.datagrams, bytesSent: bytes - before.bytes,
      datagramsReceived: delivered - before.delivered, bytesReceived: this.arriving - before.bytesArriving,
      suspicions: [...suspects].filter((id) => !this.suspects.has(id)).length, drops: Math.max(0, drops - before.drops),
    };
    this.counted = { datagrams, bytes, delivered, bytesArriving: this.arriving, drops };
    this.suspects = suspects;
    this.rounds.push(round);
    if (this.rounds.length > ROUNDS_KEPT) this.rounds.shift();
    this.changes.notify("round", round);
  }

  /** A fault of a node's code ends the run, and not the page. */
  private guarded(run: () => void): void {
    if (this.failure !== undefined) return;
    try {
      run();
    } catch (error) {
      this.failure = (error as Error).message;
      this.isPlaying = false;
    }
  }

  private notifyAll(): void {
    this.notifyLate(Infinity);
  }

  private notifyLate(nowMs: number): void {
    if (nowMs - this.flightsSentMs >= FLIGHTS_EVERY_MS) {
      this.flightsSentMs = performance.now();
      const flights = this.flights.flush();
      if (flights !== undefined) this.changes.notify("datagrams", flights);
    }
    if (nowMs - this.rowsSentMs < this.rowsEveryMs) return;
    this.rowsSentMs = performance.now();
    for (const node of this.live.changed()) this.changes.notify("row", node);
    this.changes.notify("simulation", this.state());
    this.rowsEveryMs = Math.max(ROWS_EVERY_MS, (performance.now() - this.rowsSentMs) / ROWS_PART);
  }
}
