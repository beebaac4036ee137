/** What Espruino runs. Its build for Linux takes neither arguments nor input, so the lines come from a file. */
import { sleeping } from "../../src/sleep/index.js";
import { networkTime } from "../../src/time/index.js";
import { Harness } from "./harness.js";
import { HarnessMessages } from "./messages.js";

declare const E: {
  openFile(path: string, mode: "r" | "w"): {
    /** Undefined at the end. */
    read(bytes: number): string | undefined;
    write(text: string): number;
    close(): void;
  };
};

const CHUNK_BYTES = 4096;

/** Answers the lines of one file, in the current folder, in another. */
export function replay(from: string, to: string): void {
  const harness = new Harness(undefined, (tell) => new HarnessMessages(tell), sleeping().engineSleeper(), networkTime);
  const input = E.openFile(from, "r");
  const output = E.openFile(to, "w");
  let rest = "";
  for (;;) {
    const chunk = input.read(CHUNK_BYTES);
    if (chunk === undefined) break;
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (let i = 0; i < lines.length; i++) output.write(harness.line(lines[i]) + "\n");
  }
  input.close();
  output.close();
}
