// All that has to hold before a change is proposed: the linters, then all tests. Arguments go to mocha.
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build as buildXs } from "../test/xs/build.mjs";
import { lint } from "./lint.mjs";
import { all, run } from "./processes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** A processor has another file of tests while a file waits for its processes. */
const JOBS = 3;
/** What takes more than 20 s starts first, the longest first, so that none of it runs alone at the end. */
const longest = [
  "test/bench/bench.test.ts",
  "test/conformance/conformance.test.ts",
  "test/desktop/gateway/gateway.test.ts",
  "test/desktop/simulator/scenario.test.ts",
  "test/desktop/cli/ask.test.ts",
  "test/desktop/cli/signing.test.ts",
  "test/desktop/cli/rekey.test.ts",
  "test/desktop/gateway/signing.test.ts",
  "test/platform/log-damage.test.ts",
  "test/docs/pages.test.ts",
  "test/bench/reliability.test.ts",
  "test/fuzz/fuzz.test.ts",
  "test/desktop/simulator/command.test.ts",
];

/** Here, because processes that run tests side by side would each compile it. The tests say what is missing for it. */
const xs = () => buildXs().then(() => undefined, () => undefined);

const files = readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" })
  .map((file) => path.posix.join("test", ...file.split(path.sep)))
  .filter((file) => file.endsWith(".test.ts"));
const first = longest.filter((file) => files.includes(file));
const rest = files.filter((file) => !longest.includes(file)).sort();

await all(lint(), xs());
await run("mocha", "mocha", "--parallel", "--jobs", String(JOBS), ...process.argv.slice(2), ...first, ...rest);
