import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../desktop/simulator/index.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { OWN_SLOT } from "../src/engine/table/rows.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import { eventFeeds } from "../src/events/index.js";
import { type FeedEvent, type Gossip, type GossipOptions, type NodeRow, minMax } from "../src/gossip.js";
import { latestMap } from "../src/views/latest-map.js";
import { FakeNetwork, FakeNode, joined, single } from "./support/fake-platform.js";

const ROUND_MS = 10000;

/** Bytes of the own row's name and value. */
function sharedBytes(gossip: Gossip): string {
  const { rows } = gossip.engine;
  const start = rows.valueStart(OWN_SLOT);
  return Buffer.from(rows.valueBytes().subarray(start, start + rows.valueLength(OWN_SLOT))).toString("hex");
}

function namesOf(gossip: Gossip): (string | undefined)[] {
  return gossip.rows().map(({ name }) => name);
}

/** A simulated network of nodes with these options; the first one is the seed of all. */
class Named {
  readonly network = new SimNetwork({ seed: 3 });
  readonly states: NodeRow[][] = [];

  constructor(options: Partial<GossipOptions>[]) {
    for (const more of options) this.add(more);
    this.run(6);
  }

  add(options: Partial<GossipOptions>, address?: string): SimNode {
    const states: NodeRow[] = [];
    this.states.push(states);
    return this.network.addNode({
      options: { seedList: ["10.0.0.1"], onState: (row) => states.push(row), ...options },
      ...address !== undefined && { address },
    });
  }

  run(rounds: number): void {
    this.network.runFor(rounds * ROUND_MS);
  }

  gossip(i: number): Gossip {
    return this.network.nodes[i].gossip!;
  }

  row(i: number, node: string): NodeRow | undefined {
    return this.gossip(i).row(node);
  }

  /** What a node's application was told of names, without ids. */
  conflicts(i: number): string[] {
    return this.network.nodes[i].errors.map(({ code, message }) => `${code}: ${message.replace(/id \d+/, "id")}`);
  }
}

describe("names: the option", () => {
  it("name is a text of 1 to 24 bytes without control characters, and not only digits, dots and colons", () => {
    for (const name of ["a", "x".repeat(24), "Küche", "水".repeat(8), "🌡 roof", "node 7", "v1.2", "-"]) {
      assert.equal(single({ name }).node.gossip.rows()[0].name, name);
    }
    const rule = / is not a text of 1 to 24 bytes without control characters$/;
    for (const name of ["", "x".repeat(25), "水".repeat(8) + "x", "a\nb", "\u007f", "a\u009b1m", "\0"]) {
      const expected = { name: "RangeError", code: "ERR_OPTION", option: "name", message: rule };
      assert.throws(() => single({ name }), expected, JSON.stringify(name));
    }
    for (const name of [7, null, ["a"], {}]) {
      const expected = { name: "TypeError", code: "ERR_OPTION", option: "name", message: rule };
      assert.throws(() => single({ name: name as never }), expected);
    }
    for (const name of ["192.168.0.1", "10.0.0.1:5000", "42", "..."]) {
      assert.throws(() => single({ name }), { code: "ERR_OPTION", option: "name", message: /digits, dots and colons/ });
    }
  });

  it("a name that does not fit into valueBytesMax is refused, and both options are named", () => {
    const message = 'name: "kitchen" takes 9 bytes of a row, more than 8 (valueBytesMax)';
    assert.throws(() => single({ name: "kitchen", valueBytesMax: 8 }), { code: "ERR_OPTION", option: "name", message });
    assert.throws(() => single({ name: "a", valueBytesMax: 0 }), { option: "name", message: /more than 0 \(valueBytesMax\)$/ });
    assert.equal(single({ name: "kitchen", valueBytesMax: 9 }).node.gossip.rows()[0].name, "kitchen");
    assert.equal(single({ name: "x".repeat(24), valueBytesMax: 27 }).node.gossip.rows()[0].name, "x".repeat(24));
    assert.throws(() => single({ name: "x".repeat(24), valueBytesMax: 26 }), { option: "name" });
  });

  it("a dialect without names refuses the option", () => {
    const expected = { code: "ERR_OPTION", option: "name", message: "name: the option dialect has none" };
    assert.throws(() => single({ name: "a", dialect: espgossip() }), expected);
    assert.doesNotThrow(() => single({ name: "a", dialect: auto() }));
  });
});

