import { readFileSync } from "node:fs";

/** Whether a log has a text in one block. A block is masked by a number from 1 to 255 that depends on its bytes. */
export function logHolds(path: string, text: string): boolean {
  const bytes = readFileSync(path);
  return Array.from({ length: 255 }, (_, i) => i + 1)
    .some((mask) => Buffer.from(bytes.map((byte) => byte ^ mask)).includes(text));
}
