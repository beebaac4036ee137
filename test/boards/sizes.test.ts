import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
import { Build, root } from "./manifest.js";

/** How far a figure of the page may be from the measured one. */
const TOLERANCE = 0.1;

/** The manifests, as the page names them, each with what it has beyond those before. */
const manifests = [
  "src/manifest.json", "src/views/manifest.json", "src/platform/manifest.json", "src/digest/manifest.json",
  "src/sealing/manifest.json", "src/events/manifest.json", "src/signing/manifest.json", "src/keeper/manifest.json",
  "src/cbor/manifest.json", "src/links/manifest.json", "src/status/manifest.json", "src/time/manifest.json",
  "src/sntp/manifest.json", "src/messages/manifest.json", "src/sensors/manifest.json", "src/relay/manifest.json",
  "src/serial/manifest.json", "src/sleep/manifest.json", "src/rtc-memory/manifest.json", "src/web/manifest.json",
  "src/espgossip/manifest.json", "boards/esp8266/manifest.json",
];

/** Bytes of each manifest's own modules as minified JavaScript: what XS makes of them is about a quarter more. */
function measure(): Map<string, { modules: string[]; bytes: number }> {
  const seen = new Set<string>();
  return new Map(manifests.map((manifest) => {
    const files = [...new Build(manifest, "esp").modules.values()].map((file) => path.posix.normalize(file));
    const modules = files.filter((file) => !seen.has(file));
    modules.forEach((file) => seen.add(file));
    return [manifest, { modules, bytes: modules.reduce((sum, file) => sum + minifiedBytes(file), 0) }];
  }));
}

function minifiedBytes(file: string): number {
  const source = readFileSync(path.join(root, file), "utf8");
  return transformSync(source, { loader: "ts", minify: true, target: "es2022" }).code.length;
}

describe("what a build carries", () => {
  const measured = measure();
  const page = readFileSync(path.join(root, "boards/README.md"), "utf8");

  it("a node without feeds and seals carries none of their modules", () => {
    const carried = [...new Build("boards/esp8266/manifest.json", "esp").modules.values()]
      .map((file) => path.posix.normalize(file));
    console.log(`      ${carried.length} modules: ${carried.map((file) => file.replace(/^src\/|\.ts$/g, "")).join(", ")}`);
    for (const [manifest, { modules }] of measured) {
      const isCarried = ["src/manifest.json", "src/sensors/manifest.json"].includes(manifest);
      if (isCarried || manifest.startsWith("boards/")) continue;
      assert.deepEqual(carried.filter((file) => modules.includes(file)), [], manifest);
    }
    assert.ok(carried.includes("src/engine/engine.ts"));
  });

  for (const [manifest, { modules, bytes }] of measured) {
    it(`boards/README.md has the size of ${manifest}`, () => {
      const row = new RegExp(`^\\| \`${manifest}\` \\| [^|]+ \\| ([\\d,]+) \\| ([\\d,]+|–) \\|$`, "m").exec(page);
      assert.ok(row !== null, `${manifest}: ${modules.length} modules, ${bytes} bytes`);
      const said = Number(row[1].replaceAll(",", ""));
      assert.ok(Math.abs(said - bytes) <= TOLERANCE * bytes, `${manifest}: ${bytes} bytes, the page says ${said}`);
    });
  }
});
