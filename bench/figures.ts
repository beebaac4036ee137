import type { Bound, Figure } from "./figure.js";
import { makeTopology } from "../desktop/simulator/index.js";
import { BROADCAST_MESHES } from "./mesh-messages.js";
import { type Mesh, MESHES } from "./mesh-shapes.js";
import { restFigures } from "./rest-figures.js";
import { bulkFigures } from "./bulk.js";
import { signFigures } from "./sign-figures.js";
import { sleepFigures } from "./sleep-figures.js";
import { timeFigures } from "./time-figures.js";

/** Bytes of a node and round in any network, against one of the same size in which each node reaches all. */
const MESH_BYTES_RATIO_MAX = 1.2;
/** SUSPECT notifications of a node in a day with 10 % loss. */
const MESH_SUSPECTS_MAX = 1;

/** All figures, in the order of the output, with the design's bounds. */
export const FIGURES: readonly Figure[] = [
  {
    name: "wire.rowsPer1200", unit: "rows", measurement: "rowsPer1200", bound: { atLeast: 100 },
    about: "rows without values that fit into one datagram of 1,200 bytes, all of one /24 network; the fewest",
  },
  {
    name: "wire.readingRowsPer1200", unit: "rows", measurement: "rowsPer1200",
    about: "the same with a reading such as 21.37 in each row: 9 bytes of CBOR",
  },
  ...[8, 500].flatMap((nodes): Figure[] => [
    {
      name: `wire.idleSynBytes.n${nodes}`, unit: "bytes", measurement: `inSync.n${nodes}`, bound: { atMost: 40 },
      about: `a SYN between two nodes in sync that hold ${nodes} rows; the longest`,
    },
    {
      name: `wire.idleAckBytes.n${nodes}`, unit: "bytes", measurement: `inSync.n${nodes}`, bound: { atMost: 40 },
      about: "the ACK that answers it; the longest",
    },
  ]),
  {
    name: "wire.stale4of500Bytes", unit: "bytes", measurement: "stale4of500", bound: { atMost: 110 },
    about: "two nodes that know one another for long hold 500 rows, and 4 rows or feeds differ: bytes of all "
      + "datagrams from the SYN until one node has found the 4, without the datagrams that carry or want them; "
      + "95th percentile",
  },
  {
    name: "wire.stale4of500RoundTrips", unit: "round trips", measurement: "stale4of500", bound: { atMost: 1 },
    about: "the same, counted in datagrams that wait for one another: two make a round trip; 95th percentile",
  },
  {
    name: "wire.frontier500Bytes", unit: "bytes", measurement: "frontier500", bound: { atMost: 532 },
    about: "what shows a peer which of 500 feeds differ: one byte for each feed, and 4 bytes over all; the longest",
  },
  {
    name: "wire.eventOverheadBytes", unit: "bytes", measurement: "eventOverhead", bound: { atMost: 16 },
    about: "bytes of a full datagram for each event in it, without topics and values; the most",
  },
  {
    name: "wire.singleEventOverheadBytes", unit: "bytes", measurement: "eventOverhead",
    about: "bytes of a section with a single event, without its topic and value; the most",
  },
  {
    name: "wire.sealOverheadBytes", unit: "bytes", measurement: "sealOverhead", bound: { atMost: 20 },
    about: "how much longer a frame is when it is sealed, for frames with 0 to 100 rows; the most",
  },
  ...[8, 16, 24, 60, 120, 250, 500].map((nodes): Figure => ({
    name: `wire.bytesPerNodePerRound.idle.n${nodes}`, unit: "bytes", measurement: `idle.n${nodes}`,
    about: `bytes that each of ${nodes} nodes sends in a round while nothing changes, keepalives included; mean`,
  })),
  ...restFigures,
  ...bulkFigures,
  ...[8, 16, 24, 60].map((nodes): Figure => ({
    name: `espgossip.bytesPerNodePerRound.idle.n${nodes}`, unit: "bytes", measurement: `idle.n${nodes}`,
    about: `the same in ESPGossip's dialect${nodes > 24 ? ", in parts: the reference stops at 24 rows" : ""}`,
  })),
  {
    name: "wire.idleRatio.n24", unit: "times", measurement: "idle.n24",
    about: "how many times as many bytes 24 idle nodes send in ESPGossip's dialect",
  },
  ...[
    { suffix: "n50loss10", nodes: 50, loss: 10, atMost: 6 },
    { suffix: "n200loss10", nodes: 200, loss: 10, atMost: 9 },
    { suffix: "n500loss10", nodes: 500, loss: 10, atMost: 9 },
    { suffix: "n500loss30", nodes: 500, loss: 30, atMost: 14 },
  ].flatMap(({ suffix, nodes, loss, atMost }): Figure[] => [
    ...nodes < 500 ? [{
      name: `converge.medianRounds.${suffix}`, unit: "rounds", measurement: `converge.${suffix}`,
      about: `from a push at one of ${nodes} nodes until all nodes hold the value, ${loss} % loss; median`,
    }] : [],
    {
      name: `converge.p95Rounds.${suffix}`, unit: "rounds", measurement: `converge.${suffix}`, bound: { atMost },
      about: `from a push at one of ${nodes} nodes until all nodes hold the value, ${loss} % loss; 95th percentile`,
    },
    {
      name: `converge.bytesPerNode.${suffix}`, unit: "bytes", measurement: `converge.${suffix}`,
      about: "bytes that each node sends in that time; mean",
    },
  ]),
  ...[50, 500, 5000].flatMap((nodes): Figure[] => [
    {
      name: `converge.medianRounds.n${nodes}`, unit: "rounds", measurement: `curve.n${nodes}`,
      about: `from a push at one of ${valueText(nodes)} nodes until all nodes hold the value, no loss; median`,
    },
    {
      name: `ideal.medianRounds.n${nodes}`, unit: "rounds", measurement: `ideal.n${nodes}`,
      about: "the same for an ideal push-pull; median",
    },
  ]),
  {
    name: "detect.falseDown.n50loss20h24", unit: "times", measurement: "falseDown", bound: { atMost: 0 },
    about: "running nodes that were set to DOWN in 24 hours: 50 nodes, 20 % loss, each node stands still for 5 s every "
      + "20 rounds on average; the sum of all seeds, each statement counted once, however many nodes believe that it "
      + "is DOWN",
  },
  {
    name: "detect.suspicions.n50loss20h24", unit: "times", measurement: "falseDown",
    about: "running nodes that were suspected in the same runs, and refuted the suspicion",
  },
  {
    name: "detect.crashP95SuspicionPeriods", unit: "periods", measurement: "crash", bound: { atMost: 3 },
    about: "in the same network, from a crash until the last of the other nodes has set the node to DOWN, "
      + "in suspicion periods; 95th percentile",
  },
  ...[0, 10, 30].flatMap((loss): Figure[] => [
    {
      name: `detect.crashFirstRounds.n50loss${loss}`, unit: "rounds", measurement: `crash.loss${loss}`,
      about: `50 nodes, ${loss} % loss: from a crash until the first other node has set the node to DOWN; median`,
    },
    {
      name: `detect.crashLastRounds.n50loss${loss}`, unit: "rounds", measurement: `crash.loss${loss}`,
      about: "the same until the last one has; median",
    },
    {
      name: `detect.crashLastP95Rounds.n50loss${loss}`, unit: "rounds", measurement: `crash.loss${loss}`,
      about: "the same; 95th percentile",
    },
  ]),
  ...[
    { name: "partition10m", duration: "10 minutes" },
    { name: "partition1h", duration: "an hour" },
    { name: "partition7d", duration: "7 days" },
  ].map(({ name, duration }): Figure => ({
    name: `heal.${name}RetryPeriods`, unit: "periods", measurement: `heal.${name}`, bound: { atMost: 3 },
    about: `24 nodes, split in two for ${duration} while all share new values, 10 % loss: from the end of the split `
      + "until all nodes hold all others as live with their values, in periods of 8 rounds; the longest",
  })),
  {
    name: "restart.massRounds", unit: "rounds", measurement: "massRestart", bound: { atMost: 10 },
    about: "50 nodes restart at once, 10 % of them with wiped storage, until all nodes hold all as UP; the longest",
  },
  {
    name: "restart.massP95Rounds.loss10", unit: "rounds", measurement: "massRestart",
    about: "the same with 10 % loss, until all nodes hold all as UP or SUSPECT; 95th percentile",
  },
  ...MESHES.flatMap(meshFigures),
  {
    name: "mesh.messages.deliveredPercent", unit: "%", measurement: "meshMessages", bound: { atLeast: 99.9 },
    about: "messages over 8 hops with 10 % loss on each that arrive within 10 s, at rounds of 1 s",
  },
  {
    name: "mesh.messages.deliveredTwice", unit: "messages", measurement: "meshMessages", bound: { atMost: 0 },
    about: "of these, the ones that the receiver's application got twice",
  },
  {
    name: "mesh.messages.relayDatagrams", unit: "datagrams", measurement: "meshMessages", bound: { atMost: 5 },
    about: "datagrams that a relay sends for a message and its receipt, all tries and answers of hops included; mean",
  },
  {
    name: "mesh.messages.hopTries", unit: "datagrams", measurement: "meshMessages", bound: { atMost: 4 },
    about: "the most datagrams with one try of a message that a node sends",
  },
  ...BROADCAST_MESHES.flatMap(broadcastFigures),
  ...sleepFigures,
  ...timeFigures,
  ...signFigures,
  {
    name: "link.failures.n20loss10", unit: "scenarios", measurement: "link.matrix", bound: { atMost: 0 },
    about: "scenarios of the fault matrix that did not end in agreement: 20 nodes with ESP-NOW only, frames of at most "
      + "250 bytes, 10 % of all transmissions and acknowledgements lost beside the scenario's faults; all seeds",
  },
  {
    name: "link.eventsLost.n20loss10", unit: "events", measurement: "link.matrix", bound: { atMost: 0 },
    about: "events lost in the same scenarios",
  },
  {
    name: "link.falseDownHealed.n20loss10", unit: "times", measurement: "link.matrix", bound: { atMost: 0 },
    about: "running nodes that were set to DOWN in the same scenarios after all had agreed",
  },
  {
    name: "link.falseDown.n20loss10h24", unit: "times", measurement: "link.day", bound: { atMost: 0 },
    about: "the same in 24 hours without other faults, all seeds",
  },
  {
    name: "link.suspicions.n20loss10h24", unit: "times", measurement: "link.day",
    about: "how often an application was notified in this time that a node is SUSPECT, all nodes and seeds",
  },
  {
    name: "link.largestFrameBytes", unit: "bytes", measurement: "link.day", bound: { atMost: 250 },
    about: "the longest frame of ESP-NOW in this time, with the head of 7 or 13 bytes",
  },
  {
    name: "link.airtimePercent.n20loss10", unit: "%", measurement: "link.day",
    about: "how much of the time the channel was taken by these 20 nodes, at 1 Mbit/s",
  },
  {
    name: "link.retriesPercent.n20loss10", unit: "%", measurement: "link.day",
    about: "transmissions in addition to the first of each frame, in this time",
  },
  {
    name: "store.appendsPerFlashErase", unit: "events", measurement: "storeWear",
    about: "events of 40 bytes stored for each erase of a 4,096-byte sector; the last 96 events are kept",
  },
  {
    name: "sim.nodeRoundsPerSecond", unit: "per second", measurement: "speed", isOfMachine: true,
    about: "rounds of single nodes that the simulator runs on one core: 1,000 nodes, 100 rounds, 10 % loss",
  },
];

