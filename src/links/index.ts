import { FLAG_NEIGHBOUR, OWN_SLOT, type Rows } from "../engine/table/rows.js";
import type { Writer } from "../engine/wire/cursor.js";
import { SECTION_HEAD_BYTES, SECTION_LINK_REPORT, TYPE_ACK, sectionHead } from "../engine/wire/frame.js";
import type { FrameReader } from "../engine/wire/frame-reader.js";
import { invalid } from "../errors.js";

/** Neighbours that a table has room for. Further ones are not measured. */
export const LINKS_MAX = 16;
/** Every so many SYNs to a neighbour one has a report. */
const SYNS_PER_REPORT = 16;
const REPORT_BYTES = SECTION_HEAD_BYTES + 4;
/** Counts on the wire are uint16. */
const COUNT_MASK = 0xffff;
/** More frames between two reports than this are no count, but one that began anew. */
const FRAMES_MAX = 4096;
/** Of more frames than this the older ones count half, so that the figures follow the link. */
const FRAMES_REMEMBERED = 512;

/** How well a link works, as far as it was measured. */
export interface LinkQuality {
  /** Smoothed time from a SYN to its answer in ms; missing before the first answer. */
  roundTripMs?: number;
  /** Share of this node's frames that did not arrive there, 0 to 1; missing before the second report. */
  lossTo?: number;
  /** Share of that node's frames that did not arrive here, 0 to 1; missing before the second report. */
  lossFrom?: number;
}

/**
 * Measures the links to up to 16 neighbours (PROTOCOL 5.8): how long answers take,
 * and which share of the frames is lost in each direction. Both ends need it; a
 * node without it skips the reports of others. It takes 832 bytes, and at rest half a
 * byte a round.
 */
export class LinkTable {
  private readonly words = new Uint32Array(LINKS_MAX * WORDS);
  private count = 0;
  private rows: Rows | undefined;
  private clock: { readonly nowMs: number } | undefined;

  /** @internal For the engine, as all methods of `Links`. */
  bind(rows: Rows, clock: { readonly nowMs: number }): this {
    if (this.rows !== undefined) throw invalid("", "links", "belongs to another node; each node needs its own", true);
    this.rows = rows;
    this.clock = clock;
    return this;
  }

  /** @internal */
  sent(isSyn: boolean, receiver: number, counter: number, writer: Writer): void {
    const at = this.find(receiver);
    if (at < 0 || this.clock === undefined) return;
    const words = this.words;
    words[at + SENT] = (words[at + SENT] + 1) & COUNT_MASK;
    if (!isSyn) return;
    words[at + COUNTER] = counter;
    words[at + SENT_MS] = this.clock.nowMs;
    words[at + FLAGS] |= FLAG_AWAITS;
    words[at + SYNS]++;
    // A SYN that is full of updates leaves the report to the next one.
    if (words[at + SYNS] < SYNS_PER_REPORT || writer.room() < REPORT_BYTES) return;
    words[at + SYNS] = 0;
    writer.u16(sectionHead(SECTION_LINK_REPORT, REPORT_BYTES - SECTION_HEAD_BYTES));
    writer.u16(words[at + SENT]);
    writer.u16(words[at + RECEIVED]);
  }

  /** @internal */
  received(frame: FrameReader): void {
    const at = this.placeOf(frame.id);
    if (at < 0 || this.clock === undefined) return;
    const words = this.words;
    words[at + RECEIVED] = (words[at + RECEIVED] + 1) & COUNT_MASK;
    // The counter tells which attempt was answered. An INDIRECT-ACK, a DIFF, comes later.
    const isAwaited = (words[at + FLAGS] & FLAG_AWAITS) !== 0 && frame.type === TYPE_ACK;
    if (isAwaited && frame.inReplyTo === words[at + COUNTER]) {
      words[at + FLAGS] &= ~FLAG_AWAITS;
      this.measure(at, (this.clock.nowMs - words[at + SENT_MS]) >>> 0);
    }
    frame.rewind();
    while (frame.nextSection()) {
      if (frame.section !== SECTION_LINK_REPORT) continue;
      const sent = frame.u16();
      const received = frame.u16();
      if (!frame.failed && !frame.more()) this.compare(at, frame.revision, sent, received);
    }
  }

  /** What was measured of the link to a node; undefined when the table has no such link. */
  qualityOf(id: number): LinkQuality | undefined {
    const at = this.find(id);
    if (at < 0) return undefined;
    const words = this.words;
    const quality: LinkQuality = {};
    if ((words[at + FLAGS] & FLAG_MEASURED) !== 0) quality.roundTripMs = words[at + ROUND_TRIP_8] / 8;
    const to = lossOf(words[at + TO]);
    const from = lossOf(words[at + FROM]);
    if (to !== undefined) quality.lossTo = to;
    if (from !== undefined) quality.lossFrom = from;
    return quality;
  }

