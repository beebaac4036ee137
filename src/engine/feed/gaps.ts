import { DROP_NONE, DROP_SECTION } from "../wire/drops.js";
import { SECTION_GAP, SECTION_HEAD_BYTES, SECTION_HISTORY, SEQUENCE_MAX, TYPE_SYN } from "../wire/frame.js";
import type { FrameReader } from "../wire/frame-reader.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { shortTip } from "./chain.js";
import type { FeedStore } from "./feed-store.js";
import { GAP_REQUESTED, GAP_TURN, HISTORY_SENT, IS_FILLING, SEND_BELOW, SEND_HISTORY_OF } from "./state-words.js";
import type { BatchWriter } from "./batch-writer.js";

/** Most feeds that one GAP requests. */
export const GAPS_MAX = 4;

/*
 * Fills gaps (PROTOCOL 10.5): archive nodes request the events from before the floors of their
 * feeds. Such a node requests up to GAPS_MAX feeds in each of its SYNs, in turn, and requests
 * more as long as answers have new events. Every node with feeds answers such requests, with
 * batches that end just below the requested floor, the last batch first.
 *
 * The turn is kept from one input to the next. A peer's request is forgotten with the next
 * input. All this stands in words of `state-words.ts`.
 */

/** Drops what the last input requested. */
export function clearGaps(feeds: FeedStore): void {
  feeds.setState(GAP_REQUESTED, 0);
  feeds.setState(SEND_HISTORY_OF, 0);
  feeds.setState(HISTORY_SENT, 0);
}

/** Whether this node fills the gaps in its own feeds. */
export function isFilling(feeds: FeedStore): boolean { return feeds.state(IS_FILLING) !== 0; }

/** Whether an answer had history. The peer may have gaps in other feeds, too. */
export function hasSentHistory(feeds: FeedStore): boolean { return feeds.state(HISTORY_SENT) !== 0; }

/** Whether there is something to send to the answered peer. */
export function isGapPending(feeds: FeedStore): boolean { return isSending(feeds) || isRequesting(feeds); }

function isRequesting(feeds: FeedStore): boolean { return feeds.state(GAP_REQUESTED) !== 0; }
function isSending(feeds: FeedStore): boolean { return feeds.state(SEND_HISTORY_OF) !== 0; }

/**
 * Handles a section GAP that `checkGap` found well-formed. The peer gets the first feed of
 * which this node holds more.
 *
 * @param isOwnWithheld whether the own feed is withheld
 */
export function handleGap(feeds: FeedStore, rows: Rows, frame: FrameReader, isOwnWithheld: boolean): void {
  while (frame.more()) {
    const slot = rows.find(frame.u32());
    const generation = frame.varint();
    const floor = frame.varint();
    const tip = frame.u16();
    const isSent = slot >= 0 && (slot !== OWN_SLOT || !isOwnWithheld);
    if (isSending(feeds) || !isSent || !holdsBelow(feeds, slot, generation, floor, tip)) continue;
    feeds.setState(SEND_HISTORY_OF, slot + 1);
    feeds.setState(SEND_BELOW, floor);
  }
}

/** An answer had history of a feed. The peer may hold more of it. */
export function requestMore(feeds: FeedStore, slot: number): void {
  feeds.setState(GAP_TURN, slot);
  feeds.setState(GAP_REQUESTED, nextGap(feeds) >= 0 ? 1 : 0);
}

/**
 * Writes this node's request, and the history that the peer requested as far as it fits.
 * Returns whether nothing is left.
 *
 * @param isAnswer whether the frame goes to the peer that is answered
 */
export function writeGaps(feeds: FeedStore, writer: FrameWriter, batches: BatchWriter, isAnswer: boolean): boolean {
  if (isFilling(feeds) && (isAnswer ? isRequesting(feeds) : writer.type === TYPE_SYN)) writeGap(feeds, writer);
  return !isAnswer || !isSending(feeds) || writeHistory(feeds, writer, batches);
}

