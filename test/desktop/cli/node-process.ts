import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { NamedFrontierEntry } from "../../../desktop/control/node-queries.js";
import type { FeedEvent, GossipStats, MessageOutcome, NodeRow } from "../../../src/gossip.js";
import type { GossipStatus } from "../../../src/status/index.js";
import { main } from "../../support/command-line.js";

/** Far longer than anything here takes, on a machine that does much else. */
const PATIENCE_MS = 60000;

/** In front of the command of the next process. */
let wrapper: string[] = [];
let portsTaken = 0;
const running = new Set<NodeProcess>();
const folders: string[] = [];

// The nodes of the tests note themselves where neither other tests nor the user's own commands look.
process.env.XDG_RUNTIME_DIR = mkdtempSync(join(tmpdir(), "chisme-test-"));
process.on("exit", () => rmSync(process.env.XDG_RUNTIME_DIR ?? "", { recursive: true, force: true }));

export type NodeEvent =
  | {
    event: "start"; id: number; name?: string; address: string; port: number; revision: number; seeds: string[];
    sealing: string;
  }
  | { event: "row" | "state" } & NodeRow
  | { event: "minMax"; minimum: number | null; maximum: number | null; count: number }
  | { event: "feedEvent" } & Omit<FeedEvent, "timeMs">
  | { event: "view"; view: Record<string, Record<string, unknown>> }
  | { event: "front"; front: NamedFrontierEntry[] }
  | { event: "message"; from: number; fromName?: string; topic: string; value: unknown; hops: number; isQuery: boolean }
  | { event: "outcome"; to: number | string; topic: string; outcome: MessageOutcome }
  | { event: "answer"; from: number; fromName?: string; topic: string; value: unknown; hops: number }
  | { event: "queryEnd"; topic: string; answers: number; wasSent: boolean }
  | { event: "ping"; to: number | string; outcome: MessageOutcome; ms: number; there: number[]; back: number[] }
  | { event: "route"; to: number | string; route: number[] | null }
  | { event: "forgotten" } & NodeRow
  | { event: "status"; status: GossipStatus }
  | { event: "error"; code: string; message: string }
  | { event: "stop"; stats: GossipStats };

/** A port that no other test uses, of this run or of one at the same time; below those that systems hand out. */
export function freshPort(): number {
  portsTaken++;
  // mocha runs files side by side, in processes that it numbers: each has ports of its own.
  const worker = Number(process.env.MOCHA_WORKER_ID ?? 0) % 4;
  return 20000 + worker * 3000 + (process.pid * 16 + portsTaken) % 3000;
}

export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
  folders.push(folder);
  return folder;
}

/** For `afterEach`: no test leaves a process or a folder behind. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((node) => node.kill()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** `chisme node …` as its own process. */
export class NodeProcess {
  /** What came with --json. */
  readonly events: NodeEvent[] = [];
  readonly lines: string[] = [];
  stderr = "";
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  private readonly child: ChildProcess;
  private changed: () => void = () => undefined;

  constructor(...args: string[]) {
    const command = [...wrapper, process.execPath, main, "node", ...args];
    this.child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
    running.add(this);
    this.exited = once(this.child, "close").then(([status, signal]) => {
      running.delete(this);
      this.changed();
      return { status: status as number | null, signal: signal as NodeJS.Signals | null };
    });
    const { stdin, stdout, stderr } = this.child;
    assert.ok(stdin !== null && stdout !== null && stderr !== null);
    // A process that was killed reads no more.
    stdin.on("error", () => undefined);
    stderr.on("data", (text: Buffer) => {
      this.stderr += text.toString();
      this.changed();
    });
    createInterface({ input: stdout }).on("line", (line) => {
      this.lines.push(line);
      if (args.includes("--json")) this.events.push(JSON.parse(line) as NodeEvent);
      this.changed();
    });
  }

  /** A process that another command runs, such as `ip netns exec …`, which becomes that process. */
  static within(command: string[], ...args: string[]): NodeProcess {
    wrapper = command;
    try {
      return new NodeProcess(...args);
    } finally {
      wrapper = [];
    }
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  closeOutput(): void {
    this.child.stdout?.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** Waits until `condition` holds; it is looked at again after each line. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!condition()) {
      const leftMs = deadlineMs - performance.now();
      assert.ok(leftMs > 0 && running.has(this), `waited in vain until ${what}; ${this.transcript()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async untilStarted(): Promise<this> {
    await this.until("the node started", () => this.lines.length > 0);
    return this;
  }

  async untilMinMax(minimum: number | null, maximum: number | null, count: number): Promise<void> {
    await this.until(`minimum ${minimum}, maximum ${maximum} of ${count}`, () => {
      const last = this.events.findLast((event) => event.event === "minMax");
      return last?.minimum === minimum && last.maximum === maximum && last.count === count;
    });
  }

  async untilRow(what: string, address: string, condition: (row: NodeRow) => boolean): Promise<void> {
    await this.until(`the row of ${address} ${what}`, () => {
      const row = this.row(address);
      return row !== undefined && condition(row);
    });
  }

  /** The last that was said of the node at an address. */
  row(address: string): NodeRow | undefined {
    return this.events.findLast((event) => {
      return (event.event === "row" || event.event === "state") && event.address === address;
    }) as NodeRow | undefined;
  }

  private transcript(): string {
    return `it printed:\n${this.lines.join("\n")}\nand to standard error:\n${this.stderr}`;
  }
}
