import assert from "node:assert/strict";
import { FakeTimer, load } from "./load.js";

/** ECMA-419's Wi-Fi class as ESP32 has it: it joins when told and never by itself. */
class FakeWifi {
  connection = 200;
  address: string | undefined;
  readonly calls: string[] = [];
  onChanged: () => void = () => undefined;

  connect({ SSID, password }: { SSID: string; password: string }): void {
    this.calls.push(`connect ${SSID} ${password}`);
    if (this.connection >= 300) throw new Error("already connecting");
    this.connection = 300;
  }

  disconnect(): void {
    this.calls.push("disconnect");
    this.connection = 200;
  }

  become(connection: number, address?: string): void {
    this.connection = connection;
    this.address = address;
    this.onChanged();
  }
}

describe("boards/wifi.ts", () => {
  let wifi: FakeWifi;
  let timer: FakeTimer;
  let joined: number;
  let lost: number;
  let traced: string;

  before(() => {
    (globalThis as { trace?: unknown }).trace = (text: string) => (traced += text);
  });

  after(() => {
    delete (globalThis as { trace?: unknown }).trace;
  });

  async function start(config: object = { ssid: "home", password: "secret" }): Promise<void> {
    timer = new FakeTimer();
    joined = 0;
    lost = 0;
    traced = "";
    type Exports = { joinNetwork: (onJoined: () => void, onLost: () => void) => void };
    const { joinNetwork } = await load<Exports>("boards/wifi.ts", {
      "embedded:network/interface/wifi": function (options: { onChanged: () => void }) {
        wifi.onChanged = options.onChanged;
        return wifi;
      },
      "mc/config": config,
      timer,
    });
    joinNetwork(() => joined++, () => lost++);
  }

  beforeEach(() => {
    wifi = new FakeWifi();
  });

  it("the board joins the configured network", async () => {
    await start();
    assert.deepEqual(wifi.calls, ["connect home secret"]);
    wifi.become(400);
    assert.equal(joined, 0);
    wifi.become(500, "10.0.0.2");
    wifi.onChanged();
    timer.pass(60000);
    assert.equal(joined, 1);
    assert.deepEqual(wifi.calls.length, 1);
    assert.equal(traced, "Wi-Fi joined, address 10.0.0.2\n");
  });

  it("the board joins again after a loss, and when the address changes", async () => {
    await start();
    wifi.become(500, "10.0.0.2");
    wifi.become(200);
    timer.pass(15000);
    assert.equal(wifi.calls.length, 2);
    assert.equal(lost, 1);
    wifi.become(500, "10.0.0.3");
    assert.equal(joined, 2);
    wifi.become(500, "10.0.0.4");
    assert.equal(joined, 3);
  });

  it("the board tries again when it is refused, and gives up an attempt that gets nowhere", async () => {
    await start();
    wifi.become(200);
    timer.pass(15000);
    wifi.become(400);
    timer.pass(15000);
    timer.pass(15000);
    assert.deepEqual(wifi.calls, ["connect home secret", "connect home secret", "disconnect", "connect home secret"]);
  });

  it("the board notices that it is in the network already", async () => {
    wifi.become(500, "10.0.0.2");
    await start();
    assert.equal(joined, 1);
    assert.deepEqual(wifi.calls, []);
  });

  it("the board goes on when the radio refuses", async () => {
    await start();
    wifi.connection = 200;
    wifi.connect = () => {
      throw new Error("connect failed");
    };
    timer.pass(15000);
    assert.equal(traced, "Wi-Fi: connect failed\n");
    assert.equal(timer.count, 1);
  });

  it("the board takes an open network, and reports when none is given", async () => {
    await start({ ssid: "open" });
    assert.deepEqual(wifi.calls, ["connect open "]);
    await start({});
    assert.match(traced, /ssid="…" password="…"/);
    assert.equal(timer.count, 0);
  });
});
