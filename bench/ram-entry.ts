/*
 * The program that the RAM benchmark runs inside XS. Commands, one per line:
 *   gossip rows datagramBytes    creates a node: `Gossip` with its engine and buffers, on a platform that does nothing
 *   engine rows datagramBytes    creates an engine with one datagram buffer
 *   feeds rows datagramBytes n   the same with event feeds and an event buffer of n bytes
 *   messages rows datagramBytes n queue bytes senders   that with messages, too
 *   map rows                     creates the rows alone, as a Map of objects, for comparison
 *   rows n                       gives the engine n rows of other nodes, with a value of 3 bytes each
 *   load first|syn|row|full      prepares a datagram: the first one, with limits; in sync; with one fresher row; or
 *                                with requests for as many rows as a datagram holds
 *   batch like|unlike            creates a node, and prepares a datagram with 16 events of 30 bytes that are like each
 *                                other, or not; SHA-256 takes no steps, as in the firmware of a board
 *   write                        writes that datagram once more; answers its bytes
 *   receive                      delivers it to the engine and polls all outputs; answers the number of bytes sent
 *   round                        lets the engine's first round come, which begins a pass, without its datagrams
 *   traffic n                    lets the engine and a peer exchange n datagrams
 *   idle                         does nothing: what a line costs by itself
 *
 * Engines are driven here and not by `EngineNetwork`, whose copies of datagrams
 * would count as the engine's memory.
 */
import { Engine } from "../src/engine/index.js";
import { BatchWriter } from "../src/engine/feed/batch-writer.js";
import { Hlc } from "../src/engine/feed/hlc.js";
import { EventData } from "../src/engine/feed/event.js";
import { KIND_LOG, KIND_SET } from "../src/engine/feed/kinds.js";
import { Reader } from "../src/engine/wire/cursor.js";
import type { Digest } from "../src/digest/digest.js";
import { Sha256 } from "../src/digest/sha256.js";
import {
  COUNT_DELIVERED, HEAD_BYTES, KIND_BROADCAST, KIND_SEND, OUTCOME_DELIVERED, OUTCOME_REFUSED,
} from "../src/engine/message/message.js";
import { RowData, Rows } from "../src/engine/table/rows.js";
import { FrameWriter } from "../src/engine/wire/frame-writer.js";
import { NO_NETWORK, SECTION_EVENTS, SECTION_WANT, TYPE_SYN } from "../src/engine/wire/frame.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip, type GossipOptions } from "../src/gossip.js";
import { type MessageOptions, messages } from "../src/messages/index.js";
import { PORT, engineOptions } from "../test/support/engine-options.js";
import { publishEvent } from "../test/support/publish-event.js";

const VALUE = [0xf9, 0x4d, 0x60];
const VALUE_BYTES_MAX = 24;
/** Rows of 12 bytes that a datagram of 512 bytes holds. */
const FULL_ROWS = 39;
const EVENT_BYTES_MAX = 128;
const FIRST_ADDRESS = 0xc0a80001;
const BATCH_EVENTS = 16;
/** Takes few steps, as the firmware's SHA-256 does. */
const QUICK_DIGEST: Digest = {
  sha256: (bytes, at, length, _rest, _restAt, _restLength, out, outAt) => {
    for (let i = 0; i < 8; i++) out[outAt + i] = (bytes[at + length - 1 - i] + i + 1) & 0xff;
  },
};

interface PlainRow {
  id: number;
  address: number;
  port: number;
  revision: number;
  heartbeat: number;
  state: number;
  deadline: number;
  news: number;
  value: Uint8Array;
}

class Bench {
  held: unknown[] = [];
  engine: Engine | undefined;
  peer: Rows | undefined;
  author: Engine | undefined;
  batches: BatchWriter | undefined;
  incoming: Uint8Array | undefined;
  length = 0;
  counter = 0;
  nowMs = 1000;
  feedBytes = 0;
  messageOptions: MessageOptions | undefined;
  /** Created here, so that it is not counted: boards have SHA-256 in their firmware. */
  readonly digest = new Sha256();
  out: { bytes: Uint8Array; length: number; address: number; port: number } | undefined;
  readonly event = { kind: 0, slot: 0, detail: 0 };
  readonly writer = new FrameWriter();

