import { ATTEMPTS_MAX, Asks } from "./asks.js";
import { type Clock, earlier } from "./clock.js";
import { FLAG_BROADCAST } from "./frame.js";
import type { Outbox } from "./outbox.js";
import { PeerPass } from "./peer-pass.js";
import type { Random } from "./random.js";
import { FLAG_ASKED, FLAG_FOREIGN, OWN_SLOT, type Rows } from "./rows.js";
import type { Seeds } from "./seeds.js";
import { DOWN, SUSPECT, UP } from "./states.js";
import type { Suspicion } from "./suspicion.js";
import type { WordPool } from "./word-pool.js";

/** Every so many rounds a DOWN row or a seed is tried as well, for ever: so split networks heal. */
export const RETRY_ROUNDS = 8;
/** Live nodes to which a published value goes at once. */
const SPREAD_PEERS = 3;

/** What rounds work with: the parts of one node, which is the engine. */
export interface NodeParts {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly clock: Clock;
  readonly random: Random;
  readonly outbox: Outbox;
  readonly suspicion: Suspicion;
  readonly roundIntervalMs: number;
}

/**
 * Whom a node asks, and when: one live node each round, now and then one that
 * is DOWN or a seed, a few at once when there is something new, and again those
 * that did not answer.
 */
export class Rounds {
  private readonly node: NodeParts;
  private readonly broadcastAddress: number;
  private readonly pass: PeerPass;
  private readonly asks: Asks;

  private roundDeadline = 0;
  private roundsToRetry = RETRY_ROUNDS;
  private spreadDeadline = 0;
  private spreadWanted = false;

  constructor(node: NodeParts, broadcastAddress: number, pool: WordPool) {
    this.node = node;
    this.broadcastAddress = broadcastAddress;
    this.pass = new PeerPass(node.rows, node.random);
    this.asks = new Asks((node.roundIntervalMs / 10) >>> 0, pool);
  }

  /** The first round comes within a quarter of the interval, so that a power cut does not end in a chorus. */
  start(): void {
    this.roundDeadline = this.node.clock.nowMs + this.node.random.below(this.node.roundIntervalMs >>> 2);
    this.spreadDeadline = this.node.clock.nowMs;
  }

  tick(): void {
    this.askAgain();
    if (this.spreadWanted && this.node.clock.isDue(this.spreadDeadline) && this.node.outbox.hasRoom()) this.spread();
    if (this.node.clock.isDue(this.roundDeadline) && this.node.outbox.hasRoom()) this.round();
  }

  nextDeadline(): number {
    let next = this.asks.nextDeadline(this.roundDeadline);
    if (this.spreadWanted) next = earlier(next, this.spreadDeadline);
    return next;
  }

  /** A datagram came from a node, so it is there. */
  answered(id: number, address: number, port: number): void {
    this.asks.answered(id, address, port);
    const slot = this.node.rows.find(id);
    if (slot >= 0) this.node.rows.clearFlag(slot, FLAG_ASKED);
  }

  /** Has news spread without waiting for the round: now, or an eighth of the interval after the last time. */
  spreadSoon(): void {
    this.spreadWanted = true;
    if (this.node.clock.isDue(this.spreadDeadline)) this.spread();
  }

  /** This node has not run for a while, so the silence of others says nothing. */
  postpone(ms: number): void {
    this.asks.postpone(ms);
  }

  private round(): void {
    const interval = this.node.roundIntervalMs;
    const jitter = this.node.random.below(interval >>> 2) - (interval >>> 3);
    this.roundDeadline = this.node.clock.nowMs + interval + jitter;
    const slot = this.pass.next();
    if (slot >= 0) this.ask(slot);
    this.roundsToRetry--;
    if (slot < 0) this.retry(true);
    else if (this.roundsToRetry <= 0) this.retry(false);
  }

