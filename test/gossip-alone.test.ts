import assert from "node:assert/strict";
import { DROP_REASONS } from "../src/engine/wire/drops.js";
import { nodeSealing } from "../desktop/platform/node-sealing.js";
import { FakeNetwork, FakeNode, frameHex, joined, rowHex, rowsHex, single, started } from "./support/fake-platform.js";

const STRANGER = 7;
const KEY = "01".repeat(32);
/** 16 rounds of 10 s that are each up to an eighth longer, and the first one. */
const ALONE_MS = 185000;

function alone(node: FakeNode): string[] {
  return node.errors.flatMap(([code, message]) => code === "alone" ? [message] : []);
}

describe("Gossip: a node that nobody answers", () => {
  it("the reasons fit the bits of one word", () => assert.ok(DROP_REASONS <= 32));

  it("the node reports once that nobody answers its seeds, and that nothing arrives", () => {
    const { network, node } = started({ seedList: ["192.168.0.99", "192.168.0.98:5001"] });
    network.run(100000);
    assert.deepEqual(alone(node), []);
    network.run(ALONE_MS);
    assert.deepEqual(alone(node), [
      "no other node for 16 rounds, tried 192.168.0.99:5000, 192.168.0.98:5001, broadcast to 255.255.255.255; "
      + "nothing arrives: no other node runs, another port, a firewall, or an access point that isolates clients",
    ]);
    network.run(10 * ALONE_MS);
    assert.equal(alone(node).length, 1);
  });

  it("the node reports where it broadcast to, or that it could not", () => {
    const of = (broadcastAddresses: number[] | undefined, more = {}) => {
      const { network, node } = single({ seedList: [], ...more });
      if (broadcastAddresses !== undefined) node.socket.broadcastAddresses = () => broadcastAddresses;
      node.gossip.start();
      network.run(ALONE_MS);
      return /tried (.*);/.exec(alone(node)[0])?.[1];
    };
    assert.equal(of(undefined), "broadcast to 255.255.255.255");
    assert.equal(of([]), "no broadcast (none is possible from the node's address)");
    assert.equal(of([0x0a4d00ff, 0x0a5800ff]), "broadcast to 10.77.0.255 and 10.88.0.255");
    assert.equal(of([0x0a4d00ff], { broadcastAddress: "10.1.1.255" }), "broadcast to 10.1.1.255");
  });

  it("the node reports it again when it was with others meanwhile, and then with what arrived since", () => {
    const network = new FakeNetwork();
    const [one, other] = joined(network, [{}, {}]);
    other.arrive("00");
    network.run(ALONE_MS);
    one.gossip.close();
    network.run(30 * 60000);
    assert.equal(alone(other).length, 1);
    assert.match(alone(other)[0], /nothing arrives/);
  });

  const arrivals: [string, string, { key?: string }, RegExp][] = [
    ["unsealed frames, with a key", frameHex(1, STRANGER, 0, 1, ""), { key: KEY }, /the other nodes have no key$/],
    ["sealed frames, without a key", "c111" + "00".repeat(40), {}, /this node has no key$/],
    ["frames of another key", "c111" + "00".repeat(40), { key: KEY }, /frames of another key arrive/],
    ["another version", "c0" + frameHex(1, STRANGER, 0, 1, "").slice(2), {}, /another version of chisme arrive$/],
    ["another program's datagrams", "00112233", {}, /another dialect or program arrive at this port$/],
    ["frames that are cut", frameHex(1, STRANGER, 0, 1, "").slice(0, 20), {}, /what arrives is refused \(length\)$/],
  ];
  for (const [what, hex, options, expected] of arrivals) {
    it(`the node says what may be wrong when what arrives is ${what}`, () => {
      const { network, node } = started({ ...options, sealing: nodeSealing });
      node.arrive(hex);
      network.run(ALONE_MS);
      assert.equal(alone(node).length, 1);
      assert.match(alone(node)[0], expected, JSON.stringify(node.gossip.stats().drops));
    });
  }

  it("a node that another one answers reports nothing", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, {}]);
    nodes[0].arrive(frameHex(1, STRANGER, 0, 1, rowsHex(rowHex(STRANGER, 99, "00", "05"))));
    network.run(60 * 60000);
    assert.deepEqual(nodes.flatMap(alone), []);
  });
});

