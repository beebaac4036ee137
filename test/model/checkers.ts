import { type ModelEvent, compareEvents, eventText, isExpired, isMergeName, isSameEvent, slotOf } from "./event.js";
import { isHeld } from "./faults.js";
import { isBlurred } from "./monitor.js";
import type { ModelNode } from "./node.js";
import { HOUR_MS } from "./times.js";
import { identityText, later, viewOf, viewText } from "./view.js";
import type { World } from "./world.js";

/** What all live nodes hold, as one text, when they hold the same; else null. */
export function agreement(world: World): string | null {
  const texts = world.live().map((node) => tipsText(node));
  return texts.every((text) => text === texts[0]) ? texts[0] : null;
}

function tipsText(node: ModelNode): string {
  const tips: string[] = [];
  for (const [author, { generation, sequence, tip }] of node.feeds) {
    if (author !== node.id && (!node.rows.has(author) || node.isRemoved(author))) continue;
    tips.push(`${author}:${generation}:${sequence}:${tip === null ? 0 : tip.event.recordId}`);
  }
  return tips.sort().join(" ");
}

/** All that must be true after nothing changed for long. */
export function checkEnd(world: World): void {
  const live = world.live();
  if (live.length === 0) return;
  const atMs = world.trueMs();
  excuseUnreachable(world);
  checkViews(world);
  for (const name of new Set(world.events.map((event) => event.name))) {
    if (name === "") continue;
    if (isBlurred(world, name, atMs)) continue;
    const counting = eventsThatCount(world, name, atMs);
    const check = isMergeName(name) ? checkMerged : checkLatest;
    for (const node of live) check(node, name, counting, atMs);
  }
  if (world.isRoomy) checkLogs(world);
  for (const node of live) checkMemory(node);
  checkCopies(world);
}

/** All live nodes show the same. */
export function checkViews(world: World): void {
  const live = world.live();
  const texts = live.map((node) => viewText(node, world.trueMs()));
  if (texts.every((text) => text === texts[0])) return;
  world.fail("views", live.map((node, at) => `${node.id}{${texts[at]}}`).join(" "));
}

/** An event that is only in the log of a node that is off for good: nobody can get it. */
function excuseUnreachable(world: World): void {
  for (const event of world.events) {
    if (event.isExcused || !isHeld(world, event)) continue;
    const isSame = (other: ModelEvent) => isSameEvent(other, event) && other.kind === event.kind;
    const isReachable = world.live().some((node) => (
      [...node.feeds.values()].some((feed) => [...feed.records.values()].some(isSame)) ||
      node.log.links.some((link) => isSame(link.event))
    ));
    if (!isReachable) event.isExcused = true;
  }
}

function isDemanded(event: ModelEvent): boolean {
  return !event.isExcused && !event.isForgotten;
}

/** Events of a name that are not over. An author's later event replaces its earlier one, even if the later is over. */
function eventsThatCount(world: World, name: string, atMs: number): ModelEvent[] {
  const ofName = world.events.filter((event) => event.name === name);
  return ofName.filter((event) => !isExpired(event, atMs) && !ofName.some((other) => (
    other.author === event.author && slotOf(other) === slotOf(event) && compareEvents(other, event) > 0 &&
    isExpired(other, atMs) && !other.isExcused
  )));
}

function latestOf(events: readonly ModelEvent[]): ModelEvent | null {
  return events.length === 0 ? null : events.reduce(later);
}

function checkLatest(node: ModelNode, name: string, counting: readonly ModelEvent[], atMs: number): void {
  const visible = counting.filter(({ kind }) => kind !== "end");
  const winner = latestOf(visible.filter(isDemanded));
  const latest = viewOf(node, atMs).latest.get(name);
  const shown = latest?.kind === "set" ? latest : null;
  if (winner?.kind === "set" ? shown !== null && isSameEvent(shown, winner) : shown === null) return;
  // An event that a fault destroyed may have hidden, and ended, what would count now (limit L2).
  const lost = latestOf(visible.filter((event) => !isDemanded(event)));
  if (lost !== null && (winner === null || compareEvents(lost, winner) > 0)) return;
  node.world.fail("latest", `node ${node.id}, ${name}: shows ${eventText(shown)}, should show ${eventText(winner)}`);
}

