import { createHash } from "node:crypto";
import { eventFeeds } from "../../src/events/index.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import { type CborValue, type FeedEvent, Gossip } from "../../src/gossip.js";
import { bytesAsHex } from "../control/json.js";
import { asControlError } from "../control/methods.js";
import { ControlError, REFUSED } from "../control/protocol.js";
import { optionsOfDialect } from "../simulator/dialects.js";
import { MovingTopology, PlacedTopology } from "../simulator/moving-topology.js";
import { SimNetwork } from "../simulator/network.js";
import { type SimNode, addressOfIndex } from "../simulator/node.js";
import { STREAM_NODES, STREAM_SCENARIO, SimRandom } from "../simulator/random.js";
import { type SimulateOptions, readingRounds } from "../simulator/simulate.js";
import { Thermometer } from "../simulator/temperature.js";
import type { Topology } from "../simulator/topology.js";
import { topologyOf } from "../simulator/topology-shapes.js";
import { INPUTS_MAX, type LiveAction, type LiveInput, wrong } from "./live-inputs.js";

/** What decides a run, beside its inputs. */
export type LiveOptions = Omit<SimulateOptions, "rounds">;

/** Room for values that are pushed, and for the name. */
const VALUE_BYTES_MAX = 64;
const EVENT_BYTES = 4096;
const SEEDS = 2;
const DAY_MS = 86400000;
/** When all runs begin, by the time of day of their nodes. */
const BEGIN_MS = Date.UTC(2026, 0, 1);

export interface LiveRunCallbacks {
  /** A node published an event. */
  onPublished?: (event: FeedEvent) => void;
}

/**
 * A simulated network that is driven from outside. Equal options and equal inputs at equal times give equal runs,
 * however the time between is divided. Nodes measure temperatures, until a value is pushed at them by hand.
 */
export class LiveRun {
  readonly options: LiveOptions;
  readonly network: SimNetwork;
  readonly topology: Topology | undefined;
  readonly inputs: LiveInput[] = [];
  private readonly callbacks: LiveRunCallbacks;
  private readonly byId: Map<number, SimNode>;
  /** Pairs of nodes, the one with the lower index first. */
  private readonly cutLinks = new Set<string>();
  private readonly cutNodes = new Set<SimNode>();
  /** Nodes that were switched on or off by hand before they began by themselves. */
  private readonly begun = new Set<SimNode>();
  /** Nodes whose value was set by hand. */
  private readonly pushed = new Set<SimNode>();
  private moves = 0;

  constructor(options: LiveOptions, callbacks: LiveRunCallbacks = {}) {
    this.options = options;
    this.callbacks = callbacks;
    this.topology = topologyOf(options);
    this.network = new SimNetwork({
      seed: options.seed, datagramBytesMax: options.datagramBytesMax,
      faults: { lossProbability: options.lossProbability, delayMs: { min: 1, max: 50 } },
    });
    this.network.topology = this.topology;
    const random = new SimRandom(options.seed, STREAM_SCENARIO);
    for (let index = 0; index < options.nodes; index++) this.addNode(index, random);
    this.byId = new Map(this.network.nodes.map((node) => [node.id, node]));
    if (this.topology instanceof MovingTopology) this.moveEachRound(this.topology);
  }

  get nowMs(): number { return this.network.nowMs; }

  /** @throws what the code of a node throws */
  runUntil(timeMs: number): void {
    this.network.runUntil(timeMs);
  }

  /** Runs until a datagram was sent, or until a time. */
  stepDatagram(untilMs: number): void {
    const { network } = this;
    const { datagrams } = network.counts;
    while (network.counts.datagrams === datagrams) {
      const nextMs = network.nextMs;
      if (nextMs === undefined || nextMs > untilMs) break;
      network.runUntil(nextMs);
    }
  }

  /** Does something at the current time, and notes it. @throws ControlError; then nothing has changed */
  apply(action: LiveAction): void {
    if (this.inputs.length === INPUTS_MAX) {
      throw new ControlError(REFUSED, `a simulation takes ${INPUTS_MAX} inputs at most`);
    }
    this.perform(action);
    this.inputs.push({ ...action, atMs: this.nowMs });
  }

  isCut(one: SimNode, other: SimNode): boolean {
    return this.cutNodes.has(one) || this.cutNodes.has(other) || this.cutLinks.has(linkOf(one, other));
  }

  /** Pairs of nodes whose link was cut. */
  get cuts(): [SimNode, SimNode][] {
    return [...this.cutLinks].map((link) => {
      const [one, other] = link.split(" ");
      return [this.network.nodes[Number(one)], this.network.nodes[Number(other)]];
    });
  }

  /** A hash over the tables of all running nodes: equal for equal runs. */
  get tablesHash(): string {
    const hash = createHash("sha256");
    for (const node of this.network.nodes) {
      const held = [node.id, node.gossip?.rows() ?? null, node.gossip?.frontier() ?? null];
      hash.update(JSON.stringify(held, bytesAsHex));
    }
    return hash.digest("hex").slice(0, 16);
  }

