import type { SimRandom } from "../desktop/simulator/random.js";
import type { NodeEngine } from "../src/engine/index.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { NO_NETWORK } from "../src/engine/wire/frame.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { drawWord } from "./mutate.js";

/** Datagrams that a session records, to replay and reflect them. */
const RECORDED_MAX = 32;

/** Writes datagrams of one dialect, well-formed and nearly well-formed ones. */
export interface DatagramSource {
  draw(random: SimRandom, world: World): Uint8Array;
}

/** Draws from `usual` with a probability of `share`, otherwise from `other`. */
export function mixOf(share: number, usual: DatagramSource, other: DatagramSource): DatagramSource {
  return { draw: (random, world) => (random.chance(share) ? usual : other).draw(random, world) };
}

/** An attacker's knowledge of a node: its table, and the datagrams from and to it. */
export class World {
  readonly datagrams: Uint8Array[] = [];
  /** Of the last compact frame that the node sent; 0 before the first. */
  counter = 0;
  private readonly reader = new FrameReader();

  /** @param network hash of the name of the node's network */
  constructor(
    readonly engine: NodeEngine, readonly addresses: readonly number[], readonly network = NO_NETWORK,
  ) {
    this.reader.network = network;
  }

  record(bytes: Uint8Array): void {
    if (this.datagrams.length === RECORDED_MAX) this.datagrams.shift();
    this.datagrams.push(bytes);
  }

  /** The node sent a datagram. */
  sent(bytes: Uint8Array): void {
    if (this.reader.parseHead(bytes, bytes.length) === DROP_NONE) this.counter = this.reader.counter;
    this.record(bytes);
  }

  drawAddress(random: SimRandom): number {
    return random.pick(this.addresses);
  }

  /** An id: mostly of a held row or of one of the addresses. */
  drawId(random: SimRandom): number {
    if (random.chance(0.2)) return drawWord(random, []);
    return random.chance(0.5) ? this.drawAddress(random) : this.engine.rows.id(this.drawSlot(random));
  }

  /** A revision, mostly near the one of a held row. */
  drawRevision(random: SimRandom): number {
    return drawWord(random, [0, 1, 2, this.engine.rows.revision(this.drawSlot(random))]);
  }

  drawHeartbeat(random: SimRandom): number {
    return drawWord(random, [0, 5, 100, this.engine.rows.heartbeat(this.drawSlot(random))]);
  }

  /** A state, mostly one that is valid in a frame. */
  drawState(random: SimRandom): number {
    return random.chance(0.95) ? random.pick([0, 0, 0, 2, 3, 4]) : random.below(8);
  }

  private drawSlot(random: SimRandom): number {
    const { rows } = this.engine;
    return rows.slotAt(random.below(rows.count));
  }
}
