import { type Topology, makeTopology } from "../desktop/simulator/index.js";
import { isGone, suspicionMs } from "./detect.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { type Mesh, MESHES } from "./mesh-shapes.js";
import { BenchNetwork, ROUND_MS } from "./network.js";

const LOSS = 0.1;
/** Rounds in which nodes learn whom they reach, and all updates of the start are sent. */
const WARM_UP_ROUNDS = 200;
/** Twice the time after which a node of the largest network announces that its row is still valid. */
const IDLE_ROUNDS = { full: 784, quick: 392 };
const DAY_ROUNDS = 8640;
const LOSS_ROUNDS = { full: DAY_ROUNDS, quick: 392 };
/** Of the network in which each node reaches all. Its mean hardly changes any more. */
const COMPARED_ROUNDS_MAX = 2000;
/** Rounds with loss before a crash. */
const CRASH_REST_ROUNDS = 20;
/** The bound: suspicion periods, and rounds for each hop. */
const PERIODS = 3;
const ROUNDS_PER_HOP = 1;
const PATIENCE_ROUNDS = 300;

interface Calm {
  /** Bytes of a node and round without loss, and with it. */
  idleBytes: number;
  lossBytes: number;
  /** Notifications of all applications together. */
  suspects: number;
  downs: number;
  /** Nodes times days. */
  nodeDays: number;
}

/** A network at rest: first without loss, then with it. Without `topology`, each node reaches all others. */
function calm(nodes: number, seed: number, size: "full" | "quick", topology?: Topology): Calm {
  let suspects = 0;
  let downs = 0;
  const network = new BenchNetwork({
    nodes, seed, ...topology !== undefined && { topology },
    onState: ({ state }) => {
      if (state === "suspect") suspects++;
      else if (isGone(state)) downs++;
    },
  });
  network.warmUp(WARM_UP_ROUNDS);
  const bytesIn = (ofRounds: number): number => {
    const before = network.sim.counts.bytes;
    network.runRounds(ofRounds);
    return (network.sim.counts.bytes - before) / nodes / ofRounds;
  };
  const idleBytes = bytesIn(IDLE_ROUNDS[size]);
  network.sim.faults.lossProbability = LOSS;
  network.runRounds(CRASH_REST_ROUNDS);
  suspects = 0;
  downs = 0;
  const rounds = Math.min(LOSS_ROUNDS[size], topology === undefined ? COMPARED_ROUNDS_MAX : Infinity);
  const lossBytes = bytesIn(rounds);
  return { idleBytes, lossBytes, suspects, downs, nodeDays: nodes * rounds / DAY_ROUNDS };
}

function day({ name, options }: Mesh): Measurement<{ mesh: Calm; full: Calm }> {
  const { nodes } = options;
  return {
    name: `mesh.${name}`,
    seeds: { full: 3, quick: 1 },
    nodes,
    sample(seed, isQuick) {
      const size = isQuick ? "quick" : "full";
      return { mesh: calm(nodes, seed, size, makeTopology({ ...options, seed })), full: calm(nodes, seed, size) };
    },
    figures(samples) {
      const meanOf = (value: (sample: { mesh: Calm; full: Calm }) => number): number => mean(samples.map(value));
      const idle = meanOf(({ mesh }) => mesh.idleBytes);
      const loss = meanOf(({ mesh }) => mesh.lossBytes);
      return {
        [`mesh.bytesPerNodePerRound.${name}`]: rounded(idle, 1),
        [`mesh.bytesRatio.${name}`]: rounded(idle / meanOf(({ full }) => full.idleBytes), 3),
        [`mesh.bytesPerNodePerRound.${name}loss10`]: rounded(loss, 1),
        [`mesh.bytesRatio.${name}loss10`]: rounded(loss / meanOf(({ full }) => full.lossBytes), 3),
        [`mesh.suspectsPerNodeDay.${name}loss10`]: rounded(meanOf(({ mesh }) => mesh.suspects / mesh.nodeDays), 2),
        [`mesh.falseDown.${name}loss10`]: samples.reduce((sum, { mesh }) => sum + mesh.downs, 0),
      };
    },
  };
}

interface CrashTimes {
  /** From the crash until the last node holds the crashed ones as DOWN. Infinity: some node never did. */
  rounds: number;
  /** The same for nodes that run, but in another part of the network since the crash; 0 if there are none. */
  cutOffRounds: number;
  /** From a crashed node to the farthest one, before the crash. */
  hops: number;
}

