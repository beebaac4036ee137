import { DROP_LENGTH, DROP_NONE, DROP_SEAL, DROP_UNSEALED } from "./drops.js";
import type { FrameReader } from "./frame-reader.js";
import { BODY_BYTES_LEAST, FLAG_SEALED, IN_SYNC_BYTES_LEAST } from "./frame.js";
import { FLAG_WINDOW, OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN } from "../table/states.js";
import { NO_RECEIVER, SEAL_BYTES, type Sealer } from "./sealer.js";

// What `check` returns for a frame that the sealer unsealed.
/** The frame is new. */
export const FRESH = 0;
/** The frame was accepted before, or is too old for the window. */
export const REPLAYED = 1;
/** It is unknown when the frame was sent: its sender must echo a counter of this start first. */
export const UNPROVEN = 2;

/** The window: the guard knows for this many counters below the highest whether their frames arrived. */
const WINDOW_FRAMES = 32;
/**
 * A counter may be this far above the highest one. A counter above that may be of
 * an earlier start under the same revision, if the node has no storage: each
 * start begins its counters at another random number.
 */
const AHEAD_MAX = 0xffff;

const REVISION = 0;
const HIGHEST = 1;
/** Bit n is set when the frame with the counter HIGHEST - n arrived. */
const ARRIVED = 2;
/** The last counter of this node that the peer echoed. */
const ECHOED = 3;
const WORDS = 4;
/** Addresses of strangers that are noted, and of which the application is notified, in one start. */
const STRANGERS_MAX = 4;
/** Rounds after which the application is notified of a stranger, if no live node has the address by then. */
const STRANGER_ROUNDS = 8;
// Of a stranger.
const STRANGER_ADDRESS = 0;
/** 0: the entry is free; then the round in which to notify, and at last NOTIFIED. */
const STRANGER_ROUND = 1;
const STRANGER_WORDS = 2;
const NOTIFIED = 0xffffffff;

/** Addresses of which a proof is awaited at one time. */
const PROOFS_MAX = 4;
/** Proofs that the node requests between two rounds. */
const PROOFS_PER_ROUND = 64;
// Of an awaited proof.
const PROOF_ID = 0;
const PROOF_ADDRESS = 1;
/** 0: the entry is free. PROOF_SENT is added when the SYN was sent. */
const PROOF_PORT = 2;
/** Counter of the SYN that the node at the address must echo. */
const PROOF_COUNTER = 3;
const PROOF_WORDS = 4;
const PROOF_SENT = 0x10000;

/** A marker of time lasts this long. */
const MARKER_MS = 5000;
// Words behind the tables.
/** Counter of the last frame before the last marker, and before the marker before that. */
const MARKER = 0;
const OLDER_MARKER = 1;
/** Engine time of the last marker, a multiple of MARKER_MS. */
const MARKED_MS = 2;
/** Rounds so far, from 1 on. */
const ROUND = 3;
const PROOFS_LEFT = 4;
const NEXT_PROOF = 5;
const REST_WORDS = 6;

/** Senders without a row whose answers were accepted last. */
const RECENT_SENDERS = 8;
/** The id of a recent sender, in place of the window. */
const ID = ARRIVED;

/**
 * Accepts only frames that were sealed with the network's key, and each only once.
 * Per peer it keeps the highest counter and a window below it, as IPsec does (RFC
 * 4303, section 3.4.3). It opens a window only for a frame that answers one of
 * this node's recent frames, whose counters begin at random at each start. It also
 * knows which addresses a node has yet to prove (PROTOCOL 7).
 */
export class ReplayGuard {
  private readonly sealer: Sealer;
  private readonly rows: Rows;
  /** The windows of all rows, then the recent senders, the strangers, the awaited proofs, and the rest. */
  private readonly words: Uint32Array;
  private readonly recentAt: number;
  private readonly strangersAt: number;
  /** Whether the last stranger's frame was sealed, with another key. */
  isStrangerSealed = false;
  /** Recent senders so far, evicted ones included. */
  private recentCount = 0;
  /** The highest counter that an evicted recent sender, or a node whose row was removed, has echoed. */
  private evictedEcho = 0;
  private hasEvicted = false;
  private readonly proofsAt: number;
  private readonly restAt: number;

