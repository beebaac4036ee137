import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Linter } from "eslint";
import { bundleRules } from "../../eslint-rules/espruino.js";
import { type CborValue, Gossip } from "../../src/gossip.js";
import { nodePlatform } from "../../desktop/platform/node.js";
import { freshPort } from "../desktop/cli/node-process.js";
import { EspruinoDevice } from "../espruino/device.js";
import { publishedBundles } from "../support/espruino-bundles.js";
import { root } from "./manifest.js";

const PATIENCE_MS = 60000;
/** Each sketch, and the kind of bundle that is meant for one of its boards. */
const sketches = [["esp32.js", "minified"], ["esp32.js", "lean"]] as const;

/** Espruino's module `Wifi`, whose network the test switches on and off. */
class FakeWifi {
  attempts = 0;
  isThere = true;
  ip = "192.168.0.54";
  private readonly handlers = new Map<string, () => void>();

  readonly on = (event: string, handler: () => void): void => void this.handlers.set(event, handler);
  readonly getIP = () => ({ ip: this.ip, mac: "a4:cf:12:fe:dc:ba" });

  readonly connect = (name: string, { password }: { password: string }, done: (error: string | null) => void): void => {
    assert.deepEqual([name, password], ["name of the network", ""]);
    this.attempts++;
    done(this.isThere ? null : "no network found");
    if (this.isThere) this.handlers.get("connected")?.();
  };

  lose(): void {
    this.isThere = false;
    this.handlers.get("disconnected")?.();
  }
}

