import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freshFolder } from "../desktop/cli/node-process.js";
import { main } from "./command-line.js";

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

let folder = "";

/** For `beforeEach`: the places of the next test are in a folder of its own. */
export function freshPlaces(): void {
  folder = freshFolder();
}

/** A file or folder of this test. */
export function place(name: string): string {
  return join(folder, name);
}

/** The option of a node's storage. */
export function at(name: string): string[] {
  return ["--storage", place(name)];
}

/** `chisme …`, until it ends. */
export async function chisme(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text: Buffer) => { stdout += text.toString(); });
  child.stderr.on("data", (text: Buffer) => { stderr += text.toString(); });
  const [status] = await once(child, "close") as [number | null];
  return { status, stdout, stderr };
}

/** What a command prints that must do its work. */
export async function print(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await chisme(...args);
  assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
  return stdout.trimEnd();
}

/** Runs a command that must fail, with a message. */
export async function refused(message: RegExp, ...args: string[]): Promise<void> {
  const { status, stderr } = await chisme(...args);
  assert.notEqual(status, 0);
  assert.match(stderr, message);
}
