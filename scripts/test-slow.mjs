// All tests with the largest counts, by CHISME_SLOW=1: every cut of power, every bit, all seeds. It takes hours.
// Arguments go to mocha: `npm run test:slow -- test/keeper/*.test.ts`; without a file it runs all.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
const given = process.argv.slice(2);
const files = given.some((argument) => argument.endsWith(".test.ts")) ? [] : ["test/**/*.test.ts"];
const { status } = spawnSync(process.execPath, [mocha, "--timeout", "0", ...files, ...given], {
  stdio: "inherit",
  env: { ...process.env, CHISME_SLOW: "1" },
});
process.exitCode = status ?? 1;
