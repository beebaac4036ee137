import { ATTEMPTS_MAX, Probes, DIRECT_ATTEMPTS } from "./probes.js";
import { type Clock, earlier } from "../clock.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { FLAG_BROADCAST, SECTION_PING_REQ } from "../wire/frame.js";
import { BURST_MAX, type Outbox } from "../reconcile/outbox.js";
import { ProbeOrder, isLivePeer } from "./probe-order.js";
import type { Random } from "../random.js";
import { IndirectProbes } from "./indirect-probes.js";
import { ANSWERS_MAX, FLAG_PROBED, FLAG_FOREIGN, FLAG_PROVEN, OWN_SLOT, type Rows } from "../table/rows.js";
import type { Seeds } from "./seeds.js";
import { DOWN, LEFT, SUSPECT, UP } from "../table/states.js";
import type { Suspicion } from "./suspicion.js";
import type { WordPool } from "../word-pool.js";

/** Every so many rounds a DOWN row or a seed is tried as well, for ever: so split networks heal. */
export const RETRY_ROUNDS = 8;
/** Live nodes to which a published value goes at once. */
const SPREAD_PEERS = 3;
/** Nodes that are asked to probe one that does not answer. */
const INDIRECT_PROBES = 3;
/** A node that hears nobody doubts itself so many times before it doubts others. */
const LOCAL_HEALTH_MAX = 7;
/** Answers to ACKs and DIFFs between two rounds. */
const ANSWERS_A_ROUND = 512;

/** What rounds work with: the parts of one node, which is the engine. */
export interface NodeParts {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly clock: Clock;
  readonly random: Random;
  readonly outbox: Outbox;
  readonly suspicion: Suspicion;
  readonly frame: FrameReader;
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
  private readonly probeOrder: ProbeOrder;
  private readonly probes: Probes;
  private readonly indirectProbes: IndirectProbes;
  /**
   * How much this node doubts itself, 0 to DOUBT_MAX: one more for each ask in
   * vain during which it heard nobody, one less for each that is answered (after
   * Dadgar, Phillips, Currey: Lifeguard, 2017, section IV-A).
   */
  localHealth = 0;

  private roundDeadline = 0;
  private roundsToRetry = 1;
  /** Rounds between two retries: 1 after the start, since each seed may know others, then 2, 4 and RETRY_ROUNDS. */
  private retryRounds = 1;
  private spreadDeadline = 0;
  private spreadWanted = false;
  /** When any node was heard last. */
  private heardMs = 0;
  private answersLeft = ANSWERS_A_ROUND;

  constructor(node: NodeParts, broadcastAddress: number, pool: WordPool) {
    this.node = node;
    this.broadcastAddress = broadcastAddress;
    this.probeOrder = new ProbeOrder(node.rows, node.random);
    this.probes = new Probes(node.roundIntervalMs, pool);
    this.indirectProbes = new IndirectProbes(pool);
  }

  /** The first round comes within a quarter of the interval, so that a power cut does not end in a chorus. */
  start(): void {
    this.roundDeadline = this.node.clock.nowMs + this.node.random.below(this.node.roundIntervalMs >>> 2);
    this.spreadDeadline = this.node.clock.nowMs;
  }

  tick(): void {
    this.retransmit();
    if (this.spreadWanted && this.node.clock.isDue(this.spreadDeadline) && this.node.outbox.hasRoom()) this.spread();
    if (this.node.clock.isDue(this.roundDeadline) && this.node.outbox.hasRoom()) this.round();
  }

  nextDeadline(): number {
    let next = this.probes.nextDeadline(this.roundDeadline);
    if (this.spreadWanted) next = earlier(next, this.spreadDeadline);
    return next;
  }

  /** A datagram came from a node, so it is there. */
  answered(id: number, address: number, port: number): void {
    const nowMs = this.node.clock.nowMs;
    this.heardMs = nowMs;
    if (this.probes.answered(id, address, port, nowMs) && this.localHealth > 0) this.localHealth--;
    this.indirectProbes.heard(id, this.node.clock, this.node.outbox);
    const slot = this.node.rows.find(id);
    if (slot >= 0) this.node.rows.clearFlag(slot, FLAG_PROBED);
  }

  /** A node has another address: what it was asked at the old one does not count. */
  moved(id: number): void {
    for (let i = 0; i < this.probes.count; i++) {
      if (this.probes.isKnown(i) && this.probes.idOf(i) === id) this.probes.restart(i, this.node.clock.nowMs);
    }
  }

