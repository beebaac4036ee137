import {
  countBetween, feedFingerprint, rangeEnd, rangeFingerprint, rosterFingerprint,
} from "../table/fingerprints.js";
import { compareFreshness } from "../table/freshness.js";
import { orderKey } from "../table/hash.js";
import type { OwnRow } from "../table/own-row.js";
import { FLAG_AWAITS_VALUE, FLAG_HEARD } from "../table/row-flags.js";
import {
  FLAG_NEIGHBOUR, FLAG_PROVEN, FLAG_REMOTE, FLAG_TO_SEND, MERGED_FRESHER, MERGED_NOTHING, OWN_SLOT, type RowData,
  type Rows,
} from "../table/rows.js";
import { STATE_MASK } from "../table/row-layout.js";
import { CHECKED } from "../table/row-data.js";
import { completeRow } from "../table/row-check.js";
import { DOWN, LEFT, UP, isCounted } from "../table/states.js";
import { type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import {
  FLAG_MORE, FLAG_OF_MESSAGE, SECTION_DIGEST, SECTION_RANGE_FINGERPRINTS, SECTION_ROW_FINGERPRINTS, SECTION_SKETCH,
  SECTION_WANT, TYPE_ACK, TYPE_LEAVE, TYPE_SYN, rangeFrom,
} from "../wire/frame.js";
import type { ReplayGuard } from "../wire/replay-guard.js";
import type { Outbox } from "./outbox.js";
import { placeInSketch } from "./sketch.js";
import { showsSameFeeds } from "./waking.js";

/*
 * What the head and the sections of a frame show of the sender's rows, compared
 * with the rows of this node: rows that the sender lacks are sent, rows that this
 * node lacks are wanted. The steps are those of PROTOCOL 5.2.
 */

/**
 * Step 1: updates the sender's address, and sends the sender its row if it moved or is not held as UP.
 * Returns whether the sender proved another address (PROTOCOL 5.5).
 *
 * @param guard in a sealed network, where an address needs a proof
 */
export function observeSender(
  rows: Rows, outbox: Outbox, frame: FrameReader, slot: number, guard: ReplayGuard | undefined, address: number,
  port: number,
): boolean {
  const hasMoved = !rows.isAt(slot, address, port);
  if (guard !== undefined && hasMoved) return observeMove(rows, outbox, frame, slot, guard, address, port);
  // A LEAVE has its sender's row, and does not show whether the sender advertises an address.
  const isMove = hasMoved && frame.type !== TYPE_LEAVE
    && rows.hasStatement(slot, frame.revision, frame.heartbeat);
  if (isMove) rows.setAddress(slot, address, port);
  const word = rows.word(slot);
  const isUp = (word & STATE_MASK) === 0 || rows.state(slot) === UP;
  if (isMove || !isUp) outbox.send(slot);
  if ((word & FLAG_HEARD) === 0) rows.setFlag(slot, FLAG_HEARD);
  if (frame.isAnswer() && !hasMoved) proveNeighbour(rows, slot);
  // Who is heard may hear this node again: it is probed.
  else if ((word & FLAG_REMOTE) !== 0 && rows.trusts(address)) rows.clearFlag(slot, FLAG_REMOTE);
  return false;
}

/** A node answered from the address of its row: the address is proven, and the link works in both directions. */
function proveNeighbour(rows: Rows, slot: number): void {
  if (!rows.trusts(rows.address(slot))) return;
  rows.setFlag(slot, FLAG_PROVEN);
  rows.setFlag(slot, FLAG_NEIGHBOUR);
  rows.clearFlag(slot, FLAG_REMOTE);
}

/**
 * The sender's row was taken from this frame. Rows that came before it have no way yet: it is over the sender.
 */
export function meetSender(rows: Rows, sender: number, isAnswer: boolean): void {
  if (isAnswer) proveNeighbour(rows, sender);
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot !== OWN_SLOT && rows.via(slot) === OWN_SLOT) rows.setVia(slot, sender);
  }
}

/** A good frame came from an address that is not held. Moves the row if the frame is the proof, or requests one. */
function observeMove(
  rows: Rows, outbox: Outbox, frame: FrameReader, slot: number, guard: ReplayGuard, address: number, port: number,
): boolean {
  const isProof = guard.takeProof(frame, address, port);
  if (isProof) {
    rows.setAddress(slot, address, port);
    proveNeighbour(rows, slot);
  } else if (frame.type !== TYPE_LEAVE && outbox.intentsLeft() > 1 && guard.requestProof(frame.id, address, port)) {
    // The last place in the outbox is for the answer.
    outbox.addSign(address, port, frame.id);
  }
  if (isProof || rows.state(slot) > UP) outbox.send(slot);
  return isProof;
}

