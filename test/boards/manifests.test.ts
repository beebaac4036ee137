import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Build, isInSdk, root } from "./manifest.js";
import { checkImports, checkPreload } from "./manifest-checks.js";
import { closure, exportsOf, importsOf, parametersOf, parse, stateOf } from "./source.js";

const library = "src/manifest.json";
const platforms = ["esp32", "esp", "lin", "mac", "win"];
const boards = [
  { board: "esp32", platform: "esp32" },
  { board: "esp32-ethernet", platform: "esp32" },
  { board: "esp8266", platform: "esp" },
  { board: "sensors/bme280", platform: "esp32" },
  { board: "sensors/bme280", platform: "esp" },
  { board: "sensors/sht3x", platform: "esp32" },
  { board: "sensors/sht3x", platform: "esp" },
  { board: "web", platform: "esp32" },
  { board: "web", platform: "lin" },
  { board: "lin", platform: "lin" },
  { board: "lin", platform: "mac" },
  { board: "lin", platform: "win" },
];
/** Modules that manifests of the SDK bring, by the manifest. */
const sdkManifests: Record<string, string[]> = {
  "examples/manifest_base.json": ["mc/config", "time", "timer"],
  "modules/crypt/digest/manifest.json": ["crypt"],
  "modules/drivers/sensors/sht3x/manifest.json": ["embedded:sensor/Humidity-Temperature/SHT3x"],
  "modules/files/preference/manifest.json": ["preference"],
  "modules/io/digital/manifest.json": ["embedded:io/digital"],
  "modules/io/ethernet/manifest.json": ["embedded:network/interface/ethernet"],
  "modules/io/i2c/manifest.json": ["embedded:io/i2c"],
  "modules/io/serial/manifest.json": ["embedded:io/serial"],
  "modules/io/wifi/manifest.json": ["embedded:network/interface/wifi"],
};
/** What an application may import of the library without another manifest: what each node needs. */
const entries = [
  "src/gossip.ts", "src/views/min-max.ts", "src/platform/moddable.ts", "src/platform/moddable-storage.ts",
];
/**
 * Manifests of what only some nodes need: what an application may import then, and which of their modules are in no
 * other manifest. A manifest may include another one.
 */
const concerns: { folder: string; files: string[]; isOfIt: RegExp }[] = [
  { folder: "src/cbor", files: ["src/cbor/json-text.ts"], isOfIt: /json-text/ },
  { folder: "src/digest", files: ["src/platform/moddable-digest.ts"], isOfIt: /moddable-digest/ },
  { folder: "src/espgossip", files: ["src/espgossip/index.ts"], isOfIt: /espgossip/ },
  { folder: "src/events", files: ["src/events/index.ts"],
    isOfIt: /src\/events|digest\/sha256|feed\/(?!kinds|feed-drops)/ },
  { folder: "src/keeper", files: ["src/events/index.ts", "src/keeper/index.ts"], isOfIt: /src\/keeper/ },
  { folder: "src/signing", files: ["src/events/index.ts", "src/signing/index.ts"], isOfIt: /src\/signing/ },
  { folder: "src/platform", files: ["src/platform/flash-log.ts", "src/platform/moddable-flash.ts"],
    isOfIt: /flash|log-record/ },
  { folder: "src/sealing", files: ["src/platform/moddable-sealing.ts", "src/sealing/key.ts"],
    isOfIt: /moddable-sealing|siv/ },
  { folder: "src/serial",
    files: ["src/platform/media-socket.ts", "src/platform/moddable-serial.ts", "src/platform/serial-bus-medium.ts",
      "src/platform/serial-medium.ts"],
    isOfIt: /serial|media-socket/ },
  { folder: "src/sensors", files: ["src/sensors/index.ts"], isOfIt: /src\/sensors/ },
  { folder: "src/relay", files: ["src/relay/index.ts"], isOfIt: /src\/relay/ },
  { folder: "src/links", files: ["src/links/index.ts"], isOfIt: /src\/links/ },
  { folder: "src/time", files: ["src/time/index.ts"], isOfIt: /src\/time/ },
  { folder: "src/sntp", files: ["src/platform/moddable-sntp.ts"], isOfIt: /sntp/ },
  { folder: "src/status", files: ["src/status/index.ts"], isOfIt: /src\/status/ },
  { folder: "src/web", files: ["src/platform/moddable-web.ts"], isOfIt: /src\/web|moddable-web/ },
  { folder: "src/views",
    files: ["src/views/latest-map.ts", "src/views/records.ts", "src/views/topic-merge.ts"],
    isOfIt: /src\/views\/(?!min-max|view)/ },
];