  line(text: string): string {
    const words = text.split(" ");
    const count = Number(words[1]);
    switch (words[0]) {
      case "idle": return "ok";
      case "gossip": this.held.push(makeGossip(count, Number(words[2]))); return "ok";
      case "engine": this.makeEngine(count, Number(words[2]), 0); return "ok";
      case "feeds": this.makeEngine(count, Number(words[2]), Number(words[3])); return "ok";
      case "messages": {
        const [queue, messageBytesMax, senders] = words.slice(4).map(Number);
        this.makeEngine(count, Number(words[2]), Number(words[3]), { queue, messageBytesMax, senders });
        return "ok";
      }
      case "map": this.held.push(makeMap(count)); return "ok";
      case "rows": return this.giveRows(count);
      case "load": return this.load(words[1]);
      case "batch": return this.makeBatch(words[1] === "like");
      case "write": return String(this.writeBatch());
      case "receive": return String(this.receive());
      case "round": this.engine!.tick(this.engine!.nextDeadline()); return "ok";
      case "traffic": return this.traffic(count);
      default: return "error";
    }
  }

  private makeEngine(
    rows: number, datagramBytesMax: number, feedBytes: number, messageOptions?: MessageOptions, digest?: Digest,
  ): void {
    const engine = makeEngine(1, rows, datagramBytesMax, feedBytes, digest ?? this.digest, messageOptions);
    this.feedBytes = feedBytes;
    this.messageOptions = messageOptions;
    engine.start(this.nowMs, 1, true);
    this.engine = engine;
    this.out = { bytes: new Uint8Array(datagramBytesMax), length: 0, address: 0, port: 0 };
  }

  /** Fills a peer's table, and the engine with the same rows. */
  private giveRows(count: number): string {
    const peer = new Rows(count + 1, VALUE_BYTES_MAX);
    this.peer = peer;
    this.incoming = new Uint8Array(1472);
    for (let id = 2; id < count + 2; id++) {
      put(peer, id, 1, 60);
      put(this.engine!.rows, id, 1, 60);
    }
    for (let place = 0; place < this.engine!.rows.count; place++) {
      this.engine!.rows.setTransmitsLeft(this.engine!.rows.slotAt(place), 0);
    }
    put(peer, 1, 1, 0);
    return String(this.engine!.rows.count);
  }

  /** Writes a SYN of node 2, whose row is the first in the peer's table. */
  private load(kind: string): string {
    const peer = this.peer!;
    const writer = this.writer;
    if (kind === "row") put(peer, 3, 1, peer.heartbeat(peer.find(3)) + 1);
    writer.begin(this.incoming!, 1472, TYPE_SYN, 0, peer, ++this.counter, 0);
    if (kind === "row") {
      writer.beginRows();
      writer.writeRow(peer, peer.find(3), false);
      writer.endSection();
    } else if (kind === "first") {
      writer.writeLimits(VALUE_BYTES_MAX, 0, peer.capacity, NO_NETWORK);
    } else if (kind === "full") {
      writer.beginIds(SECTION_WANT);
      for (let id = 3; id < 3 + FULL_ROWS; id++) writer.writeId(id);
      writer.endSection();
    }
    this.length = writer.length();
    return String(this.length);
  }

