import assert from "node:assert/strict";
import { SimRandom } from "../../../desktop/simulator/random.js";
import { Bridge, PtyPair, WireBus, removePairs, requireSocat } from "../pty.js";
import { type NodeEvent, NodeProcess, cleanUp, freshPort } from "./node-process.js";

const QUICK = ["--json", "--interval", "200"];

describe("chisme node --serial", function () {
  this.timeout(120000);
  before(function () {
    requireSocat(this);
  });
  afterEach(async () => {
    await cleanUp();
    await removePairs();
  });

  function stats(node: NodeProcess): Extract<NodeEvent, { event: "stop" }>["stats"] {
    const stop = node.events.find((event) => event.event === "stop");
    assert.ok(stop?.event === "stop", "the node stopped");
    return stop.stats;
  }

  function assertNobodySuspected(...nodes: NodeProcess[]): void {
    for (const node of nodes) {
      const states = node.events.flatMap((event) => event.event === "state" ? [event.state] : []);
      assert.ok(states.every((state) => state === "up" || state === "left"), states.join());
    }
  }

  /** A frame may be late or come twice. All other drops would be of frames that nobody sent. */
  function assertNoWrongFrame(node: NodeProcess): void {
    const drops = Object.entries(stats(node).drops).filter(([name, count]) => {
      return count > 0 && !["unasked", "duplicate"].includes(name);
    });
    assert.deepEqual(drops, []);
  }

  function rounds(count: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 200 * count));
  }

  it("two nodes exchange values over a serial line, and see each other leave", async () => {
    const { ends } = await PtyPair.open();
    const one = new NodeProcess(...QUICK, "--listen", "none", "--serial", ends[0], "--value", "1");
    const other = new NodeProcess(...QUICK, "--listen", "none", "--serial", `${ends[1]}:9600`, "--value", "2");
    await one.untilMinMax(1, 2, 2);
    await other.untilMinMax(1, 2, 2);
    one.write("7\n");
    await other.untilMinMax(2, 7, 2);
    one.signal("SIGINT");
    await one.exited;
    await other.untilMinMax(2, 2, 1);
    assertNobodySuspected(other);
  });

  it("three nodes share the wires of a bus, and two go on when one leaves", async () => {
    const pairs = [await PtyPair.open(), await PtyPair.open(), await PtyPair.open()];
    new WireBus(pairs.map(({ ends }) => ends[0]), 57600);
    const nodes = pairs.map(({ ends }, index) => new NodeProcess(
      "--json", "--interval", "2000", "--listen", "none", "--serial", `${ends[1]}:57600:bus`, "--value", String(index),
    ));
    for (const node of nodes) await node.untilMinMax(0, 2, 3);
    nodes[0].write("7\n");
    for (const node of nodes) await node.untilMinMax(1, 7, 3);
    nodes[0].signal("SIGINT");
    await nodes[0].exited;
    for (const node of nodes.slice(1)) await node.untilMinMax(1, 2, 2);
  });

  it("a sensor on a serial line joins a UDP network by one gateway, with its events, for many rounds", async () => {
    const { ends } = await PtyPair.open();
    const port = String(freshPort());
    const at = (address: string): string[] => ["--listen", `${address}:${port}`];
    const gateway = new NodeProcess(...QUICK, ...at("127.0.0.2"), "--seed", `127.0.0.3:${port}`, "--value", "2",
      "--serial", ends[0]);
    const near = new NodeProcess(...QUICK, ...at("127.0.0.3"), "--value", "3");
    const far = new NodeProcess(...QUICK, ...at("127.0.0.4"), "--seed", `127.0.0.3:${port}`, "--value", "4");
    const sensor = new NodeProcess(...QUICK, "--listen", "none", "--serial", ends[1], "--id", "9", "--value", "9");
    const all = [gateway, near, far, sensor];
    for (const node of all) await node.untilMinMax(2, 9, 4);
    assert.equal(far.row("241.0.0.9")?.id, 9, "a node without UDP has an address of its own");
    assert.equal(sensor.row("127.0.0.2")?.data, 2, "the gateway has one address everywhere");
    sensor.write("set door garden open\n");
    far.write("log button 5\n");
    for (const node of all) {
      await node.until("both events arrived", () => {
        return node.events.filter(({ event }) => event === "feedEvent").length === 2;
      });
    }
    await rounds(30);
    sensor.write("99\n");
    for (const node of all) await node.untilMinMax(2, 99, 4);
    assertNobodySuspected(...all);
    for (const node of all) node.signal("SIGINT");
    await Promise.all(all.map((node) => node.exited));
    for (const node of [near, far, sensor]) {
      assert.equal(stats(node).sendFailures, 0);
      assertNoWrongFrame(node);
    }
  });

  it("noise on the line delivers no wrong frame, and the nodes agree all the same", async () => {
    const [one, other] = [await PtyPair.open(), await PtyPair.open()];
    const random = new SimRandom(1, 1);
    let changes = 0;
    const bridge = new Bridge(one.ends[1], other.ends[1], (bytes) => {
      const noisy: number[] = [];
      for (const byte of bytes) {
        const isChanged = random.below(250) === 0;
        if (isChanged) changes++;
        const how = isChanged ? random.below(3) : -1;
        if (how !== 0) noisy.push(how === 1 ? byte ^ (1 << random.below(8)) : byte);
        if (how === 2) noisy.push(random.below(256));
      }
      return Uint8Array.from(noisy);
    });
    const nodes = [one, other].map(({ ends }, index) => new NodeProcess(
      ...QUICK, "--listen", "none", "--serial", ends[0], "--value", String(index + 1),
    ));
    for (const node of nodes) await node.untilMinMax(1, 2, 2);
    for (let value = 10; value < 40; value++) {
      nodes[value & 1].write(`${value}\n`);
      await rounds(1);
    }
    for (const node of nodes) await node.untilMinMax(38, 39, 2);
    for (const node of nodes) node.signal("SIGINT");
    await Promise.all(nodes.map((node) => node.exited));
    await bridge.close();
    assert.ok(changes > 20, `${changes} changes`);
    for (const node of nodes) {
      assertNoWrongFrame(node);
    }
  });

  it("a node waits for a device that is not there, and goes on when its plug was pulled", async () => {
    const first = await PtyPair.open();
    const [path] = first.ends;
    const sensor = new NodeProcess(...QUICK, "--listen", "none", "--serial", path);
    await sensor.untilStarted();
    await first.remove();
    await sensor.until("it says that the device is gone", () => {
      return sensor.events.some((event) => event.event === "error" && event.message.includes("the node waits for it"));
    });
    sensor.signal("SIGINT");
    assert.equal((await sensor.exited).status, 0);
  });

  it("refuses what is no device, no speed, and no way to reach anything", async () => {
    const cases: [string[], string][] = [
      [["--serial", "/dev/ttyUSB0:5"], "--serial: the speed 5 is not from 1200 to 4000000 bits per second"],
      [["--serial", "--json"], "is not a device"],
      [["--listen", "none"], "--listen none: nothing can be reached without --serial"],
      [["--serial", "/dev/null", "--serial-bytes", "100"], "--serial-bytes: 100 is not an integer from 128 to 1472"],
      [["--serial", "/dev/null", "--dialect", "auto"], "--dialect: serial lines and radios carry compact frames only"],
    ];
    for (const [args, message] of cases) {
      const node = new NodeProcess(...args);
      assert.equal((await node.exited).status, 1, args.join(" "));
      assert.ok(node.stderr.includes(message), node.stderr);
    }
  });
});