  private measure(at: number, ms: number): void {
    const words = this.words;
    const isFirst = (words[at + FLAGS] & FLAG_MEASURED) === 0;
    words[at + FLAGS] |= FLAG_MEASURED;
    words[at + ROUND_TRIP_8] = isFirst ? ms * 8 : words[at + ROUND_TRIP_8] + ms - (words[at + ROUND_TRIP_8] >>> 3);
  }

  /** A report came: what was sent since the one before, in both directions, is compared with what arrived. */
  private compare(at: number, revision: number, theirSent: number, theirReceived: number): void {
    const words = this.words;
    // A node that started again counts from the beginning.
    if ((words[at + FLAGS] & FLAG_REPORTED) !== 0 && words[at + REVISION] === revision) {
      const reported = words[at + THEIRS];
      const own = words[at + OWN];
      const theySent = (theirSent - (reported >>> 16)) & COUNT_MASK;
      const arrivedHere = (words[at + RECEIVED] - (own & COUNT_MASK)) & COUNT_MASK;
      const sent = (words[at + SENT] - (own >>> 16)) & COUNT_MASK;
      const arrivedThere = (theirReceived - (reported & COUNT_MASK)) & COUNT_MASK;
      if (mayBe(theySent, arrivedHere) && mayBe(sent, arrivedThere)) {
        this.note(at + FROM, theySent, arrivedHere);
        this.note(at + TO, sent, arrivedThere);
      }
    }
    words[at + FLAGS] |= FLAG_REPORTED;
    words[at + REVISION] = revision;
    words[at + THEIRS] = (theirSent << 16) | theirReceived;
    words[at + OWN] = (words[at + SENT] << 16) | words[at + RECEIVED];
  }

  /** Adds frames to one direction. */
  private note(at: number, sent: number, received: number): void {
    let all = (this.words[at] >>> 16) + sent;
    // What is on its way at one report, and seems lost, arrives before the next one.
    let lost = (this.words[at] & 0xffff) + sent - received;
    if (lost < 0) lost = 0;
    while (all > FRAMES_REMEMBERED) {
      all >>>= 1;
      lost >>>= 1;
    }
    this.words[at] = (all << 16) | lost;
  }

  private find(id: number): number {
    for (let i = 0; i < this.count; i++) if (this.words[i * WORDS + ID] === id) return i * WORDS;
    return -1;
  }

  /** The link to a node, a new one if the node is a neighbour; -1 for none. */
  private placeOf(id: number): number {
    const at = this.find(id);
    return at >= 0 || !this.isNeighbour(id) ? at : this.add(id);
  }

  private isNeighbour(id: number): boolean {
    if (this.rows === undefined) return false;
    const slot = this.rows.find(id);
    return slot > OWN_SLOT && this.rows.hasFlag(slot, FLAG_NEIGHBOUR);
  }

  /** In a full table, in place of a link to a node that is no neighbour any more. */
  private add(id: number): number {
    let index = this.count;
    if (index === LINKS_MAX) {
      index = 0;
      while (index < LINKS_MAX && this.isNeighbour(this.words[index * WORDS + ID])) index++;
      if (index === LINKS_MAX) return -1;
    } else {
      this.count++;
    }
    const at = index * WORDS;
    for (let i = 0; i < WORDS; i++) this.words[at + i] = 0;
    this.words[at + ID] = id;
    // The first SYN has a report, so that the next one can be compared with it.
    this.words[at + SYNS] = SYNS_PER_REPORT - 1;
    return at;
  }
}

/** Links for the option `links` of one node. */
export function linkTable(): LinkTable {
  return new LinkTable();
}

/** Whether so many frames may have arrived of those sent. Some arrive twice; more, if one end began to count anew. */
function mayBe(sent: number, received: number): boolean {
  return sent <= FRAMES_MAX && received <= sent + (sent >>> 2) + 2;
}

function lossOf(word: number): number | undefined {
  const all = word >>> 16;
  return all === 0 ? undefined : (word & 0xffff) / all;
}

const ID = 0;
/** Frames sent to the node, and received from it, modulo 65,536. */
const SENT = 1;
const RECEIVED = 2;
/** The node's last report: what it had sent, then what it had received. */
const THEIRS = 3;
/** What this node had sent and received at that time. */
const OWN = 4;
/** The node's revision in that report. */
const REVISION = 5;
/** Counter and time of the last SYN to the node. */
const COUNTER = 6;
const SENT_MS = 7;
/** Eight times the smoothed round-trip time in ms. */
const ROUND_TRIP_8 = 8;
/** Frames in the high half, lost ones in the low half, in each direction. */
const TO = 9;
const FROM = 10;
/** SYNs since the last report to the node. */
const SYNS = 11;
const FLAGS = 12;
const WORDS = 13;

/** The last SYN is not answered yet. */
const FLAG_AWAITS = 1;
/** There is a round-trip time. */
const FLAG_MEASURED = 2;
/** There was a report. */
const FLAG_REPORTED = 4;
