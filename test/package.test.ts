import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Build, root } from "./boards/manifest.js";
import { importsOf, parse } from "./boards/source.js";

/** A target of `exports` in package.json: a file, or one for each condition. */
type Target = string | { [condition: string]: Target };

interface Package {
  name: string;
  exports: Record<string, Target>;
  moddable: { manifest: { include: string[]; preload: string[] } };
}

const moddable = ["moddable", "import"];
const node = ["node", "import", "module-sync", "node-addons"];
const manifestOfPackage = JSON.parse(read("package.json")) as Package;
const { name, exports, moddable: { manifest } } = manifestOfPackage;

/** The file of each entry, without `dist/` and its ending. An entry that Node.js or Moddable refuses has null there. */
const expected: Record<string, { node: string | null; moddable: string | null }> = {
  ".": { node: "gossip", moddable: "gossip" },
  "./engine": { node: "engine/index", moddable: "engine/index" },
  "./cbor": { node: "cbor/cbor", moddable: "cbor/cbor" },
  "./cbor-problem": { node: "cbor/cbor-problem", moddable: "cbor/cbor-problem" },
  "./json": { node: "cbor/json-text", moddable: "cbor/json-text" },
  "./min-max": { node: "views/min-max", moddable: "views/min-max" },
  "./latest-map": { node: "views/latest-map", moddable: "views/latest-map" },
  "./records": { node: "views/records", moddable: "views/records" },
  "./topic-merge": { node: "views/topic-merge", moddable: "views/topic-merge" },
  "./links": { node: "links/index", moddable: "links/index" },
  "./status": { node: "status/index", moddable: "status/index" },
  "./sha256": { node: "digest/sha256", moddable: "digest/sha256" },
  "./platform": { node: null, moddable: "platform/moddable" },
  "./espgossip": { node: "espgossip/index", moddable: "espgossip/index" },
  "./events": { node: "events/index", moddable: "events/index" },
  "./rtc-memory": { node: "rtc-memory/index", moddable: "rtc-memory/index" },
  "./sleep": { node: "sleep/index", moddable: "sleep/index" },
  "./web": { node: "web/index", moddable: "web/index" },
  "./time": { node: "time/index", moddable: "time/index" },
  "./relay": { node: "relay/index", moddable: "relay/index" },
  "./sensors": { node: "sensors/index", moddable: "sensors/index" },
  "./units": { node: "sensors/units", moddable: "sensors/units" },
  "./messages": { node: "messages/index", moddable: "messages/index" },
  "./signing": { node: "signing/index", moddable: "signing/index" },
  "./keeper": { node: "keeper/index", moddable: "keeper/index" },
  "./espruino": { node: "espruino/chisme", moddable: null },
  "./platform/flash-log": { node: "platform/flash-log", moddable: "platform/flash-log" },
  "./platform/moddable-digest": { node: "platform/moddable-digest", moddable: "platform/moddable-digest" },
  "./platform/media-socket": { node: "platform/media-socket", moddable: "platform/media-socket" },
  "./platform/moddable-serial": { node: "platform/moddable-serial", moddable: "platform/moddable-serial" },
  "./platform/serial-bus-medium": {
    node: "platform/serial-bus-medium", moddable: "platform/serial-bus-medium",
  },
  "./platform/serial-medium": { node: "platform/serial-medium", moddable: "platform/serial-medium" },
  "./platform/moddable-flash": { node: "platform/moddable-flash", moddable: "platform/moddable-flash" },
  "./platform/moddable-sealing": { node: "platform/moddable-sealing", moddable: "platform/moddable-sealing" },
  "./platform/moddable-sntp": { node: "platform/moddable-sntp", moddable: "platform/moddable-sntp" },
  "./platform/moddable-web": { node: "platform/moddable-web", moddable: "platform/moddable-web" },
  "./platform/moddable-storage": { node: "platform/moddable-storage", moddable: "platform/moddable-storage" },
};

