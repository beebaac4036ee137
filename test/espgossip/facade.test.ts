import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import {
  EspGossip, type EspGossipPlatform, type EspGossipUpdate, type GossipConfig,
} from "../../src/espgossip/index.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { OWN, bytesOfText } from "./support.js";

/** The facade on a device that does what the test says. */
class Device {
  nowMs = 0;
  address = parseAddress(OWN);
  readonly sent: { to: string; port: number; datagram: Record<string, unknown> }[] = [];
  readonly messages: string[] = [];
  readonly updates: EspGossipUpdate[] = [];
  readonly storage = new MemoryStorage();
  readonly gossip: EspGossip;
  isOpen = false;
  openedPort = 0;
  sendError: Error | undefined;
  private timer: (() => void) | undefined;
  private dueMs = 0;
  private onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void = () => undefined;

  constructor(platform: Partial<EspGossipPlatform> = {}) {
    this.gossip = new EspGossip({
      socket: {
        bind: (port, onDatagram) => { this.isOpen = true; this.openedPort = port; this.onDatagram = onDatagram; },
        send: (bytes, length, address, port) => {
          if (this.sendError !== undefined) throw this.sendError;
          const text = Buffer.from(bytes.subarray(0, length)).toString();
          this.sent.push({ to: formatAddress(address), port, datagram: JSON.parse(text) as Record<string, unknown> });
        },
        ownAddress: () => this.address,
        deviceId: () => 1,
        close: () => { this.isOpen = false; },
      },
      clock: {
        nowMs: () => this.nowMs,
        setTimer: (callback, delayMs) => { this.timer = callback; this.dueMs = this.nowMs + delayMs; return 1; },
        clearTimer: () => { this.timer = undefined; },
      },
      storage: this.storage,
      ...platform,
    });
    this.gossip.callbackFunction = (update) => this.updates.push(update);
  }

  configure(config: GossipConfig | Record<string, unknown>): void {
    this.gossip.setConfig({ debug: true, debugOutput: (message: string) => this.messages.push(message), ...config });
  }

  hear(from: string, text: string): void {
    const bytes = bytesOfText(text);
    this.onDatagram(bytes, bytes.length, parseAddress(from), 5000);
  }

  run(ms: number): void {
    const end = this.nowMs + ms;
    while (this.timer !== undefined && this.dueMs <= end) {
      this.nowMs = this.dueMs;
      const run = this.timer;
      this.timer = undefined;
      run();
    }
    this.nowMs = end;
  }
}

