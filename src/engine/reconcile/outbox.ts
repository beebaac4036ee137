import {
  FEEDS_HASH_BYTES, FLAG_ADVERTISED, FLAG_BROADCAST, FLAG_CHALLENGE, FLAG_IN_SYNC, FLAG_NETWORK, FLAG_SEALED,
  FLAG_UNADDRESSED, LIMITS_BYTES_MAX, NETWORK_HASH_BYTES, NO_NETWORK, SECTION_INDIRECT_ACK, SECTION_LIMITS,
  SECTION_MESSAGE, SECTION_PING_REQ, TYPE_ACK, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN, limitsOf, sectionHead,
} from "../wire/frame.js";
import { FrameWriter } from "../wire/frame-writer.js";
import type { FeedOutbox } from "../feed/feed-outbox.js";
import type { Links } from "../wire/links.js";
import type { ReplayGuard } from "../wire/replay-guard.js";
import {
  ANSWER, ANSWER_BYTES_LEFT, BURST_MOST, DATAGRAM_BYTES_MAX, FRAMES_LEFT, HEAD_FLAGS, INTENTS, INTENT_COUNT,
  INTENT_NEXT, MARKED_COUNT, NETWORK, SUMMARIZED_AT, TO_SEND_COUNT, TO_SEND_NEXT, WANTS_AT, WANT_COUNT, WANT_NEXT,
} from "../table/node-words.js";
import { FLAG_ADDRESS_GIVEN, FLAG_TO_SEND, LIST_TO_SEND, OWN_SLOT, type Rows } from "../table/rows.js";
import type { Media } from "../table/subnets.js";
import { NO_RECEIVER, SEAL_BYTES } from "../wire/sealer.js";
import { SummaryWriter } from "./summary-writer.js";
import { showsLimits, writeOpening } from "./opening.js";
import { ANY_TRANSMITS, transmitsOnDemand, writeUpdates } from "./updates.js";
import { noteWakingDiff } from "./waking.js";
import { addWant, writeWants } from "./wants.js";
import { WINDOW_BYTES, datagramsFor, openWindow, writeWindow } from "./window.js";
import type { FrameReader } from "../wire/frame-reader.js";
import type { WordPool } from "../word-pool.js";
import {
  ABOUT, ABOUT_MASK, ABOUT_SHIFT, ADDRESS, ANSWERED, ANSWER_IN_SYNC, ANSWER_LIMITS, ANSWER_OFFER, ANSWER_SAME_LIMITS,
  ANSWER_UPDATED, ANSWER_WAKING, ANSWER_WANTS_CUT, ANSWER_WINDOW, ANY_BYTES, BARE, BURST_MAX, BURST_OF_BOARD, DETAIL,
  FLAGS, FLAGS_ON_WIRE, MAY_VOUCH, NO_PLACE, PORT, RECEIVER, TYPE_SHIFT, WITH_LIMITS, WITH_SKETCH, WITH_SUMMARY, WORDS,
  type Datagram, type MessageSections, wantsMax,
} from "./outbox-words.js";

export { BURST_MAX, type Datagram, outboxWords } from "./outbox-words.js";

/**
 * What the current input makes the node send: up to 4 intents, one per receiver,
 * and for the peer that is answered the rows it lacks and the ids wanted from it.
 * `next` writes the frames, so an outbox needs no buffers. The next input drops
 * frames that the caller did not fetch.
 */
export class Outbox extends SummaryWriter {
  private readonly writer: FrameWriter;
  private declare readonly replayGuard: ReplayGuard | undefined;
  /** Undefined in a node without feeds. */
  private declare readonly feeds: FeedOutbox | undefined;
  /** Undefined in a node without messages. */
  declare messages: MessageSections | undefined;
  /** Undefined in a node that does not measure its links. */
  declare links: Links | undefined;
  /** Counter of the last frame sent. Each frame of a start has another one. */
  counter = 0;

