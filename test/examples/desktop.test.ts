import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { root } from "../boards/manifest.js";
import { cleanUp, freshFolder, freshPort } from "../desktop/cli/node-process.js";
import { PtyPair, removePairs, requireSocat } from "../desktop/pty.js";

const PATIENCE_MS = 30000;

/** An example as a process, with the packages as `npm run build` made them. */
class Example {
  printed = "";
  readonly folder = freshFolder();
  readonly child: ChildProcess;

  /** @param args its arguments, as `examples/README.md` has them */
  constructor(name: string, args: (string | number)[]) {
    const file = path.join(root, "examples", name, "desktop.js");
    this.child = spawn(process.execPath, [file, ...args.map(String)], { cwd: this.folder });
    this.child.stdout?.on("data", (text: Buffer) => { this.printed += text.toString(); });
    this.child.stderr?.on("data", (text: Buffer) => { this.printed += text.toString(); });
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async until(expected: RegExp): Promise<RegExpExecArray> {
    for (const deadlineMs = performance.now() + PATIENCE_MS;;) {
      const found = expected.exec(this.printed);
      if (found !== null) return found;
      assert.ok(performance.now() < deadlineMs, `waited in vain for ${expected}; printed ${this.printed}`);
      assert.equal(this.child.exitCode, null, this.printed);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it as Ctrl-C does: it says goodbye, and ends by itself. */
  async stop(): Promise<void> {
    const ended = once(this.child, "close");
    this.child.kill("SIGINT");
    assert.deepEqual(await ended, [0, null], this.printed);
  }
}

describe("examples as processes of Node.js", function () {
  this.timeout(120000);
  const running: Example[] = [];

  afterEach(async () => {
    for (const { child } of running.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
    await removePairs();
    await cleanUp();
  });

  function start(name: string, args: (string | number)[]): Example {
    const example = new Example(name, args);
    running.push(example);
    return example;
  }

  it("a thermometer, a display, an alarm and a battery sensor see each other", async () => {
    const [first, second, third, fourth] = [freshPort(), freshPort(), freshPort(), freshPort()];
    const seed = `127.0.0.1:${first}`;
    const thermometer = start("thermometer", ["kitchen", first]);
    await thermometer.until(/type a temperature/);
    thermometer.type("21.5");
    await thermometer.until(/coldest: kitchen 21\.5 °C, warmest: kitchen 21\.5 °C\n/);
    thermometer.type("warm");
    await thermometer.until(/"warm" is no number/);
    const display = start("display", ["wall", second, seed]);
    await display.until(/kitchen up temp 21\.5 °C\n/);
    const alarm = start("alarm", ["alarm", third, seed]);
    const battery = start("battery-sensor", ["roof", fourth, seed]);
    await battery.until(/asleep for 30 s\n/);
    await display.until(/alarm up\nkitchen up temp 21\.5 °C\nroof asleep \d/);
    for (const example of [battery, alarm, thermometer]) await example.stop();
    await display.until(/alarm left\nkitchen left temp 21\.5 °C\n/);
    await display.stop();
    assert.equal(alarm.printed, "");
  });

  it("a button switches a relay", async () => {
    const [first, second] = [freshPort(), freshPort()];
    const relay = start("button-relay", ["relay", "relay", first]);
    await relay.until(/relay off\n/);
    const button = start("button-relay", ["button", "hall", second, `127.0.0.1:${first}`]);
    await button.until(/press Enter\n[^]*lamp off\n/);
    button.type("");
    await button.until(/lamp on\n/);
    await button.until(/delivered\n/);
    await relay.until(/relay on\n/);
    await button.stop();
    await relay.stop();
  });

  it("doors, vouchers, host names and clocks agree", async () => {
    const ports = Array.from({ length: 8 }, () => freshPort());
    const pair = (name: string, index: number): [Example, Example] => {
      const [first, second] = [ports[index], ports[index + 1]];
      return [start(name, ["front", first]), start(name, ["back", second, `127.0.0.1:${first}`])];
    };
    const [frontDoor, backDoor] = pair("door-log", 0);
    const [front, back] = pair("vouchers", 2);
    const [north, south] = pair("hosts", 4);
    const [clock, otherClock] = pair("clock", 6);
    await backDoor.until(/type "open"/);
    backDoor.type("open");
    await frontDoor.until(/\d\d:\d\d:\d\d back: open\n/);

    front.type("make 30");
    const [code] = await front.until(/^[A-Z2-9]{8}$/m);
    for (const deadlineMs = performance.now() + PATIENCE_MS; !back.printed.includes(code);) {
      assert.ok(performance.now() < deadlineMs, back.printed);
      back.type("list");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    back.type(`use ${code} phone`);
    await back.until(/welcome\n/);
    back.type(`use ${code} laptop`);
    await back.until(/no\n/);
    front.type("make money");
    await front.until(/RangeError: minutes: money is not/);

    south.type("add laptop 10.1.2.31");
    await north.until(/10\.1\.2\.31 laptop\n/);
    assert.match(readFileSync(path.join(north.folder, "hosts-front"), "utf8"), /^10\.1\.2\.31 laptop$/m);
    await clock.until(/^\d\d:\d\d:\d\d$/m);
    await otherClock.until(/^\d\d:\d\d:\d\d$/m);
    for (const example of running) await example.stop();
  });

  it("a gateway brings the node at the other end of a serial line into the network", async function () {
    requireSocat(this);
    const { ends: [near, far] } = await PtyPair.open();
    const first = freshPort();
    const gateway = start("serial-gateway", [near, "gateway", first]);
    const display = start("display", ["wall", freshPort(), `127.0.0.1:${first}`]);
    // In place of the board: the same node, on the line only.
    const main = path.join(root, "desktop/dist/cli/main.js");
    const args = ["node", "--serial", far, "--listen", "none", "--name", "cellar", "--value", "12.5"];
    const sensor = spawn(process.execPath, [main, ...args], { cwd: freshFolder() });
    try {
      await gateway.until(/cellar on the line is up\n/);
      await gateway.until(/wall at 127\.0\.0\.1 is up\n/);
      await display.until(/cellar up 12\.5\n/);
    } finally {
      sensor.kill("SIGKILL");
    }
    await display.stop();
    await gateway.stop();
  });

  it("each example for Node.js is run above", () => {
    const names = readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("desktop.js"));
    assert.equal(names.length, 10);
  });
});
