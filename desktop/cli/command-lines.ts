import { readFileSync } from "node:fs";
import { LineSplitter } from "../control/line-splitter.js";
import type { Commands } from "./commands.js";
import { inFlags } from "./flags.js";
import type { CommandError } from "./node-report.js";

/**
 * Runs the lines of one source, such as standard input or a script, in order. A
 * `wait` command delays the lines after it. A wrong line causes a warning, and
 * the next line is run.
 */
export class CommandLines {
  private readonly commands: Commands;
  private readonly source: string | undefined;
  private readonly onError: (error: CommandError) => void;
  private readonly waiting: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isOpen = true;
  private count = 0;

  /** @param source name of the source in warnings; undefined: a terminal, where people see the line */
  constructor(commands: Commands, source: string | undefined, onError: (error: CommandError) => void) {
    this.commands = commands;
    this.source = source;
    this.onError = onError;
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
    if (/^\s*(#|$)/.test(line)) return 0;
    const number = this.count;
    const fail = (error: Error): void => {
      if (this.isOpen) this.onError({ source: this.source, number, line, message: inFlags(error.message) });
    };
    try {
      return this.commands.run(line, fail);
    } catch (error) {
      fail(error as Error);
      return 0;
    }
  }
}

/** The warning about a line, which a line of a terminal stands above. */
export function commandErrorText({ source, number, message }: CommandError): string {
  return source === undefined ? message : `line ${number} of ${source}: ${message}`;
}

const STANDARD_INPUT = "standard input";
/** Longest line that standard input may have. */
const LINE_BYTES_MAX = 1048576;

/** Reads commands and values from standard input, line by line. After the end of the input the last value stays. */
export class Prompt {
  private readonly input: NodeJS.ReadStream;
  private readonly queue: CommandLines;

  constructor(
    input: NodeJS.ReadStream, commands: Commands, onCommandError: (error: CommandError) => void,
    onWarning: (message: string) => void,
  ) {
    this.input = input;
    this.queue = new CommandLines(commands, input.isTTY ? undefined : STANDARD_INPUT, onCommandError);
    // The terminal keeps its mode, so that Ctrl-C arrives as a signal.
    input.on("error", (error: Error) => onWarning(`standard input: ${error.message}`));
    const splitter = new LineSplitter(LINE_BYTES_MAX);
    const add = (line: string): void => this.queue.add(line.replace(/\r$/, ""));
    input.on("data", (bytes: Buffer) => {
      const lines = splitter.add(bytes);
      if (lines !== undefined) lines.forEach(add);
      else {
        onWarning(`standard input: a line is longer than ${LINE_BYTES_MAX} bytes, and nothing more is read`);
        input.destroy();
      }
    });
    input.on("end", () => {
      const last = splitter.end();
      if (last !== "") add(last);
    });
  }

  /** Releases the input. Otherwise an open pipe or terminal would keep the process alive. */
  close(): void {
    this.queue.close();
    this.input.destroy();
  }
}

/**
 * The lines of a script.
 *
 * @throws Error when the file cannot be read
 */
export function readScript(path: string): string[] {
  return readFileSync(path, "utf8").split(/\r?\n/);
}
