import assert from "node:assert/strict";
import { FakeTimer, load } from "../load.js";
import { MemoryPreferences } from "./preferences.js";

/** What boards/care/networks.ts and wifi.ts export. */
interface Networks {
  resetNetworks: () => void;
  saveNetwork: (network: { ssid: Uint8Array; password: Uint8Array }) => void;
  nextNetwork: () => { SSID: string; password: string } | undefined;
  joinedNetwork: () => void;
}

interface Wifi {
  joinOneOf: (choose: Networks["nextNetwork"], onJoined: () => void, onLost: () => void) => () => void;
}

/** ECMA-419's Wi-Fi class, with one network in reach and its password. */
class FakeWifi {
  static last: FakeWifi;
  connection = 200;
  address: string | undefined;
  readonly calls: string[] = [];
  private readonly onChanged: () => void;

  constructor({ onChanged }: { onChanged: () => void }) {
    this.onChanged = onChanged;
    FakeWifi.last = this;
  }

  connect({ SSID, password }: { SSID: string; password: string }): void {
    this.calls.push(`${SSID}/${password}`);
    const isRight = SSID === "home" && password === "right password";
    this.connection = isRight ? 500 : 300;
    this.address = isRight ? "10.0.0.2" : undefined;
    this.onChanged();
  }

  disconnect(): void {
    this.connection = 200;
    this.address = undefined;
  }
}

describe("boards/care: joining", () => {
  const shared = globalThis as { trace?: unknown };
  const buffers = ArrayBuffer as unknown as { fromString?: unknown };
  const strings = String as unknown as { fromArrayBuffer?: unknown };

  before(() => {
    shared.trace = () => undefined;
    // As XS has them.
    buffers.fromString = (text: string) => Uint8Array.from(Buffer.from(text)).buffer;
    strings.fromArrayBuffer = (buffer: ArrayBuffer) => Buffer.from(buffer).toString();
  });

  after(() => {
    delete shared.trace;
    delete buffers.fromString;
    delete strings.fromArrayBuffer;
  });

  it("a wrong password is tried for a minute; then the board is back in the network before", async () => {
    const timer = new FakeTimer();
    const networks = await load<Networks>("boards/care/networks.ts", {
      "mc/config": { ssid: "home", password: "right password" }, "preference": new MemoryPreferences(),
    });
    const { joinOneOf } = await load<Wifi>("boards/care/wifi.ts", {
      "embedded:network/interface/wifi": FakeWifi, timer,
    });
    const told: string[] = [];
    networks.resetNetworks();
    const leave = joinOneOf(networks.nextNetwork, () => {
      networks.joinedNetwork();
      told.push("joined");
    }, () => told.push("lost"));
    assert.deepEqual(told.splice(0), ["joined"]);

    networks.saveNetwork({ ssid: Buffer.from("home"), password: Buffer.from("wrong password") });
    leave();
    assert.deepEqual(told.splice(0), ["lost"]);
    timer.pass(75000);
    assert.deepEqual(told.splice(0), ["joined"]);
    const { calls } = FakeWifi.last;
    assert.deepEqual(calls.splice(0), [
      "home/right password", "home/wrong password", "home/wrong password", "home/right password",
    ]);
    // After a loss it stays with the network that it was in.
    FakeWifi.last.disconnect();
    timer.pass(30000);
    assert.deepEqual([calls, told], [["home/right password"], ["lost", "joined"]]);
  });
});