describe("npm package", function () {
  this.timeout(300000);
  let packed: Set<string>;
  /** Specifier → file, or the code of the error. */
  let onPlainNode: Record<string, string>;

  before(() => {
    const command = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const output = execFileSync("npm", command, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
    packed = new Set(files.map((file) => file.path));
    // A Node.js without tsx, which would go by the paths of tsconfig.json.
    const specifiers = Object.keys(expected).map((entry) => path.posix.join(name, entry));
    const script = `const found = {};
      for (const each of ${JSON.stringify(specifiers)}) {
        try { found[each] = require.resolve(each); } catch (error) { found[each] = error.code; }
      }
      console.log(JSON.stringify(found));`;
    onPlainNode = JSON.parse(execFileSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" })) as
      Record<string, string>;
  });

  function assertPacked(file: string, why: string): void {
    assert.ok(packed.has(file), `${file}, ${why}, is not in the package; if it is made by a build: npm run build`);
  }

  it("the package has each file that exports names", () => {
    for (const [entry, target] of Object.entries(exports)) {
      if (entry.includes("*")) continue;
      for (const file of filesOf(target)) assertPacked(inPackage(file), `of "${entry}"`);
    }
  });

  it("the package has the entries that are expected", () => {
    const others = ["./internal/*.js", "./package.json", "./control.schema.json", "./gateway.schema.json",
      "./status.schema.json"];
    assert.deepEqual(Object.keys(exports).sort(), [...Object.keys(expected), ...others].sort());
  });

  for (const [entry, { node: onNode, moddable: onModdable }] of Object.entries(expected)) {
    const specifier = path.posix.join(name, entry);

    it(`Node.js ${onNode === null ? "refuses" : "resolves"} ${specifier}, and resolves its types`, () => {
      assert.equal(resolve(exports[entry], node), onNode === null ? undefined : `./dist/${onNode}.js`);
      assert.equal(resolve(exports[entry], ["types", ...node]), typesOf(onNode ?? onModdable ?? ""));
      if (onNode === null) assert.equal(onPlainNode[specifier], "ERR_PACKAGE_PATH_NOT_EXPORTED");
      else assert.equal(path.relative(root, onPlainNode[specifier]), `dist/${onNode}.js`);
    });

    if (onModdable === null) continue;
    it(`Moddable resolves ${specifier}, with its types and all that it imports`, () => {
      assert.equal(resolve(exports[entry], moddable), `./dist/${onModdable}.js`);
      assert.equal(resolve(exports[entry], ["types", ...moddable]), typesOf(onModdable));
      // What `manifest` of package.json brings, and what mcpack does by itself where it finds it imported.
      const brought = new Set(["time", "timer", "crypt", ...new Build("src/moddable.json", "lin").sdkModules]);
      // The application's manifest brings this one: see docs/MEDIA.md.
      if (entry === "./platform/moddable-serial") brought.add("embedded:io/serial");
      // As src/web/moddable.json: see boards/README.md.
      const web = entry === "./platform/moddable-web" ? new Build("src/web/moddable.json", "lin").sdkModules : [];
      for (const name of web) brought.add(name);
      const reached = new Set([`dist/${onModdable}.js`]);
      for (const file of reached) {
        assertPacked(file, `which ${specifier} needs`);
        for (const imported of importsOf(parse(file))) {
          if (imported.startsWith(".")) reached.add(path.posix.join(path.posix.dirname(file), imported));
          else assert.ok(brought.has(imported), `${file} imports ${imported}`);
        }
      }
      for (const file of reached) assertMapped(file);
      // A program without sealing and events must not carry the SDK's cryptography.
      const isNative = ["digest", "sealing"].some((part) => entry === `./platform/moddable-${part}`);
      assert.equal([...reached].some((file) => importsOf(parse(file)).includes("crypt")), isNative);
    });
  }

  it("the package has the source of each module, where its source map says", () => {
    for (const file of packed) {
      if (file.endsWith(".js") && packed.has(`${file}.map`)) assertMapped(file);
    }
  });

  /** The SDK's compiler follows source maps, so that its debugger shows the source. */
  function assertMapped(file: string): void {
    const { sources } = JSON.parse(read(`${file}.map`)) as { sources: string[] };
    for (const source of sources) assertPacked(path.posix.join(path.posix.dirname(file), source), `source of ${file}`);
  }

  it("the package has the manifests for Moddable, and all modules that they name", () => {
    const own = manifest.include.filter((file) => !file.startsWith("$(MODDABLE)/"));
    assert.deepEqual(own, ["./src/moddable.json"]);
    for (const file of [...own.map(inPackage), "src/manifest.json"]) assertPacked(file, "a manifest");
    for (const file of new Build("src/manifest.json", "lin").modules.values()) assertPacked(file, "of a manifest");
    assert.deepEqual(manifest.preload, [name, `${name}/*`]);
  });

  it("the manifest of rtc-memory for mcpack brings its C, and no second copy of the library", () => {
    assertPacked("src/rtc-memory/moddable.json", "a manifest");
    assertPacked("src/rtc-memory/rtc-memory.c", "of a manifest");
    const { problems, modules } = new Build("src/rtc-memory/moddable.json", "lin");
    assert.deepEqual([problems, [...modules]], [[], []]);
  });

  it("the package has no dependencies, and nothing that only desktops run", () => {
    assert.equal("dependencies" in manifestOfPackage, false);
    assert.deepEqual([...packed].filter((file) => /(^|\/)(desktop|node_modules|test|bench|fuzz)\//.test(file)), []);
  });

  it("the package has no manifest.json in its root, which mcpack would build into each application", () => {
    assert.ok(!packed.has("manifest.json"));
    assert.ok(!packed.has("package-manifest.json"));
  });
});

/** The first target of which all conditions hold, as Node.js and mcpack look for it. */
function resolve(target: Target | undefined, conditions: string[]): string | undefined {
  if (target === undefined || typeof target === "string") return target;
  for (const [condition, inner] of Object.entries(target)) {
    if (condition !== "default" && !conditions.includes(condition)) continue;
    const found = resolve(inner, conditions);
    if (found !== undefined) return found;
  }
  return undefined;
}

function filesOf(target: Target): string[] {
  return typeof target === "string" ? [target] : Object.values(target).flatMap(filesOf);
}

function inPackage(file: string): string {
  assert.match(file, /^\.\//);
  return file.slice(2);
}

/** Types lie beside the code, but for those of the bundles. */
function typesOf(file: string): string {
  return file === "espruino/chisme" ? "./dist/espruino/types/src/espruino.d.ts" : `./dist/${file}.d.ts`;
}

function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}
