import type { SimRandom } from "../desktop/simulator/random.js";
import type { NodeEngine } from "../src/engine/index.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { drawWord } from "./mutate.js";

/** Datagrams that a session remembers, to replay and reflect them. */
const HEARD_MAX = 32;

/** Writes datagrams of one dialect, good ones and nearly good ones. */
export interface DatagramSource {
  draw(dice: SimRandom, world: World): Uint8Array;
}

/** What an attacker might know of a node: what it holds and sends, and what was sent to it. */
export class World {
  readonly datagrams: Uint8Array[] = [];
  /** Of the last compact frame that the node sent; 0 before the first. */
  counter = 0;
  private readonly reader = new FrameReader();

  constructor(readonly engine: NodeEngine, readonly addresses: readonly number[]) {}

  hear(bytes: Uint8Array): void {
    if (this.datagrams.length === HEARD_MAX) this.datagrams.shift();
    this.datagrams.push(bytes);
  }

  /** The node sent a datagram. */
  sent(bytes: Uint8Array): void {
    if (this.reader.parseHead(bytes, bytes.length) === DROP_NONE) this.counter = this.reader.counter;
    this.hear(bytes);
  }

  drawAddress(dice: SimRandom): number {
    return dice.pick(this.addresses);
  }

  /** An id, mostly one of the rows that are held or one of a few others. */
  drawId(dice: SimRandom): number {
    if (dice.chance(0.2)) return drawWord(dice, []);
    return dice.chance(0.5) ? this.drawAddress(dice) : this.engine.rows.id(this.drawSlot(dice));
  }

  /** A revision about as high as one that is held. */
  drawRevision(dice: SimRandom): number {
    return drawWord(dice, [0, 1, 2, this.engine.rows.revision(this.drawSlot(dice))]);
  }

  drawHeartbeat(dice: SimRandom): number {
    return drawWord(dice, [0, 5, 100, this.engine.rows.heartbeat(this.drawSlot(dice))]);
  }

  /** A state of the wire, or another number. */
  drawState(dice: SimRandom): number {
    return dice.chance(0.95) ? dice.pick([0, 0, 0, 2, 3, 4]) : dice.below(8);
  }

  private drawSlot(dice: SimRandom): number {
    const { rows } = this.engine;
    return rows.slotAt(dice.below(rows.count));
  }
}