describe("names: versions", () => {
  it("version is a text of 1 to 16 bytes without control characters", () => {
    for (const version of ["1", "1.4.2", "x".repeat(16), "2026-11-30", "β2"]) {
      const { node: { gossip } } = single({ version });
      assert.deepEqual([gossip.rows()[0].name, gossip.rows()[0].version], [undefined, version]);
    }
    const message = / is not a text of 1 to 16 bytes without control characters$/;
    for (const version of ["", "x".repeat(17), "1\x1f2", "1\n"]) {
      assert.throws(() => single({ version }), { name: "RangeError", code: "ERR_OPTION", option: "version", message });
    }
    for (const version of [1.4, null, ["1"]]) {
      assert.throws(() => single({ version: version as never }), { name: "TypeError", option: "version", message });
    }
    const expected = { code: "ERR_OPTION", option: "version", message: "version: the option dialect has none" };
    assert.throws(() => single({ version: "1", dialect: espgossip() }), expected);
  });

  it("name and version that do not fit into valueBytesMax are refused", () => {
    const message = 'version: "1.4.2" with the name "hall" takes 12 bytes of a row, more than 11 (valueBytesMax)';
    assert.throws(() => single({ name: "hall", version: "1.4.2", valueBytesMax: 11 }), { option: "version", message });
    assert.equal(single({ name: "hall", version: "1.4.2", valueBytesMax: 12 }).node.gossip.rows()[0].version, "1.4.2");
    assert.throws(() => single({ version: "1.4.2", valueBytesMax: 7 }), { option: "version" });
  });

  it("a node without a version pays nothing, and one with it the bytes that PROTOCOL.md states", () => {
    const shown = (options: Partial<GossipOptions>): string => {
      const { node: { gossip } } = single(options);
      gossip.push(7);
      return sharedBytes(gossip);
    };
    assert.equal(shown({}), "07");
    assert.equal(shown({ name: "hall" }), "6468616c6c07");
    assert.equal(shown({ name: "hall", version: "1.4" }), "6868616c6c1f312e3407");
    assert.equal(shown({ version: "1.4" }), "641f312e3407");
  });

  it("all nodes show the version and find the node by its name alone; equal names with other versions conflict", () => {
    const named = new Named([{ name: "hall", version: "1.4" }, { version: "2" }, {}, { name: "hall", version: "1.5" }]);
    for (let i = 0; i < 3; i++) {
      const rows = named.gossip(i).rows().map(({ name, version }) => [name, version]);
      const wanted = [["hall", "1.4"], [undefined, "2"], [undefined, undefined], ["hall", "1.5"]];
      assert.deepEqual(rows.map(String).sort(), wanted.map(String).sort());
    }
    assert.equal(named.row(2, "hall")?.name, "hall");
    assert.equal(named.conflicts(0).length, 1);
    assert.deepEqual(named.conflicts(1), []);
  });
});

