import assert from "node:assert/strict";
import fc from "fast-check";
import { type CborValue, MinMax, type ViewRows, minMax } from "../../src/gossip.js";
import { FakeNetwork, FakeNode, joined } from "../support/fake-platform.js";
import { propertyOptions } from "../support/random.js";

type Range = [minimum: number | undefined, maximum: number | undefined];

const reading = (data: CborValue): unknown => (data as { t?: unknown } | undefined)?.t;

function opened(
  capacity: number, select?: (data: CborValue) => unknown, rows?: ViewRows,
): { view: MinMax; changes: Range[] } {
  const changes: Range[] = [];
  const onChange = (...range: Range) => void changes.push(range);
  const view = minMax(select === undefined ? { onChange } : { onChange, select });
  view.bind(capacity, rows);
  return { view, changes };
}

/** Passes one row to the view, as the only change of an input. */
function apply(view: MinMax, slot: number, data: CborValue, isLive = true): Range {
  view.rowChanged(slot, isLive, data);
  view.settle();
  return [view.minimum, view.maximum];
}

describe("minMax", () => {
  it("the view is a MinMax without numbers at first", () => {
    const { view, changes } = opened(4);
    assert.ok(view instanceof MinMax);
    view.settle();
    assert.deepEqual([view.minimum, view.maximum, view.count, changes], [undefined, undefined, 0, []]);
  });

  it("the view has the least and the greatest number of the live nodes", () => {
    const { view, changes } = opened(4);
    assert.deepEqual(apply(view, 0, 5), [5, 5]);
    assert.deepEqual(apply(view, 3, -2.5), [-2.5, 5]);
    assert.deepEqual(apply(view, 1, 7), [-2.5, 7]);
    assert.deepEqual(apply(view, 2, 0), [-2.5, 7]);
    assert.equal(view.count, 4);
    assert.deepEqual(apply(view, 3, 6), [0, 7]);
    assert.deepEqual(apply(view, 1, 1), [0, 6]);
    assert.deepEqual(changes, [[5, 5], [-2.5, 5], [-2.5, 7], [0, 7], [0, 6]]);
  });

  it("the view leaves out values that are no finite numbers", () => {
    const { view } = opened(2);
    apply(view, 0, 5);
    for (const data of [NaN, Infinity, -Infinity, "1", "", null, undefined, true, [1], { t: 1 }, Uint8Array.of(1)]) {
      assert.deepEqual(apply(view, 1, data), [5, 5]);
      assert.equal(view.count, 1);
      apply(view, 1, 6);
    }
    assert.deepEqual(apply(view, 1, undefined), [5, 5]);
    assert.deepEqual(apply(view, 0, undefined), [undefined, undefined], "the last one was withdrawn");
    assert.equal(view.count, 0);
  });

  it("the view leaves out nodes that are not live", () => {
    const { view } = opened(2);
    apply(view, 0, 5);
    apply(view, 1, 9);
    assert.deepEqual(apply(view, 1, 9, false), [5, 5]);
    assert.deepEqual(apply(view, 1, 9, true), [5, 9]);
    assert.deepEqual(apply(view, 0, 5, false), [9, 9]);
  });

  it("the view picks the number out of the data", () => {
    const { view } = opened(2, reading);
    assert.deepEqual(apply(view, 0, { t: 21.5, name: "hall" }), [21.5, 21.5]);
    assert.deepEqual(apply(view, 1, { name: "roof" }), [21.5, 21.5]);
    assert.deepEqual(apply(view, 1, { t: "22" }), [21.5, 21.5]);
    assert.deepEqual(apply(view, 1, { t: 22 }), [21.5, 22]);
    assert.deepEqual(apply(view, 1, 30), [21.5, 21.5]);
  });

  it("the view does not read the data of nodes that are not live", () => {
    const { view } = opened(1, () => assert.fail("asked"));
    assert.deepEqual(apply(view, 0, 1, false), [undefined, undefined]);
  });

  it("the view calls back once for many rows, and only on a change", () => {
    const { view, changes } = opened(4);
    for (let slot = 0; slot < 4; slot++) view.rowChanged(slot, true, slot);
    assert.deepEqual(changes, []);
    view.settle();
    view.settle();
    apply(view, 1, 2.5);
    apply(view, 2, "gone");
    assert.deepEqual(changes, [[0, 3]]);
    apply(view, 0, undefined);
    apply(view, 3, 2.5);
    assert.deepEqual(changes, [[0, 3], [2.5, 3], [2.5, 2.5]]);
    apply(view, 1, 1, false);
    apply(view, 3, 1, false);
    assert.deepEqual(changes.slice(3), [[undefined, undefined]]);
  });

  it("the view shows the new numbers while it calls back", () => {
    const seen: Range[] = [];
    const view: MinMax = minMax({ onChange: () => seen.push([view.minimum, view.maximum]) });
    view.bind(1);
    apply(view, 0, 4);
    assert.deepEqual(seen, [[4, 4]]);
  });

  it("a field of maps counts, and a number alone", () => {
    const view = minMax({ field: "temp" });
    view.bind(6);
    const values = [{ temp: 21.5, hum: 99 }, { hum: 5 }, 18, { temp: "warm" }, null, [7]];
    values.forEach((value, slot) => view.rowChanged(slot, true, value));
    view.settle();
    assert.deepEqual([view.minimum, view.maximum, view.count], [18, 21.5, 2]);
    assert.throws(() => minMax({ field: 5 as unknown as string }), { message: "field: is not a text" });
    assert.throws(() => minMax({ field: "temp", select: (value) => value }), {
      name: "RangeError", message: "field: not together with select",
    });
  });

  it("the view works without callbacks", () => {
    const view = minMax({});
    view.bind(1);
    assert.deepEqual(apply(view, 0, 4), [4, 4]);
  });

  it("the view agrees with a plain computation, with and without a node's rows", () => {
    const data = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double(), fc.string(), fc.constant(undefined));
    const change = fc.tuple(fc.nat(5), fc.boolean(), data);
    fc.assert(fc.property(fc.array(change, { maxLength: 40 }), fc.boolean(), (list, hasRows) => {
      const held = new Map<number, CborValue>();
      const { view, changes } = opened(6, undefined, hasRows ? { value: (slot) => held.get(slot) } : undefined);
      let before: Range = [undefined, undefined];
      let expectedChanges = 0;
      for (const [slot, isLive, value] of list) {
        held.set(slot, isLive ? value : undefined);
        const numbers = [...held.values()].filter((value): value is number => Number.isFinite(value));
        const isEmpty = numbers.length === 0;
        const range: Range = isEmpty ? [undefined, undefined] : [Math.min(...numbers), Math.max(...numbers)];
        if (range[0] !== before[0] || range[1] !== before[1]) expectedChanges++;
        before = range;
        const [minimum, maximum] = apply(view, slot, value, isLive);
        assert.ok(minimum === range[0] && maximum === range[1]);
        assert.equal(view.count, numbers.length);
        assert.equal(changes.length, expectedChanges);
      }
    }), propertyOptions(1000));
  });

  it("the view has no copy of the rows, and looks at them when the least or the greatest number went away", () => {
    const held = [5, 1, 9, 3];
    const looked: number[] = [];
    const value = (slot: number): number => {
      looked.push(slot);
      return held[slot];
    };
    const { view } = opened(4, undefined, { value });
    held.forEach((number, slot) => apply(view, slot, number));
    held[0] = 4;
    assert.deepEqual(apply(view, 0, 4), [1, 9]);
    assert.deepEqual(looked, []);
    held[2] = 2;
    assert.deepEqual(apply(view, 2, 2), [1, 4]);
    assert.deepEqual(looked, [0, 1, 2, 3]);
  });

  it("a row that changed, but that the view was not passed yet, is not its minimum as no number", () => {
    const held: CborValue[] = [5, 7];
    const { view, changes } = opened(2, undefined, { value: (slot) => held[slot] });
    held.forEach((number, slot) => apply(view, slot, number));
    held.fill("gone");
    assert.deepEqual(apply(view, 0, "gone"), [undefined, undefined]);
    assert.deepEqual(apply(view, 1, "gone"), [undefined, undefined]);
    assert.deepEqual(changes, [[5, 5], [5, 7], [undefined, undefined]]);
    assert.equal(view.count, 0);
  });
});

