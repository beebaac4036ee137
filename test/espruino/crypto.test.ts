import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForEspruino } from "../../rollup-plugins/espruino.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { SealingHarness } from "../sealing/harness.js";
import { sealingScript, vectorScript } from "../sealing/script.js";
import { sha256Vectors } from "../support/sha256-vectors.js";

const SEED = 1;
const FRAMES = 12;
/** What tells the answers from the interpreter's own output. */
const MARK = "chisme:";
const program = process.env.CHISME_ESPRUINO;

// Not skipped but absent where there is no interpreter, as interpreter.test.ts.
if (program !== undefined) {
  const kinds = ["minified", "lean"] as const;
  for (const kind of kinds) describe(`the ${kind} cipher and digest on the real interpreter`, function () {
    this.timeout(300000);
    let code = "";

    before(async () => {
      const entry = fileURLToPath(new URL("./crypto-entry.ts", import.meta.url));
      code = (await bundleForEspruino(entry, [kind], "harness"))[kind];
    });

    /** What a script tells `say` on the real interpreter, where `m` is the module. */
    function answers(script: string): unknown[] {
      const folder = mkdtempSync(join(tmpdir(), "chisme-espruino-"));
      try {
        writeFileSync(join(folder, "script.js"), `var harness = ${JSON.stringify(code)};
Modules.addCached("harness", harness);
var m = require("harness");
function say(what) { print(${JSON.stringify(MARK)} + JSON.stringify(what)); }
${script}
quit();
`);
        const options = { cwd: folder, encoding: "latin1" } as const;
        const { status, stdout } = spawnSync(program!, [join(folder, "script.js")], options);
        assert.equal(status, 0, stdout);
        return stdout.split("\n").filter((line) => line.includes(MARK))
          .map((line) => JSON.parse(line.substring(line.indexOf(MARK) + MARK.length)) as unknown);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }

    const put = (hash: string) => "00".repeat(5) + hash + "00".repeat(3);

    it("the hash is SHA-256 of FIPS 180-4, as the one in JavaScript", () => {
      const said = answers(sha256Vectors.filter(({ text }) => text.length <= 64)
        .map(({ text }) => `say(m.hashes(E.toUint8Array(${JSON.stringify(text)}), 0, ${text.length}));`).join("\n"));
      const expected = sha256Vectors.filter(({ text }) => text.length <= 64).map(({ hash }) => put(hash));
      assert.deepEqual(said, expected.map((hash) => [hash, hash]));
    });

    it("the digest hashes bytes of any length, wherever they lie", () => {
      const bytes = Uint8Array.from({ length: 400 }, (_, i) => (i * 131 + 17) & 255);
      const lengths = [0, 1, 31, 55, 56, 60, 63, 64, 65, 119, 120, 128, 300];
      const said = answers(`
        var bytes = new Uint8Array(400);
        for (var i = 0; i < 400; i++) bytes[i] = i * 131 + 17;
        [${lengths.join()}].forEach(function(length) { say(m.hashes(bytes, length % 7, length)); });
      `);
      assert.deepEqual(said, lengths.map((length) => {
        const hash = createHash("sha256").update(bytes.subarray(length % 7, length % 7 + length)).digest("hex");
        return [put(hash), put(hash)];
      }));
    });

    it("the sealing seals and unseals what others do", () => {
      const { lines, answers: expected } = vectorScript();
      const node = new SealingHarness(nodeSealing);
      const script = sealingScript(SEED, FRAMES);
      const said = answers([...lines, ...script].map((line) => `say(m.sealings("${line}"));`).join("\n"));
      assert.deepEqual(said, [...expected, ...script.map((line) => node.line(line))].map((answer) => [answer, answer]));
    });
  });
}
