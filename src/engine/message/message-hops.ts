import { type Clock, earlier } from "../clock.js";
import { isLivePeer } from "../membership/probe-order.js";
import { nextHop } from "../membership/routes.js";
import type { Rounds } from "../membership/rounds.js";
import type { Outbox } from "../reconcile/outbox.js";
import { FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import {
  AT_TRY_HOPS, COUNT_GIVEN_UP, COUNT_NO_WAY, COUNT_REFUSED, COUNT_TRIES, DEADLINE, ENDED, EXPIRY, FLIGHTS, HAD_ONE,
  HOP_FULL, HOP_HAD, HOP_NO_WAY, HOP_REFUSED, HOP_TRIES, KIND_REPLY, LAST_PASS, MISSED, NEXT, OPEN, OUTCOME_REFUSED,
  OUTCOME_SHIFT, OUTCOME_TIMEOUT, REPEAT_ROUNDS, SENDING, STATE, TO_APP, TRIES_MASK, TRIES_SHIFT, TRY_MAX, TRY_SHIFT,
  WAITS, WAKES, WAKING_TRY_MS, WAYS_DONE,
} from "./message.js";
import { MessageStore, type StoreSizes } from "./message-store.js";
import { isStorable, sleepMs } from "./sleepers.js";
import { isSpread, nextTarget } from "./spread.js";

/** Tries of a hop of a node that sleeps with the node that it woke to, before others. */
const PEER_TRIES = 3;

/** The way of messages to the next nodes: tries, what neighbours answer to them, and the ends of lives. */
export class MessageHops extends MessageStore {
  readonly rows: Rows;
  readonly clock: Clock;
  private readonly rounds: Rounds;
  private readonly outbox: Outbox;
  /** Id of the node that this one, which sleeps, woke to last. */
  declare peerId: number;

  /** @param sizes of the store */
  constructor(
    sizes: StoreSizes, isSealed: boolean, rows: Rows, clock: Clock, rounds: Rounds, outbox: Outbox,
  ) {
    super(sizes, rows.capacity, isSealed);
    this.rows = rows;
    this.clock = clock;
    this.rounds = rounds;
    this.outbox = outbox;
  }

  /** What is held. One object takes less RAM on XS than two. */
  get store(): MessageStore { return this; }

  /** Milliseconds since the last try of an own message. */
  sinceTryMs(place: number): number {
    const sent = this.store.get(place, NEXT) - this.repeatMs(this.store.tryOf(place));
    return (this.clock.nowMs - sent) >>> 0;
  }

  /** A tick: works on all messages that are due, as far as the outbox has room. */
  tick(): void {
    const store = this.store;
    const nowMs = this.clock.nowMs;
    store.forgetSenders(nowMs);
    for (let place = 0; place < store.count; place++) {
      if (!store.has(place, SENDING | OPEN) || store.has(place, ENDED)) continue;
      if (this.clock.isDue(store.get(place, EXPIRY))) {
        this.expire(place);
        continue;
      }
      if (this.isRepeatDue(place)) this.repeat(place);
      if (store.has(place, SENDING) && this.clock.isDue(store.get(place, DEADLINE))) this.work(place);
    }
  }

  nextDeadline(deadline: number): number {
    const store = this.store;
    let next = deadline;
    for (let place = 0; place < store.count; place++) {
      if (!store.has(place, SENDING | OPEN) || store.has(place, ENDED)) continue;
      next = earlier(next, store.get(place, EXPIRY));
      if (store.has(place, SENDING)) next = earlier(next, store.get(place, DEADLINE));
      if (this.mayRepeat(place)) next = earlier(next, store.get(place, NEXT));
    }
    return next;
  }

  protected repeatMs(tries: number): number { return (this.clock.roundIntervalMs * REPEAT_ROUNDS) << tries; }

  protected mayRepeat(place: number): boolean {
    const store = this.store;
    return store.has(place, OPEN) && !store.has(place, WAITS) && !isSpread(store.kind(place))
      && store.tryOf(place) < TRY_MAX;
  }

  protected isRepeatDue(place: number): boolean {
    return this.mayRepeat(place) && this.clock.isDue(this.store.get(place, NEXT));
  }

  protected repeat(place: number): void {
    const store = this.store;
    store.bytes[store.at(place) + AT_TRY_HOPS] += 1 << TRY_SHIFT;
    store.set(place, NEXT, (this.clock.nowMs + this.repeatDelayMs(place)) >>> 0);
    this.dispatch(place);
  }

  /** Until the sender repeats a message. A node that sleeps has until its word is over to answer. */
  protected repeatDelayMs(place: number): number {
    const store = this.store;
    const slot = isStorable(store.kind(place)) ? this.rows.find(store.to(place)) : -1;
    return sleepMs(this.rows, this.clock, slot) + this.repeatMs(store.tryOf(place));
  }

  /** A message goes to a neighbour, from the next tick on. */
  protected dispatch(place: number): void {
    const store = this.store;
    store.clearBits(place, TRIES_MASK | WAITS | WAKES);
    for (let i = 0; i < FLIGHTS; i++) store.setFlight(place, i, 0);
    store.setBits(place, SENDING);
    store.set(place, DEADLINE, this.clock.nowMs);
  }

  /** This node has done its part of the way. */
  protected finish(place: number): void {
    this.store.clearBits(place, SENDING | WAITS | WAKES);
    this.store.set(place, DEADLINE, this.clock.nowMs);
  }

  protected expire(place: number): void {
    const store = this.store;
    if (store.has(place, SENDING)) store.countUp(COUNT_GIVEN_UP);
    this.finish(place);
    if (store.has(place, OPEN)) this.end(place, OUTCOME_TIMEOUT);
  }

  protected end(place: number, outcome: number): void {
    this.finish(place);
    this.store.setBits(place, ENDED | (outcome << OUTCOME_SHIFT));
  }

  protected hopTries(place: number): number { return (this.store.get(place, STATE) & TRIES_MASK) >>> TRIES_SHIFT; }

  protected countTry(place: number): void {
    // Either end of the hop has its radio on for a moment.
    const isShort = this.store.has(place, WAKES) || this.rows.isAsleep(OWN_SLOT);
    const waitMs = isShort ? WAKING_TRY_MS : this.rounds.answerTimeMs();
    this.store.set(place, DEADLINE, (this.clock.nowMs + (waitMs << this.hopTries(place))) >>> 0);
    this.store.set(place, STATE, this.store.get(place, STATE) + (1 << TRIES_SHIFT));
  }

  protected work(place: number): void {
    if (isSpread(this.store.kind(place))) this.spread(place);
    else this.forward(place);
  }

  /** A try of the hop of a message for one node. */
  protected forward(place: number): void {
    const store = this.store;
    if (this.waits(place)) return;
    if (this.hopTries(place) >= HOP_TRIES) {
      store.countUp(COUNT_GIVEN_UP);
      this.finish(place);
      // Nobody waits for the end of an answer: after the last try its place is free.
      if (store.kind(place) === KIND_REPLY && store.has(place, OPEN) && !this.mayRepeat(place)) {
        store.clearBits(place, OPEN);
      }
      return;
    }
    if (!this.outbox.hasRoom()) return;
    const hop = store.has(place, WAKES) ? this.rows.find(store.to(place))
      : this.isThroughPeer(place) ? this.rows.find(this.peerId) : this.hopTo(store.to(place), store.cameFrom(place));
    store.setFlight(place, 0, hop < 0 ? 0 : hop);
    if (hop < 0) store.countUp(COUNT_NO_WAY);
    else this.launch(place, hop);
    this.countTry(place);
  }

  /**
   * PROTOCOL 11.6: while this node sleeps, its messages go through the node that it woke to. Else others hear its
   * waking from itself, and messages for it wait there.
   */
  private isThroughPeer(place: number): boolean {
    if (!this.rows.isAsleep(OWN_SLOT) || this.hopTries(place) >= PEER_TRIES) return false;
    const slot = this.rows.find(this.peerId);
    return slot > OWN_SLOT && isLivePeer(this.rows, slot);
  }

  /** PROTOCOL 11.6: whether a message waits here for the waking of its receiver. */
  private waits(place: number): boolean {
    const store = this.store;
    const rows = this.rows;
    const slot = rows.find(store.to(place));
    if (slot <= OWN_SLOT || !rows.isAsleep(slot) || !isStorable(store.kind(place))) {
      store.clearBits(place, WAITS | WAKES);
      return false;
    }
    const isOver = this.hopTries(place) >= HOP_TRIES;
    if (store.has(place, WAKES) && !isOver) return false;
    const hop = isOver ? -1 : this.hopTo(store.to(place), store.cameFrom(place));
    if (hop >= 0) {
      store.clearBits(place, WAITS | WAKES);
      return false;
    }
    store.clearBits(place, TRIES_MASK | WAKES);
    store.setBits(place, WAITS);
    store.setFlight(place, 0, 0);
    // Then the node is late, or woke elsewhere: the next hop is looked up anew.
    const asleepMs = Math.max(sleepMs(rows, this.clock, slot), this.clock.roundIntervalMs);
    store.set(place, DEADLINE, (this.clock.nowMs + asleepMs) >>> 0);
    return true;
  }

  /**
   * PROTOCOL 11.6: a node that sleeps began a waking here: it gets what waits for it. Returns how many messages do.
   *
   * @param slot of its row
   */
  wake(slot: number): number {
    const store = this.store;
    let count = 0;
    for (let place = 0; place < store.count; place++) {
      if (!store.has(place, WAITS | WAKES) || store.to(place) !== this.rows.id(slot)) continue;
      count++;
      // A DIFF of the same waking, in which the message is on the way already.
      if (store.has(place, WAKES)) continue;
      store.clearBits(place, WAITS | TRIES_MASK);
      store.setBits(place, WAKES);
      store.set(place, DEADLINE, this.clock.nowMs);
    }
    return count;
  }

  /** Whether messages of this node, which sleeps, are under way, so that its radio has to stay on. */
  isSending(): boolean {
    const store = this.store;
    for (let place = 0; place < store.count; place++) {
      if (store.has(place, SENDING | TO_APP) && !store.has(place, WAITS)) return true;
    }
    return false;
  }

  /** A try of all flights of a message for all nodes; without any, it goes to the next neighbours. */
  protected spread(place: number): void {
    const store = this.store;
    if (store.hasFlights(place) && this.hopTries(place) >= HOP_TRIES) this.giveUpFlights(place);
    if (!store.hasFlights(place)) {
      store.clearBits(place, TRIES_MASK);
      const most = Math.min(FLIGHTS, this.outbox.intentsLeft());
      for (let i = 0; i < most; i++) {
        const target = nextTarget(store, this.rows, place);
        if (target < 0) break;
        store.setFlight(place, i, target);
      }
      if (!store.hasFlights(place)) {
        if (most > 0) this.endPass(place);
        return;
      }
    }
    if (!this.outbox.hasRoom()) return;
    for (let i = 0; i < FLIGHTS; i++) {
      const target = store.flight(place, i);
      if (target !== 0 && this.outbox.hasRoom()) this.launch(place, target);
    }
    this.countTry(place);
  }

  /** All neighbours were tried. Those that did not confirm it are tried once more a round later. */
  private endPass(place: number): void {
    const store = this.store;
    if (!store.has(place, MISSED) || store.has(place, LAST_PASS)) {
      this.finish(place);
      return;
    }
    store.clearBits(place, MISSED | WAYS_DONE);
    store.setBits(place, LAST_PASS);
    store.set(place, NEXT, 0);
    store.set(place, DEADLINE, (this.clock.nowMs + this.clock.roundIntervalMs) >>> 0);
  }

  protected giveUpFlights(place: number): void {
    for (let i = 0; i < FLIGHTS; i++) {
      const target = this.store.flight(place, i);
      if (target === 0) continue;
      this.store.setBits(place, MISSED);
      this.store.setFlight(place, i, 0);
      this.store.countUp(COUNT_GIVEN_UP);
    }
  }

  protected launch(place: number, slot: number): void {
    this.store.countUp(COUNT_TRIES);
    this.outbox.addMessage(slot, place);
  }

  /** The neighbour on the way to a node; -1: none, or the message came from there. */
  protected hopTo(id: number, cameFrom: number): number {
    const slot = this.rows.find(id);
    // A node that sleeps gets it from the node that it wakes to.
    const isAsleep = slot > OWN_SLOT && this.rows.isAsleep(slot);
    let hop = slot <= OWN_SLOT ? -1 : nextHop(this.rows, isAsleep ? this.rows.via(slot) : slot);
    // Nobody has tried yet whether it is in reach.
    if (hop < 0 && slot > OWN_SLOT && !this.rows.hasFlag(slot, FLAG_REMOTE)) hop = slot;
    return hop <= OWN_SLOT || hop === cameFrom || !isLivePeer(this.rows, hop) ? -1 : hop;
  }

  /** A neighbour answered a message that was sent to it. */
  protected handleHop(what: number, check: number, slot: number): void {
    const store = this.store;
    for (let place = 0; place < store.count; place++) {
      const flight = store.has(place, SENDING) ? store.flightTo(place, slot) : -1;
      if (flight < 0 || store.check(store.at(place)) !== check) continue;
      this.hopAnswered(place, flight, what, slot);
      return;
    }
  }

  protected hopAnswered(place: number, flight: number, what: number, slot: number): void {
    const store = this.store;
    if (what === HOP_FULL || what === HOP_NO_WAY) return;
    store.setFlight(place, flight, 0);
    if (!isSpread(store.kind(place))) {
      this.finish(place);
      if (what !== HOP_REFUSED) return;
      store.countUp(COUNT_REFUSED);
      if (store.has(place, OPEN) && this.rows.id(slot) === store.to(place)) this.end(place, OUTCOME_REFUSED);
      return;
    }
    store.serve(place, slot);
    if (what === HOP_HAD) this.countHad(place);
    if (store.hasFlights(place)) return;
    store.clearBits(place, TRIES_MASK);
    store.set(place, DEADLINE, this.clock.nowMs);
  }

  protected countHad(place: number): void {
    const state = this.store.get(place, STATE);
    if ((state + HAD_ONE) >>> 0 > state) this.store.set(place, STATE, state + HAD_ONE);
  }
}
