import type { CborValue } from "../cbor/cbor.js";

/**
 * How a message to a node ended:
 *
 * - `"delivered"`: the receiver's `onMessage` returned;
 * - `"refused"`: the receiver has no `onMessage`, or it threw; or this node has no room for another message now;
 * - `"unknown"`: no live node has the id, name or address;
 * - `"timeout"`: nothing of that came back in time. The message may have been delivered all the same;
 * - `"closed"`: this node was closed before. Only promises of Node.js have it: a closed node calls nothing back.
 */
export type MessageOutcome = "delivered" | "timeout" | "unknown" | "refused" | "closed";

/** A message that arrived. */
export interface Message<Value extends CborValue = CborValue> {
  /** Id of the node that sent it. */
  from: number;
  topic: string;
  value: Value;
  /** Links that it took: 1 to 32; 1 from a neighbour. */
  hops: number;
  /**
   * Of a query: answers it, now or until the query's time is over. Returns whether the answer is on its way: false
   * for a second answer, when the time is over, and when this node has no room for another message now.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT when the value is no CBOR or too long. Another call may answer then;
   * an `onMessage` that does not catch it has thrown, which refuses the query
   */
  reply?: (value: CborValue) => boolean;
}

/** Options of `send`. */
export interface SendOptions {
  /** How long the message is repeated and may be under way, in ms: 100 to 14,400,000; 12 rounds by default. */
  timeoutMs?: number;
  /** Called once; before `send` returns if the outcome is known at once. */
  onOutcome?: (outcome: MessageOutcome) => void;
}

/** An answer to a query. */
export interface Answer<Value extends CborValue = CborValue> {
  /** Id of the node that answered. */
  from: number;
  value: Value;
  /** Links that the answer took: 1 to 32. */
  hops: number;
}

/** Options of `query`. */
export interface QueryOptions<Value extends CborValue = CborValue> {
  /** How long answers are taken, in ms: 100 to 14,400,000; 12 rounds by default. */
  timeoutMs?: number;
  /** Called with each answer as it comes; each node answers once. */
  onAnswer?: (answer: Answer<Value>) => void;
  /** Called once when the time is over; with false, at once, when this node has no room for another message now. */
  onEnd?: (wasSent: boolean) => void;
}

/** What `ping` found. */
export interface PingResult {
  /** "delivered" when the node answered. */
  outcome: MessageOutcome;
  /** Round trip in ms; of the last try if that was answered. As `there` and `back`, missing without an answer. */
  ms?: number;
  /** Ids of the relays on the way there, as far as there was room; empty for a neighbour. */
  there?: number[];
  /** Ids of the relays on the way back. */
  back?: number[];
}

/** Options of `ping`. */
export interface PingOptions {
  /** As in `SendOptions`. */
  timeoutMs?: number;
  /** Called once; before `ping` returns if the outcome is known at once. */
  onPong?: (result: PingResult) => void;
}

/** Whom a node reaches directly, as it says itself. */
export interface Reach {
  /** Id of the node. */
  from: number;
  /** Ids of its neighbours, as many as a message has room for. */
  neighbours: number[];
  hops: number;
}
