import {
  COUNT_BAD, COUNT_DELIVERED, COUNT_DUPLICATES, COUNT_FULL, COUNT_GIVEN_UP, COUNT_NO_WAY, COUNT_REFUSED, COUNT_RELAYED,
  COUNT_SENT, COUNT_TRIES,
} from "./message.js";
import type { MessageStore } from "./message-store.js";

/** Messages that wait, and counters since the start; each wraps at 2^32. */
export interface MessageStats {
  /** Not a counter: messages that wait here now, own ones and those of others. */
  waiting: number;
  /** Not a counter: the most that may wait. */
  queue: number;
  /** Own messages, of all kinds. */
  sent: number;
  /** Messages of other nodes that were passed on. */
  relayed: number;
  /** Messages that the application took. */
  delivered: number;
  /** Messages that arrived again: they were only confirmed. */
  duplicates: number;
  /** Datagrams with a message that were sent, repetitions included. */
  tries: number;
  /** Messages that a neighbour did not confirm after 4 tries, or whose time was over. */
  givenUp: number;
  /** Messages that were refused because there was no room for them, or for their sender. */
  full: number;
  /** Tries for which no way to the receiver was known. */
  noWay: number;
  /** Messages that were too long, had too many hops, or that the application refused. */
  refused: number;
  /** Messages whose seal between the ends was not good. */
  forged: number;
}

/** The counters of a node's messages. */
export function messageStats(store: MessageStore): MessageStats {
  return {
    waiting: store.waiting(-1),
    queue: store.count,
    sent: store.counter(COUNT_SENT),
    relayed: store.counter(COUNT_RELAYED),
    delivered: store.counter(COUNT_DELIVERED),
    duplicates: store.counter(COUNT_DUPLICATES),
    tries: store.counter(COUNT_TRIES),
    givenUp: store.counter(COUNT_GIVEN_UP),
    full: store.counter(COUNT_FULL),
    noWay: store.counter(COUNT_NO_WAY),
    refused: store.counter(COUNT_REFUSED),
    forged: store.counter(COUNT_BAD),
  };
}
