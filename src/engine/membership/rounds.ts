import { type Clock, earlier } from "../clock.js";
import { BURST_MAX, type Outbox } from "../reconcile/outbox.js";
import {
  ANSWERS_LEFT, EARLY_PROBES, INDIRECT_PROBES, IS_PARTIAL, LOCAL_HEALTH, PASS_LENGTH, PROBE_COUNT, RECEIVED_MS,
  ROUNDS_TO_RETRY, ROUND_DEADLINE, SEARCH_ROUNDS, SPREAD_DEADLINE, SPREAD_WANTED, TRIES,
} from "../table/node-words.js";
import { FLAG_CONFIRMED, FLAG_HEARD, FLAG_WITNESSED } from "../table/row-flags.js";
import { randomBelow } from "../table/random.js";
import { ANSWERS_MAX } from "../table/answers.js";
import { FLAG_PROBED, FLAG_PROVEN, FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import { UP } from "../table/states.js";
import { FLAG_BROADCAST } from "../wire/frame.js";
import type { FrameReader } from "../wire/frame-reader.js";
import {
  earlyDeadline, endEarlyProbe, hasEarlyProbe, isEarlyProbeDue, startEarlyProbes, takeEarlyRound,
} from "./early-probes.js";
import { addIndirectProbe, answerIndirectProbes, hasIndirectProbe } from "./indirect-probes.js";
import { countLiveSeeds, countLost, isLiveSeed, isManyDown, lostAt } from "./lost-nodes.js";
import {
  countInReach, isLivePeer, isPartial, nextProbed, setNeighboursMax, updatePartial,
} from "./probe-order.js";
import { ATTEMPTS_MAX, DIRECT_ATTEMPTS, Probes } from "./probes.js";
import { sendPingRequests } from "./ping-requests.js";
import { nextHop } from "./routes.js";
import { SPREAD_PEERS, sendUrgent } from "./urgent.js";

/** Every eighth round also tries a DOWN or remote row or a seed, for ever, so that split networks merge again. */
export const RETRY_ROUNDS = 8;
/** Its base-2 logarithm. As TRIES begins with 0, retries are in each round at first: each seed may know others. */
const RETRY_LOG_MAX = 3;
/** Tries in a row without a live row after which each second one is a broadcast, although there are seeds. */
const LONE_TRIES = 8;
const LONE_SHIFT = 2;
/** Rounds between two tries while many rows are DOWN: the network may be split. */
const SPLIT_ROUNDS = 2;
/** Rounds in which a node that lost a neighbour looks for others, at most. */
const SEARCH_ROUNDS_MAX = 64;
/** Of the tries then, and of those in a partial network, one in so many is a broadcast. */
const SEARCH_BROADCAST = 4;
/** The same in a node that has live rows, but none at the addresses of the seeds that the user gave. */
const CUT_OFF_BROADCAST = 2;
/** What is to spread at once: nothing. */
const SPREAD_NONE = 0;
/** An own update. */
const SPREAD_OWN = 1;
/** Also an urgent update of another node: again and again, until it has no transmits left. */
const SPREAD_URGENT = 2;
/** The highest local health: a node that receives nothing restarts 7 probes before it suspects other nodes. */
const LOCAL_HEALTH_MAX = 7;
/** ACKs and DIFFs that the node answers between two rounds. */
const ANSWERS_PER_ROUND = 512;

/**
 * Which nodes a node probes, and when: one live node each round, a DOWN row or a seed in some rounds, 3 live nodes at
 * an own update, and every probed node again until it answers.
 */
export class Rounds extends Probes {
  private readonly outbox: Outbox;

  /**
   * @param rows know the clock
   * @param neighboursMax nodes that the node probes in turn at most
   */
  constructor(rows: Rows, outbox: Outbox, neighboursMax: number) {
    super(rows, (rows.clock as Clock).roundIntervalMs);
    this.outbox = outbox;
    rows.words[ROUNDS_TO_RETRY] = 1;
    rows.words[ANSWERS_LEFT] = ANSWERS_PER_ROUND;
    setNeighboursMax(rows, neighboursMax);
  }

  /** Of the rows, so that no property takes 16 bytes of a board's RAM. */
  private get clock(): Clock { return this.rows.clock as Clock; }
  /**
   * Local health, 0 to LOCAL_HEALTH_MAX, 0 = healthy. It rises by 1 with each failed probe during which no frame of any
   * node arrived, and falls by 1 with each answered probe (after Dadgar, Phillips, Currey: Lifeguard, 2017, IV-A).
   */
  get localHealth(): number { return this.rows.words[LOCAL_HEALTH]; }
  private get roundDeadline(): number { return this.rows.words[ROUND_DEADLINE]; }
  private set roundDeadline(deadline: number) { this.rows.words[ROUND_DEADLINE] = deadline; }
  private get roundsToRetry(): number { return this.rows.words[ROUNDS_TO_RETRY]; }
  private set roundsToRetry(rounds: number) { this.rows.words[ROUNDS_TO_RETRY] = rounds; }
  /** Rounds left that each try a row that is DOWN or remote: a neighbour was lost, so others may be in reach. */
  private get searchRounds(): number { return this.rows.words[SEARCH_ROUNDS]; }
  private set searchRounds(rounds: number) { this.rows.words[SEARCH_ROUNDS] = rounds; }
  private get spreadDeadline(): number { return this.rows.words[SPREAD_DEADLINE]; }
  private set spreadDeadline(deadline: number) { this.rows.words[SPREAD_DEADLINE] = deadline; }
  /** SPREAD_NONE, SPREAD_OWN or SPREAD_URGENT. */
  private get spreadWanted(): number { return this.rows.words[SPREAD_WANTED]; }
  private set spreadWanted(wanted: number) { this.rows.words[SPREAD_WANTED] = wanted; }

  /** The first round comes within a quarter of the interval, so that nodes powered on together do not send in step. */
  start(): void {
    this.roundDeadline = this.clock.nowMs + randomBelow(this.rows.words, this.clock.roundIntervalMs >>> 2);
    this.spreadDeadline = this.clock.nowMs;
  }

  nextDeadline(): number {
    const words = this.rows.words;
    const deadline = words[ROUND_DEADLINE];
    const round = words[PROBE_COUNT] === 0 ? deadline : this.earliestProbe(deadline);
    const next = hasEarlyProbe(words, EARLY_PROBES) ? earlier(round, earlyDeadline(words, EARLY_PROBES)) : round;
    return words[SPREAD_WANTED] === SPREAD_NONE ? next : earlier(next, words[SPREAD_DEADLINE]);
  }


  /**
   * A frame of a node arrived, if sealed an answer: it answers this node's probes and the ping requests of peers.
   *
   * @param slot of the node's row; -1: there is none
   */
  answered(slot: number, id: number, address: number, port: number): void {
    const rows = this.rows;
    const words = rows.words;
    const clock = rows.clock as Clock;
    words[RECEIVED_MS] = clock.nowMs;
    const isAnswer = words[PROBE_COUNT] > 0 && this.removeAnswered(id, address, port, clock);
    if (isAnswer && words[LOCAL_HEALTH] > 0) words[LOCAL_HEALTH]--;
    if (hasIndirectProbe(words, INDIRECT_PROBES, clock.nowMs)) {
      answerIndirectProbes(words, INDIRECT_PROBES, id, rows, clock, this.outbox);
    }
    if (slot >= 0) rows.clearFlag(slot, FLAG_PROBED);
  }

  /** A neighbour does not answer any more: this node may have moved. */
  lostNeighbour(): void {
    const rows = this.rows.count;
    this.searchRounds = rows < SEARCH_ROUNDS_MAX ? rows : SEARCH_ROUNDS_MAX;
  }

  /** A node has another address: probes sent to the old one start again. */
  moved(id: number): void { this.restartMoved(id, this.clock.nowMs); }

  /** Whether the answer to a SYN of this peer may be longer than the SYN allows: 14 times between two rounds. */
  mayAnswerInFull(slot: number): boolean { return this.rows.countAnswer(slot) <= ANSWERS_MAX; }

  /** Whether an ACK or a DIFF may be answered: 512 times between two rounds, for peers that never agree. */
  mayContinue(): boolean {
    const words = this.rows.words;
    if (words[ANSWERS_LEFT] === 0) return false;
    words[ANSWERS_LEFT]--;
    return true;
  }

  /**
   * PING-REQ: probes the first node in the section, if this node holds it as live and the peer's address is proven.
   * For a peer that never reached that node a word is enough, if this node knows more of it than the peer told.
   */
  handlePingReq(frame: FrameReader, address: number, port: number): void {
    const rows = this.rows;
    const sender = rows.find(frame.id);
    if (sender < 0 || !rows.hasFlag(sender, FLAG_PROVEN) || !frame.more()) return;
    // Without a key, anybody could request probes in the name of a peer.
    if (rows.address(sender) !== address || rows.port(sender) !== port) return;
    const id = frame.readId();
    const mayVouch = frame.more() && frame.readId() === frame.id;
    const slot = rows.find(id);
    // The last place in the outbox is for the answer.
    if (slot < 0 || !isLivePeer(rows, slot) || this.outbox.intentsLeft() < 2) return;
    if (rows.hasFlag(slot, FLAG_REMOTE)) {
      const hop = nextHop(rows, slot);
      // Where most reach most, somebody should have heard it.
      const isConfirmed = isPartial(this.rows) && rows.hasFlag(slot, FLAG_CONFIRMED) && rows.state(slot) === UP;
      if (mayVouch && isConfirmed && hop >= 0 && hop !== sender) this.outbox.addIndirectAck(id, sender, frame.counter);
      return;
    }
    this.sendSyn(slot);
    const deadline = this.clock.nowMs + this.clock.roundIntervalMs;
    addIndirectProbe(this.rows.words, INDIRECT_PROBES, id, frame.id, frame.counter, deadline);
  }

  /** INDIRECT-ACK: a peer received frames of these nodes, or vouches for them. They are not to be suspected. */
  handleIndirectAck(frame: FrameReader): void {
    while (frame.more()) {
      const slot = this.rows.find(frame.readId());
      if (slot <= OWN_SLOT) continue;
      this.rows.setFlag(slot, FLAG_WITNESSED);
      this.rows.clearFlag(slot, FLAG_PROBED);
    }
  }

  /** PROTOCOL 6.5: sends LEAVEs to the next nodes of the pass, as many as a burst allows; without any, to seeds. */
  leave(): void {
    for (let i = 0; i < BURST_MAX; i++) {
      const slot = nextProbed(this.rows);
      if (slot >= 0) this.outbox.addLeave(this.rows.address(slot), this.rows.port(slot), slot);
    }
    // Who got a SYN of this node may show it already, before its answer is here.
    for (let i = this.probeCount - 1; i >= 0; i--) {
      if (!this.isProbeKnown(i)) this.outbox.addLeave(this.probeAddress(i), this.probePort(i), OWN_SLOT);
    }
  }

  /** PROTOCOL 6.8: asks a live node for what is new, best that in the slot `peer`; without any it tries an address. */
  ask(peer: number): void {
    const slot = peer >= 0 && isLivePeer(this.rows, peer) ? peer : nextProbed(this.rows);
    if (slot >= 0) this.sendSyn(slot);
    else this.retry(false);
  }

  /** Whether a round is due and the outbox has room for it. */
  isRoundDue(): boolean { return this.clock.isDue(this.roundDeadline) && this.outbox.hasRoom(); }

  /** PROTOCOL 6.1: probes the next live node, and in some rounds tries a row or address that is not live. */
  round(): void {
    const interval = this.clock.roundIntervalMs;
    const jitter = randomBelow(this.rows.words, interval >>> 2) - (interval >>> 3);
    this.roundDeadline = this.clock.nowMs + interval + jitter;
    this.rows.words[ANSWERS_LEFT] = ANSWERS_PER_ROUND;
    this.rows.clearAnswers();
    updatePartial(this.rows);
    const isOwed = takeEarlyRound(this.rows.words, EARLY_PROBES);
    const slot = isOwed ? OWN_SLOT : nextProbed(this.rows);
    if (slot > OWN_SLOT) this.probe(slot);
    this.roundsToRetry--;
    if (this.searchRounds > 0) {
      this.searchRounds--;
      this.roundsToRetry = 0;
    }
    if (slot < 0 || this.localHealth === LOCAL_HEALTH_MAX || this.roundsToRetry <= 0) this.retry(slot < 0);
  }

  /**
   * Sends a SYN to the node of a row. If the node is not being probed yet, this is the first attempt of a probe.
   * Returns false when the outbox is full.
   */
  probe(slot: number): boolean {
    if (!this.outbox.hasRoom()) return false;
    const rows = this.rows;
    if (!rows.trusts(rows.address(slot))) return true;
    const id = rows.id(slot);
    this.sendSyn(slot);
    if (this.hasProbe(id)) return true;
    if (this.areProbesFull()) this.drop(0);
    this.addProbe(true, id, rows.address(slot), rows.port(slot), this.clock.nowMs);
    rows.setFlag(slot, FLAG_PROBED);
    rows.clearFlag(slot, FLAG_HEARD);
    rows.clearFlag(slot, FLAG_WITNESSED);
    return true;
  }

  /**
   * PROTOCOL 6.2: works on probes whose deadline has passed. Returns the slot of a node that did not answer; -1 when no
   * more probes are due. The caller calls until -1.
   */
  nextSilent(): number {
    const nowMs = this.clock.nowMs;
    let index = this.dueProbe(this.clock);
    while (index >= 0 && this.outbox.hasRoom()) {
      const slot = this.slotOf(index);
      const attempt = this.probeAttempt(index);
      if (slot >= 0 && this.rows.isAsleep(slot)) {
        this.drop(index);
      } else if (attempt < ATTEMPTS_MAX) {
        this.retransmit(index, slot);
        const needsWitness = slot >= 0 && !this.rows.hasFlag(slot, FLAG_WITNESSED);
        if (attempt >= DIRECT_ATTEMPTS && needsWitness) sendPingRequests(this.rows, this.outbox, slot);
        this.noteRetransmission(index, nowMs, this.localHealth);
      } else if (slot >= 0 && !this.rows.hasFlag(slot, FLAG_WITNESSED) && this.isSelfAtFault(index)) {
        this.rows.words[LOCAL_HEALTH]++;
        this.restartProbe(index, nowMs);
      } else {
        this.drop(index);
        if (slot >= 0) return slot;
      }
      index = this.dueProbe(this.clock);
    }
    return -1;
  }

  /** PROTOCOL 6.4: an own update is to spread. Returns whether at once: not if one did an eighth of a round ago. */
  requestSpread(): boolean {
    if (this.spreadWanted === SPREAD_NONE) this.spreadWanted = SPREAD_OWN;
    return this.clock.isDue(this.spreadDeadline) && !this.rows.isAsleep(OWN_SLOT);
  }

  /** PROTOCOL 6.1: this node learnt something new. In a large network it passes that on at once. */
  hasten(): void {
    const rows = this.rows;
    const words = rows.words;
    if (rows.isAsleep(OWN_SLOT) || words[IS_PARTIAL] !== 0) return;
    startEarlyProbes(words, EARLY_PROBES, words[PASS_LENGTH], rows.clock as Clock);
  }

  /** A doubt, a suspicion and a refutation do not wait for the rounds of each node on the way. */
  hurry(): void {
    const wanted = this.spreadWanted;
    this.spreadWanted = SPREAD_URGENT;
    if (wanted !== SPREAD_NONE) return;
    // A deadline in the past would look as if this node had stood still.
    if (this.clock.isDue(this.spreadDeadline)) this.spreadDeadline = this.clock.nowMs;
  }

  /** Whether many nodes were out of reach in the last round. */
  wasPartial(): boolean { return isPartial(this.rows); }
  /** Whether many nodes are out of reach, counted now. */
  isPartial(): boolean {
    updatePartial(this.rows);
    return isPartial(this.rows);
  }

  /** Whether an own update that had to wait, or an early probe, is due and the outbox has room for it. */
  isSpreadDue(): boolean {
    const isDue = this.isWantedSpreadDue() || isEarlyProbeDue(this.rows.words, EARLY_PROBES, this.clock);
    return isDue && this.outbox.hasRoom();
  }

  private isWantedSpreadDue(): boolean {
    return this.spreadWanted !== SPREAD_NONE && this.clock.isDue(this.spreadDeadline);
  }

  /** Probes 3 live nodes at once; without any it tries a row or address that is not live. Sends early probes, too. */
  spread(): void {
    if (isEarlyProbeDue(this.rows.words, EARLY_PROBES, this.clock)) this.probeEarly();
    if (!this.isWantedSpreadDue()) return;
    const isUrgent = this.spreadWanted === SPREAD_URGENT;
    this.spreadWanted = SPREAD_NONE;
    this.spreadDeadline = this.clock.nowMs + (this.clock.roundIntervalMs >>> 3);
    if (isUrgent && !isPartial(this.rows)) {
      if (sendUrgent(this.rows, this.outbox) && this.rows.hasUrgentUpdate()) this.hurry();
      return;
    }
    for (let i = 0; i < SPREAD_PEERS && this.outbox.hasRoom(); i++) {
      const slot = nextProbed(this.rows);
      if (slot < 0) {
        this.retry(true);
        return;
      }
      // A node that is being probed gets the update with its answer or with the next attempt.
      if (!this.hasProbe(this.rows.id(slot))) this.probe(slot);
    }
    if (isUrgent && this.rows.hasUrgentUpdate()) this.hurry();
  }

  /** Probes a node earlier than planned: a later round probes none. */
  private probeEarly(): void {
    const slot = nextProbed(this.rows);
    endEarlyProbe(this.rows.words, EARLY_PROBES, slot >= 0 && this.probe(slot), this.clock);
  }

  /** Whether there is room to probe a node that another node accuses: half of the places are for the rounds. */
  mayProbeAccused(): boolean {
    return !isPartial(this.rows) && this.hasHalfOfProbes() && this.outbox.intentsLeft() > 1;
  }

  /** Tries one row or address that is not live. @param isAlone whether no row is live, so that a seed is probed */
  private retry(isAlone: boolean): void {
    const words = this.rows.words;
    this.roundsToRetry = 1 << (words[TRIES] & RETRY_LOG_MAX);
    if (this.roundsToRetry > SPLIT_ROUNDS && isManyDown(this.rows)) this.roundsToRetry = SPLIT_ROUNDS;
    const mayBroadcast = this.broadcastAddress !== 0;
    const pinned = this.pinned;
    const live = countLiveSeeds(this.rows, this);
    // A broadcast may reach nodes that none in reach holds, unless all given seeds are live. Alone, seeds come first.
    const isOpen = mayBroadcast && (pinned === 0 || (!isAlone && live < pinned));
    // Nodes that have each other, but none of their seeds, may have moved together.
    const isCutOff = pinned > 0 && live === 0;
    const isSearch = isCutOff || this.searchRounds > 0 || isPartial(this.rows);
    const oneIn = isCutOff ? CUT_OFF_BROADCAST : SEARCH_BROADCAST;
    const isBroadcast = isOpen && isSearch && randomBelow(words, oneIn) === 0;
    // Who found a node without seeds may not reach all that it reaches. Who hears nobody for long is alone.
    const isFirst = pinned === 0 && words[TRIES] === 0;
    const isLone = this.countTry(isAlone || this.localHealth === LOCAL_HEALTH_MAX);
    if (((isLone || isFirst) && mayBroadcast) || isBroadcast) {
      this.broadcast();
      return;
    }
    // Each second try is for a former neighbour, if there is one: the link may work again. Each fourth is for a seed
    // that the user gave, unless the node is alone and tries all in turn.
    const former = countLost(this.rows, true);
    const turn = randomBelow(this.rows.words, 4);
    if (former > 0 && turn < 2) {
      this.sendSyn(lostAt(this.rows, randomBelow(this.rows.words, former), true));
      return;
    }
    const isPinned = turn === 2 && pinned > 0 && !isAlone;
    if (isPinned && this.trySeed(randomBelow(words, pinned), pinned, isAlone)) return;
    const lost = countLost(this.rows, false);
    const seeds = this.count;
    const choices = lost + seeds + (isOpen ? 1 : 0);
    if (choices === 0) return;
    const choice = randomBelow(this.rows.words, choices);
    if (choice < lost) this.sendSyn(lostAt(this.rows, choice, false));
    else if (choice < lost + seeds) this.trySeed(choice - lost, seeds, isAlone);
    else this.broadcast();
  }

  /** Counts a try. Returns whether this one is a broadcast: each second one after LONE_TRIES without a live row. */
  private countTry(isAlone: boolean): boolean {
    const tries = this.rows.words[TRIES];
    const log = tries & RETRY_LOG_MAX;
    const lone = isAlone ? (tries >>> LONE_SHIFT) + 1 : 0;
    // Counts on from LONE_TRIES - 1, so that every second one is above LONE_TRIES - 1.
    const counted = lone > LONE_TRIES ? LONE_TRIES - 1 : lone;
    this.rows.words[TRIES] = (log < RETRY_LOG_MAX ? log + 1 : log) | (counted << LONE_SHIFT);
    return lone > LONE_TRIES;
  }

  private broadcast(): void {
    this.outbox.addSyn(this.broadcastAddress, this.ownPort, FLAG_BROADCAST, OWN_SLOT);
  }

  /** Sends a SYN to the first of `count` seeds, from `index` on, that is not the address of a live row, if any is. */
  private trySeed(index: number, count: number, isAlone: boolean): boolean {
    for (let i = 0; i < count; i++) {
      const seed = (index + i) % count;
      const address = this.address(seed);
      const port = this.port(seed);
      if (address === 0 || isLiveSeed(this.rows, this, seed)) continue;
      this.outbox.addSyn(address, port, 0, OWN_SLOT);
      if (isAlone) this.addProbe(false, 0, address, port, this.clock.nowMs);
      return true;
    }
    return false;
  }

  private sendSyn(slot: number): void { this.outbox.addSyn(this.rows.address(slot), this.rows.port(slot), 0, slot); }

  /** @param slot the node's row, which may have moved since the first attempt; -1 when there is none */
  private retransmit(index: number, slot: number): void {
    if (slot >= 0) this.sendSyn(slot);
    else this.outbox.addSyn(this.probeAddress(index), this.probePort(index), 0, OWN_SLOT);
  }

  /**
   * Whether a failed probe says more about this node than about the probed one: no frame at all has arrived since the
   * first attempt. With nobody else in reach the other node's silence explains that.
   */
  private isSelfAtFault(index: number): boolean {
    const isDeaf = ((this.rows.words[RECEIVED_MS] - this.probeSentMs(index)) | 0) <= 0;
    return isDeaf && this.localHealth < LOCAL_HEALTH_MAX && countInReach(this.rows) > 1;
  }

  private drop(index: number): void {
    const slot = this.slotOf(index);
    if (slot >= 0) this.rows.clearFlag(slot, FLAG_PROBED);
    this.removeProbe(index);
  }

  /** The row of a probed node; -1 when there is none. */
  private slotOf(index: number): number {
    return this.isProbeKnown(index) ? this.rows.find(this.probeId(index)) : -1;
  }
}