  /** Whether a SYN of a node may have an answer of any length: so many times between two rounds. */
  mayAnswer(slot: number): boolean {
    return this.node.rows.countAnswer(slot) <= ANSWERS_MAX;
  }

  /** Whether an ACK or a DIFF may be answered: a bound for what two nodes that never agree can cost. */
  mayGoOn(): boolean {
    if (this.answersLeft === 0) return false;
    this.answersLeft--;
    return true;
  }

  /** A peer does not hear some nodes: asks the first that this node knows as live. */
  handlePingReq(address: number, port: number): void {
    const node = this.node;
    const sender = node.rows.find(node.frame.id);
    if (sender < 0 || !node.rows.hasFlag(sender, FLAG_PROVEN) || !node.frame.more()) return;
    // An old frame of a node, sent again by somebody else, would bring the news to anybody.
    if (node.rows.address(sender) !== address || node.rows.port(sender) !== port) return;
    const id = node.frame.readId();
    const slot = node.rows.find(id);
    // The last place in the outbox is for the answer.
    if (slot < 0 || !isLivePeer(node.rows, slot) || node.outbox.intentsLeft() < 2) return;
    node.outbox.addSyn(node.rows.address(slot), node.rows.port(slot), 0, slot);
    this.indirectProbes.add(id, address, port, node.clock.nowMs + node.roundIntervalMs);
  }

  /** A witness heard nodes that this one does not hear. */
  handleIndirectAck(): void {
    while (this.node.frame.more()) {
      const slot = this.node.rows.find(this.node.frame.readId());
      if (slot <= OWN_SLOT) continue;
      this.probes.answered(this.node.rows.id(slot), 0, 0, this.node.clock.nowMs);
      this.node.rows.clearFlag(slot, FLAG_PROBED);
    }
  }

  /** Says goodbye to as many live nodes as a burst allows. */
  leave(): void {
    for (let i = 0; i < BURST_MAX; i++) {
      const slot = this.probeOrder.next();
      if (slot >= 0) this.node.outbox.addLeave(this.node.rows.address(slot), this.node.rows.port(slot));
    }
  }

  /** Has news spread without waiting for the round: now, or an eighth of the interval after the last time. */
  spreadSoon(): void {
    this.spreadWanted = true;
    if (this.node.clock.isDue(this.spreadDeadline)) this.spread();
  }

  /** This node has not run for a while, so the silence of others says nothing. */
  postpone(ms: number): void {
    this.probes.postpone(ms);
  }

  private round(): void {
    const interval = this.node.roundIntervalMs;
    const jitter = this.node.random.below(interval >>> 2) - (interval >>> 3);
    this.roundDeadline = this.node.clock.nowMs + interval + jitter;
    this.answersLeft = ANSWERS_A_ROUND;
    this.node.rows.clearAnswers();
    const slot = this.probeOrder.next();
    if (slot >= 0) this.probe(slot);
    this.roundsToRetry--;
    if (slot < 0) this.retry(true);
    else if (this.roundsToRetry <= 0) this.retry(false);
  }

  /**
   * Tries someone who is not among the live rows. `lonely` says that there is
   * no live row at all, so that it is worth asking more than once.
   */
  private retry(lonely: boolean): void {
    this.roundsToRetry = this.retryRounds;
    if (this.retryRounds < RETRY_ROUNDS) this.retryRounds *= 2;
    const down = this.countDown();
    const seeds = this.node.seeds.count;
    // Without seeds of the user's, a broadcast may find those whose addresses nobody remembers.
    const choice = this.node.random.below(down + seeds + (this.node.seeds.hasPinned() ? 0 : 1));
    if (choice < down) {
      const slot = this.downAt(choice);
      this.node.outbox.addSyn(this.node.rows.address(slot), this.node.rows.port(slot), 0, slot);
    } else if (choice < down + seeds) {
      this.trySeed(choice - down, lonely);
    } else {
      this.node.outbox.addSyn(this.broadcastAddress, this.node.rows.port(OWN_SLOT), FLAG_BROADCAST, OWN_SLOT);
    }
  }

