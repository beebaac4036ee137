import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bundleForEspruino } from "../../rollup-plugins/espruino.js";
import { DOWN, type NodeRow, UP } from "../../src/gossip.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../cli/node-process.js";

const PATIENCE_MS = 60000;
const INTERVAL_MS = 500;

/** What a sketch prints: a word that tells it from the interpreter's own output, then JSON. */
const MARK = "chisme:";

/** A program of Espruino's build for Linux, which is not part of this project, in a folder of its own. */
class Interpreter {
  readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private changed: () => void = () => undefined;

  constructor(program: string, script: string, folder: string) {
    const file = join(folder, `script-${freshPort()}.js`);
    writeFileSync(file, script);
    this.child = spawn(program, [file], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
    assert.ok(this.child.stdout !== null);
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.changed();
    });
    running.add(this);
  }

  /** What the sketch printed, the last first. */
  said(): { [key: string]: unknown }[] {
    return this.lines.filter((line) => line.includes(MARK)).reverse()
      .map((line) => JSON.parse(line.substring(line.indexOf(MARK) + MARK.length)) as { [key: string]: unknown });
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!condition()) {
      assert.ok(performance.now() < deadlineMs, `waited in vain until ${what}; it printed:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async untilMinMax(minimum: number, maximum: number, count: number): Promise<void> {
    await this.until(`minimum ${minimum} maximum ${maximum} of ${count}`, () => {
      const last = this.said().find((said) => said.count !== undefined);
      return last?.minimum === minimum && last.maximum === maximum && last.count === count;
    });
  }

  async end(): Promise<void> {
    running.delete(this);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "close");
  }
}

const running = new Set<Interpreter>();
const program = process.env.CHISME_ESPRUINO;

// Not skipped but absent where there is no interpreter: CI takes a skipped test for a failure.
if (program !== undefined) {
  for (const kind of ["minified", "lean"] as const) describe(`the ${kind} bundle on the real interpreter`, function () {
    this.timeout(240000);
    let code = "";

    before(async () => {
      code = (await bundleForEspruino(fileURLToPath(new URL("../../src/espruino.ts", import.meta.url))))[kind];
    });

    afterEach(async () => {
      await Promise.all([...running].map((interpreter) => interpreter.end()));
      await cleanUp();
    });

    /** Puts the bundle into the Storage of a folder, as an upload does. */
    async function upload(folder: string): Promise<void> {
      const script = `require("Storage").write("chisme", ${JSON.stringify(code)}); print("uploaded"); quit();`;
      const interpreter = new Interpreter(program!, script, folder);
      const isUploaded = () => interpreter.lines.some((line) => line.includes("uploaded"));
      await interpreter.until("the bundle is uploaded", isUploaded);
      await interpreter.end();
    }

    function start(folder: string, port: number, seedPort: number, value: number): Interpreter {
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
        options.views = [minMax];
        options.onState = function(row) { say({ port: row.port, state: row.state, revision: row.revision }); };
        options.onError = function(code, error) { say({ error: code, message: error.message }); };
        var node = new chisme.Gossip(options);
        node.start();
        node.push(${value});
        say({ version: process.version, revision: node.revision, memory: process.memory() });
        setInterval(function() { say({ stats: node.stats(), usage: process.memory().usage }); }, 1000);
      `, folder);
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

    it("agrees with Node processes, is missed when it is gone, and goes on with its revision", async () => {
      const [a, b, c, d] = [freshPort(), freshPort(), freshPort(), freshPort()];
      const folders = [freshFolder(), freshFolder()];
      for (const folder of folders) await upload(folder);
      const nodes = [onNode(a, b, 21.5), onNode(b, a, 18.25)];
      const first = start(folders[0], c, a, 24.75);
      const second = start(folders[1], d, b, -3);
      for (const node of nodes) await node.untilMinMax(-3, 24.75, 4);
      for (const interpreter of [first, second]) await interpreter.untilMinMax(-3, 24.75, 4);

      await first.end();
      for (const node of nodes) await node.until("the row of Espruino is DOWN", () => rowAt(node, c)?.state === DOWN);
      await second.untilMinMax(-3, 21.5, 3);

      const again = start(folders[0], c, a, 30.5);
      for (const node of nodes) {
        await node.until("Espruino is back", () => rowAt(node, c)?.state === UP && rowAt(node, c)?.revision === 1);
        await node.untilMinMax(-3, 30.5, 4);
      }
      for (const interpreter of [again, second]) await interpreter.untilMinMax(-3, 30.5, 4);
      for (const interpreter of [again, second]) {
        assert.deepEqual(interpreter.said().filter(({ error }) => error !== undefined), []);
      }
      for (const line of again.lines.filter((text) => text.includes(MARK))) console.log(`      ${line}`);
    });

    it("hears on after an empty datagram", async () => {
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

    it("has in its log what was acknowledged, whenever it is killed", async () => {
      const folder = freshFolder();
      await upload(folder);
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
