import { KIND_END, KIND_LOG, KIND_REMOVE } from "../../src/engine/feed/kinds.js";
import { endMsOf, orderCounterOf, orderMsOf, originAuthor, recordKind } from "../../src/engine/feed/names.js";
import { OWN_SLOT } from "../../src/engine/table/rows.js";
import type { FrontierEntry } from "../../src/gossip.js";
import type { SimNode } from "./node.js";
import { identityOf } from "./published.js";

/** A record of a feed as a node holds it: an event of the feed's author, a copy of another author's, or an end. */
export interface HeldRecord {
  /** Id of the node whose feed it is. */
  keeper: number;
  generation: number;
  sequence: number;
  kind: "log" | "set" | "remove" | "end";
  /** Of the event that it is, copies or ends, as `identityOf` has it. */
  identity: string;
  hasTimeToLive: boolean;
  /** Whether it is a set or removal that nothing later in the feed supersedes or ends. */
  isLive: boolean;
}

/** What a node holds. */
export interface Holding {
  id: number;
  name: string;
  records: HeldRecord[];
  frontier: FrontierEntry[];
}

/** All that a running node holds. `Gossip.eachEvent` leaves out ends, and all but one copy of an event. */
export function holdingOf(node: SimNode): Holding {
  const records: HeldRecord[] = [];
  const { id, name, gossip } = node;
  const rows = gossip?.engine.rows;
  for (let place = 0; rows !== undefined && place < rows.count; place++) addRecords(node, rows.slotAt(place), records);
  return { id, name, records, frontier: gossip?.frontier() ?? [] };
}

/** The records of a running node's own feed. */
export function ownRecords(node: SimNode): HeldRecord[] {
  const records: HeldRecord[] = [];
  addRecords(node, OWN_SLOT, records);
  return records;
}

function addRecords(node: SimNode, slot: number, to: HeldRecord[]): void {
  const feeds = node.gossip?.engine.feed?.feeds;
  if (feeds === undefined) return;
  const { arena } = feeds;
  const keeper = feeds.author(slot);
  const generation = feeds.generation(slot);
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const kind = kindOf(recordKind(arena, record));
    const author = originAuthor(arena, record);
    const timeMs = orderMsOf(arena, record);
    const counter = orderCounterOf(arena, record);
    to.push({
      keeper, generation, sequence: arena.sequence(record), kind,
      identity: identityOf({ author, timeMs, counter, kind }),
      hasTimeToLive: endMsOf(arena, record) !== Infinity,
      isLive: (kind === "set" || kind === "remove") && feeds.isLive(record),
    });
  }
}

function kindOf(kind: number): HeldRecord["kind"] {
  if (kind === KIND_LOG) return "log";
  return kind === KIND_END ? "end" : kind === KIND_REMOVE ? "remove" : "set";
}
