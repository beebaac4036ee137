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
function example(section: string, mark = "### "): string {
  const text = readFileSync(new URL("README.md", root), "utf8");
  const [, code] = /```js\n([^]*?)```/.exec(text.slice(text.indexOf(`${mark}${section}\n`))) ?? [];
  assert.ok(code !== undefined);
  return code
    .replace(/from "(chisme[^"]*)"/g, (_all, name: string) => `from ${JSON.stringify(new URL(SOURCES[name], root).href)}`)
    .replace("new Gossip({", 'new Gossip({ listen: "127.0.0.77",');
}

/** What a program prints, in a folder of its own. */
function run(program: string): string {
  const folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
  try {
    writeFileSync(join(folder, "example.mjs"), program);
    const args = ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, "example.mjs"];
    return execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("README.md", () => {
  it("has an example of a node that runs and says goodbye", function () {
    this.timeout(60000);
    const end = 'setTimeout(() => process.emit("SIGINT"), 300);';
    const printed = run(`${example("A node", "## ")}\ngossip.push(21.5);\n${end}\n`);
    assert.equal(printed, "between 21.5 and 21.5 °C\n");
  });

  it("has an example of events that does what it says", function () {
    this.timeout(60000);
    const printed = run(`${example("Events")}\nawait gossip.close();\n`);
    assert.match(printed, /^voucher 7 is \{ paid: true \}\ndoor open by \d+\n\{ paid: true \}\n$/);
  });
});
