/** A set, a removal, the end of an own set or removal, or a log event. */
export type Kind = "set" | "removal" | "end" | "log";

/**
 * An event as one feed holds it. Nodes share the object, so two nodes hold the
 * same record of a feed exactly when they hold the same object.
 */
export interface ModelEvent {
  readonly kind: Kind;
  /** Topic and key as one text; empty for a log event. A name that begins with "+" is in a merge topic. */
  readonly name: string;
  /** The original author's id. */
  readonly author: number;
  /** The stamp that decides the order and, with the author, the identity. A copy keeps it. Milliseconds. */
  orderMs: number;
  /** The stamp of the record in its feed, which rises along the feed. Milliseconds. */
  readonly stampMs: number;
  /** Time at which the event stops counting; Infinity without a time to live. Milliseconds. */
  readonly endMs: number;
  /** Differs for each record that a node ever wrote. */
  readonly recordId: number;
  /** Equal in an event, its copies and its ends; it breaks ties of equal stamps. */
  eventId: number;
  /** The feed's author is not the original author. */
  readonly isCopy: boolean;
  /** An end whose event is a removal. */
  readonly endsRemoval: boolean;
  /** The stamp came from a clock, not from a time that the node adopted (R11). */
  readonly isFromClock: boolean;
  /** A fault destroyed the last copy: no checker may demand the event. */
  isExcused: boolean;
  /** The event made room for others (R5, limit L1): no checker may demand it. */
  isForgotten: boolean;
}

/** The total order of events: below 0 when `one` is the older. */
export function compareEvents(one: ModelEvent, other: ModelEvent): number {
  return one.orderMs - other.orderMs || one.author - other.author || one.eventId - other.eventId;
}

export function isSameEvent(one: ModelEvent, other: ModelEvent): boolean {
  return one.orderMs === other.orderMs && one.author === other.author && one.eventId === other.eventId;
}

export function isMergeName(name: string): boolean {
  return name.startsWith("+");
}

/** A later event of the same feed and slot replaces an earlier one. In a merge topic a removal has its own slot. */
export function slotOf(event: ModelEvent): string {
  const isRemovalSlot = isMergeName(event.name) && (event.kind === "removal" || event.endsRemoval);
  return `${event.name}|${event.author}${isRemovalSlot ? "|removal" : ""}`;
}

export function isExpired(event: ModelEvent, atMs: number): boolean {
  return event.endMs !== Infinity && event.endMs <= atMs;
}

/** An event for a message of a checker. */
export function eventText(event: ModelEvent | null | undefined): string {
  if (event === null || event === undefined) return "nothing";
  const { kind, name, author, orderMs, isCopy } = event;
  return `${kind}(${name} by ${author} at ${orderMs}${isCopy ? ", copy" : ""})`;
}