  constructor(sealer: Sealer, rows: Rows) {
    this.sealer = sealer;
    this.rows = rows;
    this.recentAt = rows.capacity * WORDS;
    this.strangersAt = this.recentAt + RECENT_SENDERS * WORDS;
    this.proofsAt = this.strangersAt + STRANGERS_MAX * STRANGER_WORDS;
    this.restAt = this.proofsAt + PROOFS_MAX * PROOF_WORDS;
    this.words = new Uint32Array(this.restAt + REST_WORDS);
    this.countRound();
  }

  /** A round begins: proofs may be requested again. */
  countRound(): void {
    this.words[this.restAt + ROUND]++;
    this.words[this.restAt + PROOFS_LEFT] = PROOFS_PER_ROUND;
  }

  /**
   * Marks each 5 s up to which counter frames were sent, so that `isRecent` knows those of the last 5 to 10 s.
   *
   * @param nowMs engine time
   * @param counter of the last frame that this node sent
   */
  mark(nowMs: number, counter: number): void {
    const at = this.restAt;
    const elapsedMs = (nowMs - this.words[at + MARKED_MS]) >>> 0;
    if (elapsedMs < MARKER_MS) return;
    this.words[at + OLDER_MARKER] = elapsedMs < 2 * MARKER_MS ? this.words[at + MARKER] : counter;
    this.words[at + MARKER] = counter;
    this.words[at + MARKED_MS] = nowMs - elapsedMs % MARKER_MS;
  }

  /** Whether this node sent the frame with this counter in the last 5 to 10 s. */
  isRecent(counter: number): boolean {
    return ((counter - this.words[this.restAt + OLDER_MARKER]) | 0) > 0;
  }

  /**
   * Unseals a frame in place, after `parseHead`. Returns a drop reason. After
   * DROP_NONE the frame is shorter by SEAL_BYTES.
   */
  unseal(frame: FrameReader, bytes: Uint8Array, length: number): number {
    if ((frame.flags & FLAG_SEALED) === 0) return DROP_UNSEALED;
    // In the least time: it cannot be a frame.
    const bodyBytes = frame.isAckInSync() ? IN_SYNC_BYTES_LEAST : BODY_BYTES_LEAST;
    if (length < frame.headLength + SEAL_BYTES + bodyBytes) return DROP_LENGTH;
    const receiver = frame.isUnaddressed() ? NO_RECEIVER : this.rows.id(OWN_SLOT);
    const plain = this.sealer.unseal(bytes, frame.headLength, length, receiver);
    return plain === length - SEAL_BYTES ? DROP_NONE : DROP_SEAL;
  }

  /** Seals a frame in place. Returns its new length. @param receiver id of the receiver, or NO_RECEIVER */
  seal(bytes: Uint8Array, headLength: number, length: number, room: number, receiver: number): number {
    return this.sealer.seal(bytes, headLength, length, room, receiver);
  }

  /**
   * A good frame of a node came from another address than is held. Returns whether to send a SYN there, whose answer
   * proves the address. False if one was sent in the last 5 to 10 s, or too many since the last round.
   */
  requestProof(id: number, address: number, port: number): boolean {
    const words = this.words;
    let at = this.findProof(id, address, port);
    if (at >= 0 && (words[at + PROOF_PORT] < PROOF_SENT || this.isRecent(words[at + PROOF_COUNTER]))) return false;
    if (words[this.restAt + PROOFS_LEFT] === 0) return false;
    words[this.restAt + PROOFS_LEFT]--;
    if (at < 0) at = this.proofsAt + (words[this.restAt + NEXT_PROOF]++ % PROOFS_MAX) * PROOF_WORDS;
    words[at + PROOF_ID] = id;
    words[at + PROOF_ADDRESS] = address;
    words[at + PROOF_PORT] = port;
    return true;
  }

  /** A SYN to a node was sent: its answer is the proof that was requested for this address, if any. */
  noteSyn(id: number, address: number, port: number, counter: number): void {
    const at = this.findProof(id, address, port);
    if (at < 0 || this.words[at + PROOF_PORT] >= PROOF_SENT) return;
    this.words[at + PROOF_PORT] = port | PROOF_SENT;
    this.words[at + PROOF_COUNTER] = counter;
  }