function broadcastFigures({ name, about, options }: typeof BROADCAST_MESHES[number]): Figure[] {
  const measurement = `meshBroadcast.${name}`;
  // About log2 n rounds, and one for each hop to the farthest node.
  const rounds = Math.ceil(Math.log2(options.nodes)) + makeTopology(options).diameter;
  return [
    {
      name: `mesh.messages.broadcastPercent.${name}`, unit: "%", measurement, bound: { atLeast: 99.9 },
      about: `${about}, 10 % loss: nodes that get a broadcast within 10 s, at rounds of 1 s`,
    },
    {
      name: `mesh.messages.broadcastTwice.${name}`, unit: "messages", measurement, bound: { atMost: 0 },
      about: "of these, the ones that an application got twice",
    },
    {
      name: `mesh.messages.broadcastP95Rounds.${name}`, unit: "rounds", measurement, bound: { atMost: rounds },
      about: "rounds until the last node has it; 95th percentile",
    },
  ];
}

/** Where not every node reaches every other: bounds of each shape. */
function meshFigures({ name, about, hasBridges }: Mesh): Figure[] {
  const crash = `meshCrash.${name}`;
  return [
    {
      name: `mesh.bytesPerNodePerRound.${name}`, unit: "bytes", measurement: `mesh.${name}`,
      about: `${about}: bytes that each node sends in a round while nothing changes; mean`,
    },
    {
      name: `mesh.bytesRatio.${name}`, unit: "times", measurement: `mesh.${name}`,
      bound: { atMost: MESH_BYTES_RATIO_MAX },
      about: "how many times as many bytes that is as in a network of the same size in which each node reaches all",
    },
    {
      name: `mesh.bytesPerNodePerRound.${name}loss10`, unit: "bytes", measurement: `mesh.${name}`,
      about: "the same bytes with 10 % loss, in 24 hours; mean",
    },
    {
      name: `mesh.bytesRatio.${name}loss10`, unit: "times", measurement: `mesh.${name}`,
      bound: { atMost: MESH_BYTES_RATIO_MAX },
      about: "how many times as many bytes that is as where each node reaches all, with 10 % loss too",
    },
    {
      name: `mesh.suspectsPerNodeDay.${name}loss10`, unit: "times", measurement: `mesh.${name}`,
      bound: { atMost: MESH_SUSPECTS_MAX },
      about: "how often a node's application is notified in 24 hours that a node is SUSPECT; none crashes; mean",
    },
    {
      name: `mesh.falseDown.${name}loss10`, unit: "times", measurement: `mesh.${name}`, bound: { atMost: 0 },
      about: "how often an application is notified in the same time that a node is DOWN, all nodes and seeds together",
    },
    {
      name: `mesh.crashP95SuspicionPeriods.${name}loss10`, unit: "periods", measurement: crash,
      about: "from a crash until the last node has set the node to DOWN, in suspicion periods; 95th percentile",
    },
    {
      name: `mesh.crashP95RoundsBeyond.${name}loss10`, unit: "rounds", measurement: crash,
      bound: { atMost: 0 },
      about: "the same in rounds beyond 3 suspicion periods and one round for each hop from the node to the farthest; "
        + "95th percentile",
    },
    {
      name: `mesh.groupCrashP95RoundsBeyond.${name}loss10`, unit: "rounds", measurement: crash, bound: { atMost: 0 },
      about: "the same if all neighbours of the node crash with it",
    },
    ...hasBridges !== true ? [] : [{
      name: `mesh.cutOffP95SuspicionPeriods.${name}loss10`, unit: "periods", measurement: crash,
      about: "in the same crashes, until the last node has set all nodes to DOWN that the crash cut off from it",
    }],
  ];
}

/** Whether a value keeps a bound. NaN and Infinity keep none. */
export function keeps({ atMost = Infinity, atLeast = -Infinity }: Bound, value: number): boolean {
  return Number.isFinite(value) && value <= atMost && value >= atLeast;
}

/** "≤ 40", "≥ 100". */
export function boundText({ atMost, atLeast }: Bound): string {
  return atMost !== undefined ? `≤ ${atMost}` : `≥ ${String(atLeast)}`;
}

/** A figure's group: its name up to the first dot. Figures of ESPGossip and of the ideal stand beside chisme's own. */
export function groupOf({ name }: Figure): string {
  const prefix = name.slice(0, name.indexOf("."));
  return prefix === "espgossip" ? "wire" : prefix === "ideal" ? "converge" : prefix;
}

/** 1473 as "1,473"; NaN and Infinity as "never". */
export function valueText(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString("en") : "never";
}
