import assert from "node:assert/strict";
import { type CborValue, Gossip, type NodeRow, minMax } from "../src/gossip.js";
import { FakeNetwork, FakeNode, frameHex, joined, rowHex, rowsHex, single, started } from "./support/fake-platform.js";

const OWN_ID = 0xc0a80035;
const STRANGER = 7;

/** A SYN of a stranger with a row in it that the node does not know yet. */
const update = frameHex(1, STRANGER, 0, 1, rowsHex(rowHex(STRANGER, 99, "00", "05", "182a")));

describe("Gossip: start", () => {
  for (const [stored, revision] of [[undefined, 0], [0, 1], [41, 42], [0xfffffffe, 0xffffffff]] as const) {
    it(`start() stores ${revision} after ${String(stored)} before anything is sent`, () => {
      const { network, node } = single();
      node.storage.revision = stored;
      node.gossip.start();
      network.run(10000);
      assert.deepEqual(node.calls.slice(0, 4), ["read", "open", `write ${revision}`, "send SYN"]);
      assert.equal(node.gossip.revision, revision);
      assert.equal(node.storage.revision, revision);
      assert.equal(node.socket.openedPort, 5000);
      assert.equal(node.gossip.id, OWN_ID);
    });
  }

  it("a node without storage begins with revision 0", () => {
    const network = new FakeNetwork();
    const { socket, clock } = new FakeNode(network, "192.168.0.53");
    const gossip = new Gossip({ socket, clock });
    gossip.start();
    network.run(60000);
    assert.equal(gossip.revision, 0);
    assert.ok(socket.sent.length > 0);
  });

  for (const method of ["readError", "writeError"] as const) {
    it(`the node sends nothing when the storage throws (${method})`, () => {
      const { network, node } = single();
      node.storage[method] = new Error("flash is worn out");
      assert.throws(() => node.gossip.start(), /flash is worn out/);
      network.run(60000);
      assert.equal(node.socket.isOpen, false);
      assert.deepEqual([node.socket.sent.length, node.clock.timers], [0, 0]);
    });
  }

  it("start() refuses a stored revision that has no successor", () => {
    const { node } = single();
    node.storage.revision = 0xffffffff;
    assert.throws(() => node.gossip.start(), { code: "ERR_STORAGE", message: /4294967295/ });
    assert.deepEqual(node.calls, ["read"]);
  });

  it("start() is refused after a start and after a close", () => {
    const { node } = started();
    assert.throws(() => node.gossip.start(), { code: "ERR_STATE", message: /started/ });
    assert.deepEqual(node.calls, ["read", "open", "write 0"]);
    node.gossip.close();
    assert.throws(() => node.gossip.start(), /closed/);
    const { node: other } = single();
    other.gossip.close();
    assert.throws(() => other.gossip.start(), /closed/);
    assert.deepEqual(other.calls, []);
  });
});

