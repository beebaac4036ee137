/*
 * What a node knows of the sources of time: the last word of up to 4 of them (PROTOCOL 12.2).
 *
 * Times are in ms of `upMs`, the node's own clock, which never runs backwards. All numbers are integers below 2^53, but
 * for halves and what drift adds, which are exact enough on each engine: all have the same doubles.
 */

/** Sources that are remembered. */
export const SOURCES_MAX = 4;
/** A time went over at most so many nodes. */
export const HOPS_MAX = 31;
/** A time with a larger bound of its error is none. */
export const ERROR_MAX_MS = 3600000;
/** In place of a place: there is none. */
export const NO_SOURCE = -1;

const SOURCE = 0;
const OFFSET = 1;
const ERROR = 2;
const SET = 3;
const WORD = 4;
const HOPS = 5;
const ENTRY = 6;
const MILLION = 1000000;

/** The last words of sources, by the ids of their nodes. */
export class Sources {
  /** Entries: id, time less `upMs`, bound of the error at SET, `upMs` at SET, `upMs` of the source's word, hops. */
  private readonly numbers = new Float64Array(SOURCES_MAX * ENTRY);
  private count = 0;
  private readonly driftPpm: number;
  private readonly lifeMs: number;

  /**
   * @param driftPpm how far own clock and others may be apart, in millionths
   * @param lifeMs how long a word counts
   */
  constructor(driftPpm: number, lifeMs: number) {
    this.driftPpm = driftPpm;
    this.lifeMs = lifeMs;
  }

  source(place: number): number { return this.numbers[place * ENTRY + SOURCE]; }
  offsetMs(place: number): number { return this.numbers[place * ENTRY + OFFSET]; }
  hops(place: number): number { return this.numbers[place * ENTRY + HOPS]; }
  /** How long ago the source gave its word. */
  ageMs(place: number, upMs: number): number { return upMs - this.numbers[place * ENTRY + WORD]; }

  /** The bound of the error now: it grows while only the own clock counts. */
  errorMs(place: number, upMs: number): number {
    const at = place * ENTRY;
    return this.numbers[at + ERROR] + Math.ceil((upMs - this.numbers[at + SET]) * this.driftPpm / MILLION);
  }

  /** This node has the time itself. It replaces what it said before. */
  set(id: number, offsetMs: number, errorMs: number, upMs: number): void {
    const held = this.find(id);
    const place = held >= 0 ? held : this.place(upMs, -1);
    if (place >= 0) this.write(place, id, offsetMs, errorMs, upMs, upMs, 0);
  }

  /**
   * Another node told what a source said, at `upMs`.
   *
   * @param ageMs how long ago the source said it
   * @param hops of this node from the source
   */
  hear(source: number, offsetMs: number, errorMs: number, ageMs: number, hops: number, upMs: number): void {
    if (ageMs > this.lifeMs) return;
    let place = this.find(source);
    if (place >= 0) {
      const heldErrorMs = this.errorMs(place, upMs);
      const doAgree = Math.abs(offsetMs - this.offsetMs(place)) <= errorMs + heldErrorMs;
      // Two words of one source that differ: it stepped, and the later one counts.
      if (doAgree ? errorMs >= heldErrorMs : ageMs >= this.ageMs(place, upMs)) return;
    } else {
      place = this.place(upMs, errorMs);
    }
    if (place >= 0) this.write(place, source, offsetMs, errorMs, upMs, upMs - ageMs, hops);
  }

  /** The place of the source that counts, after those whose time is over are forgotten; NO_SOURCE: there is none. */
  choose(upMs: number): number {
    for (let place = this.count - 1; place >= 0; place--) {
      if (this.ageMs(place, upMs) > this.lifeMs || this.errorMs(place, upMs) > ERROR_MAX_MS) this.remove(place);
    }
    let best = NO_SOURCE;
    let most = 0;
    for (let place = 0; place < this.count; place++) {
      const agreeing = this.agreeing(place, upMs);
      if (best >= 0 && (agreeing < most || (agreeing === most && !this.isBetter(place, best, upMs)))) continue;
      best = place;
      most = agreeing;
    }
    return best;
  }

  /** The place of a source, by its id; NO_SOURCE: it is not known. */
  find(source: number): number {
    for (let place = 0; place < this.count; place++) if (this.source(place) === source) return place;
    return NO_SOURCE;
  }

  /** How many sources may show the same time, this one included. */
  private agreeing(place: number, upMs: number): number {
    let count = 0;
    for (let other = 0; other < this.count; other++) {
      const apartMs = Math.abs(this.offsetMs(other) - this.offsetMs(place));
      if (apartMs <= this.errorMs(other, upMs) + this.errorMs(place, upMs)) count++;
    }
    return count;
  }

  /** Smaller error, then fewer hops, then the lower id. */
  private isBetter(place: number, other: number, upMs: number): boolean {
    const byError = this.errorMs(place, upMs) - this.errorMs(other, upMs);
    if (byError !== 0) return byError < 0;
    const byHops = this.hops(place) - this.hops(other);
    return byHops !== 0 ? byHops < 0 : this.source(place) < this.source(other);
  }

  /** A free place, or that of the greatest error if it is above `errorMs`; NO_SOURCE: none. */
  private place(upMs: number, errorMs: number): number {
    if (this.count < SOURCES_MAX) return this.count++;
    let place = NO_SOURCE;
    let mostMs = errorMs;
    for (let other = 0; other < this.count; other++) {
      const otherMs = this.errorMs(other, upMs);
      if (otherMs <= mostMs) continue;
      place = other;
      mostMs = otherMs;
    }
    return place;
  }

  private write(
    place: number, source: number, offsetMs: number, errorMs: number, upMs: number, wordMs: number, hops: number,
  ): void {
    const at = place * ENTRY;
    this.numbers[at + SOURCE] = source;
    this.numbers[at + OFFSET] = offsetMs;
    this.numbers[at + ERROR] = errorMs;
    this.numbers[at + SET] = upMs;
    this.numbers[at + WORD] = wordMs;
    this.numbers[at + HOPS] = hops;
  }

  private remove(place: number): void {
    this.count--;
    for (let i = 0; i < ENTRY; i++) this.numbers[place * ENTRY + i] = this.numbers[this.count * ENTRY + i];
  }
}
