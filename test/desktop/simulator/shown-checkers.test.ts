import assert from "node:assert/strict";
import { checkLogs } from "../../../desktop/simulator/event-checkers.js";
import type { HeldRecord } from "../../../desktop/simulator/held-records.js";
import { EventHolders } from "../../../desktop/simulator/holders.js";
import { SimNetwork } from "../../../desktop/simulator/network.js";
import type { SimNode } from "../../../desktop/simulator/node.js";
import {
  type PublishedEvent, PublishedEvents, rightContribution, rightValue,
} from "../../../desktop/simulator/published.js";
import {
  UNDONE_ROUNDS, UndoneMonitor, checkCopies, checkShown,
} from "../../../desktop/simulator/shown-checkers.js";
import { MERGE_TOPIC, type ShownViews, viewsOf } from "../../../desktop/simulator/shown-views.js";
import { eventFeeds } from "../../../src/events/index.js";
import type { FeedEvent } from "../../../src/gossip.js";
import { event } from "../../support/feed-history.js";
import { ROUND_MS } from "./support.js";

const NOW_MS = 1_800_000_000_000;

let values = 0;
beforeEach(() => { values = 0; });

function published(given: Partial<PublishedEvent>): PublishedEvent {
  return {
    author: 1, kind: "set", topic: "door", key: "a", value: ++values, ttlMs: 0, timeMs: NOW_MS - 1000 + values,
    counter: 0, start: 1, isWithdrawn: false, isDestroyed: false, ...given,
  };
}

function allOf(...events: PublishedEvent[]): PublishedEvents {
  const all = new PublishedEvents();
  for (const one of events) all.add(one);
  return all;
}

function heldAs({ author, kind, topic, key, value, ttlMs, timeMs, counter }: PublishedEvent): FeedEvent {
  const endMs = ttlMs === 0 ? Infinity : timeMs + ttlMs;
  return event({ author, kind, topic, key: kind === "log" ? undefined : key, value, ttlMs, endMs, timeMs, counter });
}

function holder(id: number, held: FeedEvent[] = []): SimNode {
  const gossip = { eachEvent: (each: (one: FeedEvent) => void) => held.forEach(each) };
  return { id, name: `node ${id}`, starts: 1, gossip } as unknown as SimNode;
}

function viewsWith(...shown: PublishedEvent[]): ShownViews {
  return viewsOf((apply) => shown.forEach((one) => apply(heldAs(one))));
}

describe("the right value of a name", () => {
  it("the latest set or removal of all authors counts, of equal stamps that of the highest id", () => {
    const first = published({ author: 1 });
    const second = published({ author: 2 });
    assert.equal(rightValue([second, first], NOW_MS).event, second);
    const equal = published({ author: 3, timeMs: second.timeMs });
    assert.equal(rightValue([equal, second, first], NOW_MS).event, equal);
    const removal = published({ author: 1, kind: "remove" });
    assert.equal(rightValue([removal, equal, second], NOW_MS).event, removal);
  });

  it("an event whose time to live is over does not count", () => {
    const first = published({});
    const brief = published({ author: 2, ttlMs: 60000 });
    assert.equal(rightValue([first, brief], NOW_MS).event, brief);
    assert.deepEqual(rightValue([first, brief], NOW_MS + 70000), { event: first, isCertain: true });
    assert.equal(rightValue([first, brief], brief.timeMs + 59000).isCertain, false);
  });

  it("the right value is not certain if a fault destroyed a later event", () => {
    const [first, lost, last] = [published({}), published({ author: 2, isDestroyed: true }), published({ author: 3 })];
    assert.deepEqual(rightValue([first, lost], NOW_MS), { event: first, isCertain: false });
    assert.deepEqual(rightValue([first, lost, last], NOW_MS), { event: last, isCertain: true });
  });

  it("in a merge topic each author contributes, until it withdraws or anybody removes", () => {
    const topic = MERGE_TOPIC;
    const [one, two] = [published({ topic }), published({ topic, author: 2 })];
    assert.equal(rightContribution([one, two], 1).event, one);
    assert.equal(rightContribution([{ ...one, isWithdrawn: true }, two], 1).event, undefined);
    const removal = published({ topic, author: 3, kind: "remove" });
    assert.equal(rightContribution([one, two, removal], 2).event, undefined);
    const again = published({ topic, author: 2 });
    assert.equal(rightContribution([one, two, removal, again], 2).event, again);
    assert.equal(rightContribution([one, { ...removal, isDestroyed: true }], 1).isCertain, false);
  });

  it("a long run may drop events that do not count any more", () => {
    const topic = MERGE_TOPIC;
    const all = allOf(
      published({ kind: "log" }), published({}), published({ kind: "remove" }), published({ topic }),
      published({ topic, author: 2, kind: "remove" }), published({ topic, author: 2 }),
    );
    all.prune(NOW_MS);
    assert.deepEqual(all.all.map(({ value }) => value), [3, 5, 6]);
  });
});