describe("minMax in a network", () => {
  function nodes(): { network: FakeNetwork; all: FakeNode[]; views: MinMax[]; changes: Range[] } {
    const network = new FakeNetwork();
    const changes: Range[] = [];
    const views = [0, 1, 2].map((i) => minMax({
      select: reading,
      onChange: (...range) => {
        if (i === 0) changes.push(range);
      },
    }));
    return { network, all: joined(network, views.map((view) => ({ views: [view] }))), views, changes };
  }

  it("the view counts the node's own value at once, even before the start", () => {
    const view = minMax({});
    const node = new FakeNode(new FakeNetwork(), "192.168.0.53", { views: [view] });
    node.gossip.push(3);
    assert.deepEqual([view.minimum, view.maximum, view.count], [3, 3, 1]);
    node.gossip.start();
    node.gossip.push(4);
    assert.deepEqual([view.minimum, view.maximum, view.count], [4, 4, 1]);
    node.gossip.push(undefined);
    assert.deepEqual([view.minimum, view.maximum, view.count], [undefined, undefined, 0]);
  });

  it("the view has the same range on all nodes, follows them and forgets withdrawn values", () => {
    const { network, all, views, changes } = nodes();
    all.forEach((node, i) => node.gossip.push({ t: 20 + i }));
    network.run(30000);
    for (const view of views) assert.deepEqual([view.minimum, view.maximum, view.count], [20, 22, 3]);
    all[2].gossip.push({ t: 18 });
    network.run(10000);
    for (const view of views) assert.deepEqual([view.minimum, view.maximum, view.count], [18, 21, 3]);
    all[2].gossip.push(undefined);
    network.run(10000);
    for (const view of views) assert.deepEqual([view.minimum, view.maximum, view.count], [20, 21, 2]);
    assert.deepEqual(changes.at(-1), [20, 21]);
    const told = changes.length;
    network.run(300000);
    assert.equal(changes.length, told, "nothing changed");
  });

  it("the view loses the number of a node that goes DOWN and has it back when the node is back", () => {
    const { network, all, views } = nodes();
    all.forEach((node, i) => node.gossip.push({ t: 20 + i }));
    network.run(30000);
    network.sockets.delete(all[2].socket.address);
    all[2].socket.isCut = true;
    network.run(300000);
    assert.deepEqual([views[0].minimum, views[0].maximum, views[0].count], [20, 21, 2]);
    network.sockets.set(all[2].socket.address, all[2].socket);
    all[2].socket.isCut = false;
    network.run(600000);
    assert.deepEqual([views[0].minimum, views[0].maximum, views[0].count], [20, 22, 3]);
  });
});