describe("Gossip: host names as seeds", () => {
  /** A node whose platform answers look-ups from `hosts`, and counts them. */
  function named(network: FakeNetwork, address: string, seedList: string[], hosts: Map<string, number>) {
    const asked: string[] = [];
    const socket = new FakeNode(network, address).socket;
    socket.resolve = (name, callback) => {
      asked.push(name);
      network.after(5, () => callback(hosts.get(name) ?? 0));
    };
    const options = { socket, seedList, broadcastAddress: "none" };
    return { asked, node: new FakeNode(network, address, options), socket };
  }

  const BOX = 0xc0a80036;

  it("a node finds another one by its name, and tells neither of them anything", () => {
    const network = new FakeNetwork();
    new FakeNode(network, "192.168.0.54", { seedList: ["192.168.0.99"] }).gossip.start();
    const { node, asked } = named(network, "192.168.0.53", ["box.local"], new Map([["box.local", BOX]]));
    node.gossip.start();
    network.run(30000);
    assert.equal(node.row("192.168.0.54")?.state, "up");
    assert.deepEqual([node.errors, asked], [[], ["box.local"]]);
  });

  it("names are looked up one after the other, every 8 rounds while alone and every 64 otherwise", () => {
    const network = new FakeNetwork();
    const hosts = new Map([["box", BOX]]);
    const { node, asked } = named(network, "192.168.0.53", ["nobody.example:5001", "box"], hosts);
    node.gossip.start();
    network.run(78000);
    assert.deepEqual(asked, ["nobody.example", "box"]);
    network.run(84000);
    assert.deepEqual(asked.slice(2), ["nobody.example", "box"]);
    const seedErrors = node.errors.filter(([code]) => code === "seed");
    assert.deepEqual(seedErrors, [["seed", "the seed nobody.example is no host that is found"]]);
    new FakeNode(network, "192.168.0.54", { seedList: ["192.168.0.99"] }).gossip.start();
    network.run(30000);
    assert.equal(node.row("192.168.0.54")?.state, "up");
    asked.length = 0;
    network.run(480000);
    assert.deepEqual(asked, []);
    network.run(180000);
    assert.deepEqual(asked, ["nobody.example", "box"]);
  });

  it("a new address replaces the one before; a name that is lost and found again is reported once each", () => {
    const network = new FakeNetwork();
    const hosts = new Map([["box", 0xc0a80063]]);
    const { node, socket } = named(network, "192.168.0.53", ["box:5001"], hosts);
    node.gossip.start();
    network.run(30000);
    assert.deepEqual(new Set(socket.sent.map(({ to, port }) => `${to}:${port}`)), new Set([`${0xc0a80063}:5001`]));
    hosts.delete("box");
    network.run(300000);
    hosts.set("box", BOX);
    network.run(100000);
    socket.sent.length = 0;
    network.run(100000);
    assert.deepEqual(new Set(socket.sent.map(({ to, port }) => `${to}:${port}`)), new Set([`${BOX}:5001`]));
    assert.deepEqual(node.errors.filter(([code]) => code === "seed"), [
      ["seed", "the seed box is no host that is found"], ["seed", "the seed box is found again"],
    ]);
    assert.match(alone(node)[0], /tried box:5001 \(192\.168\.0\.99\);/);
  });

  it("a node's own name in the list that all nodes have is no seed", () => {
    const network = new FakeNetwork();
    const { node, socket } = named(network, "192.168.0.53", ["me"], new Map([["me", 0xc0a80035]]));
    node.gossip.start();
    network.run(300000);
    assert.deepEqual([socket.sent, node.errors.filter(([code]) => code === "seed")], [[], []]);
  });

  it("an answer after the end changes nothing, and a platform that never answers is asked again", () => {
    const network = new FakeNetwork();
    const { node, socket } = named(network, "192.168.0.53", ["box"], new Map());
    let callback: (address: number) => void = () => undefined;
    let asked = 0;
    socket.resolve = (_, answer) => {
      asked++;
      callback = answer;
    };
    node.gossip.start();
    // It asks again at the first round after 80 s.
    network.run(100000);
    assert.equal(asked, 2);
    node.gossip.close();
    callback(0);
    assert.deepEqual(node.errors, []);
  });

  it("wrong seeds are refused with what they are", () => {
    const network = new FakeNetwork();
    const of = (seed: string) => () => named(network, "192.168.0.53", [seed], new Map());
    for (const seed of ["::1", "[fe80::1]:5000", "fe80::1"]) {
      assert.throws(of(seed), {
        code: "ERR_OPTION", option: "seedList[0]", name: "RangeError",
        message: `seedList[0]: ${JSON.stringify(seed)}: IPv6 is not supported, only IPv4 addresses and host names`,
      });
    }
    for (const seed of ["", "192.168.0", "300.1.1.1", "a..b", ".a", "a.", "a b", "é", "a".repeat(64), "a.1"]) {
      assert.throws(of(seed), /seedList\[0\]: ".*" is not an IPv4 address/, seed);
    }
    assert.throws(of(`${"a.".repeat(127)}b`), /is not an IPv4 address/);
    for (const port of ["0", "65536", "x", ""]) assert.throws(of(`box:${port}`), /port ".*" is not an integer/);
    for (const seed of ["box", "a-b.example", "x_y", "3com.example", "a".repeat(63)]) assert.doesNotThrow(of(seed));
    assert.throws(() => new FakeNode(network, "192.168.0.53", { seedList: ["box"] }), {
      code: "ERR_OPTION",
      message: 'seedList[0]: "box" is not an IPv4 address such as "192.168.0.54"; this platform looks up no host names',
    });
  });
});