describe("the checkers of shown values", () => {
  it("the checker reports nodes that do not show the right value, and counts them", () => {
    const [first, last, removed, removal] = [
      published({}), published({ author: 2 }), published({ key: "b" }),
      published({ key: "b", kind: "remove", author: 2 }),
    ];
    const nodes = [holder(1), holder(2)];
    const views = new Map([[nodes[0], viewsWith(last, removal)], [nodes[1], viewsWith(first, removed)]]);
    const check = (hasForgotten: boolean): ReturnType<typeof checkShown> => (
      checkShown(nodes, views, allOf(first, last, removed, removal), NOW_MS, hasForgotten)
    );
    const { violations, judged, wrong } = check(false);
    assert.deepEqual([judged, wrong], [2, 2]);
    assert.deepEqual(violations.map(({ node }) => node), ["node 2", "node 2"]);
    assert.match(violations[0].detail, /^shows 1 of 1 at \d+:0 for door\/a, and should show 2 of 2 at \d+:0$/);
    assert.match(violations[1].detail, /^shows 3 of 1 .* for door\/b, and should show nothing$/);
    // With a removal forgotten, values that removals hid may be shown again.
    assert.equal(check(true).violations.length, 1);
  });

  it("the checker reports missing contributions, and withdrawn ones while their authors run", () => {
    const topic = MERGE_TOPIC;
    const [one, two] = [published({ topic, isWithdrawn: true }), published({ topic, author: 2 })];
    const nodes = [holder(1), holder(2)];
    const views = new Map([[nodes[0], viewsWith(one)], [nodes[1], viewsWith(two)]]);
    const check = (): string[] => checkShown(nodes, views, allOf(one, two), NOW_MS, false).violations
      .map(({ detail }) => detail);
    assert.equal(check().length, 2);
    assert.match(check()[0], /^shows 1 of 1 .* for \+stock\/a of 1, and should show nothing$/);
    assert.match(check()[1], /^shows nothing for \+stock\/a of 2, and should show 2 of 2/);
    one.start = 0;
    assert.equal(check().length, 1);
  });

  it("the checker reports events that are kept in two feeds", () => {
    const record = (identity: string, isLive = true): HeldRecord => ({
      keeper: 1, generation: 0, sequence: 1, kind: "set", identity, hasTimeToLive: false, isLive,
    });
    const check = (one: HeldRecord[], two: HeldRecord[]): string[] => (
      checkCopies(new Map([["node 1", one], ["node 2", two]])).map(({ detail }) => detail)
    );
    assert.deepEqual(check([record("9 5:0 set"), record("9 6:0 set")], [record("9 6:0 set")]), [
      "keeps 9 6:0 set, as do others: node 1, node 2",
    ]);
    assert.deepEqual(check([record("9 5:0 set")], [record("9 5:0 set", false)]), []);
  });

  it("the checker reports log events that a node lacks", () => {
    const [one, two] = [published({ kind: "log" }), published({ kind: "log" })];
    const nodes = [holder(1, [heldAs(one), heldAs(two)]), holder(2, [heldAs(two)])];
    const { violations, wanted, lost } = checkLogs(nodes, [one, two]);
    assert.deepEqual([wanted, lost], [2, 1]);
    assert.deepEqual(violations.map(({ node }) => node), ["node 2"]);
  });
});

