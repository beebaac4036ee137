import { readFileSync } from "node:fs";
import { isMissing } from "./file-log.js";

/** The text of a file; undefined if there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
