import { readU16, readU32, writeU16, writeU32 } from "../../cbor/big-endian.js";
import type { FeedStore } from "../feed/feed-store.js";
import type { Outbox } from "../reconcile/outbox.js";
import { orderKey } from "../table/hash.js";
import { RowData } from "../table/row-data.js";
import { FLAG_FOREIGN, FLAG_LIMITS, FLAG_NEIGHBOUR, FLAG_NOTIFY_UPDATE, FLAG_PROVEN } from "../table/row-flags.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { ASLEEP, UP, isCounted } from "../table/states.js";
import { POSITION_BYTES, readPositions, writePositions } from "./positions.js";

/*
 * What a node keeps over a deep sleep, in which RAM is lost. It is not for flash memory: the node writes it at each
 * waking. A memory that is not written yet holds anything, so there are a mark and a check.
 *
 * bytes 0 to 3    MARK
 *       4 to 7    check over all that follows
 *       8 to 27   id, revision, counter, heartbeat, positions of feeds (2 bytes), rows (2 bytes)
 *       28 …      rows: id, address, revision, heartbeat (4 bytes each), port (2), flags, length of the value, value
 *       …         positions of feeds: see positions.ts
 */
const PASSES = 3;
const MARK = 0xc415e001;
const CHECK_AT = 4;
const ID_AT = 8;
const REVISION_AT = 12;
const COUNTER_AT = 16;
const HEARTBEAT_AT = 20;
const FEEDS_AT = 24;
const COUNT_AT = 26;
/** Bytes of what is kept without rows. */
export const KEPT_HEAD_BYTES = 28;
const ROW_HEAD_BYTES = 20;
/** Frames that the node may send after it wrote what it keeps. */
const COUNTER_STEP = 64;

/** The state is in bits 0 to 2. */
const STATE_MASK = 7;
const KEPT_NEIGHBOUR = 8;
const KEPT_PROVEN = 16;
const KEPT_LIMITS = 32;
const KEPT_LACKS_VALUE = 64;
const KEPT_FOREIGN = 128;

/**
 * Writes what a node keeps, with as many rows as there is room for: first neighbours that are awake, so that the next
 * waking finds a node to ask.
 *
 * @param peer slot of the node that the next waking asks first; -1: none
 * @param feeds whose positions are written behind the rows, as far as there is room; undefined: none are
 * @param out at least KEPT_HEAD_BYTES long
 * @returns the bytes written
 */
export function writeKept(
  rows: Rows, outbox: Outbox, peer: number, feeds: FeedStore | undefined, out: Uint8Array,
): number {
  writeU32(out, 0, MARK);
  writeU32(out, ID_AT, rows.id(OWN_SLOT));
  writeU32(out, REVISION_AT, rows.revision(OWN_SLOT));
  writeU32(out, COUNTER_AT, (outbox.counter + COUNTER_STEP) >>> 0);
  writeU32(out, HEARTBEAT_AT, rows.heartbeat(OWN_SLOT));
  let at = KEPT_HEAD_BYTES;
  let count = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (passOf(rows, slot, peer) !== pass) continue;
      let length = rows.lacksValue(slot) ? 0 : rows.valueLength(slot);
      // The next waking needs the node to ask, where messages wait, more than its value.
      if (pass === 0 && at + ROW_HEAD_BYTES + length > out.length) length = 0;
      if (at + ROW_HEAD_BYTES + length > out.length) continue;
      writeRow(rows, slot, length, out, at);
      at += ROW_HEAD_BYTES + length;
      count++;
    }
  }
  const positions = feeds === undefined ? 0 : writePositions(rows, feeds, out, at);
  at += positions * POSITION_BYTES;
  writeU16(out, FEEDS_AT, positions);
  writeU16(out, COUNT_AT, count);
  writeU32(out, CHECK_AT, checkOf(out, at));
  return at;
}

/** The pass over the rows in which a row is written; PASSES: none. */
function passOf(rows: Rows, slot: number, peer: number): number {
  if (slot === OWN_SLOT || !isCounted(rows.state(slot))) return PASSES;
  if (slot === peer) return 0;
  return rows.hasFlag(slot, FLAG_NEIGHBOUR) && rows.state(slot) === UP && !rows.isAsleep(slot) ? 1 : 2;
}