  /** Whether a good frame is the proof that its sender has this address. It counts once. */
  takeProof(frame: FrameReader, address: number, port: number): boolean {
    const at = this.findProof(frame.id, address, port);
    if (at < 0 || this.words[at + PROOF_PORT] < PROOF_SENT || !frame.isAnswer()) return false;
    if (this.words[at + PROOF_COUNTER] !== frame.inReplyTo) return false;
    this.words[at + PROOF_PORT] = 0;
    return true;
  }

  private findProof(id: number, address: number, port: number): number {
    for (let at = this.proofsAt; at < this.restAt; at += PROOF_WORDS) {
      const isSame = this.words[at + PROOF_ID] === id && this.words[at + PROOF_ADDRESS] === address;
      if (isSame && (this.words[at + PROOF_PORT] & 0xffff) === port) return at;
    }
    return -1;
  }

  /**
   * Returns FRESH, REPLAYED or UNPROVEN. After FRESH the frame counts as arrived.
   *
   * @param slot of the sender's row; -1 when there is none
   * @param answers whether the frame answers one of this node's frames of the last 5 to 10 s
   */
  check(frame: FrameReader, slot: number, answers: boolean): number {
    // Anybody may have got it before, also this node.
    if (frame.isUnaddressed()) return UNPROVEN;
    const at = slot * WORDS;
    const isKnown = slot >= 0 && this.rows.hasFlag(slot, FLAG_WINDOW);
    if (isKnown && frame.revision === this.words[at + REVISION]) {
      if (this.acceptsCounter(at, frame.counter)) {
        if (answers) this.noteEcho(at, frame.inReplyTo);
        return FRESH;
      }
      if (this.hasArrived(at, frame.counter)) return REPLAYED;
    }
    // Below the window, or of another start: only an echo newer than the last one shows that the frame is current.
    const isNew = isKnown ? ((frame.inReplyTo - this.words[at + ECHOED]) | 0) > 0 : this.isNewOfRecent(frame);
    if (answers && isNew) {
      if (slot >= 0) this.admit(frame, slot);
      else this.noteRecent(frame);
      return FRESH;
    }
    return frame.isAnswer() ? REPLAYED : UNPROVEN;
  }

  /** Opens a window for a sender whose row arrived with its answer. */
  admitSender(frame: FrameReader): void {
    const slot = this.rows.find(frame.id);
    if (slot >= 0 && frame.isAnswer() && !this.rows.hasFlag(slot, FLAG_WINDOW)) this.admit(frame, slot);
  }

  private admit(frame: FrameReader, slot: number): void {
    const at = slot * WORDS;
    // A row that was removed had this slot: its node's answers stay refused.
    if (this.isLeftOver(slot)) this.raiseEvictedEcho(this.words[at + ECHOED]);
    this.rows.setFlag(slot, FLAG_WINDOW);
    this.words[at + REVISION] = frame.revision;
    this.words[at + HIGHEST] = frame.counter;
    // Frames sent before count as arrived: they were refused, or it is unknown when they were sent.
    this.words[at + ARRIVED] = 0xffffffff;
    this.words[at + ECHOED] = frame.inReplyTo;
  }

  /**
   * A datagram arrived that this node does not unseal: notes its source, each address once. If the frame is sealed, it
   * may be for the node that had this node's address before. A live node's address is therefore not noted.
   */
  noteStranger(address: number, isSealed: boolean): void {
    let free = -1;
    for (let at = this.strangersAt; at < this.proofsAt; at += STRANGER_WORDS) {
      if (this.words[at + STRANGER_ROUND] === 0) free = at;
      else if (this.words[at + STRANGER_ADDRESS] === address) return;
    }
    if (free < 0 || address === 0 || (isSealed && this.isLive(address))) return;
    this.words[free + STRANGER_ADDRESS] = address;
    this.words[free + STRANGER_ROUND] = isSealed ? this.words[this.restAt + ROUND] + STRANGER_ROUNDS : 1;
  }

