import {
  rangeFingerprint, countBetween, feedFingerprint, rosterFingerprint, rowFingerprint,
} from "../table/fingerprints.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { SECTION_DIGEST, SECTION_ROW_FINGERPRINTS, TYPE_ACK, TYPE_SYN, rangeFrom, rangeTo } from "../wire/frame.js";
import { orderKey } from "../table/hash.js";
import type { Outbox } from "./outbox.js";
import { compareFreshness } from "../table/freshness.js";
import { OWN_SLOT, type RowData, type Rows } from "../table/rows.js";
import { DOWN, SUSPECT, UP, isCounted } from "../table/states.js";

/** What finding a difference works with: the parts of one node, which is the engine. */
export interface DiffParts {
  readonly rows: Rows;
  readonly outbox: Outbox;
  /** The frame that shows what its sender holds. */
  readonly frame: FrameReader;
  /** Scratch. */
  readonly row: RowData;
  handleSelfUpdate(row: RowData): void;
}

/** WANT: the rows that the sender asks for go back. */
export function handleWants(node: DiffParts): void {
  while (node.frame.more()) {
    const slot = node.rows.find(node.frame.readId());
    if (slot >= 0) node.outbox.send(slot);
  }
}

/** DIGEST: walks the sender's list and the rows in the same range, both in the order of keys. */
export function handleDigest(node: DiffParts): void {
  const frame = node.frame;
  const rows = node.rows;
  const row = node.row;
  let place = rows.placeOf(frame.digestFrom);
  while (frame.more()) {
    frame.readDigestEntry(row);
    place = sendRowsBelow(node, place, orderKey(row.id));
    if (row.id === rows.id(OWN_SLOT)) node.handleSelfUpdate(row);
    else compareEntry(node);
    compareFeed(node);
    if (place < rows.count && rows.id(rows.slotAt(place)) === row.id) place++;
  }
  sendRowsBelow(node, place, frame.digestTo + 1);
}

/** Sends the rows from a place on, which the sender's digest does not list, up to but without `key`. */
function sendRowsBelow(node: DiffParts, from: number, key: number): number {
  const rows = node.rows;
  let place = from;
  for (; place < rows.count && rows.orderKeyAt(place) < key; place++) {
    const slot = rows.slotAt(place);
    if (isCounted(rows.state(slot))) node.outbox.send(slot);
  }
  return place;
}

function compareEntry(node: DiffParts): void {
  const rows = node.rows;
  const row = node.row;
  const slot = rows.find(row.id);
  const order = slot < 0 ? -1 : rows.compare(slot, row);
  if (order > 0) node.outbox.send(slot);
  else if (order === 0 || isAccusedOf(rows, slot, row)) rows.countTransmit(slot);
  else if (slot >= 0 || rows.hasPlace(row.state)) node.outbox.want(row.id);
}

/** Which of the two holds more of a feed shows when the sender has this node's row. */
function compareFeed(node: DiffParts): void {
  const events = node.frame.events;
  const slot = events !== undefined && events.claim.isPresent ? node.rows.find(node.row.id) : -1;
  if (slot < 0 || events === undefined) return;
  if (feedFingerprint(node.rows, slot, node.frame.counter) !== events.claim.tip) node.outbox.send(slot);
}

/** Whether the sender only thinks worse of a node that is suspected here too: its row would tell nothing. */
function isAccusedOf(rows: Rows, slot: number, row: RowData): boolean {
  return slot >= 0 && rows.state(slot) === SUSPECT && row.state >= DOWN
    && row.revision === rows.revision(slot) && row.heartbeat === rows.heartbeat(slot);
}

/** BUCKETS: where the sender's fingerprints differ, it gets a byte for each row. */
export function handleRangeFingerprints(node: DiffParts): void {
  const frame = node.frame;
  const log = frame.rangesLog;
  if (!isComparable(node)) return;
  node.outbox.summary.begin(log, SECTION_ROW_FINGERPRINTS);
  for (let bucket = 0; bucket < 1 << log; bucket++) {
    const own = rangeFingerprint(
      node.rows, rangeFrom(bucket, log), rangeTo(bucket, log), frame.counter, frame.withFeeds,
    );
    if (own !== frame.readFingerprint()) node.outbox.summary.mark(bucket);
  }
}

/** Fingerprints of rows and feeds say nothing to a node without feeds; nobody sends it any. */
function isComparable(node: DiffParts): boolean {
  return !node.frame.withFeeds || node.rows.feedsHash !== undefined;
}

/** FLAT: where both know the same nodes, rows that differ go back; elsewhere the sender gets a list. */
export function handleRowFingerprints(node: DiffParts): void {
  const frame = node.frame;
  const rows = node.rows;
  const log = frame.rangesLog;
  if (!isComparable(node)) return;
  node.outbox.summary.begin(log, SECTION_DIGEST);
  while (frame.more()) {
    frame.readRowFingerprints();
    const from = rangeFrom(frame.range, log);
    const to = rangeTo(frame.range, log);
    if (countBetween(rows, from, to) === frame.rangeCount && rosterFingerprint(rows, from, to) === frame.roster) {
      compareRows(node, from, to);
    } else {
      node.outbox.summary.mark(frame.range);
      frame.skip(frame.rangeCount);
    }
  }
}

function compareRows(node: DiffParts, from: number, to: number): void {
  const frame = node.frame;
  const rows = node.rows;
  for (let place = rows.placeOf(from); place < rows.count && rows.orderKeyAt(place) <= to; place++) {
    const slot = rows.slotAt(place);
    if (!isCounted(rows.state(slot))) continue;
    // Which of the two is fresher shows when the sender has this one.
    if (rowFingerprint(rows, slot, frame.counter, frame.withFeeds) !== frame.readFingerprint()) node.outbox.send(slot);
    else rows.countTransmit(slot);
  }
}

/** The head of a SYN or an ACK tells how fresh its sender's own row is. */
export function wantSender(node: DiffParts): void {
  const frame = node.frame;
  const rows = node.rows;
  if (frame.type !== TYPE_SYN && frame.type !== TYPE_ACK) return;
  const slot = rows.find(frame.id);
  const order = slot < 0 ? -1 : compareFreshness(
    rows.revision(slot), rows.heartbeat(slot), UP, frame.revision, frame.heartbeat, UP,
  );
  if (order < 0 && (slot >= 0 || rows.hasPlace(UP))) node.outbox.want(frame.id);
}
