import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { main } from "../../support/command-line.js";

const PATIENCE_MS = 120000;
const LOOK_MS = 50;

const running = new Set<GatewayProcess>();

/** For `afterEach`, before the folders are removed. */
export async function killGateways(): Promise<void> {
  await Promise.all([...running].map((gateway) => gateway.kill()));
}

/** For `before`: skips the tests where Debian's package sqlite3 is missing; in CI it fails. */
export function requireSqlite(context: Mocha.Context): void {
  try {
    execFileSync("sqlite3", ["--version"], { stdio: "ignore" });
  } catch {
    if (process.env.CI === "true") assert.fail("sqlite3 is missing");
    process.stderr.write("skipped: sqlite3 is missing\n");
    context.skip();
  }
}

/** Rows of a query, by Debian's sqlite3. */
export function sqlite<Row = Record<string, unknown>>(file: string, sql: string): Row[] {
  const flags = ["-readonly", "-json", "-cmd", ".timeout 5000"];
  const text = execFileSync("sqlite3", [...flags, file, sql], { encoding: "utf8" });
  return text.trim() === "" ? [] : JSON.parse(text) as Row[];
}

/** Looks again and again until a condition holds, also one that throws at first. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  let problem: unknown;
  while (performance.now() < deadlineMs) {
    try {
      if (await condition()) return;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    await sleep(LOOK_MS);
  }
  assert.fail(`waited in vain until ${what}${problem instanceof Error ? `: ${problem.message}` : ""}`);
}

/** `chisme gateway …` as its own process. */
export class GatewayProcess {
  stdout = "";
  stderr = "";
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  private readonly child: ChildProcess;

  constructor(args: string[], { wrapper = [], env = {} }: { wrapper?: string[]; env?: NodeJS.ProcessEnv } = {}) {
    const [program, ...more] = [...wrapper, process.execPath, main, "gateway", ...args];
    this.child = spawn(program, more, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    running.add(this);
    this.child.stdout?.on("data", (text: Buffer) => {
      this.stdout += text.toString();
    });
    this.child.stderr?.on("data", (text: Buffer) => {
      this.stderr += text.toString();
    });
    this.exited = once(this.child, "close").then(([status, signal]) => {
      running.delete(this);
      return { status: status as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  get pid(): number { return this.child.pid as number; }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await eventually(`${what}; it printed:\n${this.stdout}\n${this.stderr}\n`, () => {
      assert.ok(running.has(this) || condition(), `it ended:\n${this.stdout}\n${this.stderr}`);
      return condition();
    });
  }

  async untilStarted(): Promise<this> {
    await this.until("the gateway started", () => this.stdout.includes("gateway: node "));
    return this;
  }
}