/**
 * PROTOCOL 5.2, step 3: whether a row without an address is to be merged. One that has a check is completed from the
 * row that is held, or wanted; one that leaves its address to the datagram has that, if it need not wait for a proof.
 *
 * @param guard in a sealed network, where an address needs a proof
 */
export function placeRow(
  rows: Rows, outbox: Outbox, row: RowData, guard: ReplayGuard | undefined, address: number, port: number,
): boolean {
  if (row.port >= CHECKED) {
    if (completeRow(rows, row)) return true;
    if (rows.find(row.id) >= 0 || rows.hasPlace(row.state)) outbox.want(row.id);
    return false;
  }
  row.address = address;
  row.port = port;
  return guard === undefined || !defersRow(rows, row);
}

/**
 * PROTOCOL 5.5: whether a row that leaves its address to the datagram has to wait for the proof of that address. The
 * row of a node that left does not wait. It keeps the address that is held.
 */
function defersRow(rows: Rows, row: RowData): boolean {
  const slot = rows.find(row.id);
  if (slot < 0 || rows.isAt(slot, row.address, row.port)) return false;
  if (row.state !== LEFT) return true;
  row.address = rows.address(slot);
  row.port = rows.port(slot);
  return false;
}

/** The sender's row, if its address is the datagram's source; -1 otherwise. */
export function senderAt(rows: Rows, frame: FrameReader, address: number, port: number): number {
  const slot = rows.find(frame.id);
  return slot >= 0 && rows.isAt(slot, address, port) ? slot : -1;
}

/** Of the statements that a node brings, it gets one in so many back. */
const OWN_ROW_STATEMENTS = 8;

/** Whether the sender holds the same rows and, if both nodes have feeds, the same feeds; or did at this node's SYN. */
function holdsSame(rows: Rows, frame: FrameReader): boolean {
  const feeds = rows.feedsHash;
  if (!rows.tableHash.isShown(frame.tableHashFirst, frame.tableHashSecond)) return frame.isAckInSync();
  return feeds === undefined || frame.feedsHash === NO_FEEDS || feeds.isSame(frame.feedsHash);
}

/**
 * Whether no reconciliation begins with a frame: its sender holds the same, or the frame has a message or answers one.
 */
export function isInSync(rows: Rows, frame: FrameReader): boolean {
  return (frame.flags & FLAG_OF_MESSAGE) !== 0 || holdsSame(rows, frame);
}

/**
 * As `isInSync`, for the sender of a SYN. If it holds the same, the ACK has no updates: all of them are there already.
 */
export function isSynInSync(rows: Rows, outbox: Outbox, frame: FrameReader): boolean {
  if (!holdsSame(rows, frame)) return (frame.flags & FLAG_OF_MESSAGE) !== 0;
  // Feeds that are held to be the same may differ in events that the peer refused (PROTOCOL 10.10).
  outbox.answerInSync(showsSameFeeds(rows, frame));
  rows.countTransmits(true);
  return true;
}

/**
 * PROTOCOL 5.3: whether a DIFF has to show all rows: after an ACK that had no room for a summary, or after MORE, if
 * the frame answers the last summary and brought something.
 */
export function isSummaryDue(outbox: Outbox, frame: FrameReader, hasSummary: boolean, mayGoOn: boolean): boolean {
  if (frame.type === TYPE_ACK) {
    if (!hasSummary) outbox.offerUpdates();
    return !hasSummary;
  }
  return (frame.flags & FLAG_MORE) !== 0 && outbox.answersSummary(frame.inReplyTo) && mayGoOn;
}

/**
 * Steps 2 and 4 to 6: what a WANT, a DIGEST, fingerprints or a sketch show. Returns whether the section showed which
 * rows differ. @param row scratch
 */
export function compareSection(rows: Rows, outbox: Outbox, frame: FrameReader, row: RowData, own: OwnRow): boolean {
  if (frame.section === SECTION_SKETCH) return compareSketch(rows, outbox, frame);
  if (frame.section === SECTION_WANT) {
    sendWanted(rows, outbox, frame);
    return false;
  }
  outbox.noteSummary(frame.inReplyTo);
  if (frame.section === SECTION_DIGEST) compareDigest(rows, outbox, frame, row, own);
  else if (frame.section === SECTION_RANGE_FINGERPRINTS) compareRanges(rows, outbox, frame);
  else compareRows(rows, outbox, frame);
  return true;
}

