import { readFileSync } from "node:fs";
import { type Interface, createInterface } from "node:readline";
import type { Commands } from "./commands.js";

/**
 * Lines of one source, such as standard input or a script, in their order: what
 * waits has those behind it wait. A line that is wrong is complained about, and
 * the next one is run.
 */
export class CommandLines {
  private readonly commands: Commands;
  private readonly source: string;
  private readonly onWarning: (message: string) => void;
  private readonly waiting: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isOpen = true;
  private count = 0;

  /** @param source how complaints call it */
  constructor(commands: Commands, source: string, onWarning: (message: string) => void) {
    this.commands = commands;
    this.source = source;
    this.onWarning = onWarning;
  }

  add(line: string): void {
    this.waiting.push(line);
    if (this.timer === undefined) this.run();
  }

  close(): void {
    this.isOpen = false;
    clearTimeout(this.timer);
  }

  private run(): void {
    this.timer = undefined;
    while (this.isOpen && this.timer === undefined && this.waiting.length > 0) {
      const waitMs = this.runLine(this.waiting.shift() ?? "");
      if (waitMs > 0) this.timer = setTimeout(() => this.run(), waitMs);
    }
  }

  private runLine(line: string): number {
    this.count++;
    // Only scripts are made by people who leave room and write notes.
    if (this.source !== STANDARD_INPUT && /^\s*(#|$)/.test(line)) return 0;
    try {
      return this.commands.run(line);
    } catch (error) {
      this.onWarning(`line ${this.count} of ${this.source}: ${(error as Error).message}`);
      return 0;
    }
  }
}

const STANDARD_INPUT = "standard input";

/** Commands and readings that come in by the line. The end of the input is no event: the last value stands. */
export class Prompt {
  private readonly input: NodeJS.ReadStream;
  private readonly lines: Interface;
  private readonly queue: CommandLines;

  constructor(input: NodeJS.ReadStream, commands: Commands, onWarning: (message: string) => void) {
    this.input = input;
    this.queue = new CommandLines(commands, STANDARD_INPUT, onWarning);
    // The terminal stays as it is, so that Ctrl-C comes as a signal.
    this.lines = createInterface({ input, terminal: false, crlfDelay: Infinity });
    const onError = (error: Error) => onWarning(`standard input: ${error.message}`);
    input.on("error", onError);
    this.lines.on("error", () => undefined);
    this.lines.on("line", (line) => this.queue.add(line));
  }

  /** Lets go of the input, so that an open pipe or terminal keeps no process from its end. */
  close(): void {
    this.queue.close();
    this.lines.close();
    this.input.destroy();
  }
}

/** The lines of a script. @throws Error when it can't be read */
export function readScript(path: string): string[] {
  return readFileSync(path, "utf8").split(/\r?\n/);
}