  private perform(action: LiveAction): void {
    switch (action.action) {
      case "loss":
        this.network.faults.lossProbability = action.lossProbability;
        return;
      case "cut":
      case "heal":
        this.cut(action);
        return;
      case "restart": {
        const node = this.nodeOf(action.node);
        this.begun.add(node);
        node.restart({ keepStorage: action.keepStorage });
        return;
      }
      case "move":
        this.move(action);
        return;
      default:
        this.performAtNode(action, this.runningNode(action.node));
    }
  }

  private performAtNode(action: LiveAction, node: SimNode): void {
    switch (action.action) {
      case "crash":
        node.crash();
        return;
      case "leave":
        node.close();
        return;
      case "push":
        checked(() => node.push(action.value));
        this.pushed.add(node);
        return;
      case "log":
        checked(() => node.log(action.topic, action.value));
        return;
      default:
        throw new Error(`${action.action} is at no node`);
    }
  }

  private cut(action: LiveAction & { action: "cut" | "heal" }): void {
    if ("node" in action) {
      const node = this.nodeOf(action.node);
      if (action.action === "cut") this.cutNodes.add(node);
      else this.cutNodes.delete(node);
    } else if ("from" in action) {
      const link = linkOf(this.nodeOf(action.from), this.nodeOf(action.to));
      if (action.action === "cut") this.cutLinks.add(link);
      else this.cutLinks.delete(link);
    } else {
      this.cutNodes.clear();
      this.cutLinks.clear();
    }
    const { faults, nodes } = this.network;
    const isAny = this.cutNodes.size + this.cutLinks.size > 0;
    faults.cuts = isAny ? [(from, to) => this.isCut(nodes[from.index], nodes[to.index])] : [];
  }

  private move(action: LiveAction & { action: "move" }): void {
    const node = this.nodeOf(action.node);
    if (!("x" in action)) {
      node.move(formatAddress(addressOfIndex(this.network.nodes.length + this.moves++)));
      return;
    }
    if (!(this.topology instanceof PlacedTopology)) {
      throw new ControlError(REFUSED, "x: nodes have places with the topology radio only");
    }
    this.topology.place(node.index, action.x, action.y);
  }

  private nodeOf(id: number): SimNode {
    const node = this.byId.get(id);
    if (node === undefined) throw wrong("node", id, "no id of a node");
    return node;
  }

  private runningNode(id: number): SimNode {
    const node = this.nodeOf(id);
    if (!node.isRunning) throw new ControlError(REFUSED, `node: ${node.name} is off`);
    return node;
  }

  private addNode(index: number, random: SimRandom): void {
    const { nodes, roundIntervalMs, seed, dialect } = this.options;
    const thermometer = new Thermometer(seed, 2 * STREAM_NODES + index);
    const beginsAfterMs = random.below(roundIntervalMs);
    const node = this.network.addNode({
      options: {
        name: `node ${index}`, seedList: this.seedListOf(index), roundIntervalMs, capacity: Math.max(2, nodes),
        valueBytesMax: VALUE_BYTES_MAX, ...optionsOfDialect(dialect),
      },
      startAfterMs: Infinity,
      clockSkewPpm: random.between(-50, 50),
      physicalStartMs: BEGIN_MS,
      start: (platform, storage, device) => {
        const gossip: Gossip = new Gossip({
          storage,
          ...platform,
          events: eventFeeds({
            bytes: EVENT_BYTES,
            onEvent: (event) => {
              if (event.author === gossip.id) this.callbacks.onPublished?.(event);
            },
          }),
          onError: () => undefined,
        });
        gossip.start();
        this.measure(device, thermometer, gossip);
        return gossip;
      },
    });
    this.network.schedule(beginsAfterMs, () => {
      if (!this.begun.has(node)) node.start();
    });
  }

  private measure(node: SimNode, thermometer: Thermometer, gossip: Gossip): void {
    if (this.pushed.has(node)) return;
    const { nodes, roundIntervalMs } = this.options;
    const celsius: CborValue = thermometer.read(this.nowMs % DAY_MS / DAY_MS);
    gossip.push(celsius);
    const waitMs = node.random.between(1, 2 * readingRounds(nodes) - 1) * roundIntervalMs;
    this.network.schedule(waitMs, () => {
      if (node.gossip === gossip) node.run(() => this.measure(node, thermometer, gossip));
    });
  }

  private moveEachRound(topology: MovingTopology): void {
    this.network.schedule(this.options.roundIntervalMs, () => {
      topology.move(1);
      this.moveEachRound(topology);
    });
  }

  private seedListOf(index: number): string[] {
    if (this.topology instanceof MovingTopology) return [];
    if (this.topology !== undefined) return [formatAddress(addressOfIndex(this.topology.parent(index)))];
    const first = Array.from({ length: Math.min(SEEDS + 1, this.options.nodes) }, (_, seed) => seed);
    return first.filter((seed) => seed !== index).slice(0, SEEDS).map((seed) => formatAddress(addressOfIndex(seed)));
  }
}

function linkOf(one: SimNode, other: SimNode): string {
  return `${Math.min(one.index, other.index)} ${Math.max(one.index, other.index)}`;
}

function checked(run: () => void): void {
  try {
    run();
  } catch (error) {
    throw asControlError(error);
  }
}
