import type { LatestMap } from "../../src/views/latest-map.js";
import type { Violation } from "./checkers.js";
import type { HeldRecord } from "./held-records.js";
import type { SimNode } from "./node.js";
import {
  type PublishedEvent, type PublishedEvents, compareStamps, isMergeTopic, nameOf, rightContribution,
  rightValue,
} from "./published.js";
import { type ShownViews, contributionName, valuesOf } from "./shown-views.js";

/** What the checks of shown values found. */
export interface ShownResult {
  violations: Violation[];
  /** Names, and contributions to names in merge topics, whose right value is certain. */
  judged: number;
  /** Of these: how many at least one node does not show. */
  wrong: number;
}

/**
 * Rounds without cuts for which a node may show an older value than before, while
 * feeds come in.
 */
export const UNDONE_ROUNDS = 24;

/**
 * Checks that each node shows for each name what all acknowledged events demand,
 * of all authors, living, gone or forgotten.
 *
 * @param nowMs the time of the network in milliseconds since 1970, or what its nodes take for it
 * @param hasForgotten whether a node forgot a removal for want of room, so that values may be shown again (limit L1)
 */
export function checkShown(
  nodes: readonly SimNode[], views: ReadonlyMap<SimNode, ShownViews>, published: PublishedEvents, nowMs: number,
  hasForgotten: boolean,
): ShownResult {
  const result: ShownResult = { violations: [], judged: 0, wrong: 0 };
  const starts = new Map(nodes.map((node) => [node.id, node.starts]));
  const shown = nodes.flatMap((node) => {
    const ofNode = views.get(node);
    return ofNode === undefined ? [] : [{ node, values: valuesOf(ofNode, nowMs) }];
  });
  const judge = (name: string, wanted: PublishedEvent | undefined): void => {
    result.judged++;
    let isWrong = false;
    for (const { node, values } of shown) {
      const value = values.get(name);
      if (value === wanted?.value) continue;
      isWrong = true;
      const detail = `shows ${textOf(published.withValue(value))} for ${name}, and should show ${textOf(wanted)}`;
      result.violations.push({ check: "shown", node: node.name, detail });
    }
    if (isWrong) result.wrong++;
  };
  for (const [name, events] of published.byName()) {
    if (!isMergeTopic(events[0].topic)) {
      const { event, isCertain } = rightValue(events, nowMs);
      if (!isCertain || (hasForgotten && event?.kind === "remove")) continue;
      judge(name, event?.kind === "set" ? event : undefined);
      continue;
    }
    for (const author of new Set(events.map((event) => event.author))) {
      const { event, isCertain } = rightContribution(events, author);
      // Only its author, as long as it runs, can withdraw a contribution again that others had copied.
      const isGuarded = event !== undefined || events.every((other) => (
        other.author !== author || !other.isWithdrawn || starts.get(author) === other.start
      ));
      if (!isCertain || !isGuarded || (hasForgotten && event === undefined)) continue;
      judge(contributionName(name, author), event);
    }
  }
  return result;
}

/** Checks that at most one of the running nodes keeps an event in its feed, as its author or as a copy. */
export function checkCopies(feeds: ReadonlyMap<string, readonly HeldRecord[]>): Violation[] {
  const keepers = new Map<string, string[]>();
  for (const [name, records] of feeds) {
    for (const { identity, isLive } of records) {
      if (isLive) keepers.set(identity, [...keepers.get(identity) ?? [], name]);
    }
  }
  return [...keepers].filter(([, names]) => names.length > 1).map(([identity, names]) => (
    { check: "copies", node: names[0], detail: `keeps ${identity}, as do others: ${names.join(", ")}` }
  ));
}

interface Showing {
  starts: number;
  /** By name: the latest that the node showed, or the removal that hid it. */
  best: Map<string, PublishedEvent>;
  /** By name: the round since which it shows less. */
  lessSince: Map<string, number>;
}

/** Checks round by round that no node goes back to an older value, outside merge topics. */
export class UndoneMonitor {
  /** Values that were undone. */
  undone = 0;
  private readonly published: PublishedEvents;
  private readonly showing = new Map<SimNode, Showing>();

  constructor(published: PublishedEvents) {
    this.published = published;
  }

  /**
   * Looks at the node once a round.
   *
   * @param isCut whether links are cut, so that nodes may miss events
   * @param hasForgotten whether a node forgot a removal for want of room
   */
  observe(node: SimNode, view: LatestMap, round: number, isCut: boolean, hasForgotten: boolean): Violation[] {
    const before = this.showing.get(node);
    const showing: Showing = before?.starts === node.starts
      ? before : { starts: node.starts, best: new Map(), lessSince: new Map() };
    this.showing.set(node, showing);
    const shown = new Map<string, PublishedEvent>();
    for (const { topic, key, value } of view.entries()) {
      const event = this.published.withValue(value);
      if (event !== undefined && event.ttlMs === 0) shown.set(nameOf({ topic, key }), event);
    }
    const violations: Violation[] = [];
    for (const [name, best] of showing.best) {
      if (!this.isLess(showing, name, best, shown.get(name)) || best.isDestroyed) {
        showing.lessSince.delete(name);
        continue;
      }
      const since = isCut ? round : showing.lessSince.get(name) ?? round;
      showing.lessSince.set(name, since);
      if (round - since <= UNDONE_ROUNDS || (hasForgotten && best.kind === "remove")) continue;
      this.undone++;
      const detail = `showed ${textOf(best)} for ${name}, and now shows ${textOf(shown.get(name))}`;
      violations.push({ check: "undone", node: node.name, detail });
      showing.best.delete(name);
      showing.lessSince.delete(name);
    }
    for (const [name, event] of shown) {
      const best = showing.best.get(name);
      if (best === undefined || compareStamps(event, best) > 0) showing.best.set(name, event);
    }
    return violations;
  }

  /** Whether less is shown than before. If a removal explains that nothing is shown, it becomes the best. */
  private isLess(showing: Showing, name: string, best: PublishedEvent, shown: PublishedEvent | undefined): boolean {
    if (shown !== undefined) return compareStamps(shown, best) < 0;
    if (best.kind === "remove") return false;
    let removal: PublishedEvent | undefined;
    for (const event of this.published.ofName(name)) {
      if (event.kind !== "remove" || compareStamps(event, best) < 0) continue;
      if (removal === undefined || compareStamps(event, removal) < 0) removal = event;
    }
    if (removal === undefined) return true;
    showing.best.set(name, removal);
    return false;
  }
}

function textOf(event: PublishedEvent | undefined): string {
  if (event === undefined) return "nothing";
  const { author, kind, value, timeMs, counter } = event;
  return `${kind === "set" ? value : "a removal"} of ${author} at ${timeMs}:${counter}`;
}