  /**
   * @param replayGuard seals the frames, if there is one
   * @param pool has `outboxWords(datagramBytesMax, rows.capacity)` free
   * @param network hash of the network's name, a uint32; without it, or with NO_NETWORK, it has none
   */
  constructor(
    rows: Rows, datagramBytesMax: number, replayGuard: ReplayGuard | undefined, pool: WordPool,
    feed?: FeedOutbox, network?: number, burstMax?: number,
  ) {
    const hash = network ?? NO_NETWORK;
    const moreBytes = (feed === undefined ? 0 : FEEDS_HASH_BYTES) + (hash === NO_NETWORK ? 0 : 1);
    const least = rows.media === undefined ? datagramBytesMax : Math.min(datagramBytesMax, rows.media.bytesMaxLeast);
    super(rows, least - (replayGuard === undefined ? 0 : SEAL_BYTES) - moreBytes, pool);
    if (replayGuard !== undefined) this.replayGuard = replayGuard;
    this.writer = new FrameWriter();
    if (feed !== undefined) {
      this.feeds = feed;
      this.writer.feeds = feed;
    }
    const words = rows.words;
    words[DATAGRAM_BYTES_MAX] = datagramBytesMax;
    words[WANTS_AT] = pool.alloc(wantsMax(datagramBytesMax));
    words[BURST_MOST] = burstMax ?? BURST_OF_BOARD;
    const sealed = replayGuard === undefined ? 0 : FLAG_SEALED;
    words[HEAD_FLAGS] = hash === NO_NETWORK ? sealed : sealed | FLAG_NETWORK;
    words[NETWORK] = hash;
  }

  /** Sets the counter: the next frame has the number after `from`. */
  count(from: number): void {
    this.counter = from;
    this.rows.words[SUMMARIZED_AT] = from;
  }

  /**
   * Whether an answered frame is the last one with a summary of all rows, or a
   * later one. Otherwise the answer to that summary is still on its way, and two
   * threads of the exchange would send everything twice.
   */
  answersSummary(answered: number): boolean { return ((answered - this.rows.words[SUMMARIZED_AT]) | 0) >= 0; }

  /** Drops what the last input left unsent. */
  clear(): void {
    const rows = this.rows;
    const words = rows.words;
    const sent = words[TO_SEND_COUNT];
    for (let i = 0; i < sent; i++) rows.clearFlag(rows.listed(LIST_TO_SEND, i), FLAG_TO_SEND);
    words[TO_SEND_COUNT] = 0;
    words[TO_SEND_NEXT] = 0;
    words[WANT_COUNT] = 0;
    words[WANT_NEXT] = 0;
    words[INTENT_COUNT] = 0;
    words[INTENT_NEXT] = 0;
    words[FRAMES_LEFT] = BURST_MAX;
    words[ANSWER] = 0;
    words[ANSWER_BYTES_LEFT] = ANY_BYTES;
    this.writer.withFeeds = false;
    this.clearSummary();
    if (this.feeds !== undefined) this.feeds.clear();
    if (this.messages !== undefined) this.messages.clear();
  }

  /** Limits the answer to one datagram of at most `bytes`. */
  limitAnswer(bytes: number): void { this.rows.words[ANSWER_BYTES_LEFT] = bytes; }

