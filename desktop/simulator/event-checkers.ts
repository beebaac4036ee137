import type { FeedEvent } from "../../src/gossip.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import type { Complaint } from "./checkers.js";
import type { SimNode } from "./node.js";

/** Something that a node's `log`, `set` or `remove` returned from. */
export interface SaidEvent {
  author: number;
  kind: FeedEvent["kind"];
  topic: string;
  key: string;
  /** A number of its own. */
  value: number;
  ttlMs: number;
}

/**
 * All nodes hold all feeds equally far and have equal views, which are those of
 * the events that they hold.
 */
export function checkEvents(nodes: readonly SimNode[], views: ReadonlyMap<SimNode, LatestMap>): Complaint[] {
  const complaints: Complaint[] = [];
  const first = nodes.at(0);
  if (first === undefined) return complaints;
  const nowMs = first.gossip?.now().timeMs ?? 0;
  const frontier = frontierText(first);
  const entries = viewText(views.get(first), nowMs);
  for (const node of nodes) {
    const complain = (check: string, what: string): void => void complaints.push({ check, who: node.name, what });
    const ownFrontier = frontierText(node);
    if (ownFrontier !== frontier) {
      complain("frontier", `holds ${ownFrontier}; ${first.name} holds ${frontier}`);
    }
    const ownEntries = viewText(views.get(node), nowMs);
    if (ownEntries !== entries) complain("eventView", `sees ${ownEntries}; ${first.name} sees ${entries}`);
    const anew = latestMap({ capacity: VIEW_CAPACITY });
    node.gossip?.eachEvent((event) => anew.apply(event));
    const text = viewText(anew, nowMs);
    if (ownEntries !== text) complain("eventView", `sees ${ownEntries}; its events make it ${text}`);
  }
  return complaints;
}

/** What became of events that nodes said and must not lose. */
export interface HeldEvents {
  complaints: Complaint[];
  /** Those that all nodes must hold. */
  wanted: number;
  /** Of these, those that some node lacks. */
  lost: number;
}

/**
 * All nodes hold what was said: the last word on each topic and key and, where
 * there is room for them, all logs. Counts what must be held, and what of it
 * some node lacks.
 *
 * @param said author by author, in order
 */
export function checkHeld(
  nodes: readonly SimNode[], said: readonly (readonly SaidEvent[])[], hasRoomForLogs: boolean,
): HeldEvents {
  const complaints: Complaint[] = [];
  const lost = new Set<SaidEvent>();
  const wanted = said.map((events) => [...lastWords(events), ...hasRoomForLogs ? logsOf(events) : []]).flat();
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
      complaints.push({ check: "lost", who: node.name, what: `lacks ${JSON.stringify(event)} and holds ${has}` });
    }
  }
  return { complaints, wanted: wanted.length, lost: lost.size };
}

/**
 * Nodes that keep everything hold each event that any node holds, but of their own
 * feed, for which they ask nobody, and but for values that are over after a while.
 *
 * @param fromFirst whether they must hold each feed from its first event on
 */
export function checkKeepers(
  nodes: readonly SimNode[], keepers: readonly SimNode[], fromFirst: boolean,
): Complaint[] {
  const complaints: Complaint[] = [];
  for (const keeper of keepers) {
    const held = new Map<string, FeedEvent>();
    keeper.gossip?.eachEvent((event) => held.set(numberOf(event), event));
    const complain = (what: string): void => void complaints.push({ check: "gaps", who: keeper.name, what });
    for (const node of nodes) {
      node.gossip?.eachEvent((event) => {
        if (event.author === keeper.id || event.ttlMs > 0) return;
        const found = JSON.stringify(held.get(numberOf(event)));
        const text = JSON.stringify(event);
        if (found !== text) complain(`holds ${found}; ${node.name} holds ${text}`);
      });
    }
    for (const { author, generation, sequence } of fromFirst ? keeper.gossip?.frontier() ?? [] : []) {
      for (let number = 1; number <= sequence; number++) {
        const name = `${author} ${generation}:${number}`;
        if (!held.has(name)) complain(`lacks ${name}`);
      }
    }
  }
  return complaints;
}

function numberOf({ author, generation, sequence }: FeedEvent): string {
  return `${author} ${generation}:${sequence}`;
}

const VIEW_CAPACITY = 4096;

function logsOf(events: readonly SaidEvent[]): SaidEvent[] {
  return events.filter(({ kind }) => kind === "log");
}

/** What an author last said of each topic and key, but for what is over after a while. */
function lastWords(events: readonly SaidEvent[]): SaidEvent[] {
  const last = new Map<string, SaidEvent>();
  for (const event of events) if (event.kind !== "log") last.set(subjectOf(event), event);
  return [...last.values()].filter(({ ttlMs }) => ttlMs === 0);
}

/** What an event is one of: all that one author says of a topic and key, or, of logs, the event itself. */
function subjectOf({ author, kind, topic, key, value }: SaidEvent | FeedEvent): string {
  return JSON.stringify(kind === "log" ? [author, topic, value] : [author, topic, key, "set"]);
}

function frontierText(node: SimNode): string {
  const entries = node.gossip?.frontier() ?? [];
  return entries.map(({ author, generation, sequence }) => `${author} ${generation}:${sequence}`).join(", ");
}

function viewText(view: LatestMap | undefined, nowMs: number): string {
  return JSON.stringify(view?.entriesAt(nowMs).map(({ topic, key, value, author }) => [topic, key, value, author]));
}
