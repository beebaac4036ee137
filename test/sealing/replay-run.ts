import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { SimRandom } from "../../desktop/simulator/random.js";
import { BROADCAST_ADDRESS, type Engine, NO_RECEIVER, OWN_SLOT, type Sealer } from "../../src/engine/index.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { eventFeeds } from "../../src/events/index.js";
import { nodeDigest } from "../engine/feed/feed-support.js";
import { EngineNetwork, type Sent } from "../support/engine-network.js";
import { PORT, ROUND_MS } from "../support/engine-options.js";
import { heldFeed } from "../support/engine-state.js";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const NEW_KEY = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const NODES = 5;
const REMOVE_AFTER_MS = 60000;
/** Where the outsider is. */
const OUTSIDER = 0x0a00fa01;
/** Frames that the outsider has recorded, at most. */
const RECORDED_MAX = 30000;
/** Some replays are of one of the last frames. */
const LAST_FRAMES = 100;
/** The outsider replays after each of these. */
const STEP_MS = 2500;
/** Rounds in which a stage comes to rest after the last replay; then all nodes announce themselves, and rest again. */
const REST_ROUNDS = 20;
const LAST_ROUNDS = 16;

/** What the outsider replayed in one stage. */
export interface ReplayStage {
  name: string;
  replays: number;
  /**
   * Nodes whose rows or feeds a replay changed at once, or are at the end of the stage not those of the same node
   * without an outsider.
   */
  differences: string[];
  /** Rows of all nodes. */
  rows: number;
}

/** A step of a stage: what happens to the network, then how many rounds pass. */
type Step = [happens: (life: Life) => void, rounds: number];

const STAGES: [name: string, steps: Step[]][] = [
  ["joins", [1, 2, 3, 4, 5].map((id): Step => [(life) => life.start(id, id), 3])],
  ["values", [1, 2, 3, 4, 5].map((id): Step => [({ network }) => network.publish(id, [id]), 2])],
  ["events", [
    [({ network }) => network.log(2, "door", "open"), 2], [({ network }) => network.set(4, "lamp", "hall", 1), 2],
    [({ network }) => network.set(5, "lamp", "hall", 0), 2], [({ network }) => network.remove(4, "lamp", "hall"), 2],
  ]],
  ["a crash and a restart", [
    [(life) => life.crash(3), 10], [(life) => life.restart(3, 3), 4], [({ network }) => network.publish(3, [13]), 2],
  ]],
  ["a move", [[({ network }) => network.move(4, 104), 8], [({ network }) => network.publish(104, [14]), 3]]],
  ["a swap of addresses", [[(life) => life.swap(2, 3), 14]]],
  ["a row is forgotten", [[(life) => life.crash(5), 45]]],
  ["the forgotten node is back", [[(life) => life.restart(5, 5), 6]]],
  ["a wipe", [[(life) => life.crash(104), 2], [(life) => life.wipe(4, 104), 8]]],
  ["a node leaves", [[({ network }) => network.leave(1), 5], [(life) => life.restart(1, 1), 6]]],
  ["a change of keys: the new one opens", [1, 2, 3, 5, 104].map((at) => rekeyed(at, KEY, NEW_KEY))],
  ["a change of keys: the new one seals", [1, 2, 3, 5, 104].map((at) => rekeyed(at, NEW_KEY, KEY))],
  ["a change of keys: the old one is gone", [1, 2, 3, 5, 104].map((at) => rekeyed(at, NEW_KEY))],
];

function rekeyed(address: number, key: Uint8Array, otherKey?: Uint8Array): Step {
  return [(life) => {
    const { id } = life.crash(address);
    life.keys.set(id, [key, otherKey]);
    life.restart(id, address);
  }, 3];
}