  /**
   * PROTOCOL 5.4: a proven peer gets as many datagrams as it takes at a time. The answer to a burst that was too short
   * shows how many this node takes.
   */
  openBurst(frame: FrameReader, isProven: boolean): void {
    noteWakingDiff(this.rows, this, frame);
    if (isProven) this.rows.words[FRAMES_LEFT] = datagramsFor(this.rows.words, frame);
    if (openWindow(this.rows.words, frame)) this.rows.words[ANSWER] |= ANSWER_WINDOW;
  }
  /** The answer carries no updates: a frame that was not accepted must not use up their transmits. */
  withholdUpdates(): void { this.rows.words[ANSWER] |= ANSWER_UPDATED; }
  /** The answer goes to a node that sleeps: it carries no updates, and has MORE if it is limited. */
  answerWaking(): void { this.rows.words[ANSWER] |= ANSWER_UPDATED | ANSWER_WAKING; }
  /** PROTOCOL 5.3: the answer has the updates that SYNs leave out. If all fit, the peer shows its rows, if need be. */
  offerUpdates(): void {
    if (this.rows.mostTransmitsLeft(transmitsOnDemand(this.rows) + 1) > 0) this.rows.words[ANSWER] |= ANSWER_OFFER;
  }
  /** The answered peer has feeds: fingerprints for it are over rows and feeds. */
  fingerprintFeeds(): void { this.writer.withFeeds = true; }
  /** The SYN has the hashes of this node: the answer has no updates and, if these are `all`, no hashes. */
  answerInSync(all: boolean): void {
    this.rows.words[ANSWER] |= all ? ANSWER_UPDATED | ANSWER_IN_SYNC : ANSWER_UPDATED;
  }
  /** The answer shows this node's limits (PROTOCOL 5.7). @param shown the limits in the answered frame, or NO_LIMITS */
  sendLimits(shown: number): void {
    const own = limitsOf(this.rows.valueBytesMax, this.eventBytesMax(), this.rows.capacity);
    this.rows.words[ANSWER] |= shown === own ? ANSWER_LIMITS | ANSWER_SAME_LIMITS : ANSWER_LIMITS;
  }
  hasRoom(): boolean { return this.rows.words[INTENT_COUNT] < BURST_MAX; }
  intentsLeft(): number { return BURST_MAX - this.rows.words[INTENT_COUNT]; }
  /** Whether there is something for the answered peer. */
  hasAnswer(): boolean {
    if (this.feeds !== undefined && this.feeds.isPending()) return true;
    const words = this.rows.words;
    return words[TO_SEND_COUNT] > 0 || words[WANT_COUNT] > 0 || words[MARKED_COUNT] > 0
      || (words[ANSWER] & ANSWER_LIMITS) !== 0;
  }

  /** Adds a row for the answered peer. Rows are sent in the order of the calls. */
  send(slot: number): void {
    const rows = this.rows;
    const count = rows.words[TO_SEND_COUNT];
    if (rows.listToSend(count, slot)) rows.words[TO_SEND_COUNT] = count + 1;
  }

  /** Wants the answered peer's row of a node. Ids that do not fit are wanted in a later exchange. */
  want(id: number): void {
    const words = this.rows.words;
    if (!addWant(words, wantsMax(words[DATAGRAM_BYTES_MAX]), id)) words[ANSWER] |= ANSWER_WANTS_CUT;
  }

  /** @param slot of the receiver's row, which goes first if it is not UP; 0 for none */
  addSyn(address: number, port: number, flags: number, slot: number): void {
    const isKnown = slot === OWN_SLOT ? !this.isNamed() : !showsLimits(this.rows, slot);
    const unaddressed = slot === OWN_SLOT && this.replayGuard !== undefined ? FLAG_UNADDRESSED : 0;
    const all = flags | unaddressed | (isKnown ? 0 : WITH_LIMITS);
    this.add(TYPE_SYN, address, port, all, slot, 0, this.rows.id(slot));
  }

  /**
   * A SYN to the node in `slot`, which is UP: a ping request for the node `id`.
   *
   * @param mayVouch whether the receiver's word is enough: this node never reached that node
   */
  addPingReq(id: number, slot: number, mayVouch: boolean): void {
    const rows = this.rows;
    const flags = (SECTION_PING_REQ << ABOUT_SHIFT) | this.limitsIfNamed() | (mayVouch ? MAY_VOUCH : 0);
    this.add(TYPE_SYN, rows.address(slot), rows.port(slot), flags, OWN_SLOT, id, rows.id(slot));
  }

