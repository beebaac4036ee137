import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Linter } from "eslint";
import { parseAst } from "rollup/parseAst";
import { bundleRules } from "../../eslint-rules/espruino.js";
import { bundleForEspruino } from "../../rollup-plugins/espruino.js";
import { topFunctions } from "../../rollup-plugins/estree.js";
import { espgossip, type networkStateJson } from "../../src/espgossip/index.js";
import { eventFeeds } from "../../src/events/index.js";
import {
  type CborValue, type ChismeError, type Dialect, type Digest, Gossip, type GossipLog, type GossipOptions,
  type GossipStorage, type Sealing,
} from "../../src/gossip.js";
import { FileStorage, nodePlatform } from "../../desktop/platform/node.js";
import type { latestMap } from "../../src/views/latest-map.js";
import { cleanUp, freshFolder, freshPort } from "../desktop/cli/node-process.js";
import { publishedBundles } from "../support/espruino-bundles.js";
import { crypto } from "../support/fake-crypto.js";
import { isSlow } from "../support/random.js";
import { type Chisme, EspruinoDevice } from "./device.js";

/** Bounds: the sizes of today, rounded up. */
const BYTES_MAX: Record<string, number> = {
  "chisme.min.js": 103500,
  "chisme-lean.min.js": 111600,
  "chisme-espgossip.min.js": 129000,
  "chisme-espgossip-lean.min.js": 141300,
  "chisme-full.min.js": 195400,
  "chisme-full-lean.min.js": 221900,
};
/** What a lean bundle has in RAM at first are these: see boards/espruino/README.md. */
const RESIDENT_FUNCTIONS_MAX = 35;
const PATIENCE_MS = 60000;
const EXPORTS = [
  "EspruinoClock", "EspruinoSocket", "Gossip", "MinMax", "espruinoPlatform", "flashStorage", "minMax",
];

/** What the full bundle has beside. */
interface FullChisme extends Chisme {
  eventFeeds: typeof eventFeeds;
  espruinoDigest(): Digest;
  espruinoSealing(): Sealing;
  flashLog(file: string): GossipLog;
  flashStorage(file: string, log: GossipLog): GossipStorage;
  latestMap: typeof latestMap;
  Gossip: typeof Gossip;
}