describe("Gossip: push", () => {
  it("a pushed value reaches all nodes, whose onUpdate gets the row with its data", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, {}, {}]);
    for (const node of nodes) node.updates.length = 0;
    nodes[1].gossip.push({ t: 21.5 });
    network.run(50);
    for (const node of [nodes[0], nodes[2]]) {
      const row = node.updates.flat().find(({ address }) => address === "192.168.0.54");
      assert.ok(row, "was not told");
      assert.deepEqual(row, { ...row, id: 0xc0a80036, port: 5000, revision: 0, state: "up", data: { t: 21.5 } });
      assert.deepEqual(node.data("192.168.0.54"), { t: 21.5 });
    }
    assert.ok(nodes[1].updates.flat().every(({ address }) => address !== "192.168.0.54"), "told of its own row");
    assert.deepEqual(nodes[1].data("192.168.0.54"), { t: 21.5 });
  });

  it("push(undefined) withdraws the value", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, {}]);
    nodes[0].gossip.push("here");
    network.run(20000);
    assert.equal(nodes[1].data("192.168.0.53"), "here");
    nodes[0].gossip.push(undefined);
    network.run(20000);
    for (const node of nodes) {
      assert.equal(node.data("192.168.0.53"), undefined);
    }
    assert.ok(nodes[1].updates.flat().some(({ data }) => data === undefined));
  });

  it("a value pushed before the start is in the first frames", () => {
    const network = new FakeNetwork();
    const b = new FakeNode(network, "192.168.0.54");
    const a = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.54"] });
    a.gossip.push([1, 2], "192.168.0.54");
    assert.deepEqual(a.calls, []);
    for (const node of [a, b]) node.gossip.start();
    network.run(10000);
    assert.deepEqual(b.data("192.168.0.53"), [1, 2]);
  });

  it("push() sends a SYN to a given address at once", () => {
    const { node } = started();
    node.gossip.push(1, "192.168.0.77");
    assert.deepEqual([node.socket.sent[0].type, node.socket.sent[0].to, node.socket.sent[0].port], [
      "SYN", 0xc0a8004d, 5000,
    ]);
    assert.match(node.socket.sent[0].hex, /0101$/, "the value, of length 1");
    node.gossip.push(2, "192.168.0.78:77");
    assert.ok(node.socket.sent.some(({ to, port, type }) => to === 0xc0a8004e && port === 77 && type === "SYN"));
  });

  it("push() throws for a value that cannot be shared, changes nothing and sends nothing", () => {
    const { node } = started();
    node.gossip.push("old");
    const sent = node.socket.sent.length;
    const before = node.gossip.rows();
    let deep: CborValue = [];
    for (let i = 0; i < 8; i++) deep = [deep];
    const bad: [unknown, string, RegExp][] = [
      ["x".repeat(31), "RangeError", /32 bytes/], [{ a: { b: () => 1 } }, "TypeError", /function/],
      [Symbol("s"), "TypeError", /CBOR/], [1n, "TypeError", /CBOR/], [new Date(0), "TypeError", /CBOR/],
      [deep, "RangeError", /deeper than 4/],
    ];
    for (const [value, name, message] of bad) {
      const expected = { name, code: "ERR_ARGUMENT", option: "value" };
      assert.throws(() => node.gossip.push(value as CborValue), expected);
      assert.throws(() => node.gossip.push(value as CborValue), message);
      assert.throws(() => node.gossip.push(value as CborValue), /: push: value: /);
    }
    for (const address of ["", "x", "1.2.3", "0.0.0.0", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:x"]) {
      const expected = { name: "RangeError", code: "ERR_ARGUMENT", option: "address" };
      assert.throws(() => node.gossip.push(1, address), expected);
    }
    assert.throws(() => node.gossip.push(1, 7 as never), { name: "TypeError", code: "ERR_ARGUMENT" });
    assert.equal(node.socket.sent.length, sent);
    assert.deepEqual(node.gossip.rows(), before);
    node.gossip.push("x".repeat(30));
  });

  it("push() inside onUpdate sends at once, and onUpdate is not called within itself", () => {
    const network = new FakeNetwork();
    let depth = 0;
    let told = 0;
    const onUpdate = (rows: NodeRow[]) => {
      assert.equal(depth++, 0, "re-entered");
      assert.equal(b.calls.at(-1), "send ACK");
      b.gossip.push(++told);
      assert.ok(rows.length > 0);
      depth--;
    };
    const b: FakeNode = new FakeNode(network, "192.168.0.54", { onUpdate });
    b.gossip.start();
    b.arrive(update);
    assert.equal(told, 1);
    assert.equal(b.calls.at(-1), "send SYN", "the push went out, too");
    assert.equal(b.data("192.168.0.54"), 1);
    assert.equal(b.states.length, 1, "the other callbacks of the input are called");
    assert.equal(b.clock.timers, 1);
  });

  it("the views get a pushed value after the node has sent it", () => {
    const calls: string[][] = [];
    const view = minMax({ onChange: () => calls.push([...node.calls]) });
    const { node } = started({ views: [view] });
    node.gossip.push(1, "192.168.0.77");
    assert.equal(calls.length, 1);
    assert.ok(calls[0].includes("send SYN"), "onChange was called first; a push in it would lose the SYN");
  });
});

