import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Target } from "./target.js";

/** Sessions that once failed, in files `TARGET-HASH.txt`: a comment with the failure, then one input per line. */
export const CORPUS = fileURLToPath(new URL("./corpus/", import.meta.url));

/** Replays of a failing session, at most, to shorten it. */
const ATTEMPTS_MAX = 3000;

export interface CorpusFile {
  name: string;
  target: string;
  lines: string[];
}

export function readCorpus(folder = CORPUS): CorpusFile[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt")).sort();
  return names.map((name) => ({
    name,
    target: name.slice(0, name.lastIndexOf("-")),
    lines: readFileSync(join(folder, name), "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#")),
  }));
}

/** Writes a session to the corpus. Returns the path of the file. */
export function writeToCorpus(folder: string, target: string, message: string, lines: readonly string[]): string {
  const text = `# ${message.replaceAll("\n", " ")}\n${lines.join("\n")}\n`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const path = join(folder, `${target}-${hash}.txt`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** Replays a session. Returns the message of its failure; undefined when it does not fail. */
export function replay(target: Target, lines: readonly string[]): string | undefined {
  const session = target.begin();
  try {
    for (const line of lines) session.run(line);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}

/** Removes as many inputs as it can while the session still fails, maybe with another failure. */
export function shorten(target: Target, lines: readonly string[]): string[] {
  let rest = [...lines];
  let attempts = 0;
  for (let size = rest.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < rest.length && attempts < ATTEMPTS_MAX;) {
      const without = [...rest.slice(0, at), ...rest.slice(at + size)];
      attempts++;
      if (replay(target, without) === undefined) at += size;
      else rest = without;
    }
  }
  return rest;
}
