import { isDeepStrictEqual } from "node:util";
import type { SimRandom } from "../desktop/simulator/random.js";
import {
  type Dialect, NOTIFY_STATE, NOTIFY_UPDATE, type NodeEngine, OWN_SLOT, type Rows, dropReasonName,
} from "../src/engine/index.js";
import { nameEnd } from "../src/cbor/named-value.js";
import { assertSame, checkSent, checkTable, dropsOf, fail, snapshot } from "./node-checks.js";
import type { Session } from "./target.js";
import { PORT, engineOptions } from "../test/support/engine-options.js";
import { takeDatagrams, takeNotifications } from "../test/support/engine-outputs.js";
import { type DatagramSource, World } from "./world.js";

const OWN_ADDRESS = 0x0a000001;
const ADDRESSES = Array.from({ length: 24 }, (_, i) => OWN_ADDRESS + i);
/** Some nodes see their clock wrap around. */
const START_MS = [1000, 1000, 1000, 0xffff0000];
/** What the node shares: nothing, values, and a name with and without a value. */
const SHARED = ["", "f94d60", "6161", "646e616d6507", "646e616d65f7"];
const SEED_CAPACITY = 8;
/** Inputs after which a node has nothing left to do at one time. */
const SETTLE_MAX = 16;

/** The differences between the dialects. */
export interface NodeKind {
  dialect: Dialect;
  source: DatagramSource;
  /** Datagrams that one input may cause. */
  burstMax: number;
  /** All tables of rows. */
  tablesOf(engine: NodeEngine): Rows[];
  /** The largest number of seeds for the options `seedCapacity` and `capacity`. */
  seedsMax(seedCapacity: number, capacity: number): number;
  /** Whether a drop for this reason refuses one row and not the whole datagram. */
  isOfRow(reason: string, bytes: Uint8Array): boolean;
  /** Whether any datagram, even a malformed one, proves that the node at its source is alive. */
  isLife: boolean;
  /** Hash of the name of the node's network; undefined: it has none. */
  network?: number;
  /** Checks other parts of the node. */
  check?(engine: NodeEngine): void;
}

/**
 * A running node, and a stranger that sends to it. Lines:
 *
 *   new id capacity valueBytesMax datagramBytesMax randomSeed
 *   start nowMs revision isRemembered
 *   tick nowMs
 *   publish nowMs 0 0 [bytes]
 *   receive nowMs address port [bytes]
 *
 * Numbers are decimal, bytes hexadecimal.
 */
export class NodeSession implements Session {
  private engine: NodeEngine | undefined;
  private world: World | undefined;
  private isStarted = false;
  private nowMs = 0;
  private limit = 0;
  private seedsMax = 0;
  private isChanged = false;
  private readonly ids: number[] = [];

  constructor(private readonly kind: NodeKind) {}

  draw(random: SimRandom): string {
    if (this.world === undefined) return drawNew(random);
    if (!this.isStarted) return `start ${random.pick(START_MS)} ${random.below(3)} ${random.below(2)}`;
    if (random.chance(0.12)) return `tick ${this.drawTime(random)}`;
    if (random.chance(0.03)) return `publish ${this.nowMs} 0 0 ${random.pick(SHARED)}`.trimEnd();
    const bytes = this.kind.source.draw(random, this.world);
    const address = random.chance(0.03) ? random.next() : this.world.drawAddress(random);
    const port = random.chance(0.95) ? PORT : random.below(65536);
    return `receive ${this.nowMs} ${address} ${port} ${Buffer.from(bytes).toString("hex")}`;
  }

  run(line: string): string | undefined {
    const words = line.split(" ");
    const numbers = words.map(Number);
    if (words[0] === "new") {
      this.make(numbers);
      return undefined;
    }
    // In a shortened session the lines that this one needs may be missing.
    if (this.engine === undefined) return undefined;
    this.nowMs = numbers[1];
    const bytes = new Uint8Array(Buffer.from(words[4] ?? "", "hex"));
    if (words[0] === "receive") return this.receive(this.engine, numbers[2], numbers[3], bytes);
    if (words[0] === "start") this.start(this.engine, numbers);
    else if (words[0] === "tick") this.engine.tick(this.nowMs);
    else if (words[0] === "publish") this.publish(this.engine, bytes);
    else throw new Error(`there is no input ${words[0]}`);
    this.drain(this.engine);
    return undefined;
  }