  /**
   * Tries someone who is not among the live rows. `lonely` says that there is
   * no live row at all, so that it is worth asking more than once.
   */
  private retry(lonely: boolean): void {
    this.roundsToRetry = RETRY_ROUNDS;
    const down = this.countDown();
    const choice = this.node.random.below(down + this.node.seeds.count);
    if (choice < down) {
      const slot = this.downAt(choice);
      this.node.outbox.addSyn(this.node.rows.address(slot), this.node.rows.port(slot), 0, slot);
    } else if (this.node.seeds.count > 0) {
      this.askSeed(choice - down, lonely);
    } else {
      this.node.outbox.addSyn(this.broadcastAddress, this.node.rows.port(OWN_SLOT), FLAG_BROADCAST, OWN_SLOT);
    }
  }

  /** Asks the first seed, from `index` on, that is not the address of a live row; nobody when all are. */
  private askSeed(index: number, lonely: boolean): void {
    const count = this.node.seeds.count;
    for (let i = 0; i < count; i++) {
      const seed = (index + i) % count;
      const address = this.node.seeds.address(seed);
      const port = this.node.seeds.port(seed);
      if (this.isLiveAddress(address, port)) continue;
      this.node.outbox.addSyn(address, port, 0, OWN_SLOT);
      if (lonely) this.asks.add(false, 0, address, port, this.node.clock.nowMs);
      return;
    }
  }

  private isLiveAddress(address: number, port: number): boolean {
    const rows = this.node.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (rows.address(slot) === address && rows.port(slot) === port && rows.state(slot) < DOWN) return true;
    }
    return false;
  }

  /** Sends a SYN to the node of a row, once more if it is waited for. Returns false when the outbox is full. */
  ask(slot: number): boolean {
    if (!this.node.outbox.hasRoom()) return false;
    const rows = this.node.rows;
    const id = rows.id(slot);
    this.node.outbox.addSyn(rows.address(slot), rows.port(slot), 0, slot);
    if (this.asks.has(id)) return true;
    if (this.asks.isFull()) this.drop(0);
    this.asks.add(true, id, rows.address(slot), rows.port(slot), this.node.clock.nowMs);
    rows.setFlag(slot, FLAG_ASKED);
    return true;
  }

  private askAgain(): void {
    let index = this.asks.due(this.node.clock);
    while (index >= 0 && this.node.outbox.hasRoom()) {
      const slot = this.asks.isKnown(index) ? this.node.rows.find(this.asks.id(index)) : -1;
      if (this.asks.attempt(index) < ATTEMPTS_MAX) {
        this.node.outbox.addSyn(this.asks.address(index), this.asks.port(index), 0, slot < 0 ? OWN_SLOT : slot);
        this.asks.again(index, this.node.clock.nowMs);
      } else {
        this.drop(index);
        if (slot >= 0 && this.node.rows.state(slot) === UP) this.node.suspicion.raise(slot, SUSPECT);
      }
      index = this.asks.due(this.node.clock);
    }
  }

  private drop(index: number): void {
    const slot = this.asks.isKnown(index) ? this.node.rows.find(this.asks.id(index)) : -1;
    if (slot >= 0) this.node.rows.clearFlag(slot, FLAG_ASKED);
    this.asks.remove(index);
  }

  private spread(): void {
    this.spreadWanted = false;
    this.spreadDeadline = this.node.clock.nowMs + (this.node.roundIntervalMs >>> 3);
    for (let i = 0; i < SPREAD_PEERS && this.node.outbox.hasRoom(); i++) {
      const slot = this.pass.next();
      if (slot < 0) {
        this.retry(true);
        return;
      }
      // Who is asked already will be asked again, or answers, and hears of it then.
      if (!this.asks.has(this.node.rows.id(slot))) this.ask(slot);
    }
  }

  private countDown(): number {
    let down = 0;
    for (let place = 0; place < this.node.rows.count; place++) {
      if (this.isDownPeer(this.node.rows.slotAt(place))) down++;
    }
    return down;
  }

  private isDownPeer(slot: number): boolean {
    return this.node.rows.state(slot) >= DOWN && !this.node.rows.hasFlag(slot, FLAG_FOREIGN);
  }

  /** The slot of the row that is at `index` among those DOWN. */
  private downAt(index: number): number {
    let left = index;
    for (let place = 0; place < this.node.rows.count; place++) {
      const slot = this.node.rows.slotAt(place);
      if (this.isDownPeer(slot) && left-- === 0) return slot;
    }
    return OWN_SLOT;
  }
}
