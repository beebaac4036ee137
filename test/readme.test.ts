import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const SOURCES: Record<string, string> = {
  "chisme": "src/gossip.ts", "chisme/events": "src/events/index.ts",
  "chisme/latest-map": "src/views/latest-map.ts", "chisme-cli/node": "desktop/platform/node.ts",
};
const root = new URL("../", import.meta.url);

/** The example in a README's section, with the sources for the package, on one loopback address. */
function example(section: string): string {
  const text = readFileSync(new URL("README.md", root), "utf8");
  const [, code] = /```js\n([^]*?)```/.exec(text.slice(text.indexOf(`### ${section}\n`))) ?? [];
  assert.ok(code !== undefined);
  return code
    .replace(/from "(chisme[^"]*)"/g, (_all, name: string) => `from ${JSON.stringify(new URL(SOURCES[name], root).href)}`)
    .replace("nodePlatform()", 'nodePlatform("127.0.0.77")');
}

describe("README.md", () => {
  it("has an example of events that does what it says", function () {
    this.timeout(60000);
    const folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
    try {
      writeFileSync(join(folder, "example.mjs"), `${example("Events")}\ngossip.close();\n`);
      const args = ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, "example.mjs"];
      const printed = execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
      assert.match(printed, /^\d+ voucher 7 \{ paid: true \}\n\d+ door undefined open\n\{ paid: true \}\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
