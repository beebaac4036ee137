import { DROP_NONE, DROP_SEAL, DROP_UNSEALED } from "./drops.js";
import type { FrameReader } from "./frame-reader.js";
import { FLAG_SEALED } from "./frame.js";
import { FLAG_WINDOW, type Rows } from "../table/rows.js";
import { SEAL_BYTES, type Sealer } from "./sealer.js";

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
/** Addresses of strangers of which the application is notified, in one start. */
const STRANGERS_MAX = 4;
/** Senders without a row whose answers were accepted last. */
const RECENT_SENDERS = 8;
/** The id of a recent sender, in place of the window. */
const ID = ARRIVED;

/**
 * Accepts only frames that were sealed with the network's key, and each only once.
 * Per peer it keeps the highest counter and a window below it, as IPsec does (RFC
 * 4303, section 3.4.3). It opens a window only for a frame that answers one of
 * this node's frames, whose counters begin at random at each start (PROTOCOL 7).
 */
export class ReplayGuard {
  private readonly sealer: Sealer;
  private readonly rows: Rows;
  /** The windows of all rows, then the recent senders, then the addresses of strangers. */
  private readonly words: Uint32Array;
  private readonly recentAt: number;
  private readonly strangersAt: number;
  /** Recent senders so far, evicted ones included. */
  private recentCount = 0;
  /** The highest counter that an evicted recent sender has echoed. */
  private evictedEcho = 0;
  private strangers = 0;
  private strangersNotified = 0;

  constructor(sealer: Sealer, rows: Rows) {
    this.sealer = sealer;
    this.rows = rows;
    this.recentAt = rows.capacity * WORDS;
    this.strangersAt = this.recentAt + RECENT_SENDERS * WORDS;
    this.words = new Uint32Array(this.strangersAt + STRANGERS_MAX);
  }

  /**
   * Unseals a frame in place, after `parseHead`. Returns a drop reason. After
   * DROP_NONE the frame is shorter by SEAL_BYTES.
   */
  unseal(frame: FrameReader, bytes: Uint8Array, length: number): number {
    if ((frame.flags & FLAG_SEALED) === 0) return DROP_UNSEALED;
    const plain = this.sealer.unseal(bytes, frame.headLength, length);
    return plain === length - SEAL_BYTES ? DROP_NONE : DROP_SEAL;
  }

  /** Seals a frame in place. Returns its new length. */
  seal(bytes: Uint8Array, headLength: number, length: number, room: number): number {
    return this.sealer.seal(bytes, headLength, length, room);
  }

  /**
   * Returns FRESH, REPLAYED or UNPROVEN. After FRESH the frame counts as arrived.
   *
   * @param slot of the sender's row; -1 when there is none
   * @param answers whether the frame answers one of this node's last 1,024 frames
   */
  check(frame: FrameReader, slot: number, answers: boolean): number {
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
    this.rows.setFlag(slot, FLAG_WINDOW);
    this.words[at + REVISION] = frame.revision;
    this.words[at + HIGHEST] = frame.counter;
    // Frames sent before count as arrived: they were refused, or it is unknown when they were sent.
    this.words[at + ARRIVED] = 0xffffffff;
    this.words[at + ECHOED] = frame.inReplyTo;
  }

  /** A datagram arrived that the network's key does not unseal: notes its source, each address once. */
  noteStranger(address: number): void {
    const first = this.strangersAt;
    if (this.strangers === STRANGERS_MAX) return;
    for (let i = 0; i < this.strangers; i++) {
      if (this.words[first + i] === address) return;
    }
    this.words[first + this.strangers++] = address;
  }

  /** Whether there is a stranger to notify the application of. */
  hasStranger(): boolean {
    return this.strangersNotified < this.strangers;
  }

  /** The address of the next stranger to notify the application of. */
  nextStranger(): number {
    return this.words[this.strangersAt + this.strangersNotified++];
  }

  /**
   * Whether an answer of a sender without a window is new. An answer without its
   * sender's row opens no window, so the last 8 such senders are kept apart. For
   * any other sender, the echo must be newer than those of all evicted ones.
   */
  private isNewOfRecent(frame: FrameReader): boolean {
    const at = this.findRecent(frame.id);
    if (at < 0) return this.recentCount <= RECENT_SENDERS || ((frame.inReplyTo - this.evictedEcho) | 0) > 0;
    return this.words[at + REVISION] === frame.revision
      ? ((frame.counter - this.words[at + HIGHEST]) | 0) > 0
      : ((frame.inReplyTo - this.words[at + ECHOED]) | 0) > 0;
  }

  private noteRecent(frame: FrameReader): void {
    let at = this.findRecent(frame.id);
    if (at < 0) {
      at = this.recentAt + (this.recentCount % RECENT_SENDERS) * WORDS;
      const echoed = this.words[at + ECHOED];
      const isHigher = this.recentCount === RECENT_SENDERS || ((echoed - this.evictedEcho) | 0) > 0;
      if (this.recentCount >= RECENT_SENDERS && isHigher) this.evictedEcho = echoed;
      this.recentCount++;
    }
    this.words[at + ID] = frame.id;
    this.words[at + REVISION] = frame.revision;
    this.words[at + HIGHEST] = frame.counter;
    this.words[at + ECHOED] = frame.inReplyTo;
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
