import { type ModelEvent, compareEvents, isExpired, isMergeName } from "./event.js";
import type { ModelNode } from "./node.js";

/** What applications see: of each name the latest event, or of a name in a merge topic all contributions. */
export interface View {
  readonly latest: Map<string, ModelEvent>;
  readonly merged: Map<string, ModelEvent[]>;
}

/** The latest event of each slot over all feeds that a node holds. */
function latestOfSlots(node: ModelNode): Map<string, ModelEvent> {
  const latest = new Map<string, ModelEvent>();
  for (const feed of node.feeds.values()) {
    for (const [slot, event] of feed.current()) {
      // An end hides its author's own event. In another feed it says only that this feed keeps no copy any more.
      if (event.kind === "end" && (event.isCopy || !node.world.rules.endCopies)) continue;
      const other = latest.get(slot);
      const order = other === undefined ? -1 : compareEvents(other, event);
      if (order < 0 || (event.kind === "end" && order === 0)) latest.set(slot, event);
    }
  }
  return latest;
}

export function viewOf(node: ModelNode, atMs: number): View {
  const ofNames = new Map<string, ModelEvent[]>();
  for (const event of latestOfSlots(node).values()) {
    if (event.kind === "end" || isExpired(event, atMs)) continue;
    const list = ofNames.get(event.name);
    if (list === undefined) ofNames.set(event.name, [event]);
    else list.push(event);
  }
  const view: View = { latest: new Map(), merged: new Map() };
  for (const [name, list] of ofNames) {
    if (!isMergeName(name)) {
      view.latest.set(name, list.reduce(later));
      continue;
    }
    const removals = list.filter(({ kind }) => kind === "removal");
    const removal = removals.length === 0 ? null : removals.reduce(later);
    view.merged.set(name, list
      .filter((event) => event.kind === "set" && (removal === null || compareEvents(removal, event) < 0))
      .sort((one, other) => one.author - other.author));
  }
  return view;
}

export function later(one: ModelEvent, other: ModelEvent): ModelEvent {
  return compareEvents(one, other) < 0 ? other : one;
}

/** The values of a view as one text: two nodes show the same exactly when their texts are equal. */
export function viewText(node: ModelNode, atMs: number): string {
  const { latest, merged } = viewOf(node, atMs);
  const texts: string[] = [];
  for (const [name, event] of latest) if (event.kind === "set") texts.push(`${name}=${identityText(event)}`);
  for (const [name, list] of merged) {
    if (list.length > 0) texts.push(`${name}=${list.map(identityText).join("+")}`);
  }
  return texts.sort().join(" ");
}

export function identityText({ author, orderMs }: ModelEvent): string {
  return `${author}@${orderMs}`;
}

/** The latest held event that hides `event` and outlasts it. */
export function hiderOf(node: ModelNode, event: ModelEvent): ModelEvent | null {
  const isMerge = isMergeName(event.name);
  let best: ModelEvent | null = null;
  for (const feed of node.feeds.values()) {
    for (const hider of feed.current().values()) {
      if (hider.name !== event.name || hider.kind === "end" || compareEvents(hider, event) <= 0) continue;
      if (isMerge && hider.kind !== "removal") continue;
      if (hider.endMs < event.endMs) continue;
      if (best === null || compareEvents(best, hider) < 0) best = hider;
    }
  }
  return best;
}

/** Whether the removal hides an event that the node holds. */
export function hidesAny(node: ModelNode, removal: ModelEvent): boolean {
  for (const feed of node.feeds.values()) {
    for (const event of feed.current().values()) {
      if (event.name !== removal.name || event === removal || event.kind === "end") continue;
      if (compareEvents(event, removal) < 0) return true;
    }
  }
  return false;
}
