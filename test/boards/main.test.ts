import assert from "node:assert/strict";
import { Gossip, minMax } from "../../src/gossip.js";
import { PreferenceStorage } from "../../src/platform/moddable-storage.js";
import { type SensorSource, readings } from "../../src/sensors/index.js";
import { FakeTimer, load } from "./load.js";

interface Setting { config?: object; read?: () => object }

/** What was written to the LED, at which pins, and what shows a status. */
interface Led { written: number[]; pins: number[]; show: (status: string) => void }

/** ECMA-419's Ethernet class. */
class FakeEthernet {
  connection = 200;
  address: string | undefined;
  onChanged: () => void = () => undefined;

  become(connection: number, address?: string): void {
    this.connection = connection;
    this.address = address;
    this.onChanged();
  }
}

describe("boards", () => {
  let traced: string;
  let timer: FakeTimer;

  before(() => {
    (globalThis as { trace?: unknown }).trace = (text: string) => (traced += text);
  });

  after(() => {
    delete (globalThis as { trace?: unknown }).trace;
  });

  beforeEach(() => {
    traced = "";
    timer = new FakeTimer();
  });

  describe("esp32/sensor.ts", () => {
    /** @param inputs pins of the chip that are analog inputs */
    async function sensor(inputs: number[], config: object): Promise<{ pin: () => number; read: () => number }> {
      let used = -1;
      const { sensors } = await load<{ sensors: () => SensorSource[] }>("boards/esp32/sensor.ts", {
        "embedded:io/analog": class {
          readonly resolution = 12;
          constructor({ pin }: { pin: number }) {
            if (!inputs.includes(pin)) throw new RangeError("not analog pin");
            used = pin;
          }

          read() { return 1200; }
          close() { used = -1; }
        },
        "mc/config": config,
      });
      const read = () => (sensors()[0].open().sample() as { temperature: number }).temperature;
      return { pin: () => used, read };
    }

    const esp32 = [32, 33, 34, 35, 36, 37, 38, 39];
    const esp32c3 = [0, 1, 2, 3, 4];

    it("the sensor has a default pin on each chip", async () => {
      for (const [inputs, pin] of [[esp32, 34], [esp32c3, 1]] as const) {
        const { pin: used, read } = await sensor(inputs, {});
        assert.ok(Math.abs(read() - 21.8) < 0.01);
        assert.equal(used(), pin);
      }
    });

    it("the sensor uses the configured pin, and no other", async () => {
      const { pin, read } = await sensor(esp32, { analogPin: "36" });
      read();
      assert.equal(pin(), 36);
      const wrong = await sensor(esp32c3, { analogPin: "34" });
      const message = "analogPin: no analog input (GPIO 34: not analog pin)";
      assert.throws(wrong.read, { name: "RangeError", message });
    });
  });

  describe("status-led.ts", () => {
    async function led(config: object): Promise<Led> {
      const written: number[] = [];
      const pins: number[] = [];
      const { showStatus } = await load<{ showStatus: (status: string) => void }>("boards/status-led.ts", {
        "embedded:io/digital": class {
          static readonly Output = 8;
          constructor({ pin, mode }: { pin: number; mode: number }) {
            assert.equal(mode, 8);
            pins.push(pin);
          }

          write(level: number) { written.push(level); }
        },
        "mc/config": config,
        timer,
      });
      return { written, pins, show: showStatus };
    }

    it("the LED is off while the board is offline, blinks while it is alone, and is lit after that", async () => {
      const { written, pins, show } = await led({ ledPin: "2", ledOn: 1 });
      show("offline");
      show("alone");
      show("alone");
      timer.pass(2000);
      assert.deepEqual(written.splice(0), [0, 1, 0, 1, 0]);
      show("joined");
      timer.pass(2000);
      assert.deepEqual(written.splice(0), [1]);
      show("offline");
      assert.deepEqual([written, pins, timer.count], [[0], [2], 0]);
    });

    it("the LED can be lit by a low level, and there may be none", async () => {
      const low = await led({ ledPin: 2, ledOn: "0" });
      low.show("offline");
      low.show("joined");
      assert.deepEqual(low.written, [1, 0]);
      const none = await led({});
      none.show("alone");
      assert.deepEqual([none.pins, timer.count], [[], 0]);
    });
  });

  it("ethernet.ts tells when the board gets an address, another one, and none", async () => {
    const ethernet = new FakeEthernet();
    const said: string[] = [];
    const { joinNetwork } = await load<{ joinNetwork: (onJoined: () => void, onLost: () => void) => void }>(
      "boards/ethernet.ts", {
        "embedded:network/interface/ethernet": function(options: { onChanged: () => void }) {
          ethernet.onChanged = options.onChanged;
          return ethernet;
        },
      });
    joinNetwork(() => said.push("joined"), () => said.push("lost"));
    ethernet.become(400);
    ethernet.become(500, "10.0.0.2");
    ethernet.onChanged();
    ethernet.become(500, "10.0.0.3");
    ethernet.become(200);
    assert.deepEqual(said, ["joined", "joined", "lost"]);
    assert.equal(traced, "Ethernet joined, address 10.0.0.2\nEthernet joined, address 10.0.0.3\nEthernet lost\n");
  });

  describe("main.ts", () => {
    let onJoined: () => void;
    let onLost: () => void;
    let shown: string[];
    let bound: (bytes: Uint8Array, length: number, address: number, port: number) => void;
    let sent: { bytes: Uint8Array; port: number }[];

    const both = () => ({ thermometer: { temperature: 21.54 }, hygrometer: { humidity: 40 } });

    async function start({ config = {}, read = both }: Setting = {}): Promise<void> {
      shown = [];
      sent = [];
      await load("boards/main.ts", {
        "chisme/gossip": { Gossip, minMax },
        "chisme/platform/moddable": {
          moddablePlatform: () => ({
            socket: {
              bind: (_port: number, onDatagram: typeof bound) => (bound = onDatagram),
              send: (bytes: Uint8Array, length: number, _address: number, port: number) =>
                sent.push({ bytes: bytes.slice(0, length), port }),
              ownAddress: () => 0x0a000001, deviceId: () => 1, close: () => undefined, reopen: () => undefined,
            },
            clock: { nowMs: () => timer.nowMs, setTimer: timer.set, clearTimer: timer.clear },
            randomSeed: 1,
          }),
        },
        "chisme/platform/moddable-storage": { PreferenceStorage },
        web: { serve: () => undefined },
        "chisme/sensors/index": { readings },
        "mc/config": {
          port: 5000, seeds: "10.0.0.2", interval: 1000, capacity: 8, datagram: 512, ...config,
        },
        "status-led": { showStatus: (status: string) => shown.at(-1) !== status && shown.push(status) },
        "network": {
          joinNetwork: (joined: () => void, lost: () => void) => {
            onJoined = joined;
            onLost = lost;
          },
        },
        "preference": { get: () => undefined, set: () => undefined, delete: () => undefined },
        "sensor": { sensors: () => [{ open: () => ({ sample: read }) }] },
        timer,
      });
    }

    /** Another node, which gets what the board sends and answers. */
    function other(): Gossip {
      const peer = new Gossip({
        id: 2, seedList: ["10.0.0.1"], roundIntervalMs: 1000, capacity: 8, randomSeed: 2,
        socket: {
          bind: (_port, onDatagram) => {
            (sent as { push: unknown }).push = ({ bytes }: { bytes: Uint8Array }) =>
              timer.set(() => onDatagram(bytes, bytes.length, 0x0a000001, 5000), 1);
          },
          send: (bytes, length) => {
            const copy = bytes.slice(0, length);
            timer.set(() => bound(copy, length, 0x0a000002, 5000), 1);
          },
          ownAddress: () => 0x0a000002, deviceId: () => 2, close: () => undefined,
        },
        clock: {
          nowMs: () => timer.nowMs, setTimer: timer.set, clearTimer: timer.clear,
        },
      });
      peer.start();
      return peer;
    }

    it("the status follows the network and the other nodes", async () => {
      await start();
      assert.deepEqual(shown, ["offline"]);
      onJoined();
      assert.deepEqual(shown, ["offline", "alone"]);
      const peer = other();
      peer.push(18.2);
      timer.pass(60000);
      assert.deepEqual(shown, ["offline", "alone", "joined"]);
      assert.deepEqual(peer.row(1)?.data, { temp: 21.5, hum: 40 });
      onLost();
      assert.equal(shown.at(-1), "offline");
      onJoined();
      assert.equal(shown.at(-1), "joined");
    });

    it("a node whose sensor fails stays in the network and shares nothing", async () => {
      let fault = "analogPin: no analog input (GPIO 34: not analog pin)";
      await start({
        read: () => {
          if (fault !== "") throw new RangeError(fault);
          return { temperature: 20 };
        },
      });
      onJoined();
      const peer = other();
      timer.pass(20000);
      assert.match(traced, /^sensor: analogPin: no analog input/m);
      assert.equal(peer.row(1)?.state, "up");
      assert.equal(peer.row(1)?.data, undefined);
      fault = "";
      timer.pass(60000);
      assert.deepEqual(peer.row(1)?.data, { temp: 20 });
      assert.match(traced, /^sensor: works again$/m);
    });
  });
});
