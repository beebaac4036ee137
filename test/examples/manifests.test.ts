import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { Build, isInSdk, root } from "../boards/manifest.js";
import { checkImports, checkPreload } from "../boards/manifest-checks.js";
import { importsOf, parse, resolve } from "../boards/source.js";

const folder = path.join(root, "examples");
const examples = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, "app.js")));
const platforms = ["lin", "esp32", "esp"];
/** Examples that have no build for a platform; README.md of examples/ says why. */
const without: Record<string, string[]> = {
  fan: platforms,
  hosts: platforms,
  "serial-gateway": ["lin", "esp"],
  vouchers: ["esp"],
};
/** Modules that manifests of the SDK bring, by the manifest. */
const sdkManifests: Record<string, string[]> = {
  "examples/manifest_base.json": ["mc/config", "time", "timer", "Resource"],
  "examples/manifest_commodetto.json": ["commodetto/Poco", "commodetto/parseBMF"],
  "modules/crypt/digest/manifest.json": ["crypt"],
  "modules/files/preference/manifest.json": ["preference"],
  "modules/io/digital/manifest.json": ["embedded:io/digital"],
  "modules/io/serial/manifest.json": ["embedded:io/serial"],
  "modules/io/wifi/manifest.json": ["embedded:network/interface/wifi"],
};

describe("manifests of the examples", () => {
  it("there are ten examples, and one of the simulator", () => {
    assert.equal(examples.length, 11);
    for (const name of Object.keys(without)) assert.ok(examples.includes(name), name);
  });

  for (const example of examples) for (const platform of platforms) {
    const file = `examples/${example}/manifest.json`;
    if (without[example]?.includes(platform)) {
      it(`${example} has no build for ${platform}, and its manifest says so`, () => {
        if (existsSync(path.join(root, file))) assert.equal(new Build(file, platform).problems.length, 1);
      });
      continue;
    }

    describe(`examples/${example} on ${platform}`, () => {
      const build = new Build(file, platform);

      it("the manifest names files that exist", () => {
        assert.deepEqual(build.problems, []);
        assert.ok(build.modules.has("main"));
      });

      it("the manifest has every module that the application needs", () => {
        const brought = [...build.sdkPaths].flatMap((source) => sdkManifests[source] ?? []);
        const known = new Set([...build.modules.keys(), ...build.sdkModules, ...brought]);
        checkImports(build, known);
      });

      it("the manifest brings no module that nothing imports", () => {
        const imported = new Set([...build.modules].flatMap(([specifier, source]) => {
          return importsOf(parse(source)).map((name) => resolve(name, specifier));
        }));
        const own = [...build.modules].filter(([, source]) => !path.posix.normalize(source).startsWith("src/"));
        assert.deepEqual(own.map(([specifier]) => specifier).filter((name) => !imported.has(name)), ["main"]);
      });

      it("the manifest preloads no module that has state or reaches one that has", () => {
        checkPreload(build);
      });

      it("the manifest gives a value to each part of the configuration but those without a default", () => {
        const sources = [...build.modules.values()];
        const used = new Set(sources.flatMap((source) => {
          return [...parse(source).text.matchAll(/\bconfig\.(\w+)/g)].map((match) => match[1]);
        }));
        const optional = ["analogPin", "name", "password", "ssid"];
        const missing = [...used].filter((name) => !optional.includes(name) && !(name in build.config));
        assert.deepEqual(missing, []);
      });

      // Where the SDK is installed; the rest of these tests needs no SDK.
      const sdk = process.env.MODDABLE;
      if (sdk !== undefined) {
        it("the manifest names paths that the SDK has", () => {
          assert.deepEqual([...build.sdkPaths].filter((source) => !isInSdk(sdk, source)), []);
        });
      }
    });
  }

  it("each folder has a README, and the table of all names each of them", () => {
    const table = readFileSync(path.join(folder, "README.md"), "utf8");
    for (const example of examples) {
      assert.ok(existsSync(path.join(folder, example, "README.md")), example);
      assert.ok(table.includes(`](${example}/README.md)`), example);
    }
  });
});
