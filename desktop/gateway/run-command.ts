import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { CommandSetting } from "./config.js";

/** What a command may print on standard output. */
const OUTPUT_BYTES_MAX = 1048576;
/** What is kept of standard error, for the error. */
const ERROR_CHARACTERS_MAX = 500;
/** From SIGTERM to SIGKILL. */
const KILL_MS = 1000;

export interface CommandRun {
  command: CommandSetting;
  input: string;
  environment: NodeJS.ProcessEnv;
  timeoutMs: number;
  /** Ends the command when it is aborted. */
  signal: AbortSignal;
}

/**
 * Runs a command until it ends: a list is program and arguments, without a shell; text is for /bin/sh -c. It has a
 * process group of its own, so that a time-out ends what it started, too.
 *
 * @returns what it printed
 * @throws (rejects) Error that says how it failed: status, signal, time-out, or that it printed too much
 */
export async function runCommand({ command, input, environment, timeoutMs, signal }: CommandRun): Promise<string> {
  const [program, ...args] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  const child = spawn(program, args, { detached: true, env: environment, stdio: ["pipe", "pipe", "pipe"] });
  let why: string | undefined;
  const end = (reason: string): void => {
    if (why !== undefined) return;
    why = reason;
    killGroup(child, "SIGTERM");
    setTimeout(() => {
      killGroup(child, "SIGKILL");
      // What left the group, as by setsid, may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    }, KILL_MS);
  };
  const output: Buffer[] = [];
  let outputBytes = 0;
  let errorText = "";
  child.stdout.on("data", (bytes: Buffer) => {
    outputBytes += bytes.length;
    if (outputBytes <= OUTPUT_BYTES_MAX) output.push(bytes);
    else end(`it printed more than ${OUTPUT_BYTES_MAX} bytes`);
  });
  child.stderr.on("data", (bytes: Buffer) => {
    errorText = (errorText + bytes.toString()).slice(-ERROR_CHARACTERS_MAX);
  });
  // A command need not read its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const timer = setTimeout(() => end(`it ran longer than ${timeoutMs / 1000} s`), timeoutMs);
  const onAbort = (): void => end("the gateway ends it");
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const [status, endSignal] = await once(child, "close") as [number | null, NodeJS.Signals | null];
    if (why !== undefined) throw new Error(`${program}: ${why}`);
    if (status === 0) return Buffer.concat(output).toString();
    const said = errorText.trim() === "" ? "" : `: ${errorText.trim()}`;
    throw new Error(`${program}: ended with ${status === null ? String(endSignal) : `status ${status}`}${said}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}
