import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freshPort } from "../desktop/cli/node-process.js";

const PATIENCE_MS = 60000;
/** A board with 1,600 variables has room for so much of a script. */
const UPLOAD_BYTES = 3000;

/** What a sketch prints: a word that tells it from the interpreter's own output, then JSON. */
export const MARK = "chisme:";

const running = new Set<Interpreter>();

/** A program of Espruino's build for Linux, which is not part of this project, in a folder of its own. */
export class Interpreter {
  readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private changed: () => void = () => undefined;

  constructor(program: string, script: string, folder: string) {
    const file = join(folder, `script-${freshPort()}.js`);
    writeFileSync(file, script);
    this.child = spawn(program, [file], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
    assert.ok(this.child.stdout !== null);
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.changed();
    });
    running.add(this);
  }

  /** What the sketch printed, the last first. */
  said(): { [key: string]: unknown }[] {
    return this.lines.filter((line) => line.includes(MARK)).reverse()
      .map((line) => JSON.parse(line.substring(line.indexOf(MARK) + MARK.length)) as { [key: string]: unknown });
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!condition()) {
      assert.ok(performance.now() < deadlineMs, `waited in vain until ${what}; it printed:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async untilMinMax(minimum: number, maximum: number, count: number): Promise<void> {
    await this.until(`minimum ${minimum} maximum ${maximum} of ${count}`, () => {
      const last = this.said().find((said) => said.count !== undefined);
      return last?.minimum === minimum && last.maximum === maximum && last.count === count;
    });
  }

  async end(): Promise<void> {
    running.delete(this);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "close");
  }
}

/** Ends all interpreters that still run. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((interpreter) => interpreter.end()));
}

/** Puts a file into the Storage of a folder, piece by piece, as an upload does. */
export async function uploadFile(program: string, folder: string, name: string, text: string): Promise<void> {
  for (let at = 0; at < text.length; at += UPLOAD_BYTES) {
    const piece = JSON.stringify(text.slice(at, at + UPLOAD_BYTES));
    const interpreter = new Interpreter(program, `
      require("Storage").write(${JSON.stringify(name)}, ${piece}, ${at}, ${text.length}); print("uploaded"); quit();
    `, folder);
    await interpreter.until(`${name} is uploaded`, () => interpreter.lines.some((line) => line.includes("uploaded")));
    await interpreter.end();
  }
}