describe("Gossip: rows and callbacks", () => {
  it("row() returns one row by id, and by address with and without a port", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, { port: 5001, seedList: ["192.168.0.53:5000"] }]);
    network.run(30000);
    const [own, other] = nodes[0].gossip.rows();
    for (const node of [OWN_ID, "192.168.0.53", "192.168.0.53:5000"]) {
      assert.deepEqual(nodes[0].gossip.row(node), own);
    }
    assert.deepEqual(nodes[0].gossip.row("192.168.0.54:5001"), other);
    assert.deepEqual(nodes[0].gossip.row(0xc0a80036), other);
    // Without a port it is the node's own.
    assert.deepEqual(nodes[1].gossip.row("192.168.0.54")?.id, 0xc0a80036);
    for (const node of [7, 0, "192.168.0.54", "192.168.0.77"]) assert.equal(nodes[0].gossip.row(node), undefined);
    for (const [node, name, option] of [
      [-1, "RangeError", "id"], [0.5, "RangeError", "id"], [NaN, "RangeError", "id"], [2 ** 32, "RangeError", "id"],
      ["", "RangeError", "address"], ["1.2.3.4:0", "RangeError", "address"], [undefined, "TypeError", "node"],
      ["\n", "RangeError", "name"], ["x".repeat(25), "RangeError", "name"],
    ] as [never, string, string][]) {
      assert.throws(() => nodes[0].gossip.row(node), { name, option, code: "ERR_ARGUMENT" });
    }
  });

  it("row() returns the live one of two rows with one address", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, { id: 900 }]);
    nodes[1].socket.isCut = true;
    nodes[1].clock.stop();
    network.run(300000);
    assert.deepEqual(nodes[0].gossip.row("192.168.0.54")?.state, "down");
    const replacement = new FakeNode(network, "192.168.0.54", { id: 5, seedList: ["192.168.0.53"] });
    replacement.gossip.start();
    network.run(30000);
    assert.equal(nodes[0].gossip.rows().filter(({ address }) => address === "192.168.0.54").length, 2);
    assert.deepEqual(nodes[0].gossip.row("192.168.0.54"), nodes[0].gossip.row(5));
    assert.equal(nodes[0].gossip.row(5)?.state, "up");
  });

  it("rows() returns the rows in the order of ids", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{ id: 30 }, { id: 0xffffffff }, { id: 2 }]);
    for (const node of nodes) {
      assert.deepEqual(node.gossip.rows().map(({ id }) => id), [2, 30, 0xffffffff]);
      assert.deepEqual(node.gossip.rows().map(({ address }) => address), [
        "192.168.0.55", "192.168.0.53", "192.168.0.54",
      ]);
    }
  });

  it("onState is called with a node's first state and each change of it", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, {}]);
    assert.deepEqual(nodes[0].states.map(({ id, state }) => [id, state]), [[0xc0a80036, "up"]]);
    nodes[1].socket.isCut = true;
    network.run(200000);
    assert.deepEqual(nodes[0].states.map(({ state }) => state), ["up", "suspect", "down"]);
    assert.equal(nodes[0].gossip.row("192.168.0.54")?.state, "down");
  });

  it("the others show a closed node as left and not as down", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, {}, {}]);
    nodes[1].gossip.close();
    network.run(60000);
    for (const { gossip, states } of [nodes[0], nodes[2]]) {
      const of54 = states.filter(({ id }) => id === 0xc0a80036).map(({ state }) => state);
      assert.deepEqual(of54, ["up", "left"]);
      assert.equal(gossip.row("192.168.0.54")?.state, "left");
    }
    const { calls } = nodes[1];
    assert.deepEqual(calls.slice(calls.lastIndexOf("close") - 1), ["send LEAVE", "close"]);
  });

  it("debugOutput is called for each datagram", () => {
    const messages: string[] = [];
    const { network, node } = started({ debugOutput: (message) => messages.push(message) });
    network.run(3000);
    node.arrive("7b".repeat(12));
    assert.match(messages[0], /^SYN to 192\.168\.0\.99:5000, \d+ bytes$/);
    assert.match(messages.at(-2)!, /^JSON from 192\.168\.0\.99:5000, 12 bytes$/);
    node.arrive("00");
    assert.match(messages.at(-1)!, /^unknown from 192\.168\.0\.99:5000, 1 bytes$/);
  });
});

