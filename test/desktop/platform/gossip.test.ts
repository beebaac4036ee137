import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { eventFeeds } from "../../../src/events/index.js";
import { Gossip as CoreGossip } from "../../../src/gossip.js";
import { FakeNetwork, FakeNode } from "../../support/fake-platform.js";
import {
  FileStorage, Gossip, MemoryLog, MemoryStorage, type NodeGossipOptions, nodePlatform,
} from "../../../desktop/platform/node.js";
import { freshPort } from "../cli/node-process.js";

const NODE = new URL("../../../desktop/platform/node.ts", import.meta.url).href;
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const PATIENCE_MS = 60000;

describe("Gossip on Node.js", function () {
  this.timeout(2 * PATIENCE_MS);
  const open: CoreGossip[] = [];
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => open.splice(0).forEach((gossip) => gossip.close()));

  function started(options: NodeGossipOptions): Gossip {
    const gossip = new Gossip({ roundIntervalMs: 200, ...options });
    open.push(gossip);
    gossip.start();
    return gossip;
  }

  async function until(condition: () => boolean): Promise<void> {
    for (const deadlineMs = performance.now() + PATIENCE_MS; !condition();) {
      assert.ok(performance.now() < deadlineMs, "waited in vain");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Two nodes that know each other. */
  async function pair(more: NodeGossipOptions = {}): Promise<{ one: Gossip; other: Gossip; address: string }> {
    const port = freshPort();
    const one = started({ listen: "127.0.0.2", port, seedList: ["127.0.0.3"], ...more });
    const other = started({ listen: "127.0.0.3", port, seedList: ["127.0.0.2"] });
    await until(() => other.row("127.0.0.2")?.state === "up" && one.row("127.0.0.3")?.state === "up");
    return { one, other, address: "127.0.0.2" };
  }

  it("the id is drawn once and kept in the storage; newId draws another one", async () => {
    const path = join(folder, "identity");
    const idOf = async (more: NodeGossipOptions = {}): Promise<number> => {
      const gossip = started({ listen: "127.0.0.2", port: freshPort(), storage: new FileStorage(path), ...more });
      await gossip.close();
      return gossip.id;
    };
    const first = await idOf();
    assert.equal(await idOf({ listen: "127.0.0.3" }), first);
    const errors: string[] = [];
    const second = await idOf({ newId: true, onError: (code, { message }) => errors.push(`${code}: ${message}`) });
    assert.notEqual(second, first);
    assert.deepEqual(errors, [`storage: the storage had the id ${first}, its id is ${second} now`]);
    assert.equal(await idOf({ newId: false }), second);
    assert.notEqual(new Gossip().id, new Gossip().id);
  });

  it("a start whose port is in use changes nothing in the storage, nor with newId; it can be repeated", async () => {
    const path = join(folder, "in-use");
    const port = freshPort();
    const holder = started({ listen: "127.0.0.2", port });
    const contents = (): string[] => readdirSync(path).filter((name) => !name.startsWith("lock"))
      .map((name) => `${name} ${readFileSync(join(path, name), "latin1")}`);
    const make = (newId: boolean): Gossip => {
      const events = eventFeeds({ bytes: 4096 });
      return new Gossip({ listen: "127.0.0.2", port, storage: new FileStorage(path), events, newId, onError: () => 0 });
    };
    const fresh = make(false);
    assert.throws(() => fresh.start(), { code: "EADDRINUSE" });
    assert.deepEqual(contents(), []);
    await holder.close();
    fresh.start();
    fresh.set("voucher", "7", "paid");
    await fresh.close();
    const before = contents();
    const again = started({ listen: "127.0.0.2", port });
    const renewed = make(true);
    assert.throws(() => renewed.start(), { code: "EADDRINUSE" });
    assert.throws(() => renewed.start(), { code: "EADDRINUSE" });
    assert.deepEqual(contents(), before);
    await again.close();
    renewed.start();
    assert.equal(renewed.events()[0].copiedBy, renewed.id);
    await renewed.close();
  });

  it("newId and a storage that keeps no id are checked", () => {
    assert.throws(() => new Gossip({ newId: 1 as unknown as boolean }),
      { name: "TypeError", code: "ERR_OPTION", option: "newId", message: "newId: 1 is neither true nor false" });
    assert.throws(() => new Gossip({ newId: true, id: 4 }), { code: "ERR_OPTION", option: "newId" });
    const storage = { log: new MemoryLog(), readRevision: () => undefined, writeRevision: () => undefined };
    assert.throws(() => new Gossip({ storage }), { code: "ERR_OPTION", option: "storage" });
    assert.equal(new Gossip({ storage, id: 4 }).id, 4);
    assert.throws(() => new Gossip({ storage: { ...storage, readId: () => 1 } }),
      { code: "ERR_OPTION", option: "storage" });
    assert.throws(() => new Gossip({ id: 4, storage: { ...storage, readPeers: () => undefined } }),
      { code: "ERR_OPTION", option: "storage" });
    assert.throws(() => new Gossip({ storage: { ...storage, readId: () => -1, writeId: () => undefined } }),
      { name: "RangeError", option: "id" });
  });

  it("the node needs no platform in its options", async () => {
    const { one, other, address } = await pair();
    one.push({ t: 21.5 });
    await until(() => other.row(address)?.data !== undefined);
    assert.deepEqual(other.row(address)?.data, { t: 21.5 });
    assert.ok(one instanceof CoreGossip);
    assert.notEqual(new Gossip().id, 0);
  });

  it("the node uses a socket and a clock that it is given", async () => {
    const network = new FakeNetwork();
    const { socket, clock } = new FakeNode(network, "192.168.0.53");
    const gossip = new Gossip({ socket, clock });
    gossip.start();
    network.run(20000);
    assert.ok(socket.sent.length > 0);
    const closing = gossip.close();
    assert.equal(socket.isOpen, false, "before the promise resolves");
    await closing;
  });

  it("close() resolves once the socket is closed, so that another can be bound to the port", async () => {
    const { one, other, address } = await pair();
    const closing = one.close();
    assert.throws(() => one.push(1), { code: "ERR_STATE" });
    await closing;
    await one.close();
    await until(() => other.row(address)?.state === "left");
    const { port } = one.row(one.id)!;
    const errors: unknown[] = [];
    const seedList = [`${other.row(other.id)!.address}:${other.row(other.id)!.port}`];
    started({ listen: "127.0.0.2", port, seedList, onError: (code) => errors.push(code) });
    await until(() => other.row(address)?.state === "up");
    assert.deepEqual(errors, []);
  });

  it("close() of a node that was never started resolves", async () => {
    const gossip = new Gossip({ listen: "127.0.0.2" });
    await gossip.close();
    assert.throws(() => gossip.start(), { code: "ERR_STATE" });
  });

  it("the node closes when its signal is aborted, and announces that it leaves", async () => {
    const controller = new AbortController();
    const { one, other, address } = await pair({ signal: controller.signal });
    controller.abort();
    assert.throws(() => one.push(1), { code: "ERR_STATE" });
    await until(() => other.row(address)?.state === "left");
  });

  it("the node cannot be started when its signal was aborted before", () => {
    const gossip = new Gossip({ signal: AbortSignal.abort() });
    assert.throws(() => gossip.start(), { code: "ERR_STATE" });
  });

  it("a closed node leaves no listener at its signal", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...all: unknown[]) => (listeners++, (add as (...all: unknown[]) => void)(...all));
    signal.removeEventListener = (...all: unknown[]) => (listeners--, (remove as (...all: unknown[]) => void)(...all));
    const gossip = new Gossip({ listen: "127.0.0.2", signal });
    assert.equal(listeners, 1);
    await gossip.close();
    assert.equal(listeners, 0);
  });

  it("the node is closed at the end of a block with `await using`", async () => {
    const { one, other, address } = await pair();
    {
      await using gossip = one;
      assert.equal(gossip.id, one.id);
    }
    assert.throws(() => one.push(1), { code: "ERR_STATE" });
    await until(() => other.row(address)?.state === "left");
  });

  it("keeps its own platform where an option of it is undefined", async () => {
    const gossip = new Gossip({
      listen: "127.0.0.2", socket: undefined, clock: undefined, sealing: undefined, digest: undefined,
      randomSeed: undefined, key: "00".repeat(32), events: eventFeeds(),
    } as unknown as NodeGossipOptions);
    assert.deepEqual(gossip.frontier(), []);
    await gossip.close();
  });

  for (const withOnError of [true, false]) {
    const title = withOnError ? "with" : "without";
    it(`start() throws the system's error for a port that is in use, ${title} onError, and works later`, async () => {
      const { one, other, address } = await pair();
      const { port } = one.row(one.id)!;
      const storage = new MemoryStorage();
      const onError = () => assert.fail("start() throws, so nothing is reported");
      const gossip = new Gossip({ listen: "127.0.0.2", port, storage, ...withOnError && { onError } });
      assert.throws(() => gossip.start(), { code: "EADDRINUSE", syscall: "bind" });
      assert.equal(storage.readRevision(), undefined);
      await one.close();
      await until(() => other.row(address)?.state === "left");
      gossip.start();
      gossip.push(1, `${other.row(other.id)!.address}:${other.row(other.id)!.port}`);
      await until(() => other.row(address)?.data === 1);
      await gossip.close();
    });
  }

  it("the node refuses wrong options of its own with their names", () => {
    const { socket } = nodePlatform("127.0.0.2");
    for (const [options, name, option] of [
      [{ listen: "localhost" }, "RangeError", "listen"], [{ listen: 5 }, "TypeError", "listen"],
      [{ signal: {} }, "TypeError", "signal"], [{ listen: "127.0.0.2", socket }, "RangeError", "listen"],
      [{ interface: 5 }, "TypeError", "interface"], [{ interface: "" }, "RangeError", "interface"],
      [{ interface: "eth0", socket }, "RangeError", "interface"],
      [{ interface: "eth0", listen: "127.0.0.2" }, "RangeError", "interface"],
      [{ interval: 5 }, "TypeError", "interval"], [{ clock: 5 }, "TypeError", "clock"],
    ] as [NodeGossipOptions, string, string][]) {
      assert.throws(() => new Gossip(options), { name, option, code: "ERR_OPTION" });
    }
    assert.throws(() => new Gossip(null as never), { name: "TypeError", option: "options" });
  });

  it("a node waits for an address that no interface has, and reports that once, as socket", async () => {
    const reported: [string, string][] = [];
    // An address of documentation (RFC 5737).
    const gossip = started({
      listen: "203.0.113.1", roundIntervalMs: 100, onError: (code, error) => reported.push([code, error.message]),
    });
    await until(() => gossip.stats().datagramsSent >= 20);
    const waits = "no interface has the address 203.0.113.1: the node waits for it";
    assert.deepEqual(reported.filter(([code]) => code === "socket"), [["socket", waits]]);
    assert.equal(gossip.stats().sendFailures, 0);
  });

  it("no LEAVE is lost by process.exit() after `await close()`, in a process of its own", async () => {
    const port = freshPort();
    const program = join(folder, "leaves.mjs");
    writeFileSync(program, `
      import { Gossip } from ${JSON.stringify(NODE)};
      const options = { listen: "127.0.0.2", port: ${port}, seedList: ["127.0.0.3"], roundIntervalMs: 200 };
      const gossip = new Gossip({ ...options, onState: ({ state }) => state === "up" && console.log("met") });
      gossip.start();
      process.stdin.once("data", async () => {
        await gossip.close();
        process.exit(0);
      });
    `);
    const other = started({ listen: "127.0.0.3", port, seedList: ["127.0.0.2"], removeAfterMs: 60000 });
    for (let run = 0; run < 5; run++) {
      const leaver = spawn(process.execPath, ["--import", TSX, program], { stdio: ["pipe", "pipe", "inherit"] });
      await once(createInterface(leaver.stdout), "line");
      await until(() => other.row("127.0.0.2")?.state === "up");
      leaver.stdin.write("\n");
      const [status] = await once(leaver, "exit") as [number];
      assert.equal(status, 0);
      await until(() => other.row("127.0.0.2")?.state === "left" || isDown());
      assert.equal(other.row("127.0.0.2")?.state, "left", `run ${run}`);
    }
    function isDown(): boolean {
      return other.row("127.0.0.2")?.state === "down";
    }
  });

  it("no datagram that waits for the socket to be bound is lost by process.exit() after `await close()`", async () => {
    const port = freshPort();
    const program = join(folder, "pushes.mjs");
    writeFileSync(program, `
      import { Gossip } from ${JSON.stringify(NODE)};
      const gossip = new Gossip({ listen: "127.0.0.2", port: ${port}, seedList: ["127.0.0.3"] });
      gossip.start();
      gossip.push("here", "127.0.0.3");
      await gossip.close();
      process.exit(0);
    `);
    const other = started({ listen: "127.0.0.3", port, seedList: ["127.0.0.4"] });
    const pusher = spawn(process.execPath, ["--import", TSX, program], { stdio: "inherit" });
    assert.deepEqual(await once(pusher, "exit"), [0, null]);
    await until(() => other.stats().datagramsReceived > 0);
    assert.equal(other.row("127.0.0.2")?.data, "here");
  });

  it("a process ends by itself once its node is closed", () => {
    const program = join(folder, "ends.mjs");
    writeFileSync(program, `
      import { Gossip } from ${JSON.stringify(NODE)};
      const gossip = new Gossip({ listen: "127.0.0.2", port: ${freshPort()} });
      gossip.start();
      gossip.push(1);
      await gossip.close();
      console.log("closed");
    `);
    const options = { encoding: "utf8", timeout: PATIENCE_MS } as const;
    const printed = execFileSync(process.execPath, ["--import", TSX, program], options);
    assert.equal(printed, "closed\n");
  });
});
