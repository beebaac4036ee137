export { EVENT_LIMIT_SHIFT } from "./wire/frame.js";
import { UNMARKED_ROWS_MAX, nextChanged } from "./table/changes.js";
import { FAULTS, FAULTY_PEER, FAULT_DETAIL, FEEDLESS_SLOT, FORK_SLOT } from "./table/node-words.js";
import { FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE, OWN_SLOT, type Rows } from "./table/rows.js";
import type { ReplayGuard } from "./wire/replay-guard.js";

/** What `pollNotification` yields. */
export interface Notification {
  /** One of the NOTIFY_ constants. */
  kind: number;
  /**
   * Slot of the row that the notification is about. For NOTIFY_STRANGER, NOTIFY_NETWORK and NOTIFY_SEALED: the IPv4
   * address as uint32. For NOTIFY_CAPACITY: 0. For NOTIFY_BOARDS_FULL: the number of nodes that boards are not told of.
   */
  slot: number;
  /**
   * For NOTIFY_LIMITS: the peer's `valueBytesMax`, and 256 times its `eventBytesMax`. For NOTIFY_NETWORK: 1 if the
   * sender's network has a name, otherwise 0. For NOTIFY_STRANGER: 1 if the frame was sealed, otherwise 0. For
   * NOTIFY_BOARDS_FULL: the bytes that boards would need for all rows.
   */
  detail: number;
}

/** The row holds a fresher statement of its owner, perhaps with another value. */
export const NOTIFY_UPDATE = 1;
/** The row's state changed. */
export const NOTIFY_STATE = 2;
/** Another device uses this node's id. Notified once a start. */
export const NOTIFY_ID_CONFLICT = 3;
/** A row was refused because the table is full of live rows. Notified once a start. */
export const NOTIFY_TABLE_FULL = 4;
/** A datagram arrived that the network's key does not unseal. Notified once for each of the first 4 addresses. */
export const NOTIFY_STRANGER = 5;
/** Two different events have the same number in one feed. Notified once a start. */
export const NOTIFY_FORK = 6;
/** A peer cannot hold what this node can, or the reverse. Notified once for each start of each peer. */
export const NOTIFY_LIMITS = 7;
/** This node published events, and a peer keeps no feeds. Notified once a start. */
export const NOTIFY_NO_FEEDS = 8;
/** A frame of a network with another name arrived. Notified once a start. */
export const NOTIFY_NETWORK = 9;
/** A sealed frame arrived, and this node has no key. Notified once a start. */
export const NOTIFY_SEALED = 10;
/** This node holds more rows than a peer has room for. Notified once a start. */
export const NOTIFY_CAPACITY = 11;
/** No other node was live for 16 rounds. Notified once for each such time. */
export const NOTIFY_ALONE = 12;
/** ESPGossip boards cannot repeat the rows of all nodes. Notified once a start. */
export const NOTIFY_BOARDS_FULL = 13;
/** Rounds without another live node after which the application is notified. */
export const ALONE_ROUNDS = 16;

/**
 * Writes what the application has not been notified of yet; false when there is nothing.
 *
 * @param isContested whether another device uses this node's id
 */
export function nextNotification(
  rows: Rows, isContested: boolean, guard: ReplayGuard | undefined, out: Notification,
): boolean {
  if (guard !== undefined && nextStranger(guard, out)) return true;
  if (isContested) reportFault(rows.words, NOTIFY_ID_CONFLICT, OWN_SLOT);
  return nextFault(rows.words, out) || (rows.changesEnd > 0 && nextChange(rows, out));
}

/** Writes the next stranger that the application has not been notified of; false when there is none. */
function nextStranger(guard: ReplayGuard, out: Notification): boolean {
  const address = guard.nextStranger();
  out.kind = NOTIFY_STRANGER;
  out.slot = address;
  out.detail = guard.isStrangerSealed ? 1 : 0;
  return address !== 0;
}

/** Writes the next row change that the application has not been notified of; false when there is none. */
export function nextChange(rows: Rows, out: Notification): boolean {
  const end = rows.changesEnd;
  let slot = rows.changesFrom - 1;
  while (++slot < end) {
    if (rows.capacity > UNMARKED_ROWS_MAX) slot = nextChanged(rows.words, rows.capacity, slot, end);
    const word = rows.word(slot);
    if ((word & (FLAG_NOTIFY_UPDATE | FLAG_NOTIFY_STATE)) === 0 || !rows.isHeld(slot)) continue;
    const isUpdated = (word & FLAG_NOTIFY_UPDATE) !== 0;
    rows.clearFlag(slot, isUpdated ? FLAG_NOTIFY_UPDATE : FLAG_NOTIFY_STATE);
    out.slot = slot;
    out.kind = isUpdated ? NOTIFY_UPDATE : NOTIFY_STATE;
    rows.changesFrom = slot;
    return true;
  }
  rows.changesEnd = 0;
  return false;
}

const KINDS = 0xffff;
const NOTIFIED_SHIFT = 16;

/*
 * Faults of which the application is notified once a start, peers with other limits, and that there are none: words of
 * the node.
 */

/**
 * @param words of the rows
 * @param kind NOTIFY_ID_CONFLICT, NOTIFY_TABLE_FULL, NOTIFY_FORK, NOTIFY_NO_FEEDS, NOTIFY_CAPACITY or NOTIFY_ALONE
 * @param slot of the row that the fault is about
 */
export function reportFault(words: Uint32Array, kind: number, slot: number): void {
  const isFirst = (words[FAULTS] & (1 << kind)) === 0;
  if (kind === NOTIFY_FORK && isFirst) words[FORK_SLOT] = slot;
  if (kind === NOTIFY_NO_FEEDS && isFirst) words[FEEDLESS_SLOT] = slot;
  words[FAULTS] |= 1 << kind;
}

/** The peer whose row is in `slot` has other limits than this node. @param limits as in `Notification.detail` */
export function reportLimits(words: Uint32Array, slot: number, limits: number): void {
  reportSender(words, NOTIFY_LIMITS, slot, limits);
}

/** @param kind NOTIFY_NETWORK or NOTIFY_SEALED @param address of the sender of a frame that was refused */
export function reportSender(words: Uint32Array, kind: number, address: number, detail: number): void {
  words[FAULTY_PEER] = address;
  words[FAULT_DETAIL] = detail;
  words[FAULTS] |= 1 << kind;
}

/** Writes the next fault that the application has not been notified of; false when there is none. */
export function nextFault(words: Uint32Array, out: Notification): boolean {
  const bits = words[FAULTS];
  const pending = bits & KINDS & ~(bits >>> NOTIFIED_SHIFT);
  if (pending === 0) return false;
  let kind = NOTIFY_ID_CONFLICT;
  while ((pending & (1 << kind)) === 0) kind++;
  out.kind = kind;
  out.slot = kind === NOTIFY_FORK ? words[FORK_SLOT] : kind === NOTIFY_NO_FEEDS ? words[FEEDLESS_SLOT]
    : kind >= NOTIFY_LIMITS && kind < NOTIFY_CAPACITY ? words[FAULTY_PEER] : 0;
  out.detail = words[FAULT_DETAIL];
  if (kind === NOTIFY_LIMITS || kind === NOTIFY_ALONE) words[FAULTS] &= ~(1 << kind);
  else words[FAULTS] |= 1 << (kind + NOTIFIED_SHIFT);
  return true;
}
