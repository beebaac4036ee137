import { type Credentials, passwordProblem, ssidProblem } from "./credentials.js";

/** What the console acts on. */
export interface ConsoleTarget {
  /** Text of one line without a password: network, address, version. */
  status(): string;
  /** Saves a network, which the board joins next. */
  saveNetwork(network: Credentials): void;
  /** Forgets the networks that were saved. */
  forgetNetworks(): void;
  restart(): void;
}

/** Longest line, without its end. */
const LINE_BYTES_MAX = 80;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const HELP = `help: these lines
status: network, address, version
ssid NAME: name of the Wi-Fi network
password TEXT: its password, 8 to 63 bytes; without TEXT: an open network
save: save both, and join
forget: forget what was saved
restart`;

/**
 * The commands of a board's serial console. Each line is one command, at most 80 bytes with LF, CR or both at its end.
 * Each line of an answer begins with "chisme: ", since the SDK's own output may be on the same line; the last one with
 * "chisme: ok" or "chisme: error". What arrives is never echoed, and no answer has a password.
 */
export class ProvisioningConsole {
  private readonly target: ConsoleTarget;
  private readonly write: (line: string) => void;
  private readonly line = new Uint8Array(LINE_BYTES_MAX);
  /** Bytes of the line so far; more than fit: the line is refused. */
  private length = 0;
  private ssid: Uint8Array | undefined;
  private password: Uint8Array = new Uint8Array(0);

  /** @param write gets a line of an answer with its end */
  constructor(target: ConsoleTarget, write: (line: string) => void) {
    this.target = target;
    this.write = write;
  }

  receive(bytes: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) {
      const byte = bytes[i];
      if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        const bytesOfLine = this.length;
        this.length = 0;
        if (bytesOfLine > LINE_BYTES_MAX) this.error("line", `has more than ${LINE_BYTES_MAX} bytes`);
        else if (bytesOfLine > 0) this.run(this.line.slice(0, bytesOfLine));
        // A password stays in RAM only until it is saved.
        this.line.fill(0);
      } else {
        if (this.length < LINE_BYTES_MAX) this.line[this.length] = byte;
        if (this.length <= LINE_BYTES_MAX) this.length++;
      }
    }
  }

  private run(line: Uint8Array): void {
    const space = line.indexOf(SPACE);
    const end = space < 0 ? line.length : space;
    let command = "";
    for (let i = 0; i < end; i++) command += String.fromCharCode(line[i]);
    const rest = line.slice(Math.min(end + 1, line.length));
    const isOfText = command === "ssid" || command === "password";
    if (!isOfText && rest.length > 0) return this.error("command", "has too much behind its name: help lists them");
    try {
      this.execute(command, rest);
    } catch (error) {
      this.error(isOfText ? "command" : command, `failed: ${(error as Error).message}`);
    }
  }

  private execute(command: string, rest: Uint8Array): void {
    const { target } = this;
    switch (command) {
      case "help":
        for (const line of HELP.split("\n")) this.answer(line);
        return this.ok("");
      case "status": return this.ok(target.status());
      case "ssid":
        if (ssidProblem(rest) !== "") return this.error("ssid", ssidProblem(rest));
        this.ssid = rest;
        return this.ok("");
      case "password":
        if (passwordProblem(rest) !== "") return this.error("password", passwordProblem(rest));
        this.password = rest;
        return this.ok("");
      case "save":
        if (this.ssid === undefined) return this.error("ssid", "is missing");
        target.saveNetwork({ ssid: this.ssid, password: this.password });
        this.ssid = undefined;
        this.password = new Uint8Array(0);
        return this.ok("");
      case "forget":
        target.forgetNetworks();
        return this.ok("");
      case "restart":
        this.ok("");
        return target.restart();
      // The line may be a password that was sent alone, so the answer does not have it.
      default: return this.error("command", "is unknown: help lists them");
    }
  }

  private ok(text: string): void {
    this.answer(text === "" ? "ok" : `ok ${text}`);
  }

  private error(field: string, problem: string): void {
    this.answer(`error ${field}: ${problem}`);
  }

  private answer(text: string): void {
    this.write(`chisme: ${text}\r\n`);
  }
}