  /** Asks the first seed, from `index` on, that is not the address of a live row; nobody when all are. */
  private trySeed(index: number, lonely: boolean): void {
    const count = this.node.seeds.count;
    for (let i = 0; i < count; i++) {
      const seed = (index + i) % count;
      const address = this.node.seeds.address(seed);
      const port = this.node.seeds.port(seed);
      if (this.isLiveAddress(address, port)) continue;
      this.node.outbox.addSyn(address, port, 0, OWN_SLOT);
      if (lonely) this.probes.add(false, 0, address, port, this.node.clock.nowMs);
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
  probe(slot: number): boolean {
    if (!this.node.outbox.hasRoom()) return false;
    const rows = this.node.rows;
    const id = rows.id(slot);
    this.node.outbox.addSyn(rows.address(slot), rows.port(slot), 0, slot);
    if (this.probes.has(id)) return true;
    if (this.probes.isFull()) this.drop(0);
    this.probes.add(true, id, rows.address(slot), rows.port(slot), this.node.clock.nowMs);
    rows.setFlag(slot, FLAG_PROBED);
    return true;
  }

  private retransmit(): void {
    const nowMs = this.node.clock.nowMs;
    let index = this.probes.due(this.node.clock);
    while (index >= 0 && this.node.outbox.hasRoom()) {
      const slot = this.probes.isKnown(index) ? this.node.rows.find(this.probes.idOf(index)) : -1;
      const attempt = this.probes.attempt(index);
      if (attempt < ATTEMPTS_MAX) {
        this.sendProbeAgain(index, slot);
        if (attempt >= DIRECT_ATTEMPTS && slot >= 0) this.probeIndirectly(slot);
        this.probes.retransmitted(index, nowMs, this.localHealth);
      } else if (slot >= 0 && this.blamesItself(index)) {
        this.probes.restart(index, nowMs);
      } else {
        this.drop(index);
        if (slot >= 0 && this.node.rows.state(slot) === UP) this.suspect(slot);
      }
      index = this.probes.due(this.node.clock);
    }
  }

  /** Suspects a node and says so to itself first, so that it can refute at once. */
  private suspect(slot: number): void {
    this.node.suspicion.raise(slot, SUSPECT);
    this.probe(slot);
  }

  /** @param slot the row of the node, which may have moved since it was asked first; -1 when there is none */
  private sendProbeAgain(index: number, slot: number): void {
    const rows = this.node.rows;
    if (slot < 0) this.node.outbox.addSyn(this.probes.address(index), this.probes.port(index), 0, OWN_SLOT);
    else this.node.outbox.addSyn(rows.address(slot), rows.port(slot), 0, slot);
  }

  /**
   * A node did not answer, nor did anybody hear it. Returns whether that says
   * more about this node, which has heard nobody at all since, than about the
   * other. Of two nodes each has only the other to hear.
   */
  private blamesItself(index: number): boolean {
    const isDeaf = ((this.heardMs - this.probes.sentMs(index)) | 0) <= 0 && this.node.rows.count > 2;
    if (!isDeaf || this.localHealth === LOCAL_HEALTH_MAX) return false;
    this.localHealth++;
    return true;
  }

  /** Asks a few live nodes, from a random one on, to probe one that does not answer. */
  private probeIndirectly(target: number): void {
    const rows = this.node.rows;
    const start = this.node.random.below(rows.count);
    let left = INDIRECT_PROBES;
    for (let i = 0; i < rows.count && left > 0 && this.node.outbox.hasRoom(); i++) {
      const slot = rows.slotAt((start + i) % rows.count);
      if (slot === target || !isLivePeer(rows, slot) || rows.state(slot) !== UP) continue;
      this.node.outbox.addAbout(SECTION_PING_REQ, rows.id(target), rows.address(slot), rows.port(slot));
      left--;
    }
  }

  private drop(index: number): void {
    const slot = this.probes.isKnown(index) ? this.node.rows.find(this.probes.idOf(index)) : -1;
    if (slot >= 0) this.node.rows.clearFlag(slot, FLAG_PROBED);
    this.probes.remove(index);
  }

  private spread(): void {
    this.spreadWanted = false;
    this.spreadDeadline = this.node.clock.nowMs + (this.node.roundIntervalMs >>> 3);
    for (let i = 0; i < SPREAD_PEERS && this.node.outbox.hasRoom(); i++) {
      const slot = this.probeOrder.next();
      if (slot < 0) {
        this.retry(true);
        return;
      }
      // Who is asked already will be asked again, or answers, and hears of it then.
      if (!this.probes.has(this.node.rows.id(slot))) this.probe(slot);
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
    const state = this.node.rows.state(slot);
    return state >= DOWN && state !== LEFT && !this.node.rows.hasFlag(slot, FLAG_FOREIGN);
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
