import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION,
} from "../../../src/engine/wire/drops.js";
import { propertyOptions } from "../../support/random.js";
import { rechain } from "../../../src/engine/feed/rechain.js";
import { KIND_LOG, KIND_REMOVE } from "../../../src/engine/feed/kinds.js";
import {
  FeedNode, type PlainEvent, T, Truth, decoded, endEvent, logEvent, removeEvent, setEvent,
} from "./feed-support.js";

const AUTHORS = [11, 22, 33];

/** Nodes that are each one's author; a last one only listens. */
function makeNetwork(feedBytes: number[]): { nodes: FeedNode[]; truths: Map<number, Truth> } {
  const truths = new Map([...AUTHORS, 99].map((id) => [id, new Truth(id)]));
  for (const truth of truths.values()) truth.begin(0);
  const nodes = [...AUTHORS, 99].map((id, i) => {
    const ids = [id, ...AUTHORS.filter((other) => other !== id)];
    return new FeedNode(ids, feedBytes[i], truths);
  });
  return { nodes, truths };
}

/** One author's feed goes from one node to another as far as one section holds. Returns whether there was any. */
function pass(from: FeedNode, to: FeedNode, author: number, room: number): boolean {
  const section = from.sectionFor(to, author, room);
  if (section === undefined || section.bytes.length === 0) return false;
  to.handle(from.ids[0], section.bytes, section.isChunk);
  return true;
}

/** A node gets of one author's feed what comes before that which it holds, if another one holds the same and that. */
function fill(from: FeedNode, to: FeedNode, author: number, room: number): void {
  const [feeds, slot] = [to.feeds, to.ids.indexOf(author)];
  const held = from.ids.indexOf(author);
  const floor = feeds.floor(slot);
  const isSame = feeds.generation(slot) === from.feeds.generation(held) && from.feeds.isComplete(held);
  if (from === to || slot === 0 || !isSame || from.feeds.sequence(held) < floor - 1) return;
  const before = feeds.arena.room();
  const reasons = to.handleHistory(from.ids[0], from.historyFor(author, floor, room));
  const honest = [DROP_NONE, DROP_GAP, DROP_ARENA_FULL];
  assert.deepEqual(reasons.filter((reason) => !honest.includes(reason)), []);
  if (reasons.includes(DROP_NONE)) assert.ok(feeds.floor(slot) < floor && feeds.arena.room() <= before);
}

interface Act {
  kind: "log" | "set" | "remove" | "end" | "pass" | "fill" | "begin";
  node: number;
  to: number;
  author: number;
  name: number;
  size: number;
  room: number;
}

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom(
    "log", "log", "set", "set", "remove", "end", "pass", "pass", "pass", "pass", "pass", "fill", "begin",
  ),
  node: fc.nat(3), to: fc.nat(3), author: fc.nat(2), name: fc.nat(5), size: fc.nat(30),
  room: fc.integer({ min: 60, max: 600 }),
});

function run(feedBytes: number[], acts: Act[], withBegin: boolean): void {
  const { nodes, truths } = makeNetwork(feedBytes);
  acts.forEach((one, n) => {
    const author = nodes[one.author];
    const ms = T + n * 1000;
    const payload = Buffer.concat([Buffer.from([0x40 + Math.min(one.size, 23)]), Buffer.alloc(Math.min(one.size, 23))]);
    const sized = (event: PlainEvent): PlainEvent => ({ ...event, payload: payload.toString("hex") });
    if (one.kind === "log") author.say(sized(logEvent(n, ms)));
    else if (one.kind === "set") author.say(sized(setEvent(`key ${one.name}`, n, ms)));
    else if (one.kind === "remove") author.say(removeEvent(`key ${one.name}`, n, ms));
    else if (one.kind === "end") sayEnd(author, `key ${one.name}`, n, ms);
    else if (one.kind === "pass") pass(nodes[one.node], nodes[one.to], AUTHORS[one.author], one.room);
    else if (one.kind === "fill") fill(nodes[one.node], nodes[one.to], AUTHORS[one.author], one.room);
    else if (withBegin && one.size < 3) {
      const generation = author.feeds.generation(0) + 1;
      truths.get(author.ids[0])!.begin(generation);
      author.feeds.begin(0, generation);
    }
    checkAll(nodes);
  });
  settle(nodes);
}

