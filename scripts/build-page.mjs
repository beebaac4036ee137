import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = path.join(root, "desktop/page");

/**
 * Builds the page of `chisme node --http` into a folder: index.html, page.js, page.css, and the licences of what they
 * hold. They hold all that the page needs, so that an install of chisme-cli brings none of the page's packages.
 *
 * @param {string} folder
 * @throws Error when esbuild reports a fault
 */
export function buildPage(folder) {
  mkdirSync(folder, { recursive: true });
  const { metafile } = buildSync({
    entryPoints: { page: path.join(source, "main.ts") },
    outdir: folder, bundle: true, minify: true, format: "esm", target: ["chrome110", "firefox115", "safari16.4"],
    absWorkingDir: root, legalComments: "none", logLevel: "warning", metafile: true,
  });
  buildSync({
    entryPoints: [path.join(source, "page.css")], outdir: folder, bundle: true, minify: true, logLevel: "warning",
  });
  writeFileSync(path.join(folder, "licences.txt"), licencesOf(Object.keys(metafile.inputs)));
  copyFileSync(path.join(source, "index.html"), path.join(folder, "index.html"));
}

/**
 * The licences of the packages that files are of.
 *
 * @param {string[]} files from the root on
 */
function licencesOf(files) {
  const names = new Set(files.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]));
  names.delete(undefined);
  return [...names].sort().map((name) => {
    const folder = path.join(root, "node_modules", name ?? "");
    const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (licence === undefined) throw new Error(`${name} has no licence`);
    return `${name}\n\n${readFileSync(path.join(folder, licence), "utf8").trim()}\n`;
  }).join("\n\n");
}
