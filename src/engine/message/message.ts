/*
 * Messages between the ends and hop by hop. PROTOCOL.md, section 11, has the rules and the grammar.
 *
 * offset  bytes  field of a section MESSAGE
 *      0      1  try of the sender (high three bits) and hops so far (low five bits)
 *      1      3  milliseconds left of the message's life
 *      4      1  kind                                       ← associated data of the seal between the ends
 *      5      4  id of the receiver; 0 in BROADCAST and QUERY
 *      9      4  id of the sender
 *     13      4  number of the message; in RECEIPT and PONG that of the message that is answered
 *     17    0–4  REPLY: number of the query
 *      …         payload, sealed between the ends in a sealed network, but for PING and PONG
 */
export const AT_TRY_HOPS = 0;
export const AT_LEFT = 1;
export const AT_KIND = 4;
export const AT_TO = 5;
export const AT_FROM = 9;
export const AT_NUMBER = 13;
export const HEAD_BYTES = 17;
/** The number of the query, in REPLY. */
export const QUERY_BYTES = 4;

export const KIND_SEND = 0;
/** The receiver's application took a SEND or a REPLY, or refused it. */
export const KIND_RECEIPT = 1;
export const KIND_BROADCAST = 2;
export const KIND_QUERY = 3;
export const KIND_REPLY = 4;
/** Its relays append their ids to the payload. */
export const KIND_PING = 5;
/** Answers a PING: the number of ids of the way there, these, then those of the way back. */
export const KIND_PONG = 6;
export const KIND_MAX = 6;

/** Hops of a message at most. */
export const HOPS_MAX = 32;
export const HOPS_MASK = 31;
export const TRY_SHIFT = 5;
/** The last try of a sender, counted from 0. */
export const TRY_MAX = 7;
/** A message lives for less than 2^24 ms. */
export const LEFT_MAX = 0xffffff;

// What a section HOP answers.
/** The message was accepted. */
export const HOP_NEW = 0;
/** It had been accepted before. */
export const HOP_HAD = 1;
/** There is no room now. */
export const HOP_FULL = 2;
/** No way is known now. */
export const HOP_NO_WAY = 3;
/** The message never fits this node, or had too many hops. */
export const HOP_REFUSED = 4;
/** Bytes of the section HOP with its head: what, then a check of the message. */
export const HOP_BYTES = 6;

// How an own message ended.
export const OUTCOME_DELIVERED = 0;
export const OUTCOME_REFUSED = 1;
export const OUTCOME_TIMEOUT = 2;

// The words of a message.
export const STATE = 0;
/** Engine time: of the next try of this hop; of a message that is done, when it was. */
export const DEADLINE = 1;
/** Engine time at which the message's life ends. */
export const EXPIRY = 2;
/** Bytes of the message; above them, the slot of the row of the neighbour that it came from. */
export const LENGTH = 3;
/** Slots of rows of neighbours that have not confirmed it yet, two in each word; 0: none. */
export const FLIGHT = 4;
/** Own message for one node: engine time of the sender's next try. For all nodes: rows that were looked at. */
export const NEXT = 6;
export const MESSAGE_WORDS = 7;
/** Neighbours that a message is on the way to at one time. */
export const FLIGHTS = 4;

// Bits of STATE.
/** The place has a message. With none of the bits that follow it is done, and only known again. */
export const HELD = 1;
/** It goes to a neighbour. */
export const SENDING = 2;
/** It waits for the application. */
export const TO_APP = 4;
/** An own message waits for its end. */
export const OPEN = 8;
/** It ended, and waits for the application. */
export const ENDED = 16;
/** Its hops count the link to the next node. */
export const PASSED_ON = 32;
/** BROADCAST and QUERY: a neighbour did not confirm it, and gets it once more. */
export const MISSED = 64;
/** The neighbours that did not confirm it got it once more. */
export const LAST_PASS = 128;
export const BUSY = SENDING | TO_APP | OPEN | ENDED;
export const TRIES_SHIFT = 8;
export const TRIES_MASK = 7 << TRIES_SHIFT;
/** BROADCAST and QUERY: all neighbours that are on the way to remote nodes have been looked at. */
export const WAYS_DONE = 1 << 11;
export const OUTCOME_SHIFT = 12;
/** A message for one node: that sleeps, and the message waits here for its waking. */
export const WAITS = 1 << 14;
/** The node that sleeps is awake now, and gets the message. */
export const WAKES = 1 << 15;
/** BROADCAST and QUERY: neighbours that had it already. */
export const HAD_SHIFT = 16;
export const HAD_ONE = 1 << HAD_SHIFT;

/** Tries of one hop. */
export const HOP_TRIES = 4;
/** Messages of others that a node accepts in the time of a round. */
export const RELAYS_PER_ROUND = 64;
/** Numbers from a sender's oldest open message to its newest. */
export const NUMBERS_MAX = 32;
/** No sender gives a message a longer life, in ms: as long as a node may sleep and get it. */
export const LIFE_MAX = 14400000;
/** Until the next try to a node that is awake for a moment, in ms. */
export const WAKING_TRY_MS = 100;
/** Rounds until a sender's second try; until the next one, twice as many each. */
export const REPEAT_ROUNDS = 2;

// Counters.
export const COUNT_SENT = 0;
export const COUNT_RELAYED = 1;
export const COUNT_DELIVERED = 2;
export const COUNT_DUPLICATES = 3;
export const COUNT_TRIES = 4;
export const COUNT_GIVEN_UP = 5;
export const COUNT_FULL = 6;
export const COUNT_NO_WAY = 7;
export const COUNT_REFUSED = 8;
export const COUNT_BAD = 9;
export const COUNTERS = 10;
