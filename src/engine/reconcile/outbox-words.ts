import type { Writer } from "../wire/cursor.js";
import { summaryWords } from "./summary-writer.js";

/*
 * What stands in the words of an outbox: up to 4 intents, what the answer has.
 */

/** A datagram to send. The engine writes it into `bytes`. */
export interface Datagram {
  /** At least `datagramBytesMax` long. */
  bytes: Uint8Array;
  length: number;
  /** IPv4 address as uint32. */
  address: number;
  port: number;
}

/** What frames contain of messages (PROTOCOL 11). */
export interface MessageSections {
  /** Drops the answer of the last input. */
  clear(): void;
  /** Bytes that a frame needs for a message or a HOP. @param place of the message; -1: the frame is an ACK or DIFF */
  sectionBytes(place: number): number;
  /** Writes the message into a SYN, or with the place -1 the HOP into an answer. There is room. */
  write(writer: Writer, place: number): void;
  /** A node that sleeps asks this one. @param slot of its row */
  noteWaking(slot: number): void;
}

/** The most datagrams that one input can cause, but for answers to a proven peer that takes more. */
export const BURST_MAX = 4;
/** The most that a node takes or sends then, unless its options say more: the mailbox of a board's network stack. */
export const BURST_OF_BOARD = 6;

// The words of an intent.
export const ADDRESS = 0;
/** The port, then the type of the frame. */
export const PORT = 1;
export const TYPE_SHIFT = 16;
export const FLAGS = 2;
/** Of a SYN: the slot of its receiver. Of an answer: WITH_SUMMARY, WITH_SKETCH or 0. Of an indirect ack: its one id. */
export const DETAIL = 3;
export const ANSWERED = 4;
/** Id of the receiver. */
export const RECEIVER = 5;
export const WORDS = 6;

/** In FLAGS: the flags on the wire, then the section of ids that a frame has. That of a SYN is in ANSWERED. */
export const FLAGS_ON_WIRE = 0xff;
export const ABOUT_SHIFT = 8;
export const ABOUT_MASK = 0xff;
export const ABOUT = ABOUT_MASK << ABOUT_SHIFT;
/** In FLAGS: the SYN or LEAVE shows this node's limits. */
export const WITH_LIMITS = 0x10000;
/** In FLAGS: the PING-REQ has this node's own id behind the other one. */
export const MAY_VOUCH = 0x20000;
export const WITH_SUMMARY = 1;
/** The summary of an ACK is a sketch, at its end. */
export const WITH_SKETCH = 2;
/** Higher than all slots. */
export const BARE = 0xffffffff;
export const ANY_BYTES = 0xffff;
/** A frame has nothing of a message. */
export const NO_PLACE = -2;
const WANTS_MIN = 8;

/** Ids that one answer may want. With more the peer continues the exchange. */
export function wantsMax(datagramBytesMax: number): number {
  const wants = datagramBytesMax >>> 5;
  return wants < WANTS_MIN ? WANTS_MIN : wants;
}

/** Words that an `Outbox` allocates behind the rows, its summary included. @param capacity in rows */
export function outboxWords(datagramBytesMax: number, capacity: number): number {
  return wantsMax(datagramBytesMax) + summaryWords(capacity);
}

// Of the answer to the peer, in `answer`.
/** It carries no more updates, so that the room is for rows and summary. */
export const ANSWER_UPDATED = 1;
/** It shows this node's limits. */
export const ANSWER_LIMITS = 2;
/** More ids were wanted than one answer may want. */
export const ANSWER_WANTS_CUT = 4;
/** The peer is awake for a moment, and does not go on unless it is told to. */
export const ANSWER_WAKING = 8;
/** It shows how many datagrams this node takes at a time. */
export const ANSWER_WINDOW = 16;
/** It has the updates that SYNs leave out. */
export const ANSWER_OFFER = 32;
/** This node's limits are those in the answered frame. */
export const ANSWER_SAME_LIMITS = 64;
/** The hashes are those of the answered SYN. */
export const ANSWER_IN_SYNC = 128;