function writeGap(feeds: FeedStore, writer: FrameWriter): void {
  let passed = nextGap(feeds);
  if (passed < 0 || writer.room() < GAP_BYTES_MAX) return;
  feeds.setState(GAP_REQUESTED, 0);
  writer.beginEvents(SECTION_GAP);
  const capacity = feeds.arena.capacity;
  const start = feeds.state(GAP_TURN);
  for (let count = 0; passed >= 0 && count < GAPS_MAX && writer.room() >= ENTRY_BYTES_MAX; count++) {
    const slot = (start + passed) % capacity;
    const floor = feeds.floor(slot);
    writer.u32(feeds.author(slot));
    writer.varint(feeds.generation(slot));
    writer.varint(floor);
    writer.u16(shortTip(feeds.tipFirstAt(slot, floor - 1)));
    // If the peer has nothing of these feeds, the others have their turn before they are requested again.
    feeds.setState(GAP_TURN, (slot + 1) % capacity);
    passed = nextGapAfter(feeds, start, passed + 1);
  }
  writer.endSection();
}

function writeHistory(feeds: FeedStore, writer: FrameWriter, batches: BatchWriter): boolean {
  if (!writer.beginEvents(SECTION_HISTORY)) return false;
  const slot = feeds.state(SEND_HISTORY_OF) - 1;
  const floor = feeds.floor(slot);
  let below = feeds.state(SEND_BELOW);
  batches.begin();
  for (let before = 0; below > floor && below !== before;) {
    before = below;
    below = batches.writeHistory(writer, slot, before);
    if (below < before) feeds.setState(HISTORY_SENT, 1);
  }
  writer.endSection();
  feeds.setState(SEND_BELOW, below);
  const isDone = below <= floor;
  if (isDone) feeds.setState(SEND_HISTORY_OF, 0);
  return isDone;
}

/** The distance from `turn` to the next slot with a gap; -1: none, or too little room to request any. */
function nextGap(feeds: FeedStore): number {
  // Making room frees an eighth of the arena. With less than a quarter free, a node could lose the history that
  // it gets and request it without end.
  const arena = feeds.arena;
  const isRoomy = isFilling(feeds) && arena.room() >= arena.size() >>> REQUEST_SHIFT;
  return isRoomy ? nextGapAfter(feeds, feeds.state(GAP_TURN), 0) : -1;
}

function nextGapAfter(feeds: FeedStore, start: number, from: number): number {
  const capacity = feeds.arena.capacity;
  for (let passed = from; passed < capacity; passed++) {
    if (hasGap(feeds, (start + passed) % capacity)) return passed;
  }
  return -1;
}

function hasGap(feeds: FeedStore, slot: number): boolean {
  // What lies below the floor of a cut feed has an event that is too long.
  return slot !== OWN_SLOT && feeds.floor(slot) > 1 && feeds.sequence(slot) > 0 && feeds.isComplete(slot)
    && (!feeds.isCut(slot) || feeds.signing !== undefined);
}

/** Whether this node holds events of a feed below `floor`, and the tip before `floor` is the same. */
function holdsBelow(feeds: FeedStore, slot: number, generation: number, floor: number, tip: number): boolean {
  const isHeld = feeds.generation(slot) === generation && feeds.isComplete(slot) && feeds.floor(slot) < floor
    && feeds.sequence(slot) >= floor - 1;
  return isHeld && shortTip(feeds.tipFirstAt(slot, floor - 1)) === tip;
}

/** Checks a section GAP (PROTOCOL 10.3). Returns a drop reason. */
export function checkGap(frame: FrameReader): number {
  let count = 0;
  for (; frame.more() && count <= GAPS_MAX; count++) {
    frame.skip(4);
    frame.varint();
    const floor = frame.varint();
    if (frame.u16() === 0 || floor < 2 || floor > SEQUENCE_MAX) return DROP_SECTION;
  }
  return frame.failed || count === 0 || count > GAPS_MAX ? DROP_SECTION : DROP_NONE;
}

/** Bytes of author, generation, floor and tip. */
const ENTRY_BYTES_MAX = 16;
const GAP_BYTES_MAX = SECTION_HEAD_BYTES + ENTRY_BYTES_MAX;
/** Right shift for a quarter of the arena. */
const REQUEST_SHIFT = 2;