describe("sketches for Espruino", function () {
  this.timeout(300000);
  let bundles: Record<"minified" | "lean", string>;
  let device: EspruinoDevice | undefined;
  let node: Gossip | undefined;

  before(async () => {
    bundles = await publishedBundles("chisme", ["minified", "lean"]);
  });

  afterEach(() => {
    device?.halt();
    device = undefined;
    node?.close();
    node = undefined;
  });

  const read = (sketch: string) => readFileSync(path.join(root, "boards/espruino", sketch), "utf8");

  async function until(what: string, condition: () => boolean): Promise<void> {
    for (const deadlineMs = performance.now() + PATIENCE_MS; !condition();) {
      assert.ok(performance.now() < deadlineMs, `waited in vain until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  for (const sketch of new Set(sketches.map(([name]) => name))) {
    it(`${sketch} has nothing that Espruino has not`, () => {
      // Without the restrictions of the engine: a sketch may round.
      const rules = { ...bundleRules, "no-restricted-properties": "off" } as const;
      const config = { rules, languageOptions: { ecmaVersion: "latest", sourceType: "script" } } as const;
      assert.deepEqual(new Linter().verify(read(sketch), config), []);
    });

  }

  for (const [sketch, kind] of sketches) {
    it(`${sketch} joins Wi-Fi, shares its reading, and does so again after a loss: ${kind}`, async () => {
      const board = new EspruinoDevice(bundles[kind]);
      device = board;
      const port = freshPort();
      const seed = freshPort();
      // A port for the test alone, times that a test can wait for, and a node to tell.
      const source = read(sketch)
        .replace(/SEEDS = \[\]/, `SEEDS = ["127.0.0.1:${seed}"]`)
        .replace(/((?:REJOIN|READING)_MS) = \d+/g, "$1 = 50")
        .replace(/capacity:/, `port: ${port}, capacity:`);
      const platform = nodePlatform("127.0.0.1");
      const peer = new Gossip({ ...platform, port: seed, seedList: [`127.0.0.1:${port}`], roundIntervalMs: 100 });
      node = peer;
      peer.start();
      const data = (): CborValue => peer.rows().find((row) => row.port === port)?.data;

      const wifi = new FakeWifi();
      const printed: string[] = [];
      let degrees = 21.5;
      const analogRead = () => (degrees * 10 + 500) / 3600;
      board.wifi = wifi.getIP();
      board.run(source, (text) => printed.push(text), { analogRead, D34: 34, Wifi: wifi });
      await until("its reading arrives", () => data() === 21.5);
      const id = (0x12fedcba ^ ((port - 5000) << 16)) >>> 0;
      assert.equal(peer.rows().find((row) => row.port === port)?.id, id);
      degrees = -4;
      await until("its next reading arrives", () => data() === -4);

      wifi.lose();
      await until("it tries again", () => wifi.attempts > 3);
      const bound = board.sockets.filter(({ isBound }) => isBound).length;
      wifi.isThere = true;
      degrees = 30;
      await until("its reading arrives again", () => data() === 30);
      // Its old socket may have sent that, just before it joined.
      await until("it has another socket", () => board.sockets.filter(({ isBound }) => isBound).length === bound + 1);
      const attempts = wifi.attempts;
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(wifi.attempts, attempts);
      assert.deepEqual(printed.slice(0, 3), [
        "Wi-Fi joined, address 192.168.0.54", `node ${id}, revision 0`, "minimum 21.5 maximum 21.5 of 1 nodes",
      ]);
      assert.ok(printed.includes("Wi-Fi lost") && printed.includes("Wi-Fi: no network found"));
    });
  }

  it("README's reading of a BME280 takes the place of esp32.js's, and outlives a sensor that fails", async () => {
    const board = new EspruinoDevice(bundles.minified);
    device = board;
    const [port, seed] = [freshPort(), freshPort()];
    const snippet = /```js\n(var bme;[^]*?)```/.exec(read("README.md"))?.[1] ?? assert.fail();
    const source = read("esp32.js")
      .replace(/\/\*\* In °C[^]*?\n}\n/, snippet)
      .replace(/SEEDS = \[\]/, `SEEDS = ["127.0.0.1:${seed}"]`)
      .replace(/((?:REJOIN|READING)_MS) = \d+/g, "$1 = 50")
      .replace(/capacity:/, `port: ${port}, capacity:`);
    assert.ok(source.includes("require(\"BME280\")") && !source.includes("analogRead"));
    const peer = new Gossip({
      ...nodePlatform("127.0.0.1"), port: seed, seedList: [`127.0.0.1:${port}`], roundIntervalMs: 100,
    });
    node = peer;
    peer.start();
    const shared = () => JSON.stringify(peer.rows().find((row) => row.port === port)?.data);

    const wifi = new FakeWifi();
    const printed: string[] = [];
    let fault = "";
    const set: unknown[] = [];
    const I2C1 = { setup: (options: unknown) => set.push(options) };
    const BME280 = {
      connect: (bus: unknown) => {
        assert.equal(bus, I2C1);
        return {
          getData: () => {
            if (fault !== "") throw new Error(fault);
            return { temp: 21.43, humidity: 40.4, pressure: 1013.254 };
          },
        };
      },
    };
    board.wifi = wifi.getIP();
    board.run(source, (text) => printed.push(text), { I2C1, D21: 21, D22: 22, D34: 34, Wifi: wifi, BME280 });
    const map = '{"hum":40,"pres":101330,"temp":21.375}';
    const sorted = () => JSON.stringify(Object.fromEntries(Object.entries(
      JSON.parse(shared() ?? "{}") as Record<string, unknown>).sort(([a], [b]) => a < b ? -1 : 1)));
    await until("its map arrives", () => sorted() === map);
    fault = "no ACK";
    await until("the map is withdrawn", () => shared() === undefined);
    fault = "";
    await until("the map is back", () => sorted() === map);
    assert.ok(printed.includes("minimum 21.375 maximum 21.375 of 1 nodes"));
    assert.ok(printed.includes("sensor: Error: no ACK"));
    assert.ok(set.length >= 2);
    assert.deepEqual({ ...set[0] as object }, { sda: 21, scl: 22 });
  });
});
