import assert from "node:assert/strict";
import type { GossipSocket, Platform } from "../../src/platform/types.js";
import { FakeTimer, load } from "./load.js";

/** Said again, because the types of the original need the SDK's typings. */
interface ModdablePlatform extends Platform {
  socket: GossipSocket & { reopen(): void };
}

interface Packet {
  text: string;
  address: string;
  port: number;
}

/** What the tests look at and set in the place of the SDK. */
class FakeSdk {
  readonly timer = new FakeTimer();
  readonly net: Record<string, string | undefined> = { IP: "192.168.0.54", MAC: "5C:CF:7F:01:02:FE" };
  readonly time = { ticks: 0 };
  readonly opened: FakeUdp[] = [];
  refusal: Error | undefined;
}

class FakeUdp {
  readonly port: number;
  readonly queue: Packet[] = [];
  readonly sent: Packet[] = [];
  isOpen = true;
  private readonly onReadable: (this: FakeUdp, count: number) => void;

  constructor(sdk: FakeSdk, options: { port: number; onReadable: (count: number) => void }) {
    if (sdk.refusal !== undefined) throw sdk.refusal;
    this.port = options.port;
    this.onReadable = options.onReadable;
    sdk.opened.push(this);
  }

  read(): (ArrayBuffer & { address: string; port: number }) | undefined {
    assert.ok(this.isOpen, "reads from a closed socket");
    const packet = this.queue.shift();
    if (packet === undefined) return undefined;
    const { text, address, port } = packet;
    return Object.assign(new TextEncoder().encode(text).buffer, { address, port });
  }

  write(bytes: Uint8Array, address: string, port: number): void {
    assert.ok(this.isOpen, "writes to a closed socket");
    if (address === "255.255.255.255") throw new Error("sendto failed");
    this.sent.push({ text: new TextDecoder().decode(bytes), address, port });
  }

  close(): void {
    this.isOpen = false;
  }

  arrive(...texts: string[]): void {
    for (const text of texts) this.queue.push({ text, address: "10.0.255.7", port: 5001 });
    this.onReadable(this.queue.length);
  }
}