  /** An author with 16 events, and a node that has none of them. */
  private makeBatch(isLike: boolean): string {
    this.makeEngine(4, 512, 4096, undefined, QUICK_DIGEST);
    put(this.engine!.rows, 2, 1, 60);
    this.author = makeEngine(2, 4, 512, 4096, QUICK_DIGEST);
    this.author.start(this.nowMs, 1, true);
    this.incoming = new Uint8Array(1472);
    const text = new Uint8Array(30);
    text[0] = 0x78;
    text[1] = 28;
    for (let n = 0; n < BATCH_EVENTS; n++) {
      // Words of 7 letters with a digit and a space between them: other digits, or also other letters.
      for (let i = 2; i < 30; i++) {
        text[i] = i % 9 === 0 ? 0x30 + n % 10 : i % 9 === 1 ? 0x20 : 0x61 + (isLike ? i : i * (n + 1)) % 26;
      }
      publishEvent(this.author, this.nowMs + n * 100, KIND_LOG, "topic", "", 0, text, text.length);
    }
    drainEvents(this.author, this.event);
    this.batches = new BatchWriter(this.author.feed!.feeds, new Hlc(), new Reader(), new EventData());
    return String(this.writeBatch());
  }

  private writeBatch(): number {
    const writer = this.writer;
    const author = this.author!;
    writer.begin(this.incoming!, 1472, TYPE_SYN, 0, author.rows, ++this.counter, 0);
    writer.beginEvents(SECTION_EVENTS);
    this.batches!.begin();
    this.batches!.writeBatch(writer, 0, 1);
    writer.endSection();
    this.length = writer.length();
    return this.length;
  }

  private receive(): number {
    const engine = this.engine!;
    engine.receive(this.nowMs, FIRST_ADDRESS + 1, PORT, this.incoming!, this.length);
    drainEvents(engine, this.event);
    let sent = 0;
    while (engine.pollTransmit(this.out!)) sent += this.out!.length;
    return sent;
  }

  /** Runs two engines that publish now and then. One in ten datagrams is lost. */
  private traffic(count: number): string {
    const engine = this.engine!;
    const peer = makeEngine(2, engine.rows.capacity, 512, this.feedBytes, this.digest, this.messageOptions);
    const nodes = [engine, peer];
    peer.seeds.pin(FIRST_ADDRESS, PORT);
    peer.start(this.nowMs, 1, true);
    const value = new Uint8Array(VALUE);
    const out = this.out!;
    let datagrams = 0;
    let turn = 0;
    while (datagrams < count) {
      const node = nodes[turn & 1];
      const other = nodes[1 - (turn & 1)];
      this.nowMs = (this.nowMs + 250) >>> 0;
      if (turn % 5 === 0) postTurn(node, 2 - (turn & 1), this.nowMs, turn);
      if (turn % 23 === 0 && node.feed !== undefined) {
        publishTurn(this, node, turn);
      } else if (turn % 37 === 0) {
        value[2] = turn & 255;
        node.publish(this.nowMs, value, 3, 0, 0);
      } else {
        node.tick(this.nowMs);
      }
      datagrams += exchange(this, node, other, out, turn & 1);
      drainMessages(node, turn);
      drainMessages(other, turn);
      turn++;
    }
    // Otherwise a figure about messages would show nothing.
    const posted = engine.messages;
    if (posted !== undefined && posted.store.counter(COUNT_DELIVERED) === 0) throw new Error("no message arrived");
    return String(datagrams);
  }
}

/** Delivers a node's datagrams and the answers, until neither node sends one. */
function exchange(bench: Bench, first: Engine, second: Engine, out: NonNullable<Bench["out"]>, from: number): number {
  let sender = first;
  let receiver = second;
  let address = FIRST_ADDRESS + from;
  let datagrams = 0;
  for (let hop = 0; hop < 6; hop++) {
    drainEvents(sender, bench.event);
    if (!sender.pollTransmit(out)) break;
    datagrams++;
    if (datagrams % 10 === 9) break;
    receiver.receive(bench.nowMs, address, PORT, out.bytes, out.length);
    const swap = sender;
    sender = receiver;
    receiver = swap;
    address = FIRST_ADDRESS + FIRST_ADDRESS + 1 - address;
  }
  return datagrams;
}

