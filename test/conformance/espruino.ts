import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForEspruino } from "../../rollup-plugins/espruino.js";
import type { Replayer } from "./replay.js";

/**
 * Espruino, which is not part of this project: its build for Linux, made of
 * the sources of Espruino by `make BOARD=LINUX RELEASE=1`. The harness is bundled and
 * minified as `chisme.min.js` is, or left in flash as `chisme-lean.min.js` is.
 *
 * @param program path of the interpreter
 */
export async function onEspruino(program: string, kind: "minified" | "lean"): Promise<Replayer> {
  const entry = fileURLToPath(new URL("./espruino-entry.ts", import.meta.url));
  const { [kind]: code } = await bundleForEspruino(entry, [kind], "harness");
  const folder = mkdtempSync(join(tmpdir(), "chisme-espruino-"));
  const script = join(folder, "script.js");
  // Not from Storage as that does, because here each byte of it would be a call of the system.
  writeFileSync(script, `var harness = ${JSON.stringify(code)};
Modules.addCached("harness", harness);
require("harness").replay("lines", "answers");
quit();
`);
  return {
    name: kind === "lean" ? "espruino-lean" : "espruino",
    send(lines) {
      writeFileSync(join(folder, "lines"), lines.map((line) => `${line}\n`).join(""));
      rmSync(join(folder, "answers"), { force: true });
      const { status, stdout, error } = spawnSync(program, [script], { cwd: folder, encoding: "latin1" });
      if (error !== undefined) throw error;
      assert.equal(status, 0, stdout);
      const answers = readFileSync(join(folder, "answers"), "latin1").split("\n").slice(0, -1);
      assert.equal(answers.length, lines.length, stdout);
      return Promise.resolve(answers);
    },
    close() {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}
