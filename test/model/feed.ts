import { type ModelEvent, compareEvents, slotOf } from "./event.js";

/** One event of a chain. The object stands for the 8-byte tip: two chains are equal up to a link when both have it. */
export interface Link {
  readonly generation: number;
  readonly sequence: number;
  readonly event: ModelEvent;
  readonly previous: Link | null;
}

/** What a node holds of one author's feed. */
export class Feed {
  generation: number;
  tip: Link | null = null;
  sequence = 0;
  /** The feed is held without gaps from this sequence number on; records below it are the snapshot. */
  floor = 1;
  /** Only of an own feed: the log lacks sequence numbers (R8). */
  hasHoles = false;
  readonly records = new Map<number, ModelEvent>();
  private latest: Map<string, ModelEvent> | null = null;

  constructor(generation: number) {
    this.generation = generation;
  }

  get tipStampMs(): number {
    return this.tip === null ? 0 : this.tip.event.stampMs;
  }

  /** Call this after each change of `records`. */
  changed(): void {
    this.latest = null;
  }

  /** The record behind the tip; the tip goes on to it. */
  append(event: ModelEvent): Link {
    this.sequence++;
    this.tip = { generation: this.generation, sequence: this.sequence, event, previous: this.tip };
    this.records.set(this.sequence, event);
    this.latest = null;
    return this.tip;
  }

  /** Drops a record and raises the floor above it. Lower records stay as the snapshot. */
  drop(sequence: number): void {
    this.records.delete(sequence);
    this.floor = Math.max(this.floor, sequence + 1);
    this.latest = null;
  }

  /** Sequence numbers of the records, lowest first. */
  sequences(): number[] {
    return [...this.records.keys()].sort((one, other) => one - other);
  }

  /** The latest held set, removal or end of each slot. Of an event and its end, the end. */
  current(): ReadonlyMap<string, ModelEvent> {
    if (this.latest !== null) return this.latest;
    const latest = new Map<string, ModelEvent>();
    for (const sequence of this.sequences()) {
      const event = this.records.get(sequence)!;
      if (event.kind === "log") continue;
      const slot = slotOf(event);
      const earlier = latest.get(slot);
      if (earlier === undefined || compareEvents(earlier, event) <= 0) latest.set(slot, event);
    }
    this.latest = latest;
    return latest;
  }

  isCurrent(event: ModelEvent): boolean {
    return this.current().get(slotOf(event)) === event;
  }
}

/** Whether the chain up to `one` is the beginning of the chain up to `other`. */
export function isPrefix(one: Link | null, other: Link | null): boolean {
  if (one === null) return true;
  if (other === null || one.generation !== other.generation) return false;
  let link: Link | null = other;
  while (link !== null && link.sequence > one.sequence) link = link.previous;
  return link === one;
}
