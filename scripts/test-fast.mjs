// The tests for use between edits: small counts, by CHISME_FAST=1, and without the files below. `npm test` runs all.
// Arguments go to mocha: `npm run test:fast -- -g "row"`.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

/** These build, pack, or compare engines, or repeat a run that a smaller test covers. */
const slowFiles = [
  "test/bench/**",
  "test/conformance/**",
  "test/fuzz/**",
];

const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
const ignored = slowFiles.flatMap((pattern) => ["--ignore", pattern]);
const { status } = spawnSync(process.execPath, [mocha, "test/**/*.test.ts", ...ignored, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, CHISME_FAST: "1" },
});
process.exitCode = status ?? 1;
