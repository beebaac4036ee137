import { type Topology, makeTopology } from "../desktop/simulator/index.js";
import { isGone, suspicionMs } from "./detect.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { type Mesh, MESHES } from "./mesh-shapes.js";
import { BenchNetwork, ROUND_MS } from "./network.js";

const LOSS = 0.1;
/** Rounds in which nodes learn whom they reach, and all updates of the start are sent. */
const WARM_UP_ROUNDS = { full: 200, quick: 100 };
const IDLE_ROUNDS = 128;
const DAY_ROUNDS = 8640;
const QUICK_ROUNDS = 150;
/** The network in which each node reaches all, for comparison: its bytes hardly differ from round to round. */
const FULL_NETWORK_ROUNDS_MAX = 1000;
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

/** A network at rest: first without loss, then with it. */
function calm(nodes: number, seed: number, topology: Topology | undefined, rounds: number, warmUp: number): Calm {
  let suspects = 0;
  let downs = 0;
  const network = new BenchNetwork({
    nodes, seed, ...topology !== undefined && { topology },
    onState: ({ state }) => {
      if (state === "suspect") suspects++;
      else if (isGone(state)) downs++;
    },
  });
  network.warmUp(warmUp);
  const bytesIn = (ofRounds: number): number => {
    const before = network.sim.counts.bytes;
    network.runRounds(ofRounds);
    return (network.sim.counts.bytes - before) / nodes / ofRounds;
  };
  const idleBytes = bytesIn(IDLE_ROUNDS);
  network.sim.faults.lossProbability = LOSS;
  network.runRounds(CRASH_REST_ROUNDS);
  suspects = 0;
  downs = 0;
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
      const rounds = isQuick ? QUICK_ROUNDS : DAY_ROUNDS;
      const warmUp = isQuick ? WARM_UP_ROUNDS.quick : WARM_UP_ROUNDS.full;
      return {
        mesh: calm(nodes, seed, makeTopology({ ...options, seed }), rounds, warmUp),
        full: calm(nodes, seed, undefined, Math.min(rounds, FULL_NETWORK_ROUNDS_MAX), warmUp),
      };
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
  /** From the crash until the last node holds the node as DOWN. Infinity: some node never did. */
  rounds: number;
  /** From the node to the farthest one. */
  hops: number;
}

/** A crash in a network of its own. Nodes that it leaves without a neighbour do not count: they cannot notice it. */
function crashOnce({ options }: Mesh, seed: number, warmUp: number): CrashTimes {
  const { nodes } = options;
  const topology = makeTopology({ ...options, seed });
  const knownMs = new Map<number, number>();
  let crashedId = -1;
  const network = new BenchNetwork({
    nodes, seed, topology,
    onState: ({ id, state }, by) => {
      if (id === crashedId && isGone(state)) knownMs.set(by.index, network.sim.nowMs);
    },
  });
  network.warmUp(warmUp);
  network.sim.faults.lossProbability = LOSS;
  network.runRounds(CRASH_REST_ROUNDS);
  const node = network.random.pick(network.nodes);
  network.sim.runFor(network.random.below(ROUND_MS));
  crashedId = node.id;
  const crashedMs = network.sim.nowMs;
  node.crash();
  const observers = topology.parts((other) => other !== node.index).filter(({ length }) => length > 1).flat();
  for (let round = 0; round < PATIENCE_ROUNDS && !observers.every((other) => knownMs.has(other)); round++) {
    network.runRounds(1);
  }
  const lastMs = Math.max(...observers.map((other) => knownMs.get(other) ?? Infinity));
  return { rounds: (lastMs - crashedMs) / ROUND_MS, hops: topology.eccentricity(node.index) };
}

function crash(mesh: Mesh): Measurement<CrashTimes> {
  const { name, options: { nodes } } = mesh;
  return {
    name: `meshCrash.${name}`,
    seeds: { full: 100, quick: 4 },
    nodes,
    sample: (seed, isQuick) => crashOnce(mesh, seed, isQuick ? WARM_UP_ROUNDS.quick : WARM_UP_ROUNDS.full),
    figures(samples) {
      const period = suspicionMs(nodes) / ROUND_MS;
      const beyond = samples.map(({ rounds, hops }) => Math.max(0, rounds - PERIODS * period - ROUNDS_PER_HOP * hops));
      const periods = samples.map(({ rounds }) => rounds / period);
      return {
        [`mesh.crashP95SuspicionPeriods.${name}loss10`]: rounded(percentile(periods, 0.95), 2),
        [`mesh.crashP95RoundsBeyond.${name}loss10`]: rounded(percentile(beyond, 0.95), 2),
      };
    },
  };
}

export const meshDayMeasurements = MESHES.map(day);
export const meshCrashMeasurements = MESHES.map(crash);
