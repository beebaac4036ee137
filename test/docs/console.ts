import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { freshPort } from "../desktop/cli/node-process.js";
import { main } from "../support/command-line.js";

/** Far longer than any example takes, on a machine that does much else. */
const PATIENCE_MS = 90000;
const POLL_MS = 20;
const SIGNALS: Record<string, NodeJS.Signals> = { "^C": "SIGINT", "Killed": "SIGKILL" };
/** Stands for lines that a page leaves out. */
const LEFT_OUT = "…";

/**
 * The commands of a page, run as they stand there by a shell: each in a terminal
 * of its own, in one folder. `npx chisme` is this tree's command, and each port
 * from 5000 to 5009, and 8600, another, free one.
 */
export class Terminals {
  readonly folder = mkdtempSync(path.join(tmpdir(), "chisme-test-"));
  private readonly ports = new Map<string, number>();
  private readonly running: Terminal[] = [];

  constructor() {
    const command = `exec "${process.execPath}" "${main}" "$@"`;
    writeFileSync(path.join(this.folder, "npx"), `#!/bin/sh\nshift\n${command}\n`);
    chmodSync(path.join(this.folder, "npx"), 0o755);
  }

  /** The free port in place of one that a page names. */
  port(number: string): number {
    const port = this.ports.get(number) ?? freshPort();
    this.ports.set(number, port);
    return port;
  }

  /** Starts a command. A command that is no node is waited for; a node until it says something. */
  async start(command: string): Promise<Terminal> {
    const inPlace = command.replace(/(?<=127\.0\.0\.\d:)(500\d|8600)\b/g, (number) => String(this.port(number)));
    const terminal = new Terminal(inPlace.replace(/\bnpx chisme node (?!.*\|)/, "exec $&"), this.folder);
    this.running.push(terminal);
    const isShort = !command.includes("chisme node") || command.includes("|");
    await terminal.until(() => !isShort && terminal.lines.length > 0);
    return terminal;
  }

  /** Runs the commands of a block and checks that each prints the lines below it, in their order. */
  async check(block: string): Promise<void> {
    const shown: { terminal: Terminal; lines: string[] }[] = [];
    for (const line of block.trimEnd().split("\n")) {
      if (line.startsWith("$ ")) {
        const terminal = await this.start(line.slice(2));
        shown.push({ terminal, lines: [] });
        // A command that ends by itself may be what the next one builds on.
        if (/--script|quit/.test(line)) await terminal.exited;
      } else shown.at(-1)?.lines.push(line);
    }
    for (const { terminal, lines } of shown.toReversed()) await this.expect(terminal, lines);
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.map((terminal) => terminal.stop("SIGKILL")));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async expect(terminal: Terminal, lines: string[]): Promise<void> {
    let from = 0;
    for (const line of lines) {
      if (line === LEFT_OUT) continue;
      if (line in SIGNALS) {
        await terminal.stop(SIGNALS[line]);
        continue;
      }
      const wanted = comparable(line);
      const find = (): number => terminal.lines.findIndex((got, at) => at >= from && this.shows(got, wanted));
      await terminal.until(() => find() >= 0);
      const at = find();
      assert.ok(at >= 0, `"${line}" is not what the command prints:\n${terminal.lines.slice(from).join("\n")}`);
      from = at + 1;
    }
  }

  private shows(line: string, wanted: string): boolean {
    let text = line;
    for (const [number, port] of this.ports) text = text.replaceAll(String(port), number);
    return comparable(text) === wanted;
  }
}

/** One command, its output and its problems. */
class Terminal {
  readonly lines: string[] = [];
  readonly exited: Promise<unknown>;
  private readonly child: ChildProcess;
  private isRunning = true;
  private rest = "";

  constructor(command: string, folder: string) {
    const commands = `${folder}${path.delimiter}${process.env.PATH}`;
    // The nodes of one page are all that its commands find.
    const env = { ...process.env, PATH: commands, NO_COLOR: "1", XDG_RUNTIME_DIR: folder };
    // Both outputs through one pipe keep their order.
    this.child = spawn("sh", ["-c", `exec 2>&1; ${command}`], { cwd: folder, env, stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout?.on("data", (text: Buffer) => {
      const lines = (this.rest + text.toString()).split("\n");
      this.rest = lines.pop() ?? "";
      this.lines.push(...lines);
    });
    this.exited = once(this.child, "close").then(() => { this.isRunning = false; });
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }

  /** Waits until a condition holds or the command has ended. */
  async until(condition: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!condition() && this.isRunning) {
      assert.ok(performance.now() < deadlineMs, `waited in vain; it printed:\n${this.lines.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** A line without what differs from run to run: times, counts of traffic, heartbeats, ids, width of columns. */
function comparable(line: string): string {
  return line
    .replace(/^\s*\d+\.\d s /, "# s ")
    .replace(/^\d+ ms:/, "# ms:")
    .replace(/\b\d+(\.\d)? ms\b|\b\d+[dhms]\b/g, "#")
    .replace(/\b\d{6,}\b/g, "#")
    .replace(/\b\d+(?= datagrams sent| received| dropped| bytes)/g, "#")
    .replace(/(?<="(heartbeat|inStateMs)":)\d+|(?<="run":")\w+/g, "#")
    .replace(/(?<=heartbeat |in use by process )\d+/, "#")
    .replace(/\s+/g, " ")
    .trimEnd();
}
