import type { FeedEvent } from "../../src/gossip.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import type { Violation } from "./checkers.js";
import type { SimNode } from "./node.js";

/** An event whose `log`, `set` or `remove` call returned without an error. */
export interface PublishedEvent {
  author: number;
  kind: FeedEvent["kind"];
  topic: string;
  key: string;
  /** Unique in the run. */
  value: number;
  ttlMs: number;
}

/**
 * Checks that all nodes have equal frontiers and equal views, and that each view
 * is the one that the node's events produce.
 */
export function checkEvents(nodes: readonly SimNode[], views: ReadonlyMap<SimNode, LatestMap>): Violation[] {
  const violations: Violation[] = [];
  const first = nodes.at(0);
  if (first === undefined) return violations;
  const nowMs = first.gossip?.now().timeMs ?? 0;
  const frontier = frontierText(first);
  const entries = viewText(views.get(first), nowMs);
  for (const node of nodes) {
    const add = (check: string, detail: string): void => void violations.push({ check, node: node.name, detail });
    const ownFrontier = frontierText(node);
    if (ownFrontier !== frontier) {
      add("frontier", `holds ${ownFrontier}; ${first.name} holds ${frontier}`);
    }
    const ownEntries = viewText(views.get(node), nowMs);
    if (ownEntries !== entries) add("eventView", `has the view ${ownEntries}; ${first.name} has ${entries}`);
    const anew = latestMap({ capacity: VIEW_CAPACITY });
    node.gossip?.eachEvent((event) => anew.apply(event));
    const text = viewText(anew, nowMs);
    if (ownEntries !== text) add("eventView", `has the view ${ownEntries}; its events produce ${text}`);
  }
  return violations;
}

/** How many acknowledged events were kept. */
export interface HeldEvents {
  violations: Violation[];
  /** Events that all nodes must hold. */
  wanted: number;
  /** Wanted events that at least one node does not hold. */
  lost: number;
}

/**
 * Checks that all nodes hold the published events: the latest event of each
 * author, topic and key and, with `hasRoomForLogs`, all log events.
 *
 * @param published the events of each author, in the order of publication
 * @param hasRoomForLogs whether event buffers have room for all log events
 */
export function checkHeld(
  nodes: readonly SimNode[], published: readonly (readonly PublishedEvent[])[], hasRoomForLogs: boolean,
): HeldEvents {
  const violations: Violation[] = [];
  const lost = new Set<PublishedEvent>();
  const wanted = published.flatMap((events) => [...latestOf(events), ...hasRoomForLogs ? logsOf(events) : []]);
  for (const node of nodes) {
    const held = new Map<string, FeedEvent>();
    node.gossip?.eachEvent((event) => held.set(subjectOf(event), event));
    for (const event of wanted) {
      const found = held.get(subjectOf(event));
      if (event.kind === "remove" ? found === undefined || found.kind === "remove" : found?.value === event.value) {
        continue;
      }
      lost.add(event);
      const has = found === undefined ? "nothing" : JSON.stringify(found);
      violations.push({ check: "lost", node: node.name, detail: `lacks ${JSON.stringify(event)} and holds ${has}` });
    }
  }
  return { violations, wanted: wanted.length, lost: lost.size };
}

/**
 * Checks that nodes with `fillGaps` hold each event that any node holds. Two
 * kinds do not count: events of their own feed, which they never request, and
 * values with a time to live.
 *
 * @param fromFirst whether they must hold each feed from its first event on
 */
export function checkKeepers(
  nodes: readonly SimNode[], keepers: readonly SimNode[], fromFirst: boolean,
): Violation[] {
  const violations: Violation[] = [];
  for (const keeper of keepers) {
    const held = new Map<string, FeedEvent>();
    keeper.gossip?.eachEvent((event) => held.set(numberOf(event), event));
    const add = (detail: string): void => void violations.push({ check: "gaps", node: keeper.name, detail });
    for (const node of nodes) {
      node.gossip?.eachEvent((event) => {
        if (event.author === keeper.id || event.ttlMs > 0) return;
        const found = JSON.stringify(held.get(numberOf(event)));
        const text = JSON.stringify(event);
        if (found !== text) add(`holds ${found}; ${node.name} holds ${text}`);
      });
    }
    for (const { author, generation, sequence } of fromFirst ? keeper.gossip?.frontier() ?? [] : []) {
      for (let number = 1; number <= sequence; number++) {
        const name = `${author} ${generation}:${number}`;
        if (!held.has(name)) add(`lacks ${name}`);
      }
    }
  }
  return violations;
}

function numberOf({ author, generation, sequence }: FeedEvent): string {
  return `${author} ${generation}:${sequence}`;
}

const VIEW_CAPACITY = 4096;

function logsOf(events: readonly PublishedEvent[]): PublishedEvent[] {
  return events.filter(({ kind }) => kind === "log");
}

/** An author's latest event of each topic and key, without those that have a time to live. */
function latestOf(events: readonly PublishedEvent[]): PublishedEvent[] {
  const last = new Map<string, PublishedEvent>();
  for (const event of events) if (event.kind !== "log") last.set(subjectOf(event), event);
  return [...last.values()].filter(({ ttlMs }) => ttlMs === 0);
}

/** Equal for events that replace each other: same author, topic and key. A log event replaces nothing. */
function subjectOf({ author, kind, topic, key, value }: PublishedEvent | FeedEvent): string {
  return JSON.stringify(kind === "log" ? [author, topic, value] : [author, topic, key, "set"]);
}

function frontierText(node: SimNode): string {
  const entries = node.gossip?.frontier() ?? [];
  return entries.map(({ author, generation, sequence }) => `${author} ${generation}:${sequence}`).join(", ");
}

function viewText(view: LatestMap | undefined, nowMs: number): string {
  return JSON.stringify(view?.entriesAt(nowMs).map(({ topic, key, value, author }) => [topic, key, value, author]));
}
