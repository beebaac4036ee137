import { readU32, writeU32 } from "../cbor/big-endian.js";
import { CBOR_TOO_LARGE, type CborValue, decodeCbor, encodeCbor } from "../cbor/cbor.js";
import { cborEnd } from "../cbor/cbor-check.js";
import { cborFailure } from "../cbor-failure.js";
import { show } from "../checks.js";
import { isLivePeer } from "../engine/membership/probe-order.js";
import { nextHop } from "../engine/membership/routes.js";
import {
  HEAD_BYTES, KIND_BROADCAST, KIND_PING, KIND_QUERY, KIND_REPLY, KIND_SEND, LIFE_MAX, NEXT,
  OUTCOME_DELIVERED, OUTCOME_REFUSED, QUERY_BYTES,
} from "../engine/message/message.js";
import type { MessageProtocol } from "../engine/message/message-protocol.js";
import { sleepMs } from "../engine/message/sleepers.js";
import { FLAG_NEIGHBOUR, OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { DOWN } from "../engine/table/states.js";
import { invalid } from "../errors.js";
import { checkText } from "../events/check-text.js";
import { findNode } from "../find-node.js";
import type {
  Answer, Message, MessageOutcome, PingOptions, PingResult, QueryOptions, Reach, SendOptions,
} from "./message-types.js";

/** The node of the messages. */
export interface MessagingNode {
  /** The caller's time, a uint32 in ms. */
  nowMs(): number;
  /** Passes on what was posted, and calls back. */
  drain(isOwnRowNew: boolean): void;
  /** @throws Error ERR_STATE when the node is not running */
  checkRunning(method: string): void;
}

interface OpenMessage {
  number: number;
  startMs: number;
  onOutcome?: ((outcome: MessageOutcome) => void) | undefined;
  onAnswer?: ((answer: Answer) => void) | undefined;
  onEnd?: ((wasSent: boolean) => void) | undefined;
  onPong?: ((result: PingResult) => void) | undefined;
  /** Ids of the nodes that answered a query. */
  answered?: number[];
}

const TOPIC_BYTES_MAX = 31;
/** Topic of the query that nodes answer themselves, with the ids of their neighbours. Applications have none such. */
const TOPIC_OF_REACH = "";
const ROUNDS_DEFAULT = 12;
const TIMEOUT_LEAST = 100;
const TIMEOUT_MOST = LIFE_MAX;

/** Messages as the application sees them. */
export class MessageApi {
  readonly protocol: MessageProtocol;
  private readonly node: MessagingNode;
  private readonly port: number;
  private readonly onMessage: ((message: Message) => void) | undefined;
  /** Own messages of whose end the application is told. */
  private readonly opened: OpenMessage[] = [];
  /** Callbacks of messages that ended before they were sent. */
  private readonly ended: (() => void)[] = [];

  constructor(
    protocol: MessageProtocol, node: MessagingNode, port: number, onMessage: ((message: Message) => void) | undefined,
  ) {
    this.protocol = protocol;
    this.node = node;
    this.port = port;
    this.onMessage = onMessage;
  }

  private get rows(): Rows { return this.protocol.rows; }

  /** See `Gossip.send`. */
  send(to: number | string, topic: string, value: CborValue, options: SendOptions | undefined): void {
    const given = checkGiven("send", options, "timeoutMs onOutcome");
    const lifeMs = this.life("send", given.timeoutMs);
    const onOutcome = checkCallback("send", "onOutcome", given.onOutcome);
    const bytes = this.encode("send", topic, value);
    const slot = this.find("send", to);
    if (slot < 0) this.later(() => onOutcome === undefined ? undefined : onOutcome("unknown"));
    else {
      const mostMs = given.timeoutMs === undefined ? this.asleepLife(lifeMs, slot) : lifeMs;
      const number = this.post(KIND_SEND, this.rows.id(slot), bytes, mostMs, 0);
      if (onOutcome !== undefined) {
        if (number < 0) this.later(() => onOutcome("refused"));
        else this.opened.push({ number, startMs: 0, onOutcome });
      }
    }
    this.node.drain(false);
  }

  /** See `Gossip.broadcast`. */
  broadcast(topic: string, value: CborValue): boolean {
    const bytes = this.encode("broadcast", topic, value);
    this.node.checkRunning("broadcast");
    const number = this.post(KIND_BROADCAST, 0, bytes, this.life("broadcast", undefined), 0);
    this.node.drain(false);
    return number >= 0;
  }

  /** See `Gossip.query`. */
  query(topic: string, value: CborValue, options: QueryOptions | undefined): void {
    const given = checkGiven("query", options, "timeoutMs onAnswer onEnd");
    const lifeMs = this.life("query", given.timeoutMs);
    const onAnswer = checkCallback("query", "onAnswer", given.onAnswer);
    const onEnd = checkCallback("query", "onEnd", given.onEnd);
    const bytes = this.encode("query", topic, value);
    this.node.checkRunning("query");
    this.ask(bytes, lifeMs, onAnswer, onEnd);
  }

  /** See `Gossip.reachability`. */
  reachability(
    onReach: (reach: Reach) => void, timeoutMs: number | undefined, onEnd: ((wasSent: boolean) => void) | undefined,
  ): void {
    const lifeMs = this.life("reachability", timeoutMs);
    checkCallback("reachability", "onReach", onReach);
    checkCallback("reachability", "onEnd", onEnd);
    this.node.checkRunning("reachability");
    const onAnswer = (answer: Answer): void => {
      const ids = answer.value;
      if (!(ids instanceof Uint8Array)) return;
      onReach({ from: answer.from, neighbours: idsOf(ids, 0, ids.length), hops: answer.hops });
    };
    this.ask(this.encodeItems("reachability", TOPIC_OF_REACH, undefined), lifeMs, onAnswer, onEnd);
  }

  /** See `Gossip.ping`. */
  ping(to: number | string, options: PingOptions | undefined): void {
    const given = checkGiven("ping", options, "timeoutMs onPong");
    const lifeMs = this.life("ping", given.timeoutMs);
    const onPong = checkCallback("ping", "onPong", given.onPong);
    const slot = this.find("ping", to);
    const fail = (outcome: MessageOutcome): void => {
      if (onPong !== undefined) this.later(() => onPong({ outcome }));
    };
    const number = slot < 0 ? -1 : this.post(KIND_PING, this.rows.id(slot), 0, lifeMs, 0);
    if (slot < 0) fail("unknown");
    else if (number < 0) fail("refused");
    else this.opened.push({ number, startMs: this.node.nowMs(), onPong });
    this.node.drain(false);
  }

  /** See `Gossip.route`. */
  route(to: number | string): number[] | undefined {
    const rows = this.rows;
    let slot = findNode(rows, "route", to, this.port);
    if (slot <= OWN_SLOT || rows.state(slot) >= DOWN || nextHop(rows, slot) < 0) return undefined;
    const ids = [rows.id(slot)];
    while (!rows.hasFlag(slot, FLAG_NEIGHBOUR)) {
      slot = rows.via(slot);
      ids.unshift(rows.id(slot));
    }
    return ids;
  }

  /** Ids of the nodes that this one reaches directly, at most `most`. */
  neighbours(most: number): number[] {
    const rows = this.rows;
    const ids: number[] = [];
    for (let place = 0; place < rows.count && ids.length < most; place++) {
      const slot = rows.slotAt(place);
      if (isLivePeer(rows, slot) && rows.hasFlag(slot, FLAG_NEIGHBOUR)) ids.push(rows.id(slot));
    }
    return ids;
  }

  /** Calls back about all that arrived and ended, while the node is open. Returns whether there was anything. */
  notify(node: { isOpen(): boolean }): boolean {
    let any = false;
    while (node.isOpen() && this.notifyNext()) any = true;
    return any;
  }

  private notifyNext(): boolean {
    const call = this.ended.shift();
    if (call !== undefined) {
      call();
      return true;
    }
    const place = this.protocol.nextForApp();
    if (place < 0) return false;
    if (this.protocol.store.from(place) === this.rows.id(OWN_SLOT)) this.tellEnd(place);
    else this.take(place);
    return true;
  }

  /** An own message ended. */
  private tellEnd(place: number): void {
    const protocol = this.protocol;
    const store = protocol.store;
    const outcome = outcomeName(protocol.outcome(place));
    const opened = this.takeOpened(store.number(place));
    const at = store.at(place) + HEAD_BYTES;
    const isPong = opened !== undefined && opened.onPong !== undefined && outcome === "delivered";
    const thereEnd = isPong ? at + 1 + store.bytes[at] * 4 : at;
    const end = store.at(place) + store.length(place);
    const there = isPong ? idsOf(store.bytes, at + 1, Math.min(thereEnd, end)) : [];
    const back = isPong ? idsOf(store.bytes, thereEnd, end) : [];
    const tryMs = isPong ? store.get(place, NEXT) : 0;
    protocol.release(place);
    if (opened === undefined) return;
    if (opened.onOutcome !== undefined) opened.onOutcome(outcome);
    if (opened.onEnd !== undefined) opened.onEnd(true);
    if (opened.onPong === undefined) return;
    if (!isPong) {
      opened.onPong({ outcome });
      return;
    }
    const sinceMs = (this.node.nowMs() - opened.startMs) >>> 0;
    const ms = tryMs > 0 && tryMs < sinceMs ? tryMs : sinceMs;
    opened.onPong({ outcome, ms, there, back });
  }

  /** A message of another node arrived. */
  private take(place: number): void {
    const store = this.protocol.store;
    const payload = this.protocol.open(place);
    const kind = store.kind(place);
    let isTaken = false;
    try {
      if (payload < 0) return;
      isTaken = kind === KIND_REPLY ? this.takeReply(place, payload) : this.takeMessage(place, payload);
    } finally {
      this.protocol.settle(place, isTaken ? OUTCOME_DELIVERED : OUTCOME_REFUSED);
    }
  }

  /** Returns whether the application took it. */
  private takeMessage(place: number, payload: number): boolean {
    const store = this.protocol.store;
    const at = store.scratch() + HEAD_BYTES;
    const topicEnd = cborEnd(store.bytes, at, at + payload);
    if (topicEnd < 0) return false;
    const topic = decodeCbor(store.bytes, at, topicEnd);
    const value = decodeCbor(store.bytes, topicEnd, at + payload);
    if (!topic.ok || !value.ok || typeof topic.value !== "string") return false;
    const isQuery = store.kind(place) === KIND_QUERY;
    if (isQuery && topic.value === TOPIC_OF_REACH) {
      this.answerReach(place);
      return true;
    }
    if (this.onMessage === undefined) return false;
    const message: Message = {
      from: store.from(place), topic: topic.value, value: value.value, hops: this.protocol.arrivedHops(place),
    };
    if (isQuery) message.reply = this.replier(place);
    this.onMessage(message);
    return true;
  }

  /** Answers a query of one place, once. */
  private replier(place: number): (value: CborValue) => boolean {
    const store = this.protocol.store;
    const to = store.from(place);
    const query = store.number(place);
    const startMs = this.node.nowMs();
    const lifeMs = this.protocol.leftMs(place);
    let isDone = false;
    return (value) => {
      const bytes = this.encodeReply(value);
      const leftMs = lifeMs - ((this.node.nowMs() - startMs) >>> 0);
      const slot = this.rows.find(to);
      if (isDone || leftMs <= 0 || slot <= OWN_SLOT || this.rows.state(slot) >= DOWN) return false;
      isDone = this.post(KIND_REPLY, to, bytes, leftMs, query) >= 0;
      if (isDone) this.node.drain(false);
      return isDone;
    };
  }

  private answerReach(place: number): void {
    const store = this.protocol.store;
    const ids = this.neighbours((store.bytesMax - 3) >>> 2);
    const bytes = new Uint8Array(ids.length * 4);
    for (let i = 0; i < ids.length; i++) writeU32(bytes, i * 4, ids[i]);
    this.replier(place)(bytes);
  }

  /** Each node's first answer goes to the application, while it waits. */
  private takeReply(place: number, payload: number): boolean {
    const store = this.protocol.store;
    const at = store.scratch() + HEAD_BYTES;
    const query = readU32(store.bytes, at);
    const value = decodeCbor(store.bytes, at + QUERY_BYTES, at + QUERY_BYTES + payload);
    if (!value.ok) return false;
    const opened = this.findOpened(query);
    const from = store.from(place);
    if (opened === undefined || opened.answered === undefined || opened.answered.indexOf(from) >= 0) return true;
    opened.answered.push(from);
    const hops = this.protocol.arrivedHops(place);
    if (opened.onAnswer !== undefined) opened.onAnswer({ from, value: value.value, hops });
    return true;
  }

  private ask(
    bytes: number, lifeMs: number, onAnswer: ((answer: Answer) => void) | undefined,
    onEnd: ((wasSent: boolean) => void) | undefined,
  ): void {
    const number = this.post(KIND_QUERY, 0, bytes, lifeMs, 0);
    if (number >= 0) this.opened.push({ number, startMs: 0, onAnswer, onEnd, answered: [] });
    else if (onEnd !== undefined) this.later(() => onEnd(false));
    this.node.drain(false);
  }

  private later(call: () => void): void { this.ended.push(call); }

  private post(kind: number, to: number, bytes: number, lifeMs: number, query: number): number {
    return this.protocol.post(this.node.nowMs(), kind, to, bytes, lifeMs, query);
  }

  private findOpened(number: number): OpenMessage | undefined {
    for (let i = 0; i < this.opened.length; i++) if (this.opened[i].number === number) return this.opened[i];
    return undefined;
  }

  private takeOpened(number: number): OpenMessage | undefined {
    const opened = this.findOpened(number);
    if (opened !== undefined) this.opened.splice(this.opened.indexOf(opened), 1);
    return opened;
  }

  /** The slot of the row of a live node; -1: there is none. */
  private find(method: string, to: number | string): number {
    const slot = findNode(this.rows, method, to, this.port);
    if (slot === OWN_SLOT) throw invalid(method, "to", `${show(to)} is this node itself`, true);
    this.node.checkRunning(method);
    return slot >= 0 && this.rows.state(slot) < DOWN ? slot : -1;
  }

  private life(method: string, timeoutMs: number | undefined): number {
    const roundMs = this.protocol.clock.roundIntervalMs;
    if (timeoutMs === undefined) return Math.min(roundMs * ROUNDS_DEFAULT, TIMEOUT_MOST);
    const isNumber = typeof timeoutMs === "number";
    const isInteger = isNumber && Math.floor(timeoutMs) === timeoutMs;
    if (isInteger && timeoutMs >= TIMEOUT_LEAST && timeoutMs <= TIMEOUT_MOST) return timeoutMs;
    const range = `an integer from ${TIMEOUT_LEAST} to ${TIMEOUT_MOST}`;
    throw invalid(method, "timeoutMs", `${show(timeoutMs)} is not ${range}`, isNumber);
  }

  /**
   * The default time of a message when an end sleeps: a receiver has the time until its word is over, too. A sender
   * that sleeps gets its receipt in a later waking.
   */
  private asleepLife(lifeMs: number, slot: number): number {
    if (this.rows.isAsleep(OWN_SLOT)) return LIFE_MAX;
    return Math.min(lifeMs + sleepMs(this.rows, this.protocol.clock, slot), LIFE_MAX);
  }

  /** Encodes topic and value into the scratch. Returns their bytes. */
  private encode(method: string, topic: string, value: CborValue): number {
    checkText(method, "topic", topic, 1, TOPIC_BYTES_MAX);
    return this.encodeItems(method, topic, value);
  }

  private encodeItems(method: string, topic: string, value: CborValue): number {
    const store = this.protocol.store;
    const at = store.scratch() + HEAD_BYTES;
    const topicEnd = encodeCbor(topic, store.bytes, at);
    return this.encoded(method, at, topicEnd < 0 ? topicEnd : encodeCbor(value, store.bytes, topicEnd));
  }

  private encodeReply(value: CborValue): number {
    const store = this.protocol.store;
    const at = store.scratch() + HEAD_BYTES + QUERY_BYTES;
    return this.encoded("reply", at, encodeCbor(value, store.bytes, at));
  }

  private encoded(method: string, at: number, end: number): number {
    const most = this.protocol.store.bytesMax;
    const problem = end >= 0 && end - at > most ? CBOR_TOO_LARGE : end;
    if (problem < 0) throw cborFailure(method, problem, most, "messages.messageBytesMax");
    return end - at;
  }
}

function outcomeName(outcome: number): MessageOutcome {
  return outcome === OUTCOME_DELIVERED ? "delivered" : outcome === OUTCOME_REFUSED ? "refused" : "timeout";
}

function idsOf(bytes: Uint8Array, start: number, end: number): number[] {
  const ids: number[] = [];
  for (let at = start; at + 4 <= end; at += 4) ids.push(readU32(bytes, at));
  return ids;
}

function checkGiven<Options extends object>(method: string, options: Options | undefined, names: string): Options {
  if (options === undefined) return {} as Options;
  if (typeof options !== "object" || options === null) {
    throw invalid(method, "options", `${show(options)} is not an object`, false);
  }
  const keys = Object.keys(options);
  for (let i = 0; i < keys.length; i++) {
    if (` ${names} `.indexOf(` ${keys[i]} `) < 0) throw invalid(method, keys[i], "there is no such option", false);
  }
  return options;
}

function checkCallback<Callback>(method: string, name: string, callback: Callback): Callback {
  if (callback === undefined || typeof callback === "function") return callback;
  throw invalid(method, name, `${show(callback)} is not a function`, false);
}
