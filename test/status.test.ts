import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { SimNetwork, type SimNode, split } from "../desktop/simulator/index.js";
import { FileStorage, Gossip as NodeGossip } from "../desktop/platform/node.js";
import { ROW_BYTES } from "../src/engine/table/rows.js";
import { countUpdates } from "../src/engine/table/transmits.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import { eventFeeds } from "../src/events/index.js";
import { messages } from "../src/messages/index.js";
import { feedKeeper } from "../src/keeper/index.js";
import type { GossipOptions } from "../src/gossip.js";
import { type GossipStatus, status } from "../src/status/index.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./desktop/cli/node-process.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";

const MINUTE_MS = 60000;
const schema = JSON.parse(readFileSync(new URL("../docs/status.schema.json", import.meta.url), "utf8")) as object;
const validate = new Ajv({ allErrors: true, strict: true }).compile(schema);

/** Checks a status, as it comes out of JSON, against the schema. */
function checked(given: GossipStatus): GossipStatus {
  const plain = JSON.parse(JSON.stringify(given)) as GossipStatus;
  assert.ok(validate(plain), JSON.stringify(validate.errors));
  assert.deepEqual(plain, given, "JSON loses something");
  return plain;
}

function statusOf({ gossip }: SimNode): GossipStatus {
  assert.ok(gossip !== undefined);
  return checked(status(gossip));
}

function simulate(count: number, options: (i: number) => Partial<GossipOptions> = () => ({})): SimNetwork {
  const network = new SimNetwork({ seed: 21 });
  for (let i = 0; i < count; i++) network.addNode({ options: { seedList: ["10.0.0.1"], ...options(i) } });
  network.runFor(20 * MINUTE_MS);
  return network;
}

describe("status", () => {
  it("shows the node itself, its neighbours and its rows", () => {
    const network = simulate(5, (i) => i === 1 ? { name: "küche", network: "home" } : { network: "home" });
    network.nodes[2].close();
    network.nodes[3].crash();
    network.runFor(10 * MINUTE_MS);
    const [first, second, , , fifth] = network.nodes;
    const { node, neighbours, routes, rows, queues, stats } = statusOf(first);
    const { heartbeat, ...identity } = node;
    assert.deepEqual(identity, {
      id: first.id, address: "10.0.0.1", port: 5000, revision: 0, dialect: "compact", isSealed: false, isNamed: true,
    });
    assert.equal(heartbeat, first.gossip!.row(first.id)!.heartbeat);
    assert.deepEqual(new Set(neighbours.map(({ id }) => id)), new Set([second.id, fifth.id]));
    const shown = neighbours.find(({ id }) => id === second.id);
    assert.deepEqual(shown, { id: second.id, name: "küche", address: "10.0.0.2", port: 5000, state: shown?.state });
    assert.deepEqual(routes, []);
    const { up, probed, ...others } = rows;
    assert.deepEqual(others, { asleep: 0, suspect: 0, down: 1, removed: 0, left: 1, capacity: 64 });
    assert.equal(up + probed, 3);
    assert.equal(queues.updates, countUpdates(first.gossip!.engine.rows));
    assert.deepEqual(stats, first.gossip!.stats());
    assert.equal(statusOf(second).node.name, "küche");
  });

  it("shows the next hop to each node that is out of reach", () => {
    const network = new SimNetwork({ seed: 4 });
    for (let i = 0; i < 4; i++) {
      network.addNode({ options: { seedList: [`10.0.0.${Math.max(i, 1)}`], broadcastAddress: "none" } });
    }
    // A line: each hears those beside it only.
    const { nodes } = network;
    network.faults.cuts = [
      split([nodes[0]], [nodes[2], nodes[3]]), split([nodes[1]], [nodes[3]]),
    ];
    network.runFor(60 * MINUTE_MS);
    const { neighbours, routes } = statusOf(nodes[0]);
    assert.deepEqual(neighbours.map(({ id }) => id), [nodes[1].id]);
    assert.deepEqual(new Map(routes.map(({ id, nextHop }) => [id, nextHop])), new Map([
      [nodes[2].id, nodes[1].id], [nodes[3].id, nodes[1].id],
    ]));
    const middle = statusOf(nodes[1]);
    assert.deepEqual(new Set(middle.neighbours.map(({ id }) => id)), new Set([nodes[0].id, nodes[2].id]));
    assert.deepEqual(middle.routes, [{ id: nodes[3].id, nextHop: nodes[2].id }]);
  });

  it("counts the memory of rows, events and all else, and of what is handed in", () => {
    const plain = statusOf(simulate(1).nodes[0]).memory;
    assert.equal(plain.rowBytes, 64 * (ROW_BYTES + 32));
    assert.equal(plain.eventBytes, 0);
    assert.ok(plain.otherBytes > 200 && plain.otherBytes < 4000, String(plain.otherBytes));
    const more = simulate(1, () => ({ capacity: 100, valueBytesMax: 0, seedCapacity: 26 })).nodes[0];
    assert.equal(statusOf(more).memory.rowBytes, 100 * ROW_BYTES);
    assert.equal(statusOf(more).memory.otherBytes - plain.otherBytes, 10 * 8);
    const events = eventFeeds({ bytes: 8192, digest: nodeDigest });
    const { memory } = statusOf(simulate(1, () => ({ events })).nodes[0]);
    assert.equal(memory.rowBytes, plain.rowBytes);
    // Beyond the buffer and 40 bytes a row.
    const beyond = memory.eventBytes - (8192 + 64 * 40);
    assert.ok(beyond >= 0 && beyond < 4096, String(beyond));
    assert.equal(memory.platform, undefined);
    const board = checked(status(more.gossip!, { free: 1200, usage: 800 }));
    assert.deepEqual(board.memory.platform, { free: 1200, usage: 800 });
  });

  it("shows how many messages wait, and how many may", () => {
    const network = simulate(3, () => ({ messages: messages({ queue: 5 }) }));
    const { queues, stats } = statusOf(network.nodes[0]);
    assert.deepEqual([queues.messages, queues.messagesMax, stats.messages?.queue], [0, 5, 5]);
    network.nodes[1].crash();
    const { gossip } = network.nodes[0];
    network.nodes[0].run(() => gossip!.send(network.nodes[1].id, "door", "open"));
    assert.equal(statusOf(network.nodes[0]).queues.messages, 1);
  });

  for (const [dialect, make] of [["espgossip", espgossip], ["auto", auto]] as const) {
    it(`shows a node in the dialect ${dialect}`, () => {
      const network = simulate(3, () => ({ dialect: make() }));
      const shown = statusOf(network.nodes[0]);
      assert.equal(shown.node.dialect, dialect);
      assert.equal(shown.neighbours.length, dialect === "auto" ? 2 : 0);
      assert.deepEqual(shown.routes, []);
      assert.equal(shown.rows.up + shown.rows.probed, 3);
    });
  }

  it("the schema refuses what is not as the docs say", () => {
    const good = statusOf(simulate(2).nodes[0]);
    const bad: unknown[] = [
      {}, { ...good, more: 1 }, { ...good, node: { ...good.node, id: -1 } }, { ...good, stats: undefined },
      { ...good, node: { ...good.node, dialect: "json" } }, { ...good, rows: { ...good.rows, up: "1" } },
      { ...good, neighbours: [{ id: 1 }] }, { ...good, routes: [{ nextHop: 1 }] },
      { ...good, memory: { ...good.memory, rowBytes: 1.5 } }, { ...good, queues: {} },
    ];
    for (const one of bad) assert.ok(!validate(JSON.parse(JSON.stringify(one))), JSON.stringify(one));
  });
});