/** A network and what its nodes have stored. */
class Life {
  readonly network = new EngineNetwork();
  readonly keys = new Map<number, [key: Uint8Array, otherKey: Uint8Array | undefined]>();
  /** When the node with an id started last. */
  readonly startedMs = new Map<number, number>();
  private readonly revisions = new Map<number, number>();
  private readonly seed: number;
  private starts = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  start(id: number, address: number, revision = 0, isRemembered = true): void {
    const [key, otherKey] = this.keys.get(id) ?? [KEY, undefined];
    this.starts++;
    this.startedMs.set(id, this.network.nowMs);
    // Node 2 has no seed, so it broadcasts.
    this.network.add(address, {
      id, sealer: nodeSealing(key, otherKey), randomSeed: (this.seed + 1000 * this.starts) >>> 0, capacity: 12,
      removeAfterMs: REMOVE_AFTER_MS, feeds: eventFeeds({ bytes: 4096 }).engineFeeds(1200, nodeDigest),
    }, id === 2 ? [] : [1, 2], revision, isRemembered);
  }

  /** Takes the power off the node at an address. */
  crash(address: number): { id: number } {
    const engine = this.network.engines.get(address)!;
    const id = idOf(engine);
    this.revisions.set(id, engine.revision());
    this.network.engines.delete(address);
    return { id };
  }

  restart(id: number, address: number): void {
    this.start(id, address, (this.revisions.get(id) ?? 0) + 1);
  }

  wipe(id: number, address: number): void {
    this.start(id, address, 0, false);
  }

  /**
   * Lets the network come to rest. At last each node makes a statement, at the same time with and without an outsider:
   * when it makes one of its own accord may depend on when it learned its address.
   */
  rest(): void {
    const { network } = this;
    network.run(REST_ROUNDS * ROUND_MS);
    for (const [address, { rows }] of network.engines) {
      const start = rows.valueStart(OWN_SLOT);
      network.publish(address, [...rows.valueBytes().subarray(start, start + rows.valueLength(OWN_SLOT))]);
    }
    network.run(LAST_ROUNDS * ROUND_MS);
  }

  swap(one: number, other: number): void {
    this.network.move(one, -1);
    this.network.move(other, one);
    this.network.move(-1, other);
  }
}

/** A frame that the outsider recorded. */
interface Recorded extends Sent {
  atMs: number;
  /** Id of the only node that it did not reach although it can unseal it. For this node it would only be late. */
  missedBy: number | undefined;
}

/**
 * Runs a sealed network of 5 nodes twice, without an outsider and with one who has
 * no key. He records each frame, and replays `replays` of them in all: as they were
 * or with a changed bit, to any node, from where they came from or from his own
 * address, every 2.5 s of each stage. The rows and feeds of the receiver must be
 * the same before and after each replay. After each stage those of all nodes are
 * compared with the run without an outsider.
 *
 * Frames that did not reach their receiver are replayed to all others, and to the
 * receiver after its next start. Before that they would only be late.
 */
export function replayAll(replays: number, seed: number, done: (stage: ReplayStage) => void): void {
  const quiet = new Life(seed);
  const attacked = new Life(seed);
  const outsider = new Outsider(attacked, seed);
  const steps = STAGES.reduce((sum, [, parts]) => sum + stepsIn(parts), 0);
  for (const [name, parts] of STAGES) {
    const before = outsider.replays;
    for (const [happens, rounds] of parts) {
      for (const life of [quiet, attacked]) happens(life);
      for (let i = 0; i < stepsOf(rounds); i++) {
        outsider.attack(Math.ceil(replays / steps));
        for (const { network } of [quiet, attacked]) network.run(STEP_MS);
      }
    }
    for (const life of [quiet, attacked]) life.rest();
    outsider.attack(0);
    const [expected, found] = [quiet, attacked].map(statesOf);
    const differences = [...expected].flatMap(([node, state]) => found.get(node) === state ? [] : [
      `${node}: ${found.get(node)}, without an outsider ${state}`,
    ]);
    differences.push(...outsider.changes.splice(0));
    const rows = [...attacked.network.engines.values()].reduce((sum, { rows: { count } }) => sum + count, 0);
    done({ name, replays: outsider.replays - before, differences, rows });
  }
}

class Outsider {
  replays = 0;
  /** Nodes whose rows or feeds a replay changed at once. */
  readonly changes: string[] = [];
  private readonly life: Life;
  private readonly random: SimRandom;
  private readonly recorded: Recorded[] = [];
  private last: Recorded[] = [];
  private readonly reader = new FrameReader();