/** Compares what each node holds with what was published. */
function checkAll(nodes: FeedNode[]): void {
  const mayLack = nodes.some((node) => node.feeds.arena.removalsForgotten > 0);
  for (const node of nodes) {
    node.mayLackRemovals ||= mayLack;
    node.check();
  }
}

/** An author ends its latest set or removal of a key, if it holds one. */
function sayEnd(author: FeedNode, key: string, n: number, ms: number): void {
  const truth = author.truths.get(author.ids[0])!;
  const generation = author.feeds.generation(0);
  const ended = truth.latest(generation, author.feeds.sequence(0)).get(`value/${key}`);
  if (ended !== undefined) author.say(endEvent(key, n, decoded(truth.event(generation, ended)).ms, ms));
}

/** Everybody talks to everybody until nothing is new: then all have what the authors have. */
function settle(nodes: FeedNode[]): void {
  let passed = 0;
  let again = true;
  while (again) {
    again = false;
    for (const from of nodes) {
      for (const to of nodes) {
        for (const author of AUTHORS) {
          if (from !== to && pass(from, to, author, 300)) again = true;
          assert.ok(++passed < 1500, "comes to an end");
        }
      }
    }
    checkAll(nodes);
  }
  for (const node of nodes) {
    const honest = [DROP_GAP, DROP_DUPLICATE, DROP_OLD_GENERATION, DROP_ARENA_FULL];
    assert.deepEqual(node.drops.filter((reason) => !honest.includes(reason)), []);
  }
  for (const author of nodes.slice(0, 3)) {
    for (const node of nodes) {
      const slot = node.ids.indexOf(author.ids[0]);
      const said = author.feeds.sequence(0) > 0;
      if (said) assert.equal(node.feeds.generation(slot), author.feeds.generation(0));
      assert.equal(said ? node.feeds.sequence(slot) : 0, author.feeds.sequence(0));
      assert.ok(node.feeds.isComplete(slot));
    }
  }
}

/** One author alone, and what it says. */
function alone(feedBytes: number): { author: FeedNode; truth: Truth } {
  const { nodes, truths } = makeNetwork([feedBytes, 0, 0, 0]);
  return { author: nodes[0], truth: truths.get(AUTHORS[0])! };
}

