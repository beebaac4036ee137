import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import type { Answer, MessageOutcome, PingResult, Reach } from "../../src/gossip.js";
import { isOfMessage } from "../support/message-frames.js";
import { MessageNetwork, all, cells, grid, line, star } from "./message-network.js";

describe("messages over several hops", () => {
  it("reach a node 8 hops away within 10 s, once, at 10 % loss, with at most 5 datagrams of a relay", () => {
    const net = new MessageNetwork({ nodes: 9, shape: line, seed: 1, faults: { lossProbability: 0.1 } });
    net.settle();
    let datagrams = 0;
    net.network.tap = (entry) => {
      const { index } = entry.node;
      if (entry.kind === "sent" && index > 0 && index < 8 && isOfMessage(entry.bytes, entry.length)) datagrams++;
    };
    const sends = 120;
    for (let value = 0; value < sends; value++) assert.equal(net.send(0, 8, value).outcome, "delivered");
    assert.deepEqual(net.deliveries.map(({ at, message }) => [at, message.value]),
      Array.from({ length: sends }, (_, value) => [8, value]));
    assert.ok(net.deliveries.every(({ message }) => message.hops === 8 && message.from === 1000));
    assert.ok(datagrams / 7 / sends <= 5, `${datagrams / 7 / sends} datagrams of a relay`);
  });

  it("pass relays unread in a sealed network", () => {
    const net = new MessageNetwork({
      nodes: 4, shape: line, seed: 3, faults: { lossProbability: 0.1 },
      options: { key: "5a".repeat(32), sealing: nodeSealing },
    });
    net.settle();
    for (let value = 0; value < 20; value++) assert.equal(net.send(3, 0, value).outcome, "delivered");
    assert.equal(net.deliveries.length, 20);
    const { forged } = net.gossip(0).stats().messages!;
    assert.equal(forged, 0);
  });

  it("come by another way when a relay goes", () => {
    const net = new MessageNetwork({ nodes: 9, shape: grid(3), seed: 5 });
    net.settle();
    net.network.runFor(30000);
    net.network.nodes[4].crash();
    assert.equal(net.send(0, 8, "around", 60000).outcome, "delivered");
  });
});

describe("broadcasts", () => {
  for (const [name, shape, nodes] of [
    ["all", all, 32], ["line", line, 12], ["grid", grid(5), 25], ["cells", cells(8), 24], ["star", star, 24],
  ] as const) {
    it(`reach each live node once: ${name}`, () => {
      const net = new MessageNetwork({ nodes, shape, seed: 2, faults: { lossProbability: 0.1 } });
      net.settle(400);
      net.network.runFor(20000);
      const broadcasts = 12;
      for (let value = 0; value < broadcasts; value++) {
        const startMs = net.network.nowMs;
        assert.ok(net.gossip(value % nodes).broadcast("news", value));
        net.network.runFor(8000);
        // Within about log n rounds, and one for each hop.
        const late = net.deliveries.filter(({ message, nowMs }) => message.value === value && nowMs - startMs > 6000);
        assert.deepEqual(late, []);
      }
      const seen = new Set(net.deliveries.map(({ at, message }) => `${at} ${message.value as number}`));
      assert.equal(net.deliveries.length, seen.size, "delivered once");
      assert.equal(seen.size, broadcasts * (nodes - 1));
    });
  }
});

describe("queries", () => {
  it("get an answer of each node that replies, as it comes", () => {
    const net = new MessageNetwork({
      nodes: 7, shape: line, seed: 4, faults: { lossProbability: 0.15 },
      onMessage: (at, { reply }) => {
        assert.ok(reply !== undefined);
        if (at % 2 === 1) return;
        assert.equal(reply(`I am ${at}`), true);
        assert.equal(reply("again"), false);
      },
    });
    net.settle();
    const answers: Answer[] = [];
    let wasSent: boolean | undefined;
    net.gossip(2).query("who", 1, {
      timeoutMs: 8000, onAnswer: (answer) => answers.push(answer), onEnd: (told) => (wasSent = told),
    });
    net.network.runFor(7000);
    assert.equal(wasSent, undefined);
    assert.deepEqual(answers.map(({ from, value }) => [from, value]).sort(),
      [[1000, "I am 0"], [1004, "I am 4"], [1006, "I am 6"]]);
    assert.deepEqual(answers.map(({ hops }) => hops).sort(), [2, 2, 4]);
    net.network.runFor(2000);
    assert.equal(wasSent, true);
  });

  it("tell who reaches whom, ping records its way, route shows the table's", () => {
    const net = new MessageNetwork({ nodes: 5, shape: line, seed: 6 });
    net.settle();
    net.network.runFor(20000);
    const reaches: Reach[] = [];
    net.gossip(0).reachability((reach) => reaches.push(reach), 5000);
    let pong: PingResult | undefined;
    net.gossip(0).ping(1004, { onPong: (result) => (pong = result) });
    net.network.runFor(6000);
    assert.deepEqual(reaches.map(({ from, neighbours }) => [from, neighbours.sort()]).sort(),
      [[1001, [1000, 1002]], [1002, [1001, 1003]], [1003, [1002, 1004]], [1004, [1003]]]);
    assert.equal(pong?.outcome, "delivered");
    assert.ok(pong?.ms !== undefined && pong.ms > 0 && pong.ms < 1000);
    assert.deepEqual([pong.there, pong.back], [[1001, 1002, 1003], [1003, 1002, 1001]]);
    const route = net.gossip(0).route(1004)!;
    assert.deepEqual([route[0], route.at(-1)], [1001, 1004]);
    assert.equal(net.gossip(0).route(77), undefined);
    assert.equal(net.gossip(0).route(1000), undefined);
    net.network.nodes[1].crash();
    net.network.runFor(600000);
    assert.equal(net.gossip(0).row(1001)?.state, "down");
    assert.equal(net.gossip(0).route(1001), undefined, "no way to a node that is down");
    net.gossip(0).ping(1001, { onPong: (result) => (pong = result) });
    assert.deepEqual(pong, { outcome: "unknown" });
  });
});