describe("Gossip.status on Node.js", () => {
  afterEach(cleanUp);

  for (const [name, events, key] of [
    ["", undefined, undefined], [" with a keeper", feedKeeper({ bytes: 65536 }), undefined],
    [" with a key", eventFeeds(), new Uint8Array(32).fill(3)],
  ] as const) {
    it(`gives the memory of the process, too${name}`, () => {
      const gossip = new NodeGossip({
        listen: "127.0.0.1", port: freshPort(), storage: new FileStorage(freshFolder()), name: "desk",
        ...events !== undefined && { events }, ...key !== undefined && { key },
      });
      try {
        gossip.start();
        if (events !== undefined) gossip.log("door", "open");
        const { node, memory, stats } = checked(gossip.status());
        assert.deepEqual([node.id, node.name, node.isSealed], [gossip.id, "desk", key !== undefined]);
        assert.ok((memory.platform?.rss ?? 0) > 1e6);
        if (events !== undefined) assert.ok(memory.eventBytes > 4096);
        assert.ok(memory.eventBytes < 200000, String(memory.eventBytes));
        // What the application and the system hold is not counted.
        assert.ok(memory.otherBytes < 20000, String(memory.otherBytes));
        assert.equal(stats.clock, events === undefined ? "none" : "own");
      } finally {
        void gossip.close();
      }
    });
  }

  it("is what the command prints at its prompt", async () => {
    const ports = [freshPort(), freshPort()];
    const [node, other] = ports.map((port, i) => new NodeProcess(
      "--listen", `127.0.0.2:${port}`, "--seed", `127.0.0.2:${ports[1 - i]}`, "--interval", "100",
      ...i === 0 ? ["--json"] : [],
    ));
    await node.untilRow("is there", "127.0.0.2", ({ port, state }) => port === ports[1] && state === "up");
    const statuses = (): GossipStatus[] => node.events.flatMap((one) => one.event === "status" ? [one.status] : []);
    for (let i = 0; statuses().at(-1)?.neighbours[0]?.roundTripMs === undefined; i++) {
      node.write("status\n");
      await node.until(`it printed status ${i}`, () => statuses().length > i);
    }
    const last = statuses().at(-1)!;
    assert.ok(validate(last), JSON.stringify(validate.errors));
    assert.deepEqual(last.neighbours.map(({ address, port }) => `${address}:${port}`), [`127.0.0.2:${ports[1]}`]);
    other.write("status\n");
    await other.until("it printed its status", () => other.lines.includes("neighbours"));
    assert.equal(node.stderr + other.stderr, "");
  });
});
