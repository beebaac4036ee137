import type { Clock } from "../clock.js";
import type { FeedProtocol } from "../feed/feed-protocol.js";
import type { FeedStore } from "../feed/feed-store.js";
import type { OwnFeed } from "../feed/own-feed.js";
import { isLivePeer } from "../membership/probe-order.js";
import type { Rounds } from "../membership/rounds.js";
import type { Seeds } from "../membership/seeds.js";
import type { Suspicion } from "../membership/suspicion.js";
import type { MessageProtocol } from "../message/message-protocol.js";
import type { Outbox } from "../reconcile/outbox.js";
import { FLAG_ADDRESS_GIVEN, FLAG_NEIGHBOUR, FLAG_TO_SEND, OWN_SLOT, type Rows } from "../table/rows.js";
import { UP } from "../table/states.js";
import { isUnsure } from "../wire/admission.js";
import { FLAG_BROADCAST, FLAG_MORE, TYPE_DIFF } from "../wire/frame.js";
import { type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import { readKept, writeKept } from "./kept.js";
import { dropPositions } from "./positions.js";

/** Attempts of a waking. */
const ASKS_MAX = 3;
/**
 * Attempts of a waking with an event that would be lost. Up to 7 datagrams in a row bring it to the peer, and two show
 * that it is there.
 */
const EVENT_ASKS_MAX = 8;
/** Nodes that the last one asks, beside a broadcast. */
const LAST_NODES = 3;
/** How long a waking waits for an answer: a receiver that saves power gets it after up to 3 beacons of 100 ms. */
const ANSWER_MS = 500;
/** The datagrams of a burst come at once. How long a waking waits for the next one. */
const BURST_MS = 60;
/** How often a waking waits once more for messages, of this node or for it: in all half a second. */
const HOLDS_MAX = 8;

// Phases. The node does rounds in AWAKE only.
const AWAKE_PHASE = 0;
const ASKING = 1;
const ANSWERED = 2;
const QUIET = 3;

/**
 * PROTOCOL 6.8: the sleep of this node. It says when it is back, and exchanges with one other node. Then the radio may
 * be off until the next waking.
 */
export class Sleeper {
  private readonly rows: Rows;
  private readonly clock: Clock;
  private readonly suspicion: Suspicion;
  private readonly rounds: Rounds;
  private readonly outbox: Outbox;
  private phase = AWAKE_PHASE;
  /** When `tick` is due, while the node sleeps. */
  deadline = 0;
  /** Attempts of this waking so far. */
  private asked = 0;
  /** Feeds that went on behind what the node kept; undefined: it kept none. */
  private declare feeds: FeedStore | undefined;
  /** After a deep sleep, in a node with feeds. */
  declare ownFeed: OwnFeed | undefined;
  /** Whether the last answer was of a node that holds the same of all feeds, or keeps none. */
  private isFeedShared = false;
  /** Of the last frame before this waking. */
  private counter = 0;
  /** How often it waited for messages. */
  private held = 0;
  /** Slot of the node that answered last; -1: none did. It is asked first the next time. */
  private peer = -1;
  /** The sender of the frame never answered before. The two compare all rows, so that both prove their addresses. */
  private isStrange = true;
  /** Whether a node answered in this waking: it holds the word. */
  hasAnswer = false;

  constructor(rows: Rows, clock: Clock, suspicion: Suspicion, rounds: Rounds, outbox: Outbox) {
    this.rows = rows;
    this.clock = clock;
    this.suspicion = suspicion;
    this.rounds = rounds;
    this.outbox = outbox;
  }

  get isAsleep(): boolean { return this.phase !== AWAKE_PHASE; }
  /** Whether the node sleeps and its exchange is over: the radio may be off. */
  get isQuiet(): boolean { return this.phase === QUIET; }

  /** Whether no messages go out: the node sleeps, and nobody has answered in this waking. */
  get isMute(): boolean { return this.phase === QUIET || this.phase === ASKING; }

  /** Says that this node sleeps for so many seconds, 1 to SLEEP_SECONDS_MAX, and begins the exchange; 0: it wakes. */
  sleep(seconds: number, messages: MessageProtocol | undefined): void {
    if (seconds === 0) {
      if (this.isAsleep) this.wake();
      return;
    }
    this.rows.setAsleep(OWN_SLOT, seconds);
    this.suspicion.announce(UP);
    this.counter = this.outbox.counter;
    this.asked = 0;
    this.held = 0;
    this.hasAnswer = false;
    if (messages !== undefined) messages.called = 0;
    this.ask();
  }

  /**
   * The deadline passed, if the node sleeps. Returns whether it sleeps on.
   *
   * @param messages of this node, which are under way during its wakings; undefined: it has none
   */
  tick(messages: MessageProtocol | undefined): boolean {
    if (!this.isAsleep) return false;
    if (messages !== undefined && !this.isMute) messages.tick();
    if (!this.clock.isDue(this.deadline)) return true;
    if (messages !== undefined && this.phase === ANSWERED && messages.isBusy() && this.held < HOLDS_MAX) {
      this.held++;
      this.wait(ANSWERED, BURST_MS);
      return true;
    }
    if (this.phase === ANSWERED && this.asked < EVENT_ASKS_MAX && this.isFeedOpen()) {
      // A deep sleep would lose the event: the node asks whether its peer holds it.
      this.asked++;
      this.rounds.ask(this.peer);
      this.wait(ANSWERED, ANSWER_MS);
    } else if (this.phase === QUIET) this.wake();
    else if (this.phase === ASKING && this.asked < ASKS_MAX) this.ask();
    else this.rest();
    return this.isAsleep;
  }

  /** A frame of a node arrives, which may make that a neighbour. @param slot of its row or -1 */
  heard(slot: number): void {
    this.isStrange = slot < 0 || !this.rows.hasFlag(slot, FLAG_NEIGHBOUR);
  }

  /** Whether this node asks for no rows beyond those that an answer has: they are all that changed. */
  isContent(frame: FrameReader): boolean {
    return this.isAsleep && (frame.flags & FLAG_MORE) === 0 && !this.isStrange;
  }

  /** An answer was handled. @param isAnswered whether this node goes on */
  answered(frame: FrameReader, isAnswered: boolean, messages: MessageProtocol | undefined): void {
    if (this.phase !== ASKING && this.phase !== ANSWERED) return;
    // An answer to what was sent before, as by `push`, is of a node that may not have the word.
    if (((frame.inReplyTo - this.counter) | 0) <= 0) return;
    const sender = this.rows.find(frame.id);
    // Another node that sleeps may be about to forget this one's word: one that is awake has to know it.
    if (sender >= 0 && this.rows.isAsleep(sender)) return;
    // A DIFF that wants this node's row is of a node that does not have the word. Who advertises sends its row anyway.
    const wantsOwn = frame.type === TYPE_DIFF && this.rows.hasFlag(OWN_SLOT, FLAG_TO_SEND);
    if (wantsOwn && !this.hasAnswer && !this.rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN)) return;
    if (!this.hasAnswer && isUnsure(frame)) {
      // It does not have the word. The answer brings it, and one more SYN shows whether it arrived.
      this.outbox.send(OWN_SLOT);
      if (sender >= 0 && this.asked < ASKS_MAX) {
        this.asked++;
        this.rounds.ask(sender);
        this.wait(ASKING, ANSWER_MS);
      }
      return;
    }
    // Messages for this node wait at the first one. Later answers are those to its own messages and receipts.
    if (!this.hasAnswer) this.setPeer(sender, messages);
    this.hasAnswer = true;
    const feeds = this.rows.feedsHash;
    // A node without feeds will never hold the event.
    this.isFeedShared = feeds === undefined || frame.feedsHash === NO_FEEDS || feeds.word() === frame.feedsHash;
    // One datagram may be the first of a burst, if it is not almost empty.
    if (isAnswered) this.wait(ANSWERED, ANSWER_MS);
    else if (frame.hasSections() || this.isFeedOpen() || (messages !== undefined && messages.isBusy())) {
      this.wait(ANSWERED, BURST_MS);
    } else this.rest();
  }

  /**
   * Writes what the node keeps over a deep sleep, at most the length of `out`. Returns the bytes.
   *
   * @param feed whose positions are kept; undefined: none are
   */
  keep(out: Uint8Array, feed: FeedProtocol | undefined): number {
    return writeKept(this.rows, this.outbox, this.peer, feed === undefined ? undefined : feed.feeds, out);
  }

  /** After the start: goes on with what `keep` wrote. Without a call of `sleep` the node wakes up in a round. */
  resume(kept: Uint8Array, feed: FeedProtocol | undefined): void {
    if (feed !== undefined) this.feeds = feed.feeds;
    this.peer = readKept(kept, this.rows, this.outbox, this.feeds);
    this.suspicion.restart();
    this.rows.setAsleep(OWN_SLOT, 0);
    this.wait(QUIET, this.clock.roundIntervalMs);
  }

  /** Ends the sleep: the node says that it is UP, and does rounds again. */
  private wake(): void {
    this.phase = AWAKE_PHASE;
    if (this.feeds !== undefined) dropPositions(this.rows, this.feeds);
    // The own row without its sleep.
    this.rows.setState(OWN_SLOT, UP);
    this.suspicion.announce(UP);
    this.suspicion.restart();
    this.rounds.start();
  }

  /**
   * Asks the node that answered last, without one the first seed; if it does not answer, the first seed and another
   * node; then three nodes, and whoever hears a broadcast: since the last waking other nodes may have begun to sleep.
   */
  private ask(): void {
    const attempt = ++this.asked;
    const seeds: Seeds = this.rounds;
    if (attempt === 1 && !this.hasPeer() && seeds.count > 0) {
      // Always the same one, where messages wait.
      this.askSeed(seeds.address(0), seeds.port(0));
      this.wait(ASKING, ANSWER_MS);
      return;
    }
    if (attempt === 2 && seeds.count > 0) this.askSeed(seeds.address(0), seeds.port(0));
    if (attempt === ASKS_MAX && seeds.broadcastAddress !== 0) {
      this.outbox.addSyn(seeds.broadcastAddress, seeds.ownPort, FLAG_BROADCAST, OWN_SLOT);
    }
    const nodes = attempt === ASKS_MAX ? LAST_NODES : 1;
    for (let i = 0; i < nodes; i++) this.rounds.ask(attempt === 1 ? this.peer : -1);
    this.wait(ASKING, ANSWER_MS);
  }

  /** Whether the node has an event of its own, without a log, that perhaps nobody else holds. */
  private isFeedOpen(): boolean {
    const own = this.ownFeed;
    return own !== undefined && own.hasPublished && !this.isFeedShared;
  }

  private hasPeer(): boolean { return this.peer > OWN_SLOT && isLivePeer(this.rows, this.peer); }

  /** Asks the node at an address, by its row if that is held. */
  private askSeed(address: number, port: number): void {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (rows.address(slot) !== address || rows.port(slot) !== port || !isLivePeer(rows, slot)) continue;
      this.outbox.addSyn(address, port, 0, slot);
      return;
    }
    if (address !== 0) this.outbox.addSyn(address, port, 0, OWN_SLOT);
  }

  private setPeer(slot: number, messages: MessageProtocol | undefined): void {
    this.peer = slot;
    if (messages !== undefined && slot > OWN_SLOT) messages.peerId = this.rows.id(slot);
  }

  /** The exchange is over, or nobody answers: until the time that the node named, nothing is due. */
  private rest(): void {
    this.phase = QUIET;
    // Its row has a round for delays behind the word.
    this.deadline = this.rows.deadline(OWN_SLOT) - this.clock.roundIntervalMs;
  }

  private wait(phase: number, ms: number): void {
    this.phase = phase;
    this.deadline = this.clock.nowMs + ms;
  }
}
