import { ATTEMPTS_MAX, Asks } from "./asks.js";
import type { Clock} from "./clock.js";
import { earlier } from "./clock.js";
import { FLAG_BROADCAST } from "./frame.js";
import type { EngineOptions } from "./options.js";
import type { Outbox } from "./outbox.js";
import { PeerPass } from "./peer-pass.js";
import type { Random } from "./random.js";
import type { Rows } from "./rows.js";
import { FLAG_ASKED, OWN_SLOT } from "./rows.js";
import type { Seeds } from "./seeds.js";
import { DOWN, SUSPECT, UP } from "./states.js";
import type { Suspicion } from "./suspicion.js";

/** Every so many rounds a DOWN row or a seed is tried as well, for ever: so split networks heal. */
export const RETRY_ROUNDS = 8;
/** Live nodes to which a published value goes at once. */
const SPREAD_PEERS = 3;

/**
 * Whom a node asks, and when: one live node each round, now and then one that
 * is DOWN or a seed, a few at once when there is something new, and again those
 * that did not answer.
 */
export class Rounds {
  private readonly rows: Rows;
  private readonly seeds: Seeds;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly outbox: Outbox;
  private readonly suspicion: Suspicion;
  private readonly options: EngineOptions;
  private readonly pass: PeerPass;
  private readonly asks: Asks;

  private roundDeadline = 0;
  private roundsToRetry = RETRY_ROUNDS;
  private spreadDeadline = 0;
  private spreadWanted = false;

  constructor(
    rows: Rows, seeds: Seeds, clock: Clock, random: Random, outbox: Outbox, suspicion: Suspicion,
    options: EngineOptions,
  ) {
    this.rows = rows;
    this.seeds = seeds;
    this.clock = clock;
    this.random = random;
    this.outbox = outbox;
    this.suspicion = suspicion;
    this.options = options;
    this.pass = new PeerPass(rows, random);
    this.asks = new Asks((options.roundIntervalMs / 10) >>> 0);
  }

  /** The first round comes within a quarter of the interval, so that a power cut does not end in a chorus. */
  start(): void {
    this.roundDeadline = this.clock.nowMs + this.random.below(this.options.roundIntervalMs >>> 2);
    this.spreadDeadline = this.clock.nowMs;
  }

  tick(): void {
    this.askAgain();
    if (this.spreadWanted && this.clock.isDue(this.spreadDeadline) && this.outbox.hasRoom()) this.spread();
    if (this.clock.isDue(this.roundDeadline) && this.outbox.hasRoom()) this.round();
  }

  nextDeadline(): number {
    let next = this.asks.nextDeadline(this.roundDeadline);
    if (this.spreadWanted) next = earlier(next, this.spreadDeadline);
    return next;
  }

  /** A datagram came from a node, so it is there. */
  answered(id: number, address: number, port: number): void {
    this.asks.answered(id, address, port);
    const slot = this.rows.find(id);
    if (slot >= 0) this.rows.clearFlag(slot, FLAG_ASKED);
  }

  /** Has news spread without waiting for the round: now, or an eighth of the interval after the last time. */
  spreadSoon(): void {
    this.spreadWanted = true;
    if (this.clock.isDue(this.spreadDeadline)) this.spread();
  }

  /** This node has not run for a while, so the silence of others says nothing. */
  postpone(ms: number): void {
    this.asks.postpone(ms);
  }

  private round(): void {
    const interval = this.options.roundIntervalMs;
    const jitter = this.random.below(interval >>> 2) - (interval >>> 3);
    this.roundDeadline = this.clock.nowMs + interval + jitter;
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
    const choice = this.random.below(down + this.seeds.count);
    if (choice < down) {
      const slot = this.downAt(choice);
      this.outbox.addSyn(this.rows.address(slot), this.rows.port(slot), 0, slot);
    } else if (this.seeds.count > 0) {
      this.askSeed(choice - down, lonely);
    } else {
      this.outbox.addSyn(this.options.broadcastAddress, this.options.port, FLAG_BROADCAST, OWN_SLOT);
    }
  }

  /** Asks the first seed, from `index` on, that is not the address of a live row; nobody when all are. */
  private askSeed(index: number, lonely: boolean): void {
    const count = this.seeds.count;
    for (let i = 0; i < count; i++) {
      const seed = (index + i) % count;
      const address = this.seeds.address(seed);
      const port = this.seeds.port(seed);
      if (this.isLiveAddress(address, port)) continue;
      this.outbox.addSyn(address, port, 0, OWN_SLOT);
      if (lonely) this.asks.add(false, 0, address, port, this.clock.nowMs);
      return;
    }
  }

  private isLiveAddress(address: number, port: number): boolean {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (rows.address(slot) === address && rows.port(slot) === port && rows.state(slot) < DOWN) return true;
    }
    return false;
  }

  private ask(slot: number): void {
    const rows = this.rows;
    const id = rows.id(slot);
    this.outbox.addSyn(rows.address(slot), rows.port(slot), 0, slot);
    if (this.asks.has(id)) return;
    if (this.asks.isFull()) this.drop(0);
    this.asks.add(true, id, rows.address(slot), rows.port(slot), this.clock.nowMs);
    rows.setFlag(slot, FLAG_ASKED);
  }

  private askAgain(): void {
    let index = this.asks.due(this.clock);
    while (index >= 0 && this.outbox.hasRoom()) {
      const slot = this.asks.isKnown(index) ? this.rows.find(this.asks.id(index)) : -1;
      if (this.asks.attempt(index) < ATTEMPTS_MAX) {
        this.outbox.addSyn(this.asks.address(index), this.asks.port(index), 0, slot < 0 ? OWN_SLOT : slot);
        this.asks.again(index, this.clock.nowMs);
      } else {
        this.drop(index);
        if (slot >= 0 && this.rows.state(slot) === UP) this.suspicion.raise(slot, SUSPECT);
      }
      index = this.asks.due(this.clock);
    }
  }

  private drop(index: number): void {
    const slot = this.asks.isKnown(index) ? this.rows.find(this.asks.id(index)) : -1;
    if (slot >= 0) this.rows.clearFlag(slot, FLAG_ASKED);
    this.asks.remove(index);
  }

  private spread(): void {
    this.spreadWanted = false;
    this.spreadDeadline = this.clock.nowMs + (this.options.roundIntervalMs >>> 3);
    for (let i = 0; i < SPREAD_PEERS && this.outbox.hasRoom(); i++) {
      const slot = this.pass.next();
      if (slot < 0) {
        this.retry(true);
        return;
      }
      // Who is asked already will be asked again, or answers, and hears of it then.
      if (!this.asks.has(this.rows.id(slot))) this.ask(slot);
    }
  }

  private countDown(): number {
    let down = 0;
    for (let place = 0; place < this.rows.count; place++) {
      if (this.rows.state(this.rows.slotAt(place)) >= DOWN) down++;
    }
    return down;
  }

  /** The slot of the row that is at `index` among those DOWN. */
  private downAt(index: number): number {
    let left = index;
    for (let place = 0; place < this.rows.count; place++) {
      const slot = this.rows.slotAt(place);
      if (this.rows.state(slot) >= DOWN && left-- === 0) return slot;
    }
    return OWN_SLOT;
  }
}
