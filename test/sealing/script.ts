import { createHash } from "node:crypto";
import { SimRandom } from "../../desktop/simulator/random.js";
import { sivVectors } from "./support.js";

const HEX_PER_LINE = 256;

/** Lines for the harness: frames of all lengths that are sealed, opened, changed and refused. */
export function sealingScript(seed: number, frames: number): string[] {
  const random = new SimRandom(seed, 0);
  const lines = [];
  for (let i = 0; i < frames; i++) {
    const keys = [hex(random, 32), hex(random, 32)];
    const headBytes = random.between(1, 20);
    const bodyBytes = i < 50 ? i : random.between(0, 600);
    const receiver = i % 4 === 0 ? "-" : String(random.next());
    lines.push(`to ${receiver}`, `keys ${keys[0]} -`, `head ${hex(random, headBytes)}`);
    const body = hex(random, bodyBytes);
    for (let at = 0; at < body.length; at += HEX_PER_LINE) lines.push(`body ${body.slice(at, at + HEX_PER_LINE)}`);
    const bit = random.below((headBytes + bodyBytes + 16) * 8);
    lines.push("seal", "frame", `flip ${bit}`, "open", "frame", `flip ${bit}`);
    // It opens by the other key too, and not without it.
    lines.push(`keys ${keys[1]} -`, "open", `keys ${keys[0]} -`, "to 7", "open", `to ${receiver}`);
    lines.push(`keys ${keys[1]} ${keys[0]}`, "open", "frame");
  }
  return lines;
}

/** The RFC's first example, whose associated data is one component, and what the harness answers. */
export function vectorScript(): { lines: string[]; answers: string[] } {
  const [{ key, associated: [head], plain, vector, encrypted }] = sivVectors;
  return {
    lines: [`keys ${key.replace(" ", "")} -`, `head ${head}`, `body ${plain}`, "seal", "frame", "open", "frame"],
    answers: ["ok", "ok", "ok", "54", head + vector + encrypted, "38", head + plain],
  };
}

export function hashOf(answers: string[]): string {
  return createHash("sha256").update(answers.join("\n")).digest("hex");
}

function hex(random: SimRandom, bytes: number): string {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256))).toString("hex");
}
