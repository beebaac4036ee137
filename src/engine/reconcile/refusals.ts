import type { OwnRow } from "../table/own-row.js";
import { orderKey } from "../table/hash.js";
import { FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import { DROP_ID_CONFLICT, DROP_MAGIC, DROP_STALE, DROP_UNPROVEN } from "../wire/drops.js";
import { answersFrame } from "../wire/admission.js";
import { FLAG_BROADCAST, FLAG_CHALLENGE, JSON_FIRST_BYTE, TYPE_ACK, TYPE_DIFF, TYPE_SYN } from "../wire/frame.js";
import { type FrameReader, NO_FEEDS, NO_LIMITS } from "../wire/frame-reader.js";
import type { ReplayGuard } from "../wire/replay-guard.js";
import { isInSync } from "./differences.js";
import type { Outbox } from "./outbox.js";

/*
 * Answers to frames that were refused. An outsider may cause any number of them by
 * recorded frames, so they change no row and draw no random number.
 */

/** An address that is not proven gets at most this many times the bytes that it sent. */
export const AMPLIFICATION_MAX = 3;
/** A shorter JSON datagram is not from an ESPGossip node and gets no sign of life. */
const JSON_BYTES_MIN = 12;
/** Nodes that answer one broadcast, on average. */
const BROADCAST_ANSWERS = 4;

/**
 * Whether this node answers a broadcast (PROTOCOL 5.4). All nodes in reach of this one may have got it, too; those out
 * of reach have not.
 *
 * @param draw uint32
 */
export function answersBroadcast(rows: Rows, draw: number): boolean {
  let receivers = rows.count;
  for (let place = 0; place < rows.count; place++) if (rows.hasFlag(rows.slotAt(place), FLAG_REMOTE)) receivers--;
  return draw % receivers < BROADCAST_ANSWERS;
}

/**
 * PROTOCOL 5.5 and 7: the sender lost its storage and started again at a low
 * revision. Sends it the row that is held, even if it challenges this node;
 * otherwise the two would reject each other for ever.
 */
function correctStale(
  rows: Rows, outbox: Outbox, frame: FrameReader, guard: ReplayGuard | undefined, address: number, port: number,
  length: number,
): void {
  const isChallenge = answersFrame(frame, guard, outbox.counter) && (frame.flags & FLAG_CHALLENGE) !== 0;
  if (frame.type !== TYPE_SYN && !isChallenge) return;
  outbox.send(rows.find(frame.id));
  outbox.withholdUpdates();
  outbox.limitAnswer(AMPLIFICATION_MAX * length);
  outbox.addAnswer(isChallenge ? TYPE_DIFF : TYPE_ACK, address, port, 0, false, frame.counter, frame.id);
}

/** PROTOCOL 7: sends a challenge, an ACK without rows that its receiver answers. @param hasFeeds of this node */
function challenge(
  rows: Rows, outbox: Outbox, frame: FrameReader, hasFeeds: boolean, address: number, port: number,
  length: number,
): void {
  const isBroadcast = (frame.flags & FLAG_BROADCAST) !== 0;
  if (isBroadcast && !answersBroadcast(rows, orderKey((frame.counter ^ rows.id(OWN_SLOT)) >>> 0))) return;
  outbox.withholdUpdates();
  // PROTOCOL 5.7, and 3.4: a sender of another network must not go on.
  if (frame.isNamed() || frame.limits !== NO_LIMITS) outbox.sendLimits(NO_LIMITS);
  outbox.limitAnswer(AMPLIFICATION_MAX * length);
  if (hasFeeds && frame.feedsHash !== NO_FEEDS) outbox.fingerprintFeeds();
  outbox.addAnswer(TYPE_ACK, address, port, FLAG_CHALLENGE, !isInSync(rows, frame), frame.counter, frame.id);
}

/** PROTOCOL 5.6: to an ESPGossip node any datagram is a sign of life. It may send from another port than it reads. */
export function answerJson(
  rows: Rows, outbox: Outbox, guard: ReplayGuard | undefined, reason: number, address: number, bytes: Uint8Array,
  length: number,
): void {
  const isJson = reason === DROP_MAGIC && length >= JSON_BYTES_MIN && bytes[0] === JSON_FIRST_BYTE;
  if (guard === undefined && isJson) outbox.addSign(address, rows.port(OWN_SLOT), 0);
}

/**
 * Answers a refused frame, if its sender gets an answer all the same. Notes a conflict of ids.
 *
 * @param feed of this node, if it has feeds
 */
export function answerRefused(
  rows: Rows, outbox: Outbox, frame: FrameReader, guard: ReplayGuard | undefined, own: OwnRow, feed: object | undefined,
  reason: number, address: number, port: number, length: number,
): void {
  if (reason === DROP_STALE) {
    correctStale(rows, outbox, frame, guard, address, port, length);
  } else if (reason === DROP_UNPROVEN) {
    challenge(rows, outbox, frame, feed !== undefined, address, port, length);
  } else if (reason === DROP_ID_CONFLICT) {
    // A sealed frame of this id may be this node's own, replayed by an attacker.
    const isBeyond = own.isBeyond(frame.revision, (frame.counter - outbox.counter) | 0);
    if (guard === undefined || isBeyond) own.contest();
  }
}
