// Runs in XS: each line is a call of chisme/rtc-memory, its answer the result or the error.
import { deepSleep, keptBytesMax, readKept, wokeUp, writeKept } from "../../src/rtc-memory/index.js";

function call(line: string): string {
  const [name, argument = ""] = line.split(" ");
  if (name === "size") return String(keptBytesMax());
  if (name === "woke") return String(wokeUp());
  if (name === "sleep") deepSleep(Number(argument));
  if (name === "read") return hexOf(readKept());
  if (name === "fill") writeKept(new Uint8Array(Number(argument)).fill(0x5a));
  if (name === "none") writeKept(undefined as never);
  // A part of a longer buffer.
  if (name === "write") {
    const bytes = new Uint8Array(argument.length / 2 + 7);
    for (let i = 0; i < argument.length / 2; i++) bytes[i + 3] = parseInt(argument.slice(i * 2, i * 2 + 2), 16);
    writeKept(bytes.subarray(3, 3 + argument.length / 2));
  }
  return "ok";
}

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    try {
      return call(text);
    } catch (error) {
      return `${(error as Error).name} ${(error as { code?: string }).code}: ${(error as Error).message}`;
    }
  },
};