describe("Gossip: revision", () => {
  it("setRevision() before the start sets the revision from which the start counts", () => {
    const { node } = single();
    node.gossip.setRevision(41);
    assert.deepEqual(node.calls, ["write 41"]);
    node.gossip.start();
    assert.equal(node.gossip.revision, 42);
  });

  it("a running node stores and uses a higher revision at once", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, {}]);
    nodes[1].gossip.setRevision(9);
    assert.deepEqual([nodes[1].gossip.revision, nodes[1].storage.revision], [9, 9]);
    network.run(60000);
    assert.equal(nodes[0].row("192.168.0.54")?.revision, 9);
    assert.throws(() => nodes[1].gossip.setRevision(3), { name: "RangeError", code: "ERR_ARGUMENT", message: /^setRevision: revision: 3 is below .* 9$/ });
    assert.deepEqual([nodes[1].gossip.revision, nodes[1].storage.revision], [9, 9]);
  });

  it("a revision must be a uint32", () => {
    const { node } = started();
    for (const bad of [-1, 0.5, NaN, 2 ** 32, "1", undefined, null]) {
      assert.throws(() => node.gossip.setRevision(bad as number), { code: "ERR_ARGUMENT", option: "revision", message: /^setRevision: revision: .*4294967295/ });
    }
    node.storage.writeError = new Error("worn out");
    assert.throws(() => node.gossip.setRevision(7), /worn out/);
    assert.equal(node.gossip.revision, 0);
  });

  /** A node that others know under revision 5 starts with an empty storage. */
  function wiped(onError?: (code: string) => void): { network: FakeNetwork; peer: FakeNode; node: FakeNode } {
    const network = new FakeNetwork();
    const peer = new FakeNode(network, "192.168.0.53");
    const first = new FakeNode(network, "192.168.0.54", { seedList: ["192.168.0.53"] });
    first.storage.revision = 4;
    for (const node of [peer, first]) node.gossip.start();
    network.run(60000);
    first.gossip.close();
    // So that the next try of the peer, which is alone now, does not come before the node's own SYN.
    network.run(2500);
    const options = { seedList: ["192.168.0.53"], ...(onError === undefined ? {} : { onError }) };
    return { network, peer, node: new FakeNode(network, "192.168.0.54", options) };
  }

  it("a wiped node stores a revision beyond the one that peers hold before it sends it", () => {
    const { network, peer, node } = wiped();
    node.gossip.push("back");
    node.gossip.start();
    assert.equal(node.gossip.revision, 0);
    network.run(20000);
    assert.equal(node.gossip.revision, 6);
    assert.equal(node.storage.revision, 6);
    assert.deepEqual([peer.row("192.168.0.54")?.revision, peer.data("192.168.0.54")], [6, "back"]);
    assert.ok(peer.gossip.stats().drops.stale > 0);
    const revisions = node.socket.sent.map(({ hex }) => parseInt(hex.slice(12, 14), 16));
    const sentBefore = node.calls.slice(0, node.calls.indexOf("write 6")).filter((call) => call.startsWith("send"));
    assert.equal(revisions.indexOf(6), sentBefore.length);
    assert.ok(revisions.every((revision) => revision === 0 || revision === 6));
  });

  it("the node reports a revision that cannot be stored, and continues", () => {
    const { network, peer, node } = wiped();
    node.gossip.start();
    node.storage.writeError = new Error("worn out");
    network.run(60000);
    assert.deepEqual(node.errors, [["storage", "worn out"]]);
    assert.equal(peer.row("192.168.0.54")?.state, "up");
  });

  it("a revision is not sent when the application closes the node because it cannot be stored", () => {
    const { network, node } = wiped(() => node.gossip.close());
    node.gossip.start();
    node.storage.writeError = new Error("worn out");
    assert.doesNotThrow(() => network.run(60000));
    assert.equal(node.calls.at(-1), "close");
    assert.equal(node.clock.timers, 0);
  });
});
