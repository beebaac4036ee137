import { closeSync, openSync, readSync } from "node:fs";
import { Command } from "commander";
import pc from "picocolors";
import { terminalJson } from "../control/value-text.js";
import { isLiveFile } from "../live/live-file.js";
import type { HttpOptions } from "../http/http-server.js";
import { RecordedNetwork } from "../recording/recorded-network.js";
import { RecordingFile } from "../recording/recording-file.js";
import { readRecording } from "../recording/read-recording.js";
import type { RecordingEntry, RecordingHead } from "../recording/recording.js";
import { ReplayText } from "../recording/replay-text.js";
import type { Sealer } from "../../src/engine/wire/sealer.js";
import { nodeSealing } from "../platform/node-sealing.js";
import { readKey } from "./key-file.js";
import { readLiveFile, watchSimulation } from "./live.js";
import { readHttpOptions } from "./node-access.js";
import { serveUntilSignal } from "./serve.js";
import { numeric } from "./number.js";

/** Lines that the key for a page shows. */
const PAGE_LINES = 20;
const ESCAPE = "\u001b";
/** Keys, and how many entries each shows; Infinity: all that are left. */
const KEYS = new Map<string, number>([
  [" ", 1], [`${ESCAPE}[B`, 1], [`${ESCAPE}[C`, 1], ["j", 1], [`${ESCAPE}[6~`, PAGE_LINES], ["c", Infinity],
]);

/** q, Ctrl-C and Ctrl-D. */
const ENDS = ["q", "\u0003", "\u0004"];

interface ReplayOptions {
  from?: number;
  to?: number;
  json?: true;
  keyFile?: string;
  http?: string | true;
  httpTokenFile?: string;
}

/** `chisme replay`. */
export function replayCommand(): Command {
  return new Command("replay")
    .argument("<file>")
    .description("Print a file of chisme record, or play it, or one of chisme simulate --watch, in a page.")
    .option("--from <seconds>", "entries from this time on", numeric)
    .option("--to <seconds>", "entries until this time", numeric)
    .option("--json", "print the entries as JSON lines")
    .option("--key-file <file>", "opens sealed datagrams with the key in this file, as chisme key prints it")
    .option("--http [address:port]", "plays it in a page there (default: 127.0.0.1:8600)")
    .option("--http-token-file <file>", "the page needs the token in this file")
    .addHelpText("after", `
On a terminal, space or an arrow key shows the next entry, Page Down ${PAGE_LINES},
c all that are left; q ends. A sealed datagram shows its head, and with --key-file the rest.`)
    .showHelpAfterError("(--help lists the options)")
    .action(async (file: string, options: ReplayOptions) => {
      // The reader of a pipe, such as head, may exit early.
      process.stdout.on("error", () => process.exit());
      try {
        await replay(file, options);
      } catch (error) {
        process.stderr.write(`error: ${file}: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}

async function replay(file: string, options: ReplayOptions): Promise<void> {
  const { from = 0, to = Infinity, http, httpTokenFile, keyFile } = options;
  for (const [name, value] of [["--from", from], ["--to", to]] as const) {
    if (!(value >= 0)) throw new Error(`${name}: is not a number of seconds from 0 on`);
  }
  if (to < from) throw new Error(`--to: ${to} is before --from, ${from}`);
  if (isLiveFile(beginningOf(file))) {
    if (http === undefined) throw new Error("is of a simulation: --http plays it, chisme simulate --inputs runs it");
    const output = { writeLine, colors: pc.createColors(false), command: "chisme simulate" };
    const access = { http, ...httpTokenFile !== undefined && { httpTokenFile } };
    await watchSimulation({ output, ...access }, readLiveFile("replay", file));
    return;
  }
  const key = readKey("--key-file", keyFile);
  const sealer = key === undefined ? undefined : nodeSealing(key, undefined);
  const place = readHttpOptions(options);
  if (place === undefined) await print(file, { ...options, from, to }, sealer);
  else await play(file, place, sealer);
}

async function play(path: string, place: HttpOptions, sealer: Sealer | undefined): Promise<void> {
  const network = new RecordedNetwork(new RecordingFile(path, sealer));
  try {
    await serveUntilSignal(network, { ...place, canWrite: true }, writeLine);
  } finally {
    network.close();
  }
}

async function print(
  file: string, { from = 0, to = Infinity, json }: ReplayOptions, sealer: Sealer | undefined,
): Promise<void> {
  const keys = process.stdin.isTTY && process.stdout.isTTY && !json ? new Keys() : undefined;
  let text: ReplayText | undefined;
  try {
    for await (const item of readRecording(file)) {
      if (text === undefined) {
        const head = item as RecordingHead;
        text = new ReplayText(head, sealer);
        (json ? [terminalJson(head)] : text.headLines(head)).forEach(writeLine);
        continue;
      }
      const entry = item as RecordingEntry;
      // Names come with entries that are not shown, too.
      const line = text.line(entry);
      if (entry.atMs < from * 1000) continue;
      if (entry.atMs > to * 1000) break;
      if (keys !== undefined && !await keys.next()) break;
      writeLine(json ? terminalJson(entry) : line);
    }
  } finally {
    keys?.close();
  }
}

/** Waits for keys on a terminal. */
class Keys {
  private left = 0;
  private isEnded = false;
  private wake: () => void = () => undefined;
  private readonly onData = (data: Buffer): void => this.pressed(data.toString());

  constructor() {
    process.stdin.setRawMode(true).on("data", this.onData).resume();
  }

  /** Resolves when another entry is wanted; to false when none is. */
  async next(): Promise<boolean> {
    while (this.left === 0 && !this.isEnded) await new Promise<void>((resolve) => { this.wake = resolve; });
    this.left--;
    return !this.isEnded;
  }

  close(): void {
    process.stdin.setRawMode(false).off("data", this.onData).pause();
  }

  private pressed(key: string): void {
    if (ENDS.includes(key)) this.isEnded = true;
    this.left += KEYS.get(key) ?? 0;
    this.wake();
  }
}

function beginningOf(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(256);
    return bytes.toString("utf8", 0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
