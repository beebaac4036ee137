import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Build, isInSdk, root } from "../manifest.js";
import { checkImports, checkPreload } from "../manifest-checks.js";
import { parse } from "../source.js";

const FILE = "boards/care/manifest.json";
/** Modules that manifests of the SDK bring, and the manifest's `ffi`. */
const brought = [
  "mc/config", "mc/ffi", "time", "timer", "crypt", "preference", "embedded:io/digital", "embedded:io/serial",
];
const onEsp32 = ["embedded:network/interface/wifi", "embedded:update", "embedded:storage/flash"];

for (const platform of ["esp32", "lin"]) {
  describe(`${FILE} on ${platform}`, () => {
    const build = new Build(FILE, platform);

    it("the manifest names files that exist, and every module that its modules need", () => {
      assert.deepEqual(build.problems, []);
      const known = new Set([...build.modules.keys(), ...build.sdkModules, ...brought]);
      if (platform === "esp32") for (const name of onEsp32) known.add(name);
      checkImports(build, known);
      assert.ok(build.modules.has("main"));
    });

    it("the manifest preloads no module that has state or reaches one that has", () => {
      checkPreload(build);
    });

    it("all parts of the configuration are in boards/README.md or docs/CARE.md", () => {
      const pages = ["boards/README.md", "docs/CARE.md"];
      const documented = pages.map((file) => readFileSync(path.join(root, file), "utf8"));
      const used = [...build.modules.values()].flatMap((source) =>
        [...parse(source).text.matchAll(/\bconfig\.(\w+)/g)].map((match) => match[1]));
      for (const name of [...used, ...Object.keys(build.config)]) {
        assert.ok(documented.some((text) => text.includes(`\`${name}\``)), name);
      }
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

it("the manifest declares the functions that chip.c has", () => {
  const { ffi } = JSON.parse(readFileSync(path.join(root, FILE), "utf8")) as { ffi: { functions: object } };
  const source = readFileSync(path.join(root, "boards/care/chip.c"), "utf8");
  const defined = new Set([...source.matchAll(/^(?:int32_t|void) (chisme_\w+)\(/gm)].map((match) => match[1]));
  assert.deepEqual([...defined].sort(), Object.keys(ffi.functions).sort());
});