  constructor(life: Life, seed: number) {
    this.life = life;
    this.random = new SimRandom(seed >>> 0, 1);
    const { network } = life;
    network.lose = (sent) => {
      const isReached = sent.to === BROADCAST_ADDRESS || network.engines.has(sent.to);
      const isMine = sent.to === OUTSIDER;
      this.record({ ...sent, atMs: network.nowMs, missedBy: isReached && !isMine ? undefined : this.receiverOf(sent) });
      return false;
    };
  }

  attack(count: number): void {
    const { network } = this.life;
    const receivers = [...network.engines];
    for (let i = 0; i < count && this.recorded.length > 0; i++) {
      const frame = this.random.chance(0.3) ? this.random.pick(this.last) : this.random.pick(this.recorded);
      const [address, engine] = this.random.pick(receivers);
      const id = idOf(engine);
      if (frame.missedBy === id && this.life.startedMs.get(id)! <= frame.atMs) continue;
      const bytes = frame.bytes.slice();
      if (this.random.chance(0.15)) bytes[this.random.below(bytes.length)] ^= 1 << this.random.below(8);
      this.replays++;
      const before = tableOf(engine);
      engine.receive(network.nowMs, this.random.chance(0.5) ? OUTSIDER : frame.from, PORT, bytes, bytes.length);
      const after = tableOf(engine);
      if (before !== after) this.changes.push(`${id}: ${after}, before a replay ${before}`);
      network.drain(address);
    }
    network.sent.length = 0;
    network.notified.length = 0;
  }

  private record(frame: Recorded): void {
    this.last.push(frame);
    if (this.last.length > 2 * LAST_FRAMES) this.last = this.last.slice(LAST_FRAMES);
    const at = this.recorded.length < RECORDED_MAX ? this.recorded.length : this.random.below(RECORDED_MAX);
    this.recorded[at] = frame;
  }

  /** Who can unseal a frame, as only holders of the key know; undefined: anybody. */
  private receiverOf({ bytes, from }: Sent): number | undefined {
    const { reader, life } = this;
    reader.parseHead(bytes, bytes.length);
    if (reader.isUnaddressed()) return undefined;
    const sender = life.network.engines.get(from);
    const [key] = (sender === undefined ? undefined : life.keys.get(idOf(sender))) ?? [KEY];
    const sealer = sealerOf(key);
    for (let id = 1; id <= NODES; id++) {
      if (sealer.unseal(bytes.slice(), reader.headLength, bytes.length, id) >= 0) return id;
    }
    return NO_RECEIVER;
  }
}

const sealers = new Map<Uint8Array, Sealer>();

function sealerOf(key: Uint8Array): Sealer {
  const sealer = sealers.get(key) ?? nodeSealing(key, undefined);
  sealers.set(key, sealer);
  return sealer;
}

function idOf({ rows }: Engine): number {
  return rows.id(OWN_SLOT);
}

function stepsOf(rounds: number): number {
  return Math.ceil(rounds * ROUND_MS / STEP_MS);
}

function stepsIn(parts: Step[]): number {
  return parts.reduce((sum, [, rounds]) => sum + stepsOf(rounds), 0);
}

/** All rows and feeds of each node, as text by id. */
function statesOf({ network }: Life): Map<number, string> {
  return new Map([...network.engines.values()].map((engine) => {
    const ids = Array.from({ length: engine.rows.count }, (_, place) => engine.rows.id(engine.rows.slotAt(place)));
    return [idOf(engine), tableOf(engine) + JSON.stringify(ids.map((id) => heldFeed(engine, id)))];
  }));
}

/** Each row of a node, and the hash over its feeds: id, address, port, revision, heartbeat, state, value. */
function tableOf({ rows }: Engine): string {
  let text = `${rows.feedsHash!.word()}`;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    text += `; ${rows.id(slot)} ${rows.address(slot)}:${rows.port(slot)} ${rows.revision(slot)} ${rows.heartbeat(slot)}`
      + ` ${rows.state(slot)}`;
    const start = rows.valueStart(slot);
    for (let i = 0; i < rows.valueLength(slot); i++) text += ` ${rows.valueBytes()[start + i]}`;
  }
  return text;
}