  /** A SYN to the node in `slot`, with the message in a place. */
  addMessage(slot: number, place: number): void {
    const rows = this.rows;
    const flags = (SECTION_MESSAGE << ABOUT_SHIFT) | (showsLimits(rows, slot) ? WITH_LIMITS : 0);
    this.add(TYPE_SYN, rows.address(slot), rows.port(slot), flags, slot, place, rows.id(slot));
  }

  /** A DIFF that answers the ping request of the node in `slot`: the node `id` lives. @param answered its counter */
  addIndirectAck(id: number, slot: number, answered: number): void {
    const rows = this.rows;
    const about = SECTION_INDIRECT_ACK << ABOUT_SHIFT;
    this.add(TYPE_DIFF, rows.address(slot), rows.port(slot), about, id, answered, rows.id(slot));
  }

  /** PROTOCOL 3.4: only with LIMITS does a node apply a frame of a sender whose limits it does not know. */
  private limitsIfNamed(): number { return this.isNamed() ? WITH_LIMITS : 0; }
  /** Whether the network has a name. */
  private isNamed(): boolean { return (this.rows.words[HEAD_FLAGS] & FLAG_NETWORK) !== 0; }

  /** A LEAVE. @param slot of the receiver; OWN_SLOT for any node there, which if sealed has not merged the row yet */
  addLeave(address: number, port: number, slot: number): void {
    if (slot === OWN_SLOT && this.replayGuard !== undefined) return;
    this.add(TYPE_LEAVE, address, port, this.limitsIfNamed(), 0, 0, this.rows.id(slot));
  }

  /**
   * A SYN without sections: a sign of life; in a sealed network, to find out whether a node is at an address.
   *
   * @param receiver id of that node; without meaning in a network that is not sealed
   */
  addSign(address: number, port: number, receiver: number): void {
    this.add(TYPE_SYN, address, port, 0, BARE, 0, receiver);
  }

