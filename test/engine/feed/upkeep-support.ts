import { eventFeeds } from "../../../src/events/index.js";
import { KIND_END, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { type Engine, type EngineOptions, OWN_SLOT } from "../../../src/engine/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { plainEvent } from "../../support/engine-state.js";
import { type PlainEvent, nodeDigest } from "./feed-support.js";

export const ROUND = 10000;
/** Rounds after which a row that is DOWN becomes REMOVE, and after which that row is forgotten. */
export const REMOVE_ROUNDS = 200;
/** Rounds after which a node that vanished is DOWN at all others. */
const DOWN_ROUNDS = 30;
/** Rounds of one pass of `Upkeep` over all records. */
export const PASS_ROUNDS = 32;

/** A record that a node holds, with the identity of its event. */
export interface HeldEvent extends PlainEvent {
  /** The author of the feed that holds it. */
  holder: number;
  author: number;
  /** The stamp that decides the order. */
  orderMs: number;
  orderCounter: number;
  isCopy: boolean;
  isLive: boolean;
  record: number;
}

export function feedsOf(bytes: number, eventBytesMax?: number): Partial<EngineOptions> {
  const options = eventBytesMax === undefined ? { bytes } : { bytes, eventBytesMax };
  return { removeAfterMs: REMOVE_ROUNDS * ROUND, feeds: eventFeeds(options).engineFeeds(1472, nodeDigest) };
}

/** Nodes 1 to `count` that know each other. */
export function makeNetwork(count: number, bytes = 4096): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= count; node++) network.add(node, feedsOf(bytes), [1, 2], 3);
  network.run(10 * ROUND);
  return network;
}

/** A node is switched off without a goodbye. Returns its engine, which goes on with `return`. */
export function vanish(network: EngineNetwork, node: number): Engine {
  const engine = network.engines.get(node)!;
  network.engines.delete(node);
  return engine;
}

/** Until all others call a node that vanished REMOVE, and one pass of `Upkeep` of all of them is over. */
export function runUntilAdopted(network: EngineNetwork): void {
  network.run((DOWN_ROUNDS + REMOVE_ROUNDS + 3 * PASS_ROUNDS) * ROUND);
}

/** Until the row is forgotten, too. */
export function runUntilForgotten(network: EngineNetwork): void {
  network.run((DOWN_ROUNDS + 2 * REMOVE_ROUNDS + PASS_ROUNDS) * ROUND);
}

/** All records that a node holds, feed after feed. */
export function records(engine: Engine): HeldEvent[] {
  const { feeds } = engine.feed!;
  const { arena } = feeds;
  const all: HeldEvent[] = [];
  for (let place = 0; place < engine.rows.count; place++) {
    const slot = engine.rows.slotAt(place);
    const holder = engine.rows.id(slot);
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      const event = plainEvent(engine, record);
      const { origin } = event;
      all.push({
        ...event, holder, author: origin?.author ?? holder, orderMs: origin?.ms ?? event.ms,
        orderCounter: origin?.counter ?? event.counter, isCopy: origin?.author !== undefined,
        isLive: feeds.isLive(record), record,
      });
    }
  }
  return all;
}

/** Orders events: negative if `a` is the older one. */
export function order(a: HeldEvent, b: HeldEvent): number {
  return a.orderMs - b.orderMs || a.orderCounter - b.orderCounter || a.author - b.author;
}

/** What a node shows (PROTOCOL 10.1): the payload by topic and key; in a merge topic the payloads of all authors. */
export function shown(engine: Engine): Record<string, string> {
  const all = records(engine);
  const ends = all.filter(({ kind, isCopy }) => kind === KIND_END && !isCopy);
  const live = all.filter((one) => one.isLive && !ends.some((end) => {
    return end.author === one.author && nameOf(end) === nameOf(one) && order(end, one) >= 0;
  }));
  const result: Record<string, string> = {};
  for (const name of [...new Set(live.map(nameOf))].sort()) {
    const about = live.filter((one) => nameOf(one) === name).sort(order);
    const removal = about.findLast(({ kind }) => kind === KIND_REMOVE);
    const values = about.filter((one) => one.kind === KIND_SET && (removal === undefined || order(one, removal) > 0));
    const byAuthor = new Map(values.map(({ author, payload }) => [author, payload]));
    if (values.length === 0) continue;
    result[name] = name.startsWith("+") ? [...byAuthor.values()].sort().join(" ") : values.at(-1)!.payload;
  }
  return result;
}

export function nameOf({ topic, key }: PlainEvent): string {
  return `${topic}/${key}`;
}

/** The copies in a node's own feed that it did not end: name and author of each. */
export function copiesIn(engine: Engine): string[] {
  const own = engine.rows.id(OWN_SLOT);
  return records(engine).filter(({ isCopy, isLive, holder }) => isCopy && isLive && holder === own)
    .map((one) => `${nameOf(one)} of ${one.author}`).sort();
}

/** The copies of all nodes, with the nodes that hold them in their own feeds. */
export function copies(network: EngineNetwork): Record<number, string[]> {
  const all: Record<number, string[]> = {};
  for (const [node, engine] of network.engines) {
    const found = copiesIn(engine);
    if (found.length > 0) all[node] = found;
  }
  return all;
}
