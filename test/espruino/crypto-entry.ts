/** What Espruino runs: what its module `crypto` makes, beside the same in JavaScript. */
import { Sha256 } from "../../src/digest/sha256.js";
import { espruinoDigest } from "../../src/platform/espruino-digest.js";
import { espruinoSealing } from "../../src/platform/espruino-sealing.js";
import { pureSealing } from "../../src/sealing/aes.js";
import { SealingHarness } from "../sealing/harness.js";

let native: SealingHarness | undefined;
let pure: SealingHarness | undefined;

/** The SHA-256 of `bytes` twice, by the firmware and in JavaScript, from where it was put behind them. */
export function hashes(bytes: Uint8Array, start: number, length: number): string[] {
  return [espruinoDigest(), new Sha256()].map((digest) => {
    if (digest === undefined) return "none";
    const out = new Uint8Array(40);
    // In two parts where there are any.
    const half = length >>> 1;
    digest.sha256(bytes, start, half, bytes, start + half, length - half, out, 5);
    let text = "";
    for (let i = 0; i < 40; i++) text += (out[i] < 16 ? "0" : "") + out[i].toString(16);
    return text;
  });
}

/** What both say to a line of the harness for sealing. */
export function sealings(line: string): string[] {
  native = native ?? new SealingHarness(espruinoSealing());
  pure = pure ?? new SealingHarness(pureSealing());
  return [native.line(line), pure.line(line)];
}
