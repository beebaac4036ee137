import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { root } from "./boards/manifest.js";
import { freshPort } from "./desktop/cli/node-process.js";
import { importsOf, parse } from "./boards/source.js";

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
}

const VERSION = manifestOf("chisme").version;

/** A program as a reader of README.md writes it, with values and types of both packages. */
const PROGRAM = `
import assert from "node:assert/strict";
import { Gossip, minMax } from "chisme";
import { eventFeeds } from "chisme/events";
import { Sha256 } from "chisme/sha256";
import { type Identity, pinnedKeys, signedFeeds } from "chisme/signing";
import { FileStorage, Gossip as NodeGossip, newSecret, nodeIdentity, nodeVerify } from "chisme-cli/node";
import { SimNetwork, checkAgreement } from "chisme-cli/sim";

const identity: Identity = nodeIdentity(newSecret());
const signing = signedFeeds({ identity, verify: nodeVerify, keys: pinnedKeys() });
assert.deepEqual(signing.forks(), []);
eventFeeds({ signing });
const network = new SimNetwork({ seed: 7 });
for (let i = 0; i < 3; i++) {
  network.addNode({
    options: { seedList: ["10.0.0.1"] },
    start(platform, storage) {
      const gossip: Gossip = new Gossip({ ...platform, storage, views: [minMax({ onChange: () => {} })] });
      gossip.start();
      return gossip;
    },
  });
}
network.runFor(60_000);
network.nodes[1].push(21.5);
network.runFor(60_000);
assert.deepEqual(checkAgreement(network), []);
assert.ok(network.nodes[0].gossip instanceof Gossip);

const hash = new Uint8Array(32);
const digest: Sha256 = new Sha256();
digest.sha256(new Uint8Array(0), 0, 0, hash, 0, 0, hash, 0);
assert.equal(hash[0], 0xe3);
const topics: string[] = [];
const gossip: NodeGossip<number> = new NodeGossip<number>({
  listen: "127.0.0.76", storage: new FileStorage("state"), seedList: ["127.0.0.75"],
  events: eventFeeds({ onEvent: ({ topic }) => topics.push(topic) }), onError: (code, error) => { throw error; },
});
assert.ok(gossip instanceof Gossip);
gossip.start();
gossip.push(21.5);
gossip.log("door", 1);
assert.deepEqual([gossip.row(gossip.id)?.data, gossip.row(gossip.id)?.state, topics], [21.5, "up", ["door"]]);
await gossip.close();
console.log("the program ran");
`;