  /** The address of the next stranger to notify the application of; 0 when there is none. */
  nextStranger(): number {
    for (let at = this.strangersAt; at < this.proofsAt; at += STRANGER_WORDS) {
      const round = this.words[at + STRANGER_ROUND];
      if (round === 0 || round > this.words[this.restAt + ROUND]) continue;
      const address = this.words[at + STRANGER_ADDRESS];
      const isMember = round > 1 && this.isLive(address);
      this.words[at + STRANGER_ROUND] = isMember ? 0 : NOTIFIED;
      this.isStrangerSealed = round > 1;
      if (!isMember) return address;
    }
    return 0;
  }

  private isLive(address: number): boolean {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (rows.address(slot) === address && slot !== OWN_SLOT && rows.state(slot) < DOWN) return true;
    }
    return false;
  }

  /**
   * Whether an answer of a sender without a window is new. An answer without its
   * sender's row opens no window, so the last 8 such senders are kept apart. For
   * any other sender, the echo must be newer than those of all evicted ones.
   */
  private isNewOfRecent(frame: FrameReader): boolean {
    const at = this.findRecent(frame.id);
    if (at < 0) return this.isNewOfEvicted(frame.inReplyTo);
    return this.words[at + REVISION] === frame.revision
      ? ((frame.counter - this.words[at + HIGHEST]) | 0) > 0
      : ((frame.inReplyTo - this.words[at + ECHOED]) | 0) > 0;
  }

  private noteRecent(frame: FrameReader): void {
    let at = this.findRecent(frame.id);
    if (at < 0) {
      at = this.recentAt + (this.recentCount % RECENT_SENDERS) * WORDS;
      if (this.recentCount >= RECENT_SENDERS) this.raiseEvictedEcho(this.words[at + ECHOED]);
      this.recentCount++;
    }
    this.words[at + ID] = frame.id;
    this.words[at + REVISION] = frame.revision;
    this.words[at + HIGHEST] = frame.counter;
    this.words[at + ECHOED] = frame.inReplyTo;
  }

  /** Whether an echo is newer than those of evicted recent senders, and than those of nodes whose rows were removed. */
  private isNewOfEvicted(inReplyTo: number): boolean {
    if (this.hasEvicted && ((inReplyTo - this.evictedEcho) | 0) <= 0) return false;
    for (let slot = 0; slot < this.rows.capacity; slot++) {
      if (this.isLeftOver(slot) && ((inReplyTo - this.words[slot * WORDS + ECHOED]) | 0) <= 0) return false;
    }
    return true;
  }

  /** Whether the window of a slot is that of a row that was removed. */
  private isLeftOver(slot: number): boolean {
    const isOpen = this.rows.isHeld(slot) && this.rows.hasFlag(slot, FLAG_WINDOW);
    return !isOpen && this.words[slot * WORDS + ARRIVED] !== 0;
  }

  private raiseEvictedEcho(echoed: number): void {
    if (!this.hasEvicted || ((echoed - this.evictedEcho) | 0) > 0) this.evictedEcho = echoed;
    this.hasEvicted = true;
  }

  private findRecent(id: number): number {
    const count = this.recentCount < RECENT_SENDERS ? this.recentCount : RECENT_SENDERS;
    for (let i = 0; i < count; i++) {
      const at = this.recentAt + i * WORDS;
      if (this.words[at + ID] === id) return at;
    }
    return -1;
  }

  private acceptsCounter(at: number, counter: number): boolean {
    const ahead = (counter - this.words[at + HIGHEST]) | 0;
    if (ahead > AHEAD_MAX) return false;
    if (ahead > 0) {
      this.words[at + ARRIVED] = ahead >= WINDOW_FRAMES ? 1 : (this.words[at + ARRIVED] << ahead) | 1;
      this.words[at + HIGHEST] = counter;
      return true;
    }
    if (ahead <= -WINDOW_FRAMES || this.hasArrived(at, counter)) return false;
    this.words[at + ARRIVED] |= 1 << -ahead;
    return true;
  }

  private hasArrived(at: number, counter: number): boolean {
    const behind = (this.words[at + HIGHEST] - counter) | 0;
    return behind >= 0 && behind < WINDOW_FRAMES && (this.words[at + ARRIVED] & (1 << behind)) !== 0;
  }

  private noteEcho(at: number, inReplyTo: number): void {
    if (((inReplyTo - this.words[at + ECHOED]) | 0) > 0) this.words[at + ECHOED] = inReplyTo;
  }
}