describe("names: rows", () => {
  it("the row has the name from the start on, before and behind each value", () => {
    const { node: { gossip } } = single({ name: "hall" });
    const shown = (): unknown[] => [sharedBytes(gossip), gossip.rows()[0].name, gossip.rows()[0].data];
    assert.deepEqual(shown(), ["6468616c6cf7", "hall", undefined]);
    gossip.push(7);
    assert.deepEqual(shown(), ["6468616c6c07", "hall", 7]);
    gossip.start();
    gossip.push({ t: "hall" });
    assert.deepEqual(shown(), ["6468616c6ca161746468616c6c", "hall", { t: "hall" }]);
    gossip.push("hall");
    assert.deepEqual(shown(), ["6468616c6c6468616c6c", "hall", "hall"]);
    gossip.push(undefined);
    assert.deepEqual(shown(), ["6468616c6cf7", "hall", undefined]);
    assert.equal(sharedBytes(single({ name: "x".repeat(24) }).node.gossip), `7818${"78".repeat(24)}f7`);
  });

  it("without a name a text is a value, and undefined is none", () => {
    const { node: { gossip } } = single();
    assert.equal(sharedBytes(gossip), "");
    for (const value of ["hall", "x".repeat(24), ["hall", 7]]) {
      gossip.push(value);
      assert.deepEqual([gossip.rows()[0].name, gossip.rows()[0].data], [undefined, value]);
    }
    gossip.push(undefined);
    assert.equal(sharedBytes(gossip), "");
  });

  it("a value that does not fit beside the name is refused with the bytes of both, and changes nothing", () => {
    const { node: { gossip } } = single({ name: "kitchen", valueBytesMax: 16 });
    gossip.push("1234567");
    const message = "push: value: takes 9 bytes of CBOR, name and version 8: more than 16 (valueBytesMax)";
    const expected = { name: "RangeError", code: "ERR_ARGUMENT", option: "value", message };
    assert.throws(() => gossip.push("12345678"), expected);
    assert.throws(() => gossip.push("x".repeat(300)), { message: /takes more than 255 bytes of CBOR, name and version 8: / });
    assert.throws(() => gossip.push((() => 1) as never), { message: /function/ });
    assert.deepEqual([gossip.rows()[0].name, gossip.rows()[0].data], ["kitchen", "1234567"]);
  });

  it("names reach all nodes with the rows: onState, onUpdate, rows(), row()", () => {
    const view = minMax();
    const named = new Named([{ name: "Küche" }, {}, { name: "x".repeat(24), views: [view] }, { name: "roof" }]);
    [5, 6, 7].forEach((value, i) => named.network.nodes[i].push(value));
    named.run(2);
    for (let i = 0; i < 4; i++) {
      const gossip = named.gossip(i);
      assert.deepEqual(namesOf(gossip).sort(), ["Küche", "roof", "x".repeat(24), undefined].sort());
      assert.deepEqual([named.row(i, "Küche")?.data, named.row(i, "Küche")?.address], [5, "10.0.0.1"]);
      assert.equal(named.row(i, "10.0.0.4")?.name, "roof");
      assert.equal(named.row(i, "roof")?.data, undefined);
      assert.equal(named.row(i, "cellar"), undefined);
      const told = named.states[i].filter(({ address }) => address === "10.0.0.4").map(({ name }) => name);
      assert.deepEqual(told, i === 3 ? [] : ["roof"]);
      assert.deepEqual(named.conflicts(i), []);
    }
    assert.deepEqual([view.minimum, view.maximum, view.count], [5, 7, 3]);
  });

  it("nodes without a name pass on the names of nodes that are gone", () => {
    const named = new Named([{}, { name: "gone" }]);
    named.network.nodes[1].close();
    named.run(2);
    named.add({}, "10.0.0.9");
    named.run(6);
    assert.deepEqual([named.row(2, "gone")?.state, named.row(2, "gone")?.address], ["left", "10.0.0.2"]);
  });

  it("a node that has no room for name and value shows neither, and others get both", () => {
    const named = new Named([{ valueBytesMax: 8 }, { name: "bedroom" }, {}]);
    assert.deepEqual([0, 2].map((i) => named.row(i, "10.0.0.2")?.name), [undefined, "bedroom"]);
    named.network.nodes[1].push(8);
    named.run(6);
    const row = named.row(0, "10.0.0.2");
    assert.deepEqual([row?.state, row?.name, row?.data], ["up", undefined, undefined]);
    assert.equal(named.gossip(0).stats().valuesTooLong, 1);
    assert.deepEqual([named.row(2, "bedroom")?.data, named.row(0, "bedroom")], [8, undefined]);
  });

  it("row() finds the row that is nearest to up of those with one name", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, { id: 900, name: "pump" }]);
    nodes[1].socket.isCut = true;
    nodes[1].clock.stop();
    network.run(300000);
    assert.deepEqual([nodes[0].gossip.row("pump")?.id, nodes[0].gossip.row("pump")?.state], [900, "down"]);
    const replacement = new FakeNode(network, "192.168.0.60", { id: 5, name: "pump", seedList: ["192.168.0.53"] });
    replacement.gossip.start();
    network.run(30000);
    assert.equal(nodes[0].gossip.row("pump")?.id, 5);
    assert.deepEqual(replacement.errors, [], "the other node of this name is down");
  });
});

describe("names: two nodes of one name", () => {
  it("both are told once in a start, with the other's address and id", () => {
    const named = new Named([{}, { name: "pump" }, { name: "pump" }, { name: "pump2" }]);
    const of = (host: number): string => (
      `nameConflict: node "pump" at 10.0.0.${host}:5000 (id) has the name of this node, too`
    );
    named.run(20);
    assert.deepEqual([0, 1, 2, 3].map((i) => named.conflicts(i)), [[], [of(3)], [of(2)], []]);
    const { id } = named.gossip(2);
    assert.ok(named.network.nodes[1].errors[0].message.includes(`(id ${id})`));
    named.network.nodes[1].push(1);
    named.network.nodes[2].push(2);
    named.run(2);
    assert.equal(named.conflicts(1).length, 1);
    named.network.nodes[2].restart({ keepStorage: true });
    named.run(6);
    assert.deepEqual([1, 2].map((i) => named.conflicts(i).length), [1, 2], "the restarted node is told again");
  });

  it("a node is told of at most 8 others", () => {
    const named = new Named(Array.from({ length: 12 }, () => ({ name: "same" })));
    named.run(10);
    for (let i = 0; i < 12; i++) assert.equal(named.conflicts(i).length, 8);
  });

  it("a node is not told of itself under its former id", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, { id: 900, name: "pump" }]);
    nodes[1].socket.isCut = true;
    nodes[1].clock.stop();
    const again = new FakeNode(network, "192.168.0.54", { id: 901, name: "pump", seedList: ["192.168.0.53"] });
    again.gossip.start();
    network.run(5000);
    // It may be in doubt, if it was probed already.
    assert.ok(["up", "probed"].includes(again.gossip.row(900)?.state ?? ""), "its row is still live");
    assert.deepEqual(again.errors, []);
  });

  it("other errors show the name of the node", () => {
    const named = new Named([{}, { name: "big", valueBytesMax: 64 }]);
    assert.match(named.conflicts(0)[0], /^limits: node "big" at 10\.0\.0\.2:5000 \(id\) keeps values of up to 64 bytes/);
  });
});

