import type { Violation } from "./checkers.js";
import { sameValue, show } from "./differences.js";
import { optionsOfDialect } from "./dialects.js";
import type { EventCourse } from "./event-course.js";
import type { SimNetwork } from "./network.js";
import type { SimNode } from "./node.js";
import { WARM_UP_ROUNDS } from "./scenario-times.js";
import type { ScenarioOptions, SleepFigures } from "./scenario-types.js";
import { SimSleeper } from "./sleeper.js";

/** Rounds that the news of a waking may take to all nodes. */
const NEWS_ROUNDS = 6;
const DAY_MS = 86400000;
const STAGGER_MS = 977;

interface Sleeper {
  node: SimNode;
  device: SimSleeper;
  /** What it shared at its last wakings, the last one first, and when. */
  shared: { value: number; atMs: number }[];
}

/** Devices that sleep beside the nodes of a scenario: every second one deeply, the others with their RAM. */
export class ScenarioSleepers {
  private readonly sleepers: Sleeper[] = [];
  private readonly network: SimNetwork;
  private readonly roundIntervalMs: number;
  private readonly firstSleepMs: number;
  private powerLosses = 0;

  constructor(
    network: SimNetwork, options: ScenarioOptions, { sleepRounds = 1 }: { sleepRounds?: number }, seedList: string[],
    events: EventCourse,
  ) {
    const { nodes, roundIntervalMs, dialect } = options;
    this.network = network;
    this.roundIntervalMs = roundIntervalMs;
    this.firstSleepMs = WARM_UP_ROUNDS / 2 * roundIntervalMs;
    for (let i = 0; i < nodes; i++) {
      const shared: Sleeper["shared"] = [];
      const device = new SimSleeper({
        sleepSeconds: Math.ceil(sleepRounds * roundIntervalMs / 1000),
        isDeep: i % 2 === 0,
        firstSleepMs: this.firstSleepMs + STAGGER_MS * i % roundIntervalMs,
        options: { seedList, roundIntervalMs, capacity: 3 * nodes, ...optionsOfDialect(dialect) },
        makeOptions: () => events.sleeperOptions(),
        value: (waking) => {
          shared.unshift({ value: waking * nodes + i, atMs: network.nowMs });
          shared.length = Math.min(shared.length, 2);
          return shared[0].value;
        },
      });
      this.sleepers.push({ node: network.addNode({ start: device.start, sleeps: true }), device, shared });
    }
  }

  /** A device loses its power, and what it kept; it gets a new battery after `offMs`. */
  losePower(index: number, offMs: number): void {
    const { device, node } = this.sleepers[index % this.sleepers.length];
    if (device.isStopped) return;
    this.powerLosses++;
    device.losePower(node);
    this.network.schedule(offMs, () => device.restart(node));
  }

  /** All devices have power. */
  comeBack(): void {
    for (const { device, node } of this.sleepers) device.restart(node);
  }

  /** Checks that each running node holds each device as live, with what it shared last. */
  check(): Violation[] {
    return this.network.running.flatMap((by) => {
      const rows = new Map(by.gossip?.rows().map((row) => [row.id, row]));
      return this.sleepers.flatMap(({ node, shared }) => {
        const row = rows.get(node.id);
        const isNews = shared.length > 0 && this.network.nowMs - shared[0].atMs < NEWS_ROUNDS * this.roundIntervalMs;
        const known = isNews ? shared : shared.slice(0, 1);
        const isLive = row !== undefined && LIVE.has(row.state);
        if (isLive && (known.length < 1 || known.some(({ value }) => sameValue(value, row.data)))) return [];
        const detail = !isLive ? `is held as ${row?.state ?? "no node"}`
          : `shares ${show(known[0].value)}; it is held with ${show(row.data)}`;
        return [{ check: "sleepers", node: by.name, detail: `${node.name}, which sleeps, ${detail}` }];
      });
    });
  }

  figures(): SleepFigures {
    const sum = (of: (device: SimSleeper) => number): number =>
      this.sleepers.reduce((all, { device }) => all + of(device), 0);
    const days = Math.max(1, this.network.nowMs - this.firstSleepMs) / DAY_MS * this.sleepers.length;
    return {
      sleepers: this.sleepers.length,
      wakings: sum(({ wakings }) => wakings),
      unheard: sum(({ unheard }) => unheard),
      powerLosses: this.powerLosses,
      longestWakingMs: Math.ceil(Math.max(...this.sleepers.map(({ device }) => device.longestMs))),
      wakingsPerDay: Math.round(sum(({ wakings }) => wakings) / days),
      radioSecondsPerDay: Math.round(sum(({ radioMs }) => radioMs) / 1000 / days),
      bytesPerDay: Math.round(sum(({ bytes }) => bytes) / days),
    };
  }
}

/** A node that just lost its power may wake up and stay awake for some rounds. */
const LIVE = new Set(["asleep", "up", "probed"]);
