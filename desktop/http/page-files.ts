import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the build leaves the page, seen from the sources and from the package. */
const BUILT = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../dist/page/" : "../page/", import.meta.url));
const TYPES: Record<string, string | undefined> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

export interface PageFile {
  type: string;
  bytes: Buffer;
}

/**
 * The files of the page by their paths; "/" is index.html. There are none where the page was not built.
 *
 * @param folder where they are, in place of the build's
 */
export function pageFiles(folder = BUILT): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return files;
    throw error;
  }
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    files.set(name === "index.html" ? "/" : `/${name}`, { type, bytes: readFileSync(join(folder, name)) });
  }
  return files;
}
