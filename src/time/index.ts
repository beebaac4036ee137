import { checkFunction, checkNames, integer, show } from "../checks.js";
import { OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { varintBytes } from "../engine/wire/cursor.js";
import { SECTION_HEAD_BYTES, SECTION_TIME, TYPE_ACK, TYPE_DIFF, TYPE_SYN, sectionHead } from "../engine/wire/frame.js";
import type { FrameReader } from "../engine/wire/frame-reader.js";
import type { FrameWriter } from "../engine/wire/frame-writer.js";
import type { Links, LinksClock } from "../engine/wire/links.js";
import { failure, invalid } from "../errors.js";
import type { GossipClock } from "../platform/types.js";
import { ShownTime } from "./shown-time.js";
import { ERROR_MAX_MS, HOPS_MAX, NO_SOURCE, Sources } from "./sources.js";

/** Options of `networkTime`. All have a default. */
export interface NetworkTimeOptions {
  /**
   * The platform's clock is right, as on a computer that keeps it by NTP: this node is a source for others. False by
   * default. Never with a clock that is set from `now()`: the node would confirm itself.
   */
  clock?: boolean;
  /** With `clock`, the bound of that clock's error: 1 to 3,600,000 ms, 1,000 by default. */
  clockErrorMs?: number;
  /** How far the clocks of two devices may drift apart, in millionths: 1 to 10,000, 100 by default. */
  driftPpm?: number;
  /** How long the time counts after the last word of its source: 60,000 to 1,728,000,000 ms, a day by default. */
  lifeMs?: number;
  /**
   * Called when the time becomes known, when it steps, and with undefined when it is not known any more. Small
   * corrections are no steps.
   */
  onSet?: (ms: number | undefined, quality: TimeQuality | undefined) => void;
}

/** Where the time is from, and how good it is. */
export interface TimeQuality {
  /** "sntp" or "clock": this node has the time itself, by `set` or by the option `clock`; "peer": from another node. */
  source: TimeOrigin | "peer";
  /** Id of the node that has the time itself, a uint32. */
  node: number;
  /** Nodes from there to this one: 0 for this node itself, 31 at most. */
  hops: number;
  /** The most that the time may be wrong, in ms, if the source is right. */
  errorMs: number;
  /** How long ago the source gave its last word, in ms. */
  ageMs: number;
}

/** How a node has the time itself: from an SNTP server, or from a clock such as an RTC or GPS. */
export type TimeOrigin = "sntp" | "clock";

/**
 * The time of one node, for the option `time` of `Gossip`: what `networkTime` makes. It has the time from its own
 * source or from peers (PROTOCOL 12). It takes about 1 KB of RAM on a board.
 */
export class NetworkTime {
  private readonly options: NetworkTimeOptions;
  private readonly clockErrorMs: number;
  private readonly sources: Sources;
  private readonly shown = new ShownTime();
  private readonly requests = new Uint32Array(REQUESTS_MAX * REQUEST_WORDS);
  /** The next place in `requests`. */
  private requestNext = 0;
  /** Milliseconds since the node was made, without those in which the clock ran backwards. */
  private upMs = 0;
  private clockMs = 0;
  /** `upMs` from which on the node asks again. */
  private askMs = 0;
  /** The answer to this request is not written yet: its sender, and `upMs` of the input. */
  private askedBy = -1;
  private askedMs = 0;
  /** The place in `sources` that counts. */
  private place = NO_SOURCE;
  private origin: TimeOrigin = "clock";
  private isNews = false;
  private declare platform: GossipClock | undefined;
  private declare links: Links | undefined;
  private declare rows: Rows | undefined;
  private declare clock: LinksClock | undefined;

  /** @internal */
  constructor(options: NetworkTimeOptions, clockErrorMs: number, sources: Sources) {
    this.options = options;
    this.clockErrorMs = clockErrorMs;
    this.sources = sources;
  }

  /** The time in ms since 1970 (UTC); undefined while it is not known. Never goes backwards but in a step (`onSet`). */
  now(): number | undefined {
    if (this.platform === undefined) return undefined;
    this.advance(this.platform.nowMs());
    if (this.readClock()) this.settle();
    if (this.place < 0) return undefined;
    return this.shown.at(this.sources.offsetMs(this.place), this.upMs);
  }

  /** Where the time is from, and how good it is; undefined while it is not known. */
  quality(): TimeQuality | undefined {
    const now = this.now();
    if (now === undefined) return undefined;
    const place = this.place;
    const sources = this.sources;
    const hops = sources.hops(place);
    const apartMs = Math.ceil(Math.abs(this.upMs + sources.offsetMs(place) - now));
    return {
      source: hops === 0 ? this.origin : "peer", node: sources.source(place), hops,
      errorMs: Math.ceil(sources.errorMs(place, this.upMs)) + apartMs, ageMs: sources.ageMs(place, this.upMs),
    };
  }

  /**
   * This node has the time itself now: from SNTP, an RTC, GPS. For two hours it counts alone, and then as any other
   * source; so call it again, for instance each hour.
   *
   * @param ms since 1970, from 2020 to 2200
   * @param errorMs the most that it may be wrong: 0 to 3,600,000
   * @param origin "clock" by default
   * @throws RangeError or TypeError ERR_ARGUMENT that names the argument; Error ERR_STATE when no node has this object
   */
  set(ms: number, errorMs: number, origin?: TimeOrigin): void {
    const isNumber = typeof ms === "number";
    if (!isNumber || !(ms >= LEAST_MS && ms < END_MS)) {
      throw invalid("set", "ms", `${show(ms)} is not a time in ms since 1970, from 2020 to 2200`, isNumber);
    }
    if (typeof errorMs !== "number" || !(errorMs >= 0 && errorMs <= ERROR_MAX_MS)) {
      throw invalid("set", "errorMs", `${show(errorMs)} is not 0 to ${ERROR_MAX_MS}`, typeof errorMs === "number");
    }
    if (origin !== undefined && origin !== "sntp" && origin !== "clock") {
      throw invalid("set", "origin", `${show(origin)} is neither "sntp" nor "clock"`, typeof origin === "string");
    }
    if (this.platform === undefined) throw failure("ERR_STATE", "set: no node has this time");
    this.advance(this.platform.nowMs());
    this.origin = origin ?? "clock";
    this.sources.set(this.id(), Math.floor(ms) - this.upMs, Math.ceil(errorMs) + 1, this.upMs);
    this.settle();
    this.notify();
  }

  /** @internal Takes the node's links, if it has some, and its clock. Returns what the engine has in their place. */
  engineLinks(links: Links | undefined, platform: GossipClock): Links {
    if (this.platform !== undefined) {
      throw invalid("", "time", "belongs to another node; each node needs its own", true);
    }
    this.platform = platform;
    this.clockMs = platform.nowMs();
    if (links !== undefined) this.links = links;
    return this;
  }

  /** @internal For the engine, as the next two. */
  bind(rows: Rows, clock: LinksClock): this {
    this.rows = rows;
    this.clock = clock;
    if (this.links !== undefined) this.links.bind(rows, clock);
    return this;
  }

  /** @internal A frame was written: asks in a SYN, and answers in what answers one. */
  sent(isSyn: boolean, receiver: number, counter: number, writer: FrameWriter): void {
    if (this.links !== undefined) this.links.sent(isSyn, receiver, counter, writer);
    if (isSyn) {
      this.begin();
      this.settle();
      if (this.isAsking() && writer.room() >= SECTION_HEAD_BYTES) this.ask(counter, writer);
    } else if (this.askedBy === receiver && (writer.type === TYPE_ACK || writer.type === TYPE_DIFF)) {
      this.begin();
      // In the input of the request only.
      if (this.askedMs !== this.upMs) this.askedBy = -1;
      else this.answer(writer);
    }
  }

  /** @internal A good frame arrived. */
  received(frame: FrameReader): void {
    if (this.links !== undefined) this.links.received(frame);
    this.askedBy = -1;
    frame.rewind();
    while (frame.nextSection()) {
      if (frame.section !== SECTION_TIME) continue;
      this.begin();
      if (frame.type === TYPE_SYN && !frame.more()) {
        this.askedBy = frame.id;
        this.askedMs = this.upMs;
      } else if (frame.isAnswer()) {
        this.take(frame);
      }
    }
  }

  /** @internal Calls back if the time became known, stepped or got lost. Returns whether it did. */
  notify(): boolean {
    if (!this.isNews) return false;
    this.isNews = false;
    if (this.options.onSet === undefined) return false;
    this.options.onSet(this.now(), this.quality());
    return true;
  }

  /** An input begins, or goes on. */
  private begin(): void {
    if (this.clock !== undefined) this.advance(this.clock.callerMs);
    this.readClock();
  }

  /** With the option `clock`: notes what the platform's clock shows. Returns whether it shows a time. */
  private readClock(): boolean {
    const platform = this.platform;
    if (this.options.clock !== true || platform === undefined || platform.physicalMs === undefined) return false;
    const ms = platform.physicalMs();
    if (ms === undefined || !(ms >= LEAST_MS && ms < END_MS)) return false;
    this.origin = "clock";
    this.sources.set(this.id(), Math.floor(ms) - this.upMs, this.clockErrorMs, this.upMs);
    return true;
  }

  /** A clock that runs backwards stands still. One that an input showed a moment ago may be later than this input. */
  private advance(clockMs: number): void {
    const step = (clockMs - this.clockMs) | 0;
    if (step <= 0 && step > -INPUT_MS_MAX) return;
    this.clockMs = clockMs;
    if (step > 0) this.upMs += step;
  }

  private id(): number { return this.rows === undefined ? 0 : this.rows.id(OWN_SLOT); }

  /** Chooses the source, and shows its time. */
  private settle(): void {
    const own = this.freshOwn();
    this.place = own >= 0 ? own : this.sources.choose(this.upMs);
    const wasKnown = this.shown.isKnown;
    if (this.place >= 0) {
      if (this.shown.follow(this.sources.offsetMs(this.place), this.upMs)) this.isNews = true;
    } else if (wasKnown) {
      this.shown.isKnown = false;
      this.isNews = true;
    }
  }

  /** The place of this node's own time while it counts alone; NO_SOURCE otherwise. */
  private freshOwn(): number {
    const own = this.sources.find(this.id());
    if (own < 0 || this.sources.hops(own) !== 0 || this.sources.ageMs(own, this.upMs) > OWN_MS) return NO_SOURCE;
    return own;
  }

  private isAsking(): boolean {
    return this.freshOwn() < 0 && (this.place < 0 || this.upMs >= this.askMs);
  }

  private ask(counter: number, writer: FrameWriter): void {
    const at = this.requestNext;
    this.requestNext = (at + REQUEST_WORDS) % this.requests.length;
    this.requests[at] = counter;
    this.requests[at + 1] = this.upMs;
    this.requests[at + 2] = 1;
    writer.u16(sectionHead(SECTION_TIME, 0));
  }

  /** PROTOCOL 12.1: what this node knows, if there is room. */
  private answer(writer: FrameWriter): void {
    this.settle();
    const place = this.place;
    if (place < 0 || this.sources.hops(place) >= HOPS_MAX) return;
    const ms = Math.floor(this.upMs + this.sources.offsetMs(place));
    const errorMs = Math.ceil(this.sources.errorMs(place, this.upMs));
    const ageSeconds = Math.ceil(this.sources.ageMs(place, this.upMs) / 1000);
    const bytes = ANSWER_BYTES + varintBytes(errorMs) + varintBytes(ageSeconds);
    if (writer.room() < SECTION_HEAD_BYTES + bytes) return;
    this.askedBy = -1;
    writer.u16(sectionHead(SECTION_TIME, bytes));
    writer.u16(Math.floor(ms / TWO_32));
    writer.u32(ms % TWO_32);
    writer.u32(this.sources.source(place));
    writer.u8(this.sources.hops(place));
    writer.varint(errorMs);
    writer.varint(ageSeconds);
  }

  /** PROTOCOL 12.1: an answer. What is malformed, or answers no request, is ignored. */
  private take(frame: FrameReader): void {
    const high = frame.u16();
    const ms = high * TWO_32 + frame.u32();
    const source = frame.u32();
    const hops = frame.u8();
    const errorMs = frame.varint();
    const ageSeconds = frame.varint();
    if (frame.failed || frame.more() || hops >= HOPS_MAX || errorMs > ERROR_MAX_MS) return;
    const askedMs = this.requestOf(frame.inReplyTo);
    if (!(ms >= LEAST_MS && ms < END_MS) || askedMs < 0) return;
    const tripMs = this.upMs - askedMs;
    const mostMs = errorMs + Math.ceil(tripMs / 2) + 1;
    this.sources.hear(source, ms + tripMs / 2 - this.upMs, mostMs, ageSeconds * 1000, hops + 1, this.upMs);
    this.settle();
    if (this.clock !== undefined) this.askMs = this.upMs + ASK_ROUNDS * this.clock.roundIntervalMs;
  }

  /** `upMs` at the request in the frame with this counter, which then is answered; -1 if there is none. */
  private requestOf(counter: number): number {
    const requests = this.requests;
    for (let at = 0; at < requests.length; at += REQUEST_WORDS) {
      if (requests[at + 2] === 0 || requests[at] !== counter) continue;
      requests[at + 2] = 0;
      return this.upMs - ((this.upMs - requests[at + 1]) >>> 0);
    }
    return -1;
  }
}

/** Requests that wait for their answers. */
const REQUESTS_MAX = 4;
/** Counter of the frame, low word of `upMs`, whether it waits. */
const REQUEST_WORDS = 3;
/** A node that knows the time asks again after so many rounds: a prime, so that the turn of other nodes comes, too. */
const ASK_ROUNDS = 17;
/** How long the time of this node's own source counts alone. */
const OWN_MS = 7200000;
/** An answer without its two varints. */
const ANSWER_BYTES = 11;
const TWO_32 = 4294967296;
/** 2020-01-01 and 2200-01-01, as in stamps of events. */
const LEAST_MS = 1577836800000;
const END_MS = 7258118400000;
/** No input takes longer. */
const INPUT_MS_MAX = 1000;

/**
 * The time for the option `time` of one `Gossip`: from this node's own source or from peers. A program that does not
 * import this function has none of its code.
 *
 * @throws RangeError or TypeError ERR_OPTION that names the option as `time.NAME`
 */
export function networkTime(options?: NetworkTimeOptions): NetworkTime {
  const given: NetworkTimeOptions = options ?? {};
  if (typeof given !== "object") throw invalid("", "time", `${show(given)} is not an object of options`, false);
  checkNames("time.", given, "clock clockErrorMs driftPpm lifeMs onSet");
  checkFunction("time.onSet", given.onSet);
  if (given.clock !== undefined && typeof given.clock !== "boolean") {
    throw invalid("", "time.clock", `${show(given.clock)} is neither true nor false`, false);
  }
  const clockErrorMs = integer("time.clockErrorMs", given.clockErrorMs, 1000, 1, ERROR_MAX_MS);
  const driftPpm = integer("time.driftPpm", given.driftPpm, 100, 1, 10000);
  const lifeMs = integer("time.lifeMs", given.lifeMs, 86400000, 60000, 1728000000);
  return new NetworkTime(given, clockErrorMs, new Sources(driftPpm, lifeMs));
}