  /**
   * @param withSummary whether it shows all rows
   * @param answered counter of the answered frame
   * @param receiver id of that frame's sender
   */
  addAnswer(
    type: number, address: number, port: number, flags: number, withSummary: boolean, answered: number,
    receiver: number,
  ): void {
    // PROTOCOL 3.5: a peer that lacks the row of an advertising node could only answer to the source of the datagram.
    const isNeeded = withSummary || type === TYPE_DIFF;
    if (isNeeded && this.rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN)) this.send(OWN_SLOT);
    this.add(type, address, port, flags, withSummary ? WITH_SUMMARY : 0, answered, receiver);
  }

  /** Writes the next frame into `out`. Returns false when there is none. */
  next(out: Datagram): boolean {
    if (this.rows.words[INTENT_NEXT] === this.rows.words[INTENT_COUNT]) return false;
    const words = this.rows.words;
    const left = FRAMES_LEFT;
    if (words[left] === 0) return false;
    words[left]--;
    const at = INTENTS + words[INTENT_NEXT] * WORDS;
    const typeAndPort = words[at + PORT];
    const type = typeAndPort >>> TYPE_SHIFT;
    const address = words[at + ADDRESS];
    const port = typeAndPort & 0xffff;
    out.address = address;
    out.port = port;
    this.counter = (this.counter + 1) >>> 0;
    // An indirect ack does not go to the peer that is answered.
    const isAnswer = (type === TYPE_ACK || type === TYPE_DIFF) && (words[at + FLAGS] & ABOUT) === 0;
    const media = this.rows.media;
    const most = media === undefined ? words[DATAGRAM_BYTES_MAX] : this.bytesMax(media, address, port);
    const allowed = words[ANSWER_BYTES_LEFT];
    const limit = isAnswer && allowed < most ? allowed : most;
    this.beginFrame(out, at, type, limit);
    const finished = this.writeSections(at, type, isAnswer);
    if (finished || limit < most) words[INTENT_NEXT]++;
    else words[at + PORT] = (TYPE_DIFF << TYPE_SHIFT) | port;
    // On the last frame of the burst only, so that the peer continues once.
    // PROTOCOL 6.8: a node that sleeps proves its address now. 10.6: no room for events is not the same as none.
    const isMore = (words[ANSWER] & ANSWER_WAKING) !== 0 || (this.feeds !== undefined && this.feeds.isPending());
    const isOpen = finished ? this.mayContinue() : words[left] === 0;
    if (isAnswer && (isOpen || (limit < most && isMore))) this.writer.markMore();
    out.length = this.replayGuard === undefined ? this.writer.length() : this.seal(this.replayGuard, out.bytes, at);
    return true;
  }

  private beginFrame(out: Datagram, at: number, type: number, limit: number): void {
    const words = this.rows.words;
    const guard = this.replayGuard;
    const isAdvertised = this.rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN);
    const flags = (words[at + FLAGS] & FLAGS_ON_WIRE) | words[HEAD_FLAGS]
      | (isAdvertised ? FLAG_ADVERTISED : 0)
      | (type === TYPE_ACK && (words[ANSWER] & ANSWER_IN_SYNC) !== 0 ? FLAG_IN_SYNC : 0);
    this.writer.begin(
      out.bytes, guard === undefined ? limit : limit - SEAL_BYTES, type, flags, this.rows, this.counter,
      words[at + ANSWERED], words[NETWORK],
    );
    if (guard !== undefined && type === TYPE_SYN) {
      guard.noteSyn(words[at + RECEIVER], out.address, out.port, this.counter);
    }
  }

  /** Writes all sections of a frame. Returns whether nothing is left for its receiver. */
  private writeSections(at: number, type: number, isAnswer: boolean): boolean {
    const words = this.rows.words;
    const writer = this.writer;
    const extras = (words[at + FLAGS] & WITH_LIMITS) | (isAnswer ? words[ANSWER] & (ANSWER_LIMITS | ANSWER_WINDOW) : 0);
    const isPlain = extras === 0 && this.messages === undefined && this.links === undefined;
    if (!isPlain) {
      writer.reserve(this.limitsBytes(at, type, isAnswer) + this.messageBytes(at, type));
      writer.reserve(this.windowBytes(type, isAnswer));
    }
    const rowsFinished = !isAnswer || this.writeAnswer(at, type);
    if (!isAnswer) {
      writeOpening(
        this.rows, writer, this.feeds, this.counter, type, words[at + DETAIL], this.aboutOf(at), words[at + ANSWERED],
        (words[at + FLAGS] & MAY_VOUCH) !== 0,
      );
    }
    const feedsFinished = this.feeds === undefined || this.feeds.write(writer, isAnswer);
    if (!isPlain) this.writeExtras(at, type, isAnswer);
    if (type === TYPE_ACK && words[at + DETAIL] === WITH_SKETCH) this.writeSketch(writer, this.counter);
    return rowsFinished && (feedsFinished || !isAnswer);
  }

  /** Room kept for LIMITS. A SYN of a network without a name only shows them if updates leave room. */
  private limitsBytes(at: number, type: number, isAnswer: boolean): number {
    const isAnswered = isAnswer && (this.rows.words[ANSWER] & ANSWER_LIMITS) !== 0;
    // Of a LEAVE the row counts most.
    const isShown = (this.rows.words[at + FLAGS] & WITH_LIMITS) !== 0 && type !== TYPE_LEAVE;
    if (!isAnswered && !(isShown && this.isNamed())) return 0;
    return LIMITS_BYTES_MAX + (this.isNamed() ? NETWORK_HASH_BYTES : 0);
  }

  private messageBytes(at: number, type: number): number {
    const place = this.placeOf(type, at);
    return this.messages === undefined || place === NO_PLACE ? 0 : this.messages.sectionBytes(place);
  }

  private windowBytes(type: number, isAnswer: boolean): number {
    return isAnswer && type === TYPE_DIFF && (this.rows.words[ANSWER] & ANSWER_WINDOW) !== 0 ? WINDOW_BYTES : 0;
  }

  /** Writes limits, a message, what is measured of links and a window, for which room was kept. */
  private writeExtras(at: number, type: number, isAnswer: boolean): void {
    const writer = this.writer;
    const answersLimits = isAnswer && (this.rows.words[ANSWER] & ANSWER_LIMITS) !== 0;
    writer.reserve(-this.limitsBytes(at, type, isAnswer));
    if (answersLimits) this.rows.words[ANSWER] &= ~ANSWER_LIMITS;
    const isSame = (this.rows.words[ANSWER] & ANSWER_SAME_LIMITS) !== 0;
    if (answersLimits && isSame) writer.u16(sectionHead(SECTION_LIMITS, 0));
    else if (answersLimits || (this.rows.words[at + FLAGS] & WITH_LIMITS) !== 0) {
      const network = this.isNamed() ? this.rows.words[NETWORK] : NO_NETWORK;
      writer.writeLimits(this.rows.valueBytesMax, this.eventBytesMax(), this.rows.capacity, network);
    }
    const messageBytes = this.messageBytes(at, type);
    if (this.messages !== undefined && messageBytes > 0) {
      writer.reserve(-messageBytes);
      this.messages.write(writer, this.placeOf(type, at));
    }
    if (this.links !== undefined) {
      const isProbe = type === TYPE_SYN && this.rows.words[at + DETAIL] !== BARE;
      this.links.sent(isProbe, this.rows.words[at + RECEIVER], this.counter, writer);
    }
    if (this.windowBytes(type, isAnswer) === 0) return;
    writer.reserve(-WINDOW_BYTES);
    this.rows.words[ANSWER] &= ~ANSWER_WINDOW;
    writeWindow(this.rows.words, writer, this.counter);
  }

  /** The longest datagram on the way to an address. */
  private bytesMax(media: Media, address: number, port: number): number {
    media.setOwnAddress(this.rows.address(OWN_SLOT), this.rows.port(OWN_SLOT));
    return Math.min(this.rows.words[DATAGRAM_BYTES_MAX], media.bytesMax(address, port));
  }

  /** The place of the message that a SYN carries; -1 for an ACK or DIFF, which may have a HOP; NO_PLACE: neither. */
  private placeOf(type: number, at: number): number {
    if (type === TYPE_ACK || type === TYPE_DIFF) return -1;
    return this.aboutOf(at) === SECTION_MESSAGE ? this.rows.words[at + ANSWERED] : NO_PLACE;
  }

  /** Bytes of the longest event that this node holds; 0: it keeps no feeds. */
  eventBytesMax(): number { return this.feeds === undefined ? 0 : this.feeds.eventBytesMax(); }

  /**
   * Whether the peer may continue although nothing is left: more ids were wanted, more than the updates may differ, or
   * there may be more history.
   */
  private mayContinue(): boolean {
    const isOpen = (this.rows.words[ANSWER] & (ANSWER_WANTS_CUT | ANSWER_OFFER)) !== 0;
    return isOpen || (this.feeds !== undefined && this.feeds.hasSentHistory);
  }

  /** Seals the written frame. Returns its length. */
  private seal(guard: ReplayGuard, bytes: Uint8Array, at: number): number {
    const writer = this.writer;
    const isUnaddressed = writer.type === TYPE_SYN && (this.rows.words[at + FLAGS] & FLAG_UNADDRESSED) !== 0;
    const receiver = isUnaddressed ? NO_RECEIVER : this.rows.words[at + RECEIVER];
    return guard.seal(bytes, writer.headLength, writer.length(), this.rows.words[DATAGRAM_BYTES_MAX], receiver);
  }

  private add(
    type: number, address: number, port: number, flags: number, detail: number, answered: number, receiver: number,
  ): void {
    const isTrusted = (flags & FLAG_BROADCAST) !== 0 || this.rows.trusts(address);
    if (!isTrusted || this.rows.words[INTENT_COUNT] === BURST_MAX) return;
    const words = this.rows.words;
    const at = INTENTS + words[INTENT_COUNT]++ * WORDS;
    words[at + ADDRESS] = address;
    words[at + PORT] = (type << TYPE_SHIFT) | port;
    words[at + FLAGS] = flags;
    words[at + DETAIL] = detail;
    words[at + ANSWERED] = answered;
    words[at + RECEIVER] = receiver;
  }
  /** The section of one id that a frame has: SECTION_PING_REQ, SECTION_INDIRECT_ACK, or 0. */
  private aboutOf(at: number): number { return (this.rows.words[at + FLAGS] >>> ABOUT_SHIFT) & ABOUT_MASK; }

  /** Writes the sections of an answer. Returns whether nothing is left for the peer. */
  private writeAnswer(at: number, type: number): boolean {
    const words = this.rows.words;
    const hasRows = words[TO_SEND_COUNT] > 0 || (words[ANSWER] & ANSWER_UPDATED) === 0;
    const hasWants = words[WANT_COUNT] > 0;
    // Mostly in sync: then the head is all.
    if (!hasRows && !hasWants && words[at + DETAIL] === 0 && words[MARKED_COUNT] === 0) return true;
    const writer = this.writer;
    const wanted = !hasWants || writeWants(words, writer);
    const isOffer = (words[ANSWER] & ANSWER_OFFER) !== 0;
    const mayUpdate = (isOffer || type === TYPE_ACK) && (words[ANSWER] & ANSWER_UPDATED) === 0;
    if ((mayUpdate || words[TO_SEND_NEXT] < words[TO_SEND_COUNT]) && writer.beginRows()) {
      this.writeListed();
      if (mayUpdate && words[TO_SEND_NEXT] === words[TO_SEND_COUNT]) {
        words[ANSWER] |= ANSWER_UPDATED;
        // PROTOCOL 5.3: updates are mostly all that differs. If more does, the peer shows it.
        const most = isOffer ? transmitsOnDemand(this.rows) : ANY_TRANSMITS;
        if (writeUpdates(this.rows, writer, this.feeds, this.counter, -1, most, false)) words[at + DETAIL] = 0;
        else words[ANSWER] &= ~ANSWER_OFFER;
      }
      writer.endSection();
    }
    const wantsSummary = words[at + DETAIL] === WITH_SUMMARY && !this.isSummaryPending();
    const isSketched = wantsSummary && type === TYPE_ACK && this.planSketch(writer);
    if (isSketched || (wantsSummary && this.writeAll(writer, this.counter))) {
      words[at + DETAIL] = isSketched ? WITH_SKETCH : 0;
      // Anybody could cause challenges; they do not end the exchange with another peer.
      if ((words[at + FLAGS] & FLAG_CHALLENGE) === 0) words[SUMMARIZED_AT] = this.counter;
    }
    const summarized = this.writeSummary(writer, this.counter) && words[at + DETAIL] !== WITH_SUMMARY;
    return summarized && words[TO_SEND_NEXT] === words[TO_SEND_COUNT] && wanted;
  }

  /** Writes the rows for the answered peer, as many as fit. */
  private writeListed(): void {
    const rows = this.rows;
    const words = rows.words;
    const count = words[TO_SEND_COUNT];
    let next = words[TO_SEND_NEXT];
    while (next < count && this.writer.writeRow(rows, rows.listed(LIST_TO_SEND, next), false)) next++;
    words[TO_SEND_NEXT] = next;
  }
}