describe("a node's own feed", () => {
  it("a full arena forgets the oldest events, but no live value", () => {
    const { author } = alone(1000);
    assert.ok(author.say(setEvent("old", 0)));
    for (let n = 1; n < 200; n++) {
      assert.ok(author.say(logEvent(n)));
      author.check();
    }
    assert.deepEqual(author.held(0).slice(0, 2), [1, author.feeds.floor(0)]);
    assert.deepEqual(author.held(0).at(-1), 200);
    assert.ok(200 - author.feeds.floor(0) > 1000 * 7 / 8 / 60, "keeps what there is room for");
  });

  it("a full arena of live values refuses a new value, but accepts all other events", () => {
    const { author } = alone(1000);
    let count = 0;
    while (author.say(setEvent(`key ${count}`, count))) count++;
    const { feeds } = author;
    const before = [author.held(0), feeds.floor(0), feeds.sequence(0)];
    assert.ok(count > 9);
    assert.equal(author.say(setEvent("one more", count)), false);
    assert.deepEqual([author.held(0), feeds.floor(0), feeds.sequence(0)], before);
    for (let n = count; n < 100; n++) {
      assert.ok(author.say(setEvent(`key ${n % count}`, n)), "another value");
      assert.ok(author.say(logEvent(n)));
    }
    author.check();
    assert.ok(author.say(removeEvent("key 1", 100)));
    assert.ok(author.say(setEvent("one more", 101)));
    author.check();
  });

  it("the own feed goes on in a new generation with all that it holds, under the old stamps", () => {
    const { author, truth } = alone(3000);
    for (let n = 0; n < 30; n++) {
      author.say(logEvent(n));
      author.say(setEvent(`key ${n % 3}`, n));
      if (n === 20) author.say(removeEvent("key 1", n));
    }
    author.say(removeEvent("key 2", 30));
    author.say(removeEvent("of another author", 30));
    author.say(setEvent("key 3", 30));
    const { feeds } = author;
    const held = author.held(0).map((number) => truth.event(0, number));
    const kept = held.filter((bytes, i) => {
      const { kind, key } = decoded(bytes);
      return kind === KIND_LOG || !held.slice(i + 1).some((later) => decoded(later).key === key);
    });
    const removals = kept.map(decoded).filter(({ kind }) => kind === KIND_REMOVE).map(({ key }) => key);
    assert.deepEqual(removals, ["key 2", "of another author"], "other authors may have set these keys before");
    rechain(feeds, 0, 7);
    truth.begin(7);
    for (const bytes of kept) truth.say(7, bytes);
    author.told[0] = { ...author.told[0], generation: 7, last: kept.length, values: truth.values(7, kept.length) };
    author.told[0].told.clear();
    assert.deepEqual([feeds.generation(0), feeds.sequence(0), feeds.floor(0)], [7, kept.length, 1]);
    author.check();
    for (let n = 30; n < 60; n++) assert.ok(author.say(logEvent(n)));
    author.check();
  });

  it("a feed forgets values whose time to live is over, once its floor is past them", () => {
    const { author } = alone(1000);
    author.say({ ...setEvent("short", 0), ttlSeconds: 200 });
    author.say({ ...setEvent("long", 0), ttlSeconds: 0xffffffff });
    author.say(setEvent("for ever", 0));
    const { feeds } = author;
    for (let n = 1; n < 60; n++) author.say(logEvent(n));
    feeds.arena.expire(T + 199999);
    assert.deepEqual(author.held(0).slice(0, 3), [1, 2, 3]);
    feeds.arena.expire(T + 200000);
    assert.deepEqual(author.held(0).slice(0, 2), [2, 3]);
    assert.equal(feeds.lastRemoval(0), 1, "who still holds it has to hear of that");
  });

  it("a value above the floor whose time to live is over goes like a superseded one", () => {
    const { author } = alone(1000);
    author.say({ ...setEvent("short", 0), ttlSeconds: 200 });
    author.say(setEvent("for ever", 0));
    author.feeds.arena.expire(T + 200000);
    assert.deepEqual(author.held(0), [1, 2], "its number is needed");
    for (let n = 1; n < 60; n++) author.say(logEvent(n));
    assert.equal(author.held(0)[0], 2);
  });

  it("a feed without events needs no arena", () => {
    const { author } = alone(0);
    assert.equal(author.say(logEvent(1)), false);
    author.check();
  });

  it("a feed is forgotten with its row", () => {
    const { author } = alone(1000);
    author.say(logEvent(1));
    author.feeds.drop(0);
    assert.deepEqual([author.held(0), author.feeds.sequence(0), author.feeds.isComplete(0)], [[], 0, true]);
    assert.equal(author.feeds.arena.room(), author.feeds.arena.size());
  });
});

describe("feeds", () => {
  it("a full arena first forgets events of the author that holds most", () => {
    const { nodes } = makeNetwork([100000, 100000, 100000, 3000]);
    const listener = nodes[3];
    for (let n = 0; n < 5; n++) nodes[1].say(logEvent(n));
    pass(nodes[1], listener, AUTHORS[1], 1000);
    for (let n = 0; n < 100; n++) {
      nodes[0].say(logEvent(n));
      pass(nodes[0], listener, AUTHORS[0], 1000);
    }
    assert.deepEqual(listener.held(listener.ids.indexOf(AUTHORS[1])), [1, 2, 3, 4, 5]);
    assert.ok(listener.feeds.floor(listener.ids.indexOf(AUTHORS[0])) > 40);
    listener.check();
  });

  it("a node holds what the authors published, whatever way it arrived and however little room there is", () => {
    const bytes = fc.tuple(...[0, 1, 2, 3].map(() => fc.constantFrom(1600, 2400, 8000, 100000)));
    fc.assert(fc.property(bytes, fc.array(act, { minLength: 50, maxLength: 400 }), (feedBytes, acts) => {
      run(feedBytes, acts, false);
    }), propertyOptions(50));
  });

  it("a node holds the last generation of each author", () => {
    const bytes = fc.tuple(...[0, 1, 2, 3].map(() => fc.constantFrom(1600, 2400, 8000, 100000)));
    fc.assert(fc.property(bytes, fc.array(act, { minLength: 50, maxLength: 400 }), (feedBytes, acts) => {
      run(feedBytes, acts, true);
    }), propertyOptions(50));
  });
});