describe("outcomes of messages", () => {
  function outcomeOf(net: MessageNetwork, send: (told: (outcome: MessageOutcome) => void) => void): MessageOutcome {
    const told: MessageOutcome[] = [];
    send((outcome) => told.push(outcome));
    assert.equal(told.length <= 1, true);
    net.network.runFor(30000);
    assert.equal(told.length, 1, "told once");
    return told[0];
  }

  it("a node that nobody knows is unknown; one that is silent is a timeout", () => {
    const net = new MessageNetwork({ nodes: 3, shape: all, seed: 8 });
    net.settle();
    const first = net.gossip(0);
    assert.equal(outcomeOf(net, (onOutcome) => first.send("nobody", "t", 1, { onOutcome })), "unknown");
    assert.equal(outcomeOf(net, (onOutcome) => first.send(4711, "t", 1, { onOutcome })), "unknown");
    net.network.nodes[2].crash();
    assert.equal(outcomeOf(net, (onOutcome) => first.send(1002, "t", 1, { onOutcome, timeoutMs: 2000 })), "timeout");
  });

  it("a receiver that throws has refused, and is not asked again", () => {
    let calls = 0;
    const net = new MessageNetwork({
      nodes: 2, shape: all, seed: 9, faults: { lossProbability: 0.3 },
      onMessage: () => {
        calls++;
        throw new Error("no");
      },
    });
    net.settle();
    const told: MessageOutcome[] = [];
    net.gossip(0).send(1001, "t", 1, { onOutcome: (outcome) => told.push(outcome) });
    for (let i = 0; i < 300; i++) {
      try {
        net.network.runFor(100);
      } catch (error) {
        assert.equal((error as Error).message, "no");
      }
    }
    assert.deepEqual([told, calls], [["refused"], 1]);
  });

  it("a wrong answer throws, and another one may follow; uncaught it refuses the query", () => {
    const wrong = { code: "ERR_ARGUMENT", message: /^reply: value: takes more than 200 bytes of CBOR/ };
    const net = new MessageNetwork({
      nodes: 2, shape: all, seed: 12,
      onMessage: (_at, { value, reply }) => {
        if (value === "uncaught") reply!("x".repeat(300));
        assert.throws(() => reply!("x".repeat(300)), wrong);
        assert.equal(reply!("right"), true);
      },
    });
    net.settle();
    const answers: Answer[] = [];
    net.gossip(0).query("t", "caught", { timeoutMs: 2000, onAnswer: (answer) => answers.push(answer) });
    net.network.runFor(3000);
    assert.deepEqual(answers.map(({ value }) => value), ["right"]);
    net.gossip(0).query("t", "uncaught", { timeoutMs: 2000, onAnswer: (answer) => answers.push(answer) });
    assert.throws(() => net.network.runFor(3000), wrong);
    net.network.runFor(3000);
    assert.equal(answers.length, 1);
  });

  it("a full queue refuses at once", () => {
    const net = new MessageNetwork({ nodes: 2, shape: all, seed: 10, messages: { queue: 4 } });
    net.settle();
    net.network.nodes[1].crash();
    const told: MessageOutcome[] = [];
    for (let i = 0; i < 5; i++) {
      net.gossip(0).send(1001, "t", i, { timeoutMs: 5000, onOutcome: (outcome) => told.push(outcome) });
    }
    // Three quarters of the places are for own messages.
    assert.deepEqual(told, ["refused", "refused"]);
    assert.equal(net.gossip(0).stats().messages?.waiting, 3);
    net.network.runFor(10000);
    assert.deepEqual(told, ["refused", "refused", "timeout", "timeout", "timeout"]);
    assert.equal(net.gossip(0).stats().messages?.waiting, 0);
  });

  it("wrong arguments are named", () => {
    const net = new MessageNetwork({ nodes: 2, shape: all, seed: 11 });
    net.settle();
    const node = net.gossip(0);
    const wrong = { code: "ERR_ARGUMENT" };
    assert.throws(() => node.send(1000, "t", 1), { ...wrong, message: "send: to: 1000 is this node itself" });
    assert.throws(() => node.send(1001, "", 1),
      { ...wrong, message: 'send: topic: "" is not a text of 1 to 31 bytes' });
    assert.throws(() => node.send(1001, "t", "x".repeat(200)),
      { ...wrong, message: "send: value: takes more than 200 bytes of CBOR (messages.messageBytesMax)" });
    assert.throws(() => node.send(1001, "t", 1, { timeoutMs: 99 }),
      { ...wrong, message: "send: timeoutMs: 99 is not an integer from 100 to 14400000" });
    assert.throws(() => node.send(1001, "t", 1, { timeout: 99 } as object),
      { ...wrong, message: "send: timeout: there is no such option" });
    assert.throws(() => node.query("t", 1, { onAnswer: 1 as never }),
      { ...wrong, message: "query: onAnswer: 1 is not a function" });
    node.close();
    assert.throws(() => node.send(1001, "t", 1), { code: "ERR_STATE", message: "send: the node is not running" });
  });
});
