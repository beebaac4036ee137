import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeProcess } from "../desktop/cli/node-process.js";
import { cleanUp, freshFolder } from "../desktop/cli/node-process.js";
import { Hosts } from "./hosts.js";
import { errorsOf, eventsOf, requireHosts, rowOf, toldOf } from "./support.js";

const NODES = 5;
const INTERVAL_MS = 300;
/** A message has 12 rounds, which is long even on a machine that does much else. */
const MESSAGE_INTERVAL_MS = 500;
/** In which nobody is told SUSPECT or DOWN. */
const CALM_ROUNDS = 20;
/**
 * Stretches of so many rounds, one of which must be calm. In the first, nodes may still
 * learn whom they reach; on a machine that does much else a node may be late once.
 */
const CALM_TRIES = 5;

describe("chisme node on hosts in a line, each of which reaches its neighbours only", function () {
  this.timeout(240000);
  let hosts: Hosts;
  let nodes: NodeProcess[];

  before(function () {
    requireHosts(this);
  });
  beforeEach(() => {
    hosts = new Hosts();
    for (let i = 1; i <= NODES; i++) hosts.host(`h${i}`);
    for (let i = 1; i < NODES; i++) hosts.link(`h${i}`, addressOf(i), `h${i + 1}`, addressOf(i + 1));
    nodes = [];
  });
  afterEach(async () => {
    await cleanUp();
    hosts.remove();
  });

  /** Node i of 1 to 5, which shares i. Its seed is the node before it. */
  function start(i: number, ...more: string[]): NodeProcess {
    const seeds = i === 1 ? [] : ["--seed", addressOf(i - 1)];
    const ofNode = ["--id", String(i), "--name", `n${i}`, "--value", String(i), ...seeds];
    return hosts.node(`h${i}`, ...ofNode, "--interval", String(INTERVAL_MS), ...more);
  }

  function startAll(...more: string[]): void {
    for (let i = 1; i <= NODES; i++) nodes.push(start(i, ...more));
  }

  /** Waits until a node holds nodes in a state. */
  async function untilHolds(node: NodeProcess, ids: number[], state: string): Promise<void> {
    for (const id of ids) await node.until(`${id} is ${state}`, () => rowOf(node, id)?.state === state);
  }

  async function allUp(): Promise<void> {
    const ids = nodes.map((_node, index) => index + 1);
    await Promise.all(nodes.map((node, index) => untilHolds(node, ids.filter((id) => id !== index + 1), "up")));
  }

  /** What was told of false suspicions since a node had told so many events. */
  function accusations(since: number[]): string[] {
    return nodes.flatMap((node, index) => node.events.slice(since[index]).flatMap((event) => (
      (event.event === "row" || event.event === "state") && (event.state === "suspect" || event.state === "down")
        ? [`${index + 1} holds ${event.id} as ${event.state}`] : []
    )));
  }

  /** What arrived at a node, in its order. */
  function messagesOf(node: NodeProcess): string[] {
    return eventsOf(node, "message").map((message) => {
      return `${message.from} ${message.topic} ${String(message.value)}, ${message.hops} hops`;
    });
  }

  function heard(node: NodeProcess, topic: string): number {
    return eventsOf(node, "message").filter((message) => message.topic === topic).length;
  }

  it("no host has a route to another host than its neighbours", () => {
    for (let i = 1; i <= NODES; i++) {
      for (let j = 1; j <= NODES; j++) {
        assert.equal(hosts.hasRoute(`h${i}`, addressOf(j)), Math.abs(i - j) <= 1, `from ${i} to ${j}`);
      }
    }
  });

  it("all know all, readings go from end to end, nobody accuses anybody, and nothing is warned of", async () => {
    startAll();
    await Promise.all(nodes.map((node) => node.untilMinMax(1, NODES, NODES)));
    await allUp();
    const [first, , , , last] = nodes;
    for (const reading of [20.5, 21.5, 22.5]) {
      first.write(`${reading}\n`);
      await last.until("it has the reading", () => rowOf(last, 1)?.data === reading);
      last.write(`${-reading}\n`);
      await first.until("it has the reading", () => rowOf(first, NODES)?.data === -reading);
    }
    let told: string[] = [];
    for (let tries = 0; tries < CALM_TRIES; tries++) {
      const since = nodes.map((node) => node.events.length);
      await rounds(CALM_ROUNDS);
      told = accusations(since);
      if (told.length === 0) break;
    }
    assert.deepEqual(told.slice(0, 10), []);
    for (const node of nodes) assert.deepEqual(errorsOf(node), []);
  });

  it("the node in the middle is killed: each half holds the rest as down, until it is back", async () => {
    const storage = ["--storage", freshFolder()];
    for (let i = 1; i <= NODES; i++) nodes.push(start(i, ...i === 3 ? storage : []));
    await allUp();
    await nodes[2].kill();
    const [one, two, , four, five] = nodes;
    for (const node of [one, two]) await untilHolds(node, [3, 4, 5], "down");
    for (const node of [four, five]) await untilHolds(node, [1, 2, 3], "down");
    // The two networks go on.
    one.write("30.5\n");
    await two.until("it has the reading", () => rowOf(two, 1)?.data === 30.5);
    five.write("31.5\n");
    await four.until("it has the reading", () => rowOf(four, 5)?.data === 31.5);
    assert.deepEqual([rowOf(two, 1)?.state, rowOf(four, 5)?.state], ["up", "up"]);
    nodes[2] = start(3, ...storage);
    await allUp();
    await five.until("it has what the other half said", () => rowOf(five, 1)?.data === 30.5);
    await one.until("it has what the other half said", () => rowOf(one, 5)?.data === 31.5);
  });

  it("sealed messages go over all links and back; one to a node that was killed times out", async () => {
    const keyFile = join(freshFolder(), "key");
    writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
    startAll("--interval", String(MESSAGE_INTERVAL_MS), "--key-file", keyFile);
    await allUp();
    const [one, two, , , five] = nodes;
    one.write("route n5\n");
    await one.until("it knows a way", () => eventsOf(one, "route").length > 0);
    // The relays behind the first one follow their own tables.
    const { route } = eventsOf(one, "route")[0];
    assert.deepEqual([route?.at(0), route?.at(-1)], [2, 5]);

    one.write("send n5 alarm 21.5\n");
    await one.until("it knows the outcome", () => eventsOf(one, "outcome").length > 0);
    assert.equal(eventsOf(one, "outcome")[0].outcome, "delivered");
    five.write(`send ${addressOf(1)} thanks "all of them"\n`);
    await five.until("it knows the outcome", () => eventsOf(five, "outcome").length > 0);
    assert.equal(eventsOf(five, "outcome")[0].outcome, "delivered");
    assert.deepEqual(messagesOf(one), ["5 thanks all of them, 4 hops"]);

    one.write("ping 5\n");
    await one.until("it has the answer", () => eventsOf(one, "ping").length > 0);
    const [{ outcome, there, back }] = eventsOf(one, "ping");
    assert.deepEqual({ outcome, there, back }, { outcome: "delivered", there: [2, 3, 4], back: [4, 3, 2] });

    two.write("broadcast fire 1\n");
    const others = nodes.filter((node) => node !== two);
    await Promise.all(others.map((node) => node.until("it hears of it", () => heard(node, "fire") > 0)));
    five.write("query who 7\n");
    await one.until("it is asked", () => heard(one, "who") > 0);
    await two.until("it is asked", () => heard(two, "who") > 0);
    one.write("reply 1.5\n");
    two.write("reply 2.5\n");
    await five.until("the query is over", () => eventsOf(five, "queryEnd").length > 0);
    const answers = eventsOf(five, "answer").map(({ from, value, hops }) => ({ from, value, hops }));
    answers.sort((a, b) => a.from - b.from);
    assert.deepEqual(answers, [{ from: 1, value: 1.5, hops: 4 }, { from: 2, value: 2.5, hops: 3 }]);

    await five.kill();
    one.write("send 5 alarm 22.5\n");
    await one.until("it knows the outcome", () => eventsOf(one, "outcome").length > 1);
    assert.equal(eventsOf(one, "outcome")[1].outcome, "timeout");
    await untilHolds(one, [5], "down");
    one.write("send 5 alarm 23.5\n");
    await one.until("it knows the outcome", () => eventsOf(one, "outcome").length > 2);
    assert.equal(eventsOf(one, "outcome")[2].outcome, "unknown");
    // Once each.
    assert.deepEqual(messagesOf(five), ["1 alarm 21.5, 4 hops", "2 fire 1, 3 hops"]);
    assert.deepEqual(messagesOf(nodes[2]), ["2 fire 1, 1 hops", "5 who 7, 2 hops"]);
  });

  it("a node counts what it sends to an address without a way, without a report, and goes on with others", async () => {
    // There is no way to 3, which is a seed of 1.
    const one = start(1, "--seed", addressOf(3), "--debug");
    await one.until("it tried its seed", () => one.stderr.includes(`SYN to ${addressOf(3)}:`));
    const two = start(2);
    nodes = [one, two];
    await allUp();
    one.write("7.5\n");
    await two.until("it has the reading", () => rowOf(two, 1)?.data === 7.5);
    one.write("quit\n");
    await one.exited;
    const stop = one.events.at(-1);
    assert.equal(stop?.event, "stop");
    assert.ok(stop.stats.sendFailures > 0);
    assert.ok(stop.stats.sendFailures < stop.stats.datagramsSent);
    assert.deepEqual(errorsOf(one), []);
    assert.ok(toldOf(two, 1).every(({ address }) => address === addressOf(1)));
  });

  it("a socket counts each datagram to an address without a way, throws other errors, and sends all others", () => {
    const printed = hosts.output("h1", `
      import { NodeSocket } from "./desktop/platform/node.js";
      const socket = new NodeSocket();
      let isEchoed;
      const echo = new Promise((resolve) => { isEchoed = resolve; });
      socket.bind(5000, (bytes, length) => isEchoed(length), (error) => console.log("error", error.message));
      const send = (length, last) => {
        try { socket.send(new Uint8Array(length), length, 0x0a4d0000 + last, 5000); return "sent"; }
        catch (error) { return error.code; }
      };
      // To 3, 4 and 5 there is no way; more than 65,507 bytes are too long for IPv4; 1 is this host.
      const answers = [3, 4, 3, 5].map((last) => send(7, last));
      answers.push(send(70000, 2), send(70000, 2), send(7, 1));
      const arrived = await echo;
      answers.push(send(7, 3), send(7, 1), send(7, 1));
      await new Promise((resolve) => setImmediate(resolve));
      console.log(JSON.stringify({ answers, arrived, unreachable: socket.unreachable }));
      socket.close();
    `);
    const sent = Array.from({ length: 7 }, () => "sent");
    const answers = [...sent, "EMSGSIZE", "EMSGSIZE", "sent"];
    assert.deepEqual(JSON.parse(printed), { answers, arrived: 7, unreachable: 5 });
  });
});

function addressOf(i: number): string {
  return `10.77.0.${i}`;
}

/** A time in which nodes have so many rounds, where they are not late. */
function rounds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * INTERVAL_MS));
}
