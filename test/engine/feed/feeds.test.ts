import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_GAP, DROP_OLD_GENERATION,
} from "../../../src/engine/feed/feed-drops.js";
import { propertyOptions } from "../../support/random.js";
import { FeedNode, type PlainEvent, T, Truth, logEvent, removeEvent, setEvent } from "./feed-support.js";

const AUTHORS = [11, 22, 33];

/** Nodes that are each one's author; a last one only listens. */
function network(feedBytes: number[]): { nodes: FeedNode[]; truths: Map<number, Truth> } {
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
  to.take(from.ids[0], section.bytes, section.isPart);
  return true;
}

interface Act {
  kind: "log" | "set" | "remove" | "pass" | "begin";
  node: number;
  to: number;
  author: number;
  name: number;
  size: number;
  room: number;
}

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom("log", "log", "set", "set", "remove", "pass", "pass", "pass", "pass", "pass", "begin"),
  node: fc.nat(3), to: fc.nat(3), author: fc.nat(2), name: fc.nat(5), size: fc.nat(30),
  room: fc.integer({ min: 60, max: 600 }),
});

function run(feedBytes: number[], acts: Act[], withBegin: boolean): void {
  const { nodes, truths } = network(feedBytes);
  acts.forEach((one, n) => {
    const author = nodes[one.author];
    const ms = T + n * 1000;
    const payload = Buffer.concat([Buffer.from([0x40 + Math.min(one.size, 23)]), Buffer.alloc(Math.min(one.size, 23))]);
    const sized = (event: PlainEvent): PlainEvent => ({ ...event, payload: payload.toString("hex") });
    if (one.kind === "log") author.say(sized(logEvent(n, ms)));
    else if (one.kind === "set") author.say(sized(setEvent(`key ${one.name}`, n, ms)));
    else if (one.kind === "remove") author.say(removeEvent(`key ${one.name}`, n, ms));
    else if (one.kind === "pass") pass(nodes[one.node], nodes[one.to], AUTHORS[one.author], one.room);
    else if (withBegin && one.size < 3) {
      const generation = author.feeds.generation(0) + 1;
      truths.get(author.ids[0])!.begin(generation);
      author.feeds.begin(0, generation);
    }
    nodes.forEach((node) => node.check());
  });
  settle(nodes);
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
    nodes.forEach((node) => node.check());
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
      assert.ok(node.feeds.isWhole(slot));
    }
  }
}

describe("feeds", () => {
  it("hold what was said, whatever way it came and however little room there is", () => {
    const bytes = fc.tuple(...[0, 1, 2, 3].map(() => fc.constantFrom(1600, 2400, 8000, 100000)));
    fc.assert(fc.property(bytes, fc.array(act, { minLength: 50, maxLength: 400 }), (feedBytes, acts) => {
      run(feedBytes, acts, false);
    }), propertyOptions(Number(process.env.RUNS ?? 60)));
  });

  it("hold the last generation of each author", () => {
    const bytes = fc.tuple(...[0, 1, 2, 3].map(() => fc.constantFrom(1600, 2400, 8000, 100000)));
    fc.assert(fc.property(bytes, fc.array(act, { minLength: 50, maxLength: 400 }), (feedBytes, acts) => {
      run(feedBytes, acts, true);
    }), propertyOptions(Number(process.env.RUNS ?? 60)));
  });
});