function checkMerged(node: ModelNode, name: string, counting: readonly ModelEvent[], atMs: number): void {
  const removals = counting.filter(({ kind }) => kind === "removal");
  const removal = latestOf(removals.filter(isDemanded));
  const lostRemovals = removals.filter((event) => !isDemanded(event));
  const contributions = viewOf(node, atMs).merged.get(name) ?? [];
  for (const { id: author } of node.world.nodes) {
    const own = counting.filter((event) => event.author === author);
    const shown = contributions.find((event) => event.author === author) ?? null;
    const wanted = wantedContribution(own, removal);
    if (wanted === null ? shown === null : shown !== null && isSameEvent(wanted, shown)) continue;
    const lost = own.filter((event) => !isDemanded(event));
    const lastLost = latestOf(lost);
    if (lastLost !== null && (wanted === null || compareEvents(lastLost, wanted) >= 0)) continue;
    if (shown !== null && lost.some((event) => event.kind === "end" && compareEvents(event, shown) >= 0)) continue;
    if (wanted !== null && shown === null && lostRemovals.some((event) => compareEvents(event, wanted) > 0)) continue;
    node.world.fail("merge", `node ${node.id}, ${name} of ${author}: shows ${eventText(shown)}, should show ${
      eventText(wanted)}`);
  }
}

/** The latest own set that is neither withdrawn nor removed. */
function wantedContribution(own: readonly ModelEvent[], removal: ModelEvent | null): ModelEvent | null {
  const last = own
    .filter((event) => event.kind !== "removal" && isDemanded(event))
    .sort((one, other) => compareEvents(one, other) || one.recordId - other.recordId)
    .pop();
  if (last === undefined || last.kind === "end") return null;
  return removal !== null && compareEvents(removal, last) > 0 ? null : last;
}

/** Every node holds each log event of a live author, where nothing was dropped for room. */
function checkLogs(world: World): void {
  for (const event of world.events) {
    if (event.kind !== "log" || event.isExcused || !world.nodes[event.author].isAlive) continue;
    const without = world.live().find((node) => {
      const feed = node.feeds.get(event.author);
      return feed === undefined || ![...feed.records.values()].some(({ recordId }) => recordId === event.recordId);
    });
    if (without !== undefined) world.fail("lostLog", `node ${without.id} does not hold ${eventText(event)}`);
  }
}

function checkMemory(node: ModelNode): void {
  const { world } = node;
  const records = node.recordCount();
  if (records > node.room && !world.isFull) {
    world.fail("memory", `node ${node.id} holds ${records} records, room is for ${node.room}`);
  }
  if (node.due.some(({ at }) => at < world.now)) {
    world.fail("memory", `node ${node.id} still has ${node.due.length} copies to make`);
  }
}

/**
 * Of each event at most one live node keeps a copy. A node that dropped the other
 * copy of a removal for room cannot know of it.
 */
function checkCopies(world: World): void {
  const copies = new Map<string, number>();
  const keepers = new Map<string, ModelNode>();
  for (const node of world.live()) {
    for (const event of node.ownFeed()?.current().values() ?? []) {
      if (!event.isCopy || event.kind === "end") continue;
      const text = identityText(event);
      const keeper = keepers.get(text);
      if (keeper !== undefined && event.kind === "removal" && !holdsCopyOf(node, keeper, event)) continue;
      keepers.set(text, keeper ?? node);
      copies.set(text, (copies.get(text) ?? 0) + 1);
    }
  }
  for (const [text, count] of copies) if (count > 1) world.fail("duplicates", `${count} copies of ${text}`);
}

function holdsCopyOf(node: ModelNode, keeper: ModelNode, copy: ModelEvent): boolean {
  const held = node.feeds.get(keeper.id)?.current().get(slotOf(copy));
  return held !== undefined && held.kind === "removal" && isSameEvent(held, copy);
}

/** An author never gives two events the same stamp: author and stamp are the identity. */
export function checkIdentities(world: World): void {
  const ids = new Map<string, number>();
  for (const event of world.events) {
    if (event.kind === "end") continue;
    const id = ids.get(identityText(event));
    if (id !== undefined && id !== event.eventId) world.fail("identity", `two events are ${identityText(event)}`);
    ids.set(identityText(event), event.eventId);
  }
}

/** Live nodes know the true time, as long as one of them has a clock. */
export function checkBoardClocks(world: World): void {
  if (!world.live().some((node) => node.hasClock)) return;
  for (const node of world.live()) {
    const wrongMs = node.clockMs() - world.trueMs();
    if (Math.abs(wrongMs) > HOUR_MS) world.fail("boardClock", `the clock of node ${node.id} is wrong by ${wrongMs} ms`);
  }
}

/** What nodes publish now gets records with the true time; so does the order where the name is new. */
export function checkDates(world: World, publishAll: () => void): void {
  const first = world.events.length;
  publishAll();
  if (!world.live().some((node) => node.hasClock)) return;
  for (const event of world.events.slice(first)) {
    const isNewName = event.name === "" || event.name.startsWith("new");
    const wrongMs = Math.max(
      Math.abs(event.stampMs - world.trueMs()), isNewName ? Math.abs(event.orderMs - world.trueMs()) : 0,
    );
    if (wrongMs > HOUR_MS) world.fail("date", `the stamp of ${eventText(event)} is wrong by ${wrongMs} ms`);
  }
}