describe("ESPGossip facade", () => {
  it("setConfig takes good options, and reports the others", () => {
    const device = new Device();
    device.configure({
      seedList: ["192.168.0.54", "nowhere", 5], roundInterval: "fast", comPort: 5001, speed: 9, debug: true,
    });
    device.configure({ seedList: "192.168.0.1", comPort: 0, roundInterval: 5 });
    device.gossip.setConfig(null as unknown as GossipConfig);
    device.gossip.start();
    assert.deepEqual(device.gossip.seedList, ["192.168.0.54"]);
    assert.equal(device.openedPort, 5001);
    const problems = device.messages.filter((message) => message.startsWith("setConfig"));
    for (const word of [
      "nowhere", "seedList[2]: 5", "roundInterval: fast is not an integer from 100", "speed",
      "seedList: 192.168.0.1 is not", "comPort: 0 is not an integer from 1", "null is not a table",
    ]) {
      assert.ok(problems.some((message) => message.includes(word)), word);
    }
    device.run(15000);
    assert.deepEqual(device.sent.map(({ to, port }) => [to, port]), [["192.168.0.54", 5001]]);
  });

  it("the facade prints nothing without debug, and survives an output that throws", () => {
    const device = new Device();
    device.configure({ debug: false, speed: 1 });
    assert.deepEqual(device.messages, []);
    device.gossip.setConfig({ debug: true, debugOutput: () => { throw new Error("full"); } });
    device.gossip.start();
    device.run(60000);
    assert.equal(device.sent.length, 4);
  });

  it("start raises the revision once", () => {
    const device = new Device();
    device.configure({});
    device.gossip.start();
    device.gossip.start();
    assert.equal(device.storage.readRevision(), 0);
    assert.ok(device.messages.some((message) => message.startsWith("start: ")));
  });

  it("start throws when the own address is unknown, and can be tried again", () => {
    const device = new Device();
    device.address = 0;
    assert.throws(() => device.gossip.start(), /address/);
    assert.equal(device.storage.readRevision(), undefined);
    device.address = parseAddress(OWN);
    device.gossip.start();
    assert.ok(device.isOpen);
  });

  it("setRevFileValue refuses what is no revision", () => {
    const device = new Device();
    device.configure({});
    for (const value of [-1, 1.5, 2 ** 32, "7"]) device.gossip.setRevFileValue(value as number);
    assert.equal(device.storage.readRevision(), undefined);
    device.gossip.setRevFileValue(41);
    device.gossip.start();
    assert.equal(device.gossip.networkState[OWN].revision, 42);
  });

  it("pushGossip sends at once, withdraws by null, and throws for data that cannot be sent", () => {
    const device = new Device();
    device.gossip.setConfig({ seedList: ["192.168.0.54"] });
    device.gossip.pushGossip({ early: true });
    assert.deepEqual(device.sent, []);
    device.gossip.start();
    device.gossip.pushGossip({ temp: 21.5 });
    device.gossip.pushGossip([1, "two"], "192.168.0.75");
    device.gossip.pushGossip(null);
    device.gossip.pushGossip(1, "not an address");
    assert.deepEqual(device.sent.map(({ to, datagram }) => [to, (datagram[OWN] as { data?: unknown }).data]), [
      ["192.168.0.54", { temp: 21.5 }], ["192.168.0.75", [1, "two"]], ["192.168.0.54", undefined],
    ]);
    assert.throws(() => device.gossip.pushGossip("x".repeat(300)), /255/);
    assert.throws(() => device.gossip.pushGossip((() => 1) as unknown as string), /JSON/);
  });

  it("getNetworkState is the network state as JSON", () => {
    const device = new Device();
    assert.equal(device.gossip.getNetworkState(), "{}");
    device.gossip.start();
    device.hear("192.168.0.54", '{"type":"ACK","192.168.0.54":{"revision":1,"heartbeat":2,"state":0,"data":[true]}}');
    assert.deepEqual(JSON.parse(device.gossip.getNetworkState()), {
      [OWN]: { revision: 0, heartbeat: 0, state: 0 },
      "192.168.0.54": { revision: 1, heartbeat: 2, state: 0, data: [true] },
    });
    assert.deepEqual(device.gossip.networkState, JSON.parse(device.gossip.getNetworkState()));
  });

  it("the network state has bytes as hexadecimal text, and nothing for values that JSON lacks", () => {
    const device = new Device();
    device.gossip.start();
    device.gossip.pushGossip({ raw: Uint8Array.of(1, 255) });
    assert.deepEqual((device.sent[0].datagram[OWN] as { data?: unknown }).data, { raw: "01ff" });
    assert.match(device.gossip.getNetworkState(), /"raw":"01ff"/);
  });

  it("updateCallback and callbackFunction both receive each update", () => {
    const device = new Device();
    device.gossip.start();
    const calls: string[] = [];
    device.gossip.updateCallback = (update) => calls.push(`updateCallback ${Object.keys(update).join()}`);
    device.gossip.callbackFunction = (update) => calls.push(`callbackFunction ${Object.keys(update).join()}`);
    const text = '{"type":"ACK","192.168.0.54":{"revision":1,"heartbeat":2,"state":0}}';
    device.hear("192.168.0.54", text);
    assert.deepEqual(calls, ["updateCallback 192.168.0.54", "callbackFunction 192.168.0.54"]);
    device.gossip.callbackFunction = undefined;
    device.hear("192.168.0.54", text);
    assert.equal(calls[2], "updateCallback ");
    assert.equal(calls.length, 3);
  });

  it("the script of docs/ESPGOSSIP.md runs as it stands", () => {
    const text = readFileSync(new URL("../../docs/ESPGOSSIP.md", import.meta.url), "utf8");
    const [, script] = /<td>\n\n```js\nimport [^\n]*\n(.*?)```/s.exec(text) ?? [];
    const device = new Device();
    const printed: unknown[][] = [];
    const globals = {
      EspGossip: function EspGossipOfDevice() { return device.gossip; },
      platform: {}, storage: {}, print: (...values: unknown[]) => printed.push(values),
      readTemp: () => 21.3, setInterval: (run: () => void) => run(),
    };
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the page is the project's own.
    const run = new Function(...Object.keys(globals), script) as (...values: unknown[]) => void;
    run(...Object.values(globals));
    assert.deepEqual(device.sent.map(({ datagram }) => (datagram[OWN] as { data?: unknown }).data), [
      { temp: 21.3 }, { temp: 21.5 }, undefined,
    ]);
    assert.equal(device.sent[1].to, "192.168.0.75");
    printed.length = 0;
    const row = '{"revision":1,"heartbeat":2,"state":0,"data":';
    device.hear("192.168.0.54", `{"type":"ACK","192.168.0.54":${row}{"temp":19.5}},"192.168.0.75":${row}20}}`);
    assert.deepEqual(printed.filter(([first]) => first === "192.168.0.54"), [["192.168.0.54", 19.5]]);
    device.run(120000);
  });

  it("a callback may push, throw or close", () => {
    const device = new Device();
    device.gossip.start();
    device.gossip.callbackFunction = () => device.gossip.pushGossip(7, "192.168.0.75");
    device.hear("192.168.0.54", '{"type":"ACK"}');
    assert.equal(device.sent.at(-1)?.to, "192.168.0.75");
    device.gossip.callbackFunction = () => { throw new Error("of the script"); };
    assert.throws(() => device.hear("192.168.0.54", '{"type":"ACK"}'), /of the script/);
    device.gossip.callbackFunction = () => device.gossip.close();
    device.hear("192.168.0.54", '{"type":"ACK"}');
    assert.ok(!device.isOpen);
    const sent = device.sent.length;
    device.run(100000);
    device.hear("192.168.0.54", '{"type":"SYN"}');
    assert.equal(device.sent.length, sent);
  });

  it("the facade goes on when a datagram cannot be sent", () => {
    const device = new Device();
    device.configure({});
    device.gossip.start();
    device.sendError = new Error("no route");
    device.run(30000);
    assert.ok(device.messages.includes("send: no route"));
    device.sendError = undefined;
    device.run(15000);
    assert.equal(device.sent.length, 1);
  });
});
