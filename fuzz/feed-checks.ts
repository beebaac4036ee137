import type { Engine } from "../src/engine/index.js";
import { fail } from "./node-checks.js";

/** @throws Error when the feeds violate an invariant */
export function checkFeeds(engine: Engine): void {
  const { feeds } = engine.feed!;
  const { arena } = feeds;
  while (arena.nextUnnotified() !== 0) continue;
  if (arena.room() < 0 || arena.room() > arena.size()) fail(`${arena.room()} words of ${arena.size()} are free`);
  let spare = 0;
  for (let slot = 0; slot < arena.capacity; slot++) spare += checkFeed(engine, slot);
  const counted = feeds.arena["spareWords"];
  if (spare !== counted) fail(`${spare} words may go, not ${counted}`);
}

/**
 * Checks that a feed holds all events from its floor on, and that their hashes form a chain. Returns the words of its
 * records that are not live.
 */
function checkFeed({ feed, rows }: Engine, slot: number): number {
  const { feeds } = feed!;
  const { arena, chain } = feeds;
  const name = `the feed of ${rows.id(slot)}`;
  const floor = feeds.floor(slot);
  const isComplete = feeds.isComplete(slot) && feeds.sequence(slot) > 0;
  let next = floor;
  let spare = 0;
  let last = 0;
  if (isComplete) {
    const before = floor - 1;
    chain.begin(rows.id(slot), feeds.generation(slot), feeds.tipFirstAt(slot, before), feeds.tipSecondAt(slot, before));
  }
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const sequence = arena.sequence(record);
    if (sequence <= last) fail(`${name} has ${sequence} after ${last}`);
    last = sequence;
    if (!feeds.isLive(record)) spare += arena.wordsAt(record);
    if (!isComplete || sequence < floor) continue;
    if (sequence !== next++) fail(`${name} lacks ${next - 1}`);
    feeds.link(record, sequence);
    if (chain.first() !== arena.tipFirst(record) || chain.second() !== arena.tipSecond(record)) {
      fail(`${name} does not chain at ${sequence}`);
    }
  }
  if (!isComplete) return spare;
  if (next !== feeds.sequence(slot) + 1) fail(`${name} ends before ${feeds.sequence(slot)}`);
  if (feeds.lastRemoval(slot) >= floor) fail(`${name} lost ${feeds.lastRemoval(slot)}, which is not below its floor`);
  return spare;
}