/**
 * Crashes in a network of its own. Nodes that are left without a neighbour do not
 * count: they cannot know whether others died or they themselves are cut off.
 *
 * @param isGroup whether all neighbours of the node crash with it
 */
function crashOnce({ options }: Mesh, seed: number, isGroup: boolean): CrashTimes {
  const { nodes } = options;
  const topology = makeTopology({ ...options, seed });
  /** When a node set another to DOWN, where it still holds it so. */
  const downMs = new Map<string, number>();
  const network = new BenchNetwork({
    nodes, seed, topology,
    onState: ({ id, state }, by) => {
      const pair = `${by.index} ${id}`;
      if (!isGone(state)) downMs.delete(pair);
      else if (!downMs.has(pair)) downMs.set(pair, network.sim.nowMs);
    },
  });
  network.warmUp(WARM_UP_ROUNDS);
  network.sim.faults.lossProbability = LOSS;
  network.runRounds(CRASH_REST_ROUNDS);
  const dead = new Set(victims(topology, network.random.below(nodes), isGroup));
  network.sim.runFor(network.random.below(ROUND_MS));
  const crashedMs = network.sim.nowMs;
  for (const index of dead) network.nodes[index].crash();
  const parts = topology.parts((index) => !dead.has(index)).filter(({ length }) => length > 1);
  const pairsOf = (isTarget: (index: number, part: readonly number[]) => boolean): string[] => parts.flatMap((part) => {
    const ids = network.nodes.filter(({ index }) => isTarget(index, part)).map(({ id }) => id);
    return part.flatMap((by) => ids.map((id) => `${by} ${id}`));
  });
  const crashed = pairsOf((index) => dead.has(index));
  const cutOff = pairsOf((index, part) => !dead.has(index) && !part.includes(index));
  const roundsOf = (pairs: readonly string[]): number => pairs.reduce((latest, pair) => {
    return Math.max(latest, ((downMs.get(pair) ?? Infinity) - crashedMs) / ROUND_MS);
  }, 0);
  for (let round = 0; round < PATIENCE_ROUNDS; round++) {
    network.runRounds(1);
    if (roundsOf(crashed) < Infinity && roundsOf(cutOff) < Infinity) break;
  }
  const hops = Math.max(...[...dead].map((index) => topology.eccentricity(index)));
  return { rounds: roundsOf(crashed), cutOffRounds: roundsOf(cutOff), hops };
}

/** A node or, if at least half of all nodes are left, also all of its neighbours; otherwise also one of them. */
function victims(topology: Topology, node: number, isGroup: boolean): number[] {
  if (!isGroup) return [node];
  const neighbours = [...topology.neighbours(node)];
  return [node, ...neighbours.length < topology.nodes / 2 ? neighbours : neighbours.slice(0, 1)];
}

function crash(mesh: Mesh): Measurement<{ one: CrashTimes; group: CrashTimes }> {
  const { name, options: { nodes }, hasBridges } = mesh;
  return {
    name: `meshCrash.${name}`,
    // Of fewer than 20 runs the p95 is the worst one; in the star one in twelve is above the bound.
    seeds: { full: 100, quick: name === "star5x8" ? 0 : 3 },
    nodes,
    sample: (seed) => ({ one: crashOnce(mesh, seed, false), group: crashOnce(mesh, seed, true) }),
    figures(samples) {
      const period = suspicionMs(nodes) / ROUND_MS;
      const p95 = (values: readonly number[]): number => rounded(percentile(values, 0.95), 2);
      const beyond = ({ rounds, hops }: CrashTimes): number => (
        Math.max(0, rounds - PERIODS * period - ROUNDS_PER_HOP * hops)
      );
      const cutOff = samples.flatMap(({ one, group }) => [one.cutOffRounds, group.cutOffRounds]);
      return {
        [`mesh.crashP95SuspicionPeriods.${name}loss10`]: p95(samples.map(({ one }) => one.rounds / period)),
        [`mesh.crashP95RoundsBeyond.${name}loss10`]: p95(samples.map(({ one }) => beyond(one))),
        [`mesh.groupCrashP95RoundsBeyond.${name}loss10`]: p95(samples.map(({ group }) => beyond(group))),
        ...hasBridges === true && {
          [`mesh.cutOffP95SuspicionPeriods.${name}loss10`]: p95(cutOff.filter((rounds) => rounds > 0)
            .map((rounds) => rounds / period)),
        },
      };
    },
  };
}

export const meshDayMeasurements = MESHES.map(day);
export const meshCrashMeasurements = MESHES.map(crash);
