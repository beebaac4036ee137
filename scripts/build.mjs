// Builds both packages: `dist/` for chisme, `desktop/dist/` for chisme-cli.
// With --if-changed it builds only if a source changed since the last build. npm runs `prepare` twice in `npm ci`,
// because the root is a member of its own workspaces; the second build would find nothing to do.
import { rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildDesktop } from "./build-desktop.mjs";
import { all, compile, run } from "./processes.mjs";
import { isBuilt, noteBuild, outputs } from "./stamp.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

async function build() {
  // Nothing of an earlier build may survive: `files` in package.json publishes the whole folder.
  for (const folder of outputs) rmSync(path.join(root, folder), { recursive: true, force: true });
  // None reads what another writes.
  await all(
    run("rollup", "rollup", "--config", "--silent"),
    compile("tsconfig.build.json"),
    compile("tsconfig.build-moddable.json"),
    compile("tsconfig.build-espruino.json"),
    buildDesktop(),
  );
  noteBuild();
}

if (!process.argv.includes("--if-changed") || !isBuilt()) await build();
