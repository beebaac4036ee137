import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { Command } from "commander";
import type { GossipStats } from "../../src/gossip.js";
import type { GossipStatus } from "../../src/status/index.js";
import { ControlClient, type NodePlace, findSocket } from "../control/control-client.js";
import type { Member } from "../control/members.js";
import type { RpcNotification } from "../control/protocol.js";
import { RECORDING_VERSION, type RecordingHead } from "../recording/recording.js";
import { numeric } from "./number.js";

const SIGNALS: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const KINDS = ["event", "row", "forgotten", "datagram", "input"];
const EVENTS_MAX = 10000;
/** Counters of the node are noted so often. */
const STATS_MS = 10000;
/** Bytes that wait for the disk. While more wait, entries are counted and not written. */
const WAITING_BYTES_MAX = 16777216;
/** Longest time of a timer: one of more would end at once. */
const SECONDS_MAX = 2147483;

interface RecordOptions extends NodePlace {
  seconds?: number;
}

/** `chisme record`. */
export function recordCommand(): Command {
  return new Command("record")
    .argument("<file>")
    .description("Write the datagrams and changes of a running node to a new file, until Ctrl-C.")
    .option("--storage <folder>", "the node with this storage folder")
    .option("--socket <path>", "the node with this control socket")
    .option("--seconds <count>", `end after so long, at most ${SECONDS_MAX}`, numeric)
    .addHelpText("after", "\nThe file has what the node knows and sends, never a key: see docs/RECORDING.md.")
    .showHelpAfterError("(--help lists the options)")
    .action(async (file: string, options: RecordOptions) => {
      try {
        await record(file, options);
      } catch (error) {
        process.stderr.write(`error: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}

async function record(file: string, options: RecordOptions): Promise<void> {
  const { seconds } = options;
  if (seconds !== undefined && !(seconds > 0 && seconds <= SECONDS_MAX)) {
    throw new Error(`--seconds: ${JSON.stringify(seconds)} is not a number above 0, and at most ${SECONDS_MAX}`);
  }
  const client = await ControlClient.connect(await findSocket(options));
  let timer: NodeJS.Timeout | undefined;
  let late: NodeJS.Timeout | undefined;
  try {
    // Who sees the file may end the recording: from then on no signal may leave a part of it.
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => { end = resolve; });
    for (const signal of SIGNALS) process.once(signal, () => end());
    const recorder = new Recorder(file);
    await recorder.begin(client);
    timer = setInterval(() => void recorder.noteStats(client), STATS_MS);
    if (seconds !== undefined) late = setTimeout(end, seconds * 1000);
    await Promise.race([client.closed, recorder.failed, ended]);
    clearInterval(timer);
    await recorder.noteStats(client);
    const { entries, skipped } = await recorder.end();
    const missing = skipped === 0 ? "" : `; ${skipped} changes are missing: the disk or this command is too slow`;
    process.stderr.write(`${file}: ${entries} entries${missing}\n`);
  } finally {
    // Also where the file failed: they would keep the process.
    clearTimeout(late);
    clearInterval(timer);
    client.close();
  }
}

class Recorder {
  /** Rejects when the file cannot be written. */
  readonly failed: Promise<never>;
  private readonly stream: ReturnType<typeof createWriteStream>;
  private readonly startMs = performance.now();
  /** What came before the first line was there. */
  private early: object[] | undefined = [];
  private entries = 0;
  private skipped = 0;
  private unsaid = 0;

  /** The file must not be there: a recording is evidence. */
  constructor(file: string) {
    this.stream = createWriteStream(file, { flags: "wx", mode: 0o600 });
    this.failed = new Promise((_resolve, reject) => this.stream.on("error", (error: NodeJS.ErrnoException) => {
      const isThere = error.code === "EEXIST";
      reject(isThere ? new Error(`${file} is there already, and stays as it is`, { cause: error }) : error);
    }));
    this.failed.catch(() => undefined);
  }

  /** Follows first and asks then, so that nothing is missing. */
  async begin(client: ControlClient): Promise<void> {
    await Promise.race([once(this.stream, "open"), this.failed]);
    const beganMs = Date.now();
    await client.follow({ kinds: KINDS }, (change) => this.changed(change));
    const node = await client.call<RecordingHead["node"] & { pid?: number; protocol?: number }>("info");
    delete node.pid;
    delete node.protocol;
    const { members } = await client.call<{ members: Member[] }>("members");
    const { events } = await client.call<{ events: object[] }>("events", { limit: EVENTS_MAX });
    const { node: { isSealed } } = await client.call<GossipStatus>("status");
    const head: RecordingHead = {
      chisme: "recording", version: RECORDING_VERSION, beganMs, node, isSealed, members, events,
    };
    this.stream.write(`${JSON.stringify(head)}\n`);
    const early = this.early ?? [];
    this.early = undefined;
    early.forEach((entry) => this.write(entry));
    await this.noteStats(client);
  }

  async noteStats(client: ControlClient): Promise<void> {
    try {
      this.add({ kind: "stats", stats: await client.call<GossipStats>("stats") });
    } catch {
      // The node stops.
    }
  }

  async end(): Promise<{ entries: number; skipped: number }> {
    this.saySkipped();
    await Promise.race([new Promise<void>((resolve) => this.stream.end(resolve)), this.failed]);
    return { entries: this.entries, skipped: this.skipped };
  }

  private changed({ method, params }: RpcNotification): void {
    if (method === "skipped") this.skipped += (params as { count: number }).count;
    if (method === "row" || method === "forgotten") this.add({ kind: method, row: params });
    else if (method === "event") this.add({ kind: method, event: params });
    else this.add({ kind: method, ...params });
  }

  private add(entry: object): void {
    const timed = { atMs: Math.round(performance.now() - this.startMs), ...entry };
    if (this.early === undefined) this.write(timed);
    else this.early.push(timed);
  }

  private write(entry: object): void {
    if (this.stream.writableLength > WAITING_BYTES_MAX) {
      this.skipped++;
      this.unsaid++;
      return;
    }
    this.saySkipped();
    this.stream.write(`${JSON.stringify(entry)}\n`);
    this.entries++;
  }

  private saySkipped(): void {
    if (this.unsaid === 0) return;
    const atMs = Math.round(performance.now() - this.startMs);
    this.stream.write(`${JSON.stringify({ atMs, kind: "skipped", count: this.unsaid })}\n`);
    this.unsaid = 0;
  }
}
