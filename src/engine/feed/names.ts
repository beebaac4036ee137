import type { Arena } from "./arena.js";
import {
  compareStamps, hasSameName, isLogAt, isMergeAt, kindAt, logHash, nameHash, orderAt, originAuthorAt,
  stampCounter, stampMs, ttlSecondsAt,
} from "./event.js";
import { KIND_END, KIND_REMOVE } from "./kinds.js";

/*
 * What is held about one name, a topic with a key, in all feeds, and what hides what
 * (PROTOCOL 10.1).
 *
 * The order of two events is that of their original stamps, then of their original
 * authors. In most topics the latest set or removal of a name hides all older events of
 * it, of all authors. In a merge topic only a removal hides events of other authors.
 */

/** The first record with the topic and key of the event at `at` of `bytes`, which is no log event; or 0. */
export function firstNamed(arena: Arena, bytes: Uint8Array, at: number): number {
  return skipOthers(arena, arena.firstNamed(nameHash(bytes, at)), bytes, at);
}

/** The record after this one with the topic and key of the event at `at` of `bytes`; or 0. */
export function nextNamed(arena: Arena, record: number, bytes: Uint8Array, at: number): number {
  return skipOthers(arena, arena.nextNamed(record), bytes, at);
}

function skipOthers(arena: Arena, from: number, bytes: Uint8Array, at: number): number {
  let record = from;
  while (record !== 0 && !(isNamed(arena, record) && hasSameName(arena.bytes, arena.eventAt(record), bytes, at))) {
    record = arena.nextNamed(record);
  }
  return record;
}

/** Whether a record of the index is held and has a name: copies of log events are in the index, too. */
function isNamed(arena: Arena, record: number): boolean {
  return arena.isHeld(record) && !isLogAt(arena.bytes, arena.eventAt(record));
}

/** The first copy of the log event of a record, the record itself left out; or 0. A branch does not count. */
export function firstLog(arena: Arena, record: number): number {
  const hash = logHash(arena.bytes, orderOf(arena, record), originAuthor(arena, record));
  return skipOtherLogs(arena, arena.firstNamed(hash), record);
}

/** The copy after `other` of the log event of a record. */
export function nextLog(arena: Arena, other: number, record: number): number {
  return skipOtherLogs(arena, arena.nextNamed(other), record);
}

function skipOtherLogs(arena: Arena, from: number, record: number): number {
  let other = from;
  while (other !== 0 && !isSameLog(arena, other, record)) other = arena.nextNamed(other);
  return other;
}

function isSameLog(arena: Arena, other: number, record: number): boolean {
  return other !== record && arena.isHeld(other) && arena.owner(other) !== arena.capacity
    && isLogAt(arena.bytes, arena.eventAt(other)) && compareOrder(arena, other, record) === 0;
}

/** The log event in its author's feed of which a record is a copy, if it is held under the same stamp; or 0. */
export function originalLog(arena: Arena, copy: number): number {
  const author = originAuthor(arena, copy);
  let slot = 0;
  while (slot < arena.capacity && (arena.author(slot) !== author || arena.last(slot) === 0)) slot++;
  const last = slot < arena.capacity ? arena.last(slot) : 0;
  const bytes = arena.bytes;
  // Stamps rise along a feed.
  if (last === 0 || compareStamps(bytes, arena.eventAt(last), bytes, orderOf(arena, copy)) < 0) return 0;
  let record = arena.first(slot);
  while (record !== 0 && compareStamps(bytes, arena.eventAt(record), bytes, orderOf(arena, copy)) < 0) {
    record = arena.next(record);
  }
  return record !== 0 && record !== copy && isLogAt(bytes, arena.eventAt(record))
    && compareOrder(arena, record, copy) === 0 ? record : 0;
}

/** Kind of a record's event. */
export function recordKind(arena: Arena, record: number): number {
  return kindAt(arena.bytes, arena.eventAt(record));
}

/** Id of the author of a record's original event. */
export function originAuthor(arena: Arena, record: number): number {
  return originAuthorAt(arena.bytes, arena.eventAt(record), arena.author(arena.owner(record)));
}

/** The order of two records: negative if `one` is the older, 0 if both are about the same event. */
export function compareOrder(arena: Arena, one: number, other: number): number {
  const bytes = arena.bytes;
  const first = orderOf(arena, one);
  const second = orderOf(arena, other);
  const ms = stampMs(bytes, first) - stampMs(bytes, second);
  if (ms !== 0) return ms;
  const counter = stampCounter(bytes, first) - stampCounter(bytes, second);
  return counter === 0 ? originAuthor(arena, one) - originAuthor(arena, other) : counter;
}

/** Milliseconds since 1970 of the stamp that decides a record's order. */
export function orderMsOf(arena: Arena, record: number): number {
  return stampMs(arena.bytes, orderOf(arena, record));
}

/** Counter of that stamp. */
export function orderCounterOf(arena: Arena, record: number): number {
  return stampCounter(arena.bytes, orderOf(arena, record));
}

/** When a record's time to live ends, in milliseconds since 1970; Infinity for never. */
export function endMsOf(arena: Arena, record: number): number {
  const start = arena.eventAt(record);
  const seconds = ttlSecondsAt(arena.bytes, start);
  return seconds === 0 ? Infinity : stampMs(arena.bytes, start) + seconds * 1000;
}

/** The latest record with the topic and key of the event at `at` of `bytes`; or 0. */
export function latestNamed(arena: Arena, bytes: Uint8Array, at: number): number {
  let latest = 0;
  for (let record = firstNamed(arena, bytes, at); record !== 0; record = nextNamed(arena, record, bytes, at)) {
    if (latest === 0 || compareOrder(arena, record, latest) > 0) latest = record;
  }
  return latest;
}

/** The latest record that hides another one for as long as that one counts; or 0. */
export function hiderOf(arena: Arena, record: number): number {
  const bytes = arena.bytes;
  const at = arena.eventAt(record);
  const onlyRemovals = isMergeAt(bytes, at);
  const end = endMsOf(arena, record);
  let best = 0;
  for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
    const kind = recordKind(arena, other);
    if (kind === KIND_END || (onlyRemovals && kind !== KIND_REMOVE)) continue;
    if (compareOrder(arena, other, record) <= 0) continue;
    if (endMsOf(arena, other) >= end && (best === 0 || compareOrder(arena, other, best) > 0)) best = other;
  }
  return best;
}

/** Whether a removal hides a record that is held. */
export function hidesAny(arena: Arena, removal: number): boolean {
  const bytes = arena.bytes;
  const at = arena.eventAt(removal);
  for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
    if (recordKind(arena, other) !== KIND_END && compareOrder(arena, other, removal) < 0) return true;
  }
  return false;
}

function orderOf(arena: Arena, record: number): number {
  return orderAt(arena.bytes, arena.eventAt(record), arena.eventLength(record));
}
