import type { FrontierEntry } from "../../src/gossip.js";
import type { Violation } from "./checkers.js";
import type { HeldRecord, Holding } from "./held-records.js";
import type { SimNode } from "./node.js";
import { type PublishedEvent, identityOf } from "./published.js";
import { type ShownViews, valuesOf, viewsOf } from "./shown-views.js";

/**
 * Checks that all nodes have equal views, and that each map of latest values is the
 * one that the node's events produce.
 *
 * @param held how far each node must hold feeds at least; undefined: all nodes must hold all feeds equally far
 */
export function checkEvents(
  nodes: readonly SimNode[], views: ReadonlyMap<SimNode, ShownViews>, held: readonly FrontierEntry[] | undefined,
): Violation[] {
  const violations: Violation[] = [];
  const first = nodes.at(0);
  if (first === undefined) return violations;
  const nowMs = first.gossip?.now().timeMs ?? 0;
  const frontier = frontierText(first);
  const entries = viewText(views.get(first), nowMs);
  for (const node of nodes) {
    const add = (check: string, detail: string): void => void violations.push({ check, node: node.name, detail });
    const ownFrontier = frontierText(node);
    if (held === undefined && ownFrontier !== frontier) {
      add("frontier", `holds ${ownFrontier}; ${first.name} holds ${frontier}`);
    }
    const missing = (held ?? []).filter((entry) => !isHeld(node, entry));
    if (missing.length > 0) add("frontier", `holds ${ownFrontier}, and not ${entriesText(missing)}`);
    const ownEntries = viewText(views.get(node), nowMs);
    if (ownEntries !== entries) add("eventView", `has the view ${ownEntries}; ${first.name} has ${entries}`);
    const latest = latestText(views.get(node), nowMs);
    const text = latestText(viewsOf((apply) => node.gossip?.eachEvent(apply)), nowMs);
    if (latest !== text) add("eventView", `has the view ${latest}; its events produce ${text}`);
  }
  return violations;
}

/** Checks that all nodes hold these log events. */
export function checkLogs(nodes: readonly SimNode[], wanted: readonly PublishedEvent[]): HeldEvents {
  const violations: Violation[] = [];
  const lost = new Set<PublishedEvent>();
  for (const node of nodes) {
    const held = new Set<string>();
    node.gossip?.eachEvent((event) => held.add(identityOf(event)));
    for (const event of wanted) {
      if (held.has(identityOf(event))) continue;
      lost.add(event);
      violations.push({ check: "lost", node: node.name, detail: `lacks ${JSON.stringify(event)}` });
    }
  }
  return { violations, wanted: wanted.length, lost: lost.size };
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
 * Checks that nodes with `fillGaps` hold each event that any node holds. Two
 * kinds do not count: events of their own feed, which they never request, and
 * values with a time to live.
 *
 * @param fromFirst whether they must hold each feed from its first event on
 */
export function checkKeepers(
  nodes: readonly Holding[], keepers: readonly Holding[], fromFirst: boolean,
): Violation[] {
  const violations: Violation[] = [];
  for (const keeper of keepers) {
    const held = new Map(keeper.records.map((record) => [numberOf(record), textOf(record)]));
    const add = (detail: string): void => void violations.push({ check: "gaps", node: keeper.name, detail });
    for (const { name, records } of nodes) {
      for (const record of records) {
        const number = numberOf(record);
        if (record.keeper === keeper.id || record.hasTimeToLive || held.get(number) === textOf(record)) continue;
        add(`holds ${held.get(number)} as ${number}; ${name} holds ${textOf(record)}`);
      }
    }
    for (const { author, generation, sequence } of fromFirst ? keeper.frontier : []) {
      for (let number = 1; number <= sequence; number++) {
        const name = numberOf({ keeper: author, generation, sequence: number });
        if (!held.has(name)) add(`lacks ${name}`);
      }
    }
  }
  return violations;
}

function numberOf({ keeper, generation, sequence }: Pick<HeldRecord, "keeper" | "generation" | "sequence">): string {
  return `${keeper} ${generation}:${sequence}`;
}

function textOf({ kind, identity }: HeldRecord): string {
  return `${kind} ${identity}`;
}

/** How far running nodes hold their own feeds. */
export function ownFrontiers(nodes: readonly SimNode[]): FrontierEntry[] {
  return nodes.flatMap((node) => node.gossip?.frontier().filter(({ author }) => author === node.id) ?? []);
}

/** Whether a node holds a feed at least as far. */
function isHeld(node: SimNode, { author, generation, sequence }: FrontierEntry): boolean {
  const entry = node.gossip?.frontier().find((other) => other.author === author);
  if (entry === undefined || entry.generation < generation) return false;
  return entry.generation > generation || entry.sequence >= sequence;
}

function frontierText(node: SimNode): string {
  return entriesText(node.gossip?.frontier() ?? []);
}

function entriesText(entries: readonly FrontierEntry[]): string {
  return entries.map(({ author, generation, sequence }) => `${author} ${generation}:${sequence}`).join(", ");
}

function latestText(views: ShownViews | undefined, nowMs: number): string {
  const entries = views?.latest.entriesAt(nowMs);
  return JSON.stringify(entries?.map(({ topic, key, value, author }) => [topic, key, value, author]));
}

function viewText(views: ShownViews | undefined, nowMs: number): string {
  return views === undefined ? "" : JSON.stringify([...valuesOf(views, nowMs)]);
}
