/*
 * Drives one engine by lines of text, so that any JavaScript engine can be
 * driven by any program. Each line is one input and is answered by one line: a
 * hash of all outputs, or the outputs themselves after "verbose".
 *
 *   new id address port capacity valueBytesMax datagramBytesMax roundIntervalMs removeAfterMs seedCapacity
 *       broadcastAddress randomSeed feedBytes eventBytesMax     a new node in place of the one before
 *   dialect name                                        what the next new node speaks
 *   key hexadecimal|-                                    what the next new node seals with; - for nothing
 *   signing hexadecimal|-                               private key with which the next new node signs; - for none
 *   pin address port                                    a seed
 *   recall address port                                 a seed from the storage
 *   start nowMs revision isRemembered
 *   tick nowMs
 *   receive nowMs address port bytes
 *   publish nowMs address port [bytes]
 *   time nowMs days ms                                  what the platform's clock says: days since 1970 and ms
 *   event nowMs kind topic key ttlSeconds [bytes]       something is said; "-" is an empty key
 *   messages queue bytesMax senders 0|1                 what the next new node has, see messages.ts; queue 0: none
 *   message nowMs how id timeoutMs value                something is sent to the node with an id, or to all
 *   timekeeping nowMs days ms                           the next new node has the time part, and its platform's clock
 *       says this at nowMs; days 0: it has no clock
 *   sleep nowMs seconds                                 the node sleeps; 0: it wakes
 *   verbose 0|1
 *
 * Numbers are decimal uint32, bytes hexadecimal. Outputs are, in this order,
 *   event kind id state …, datagram address port bytes …, told author generation sequence …, what messages.ts tells
 *   of messages …, kept length hasAnswer isQuiet bytes of a node that sleeps, deadline ms, revision n, root first
 *   second, frontier word time
 *
 * The harness takes the outputs by itself: on a board's stack and memory there
 * is no room for the copies that the helpers in test/support make.
 */
import {
  type Dialect, Engine, type EngineOptions, type NodeEngine, OWN_SLOT, type Sealing,
} from "../../src/engine/index.js";
import type { SleeperMaker } from "../../src/engine/options.js";
import { Sha256 } from "../../src/digest/sha256.js";
import { eventFeeds } from "../../src/events/index.js";
import { pureSealing } from "../../src/sealing/aes.js";
import { parseKey } from "../../src/sealing/key.js";
import type { HarnessMessages } from "./messages.js";
import type { GossipClock } from "../../src/platform/types.js";
import type { SignedFeeds } from "../../src/signing/index.js";
import type { NetworkTime, NetworkTimeOptions } from "../../src/time/index.js";
import { publishEvent } from "../support/publish-event.js";

const RECEIVE_BYTES_MAX = 1472;

export class Harness {
  private engine: NodeEngine | undefined;
  private dialect: Dialect = compact;
  private sealing: Sealing | undefined;
  private key = "-";
  private secret = "-";
  private verbose = false;
  private text = "";
  private hash = 0;
  private readonly incoming = new Uint8Array(RECEIVE_BYTES_MAX);
  private readonly out = { bytes: new Uint8Array(RECEIVE_BYTES_MAX), length: 0, address: 0, port: 0 };
  private readonly event = { kind: 0, slot: 0, detail: 0 };

  private readonly dialects: Record<string, Dialect>;
  private readonly messages: HarnessMessages | undefined;
  private readonly sleeper: SleeperMaker | undefined;
  private readonly makeTime: ((options: NetworkTimeOptions) => NetworkTime) | undefined;
  private readonly makeSigning: ((secret: string) => SignedFeeds) | undefined;
  /** The clock of the next new node; undefined: it has no time part. */
  private clock: HarnessClock | undefined;

  /**
   * @param dialects what nodes may speak beside compact frames
   * @param makeMessages of nodes that have messages; without it the program has none of their code
   * @param sleeper of nodes that may sleep; likewise
   * @param makeTime of nodes that have the time; likewise
   * @param makeSigning of nodes that sign; likewise
   */
  constructor(
    dialects: Record<string, Dialect> | undefined,
    makeMessages?: (tell: HarnessMessages["tell"]) => HarnessMessages,
    sleeper?: SleeperMaker,
    makeTime?: (options: NetworkTimeOptions) => NetworkTime,
    makeSigning?: (secret: string) => SignedFeeds,
  ) {
    this.makeSigning = makeSigning;
    this.sleeper = sleeper;
    this.makeTime = makeTime;
    this.dialects = dialects ?? {};
    if (makeMessages !== undefined) this.messages = makeMessages((name, a, b, c) => this.put(name, a, b, c));
  }

