import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeRow } from "../../src/gossip.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../desktop/cli/node-process.js";
import { publishedBundles } from "../support/espruino-bundles.js";
import { Interpreter, MARK, endAll, uploadFile } from "./interpreter.js";

const INTERVAL_MS = 500;
const KEY = "0123456789abcdef".repeat(4);

const program = process.env.CHISME_ESPRUINO;

// Not skipped but absent where there is no interpreter: CI takes a skipped test for a failure.
if (program !== undefined) {
  for (const kind of ["minified", "lean"] as const) describe(`the ${kind} bundle on the real interpreter`, function () {
    this.timeout(240000);
    const code = { small: "", full: "" };

    before(async () => {
      code.small = (await publishedBundles("chisme", [kind]))[kind];
      code.full = (await publishedBundles("chisme-full", [kind]))[kind];
    });

    afterEach(async () => {
      await endAll();
      await cleanUp();
    });

    /** Puts the bundle into the Storage of a folder, as an upload does. */
    async function upload(folder: string, which: keyof typeof code = "small"): Promise<void> {
      await uploadFile(program!, folder, "chisme", code[which]);
    }

    /** @param more statements that add options, and what is to follow the start */
    function start(
      folder: string, port: number, seedPort: number, value: number, more = "", then = "",
    ): Interpreter {
      return new Interpreter(program!, `
        var chisme = require("chisme");
        function say(what) { print(${JSON.stringify(MARK)} + JSON.stringify(what)); }
        var minMax = chisme.minMax({ onChange: function(minimum, maximum) {
          say({ minimum: minimum, maximum: maximum, count: minMax.count });
        } });
        var options = chisme.espruinoPlatform();
        options.storage = chisme.flashStorage();
        options.port = ${port};
        options.seedList = ["127.0.0.1:${seedPort}"];
        options.roundIntervalMs = ${INTERVAL_MS};
        options.capacity = 16;
        options.views = [minMax];
        options.onState = function(row) { say({ port: row.port, state: row.state, revision: row.revision }); };
        options.onError = function(code, error) { say({ error: code, message: error.message }); };
        ${more}
        var node = new chisme.Gossip(options);
        node.start();
        node.push(${value});
        say({ version: process.version, revision: node.revision, memory: process.memory() });
        ${then}
        setInterval(function() { say({ stats: node.stats(), usage: process.memory().usage }); }, 1000);
      `, folder);
    }

    /** What was reported, but for datagrams that a full queue refused: on a busy computer the interpreter is late. */
    function errorsOf(interpreter: Interpreter): unknown[] {
      return interpreter.said().filter(({ error }) => error !== undefined && error !== "send");
    }

    function onNode(port: number, seedPort: number, value: number): NodeProcess {
      return new NodeProcess("--json", "--listen", `:${port}`, "--seed", `127.0.0.1:${seedPort}`,
        "--interval", String(INTERVAL_MS), "--value", String(value));
    }

    function rowAt(node: NodeProcess, port: number): NodeRow | undefined {
      return node.events.findLast((event) => {
        return (event.event === "row" || event.event === "state") && event.port === port;
      }) as NodeRow | undefined;
    }

    it("a node agrees with Node.js processes, is missed when it is gone, and goes on with its revision", async () => {
      const [a, b, c, d] = [freshPort(), freshPort(), freshPort(), freshPort()];
      const folders = [freshFolder(), freshFolder()];
      for (const folder of folders) await upload(folder);
      const nodes = [onNode(a, b, 21.5), onNode(b, a, 18.25)];
      const first = start(folders[0], c, a, 24.75);
      const second = start(folders[1], d, b, -3);
      for (const node of nodes) await node.untilMinMax(-3, 24.75, 4);
      for (const interpreter of [first, second]) await interpreter.untilMinMax(-3, 24.75, 4);

      await first.end();
      for (const node of nodes) await node.until("the row of Espruino is DOWN", () => rowAt(node, c)?.state === "down");
      await second.untilMinMax(-3, 21.5, 3);

      const again = start(folders[0], c, a, 30.5);
      for (const node of nodes) {
        await node.until("Espruino is back", () => rowAt(node, c)?.state === "up" && rowAt(node, c)?.revision === 1);
        await node.untilMinMax(-3, 30.5, 4);
      }
      for (const interpreter of [again, second]) await interpreter.untilMinMax(-3, 30.5, 4);
      for (const interpreter of [again, second]) {
        assert.deepEqual(errorsOf(interpreter), []);
      }
      for (const line of again.lines.filter((text) => text.includes(MARK))) console.log(`      ${line}`);
    });

    it("a node receives on after an empty datagram", async () => {
      const [a, b] = [freshPort(), freshPort()];
      const folder = freshFolder();
      await upload(folder);
      const node = onNode(a, b, 1);
      const interpreter = start(folder, b, a, 2);
      await interpreter.untilMinMax(1, 2, 2);
      const stranger = createSocket("udp4");
      for (let i = 0; i < 6; i++) {
        stranger.send("", b, "127.0.0.1");
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      stranger.close();
      node.write("7\n");
      await interpreter.untilMinMax(2, 7, 2);
    });

    it("a node receives on after its socket is reopened, which takes no memory for good", async () => {
      const [a, b] = [freshPort(), freshPort()];
      const folder = freshFolder();
      await upload(folder);
      const node = onNode(a, b, 1);
      const interpreter = start(folder, b, a, 2, "", "setInterval(function() { options.socket.reopen(); }, 400);");
      const usages = () => interpreter.said().filter(({ usage }) => usage !== undefined).map(({ usage }) => usage);
      await interpreter.untilMinMax(1, 2, 2);
      const least: number[] = [];
      for (const value of [7, 8, 9, 10]) {
        node.write(`${value}\n`);
        await interpreter.untilMinMax(2, value, 2);
        const before = usages().length;
        await interpreter.until("it looked at its memory", () => usages().length >= before + 5);
        least.push(Math.min(...usages().slice(0, 5).map(Number)));
      }
      console.log(`      usage ${least.join(", ")}`);
      // A socket takes 50 variables, and a look comes after two of them.
      assert.ok(least[3] - least[0] < 50, least.join());
      assert.deepEqual(errorsOf(interpreter), []);
    });

    it("a node binds again when its port was taken at the start", async () => {
      const [a, b] = [freshPort(), freshPort()];
      const folder = freshFolder();
      await upload(folder);
      const other = createSocket("udp4").bind(b);
      await once(other, "listening");
      const node = onNode(a, b, 1);
      const interpreter = start(folder, b, a, 2);
      const errors = () => interpreter.said().filter(({ error }) => error === "socket").map(({ message }) => message);
      await interpreter.until("the failure is reported", () => errors().length > 0);
      await new Promise((resolve) => setTimeout(resolve, 4000));
      assert.deepEqual(errors(), ["Unable to create socket"]);
      other.close();
      await interpreter.untilMinMax(1, 2, 2);
      await node.untilMinMax(1, 2, 2);
      assert.deepEqual(errors(), ["the socket is bound after failures", "Unable to create socket"]);
    });

    it("a node publishes events, sealed, by the firmware's own cryptography, and goes on after them", async () => {
      const [a, b] = [freshPort(), freshPort()];
      const folder = freshFolder();
      await upload(folder, "full");
      const keyFile = join(freshFolder(), "key.txt");
      writeFileSync(keyFile, KEY);
      const node = new NodeProcess("--json", "--listen", `:${a}`, "--seed", `127.0.0.1:${b}`, "--key-file", keyFile,
        "--interval", String(INTERVAL_MS), "--value", "21.5");
      const more = `
        options.events = chisme.eventFeeds({
          bytes: 2048, eventBytesMax: 448, digest: chisme.espruinoDigest(),
          onEvent: function(event) { say({ topic: event.topic, sequence: event.sequence }); }
        });
        options.sealing = chisme.espruinoSealing();
        options.key = "${KEY}";
        options.storage = chisme.flashStorage("chisme", chisme.flashLog());
      `;
      const told = (sequence: number) => node.events.some((event) => {
        return event.event === "feedEvent" && event.topic === "door" && event.sequence === sequence;
      });
      const first = start(folder, b, a, 2, more, 'node.log("door", "open"); node.log("door", "shut");');
      await node.until("both events came", () => told(1) && told(2));
      node.write("log bell rung\n");
      await first.until("Node's event came", () => first.said().some(({ topic }) => topic === "bell"));
      await first.untilMinMax(2, 21.5, 2);
      await first.end();
      const second = start(folder, b, a, 3, more, 'node.log("door", "open again");');
      await node.until("the third event came", () => told(3));
      await second.untilMinMax(3, 21.5, 2);
      for (const interpreter of [first, second]) {
        assert.deepEqual(errorsOf(interpreter), []);
      }
    });

    it("the log has every acknowledged record, whenever the node is killed", async () => {
      const folder = freshFolder();
      await upload(folder, "full");
      // Each record holds its number; of a full log the last ten are kept.
      const script = `
        var log = require("chisme").flashLog("log", 3, { recordBytesMax: 100 });
        var numbers = [], bytes = new Uint8Array(60);
        function frame(number) { for (var i = 0; i < 60; i++) bytes[i] = number >> (i & 1 ? 8 : 0); }
        function append(number) { frame(number); return log.append(bytes, 60); }
        log.read(function(read) { numbers.push(read[0] + 256 * read[1]); });
        print(${JSON.stringify(MARK)} + JSON.stringify({ found: numbers }));
        var next = (numbers.length ? numbers[numbers.length - 1] : 0) + 1;
        setInterval(function() {
          if (!append(next)) {
            log.rewrite(function(put) {
              for (var number = next - 10; number < next; number++) { frame(number); put(bytes, 60); }
            });
            append(next);
          }
          print(${JSON.stringify(MARK)} + JSON.stringify({ done: next++ }));
        }, 1);
      `;
      let acknowledged = 0;
      for (let round = 0; round < 6; round++) {
        const interpreter = new Interpreter(program, script, folder);
        await interpreter.until("it found its log", () => interpreter.said().some(({ found }) => found !== undefined));
        const found = interpreter.said().find((said) => said.found !== undefined)?.found as number[];
        const last = found.at(-1) ?? 0;
        assert.ok(last === acknowledged || last === acknowledged + 1, `${last} after ${acknowledged}`);
        assert.deepEqual(found, found.map((_, i) => last - found.length + 1 + i));
        assert.ok(found.length >= Math.min(10, last), `${found.length} records`);
        const enough = last + 40 + 13 * round;
        await interpreter.until("more is written", () => interpreter.said().some(({ done }) => Number(done) >= enough));
        await interpreter.end();
        acknowledged = Number(interpreter.said().find(({ done }) => done !== undefined)?.done);
      }
      console.log(`      ${acknowledged} records, killed 6 times`);
    });
  });
}