describe("the monitor of undone values", () => {
  let all: PublishedEvents;
  let monitor: UndoneMonitor;
  let node: SimNode;

  beforeEach(() => {
    all = allOf(published({}), published({ author: 2, kind: "remove" }), published({ author: 3 }));
    monitor = new UndoneMonitor(all);
    node = holder(1);
  });

  /** Shows some of the events for rounds. Returns the violations. */
  function show(rounds: number, indexes: number[], isCut = false): string[] {
    const { latest } = viewsWith(...indexes.map((index) => all.all[index]));
    const found: string[] = [];
    for (let i = 0; i < rounds; i++) {
      found.push(...monitor.observe(node, latest, ++round, isCut, false).map(({ detail }) => detail));
    }
    return found;
  }
  let round = 0;

  it("the monitor reports a value that gives way to an older one, or to nothing, for too long", () => {
    for (const back of [[0], []]) {
      assert.deepEqual(show(1, [2]), []);
      assert.deepEqual(show(UNDONE_ROUNDS, back), []);
      const found = show(UNDONE_ROUNDS, back);
      assert.equal(found.length, 1);
      assert.match(found[0], back.length === 0 ? /^showed 3 of 3 .* and now shows nothing$/ : /and now shows 1 of 1/);
    }
    assert.equal(monitor.undone, 2);
  });

  it("the monitor reports a removal that is undone", () => {
    show(1, [0]);
    assert.deepEqual(show(2, []), []);
    assert.match(show(2 * UNDONE_ROUNDS, [0]).join(), /^showed a removal of 2 .* and now shows 1 of 1 at \d+:0$/);
  });

  it("the monitor accepts older values for a while, with cuts, at a restart, or if a fault destroyed the later", () => {
    assert.deepEqual([...show(1, [2]), ...show(UNDONE_ROUNDS, [0]), ...show(1, [2]), ...show(UNDONE_ROUNDS, [0])], []);
    assert.deepEqual([...show(1, [2]), ...show(2 * UNDONE_ROUNDS, [0], true), ...show(1, [2])], []);
    (node as { starts: number }).starts++;
    assert.deepEqual(show(2 * UNDONE_ROUNDS, [0]), []);
    show(1, [2]);
    all.all[2].isDestroyed = true;
    assert.deepEqual(show(2 * UNDONE_ROUNDS, [0]), []);
  });
});

describe("what a fault destroys", () => {
  interface Publishing {
    nodes: SimNode[];
    run: (rounds: number) => void;
    publish: () => PublishedEvent;
    all: PublishedEvents;
    holders: EventHolders;
  }

  /** Two nodes, of which the first one publishes. */
  function network(): Publishing {
    const sim = new SimNetwork({ seed: 1 });
    for (let i = 0; i < 2; i++) sim.addNode({ options: { seedList: ["10.0.0.1", "10.0.0.2"], events: eventFeeds() } });
    const all = new PublishedEvents();
    sim.runFor(4 * ROUND_MS);
    const [author] = sim.nodes;
    const publish = (): PublishedEvent => {
      author.set("door", `key ${values}`, 1);
      const { timeMs, counter } = author.gossip!.events().at(-1)!;
      const one = published({ author: author.id, timeMs, counter });
      all.add(one);
      return one;
    };
    const run = (rounds: number): void => sim.runFor(rounds * ROUND_MS);
    return { nodes: sim.nodes, run, publish, all, holders: new EventHolders(all) };
  }

  it("an event is destroyed if no other node holds it, and no log", () => {
    const { nodes, run, publish, all, holders } = network();
    const destroyed = (): number[] => all.all.flatMap(({ isDestroyed, value }) => isDestroyed ? [value] : []);
    publish();
    run(4);
    publish();
    holders.off(nodes[0], nodes, "log");
    assert.deepEqual(destroyed(), []);
    holders.on(nodes[0]);
    holders.off(nodes[0], nodes, "nothing");
    assert.deepEqual(destroyed(), [2]);
    holders.off(nodes[1], [nodes[1]], "nothing");
    assert.deepEqual(destroyed(), [1, 2]);
  });

  it("what only others' RAM holds is destroyed with them, and an older image destroys what came after it", () => {
    const { nodes, run, publish, holders } = network();
    const [first, second] = [publish(), published({ author: 99 })];
    const identities = holders.ownOf(nodes[0]);
    const third = publish();
    run(4);
    holders.off(nodes[1], nodes, "log");
    assert.deepEqual([first, second, third].map(({ isDestroyed }) => isDestroyed), [false, false, false]);
    holders.off(nodes[0], [nodes[0]], { storage: nodes[0].storage, identities });
    assert.deepEqual([first, second, third].map(({ isDestroyed }) => isDestroyed), [false, false, true]);
  });
});