/** Step 2, WANT: sends each row that is held. */
function sendWanted(rows: Rows, outbox: Outbox, frame: FrameReader): void {
  for (let left = (frame.end - frame.position) >>> 2; left > 0; left--) {
    const slot = rows.find(frame.u32());
    if (slot >= 0) outbox.send(slot);
  }
}

/** PROTOCOL 5.5: a row or an entry about this node. Refutes it if needed, and sends the own row if that is fresher. */
export function answerClaim(rows: Rows, outbox: Outbox, own: OwnRow, row: RowData): void {
  own.observeClaim(row);
  if (rows.compare(OWN_SLOT, row) > 0) outbox.send(OWN_SLOT);
}

/**
 * Step 3: the sender of a row holds what this node now holds, and its feed. The row does not ride along on the ACK,
 * but for each eighth statement of the sender itself: it learns its address from that (PROTOCOL 5.5). If this node held
 * the row, too, one transmit fewer is left.
 */
export function notePeerHolds(
  rows: Rows, outbox: Outbox, frame: FrameReader, feed: { agrees(slot: number): boolean } | undefined,
  slot: number, id: number, merged: number,
): void {
  if (slot < 0 || (feed !== undefined && !feed.agrees(slot))) return;
  const isOwn = id === frame.id && merged === MERGED_FRESHER;
  // For a node that sleeps it would be another datagram.
  if (isOwn && rows.heartbeat(slot) % OWN_ROW_STATEMENTS === 0 && !rows.isAsleep(OWN_SLOT)) outbox.send(slot);
  if (frame.type === TYPE_SYN) rows.notePeerHolds(slot);
  else if (merged === MERGED_NOTHING) rows.countTransmit(slot);
}

/** Step 4: walks the sender's list and the rows in the same range, both sorted by order key. @param row scratch */
function compareDigest(rows: Rows, outbox: Outbox, frame: FrameReader, row: RowData, own: OwnRow): void {
  let place = rows.placeOf(frame.digestFrom);
  while (frame.more()) {
    frame.readDigestEntry(row);
    place = sendUnlisted(rows, outbox, place, orderKey(row.id));
    if (row.id === rows.id(OWN_SLOT)) answerClaim(rows, outbox, own, row);
    else compareEntry(rows, outbox, row);
    compareFeed(rows, outbox, frame, row.id);
    if (place < rows.count && rows.id(rows.slotAt(place)) === row.id) place++;
  }
  sendUnlisted(rows, outbox, place, frame.digestTo + 1);
}

/** Sends the rows from a place on, up to but without an order key: the digest does not list them. */
function sendUnlisted(rows: Rows, outbox: Outbox, from: number, key: number): number {
  let place = from;
  for (; place < rows.count && rows.orderKeyAt(place) < key; place++) {
    const slot = rows.slotAt(place);
    if (isCounted(rows.state(slot))) outbox.send(slot);
  }
  return place;
}

function compareEntry(rows: Rows, outbox: Outbox, row: RowData): void {
  const slot = rows.find(row.id);
  const order = slot < 0 ? -1 : rows.compare(slot, row);
  if (order > 0) outbox.send(slot);
  else if (order === 0 || isSuspected(rows, slot, row)) rows.countTransmit(slot);
  else if (slot >= 0 || rows.hasPlace(row.state)) outbox.want(row.id);
}

/** PROTOCOL 10.3: sends the row whose feed has another fingerprint. The sender then shows which node holds more. */
function compareFeed(rows: Rows, outbox: Outbox, frame: FrameReader, id: number): void {
  const events = frame.events;
  const slot = events !== undefined && events.claim.isPresent ? rows.find(id) : -1;
  if (slot < 0 || events === undefined) return;
  if (feedFingerprint(rows, slot, frame.counter) !== events.claim.tip) outbox.send(slot);
}

/** Whether this node doubts or suspects a node that the sender has as DOWN or REMOVE under the same statement. */
function isSuspected(rows: Rows, slot: number, row: RowData): boolean {
  return slot >= 0 && rows.state(slot) > UP && rows.state(slot) < DOWN && row.state >= DOWN
    && rows.hasStatement(slot, row.revision, row.heartbeat);
}