  line(text: string): string {
    const words = text.split(" ");
    const command = words[0];
    if (command === "verbose") {
      this.verbose = words[1] === "1";
      return "ok";
    }
    if (command === "dialect") {
      this.dialect = this.dialects[words[1]] ?? compact;
      return "ok";
    }
    if (command === "key") {
      this.key = words[1];
      return "ok";
    }
    if (command === "signing") {
      this.secret = words[1];
      return "ok";
    }
    const messages = this.messages;
    if (command === "messages") {
      if (messages !== undefined) messages.configure(words);
      return "ok";
    }
    if (command === "timekeeping") {
      this.clock = new HarnessClock(Number(words[1]), Number(words[2]), Number(words[3]));
      return "ok";
    }
    if (command === "new") {
      const makeSigning = this.secret === "-" ? undefined : this.makeSigning;
      const options = optionsOf(words, makeSigning === undefined ? undefined : makeSigning(this.secret));
      if (this.clock !== undefined && this.makeTime !== undefined) {
        options.links = this.makeTime({ clock: this.clock.hasTime() }).engineLinks(undefined, this.clock);
      }
      options.sleeper = this.sleeper;
      if (messages !== undefined) options.messages = messages.engineMessages(options.datagramBytesMax);
      if (this.key !== "-") {
        if (this.sealing === undefined) this.sealing = pureSealing();
        options.sealer = this.sealing(parseKey("key", this.key), undefined);
      }
      this.engine = this.dialect(options);
      if (messages !== undefined) messages.bind(this.engine, options.port);
      return "ok";
    }
    const engine = this.engine;
    if (engine === undefined) return "error: no node";
    // What was said in vain is no input: nothing is drained after it.
    if (command === "event" && !this.say(engine, words)) return "refused";
    if (command !== "event" && !this.input(engine, command, words)) return "error: " + text;
    return this.drain(engine);
  }

  private input(engine: NodeEngine, command: string, words: string[]): boolean {
    const nowMs = Number(words[1]);
    if (this.messages !== undefined) this.messages.begin(nowMs);
    if (this.clock !== undefined) this.clock.at = nowMs;
    switch (command) {
      case "pin":
        engine.addSeed(nowMs, Number(words[2]));
        return true;
      case "recall":
        engine.seeds.recall(nowMs, Number(words[2]));
        return true;
      case "time":
        if (engine.feed !== undefined) engine.feed.hlc.setPhysical(nowMs, Number(words[2]) * DAY_MS + Number(words[3]));
        return true;
      case "start":
        if (engine.feed !== undefined) engine.feed.endRestore();
        engine.start(nowMs, Number(words[2]), words[3] === "1");
        return true;
      case "tick":
        engine.tick(nowMs);
        return true;
      case "receive":
        engine.receive(nowMs, Number(words[2]), Number(words[3]), this.incoming, this.bytes(words[4]));
        return true;
      case "publish":
        engine.publish(nowMs, this.incoming, this.bytes(words[4]), Number(words[2]), Number(words[3]));
        return true;
      case "message":
        if (this.messages !== undefined) this.messages.talk(words);
        return true;
      case "sleep":
        if (engine.sleep !== undefined) engine.sleep(nowMs, Number(words[2]));
        return true;
      default:
        return false;
    }
  }

  /** Returns whether the node could say it. */
  private say(engine: NodeEngine, words: string[]): boolean {
    if (engine.feed === undefined) return false;
    const nowMs = Number(words[1]);
    if (this.clock !== undefined) this.clock.at = nowMs;
    const key = words[4] === "-" ? "" : words[4];
    const payload = this.bytes(words[6]);
    return publishEvent(
      engine, nowMs, Number(words[2]), words[3], key, Number(words[5]), this.incoming, payload,
    ) >= 0;
  }

  /** Tells, as applications do, of all events that were not told. */
  private tell(engine: NodeEngine): void {
    if (engine.feed === undefined) return;
    const feeds = engine.feed.feeds;
    for (let record = feeds.arena.nextUnnotified(); record !== 0; record = feeds.arena.nextUnnotified()) {
      const slot = feeds.arena.owner(record);
      this.put("told", feeds.author(slot), feeds.generation(slot), feeds.arena.sequence(record));
    }
  }

