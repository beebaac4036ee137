import path from "node:path";
import { build } from "esbuild";
import { root } from "./manifest.js";

/**
 * Runs a file that is made for Moddable, with stand-ins for the modules of the
 * SDK that it imports, and gives what it exports.
 *
 * @param file from the root of the project on
 * @param modules default exports, by specifier
 */
export async function load<Exports>(file: string, modules: Record<string, unknown>): Promise<Exports> {
  const result = await build({
    entryPoints: [path.join(root, file)], bundle: true, write: false, format: "cjs", target: "es2022",
    external: Object.keys(modules),
  });
  const module = { exports: {} };
  // In a package of type "module", what `require` gives is the default export.
  const require = (specifier: string) => modules[specifier];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function("require", "module", "exports", result.outputFiles[0].text)(require, module, module.exports);
  return module.exports as Exports;
}

/** The SDK's class `Timer`, with a clock that the test moves. */
export class FakeTimer {
  nowMs = 0;
  private timers: { callback: () => void; dueMs: number; repeatMs: number }[] = [];

  readonly set = (callback: () => void, delayMs = 0): unknown => this.add(callback, delayMs, 0);
  readonly repeat = (callback: () => void, repeatMs: number): unknown => this.add(callback, repeatMs, repeatMs);

  readonly clear = (timer: unknown): void => {
    this.timers = this.timers.filter((other) => other !== timer);
  };

  get count(): number {
    return this.timers.length;
  }

  /** Lets time pass. What is set meanwhile for now or before is called, too. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = this.timers.filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.nowMs = due.dueMs;
      if (due.repeatMs > 0) due.dueMs += due.repeatMs;
      else this.clear(due);
      due.callback();
    }
    this.nowMs = endMs;
  }

  private add(callback: () => void, delayMs: number, repeatMs: number): unknown {
    const timer = { callback, dueMs: this.nowMs + delayMs, repeatMs };
    this.timers.push(timer);
    return timer;
  }
}
