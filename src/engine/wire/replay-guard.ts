import { DROP_NONE, DROP_SEAL, DROP_UNSEALED } from "./drops.js";
import type { FrameReader } from "./frame-reader.js";
import { FLAG_SEALED } from "./frame.js";
import { FLAG_WINDOW, type Rows } from "../table/rows.js";
import { SEAL_BYTES, type Sealer } from "./sealer.js";

/** What the guard thinks of a frame that its sealer could open. */
export const FRESH = 0;
/** It was taken in before, or is too old to tell. */
export const REPLAYED = 1;
/** Nobody knows when it was sent: its sender has to echo a number of this start first. */
export const UNPROVEN = 2;

/** Frames before the highest counter of which is known whether they came. */
const WINDOW_FRAMES = 32;
/**
 * A counter may be so far above the highest one. Beyond it may be that of an
 * earlier start under the same revision, of a node that has no storage: each
 * start has its counters from another random number on.
 */
const AHEAD_MAX = 0xffff;

const REVISION = 0;
const HIGHEST = 1;
/** Bit n is set when the frame with the counter HIGHEST - n came. */
const CAME = 2;
/** The last counter of this node's own that the peer has echoed. */
const ECHOED = 3;
const WORDS = 4;
/** Addresses of strangers of which the application is told, in one start. */
const STRANGERS_MAX = 4;
/** Senders without a row whose answers were believed last. */
const RECENT_SENDERS = 8;
/** Of a guest, beside its REVISION and the HIGHEST counter of it: in place of CAME. */
const ID = CAME;

/**
 * Lets only frames in that were sealed with the network's key, each of them
 * once. Per peer it keeps the highest counter and a window below it, as IPsec
 * does (RFC 4303, section 3.4.3); it opens that window only for a frame that
 * answers one of this node's, whose counters begin at random at each start.
 */
export class ReplayGuard {
  private readonly sealer: Sealer;
  private readonly rows: Rows;
  /** The windows of all rows, then the guests, then the addresses of strangers. */
  private readonly words: Uint32Array;
  private readonly recentAt: number;
  private readonly strangersAt: number;
  /** Guests so far. */
  private recentCount = 0;
  /** The highest counter that a guest has echoed of whom nothing is known any more. */
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
   * Opens a frame in place whose head was read. Returns a drop reason; the frame
   * is shorter then by SEAL_BYTES.
   */
  unseal(frame: FrameReader, bytes: Uint8Array, length: number): number {
    if ((frame.flags & FLAG_SEALED) === 0) return DROP_UNSEALED;
    const opened = this.sealer.unseal(bytes, frame.headLength, length);
    return opened === length - SEAL_BYTES ? DROP_NONE : DROP_SEAL;
  }

  /** Seals a frame in place. Returns its new length. */
  seal(bytes: Uint8Array, headLength: number, length: number, room: number): number {
    return this.sealer.seal(bytes, headLength, length, room);
  }

  /**
   * Judges a frame and, if it is fresh, notes that it came.
   *
   * @param slot the row of its sender; -1 when there is none
   * @param answers whether it answers one of this node's last frames
   */
  check(frame: FrameReader, slot: number, answers: boolean): number {
    const at = slot * WORDS;
    const isKnown = slot >= 0 && this.rows.hasFlag(slot, FLAG_WINDOW);
    if (isKnown && frame.revision === this.words[at + REVISION]) {
      if (this.acceptsCounter(at, frame.counter)) {
        if (answers) this.noteEcho(at, frame.inReplyTo);
        return FRESH;
      }
      if (this.hasCome(at, frame.counter)) return REPLAYED;
    }
    // A counter below the window, or another start of the peer: an echo newer than the last one shows that it is now.
    const isNew = isKnown ? ((frame.inReplyTo - this.words[at + ECHOED]) | 0) > 0 : this.isNewOfRecent(frame);
    if (answers && isNew) {
      if (slot >= 0) this.admit(frame, slot);
      else this.noteRecent(frame);
      return FRESH;
    }
    return frame.isAnswer() ? REPLAYED : UNPROVEN;
  }

  /** Opens the window of a peer that has just answered. */
  admit(frame: FrameReader, slot: number): void {
    const at = slot * WORDS;
    this.rows.setFlag(slot, FLAG_WINDOW);
    this.words[at + REVISION] = frame.revision;
    this.words[at + HIGHEST] = frame.counter;
    // What was sent before counts as come: it was refused, or nobody knows when it was sent.
    this.words[at + CAME] = 0xffffffff;
    this.words[at + ECHOED] = frame.inReplyTo;
  }

  /** Something came that this network's key does not open: notes from where, each address once. */
  noteStranger(address: number): void {
    const first = this.strangersAt;
    if (this.strangers === STRANGERS_MAX) return;
    for (let i = 0; i < this.strangers; i++) {
      if (this.words[first + i] === address) return;
    }
    this.words[first + this.strangers++] = address;
  }

  /** Whether there is a stranger of whom the application was not told. */
  hasStranger(): boolean {
    return this.strangersNotified < this.strangers;
  }

  /** The address of the next stranger to tell of. */
  nextStranger(): number {
    return this.words[this.strangersAt + this.strangersNotified++];
  }

  /**
   * Whether an answer of a node whose window is not open was not believed yet.
   * An answer that did not bring its sender's row leaves no window behind, so
   * the last of such senders are kept apart; of one that is not among them, only
   * echoes count that are newer than all that were forgotten.
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
      this.words[at + CAME] = ahead >= WINDOW_FRAMES ? 1 : (this.words[at + CAME] << ahead) | 1;
      this.words[at + HIGHEST] = counter;
      return true;
    }
    if (ahead <= -WINDOW_FRAMES || this.hasCome(at, counter)) return false;
    this.words[at + CAME] |= 1 << -ahead;
    return true;
  }

  private hasCome(at: number, counter: number): boolean {
    const behind = (this.words[at + HIGHEST] - counter) | 0;
    return behind >= 0 && behind < WINDOW_FRAMES && (this.words[at + CAME] & (1 << behind)) !== 0;
  }

  private noteEcho(at: number, inReplyTo: number): void {
    if (((inReplyTo - this.words[at + ECHOED]) | 0) > 0) this.words[at + ECHOED] = inReplyTo;
  }
}