  /** Reads hexadecimal text into `incoming` and returns how many bytes. */
  private bytes(hex: string | undefined): number {
    if (hex === undefined) return 0;
    for (let i = 0; i < hex.length; i += 2) {
      this.incoming[i >> 1] = (nibble(hex.charCodeAt(i)) << 4) | nibble(hex.charCodeAt(i + 1));
    }
    return hex.length >> 1;
  }

  private drain(engine: NodeEngine): string {
    const rows = engine.rows;
    this.text = "";
    this.hash = FNV_OFFSET;
    while (engine.pollNotification(this.event)) {
      const slot = this.event.slot;
      this.put("event", this.event.kind, rows.id(slot), rows.state(slot));
    }
    while (engine.pollTransmit(this.out)) {
      this.put("datagram", this.out.address, this.out.port, this.out.length);
      this.sayBytes(this.out.bytes, this.out.length);
    }
    this.tell(engine);
    if (this.messages !== undefined) this.messages.notify();
    const sleeper = engine.sleeper;
    if (sleeper !== undefined && sleeper.isAsleep) {
      const length = sleeper.keep(this.out.bytes, engine.feed);
      this.put("kept", length, sleeper.hasAnswer ? 1 : 0, sleeper.isQuiet ? 1 : 0);
      this.sayBytes(this.out.bytes, length);
    }
    this.put("deadline", engine.nextDeadline(), engine.revision(), rows.heartbeat(OWN_SLOT));
    this.put("root", rows.tableHash.first >>> 0, rows.tableHash.second >>> 0, rows.count);
    if (engine.feed !== undefined && rows.feedsHash !== undefined) {
      this.put("frontier", rows.feedsHash.word() >>> 0, engine.feed.hlc.ms % DAY_MS, engine.feed.hlc.counter);
    }
    return this.verbose ? this.text : (this.hash >>> 0).toString(16);
  }

  private put(name: string, a: number, b: number, c: number): void {
    this.mixWord(a);
    this.mixWord(b);
    this.mixWord(c);
    if (this.verbose) this.text += `${this.text === "" ? "" : " "}${name} ${a} ${b} ${c}`;
  }

  private sayBytes(bytes: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) this.mix(bytes[i]);
    if (!this.verbose) return;
    this.text += " ";
    for (let i = 0; i < length; i++) this.text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  }

  private mixWord(word: number): void {
    this.mix(word >>> 24);
    this.mix((word >>> 16) & 255);
    this.mix((word >>> 8) & 255);
    this.mix(word & 255);
  }

  /** FNV-1a, 32 bits; its prime, 0x01000193, taken apart because not all engines multiply 32 bits exactly. */
  private mix(byte: number): void {
    const hash = this.hash ^ byte;
    this.hash = ((hash << 24) + (hash << 8) + hash * 0x93) | 0;
  }
}

/** A platform's clock that goes on with the inputs. */
class HarnessClock implements GossipClock {
  at: number;
  private readonly startMs: number;
  private readonly days: number;
  private readonly ms: number;

  constructor(startMs: number, days: number, ms: number) {
    this.at = startMs;
    this.startMs = startMs;
    this.days = days;
    this.ms = ms;
  }

  hasTime(): boolean { return this.days !== 0; }
  nowMs(): number { return this.at; }
  physicalMs(): number { return this.days * DAY_MS + this.ms + ((this.at - this.startMs) >>> 0); }
  setTimer(): unknown { return undefined; }
  clearTimer(): void { return undefined; }
}

const DAY_MS = 86400000;
const FNV_OFFSET = 0x811c9dc5 | 0;

function compact(options: EngineOptions): NodeEngine {
  return new Engine(options);
}

function optionsOf(words: string[], signing: SignedFeeds | undefined): EngineOptions {
  const feedBytes = words.length > 12 ? Number(words[12]) : 0;
  return {
    id: Number(words[1]),
    address: Number(words[2]),
    port: Number(words[3]),
    capacity: Number(words[4]),
    valueBytesMax: Number(words[5]),
    datagramBytesMax: Number(words[6]),
    roundIntervalMs: Number(words[7]),
    removeAfterMs: Number(words[8]),
    seedCapacity: Number(words[9]),
    broadcastAddress: Number(words[10]),
    randomSeed: Number(words[11]),
    feeds: feedBytes === 0 ? undefined
    : eventFeeds({ bytes: feedBytes, eventBytesMax: Number(words[13]), signing }).engineFeeds(1472, new Sha256()),
  };
}

function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