  private make(numbers: number[]): void {
    const [, id, capacity, valueBytesMax, datagramBytesMax, randomSeed] = numbers;
    const engine = this.kind.dialect(engineOptions({
      id, address: OWN_ADDRESS, capacity, valueBytesMax, datagramBytesMax, removeAfterMs: 60000,
      seedCapacity: SEED_CAPACITY, randomSeed, network: this.kind.network,
    }));
    this.engine = engine;
    this.world = new World(engine, ADDRESSES, this.kind.network);
    this.limit = datagramBytesMax;
    this.seedsMax = this.kind.seedsMax(SEED_CAPACITY, capacity);
    this.ids.splice(0, Infinity, ...this.kind.tablesOf(engine).map((rows) => rows.id(OWN_SLOT)));
    engine.addSeed(OWN_ADDRESS + 1, PORT);
  }

  private start(engine: NodeEngine, numbers: number[]): void {
    this.isStarted = true;
    engine.start(this.nowMs, numbers[2], numbers[3] === 1);
  }

  private publish(engine: NodeEngine, bytes: Uint8Array): void {
    // `Gossip` refuses longer values before they reach the engine.
    const isNamed = nameEnd(bytes, 0, bytes.length) > 0;
    if (isNamed && engine.isNameless === true) return;
    if (bytes.length <= engine.rows.valueBytesMax) engine.publish(this.nowMs, bytes, bytes.length, 0, 0);
  }

  /**
   * Handles due timers, so that all later changes are caused by the datagram. A node
   * with two tables may need several inputs until both agree.
   *
   * @returns the tables
   */
  private settle(engine: NodeEngine): Map<number, string>[] {
    let tables: Map<number, string>[] = [];
    for (let left = SETTLE_MAX, isDue = true; left > 0 && isDue; left--) {
      const before = tables;
      engine.tick(this.nowMs);
      this.drain(engine);
      tables = this.kind.tablesOf(engine).map(snapshot);
      const isSettling = tables.length > 1 && !isDeepStrictEqual(tables, before);
      isDue = isSettling || ((this.nowMs - engine.nextDeadline()) | 0) >= 0;
    }
    return tables;
  }

  private receive(engine: NodeEngine, address: number, port: number, bytes: Uint8Array): string {
    const before = this.settle(engine);
    const drops = dropsOf(engine);
    engine.receive(this.nowMs, address, port, bytes, bytes.length);
    const reasons = dropsOf(engine).flatMap((count, reason) => count > drops[reason] ? [dropReasonName(reason)] : []);
    this.drain(engine);
    this.world?.record(bytes);
    const whole = reasons.find((reason) => !this.kind.isOfRow(reason, bytes));
    if (whole === undefined) return reasons.length === 0 ? "accepted" : `accepted but for rows: ${reasons.join(", ")}`;
    const woken = this.kind.isLife ? address : -1;
    this.kind.tablesOf(engine).forEach((rows, index) => assertSame(before[index], snapshot(rows), woken));
    if (this.isChanged && !this.kind.isLife) fail("the application was notified of a dropped datagram");
    return `dropped: ${whole}`;
  }

  /** Polls and checks all outputs, then checks the node. */
  private drain(engine: NodeEngine): void {
    this.isChanged = takeNotifications(engine).some(({ kind }) => kind === NOTIFY_UPDATE || kind === NOTIFY_STATE);
    for (const { bytes } of takeDatagrams(engine, this.kind.burstMax)) {
      checkSent(bytes, this.limit, this.kind.network);
      this.world?.sent(bytes);
    }
    if (engine.seeds.count > this.seedsMax) fail(`${engine.seeds.count} seeds`);
    this.kind.tablesOf(engine).forEach((rows, index) => checkTable(rows, this.ids[index]));
    this.kind.check?.(engine);
  }

  private drawTime(random: SimRandom): number {
    const due = this.engine!.nextDeadline();
    if (random.chance(0.7) && ((due - this.nowMs) | 0) > 0) return due;
    return (this.nowMs + random.below(random.chance(0.1) ? 100000 : 3000)) >>> 0;
  }
}

function drawNew(random: SimRandom): string {
  const datagramBytesMax = random.pick([128, 300, 512, 1200]);
  const id = random.chance(0.5) ? OWN_ADDRESS : random.next();
  return `new ${id} ${random.pick([2, 4, 16, 24])} ${random.pick([0, 16, 48])} ${datagramBytesMax} ${random.next()}`;
}