describe("names: events", () => {
  it("an event shows its author's name to the application, and none to views", () => {
    const events: FeedEvent[] = [];
    const viewed: FeedEvent[] = [];
    const map = latestMap();
    const apply = map.apply.bind(map);
    map.apply = (event) => {
      viewed.push(event);
      apply(event);
    };
    const feeds = eventFeeds({ bytes: 4096, onEvent: (event) => events.push(event), views: [map] });
    const named = new Named([
      { events: feeds }, { events: eventFeeds({ bytes: 4096 }), name: "door" }, { events: eventFeeds({ bytes: 4096 }) },
    ]);
    const subscribed: FeedEvent[] = [];
    named.gossip(0).subscribe("t", (event) => subscribed.push(event));
    named.network.nodes[1].set("t", "k", 1);
    named.network.nodes[2].log("t", 2);
    named.run(4);
    const authors = (all: FeedEvent[]): unknown[] => all.map(({ value, authorName }) => [value, authorName]).sort();
    const expected = [[1, "door"], [2, undefined]];
    assert.deepEqual([events, subscribed, named.gossip(0).events()].map(authors), [expected, expected, expected]);
    assert.deepEqual(authors(viewed), [[1, undefined], [2, undefined]]);
    assert.ok(viewed.every((event) => !("authorName" in event)));
    assert.deepEqual(namesOf(named.gossip(0)).filter((name) => name !== undefined), ["door"]);
  });

  it("the copy of an event of a forgotten author shows no name, and not that of the node which holds it", () => {
    const named = new Named([{}, {}, {}].map((_, i) => ({
      name: `n${i}`, roundIntervalMs: 1000, removeAfterMs: 60000, events: eventFeeds({ bytes: 4096 }),
    })));
    named.network.nodes[1].set("t", "k", 1);
    named.run(1);
    assert.deepEqual(named.gossip(0).events().map(({ authorName }) => authorName), ["n1"]);
    named.network.nodes[1].crash();
    named.run(40);
    const [event] = named.gossip(0).events();
    assert.equal(named.row(0, "n1"), undefined);
    assert.notEqual(event.copiedBy, undefined);
    assert.ok(!("authorName" in event));
  });
});

describe("names: bridges to NodeMCU boards", () => {
  it("boards get values without names, and compact nodes the names", () => {
    const network = new SimNetwork({ seed: 5, datagramBytesMax: 1200 });
    const add = (options: Partial<GossipOptions>): SimNode => network.addNode({
      options: { seedList: ["10.0.0.1"], capacity: 8, valueBytesMax: 64, ...options },
    });
    const bridge = add({ dialect: auto(), name: "bridge" });
    const board = add({ dialect: espgossip() });
    const compact = add({ name: "compact" });
    const silent = add({ name: "silent" });
    const json: string[] = [];
    network.tap = (entry) => {
      if (entry.kind !== "sent" || entry.bytes[0] !== 0x7b) return;
      json.push(Buffer.from(entry.bytes.subarray(0, entry.length)).toString());
    };
    network.runFor(ROUND_MS);
    bridge.push({ t: 1 });
    board.push("board");
    compact.push(3);
    network.runFor(20 * ROUND_MS);
    const shown = (node: SimNode): unknown[] => {
      const rows = [bridge, board, compact, silent].map(({ address }) => node.gossip!.row(formatAddress(address)));
      return rows.map((row) => [row?.name, row?.data]);
    };
    const named = [["bridge", { t: 1 }], [undefined, "board"], ["compact", 3], ["silent", undefined]];
    assert.deepEqual(shown(bridge), named);
    assert.deepEqual(shown(compact), named);
    assert.deepEqual(shown(board), named.map(([, data]) => [undefined, data]));
    assert.ok(json.length > 10);
    for (const name of ["bridge", "compact", "silent"]) assert.ok(json.every((text) => !text.includes(name)), name);
  });
});