/** Logs an event, or sets one of four values. */
function publishTurn(bench: Bench, node: Engine, turn: number): void {
  const payload = new Uint8Array([0x19, (turn >>> 8) & 255, turn & 255]);
  if ((turn & 0xff00) === 0) payload[1] = 1;
  const kind = turn & 1 ? KIND_LOG : KIND_SET;
  publishEvent(node, bench.nowMs, kind, "topic", `key ${turn & 3}`, 0, payload, payload.length);
}

/** Posts a message for the other node, or for all. */
function postTurn(node: Engine, to: number, nowMs: number, turn: number): void {
  const posted = node.messages;
  if (posted === undefined) return;
  const store = posted.store;
  const at = store.scratch() + HEAD_BYTES;
  // The topic "t" and a number.
  store.bytes[at] = 0x61;
  store.bytes[at + 1] = 0x74;
  store.bytes[at + 2] = turn % 24;
  const kind = turn % 3 === 0 ? KIND_BROADCAST : KIND_SEND;
  posted.post(nowMs, kind, kind === KIND_SEND ? to : 0, 3, 60000, 0);
}

/** Takes what arrived and what ended, as an application would. Some messages it refuses. */
function drainMessages(node: Engine, turn: number): void {
  const posted = node.messages;
  if (posted === undefined) return;
  for (let place = posted.nextForApp(); place >= 0; place = posted.nextForApp()) {
    if (posted.store.from(place) === node.rows.id(0)) posted.release(place);
    else posted.settle(place, posted.open(place) === 3 && turn % 7 !== 0 ? OUTCOME_DELIVERED : OUTCOME_REFUSED);
  }
}

function makeEngine(
  id: number, capacity: number, datagramBytesMax: number, feedBytes: number, digest: Digest,
  messageOptions?: MessageOptions,
): Engine {
  return new Engine(engineOptions({
    id, address: FIRST_ADDRESS + id - 1, capacity, valueBytesMax: VALUE_BYTES_MAX, datagramBytesMax, randomSeed: 7,
    feeds: feedBytes === 0 ? undefined
    : eventFeeds({ bytes: feedBytes, eventBytesMax: EVENT_BYTES_MAX }).engineFeeds(datagramBytesMax, digest),
    messages: messageOptions === undefined ? undefined : messages(messageOptions).engineMessages(datagramBytesMax),
  }));
}

function drainEvents(engine: Engine, event: Bench["event"]): void {
  let more = true;
  while (more) more = engine.pollNotification(event);
  const arena = engine.feed === undefined ? undefined : engine.feed.feeds.arena;
  while (arena !== undefined && arena.nextUnnotified() !== 0) continue;
}

/** Merges a row of node `id`, at the address that goes with it. */
function put(rows: Rows, id: number, revision: number, heartbeat: number): void {
  const row = new RowData();
  row.id = id;
  row.address = FIRST_ADDRESS + id - 1;
  row.port = PORT;
  row.revision = revision;
  row.heartbeat = heartbeat;
  row.valueLength = VALUE.length;
  rows.merge(row, new Uint8Array(VALUE));
}

function makeGossip(capacity: number, datagramBytesMax: number): Gossip {
  const options: GossipOptions = {
    socket: {
      bind: () => undefined, send: () => undefined, ownAddress: () => FIRST_ADDRESS, deviceId: () => 1,
      close: () => undefined,
    },
    clock: { nowMs: () => 0, setTimer: () => 1, clearTimer: () => undefined },
    capacity, datagramBytesMax, valueBytesMax: VALUE_BYTES_MAX,
  };
  const gossip = new Gossip(options);
  gossip.start();
  return gossip;
}

function makeMap(count: number): Map<number, PlainRow> {
  const map = new Map<number, PlainRow>();
  for (let id = 1; id <= count; id++) {
    map.set(id, {
      id, address: FIRST_ADDRESS + id, port: PORT, revision: 1, heartbeat: 60, state: 0, deadline: 0, news: 0,
      value: new Uint8Array(VALUE),
    });
  }
  return map;
}

let bench: Bench | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    bench ??= new Bench();
    return bench.line(text);
  },
};