/** Step 5: sends row fingerprints of the ranges whose fingerprints differ. */
function compareRanges(rows: Rows, outbox: Outbox, frame: FrameReader): void {
  const log = frame.rangesLog();
  if (!isComparable(rows, frame)) return;
  outbox.beginSummary(log, SECTION_ROW_FINGERPRINTS);
  let start = 0;
  for (let range = 0; range < 1 << log; range++) {
    const end = rangeEnd(rows, start, range, log);
    const own = rangeFingerprint(rows, start, end, frame.counter, frame.isOverFeeds());
    if (own !== frame.readFingerprint()) outbox.markRange(range);
    start = end;
  }
}

/** Step 6: sends the rows that differ where both nodes hold the same ids; marks the other ranges for a DIGEST. */
function compareRows(rows: Rows, outbox: Outbox, frame: FrameReader): void {
  const log = frame.rangesLog();
  if (!isComparable(rows, frame)) return;
  outbox.beginSummary(log, SECTION_DIGEST);
  while (frame.more()) {
    const range = frame.varint();
    const count = frame.varint();
    const roster = frame.u8();
    const start = rows.placeOf(rangeFrom(range, log));
    const end = rangeEnd(rows, start, range, log);
    if (countBetween(rows, start, end) === count && rosterFingerprint(rows, start, end) === roster) {
      sendDifferent(rows, outbox, frame, start, end);
    } else {
      outbox.markRange(range);
      frame.skip(count);
    }
  }
}

/** Step 6: sends the rows at the places that a sketch shows. Returns whether this node holds a row at each of them. */
function compareSketch(rows: Rows, outbox: Outbox, frame: FrameReader): boolean {
  const count = outbox.locate(frame);
  let found = 0;
  let last = 0;
  for (let at = 0; at < rows.count && count >= 0; at++) {
    if (!rows.isCountedAt(at)) continue;
    const place = placeInSketch(rows.orderKeyAt(at));
    if (!outbox.isLocated(count, place)) continue;
    sendDiffering(rows, outbox, frame, rows.slotAt(at));
    if (place !== last) found++;
    last = place;
  }
  if (found !== count) return false;
  // The sender holds all other rows.
  for (let at = 0; at < rows.count; at++) {
    const slot = rows.slotAt(at);
    if (rows.isCountedAt(at) && !rows.hasFlag(slot, FLAG_TO_SEND)) rows.countTransmit(slot);
  }
  return true;
}

/** A node without feeds cannot compare fingerprints over rows and feeds. No peer sends it any. */
function isComparable(rows: Rows, frame: FrameReader): boolean {
  return !frame.isOverFeeds() || rows.feedsHash !== undefined;
}

function sendDifferent(rows: Rows, outbox: Outbox, frame: FrameReader, start: number, end: number): void {
  for (let place = start; place < end; place++) {
    if (!rows.isCountedAt(place)) continue;
    const slot = rows.slotAt(place);
    // The sender compares this row with its own. If its own is fresher, it sends that back.
    if (rangeFingerprint(rows, place, place + 1, frame.counter, frame.isOverFeeds()) !== frame.readFingerprint()) {
      sendDiffering(rows, outbox, frame, slot);
    } else rows.countTransmit(slot);
  }
}

/** Sends a row that differs from the sender's, unless only the feed can, and the sender sent events of that in vain. */
function sendDiffering(rows: Rows, outbox: Outbox, frame: FrameReader, slot: number): void {
  const events = frame.events;
  const isRowSame = rows.tableHash.isShown(frame.tableHashFirst, frame.tableHashSecond);
  if (!isRowSame || events === undefined || !events.isVain(slot)) outbox.send(slot);
}

/**
 * Step 7: wants the sender's row if the head of a SYN or an ACK shows a fresher statement than is held, or if its
 * value is still awaited.
 *
 * @param slot of the sender's row; -1: there is none
 */
export function wantSender(rows: Rows, outbox: Outbox, frame: FrameReader, slot: number): void {
  // PROTOCOL 6.8: a node that sleeps gets what changed, and no heartbeats.
  if (frame.type !== TYPE_SYN && rows.isAsleep(OWN_SLOT)) return;
  let isWanted: boolean;
  if (slot < 0) isWanted = rows.hasPlace(UP);
  else if (rows.hasStatement(slot, frame.revision, frame.heartbeat)) isWanted = rows.hasFlag(slot, FLAG_AWAITS_VALUE);
  else {
    const order = compareFreshness(rows.revision(slot), rows.heartbeat(slot), UP, frame.revision, frame.heartbeat, UP);
    isWanted = order < 0;
  }
  if (isWanted) outbox.want(frame.id);
}
