import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Linter } from "eslint";
import { bundleRules } from "../../eslint-rules/espruino.js";
import { Gossip, type GossipOptions } from "../../src/gossip.js";
import { eventFeeds } from "../../src/events/index.js";
import { nodePlatform } from "../../desktop/platform/node.js";
import { root } from "../boards/manifest.js";
import { freshPort } from "../desktop/cli/node-process.js";
import { EspruinoDevice } from "../espruino/device.js";
import { crypto } from "../support/fake-crypto.js";

const PATIENCE_MS = 60000;
const MAC = "a4:cf:12:fe:dc:ba";
const sketches = ["alarm", "display", "door-log", "thermometer"].map((example) => `${example}/espruino.js`);
const read = (file: string): string => readFileSync(path.join(root, "examples", file), "utf8");

describe("examples for Espruino", function () {
  this.timeout(300000);
  let bundle: string;
  let fullBundle: string;
  let board: EspruinoDevice | undefined;
  let peer: Gossip | undefined;
  let printed: string[];
  let port: number;

  before(() => {
    bundle = readFileSync(path.join(root, "dist/espruino/chisme.min.js"), "utf8");
    fullBundle = readFileSync(path.join(root, "dist/espruino/chisme-full.min.js"), "utf8");
  });

  afterEach(() => {
    board?.halt();
    peer?.close();
    board = peer = undefined;
  });

  async function until(what: string, condition: () => boolean): Promise<void> {
    for (const deadlineMs = performance.now() + PATIENCE_MS; !condition();) {
      assert.ok(performance.now() < deadlineMs, `waited in vain until ${what}; printed ${printed.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Runs a sketch as on a board, with the module "network" from Storage, and a node of Node.js beside it. */
  function run(
    sketch: string, bundle: string, globals: Record<string, unknown>, options: Partial<GossipOptions> = {},
  ): void {
    port = freshPort();
    const seed = freshPort();
    const platform = nodePlatform("127.0.0.1");
    peer = new Gossip({
      ...platform, port: seed, name: "desk", seedList: [`127.0.0.1:${port}`], roundIntervalMs: 100, ...options,
    });
    peer.start();
    const device = new EspruinoDevice(bundle);
    board = device;
    device.wifi = { ip: "192.168.0.54", mac: MAC };
    printed = [];
    const handlers = new Map<string, () => void>();
    const wifi = {
      on: (event: string, handler: () => void) => void handlers.set(event, handler),
      getIP: () => device.wifi,
      connect: (_name: string, _options: object, done: (error: string | null) => void) => {
        done(null);
        handlers.get("connected")?.();
      },
    };
    const where = `port: ${port}, seedList: ["127.0.0.1:${seed}"], roundIntervalMs: 100, capacity:`;
    // What `require` gives for a file of Storage.
    const network = read("espruino/network.js").replace("capacity:", where).replaceAll("exports.", "network.");
    const more: Record<string, unknown> = { ...globals, Wifi: wifi };
    more.modules = more;
    const code = `var network = {};\n${network}\nmodules.network = network;\n${sketch}`;
    device.run(code, (text) => printed.push(text), more);
  }

  for (const file of [...sketches, "espruino/network.js"]) {
    it(`${file} has nothing that Espruino has not`, () => {
      // Without the restrictions of the engine: a sketch may round.
      const rules = { ...bundleRules, "no-restricted-properties": "off" } as const;
      const config = { rules, languageOptions: { ecmaVersion: "latest", sourceType: "script" } } as const;
      assert.deepEqual(new Linter().verify(read(file), config), []);
    });
  }

  it("thermometer/espruino.js shares its readings and prints the minimum and the maximum", async () => {
    let degrees = 21.5;
    const sketch = read("thermometer/espruino.js").replace(/READING_MS = \d+/, "READING_MS = 50");
    run(sketch, bundle, { analogRead: () => (degrees * 10 + 500) / 3600, D34: 34 });
    peer?.push({ temp: 30 });
    await until("its reading arrives", () => {
      return (peer?.row("terrace")?.data as { temp?: number } | undefined)?.temp === 21.5;
    });
    degrees = -4;
    await until("it prints both", () => printed.includes("from -4 to 30 °C"));
  });

  it("display/espruino.js prints all other nodes", async () => {
    run(read("display/espruino.js"), bundle, {});
    peer?.push({ temp: 21.5 });
    await until("it prints the node", () => printed.includes('desk up {"temp":21.5}'));
    assert.equal(printed.some((text) => text.includes("display")), false);
    peer?.close();
    await until("it prints that the node left", () => printed.at(-1) === 'desk left {"temp":21.5}');
  });

  it("alarm/espruino.js sets its pin when a node goes down, and resets it when that is back", async () => {
    const written: number[] = [];
    const digitalWrite = (_pin: number, level: number) => written.push(level);
    run(read("alarm/espruino.js"), bundle, { D26: 26, digitalWrite });
    await until("the nodes know each other", () => peer?.row("alarm")?.state === "up");
    // The computer of the peer loses its power: no goodbye.
    const { socket, clock } = nodePlatform("127.0.0.1");
    const seed = peer?.row(peer.id)?.port;
    const id = peer?.id;
    const options = { socket, clock, port: freshPort(), id: 77, name: "freezer", roundIntervalMs: 100 };
    const freezer = new Gossip({ ...options, seedList: [`127.0.0.1:${seed}`] });
    freezer.start();
    await until("it knows the freezer", () => freezer.row("alarm")?.state === "up");
    socket.close();
    await until("it prints the freezer", () => printed.includes("freezer is down"));
    assert.deepEqual(written, [1]);
    freezer.close();
    const again = new Gossip({ ...options, ...nodePlatform("127.0.0.1"), seedList: [`127.0.0.1:${seed}`] });
    again.start();
    try {
      await until("it is silent", () => written.length === 2);
      assert.deepEqual(written, [1, 0]);
      assert.ok(id !== undefined && !printed.includes("desk is down"));
    } finally {
      again.close();
    }
  });

  it("door-log/espruino.js logs its door and prints what happened at all", async () => {
    let changed: ((change: { state: boolean }) => void) | undefined;
    const globals = {
      D27: 27, pinMode: () => undefined,
      setWatch: (callback: typeof changed) => { changed = callback; },
      crypto,
    };
    const seen: string[] = [];
    run(read("door-log/espruino.js"), fullBundle, globals, {
      events: eventFeeds({ onEvent: ({ authorName, value }) => seen.push(`${authorName}: ${value as string}`) }),
    });
    await until("the nodes know each other", () => peer?.row("garage")?.state === "up");
    changed?.({ state: true });
    await until("the peer has it", () => seen.includes("garage: open"));
    peer?.log("door", "closed");
    await until("the board has it", () => printed.includes("desk: closed"));
    assert.ok(printed.includes("garage: open"));
  });
});
