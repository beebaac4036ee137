import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import ts from "typescript";
import { Flash } from "../../desktop/simulator/flash.js";
import { DROP_NONE } from "../../src/engine/wire/drops.js";
import { FLAG_SEALED } from "../../src/engine/wire/frame.js";
import { NO_RECEIVER } from "../../src/engine/wire/sealer.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { parseKey } from "../../src/sealing/key.js";
import { crypt } from "../support/fake-crypto.js";
import { FakeTimer } from "./load.js";
import { root } from "./manifest.js";
import { partitionOf } from "./partition.js";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const RUN_MS = 30000;
const text = readFileSync(path.join(root, "boards/README.md"), "utf8");
const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  exports: Record<string, { default: string } | { moddable: string } | string>;
};

/** The sources of the package's entries, as they are on Moddable. */
const sources = Object.fromEntries(Object.entries(exports).flatMap(([entry, target]) => {
  if (typeof target === "string") return [];
  const file = "moddable" in target ? target.moddable : target.default;
  return [[path.posix.join("chisme", entry), file.replace("./dist/", "src/").replace(/\.js$/, ".ts")]];
}));

/** The examples of the section about applications, by their headings. */
const examples = Object.fromEntries([...text.slice(text.indexOf("## In your own application"))
  .matchAll(/^###? (.+)\n(?:(?!^##)[^])*?```js\n([^]*?)```/gm)].map(([, heading, code]) => [heading, code]));

/** What the compiler says to programs, each in the place of a board's. */
function problems(programs: string[]): string[][] {
  const files = new Map(programs.map((code, i) => [path.join(root, `boards/example${i}.ts`), code]));
  const parsed = ts.getParsedCommandLineOfConfigFile(path.join(root, "tsconfig.moddable.json"), {
    paths: Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, [path.join(root, source)]])),
  }, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined });
  assert.ok(parsed !== undefined);
  const disk = ts.createCompilerHost(parsed.options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    getSourceFile: (name, options) => {
      const code = files.get(name);
      return code === undefined ? disk.getSourceFile(name, options) : ts.createSourceFile(name, code, options);
    },
  };
  const declarations = parsed.fileNames.filter((name) => name.endsWith(".d.ts"));
  const program = ts.createProgram([...files.keys(), ...declarations], parsed.options, host);
  return [...files.keys()].map((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(name))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")));
}

/** Runs an example on a board without a network, where only `send` sees what the node sends. */
async function run(code: string, more: object, send: (bytes: Uint8Array) => void): Promise<void> {
  const timer = new FakeTimer();
  const modules: Record<string, unknown> = {
    "embedded:io/socket/udp": class {
      write(bytes: Uint8Array) { send(bytes.slice()); }
    },
    "net": { get: (what: string) => what === "IP" ? "192.168.0.54" : "5C:CF:7F:01:02:FE" },
    "time": { get ticks() { return timer.nowMs; } },
    timer,
    "preference": { get: () => undefined, set: () => undefined, delete: () => undefined },
    ...more,
  };
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root }, bundle: true, write: false, format: "cjs", target: "es2022",
    external: Object.keys(modules),
    alias: Object.fromEntries(Object.entries(sources).reverse()
      .map(([name, source]) => [name, path.join(root, source)])),
  });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function("require", outputFiles[0].text)((specifier: string) => modules[specifier]);
  timer.pass(RUN_MS);
}

describe("boards/README.md", function () {
  this.timeout(300000);
  let traced = "";

  before(() => {
    (globalThis as { trace?: unknown }).trace = (said: string) => (traced += said);
  });

  after(() => {
    delete (globalThis as { trace?: unknown }).trace;
  });

  it("the four examples compile with the SDK's typings", () => {
    assert.deepEqual(Object.keys(examples), ["In your own application", "With a key", "With events", "With messages"]);
    const said = problems([...Object.values(examples), `${examples["With a key"]}node.seal();`]);
    assert.deepEqual(said.slice(0, -1), [[], [], [], []]);
    assert.deepEqual(said.at(-1), ["Property 'seal' does not exist on type 'Gossip<CborValue>'."]);
  });

  it("the example with a key sends nothing unsealed", async () => {
    const sent: Uint8Array[] = [];
    const more = { crypt, "mc/config": { key: KEY } };
    await run(examples["With a key"], more, (bytes) => sent.push(bytes));
    assert.ok(sent.length > 0);
    const sealer = nodeSealing(parseKey("key", KEY), undefined);
    const reader = new FrameReader();
    for (const frame of sent) {
      assert.equal(reader.parseHead(frame, frame.length), DROP_NONE);
      assert.ok((reader.flags & FLAG_SEALED) !== 0);
      assert.ok(sealer.unseal(frame, reader.headLength, frame.length, NO_RECEIVER) > 0);
    }
  });

  it("the example with a log has its events after a restart", async () => {
    const flash = new Flash(16);
    let digests = 0;
    const more = {
      crypt: {
        Digest: class extends crypt.Digest {
          override close(): ArrayBuffer {
            digests++;
            return super.close();
          }
        },
      },
      flash: function(partition: string) {
        assert.equal(partition, "storage");
        return partitionOf(flash);
      },
    };
    const door = '2130772734 door undefined "open"\n';
    const lamp = '2130772734 lamp hall "off"\n';
    for (const expected of [door + lamp, door + lamp + door]) {
      digests = 0;
      traced = "";
      await run(examples["With events"], more, () => undefined);
      assert.equal(traced, expected);
      assert.ok(digests > 0);
    }
  });

  it("the example with messages asks all nodes, and learns when the time is over", async () => {
    traced = "";
    await run(examples["With messages"], {}, () => undefined);
    assert.equal(traced, "no more answers\n");
  });
});