describe("platform for Moddable", () => {
  let sdk: FakeSdk;
  let platform: ModdablePlatform;
  let received: string[];
  let errors: string[];

  beforeEach(async () => {
    sdk = new FakeSdk();
    received = [];
    errors = [];
    const module = await load<{ moddablePlatform(): ModdablePlatform }>("src/platform/moddable.ts", {
      "embedded:io/socket/udp": class extends FakeUdp {
        constructor(options: { port: number; onReadable: () => void }) {
          super(sdk, options);
        }
      },
      net: {
        get: (what: string) => sdk.net[what],
        resolve: (name: string, callback: (name: string, address?: string) => void) => {
          if (sdk.refusal !== undefined) throw sdk.refusal;
          callback(name, name === "box.example" ? "192.168.0.55" : undefined);
        },
      },
      time: sdk.time,
      timer: sdk.timer,
    });
    platform = module.moddablePlatform();
  });

  function open(): void {
    platform.socket.bind(
      5000,
      (bytes, length, address, port) => {
        const text = new TextDecoder().decode(bytes.subarray(0, length));
        received.push(`${text} ${address.toString(16)} ${port}`);
      },
      (error) => errors.push(error.message),
    );
  }

  it("the clock counts uint32 milliseconds, whatever the ticks are", () => {
    sdk.time.ticks = -1;
    assert.equal(platform.clock.nowMs(), 0xffffffff);
    sdk.time.ticks = 1792000000123.5;
    assert.equal(platform.clock.nowMs(), 1792000000123 % 2 ** 32);
  });

  it("timers can be cleared", () => {
    let calls = 0;
    platform.clock.setTimer(() => calls++, 10);
    platform.clock.clearTimer(platform.clock.setTimer(() => calls++, 10));
    sdk.timer.pass(20);
    assert.equal(calls, 1);
  });

  it("the platform gives a uint32 of randomness", () => {
    assert.equal(platform.randomSeed, platform.randomSeed >>> 0);
  });

  it("the socket delivers datagrams, empty ones too", () => {
    open();
    sdk.opened[0].arrive("hello", "");
    assert.deepEqual(received, ["hello a00ff07 5001", " a00ff07 5001"]);
    assert.equal(sdk.opened[0].port, 5000);
    assert.equal(sdk.timer.count, 0);
  });

  it("the socket takes at most 8 datagrams in one go", () => {
    open();
    sdk.opened[0].arrive(...Array.from({ length: 20 }, (_, index) => String(index)));
    assert.equal(received.length, 8);
    sdk.opened[0].arrive("20");
    assert.equal(received.length, 16);
    assert.equal(sdk.timer.count, 1);
    sdk.timer.pass(0);
    assert.equal(received.length, 21);
    assert.equal(sdk.timer.count, 0);
  });

  it("the socket sends the given length", () => {
    open();
    platform.socket.send(new TextEncoder().encode("hello and more"), 5, 0xc0a80001, 5002);
    assert.deepEqual(sdk.opened[0].sent, [{ text: "hello", address: "192.168.0.1", port: 5002 }]);
  });

  it("send throws when the network refuses the datagram, and when no socket is open", () => {
    assert.throws(() => platform.socket.send(new Uint8Array(1), 1, 1, 5000), /the socket is not open/);
    open();
    assert.throws(() => platform.socket.send(new Uint8Array(1), 1, 0xffffffff, 5000), /sendto failed/);
  });

  it("bind throws when the port cannot be bound, reopen reports that, and binds it later", () => {
    sdk.refusal = new Error("bind failed");
    assert.throws(open, /bind failed/);
    assert.deepEqual(errors, []);
    platform.socket.reopen();
    assert.deepEqual(errors, ["bind failed"]);
    sdk.refusal = undefined;
    platform.socket.reopen();
    sdk.opened[0].arrive("hello");
    assert.equal(received.length, 1);
  });

  it("reopen binds another socket to the same port", () => {
    open();
    sdk.opened[0].arrive(...Array.from({ length: 9 }, () => "old"));
    platform.socket.reopen();
    assert.equal(sdk.opened[0].isOpen, false);
    sdk.timer.pass(0);
    sdk.opened[1].arrive("new");
    assert.equal(received.length, 9);
    assert.equal(sdk.opened[1].port, 5000);
  });

  it("a closed socket stays closed", () => {
    platform.socket.reopen();
    assert.equal(sdk.opened.length, 0);
    open();
    sdk.opened[0].arrive(...Array.from({ length: 9 }, () => "x"));
    platform.socket.close();
    platform.socket.close();
    platform.socket.reopen();
    sdk.timer.pass(10);
    assert.equal(received.length, 8);
    assert.equal(sdk.opened.length, 1);
    assert.equal(sdk.opened[0].isOpen, false);
  });

  it("the socket can be closed while it delivers", () => {
    platform.socket.bind(5000, () => platform.socket.close(), () => undefined);
    sdk.opened[0].arrive("one", "two");
    assert.equal(sdk.opened[0].queue.length, 1);
    assert.equal(sdk.timer.count, 0);
  });

  it("the socket knows its own address", () => {
    assert.equal(platform.socket.ownAddress(), 0xc0a80036);
    sdk.net.IP = undefined;
    assert.equal(platform.socket.ownAddress(), 0);
  });

  it("the socket looks a host up; 0 says that there is none, or that the queue of look-ups is full", () => {
    const found: number[] = [];
    const lookUp = (name: string) => platform.socket.resolve!(name, (address) => found.push(address));
    lookUp("box.example");
    lookUp("nobody.example");
    assert.deepEqual(found, [0xc0a80037, 0]);
    sdk.refusal = new Error("queue is full");
    lookUp("box.example");
    sdk.timer.pass(0);
    assert.deepEqual(found, [0xc0a80037, 0, 0]);
  });

  it("the device id comes from the MAC address, or from address and port", () => {
    assert.equal(platform.socket.deviceId(5000), 0x7f0102fe);
    sdk.net.MAC = undefined;
    assert.equal(platform.socket.deviceId(5000), 0xc0a80036);
    assert.equal(platform.socket.deviceId(5001), 0xc0a90036);
  });
});
