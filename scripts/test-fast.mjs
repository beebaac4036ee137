// The tests for use between edits: small counts, by CHISME_FAST=1, and without the files below. `npm test` runs all.
// Arguments go to mocha: `npm run test:fast -- -g "row"`.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

/** Files that compile for other engines, pack, start many processes, or run whole scenarios. */
const slowFiles = [
  "test/bench/**",
  "test/boards/espruino.test.ts",
  "test/boards/manifests.test.ts",
  "test/cases/storage-trouble.test.ts",
  "test/conformance/**",
  "test/desktop/cli/**",
  "test/desktop/page/**",
  "test/desktop/gateway/**",
  "test/docs/**",
  "test/readme.test.ts",
  "test/desktop/simulator/command.test.ts",
  "test/desktop/simulator/scenario.test.ts",
  "test/espgossip/conformance.test.ts",
  "test/espruino/**",
  "test/examples/**",
  "test/fuzz/**",
  "test/language-rules.test.ts",
  "test/packages.test.ts",
  "test/platform/espruino.test.ts",
  "test/sealing/engines.test.ts",
  "test/views/espruino.test.ts",
  "test/xs/**",
];

const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
const ignored = slowFiles.flatMap((pattern) => ["--ignore", pattern]);
const { status } = spawnSync(process.execPath, [mocha, "test/**/*.test.ts", ...ignored, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, CHISME_FAST: "1" },
});
process.exitCode = status ?? 1;