function writeRow(rows: Rows, slot: number, length: number, out: Uint8Array, at: number): void {
  writeU32(out, at, rows.id(slot));
  writeU32(out, at + 4, rows.address(slot));
  writeU32(out, at + 8, rows.revision(slot));
  writeU32(out, at + 12, rows.heartbeat(slot));
  writeU16(out, at + 16, rows.port(slot));
  const lacksValue = rows.lacksValue(slot) || length < rows.valueLength(slot);
  out[at + 18] = (rows.isAsleep(slot) ? ASLEEP : rows.state(slot))
    | (rows.hasFlag(slot, FLAG_NEIGHBOUR) ? KEPT_NEIGHBOUR : 0) | (rows.hasFlag(slot, FLAG_PROVEN) ? KEPT_PROVEN : 0)
    | (rows.hasFlag(slot, FLAG_LIMITS) ? KEPT_LIMITS : 0) | (lacksValue ? KEPT_LACKS_VALUE : 0)
    | (rows.hasFlag(slot, FLAG_FOREIGN) ? KEPT_FOREIGN : 0);
  out[at + 19] = length;
  const bytes = rows.valueBytes();
  const start = rows.valueStart(slot);
  for (let i = 0; i < length; i++) out[at + ROW_HEAD_BYTES + i] = bytes[start + i];
}

/** Whether bytes are what the node with this id kept, unchanged. */
export function isKept(kept: Uint8Array, id: number): boolean {
  if (kept.length < KEPT_HEAD_BYTES || readU32(kept, 0) !== MARK || readU32(kept, ID_AT) !== id) return false;
  const end = keptBytes(kept);
  return end >= 0 && readU32(kept, CHECK_AT) === checkOf(kept, end);
}

/** The revision under which the node goes on. */
export function keptRevision(kept: Uint8Array): number {
  return readU32(kept, REVISION_AT);
}

/** Bytes of what is kept, by its rows and positions; -1 when they are longer than the memory. */
function keptBytes(kept: Uint8Array): number {
  let at = KEPT_HEAD_BYTES;
  for (let left = readU16(kept, COUNT_AT); left > 0; left--) {
    if (at + ROW_HEAD_BYTES > kept.length) return -1;
    at += ROW_HEAD_BYTES + kept[at + 19];
  }
  at += readU16(kept, FEEDS_AT) * POSITION_BYTES;
  return at <= kept.length ? at : -1;
}

/**
 * Takes over what `isKept` accepted: counter, heartbeat, rows and positions. Returns the slot of the node to ask first,
 * or -1.
 */
export function readKept(kept: Uint8Array, rows: Rows, outbox: Outbox, feeds: FeedStore | undefined): number {
  outbox.count(readU32(kept, COUNTER_AT));
  rows.setStatement(OWN_SLOT, keptRevision(kept), readU32(kept, HEARTBEAT_AT), UP);
  const row = new RowData();
  let at = KEPT_HEAD_BYTES;
  for (let left = readU16(kept, COUNT_AT); left > 0; left--) {
    const flags = kept[at + 18];
    const isAsleep = (flags & STATE_MASK) === ASLEEP;
    row.id = readU32(kept, at);
    row.address = readU32(kept, at + 4);
    row.revision = readU32(kept, at + 8);
    row.heartbeat = readU32(kept, at + 12);
    row.port = readU16(kept, at + 16);
    row.state = isAsleep ? UP : flags & STATE_MASK;
    row.backSeconds = isAsleep ? 0 : -1;
    row.isForeign = (flags & KEPT_FOREIGN) !== 0;
    row.lacksValue = (flags & KEPT_LACKS_VALUE) !== 0;
    row.valueLength = kept[at + 19];
    row.valueStart = at + ROW_HEAD_BYTES;
    rows.merge(row, kept);
    setFlags(rows, rows.find(row.id), flags);
    at += ROW_HEAD_BYTES + row.valueLength;
  }
  if (feeds !== undefined) readPositions(kept, at, readU16(kept, FEEDS_AT), rows, feeds);
  return at === KEPT_HEAD_BYTES ? -1 : rows.find(readU32(kept, KEPT_HEAD_BYTES));
}

/** @param slot -1: there was no room for the row */
function setFlags(rows: Rows, slot: number, flags: number): void {
  if (slot < 0) return;
  if ((flags & KEPT_NEIGHBOUR) !== 0) rows.setFlag(slot, FLAG_NEIGHBOUR);
  if ((flags & KEPT_PROVEN) !== 0) rows.setFlag(slot, FLAG_PROVEN);
  if ((flags & KEPT_LIMITS) !== 0) rows.setFlag(slot, FLAG_LIMITS);
  rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
}

/** Over the bytes from ID_AT to `end`: as `networkHash`, it finds accidents only. */
function checkOf(bytes: Uint8Array, end: number): number {
  let check = end;
  for (let i = ID_AT; i < end; i++) check = orderKey((check ^ bytes[i]) >>> 0);
  return check;
}