describe("the bundle for Espruino", function () {
  this.timeout(300000);
  const code: Record<string, string> = {};
  const devices: EspruinoDevice[] = [];
  const nodes: Gossip[] = [];

  before(async () => {
    for (const name of ["chisme", "chisme-espgossip", "chisme-full"] as const) {
      const { readable, minified, lean } = await publishedBundles(name, ["readable", "minified", "lean"]);
      code[`${name}.js`] = readable;
      code[`${name}.min.js`] = minified;
      code[`${name}-lean.min.js`] = lean;
    }
  });

  afterEach(async () => {
    for (const node of nodes.splice(0)) node.close();
    for (const device of devices.splice(0)) device.halt();
    await cleanUp();
  });

  function lint(text: string): string[] {
    const config = { rules: bundleRules, languageOptions: { ecmaVersion: "latest", sourceType: "commonjs" } } as const;
    const messages = new Linter().verify(text, config);
    return messages.map(({ line, message }) => `${line}: ${message}`);
  }

  /** The functions of a lean bundle that are left in flash stand in a comment, each in a line. */
  function uncommented(text: string): string {
    const from = text.indexOf("/*\n");
    return from < 0 ? text : `${text.slice(0, from)};${text.slice(from + 3, -4).replaceAll("\n", ";\n")}`;
  }

  function device(file: string): EspruinoDevice {
    const made = new EspruinoDevice(code[file]);
    devices.push(made);
    return made;
  }

  function started<Node extends Gossip>(node: Node, value: CborValue): Node {
    nodes.push(node);
    node.start();
    node.push(value);
    return node;
  }

  /** Boots a device and starts a node on it, under ids that differ although the serial numbers do not. */
  function boot(
    board: EspruinoDevice, port: number, seed: string, value: CborValue,
    more: (chisme: Chisme) => Partial<GossipOptions> = () => ({}),
  ): Gossip {
    const chisme = board.boot({ crypto: { SHA256: crypto.SHA256 } });
    const options = {
      ...chisme.espruinoPlatform(), storage: chisme.flashStorage(),
      port, seedList: [seed], roundIntervalMs: 100, ...more(chisme),
    };
    return started(new chisme.Gossip(options), value);
  }

  function bootOnNode(port: number, seed: string, value: CborValue, more: Partial<GossipOptions> = {}): Gossip {
    const platform = nodePlatform("127.0.0.1");
    return started(new Gossip({ ...platform, port, seedList: [seed], roundIntervalMs: 100, ...more }), value);
  }

  async function until(what: string, condition: () => boolean): Promise<void> {
    for (const deadlineMs = performance.now() + PATIENCE_MS; !condition();) {
      assert.ok(performance.now() < deadlineMs, `waited in vain until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** All nodes hold one value for each port. */
  async function untilAllKnow(values: Record<number, CborValue>): Promise<void> {
    const expected = JSON.stringify(values);
    await until(`all know ${expected}`, () => nodes.every((node) => {
      return JSON.stringify(Object.fromEntries(node.rows().map(({ port, data }) => [port, data]))) === expected;
    }));
  }

  for (const file of ["chisme-espgossip.js", "chisme-full.js", ...Object.keys(BYTES_MAX)]) {
    it(`${file} has nothing that Espruino lacks`, () => {
      assert.deepEqual(lint(uncommented(code[file])), []);
    });
  }

  for (const [file, bytesMax] of Object.entries(BYTES_MAX)) {
    it(`${file} is at most ${bytesMax} bytes long`, () => {
      assert.ok(code[file].length <= bytesMax, `${code[file].length} bytes`);
    });
  }

  for (const file of ["chisme.js", "chisme.min.js", "chisme-lean.min.js"]) {
    describe(file, () => {
      it("the bundle exports what a sketch needs", () => {
        assert.deepEqual(Object.keys(device(file).boot()).sort(), EXPORTS);
      });

      it("the bundle runs without the missing built-ins, with real nodes over UDP", async () => {
        const [a, b, c, d] = [freshPort(), freshPort(), freshPort(), freshPort()];
        const seed = `127.0.0.1:${a}`;
        bootOnNode(a, `127.0.0.1:${b}`, 21.5);
        bootOnNode(b, seed, "ñandú", { datagramBytesMax: 128 });
        boot(device(file), c, seed, { temperature: -3.25, at: [1, null, true] });
        boot(device(file), d, seed, 1e9, () => ({ datagramBytesMax: 128 }));
        await untilAllKnow({ [a]: 21.5, [b]: "ñandú", [c]: { at: [1, null, true], temperature: -3.25 }, [d]: 1e9 });
        for (const node of nodes) {
          assert.deepEqual(Object.values(node.stats().drops).filter((count) => count > 0), []);
        }
      });

      it("a node goes on with its revision after a restart", async () => {
        const [a, b] = [freshPort(), freshPort()];
        const peer = bootOnNode(a, `127.0.0.1:${b}`, 1, { storage: new FileStorage(freshFolder()) });
        const board = device(file);
        for (const revision of [0, 1, 2]) {
          const node = boot(board, b, `127.0.0.1:${a}`, 100 + revision);
          assert.equal(node.revision, revision);
          await until(`revision ${revision} is known`, () => peer.rows().some((row) => {
            return row.id === node.id && row.revision === revision && row.data === 100 + revision;
          }));
          nodes.pop();
          board.halt();
        }
      });
    });
  }

  it("the minified bundle keeps all public names", () => {
    const options = { port: 5000, roundIntervalMs: 10000 };
    const [readable, minified, lean] = ["chisme.js", "chisme.min.js", "chisme-lean.min.js"].map((file) => {
      const chisme = device(file).boot();
      const maximum = chisme.minMax({ select: (data) => data });
      const platform = chisme.espruinoPlatform();
      const node = new chisme.Gossip({ ...platform, ...options, randomSeed: 1, id: 7, views: [maximum] });
      node.push({ list: [1, null, "text"] });
      node.push(4);
      const thrown: unknown[] = [];
      for (const act of [
        () => new chisme.Gossip({ ...platform, port: 0 }), () => node.push("x".repeat(99)), () => node.row({} as never),
        () => {
          node.close();
          node.push(1);
        },
      ]) {
        try {
          act();
        } catch (error) {
          const { code, option, message } = error as ChismeError;
          thrown.push([code, option, message]);
        }
      }
      assert.equal(thrown.length, 4);
      return JSON.stringify([
        node.rows(), node.row(7), node.stats(), node.id, node.revision, maximum.maximum, thrown,
      ]);
    });
    assert.equal(minified, readable);
    assert.equal(lean, readable);
    assert.match(minified, /"state":"up","data":4/);
    assert.match(minified, /\["ERR_OPTION","port","port: 0 is not an integer from 1 to 65535"\]/);
    assert.match(minified, /\["ERR_STATE",null,"push: the node is closed"\]/);
  });

  it("the bundle throws an Error with code and option where RangeError is missing", () => {
    const chisme = device("chisme.min.js").boot();
    try {
      assert.fail(new chisme.Gossip({ ...chisme.espruinoPlatform(), capacity: 1 }) as never);
    } catch (error) {
      const { name, code, option } = error as ChismeError;
      assert.deepEqual({ name, code, option }, { name: "Error", code: "ERR_OPTION", option: "capacity" });
    }
  });

  it("the bundle writes bytes as hexadecimal text where JSON.stringify takes no replacer", () => {
    const board = device("chisme-espgossip.min.js");
    const chisme = board.boot() as Chisme & { networkStateJson: typeof networkStateJson };
    const node = new chisme.Gossip({ ...chisme.espruinoPlatform(), id: 7 });
    node.push({ list: ["text", null, board.bytesOf(Buffer.of(1, 255))] });
    assert.match(chisme.networkStateJson(node), /"state":0,"id":7,"data":{"list":\["text",null,"01ff"\]}/);
  });

  // Its bundles take a minute to build; test/conformance/command.ts builds them when it runs on Espruino.
  if (isSlow) it("Espruino can read the conformance harness as well", async () => {
    const entry = fileURLToPath(new URL("../conformance/espruino-entry.ts", import.meta.url));
    const { minified, lean } = await bundleForEspruino(entry, ["minified", "lean"]);
    assert.deepEqual(lint(minified), []);
    assert.deepEqual(lint(uncommented(lean)), []);
  });

  it(`the lean bundle leaves all but ${RESIDENT_FUNCTIONS_MAX} functions in flash`, () => {
    const text = code["chisme-lean.min.js"];
    const functions = (source: string) => topFunctions(parseAst(source)).length;
    const resident = functions(text);
    assert.ok(resident <= RESIDENT_FUNCTIONS_MAX, `${resident} functions`);
    assert.ok(text.slice(text.indexOf("/*")).split("\n").length > 4 * resident);
  });

  for (const file of ["chisme-espgossip.min.js", "chisme-espgossip-lean.min.js"]) {
    it(`a node of ${file} speaks both dialects`, async () => {
      for (const speak of ["espgossip", "auto"] as const) {
        const port = freshPort();
        const platform = nodePlatform("127.0.0.2");
        const options = { port, seedList: ["127.0.0.1"], roundIntervalMs: 100, dialect: espgossip() };
        started(new Gossip({ ...platform, ...options }), { temp: 21.5 });
        const board = device(file);
        board.wifi = { ip: "127.0.0.1", mac: "a4:cf:12:fe:dc:ba" };
        boot(board, port, "127.0.0.2", { temp: -3.25 }, (chisme) => {
          return { dialect: (chisme as unknown as Record<string, () => Dialect>)[speak]() };
        });
        const expected = JSON.stringify({ "127.0.0.1": { temp: -3.25 }, "127.0.0.2": { temp: 21.5 } });
        await until(`both know ${expected} (${speak})`, () => nodes.every((node) => {
          const values = node.rows().map(({ address, data }) => [address, data] as const);
          values.sort(([one], [other]) => one < other ? -1 : 1);
          return JSON.stringify(Object.fromEntries(values)) === expected;
        }));
        for (const node of nodes.splice(0)) node.close();
      }
    });
  }

  for (const file of ["chisme-full.js", "chisme-full.min.js", "chisme-full-lean.min.js"]) {
    it(`a node publishes events, sealed, and keeps them in its log over a restart: ${file}`, async () => {
      const [a, b] = [freshPort(), freshPort()];
      const told: string[] = [];
      const shared = { key: "0123456789abcdef".repeat(4) };
      const changes: string[] = [];
      bootOnNode(a, `127.0.0.1:${b}`, 1, {
        ...shared,
        events: eventFeeds({
          onEvent: ({ topic, key, value }) => void told.push(JSON.stringify([topic, key, value])),
        }),
      });
      const board = device(file);
      const start = (): Gossip => boot(board, b, `127.0.0.1:${a}`, 2, (chisme) => {
        const full = chisme as unknown as FullChisme;
        return {
          ...shared, sealing: full.espruinoSealing(),
          events: full.eventFeeds({
            digest: full.espruinoDigest(),
            views: [full.latestMap({ onChange: (...change) => void changes.push(JSON.stringify(change)) })],
          }),
          storage: full.flashStorage("chisme", full.flashLog("chisme")),
        };
      });
      const first = start();
      const bells: unknown[] = [];
      const end = first.subscribe("bell", ({ value }) => bells.push(value));
      first.log("bell", 1);
      end();
      first.log("bell", 2);
      assert.deepEqual(bells, [1]);
      first.log("door", { open: true });
      first.set("light", "kitchen", 21.5);
      await until("Node was told of both", () => told.length === 4);
      nodes.pop();
      board.halt();
      const second = start();
      assert.equal(JSON.stringify(second.frontier().map(({ sequence }) => sequence)), "[4]");
      second.remove("light", "kitchen");
      await until("Node was told of the third", () => told.length === 5);
      assert.deepEqual(changes, [
        '["light","kitchen",21.5]', '["light","kitchen",21.5]', '["light","kitchen",null]',
      ]);
      assert.deepEqual(told.slice(2), [
        '["door",null,{"open":true}]', '["light","kitchen",21.5]', '["light","kitchen",null]',
      ]);
    });
  }

  describe("its check", () => {
    const offences = {
      "spread": "class Base {} class Derived extends Base { constructor() { super(...arguments); } }",
      "catch without a name": "try { f(); } catch { g(); }",
      "a name that Espruino takes for a keyword": "f.of(1);",
      "default value": "function f(a = 1) {}",
      "optional chaining": "a?.b;",
      "Map": "new Map();",
      "Math.imul": "Math.imul(2, 3);",
      "sort": "[2, 1].sort();",
      "copyWithin": "bytes.copyWithin(0, 1);",
      "a closure in a loop": "for (let i = 0; i < 2; i++) f(() => i);",
    };
    for (const [name, source] of Object.entries(offences)) {
      it(`the check refuses ${name}`, () => {
        assert.equal(lint(source).length, 1);
      });
    }

    it("the check runs the bundle where the missing built-ins are missing", () => {
      const there = (expression: string) => new EspruinoDevice(`exports.there = ${expression}`).boot() as unknown;
      for (const name of ["Map", "Set", "Symbol", "BigInt", "TextEncoder", "RangeError", "Math.imul", "Math.trunc",
        "Object.freeze", "Number.isInteger", "Array.from", "Uint8Array.from", "Uint8Array.prototype.copyWithin",
        "[].lastIndexOf", "''.codePointAt"]) {
        const root = name.startsWith("[") || name.startsWith("'") ? "0" : name.split(".")[0];
        const question = `typeof ${root} !== "undefined" && typeof ${name} !== "undefined"`;
        assert.deepEqual(there(question), { there: false }, name);
      }
    });
  });
});
