import { type Interface, createInterface } from "node:readline";
import { readNumber } from "./number.js";

const LINE_CHARACTERS_SHOWN = 60;

/**
 * Readings that come in by the line: a number is a new value, an empty line
 * withdraws it, anything else is complained about. The end of the input is no
 * event: the last value stands.
 */
export class Readings {
  private readonly input: NodeJS.ReadStream;
  private readonly lines: Interface;

  constructor(
    input: NodeJS.ReadStream,
    onReading: (value: number | undefined) => void,
    onComplaint: (message: string) => void,
  ) {
    this.input = input;
    // The terminal stays as it is, so that Ctrl-C comes as a signal.
    this.lines = createInterface({ input, terminal: false, crlfDelay: Infinity });
    const onError = (error: Error) => onComplaint(`standard input: ${error.message}`);
    input.on("error", onError);
    this.lines.on("error", () => undefined);
    let count = 0;
    this.lines.on("line", (line) => {
      count++;
      const text = line.trim();
      const value = readNumber(text);
      if (text === "" || value !== undefined) onReading(value);
      else onComplaint(`line ${count} of standard input: ${show(text)} is not a number`);
    });
  }

  /** Lets go of the input, so that an open pipe or terminal keeps no process from its end. */
  close(): void {
    this.lines.close();
    this.input.destroy();
  }
}

function show(text: string): string {
  return JSON.stringify(text.length > LINE_CHARACTERS_SHOWN ? `${text.substring(0, LINE_CHARACTERS_SHOWN)}…` : text);
}
