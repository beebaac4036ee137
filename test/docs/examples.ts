import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** A block of code on a page, with the heading above it. */
export interface CodeBlock {
  heading: string;
  code: string;
}

/** The blocks of a language on a page of the repository, from its top. */
export function codeBlocks(page: string, language: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = "";
  for (const match of readPage(page).matchAll(/^#+ (.+)$|^```(\w*)\n([^]*?)^```$/gm)) {
    const [, title, name, code] = match;
    if (title !== undefined) heading = title;
    else if (name === language) blocks.push({ heading, code });
  }
  return blocks;
}

/** The only block of a language under a heading. */
export function codeBlock(page: string, language: string, heading: string): string {
  const blocks = codeBlocks(page, language).filter((block) => block.heading === heading);
  assert.equal(blocks.length, 1, `${page} has ${blocks.length} blocks of ${language} under "${heading}"`);
  return blocks[0].code;
}

export function readPage(page: string): string {
  return readFileSync(path.join(root, page), "utf8");
}

/**
 * An example as a module that runs in this tree: with the sources in place of the
 * packages, on a loopback address, with free ports in place of 5000 to 5009.
 */
export function runnable(code: string, port: (number: string) => number): string {
  return code
    .replace(/from "(chisme[^"]*)"/g, (_all, name: string) => `from ${JSON.stringify(pathToFileURL(sourceOf(name)).href)}`)
    .replaceAll("192.168.0.54", "127.0.0.1:5004")
    .replace(/new Gossip\(\{(?! *(listen|\.\.\.))/, 'new Gossip({ listen: "127.0.0.1",')
    .replace(/new Gossip\(\{ listen: "127\.0\.0\.1",/, "$& port: 5000,")
    .replace(/\b500\d\b/g, (number) => String(port(number)));
}

/** The source of what a program imports from one of the two packages. */
export function sourceOf(specifier: string): string {
  const [, name, entry] = /^(chisme(?:-cli)?)(.*)$/.exec(specifier) ?? [];
  const folder = path.join(root, name === "chisme" ? "" : "desktop");
  const { exports } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    exports: Record<string, { default: string } | undefined>;
  };
  const target = exports[`.${entry}`]?.default;
  assert.ok(target !== undefined, `package ${name} has no entry ".${entry}"`);
  const source = target.replace("./dist/", name === "chisme" ? "src/" : "").replace(/\.js$/, ".ts");
  const file = path.join(folder, source);
  assert.ok(existsSync(file), `${file}, the source of ${specifier}`);
  return file;
}

/** The lines that an example prints, run in a folder. */
export async function runExample(code: string, folder: string): Promise<string[]> {
  const file = path.join(folder, "example.mjs");
  writeFileSync(file, code);
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const child = spawn(process.execPath, ["--import", loader, file], { cwd: folder });
  let printed = "";
  const collect = (text: Buffer): void => { printed += text.toString(); };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const [status] = await once(child, "close") as [number | null];
  assert.equal(status, 0, printed);
  return printed.trimEnd().split("\n");
}

/** The first cells of the tables under a heading: the names in them, such as `push` of `push(value)`. */
export function namesInTables(page: string, heading: string): string[] {
  const text = readPage(page);
  const from = text.indexOf(`\n## ${heading}\n`);
  assert.ok(from >= 0, `${page} has no heading "${heading}"`);
  const to = text.indexOf("\n## ", from + 1);
  const rows = text.slice(from, to < 0 ? undefined : to).split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) => [...row.split(" | ")[0].matchAll(/`(\w+)/g)].map(([, name]) => name));
}