/** Both packages as npm publishes them. `npm run build` has to have made what they hold. */
describe("the packages chisme and chisme-cli", function () {
  this.timeout(600000);
  let folder: string;
  const tarballs: Record<string, string> = {};

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "chisme-packages-"));
    for (const name of ["chisme", "chisme-cli"]) {
      npm(root, "pack", "--ignore-scripts", "--silent", "--pack-destination", folder, "--workspace", name);
      tarballs[name] = path.join(folder, `${name}-${VERSION}.tgz`);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const name of ["chisme", "chisme-cli"]) {
    it(`publint has no problem about ${name}`, async () => {
      const bytes = readFileSync(tarballs[name]);
      const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
      const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
      assert.equal(pkg.name, name);
      assert.deepEqual(messages.map((message) => formatMessage(message, pkg, { color: false })), []);
    });

    it(`attw resolves the types of each entry of ${name}`, () => {
      const require = createRequire(import.meta.url);
      const command = path.join(path.dirname(require.resolve("@arethetypeswrong/cli/package.json")), "dist/index.js");
      const args = [command, tarballs[name], "--profile", "esm-only", "--no-definitely-typed", "--format", "json"];
      const { analysis } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as {
        analysis: { packageName: string; types: { kind: string } };
      };
      assert.equal(analysis.packageName, name);
      assert.equal(analysis.types.kind, "included");
    });
  }

  it("chisme-cli has the version of chisme, and depends on exactly that", () => {
    const { version, dependencies } = manifestOf("chisme-cli");
    assert.equal(version, VERSION);
    assert.equal(dependencies?.chisme, VERSION);
  });

  it("chisme-cli imports each of its dependencies, and no other package", () => {
    const folder = path.join(root, "desktop/dist");
    const imported = new Set(readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".js"))
      .flatMap((name) => [...importsOf(parse(path.join("desktop/dist", name))), ...requiredBy(path.join(folder, name))])
      .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
      .map((specifier) => /^(@[^/]+[/])?[^/]+/.exec(specifier)?.[0]));
    assert.deepEqual([...imported].sort(), Object.keys(manifestOf("chisme-cli").dependencies ?? {}).sort());
  });

  it("chisme installs alone, without dependencies", () => {
    const project = emptyProject("alone");
    npm(project, "install", "--offline", tarballs.chisme);
    const installed = readdirSync(path.join(project, "node_modules"));
    assert.deepEqual(installed.filter((name) => name !== ".package-lock.json"), ["chisme"]);
  });

  describe("installed together", () => {
    let project: string;

    before(() => {
      project = emptyProject("together");
      // The dependencies come from this clone, since tests reach no registry.
      const others = dependenciesOf("chisme-cli").map((name) => withoutScripts(name));
      npm(project, "install", "--offline", "--install-links", ...Object.values(tarballs), ...others);
    });

    it("both packages share one copy of the library", () => {
      const names = readdirSync(path.join(project, "node_modules"), { recursive: true, encoding: "utf8" });
      const copies = names.filter((name) => path.basename(name) === "gossip-node.js");
      assert.deepEqual(copies, [path.join("chisme", "dist", "gossip-node.js")]);
    });

    it("the packages have each source that a source map names", () => {
      const folder = path.join(project, "node_modules");
      const maps = ["chisme", "chisme-cli"]
        .flatMap((name) => readdirSync(path.join(folder, name), { recursive: true, encoding: "utf8" })
          .filter((file) => file.endsWith(".map"))
          .map((file) => path.join(folder, name, file)));
      assert.ok(maps.length > 100);
      const missing = maps.flatMap((map) => {
        const { sources } = JSON.parse(readFileSync(map, "utf8")) as { sources: string[] };
        return sources.map((source) => path.join(path.dirname(map), source)).filter((source) => !existsSync(source));
      });
      assert.deepEqual(missing, []);
    });

    it("the command chisme runs", () => {
      assert.equal(npx("chisme", "--version").trim(), VERSION);
      const report = JSON.parse(npx("chisme", "simulate", "--nodes", "5", "--json")) as { result: { agreed: boolean } };
      assert.equal(report.result.agreed, true);
    });

    it("a program runs, and the type checker accepts it", () => {
      writeFileSync(path.join(project, "program.mts"), PROGRAM);
      const args = ["--target", "es2022", "--module", "nodenext", "--strict", "--types", "node",
        "--typeRoots", path.join(root, "node_modules/@types"), "program.mts"];
      assert.equal(problemsOf(() => run(project, path.join(root, "node_modules/typescript/bin/tsc"), ...args)), "");
      assert.match(run(project, "program.mjs"), /the program ran/);
    });

    it("an example runs in the package, and copied into the project", () => {
      const examples = path.join(project, "node_modules/chisme/examples");
      assert.match(run(project, path.join(examples, "fan/simulate.js"), "3"), /^seed 3: 8 of 8 fans run/);
      cpSync(path.join(examples, "thermometer"), path.join(project, "thermometer"), { recursive: true });
      // The input is at its end at once, so that the node says goodbye.
      assert.match(run(project, "thermometer/desktop.js", "desk", String(freshPort())), /^type a temperature/);
    });

    function npx(...args: string[]): string {
      return npm(project, "exec", "--offline", "--", ...args);
    }
  });

  /** A copy of an installed package. npm would run its script `prepare`, which may need the registry. */
  function withoutScripts(name: string): string {
    const copy = path.join(folder, "copies", name);
    cpSync(path.join(root, "node_modules", name), copy, { recursive: true });
    const manifest = path.join(copy, "package.json");
    const content = JSON.parse(readFileSync(manifest, "utf8")) as object;
    writeFileSync(manifest, JSON.stringify({ ...content, scripts: {} }));
    return copy;
  }

  function emptyProject(name: string): string {
    const project = path.join(folder, name);
    mkdirSync(project);
    writeFileSync(path.join(project, "package.json"), '{ "private": true, "type": "module" }\n');
    return project;
  }
});

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(path.join(root, "node_modules", name, "package.json"), "utf8")) as Manifest;
}

/** The names of all packages that a package of this clone needs, but for the library. */
function dependenciesOf(name: string, found = new Set<string>()): string[] {
  for (const dependency of Object.keys(manifestOf(name).dependencies ?? {})) {
    if (dependency === "chisme" || found.has(dependency)) continue;
    found.add(dependency);
    dependenciesOf(dependency, found);
  }
  return [...found];
}

/** The packages that a file loads by `require`, as it does with one that some systems cannot load. */
function requiredBy(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/\brequire\("([^"]+)"\)/g)].map(([, specifier]) => specifier);
}

/** What a command printed before it failed. */
function problemsOf(command: () => void): string {
  try {
    command();
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

function npm(cwd: string, ...args: string[]): string {
  const options = ["--no-audit", "--no-fund", "--no-update-notifier"];
  const [command, ...rest] = args;
  const stdio: ("ignore" | "pipe")[] = ["ignore", "pipe", "pipe"];
  return execFileSync("npm", [command, ...options, ...rest], { cwd, encoding: "utf8", stdio });
}

function run(cwd: string, ...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
