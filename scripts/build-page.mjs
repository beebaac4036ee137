import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const source = fileURLToPath(new URL("../desktop/page/", import.meta.url));

/**
 * Builds the page of `chisme node --http` into a folder: index.html, page.js and page.css. They hold all that the page
 * needs, so that an install of chisme-cli brings none of the page's packages.
 *
 * @param {string} folder
 * @throws Error when esbuild reports a fault
 */
export function buildPage(folder) {
  mkdirSync(folder, { recursive: true });
  buildSync({
    entryPoints: { page: path.join(source, "main.ts") },
    outdir: folder, bundle: true, minify: true, format: "esm", target: ["chrome110", "firefox115", "safari16.4"],
    legalComments: "eof", logLevel: "warning",
  });
  buildSync({
    entryPoints: [path.join(source, "page.css")], outdir: folder, bundle: true, minify: true, logLevel: "warning",
  });
  copyFileSync(path.join(source, "index.html"), path.join(folder, "index.html"));
}