describe("manifests for Moddable", () => {
  describe(library, () => {
    for (const platform of platforms) {
      const build = new Build(library, platform);

      it(`the manifest names files that exist, on ${platform}`, () => {
        assert.deepEqual(build.problems, []);
      });

      it(`the manifest brings what the platform imports of the SDK, on ${platform}`, () => {
        const brought = [...build.sdkModules, ...sdkManifests["examples/manifest_base.json"]];
        const missing = importsOf(parse("src/platform/moddable.ts"))
          .filter((specifier) => !specifier.startsWith(".") && !brought.includes(specifier));
        assert.deepEqual(missing, []);
      });
    }

    const build = new Build(library, "lin");

    it("the manifest lists what its entries need at run time, and nothing else", () => {
      assert.deepEqual([...build.modules.values()].sort(), [...closure(entries)].sort());
    });

    it("the manifest names each module as its file, so that relative imports resolve", () => {
      for (const [specifier, file] of build.modules) assert.equal(`${specifier.replace("chisme", "src")}.ts`, file);
    });

    it("the manifest preloads all modules, each by name", () => {
      const own = build.preload.filter((specifier) => !build.sdkModules.has(specifier));
      assert.deepEqual(own.sort(), [...build.modules.keys()].sort());
    });

    it("the manifest refuses other platforms", () => {
      assert.equal(new Build(library, "nrf52").problems.length, 1);
      assert.equal(new Build("manifest.json", "nrf52").problems.length, 1);
    });
  });

  for (const { folder, files, isOfIt } of concerns) describe(`${folder}/manifest.json`, () => {
    const build = new Build(`${folder}/manifest.json`, "lin");

    it("the manifest adds what is needed at run time, and nothing else", () => {
      assert.deepEqual(build.problems, []);
      const listed = [...build.modules.values()].map((file) => path.posix.normalize(file));
      assert.deepEqual(listed.sort(), [...closure([...entries, ...files])].sort());
      for (const [specifier, file] of build.modules) {
        assert.equal(`${specifier.replace("chisme", "src")}.ts`, path.posix.normalize(file));
      }
    });

    it("the manifest brings what its modules import of the SDK", () => {
      const brought = [...build.sdkModules, ...[...build.sdkPaths].flatMap((source) => sdkManifests[source] ?? []),
        ...sdkManifests["examples/manifest_base.json"]];
      const imported = files.flatMap((file) => importsOf(parse(file))).filter((name) => !name.startsWith("."));
      assert.deepEqual(imported.filter((name) => !brought.includes(name)), []);
    });

    it("the manifest preloads all modules, and none of them has state", () => {
      const own = build.preload.filter((specifier) => !build.sdkModules.has(specifier));
      assert.deepEqual(own.sort(), [...build.modules.keys()].sort());
      for (const file of build.modules.values()) assert.deepEqual(stateOf(parse(file)), [], file);
    });

    it("a build without the manifest has none of its modules", () => {
      assert.ok([...build.modules.values()].some((file) => isOfIt.test(file)));
      assert.deepEqual([...closure(entries)].filter((file) => isOfIt.test(file)), []);
    });
  });

  it("only the manifests of sealing and digest bring the SDK's cryptography", () => {
    const bringing = ["src", ...concerns.map(({ folder }) => folder)].filter((folder) =>
      new Build(`${folder}/manifest.json`, "lin").sdkPaths.has("modules/crypt/digest/manifest.json"));
    assert.deepEqual(bringing, ["src/digest", "src/sealing"]);
  });

  for (const { board, platform } of boards) {
    describe(`boards/${board} on ${platform}`, () => {
      const file = `boards/${board}/manifest.json`;
      const build = new Build(file, platform);

      it("the manifest names files that exist", () => {
        assert.deepEqual(build.problems, []);
      });

      if (["esp32", "esp8266", "lin"].includes(board)) it("the manifest in the root builds this board's one", () => {
        assert.deepEqual({ ...new Build("manifest.json", platform) }, { ...build });
      });

      it("the manifest has every module that main needs", () => {
        const brought = [...build.sdkPaths].flatMap((source) => sdkManifests[source] ?? []);
        const known = new Set([...build.modules.keys(), ...build.sdkModules, ...brought]);
        checkImports(build, known);
        assert.ok(build.modules.has("main"));
      });

      it("the manifest preloads no module that has state or reaches one that has", () => {
        checkPreload(build);
      });

      it("the manifest brings of the library what main needs, and nothing else", () => {
        const library = [...build.modules.values()].map((file) => path.posix.normalize(file))
          .filter((file) => file.startsWith("src/"));
        const web = board === "web" ? ["src/platform/moddable-web.ts"] : [];
        const needed = closure([...entries, "src/sensors/index.ts", ...web]);
        assert.deepEqual(library.sort(), [...needed].sort());
      });

      it("the manifest has a network, a sensor, a LED and what shows the node for main", () => {
        assert.deepEqual(exportsOf(parse(build.modules.get("web") ?? "")), ["serve"]);
        assert.deepEqual(exportsOf(parse(build.modules.get("status-led") ?? "")), ["showStatus"]);
        assert.deepEqual(exportsOf(parse(build.modules.get("network") ?? "")), ["joinNetwork"]);
        assert.deepEqual(exportsOf(parse(build.modules.get("sensor") ?? "")), ["sensors"]);
      });

      // The SDK's compiler checks each board with its own modules; the type check of this project takes one of each.
      it("the network, the LED and what shows the node take what main gives them", () => {
        const parts = [["network", "wifi"], ["status-led", "status-led"], ["web", "no-web"]];
        for (const [name, as] of parts) {
          const given = parametersOf(parse(build.modules.get(name) ?? ""));
          assert.deepEqual(given, parametersOf(parse(`boards/${as}.ts`)), name);
        }
      });

      it("the manifest gives a value to each part of the configuration but those without a default", () => {
        const used = new Set([...build.modules.values()].flatMap((source) =>
          [...parse(source).text.matchAll(/\bconfig\.(\w+)/g)].map((match) => match[1])));
        const optional = ["address", "analogPin", "httpToken", "id", "ledPin", "name", "password", "ssid"];
        const given = Object.keys(build.config);
        assert.deepEqual([...used].filter((name) => !optional.includes(name)).sort(), given.sort());
        const documented = readFileSync(path.join(root, "boards/README.md"), "utf8");
        for (const name of [...used, ...given]) assert.ok(documented.includes(`\`${name}\``), name);
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

  it("the check tells state from constants", () => {
    assert.deepEqual(stateOf(parse("boards/esp8266/sensor.ts")), ["analog"]);
    assert.deepEqual(stateOf(parse("boards/lin/sensor.ts")), ["temperature"]);
    assert.equal(stateOf(parse("boards/main.ts")).length, 4);
  });
});
