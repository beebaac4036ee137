import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { Command } from "commander";
import { SerialDevice, WAITS, parseSerial } from "../platform/serial-device.js";

/** Opening the port restarts many boards, and this long they may take to answer at first. */
const START_MS = 20000;
/** How long a board may take for the answer to a command. */
const ANSWER_MS = 5000;
const REPEAT_MS = 1000;
const SETTLE_MS = 300;
/** How long a board may take to join. */
const JOIN_MS = 90000;
const LINE_BYTES_MAX = 80;
const LINE_OF_BOARD_MAX = 4096;
const PREFIX = "chisme: ";

interface ProvisionOptions {
  ssid?: string;
  passwordFile?: string;
  open?: true;
  status?: true;
  forget?: true;
}

/** `chisme provision`. */
export function provisionCommand(): Command {
  return new Command("provision")
    .description("Give a board its Wi-Fi network over a serial line, such as /dev/ttyUSB0 or /dev/ttyUSB0:9600.")
    .argument("<device>", "serial device of the board, which runs boards/care or its console")
    .option("--ssid <name>", "name of the Wi-Fi network, 1 to 32 bytes")
    .option("--password-file <file>", "file with the password (default: standard input, or a prompt without echo)")
    .option("--open", "the network has no password")
    .option("--status", "print the board's status and change nothing")
    .option("--forget", "have the board forget the networks that were saved")
    .showHelpAfterError("(--help lists the options)")
    .action(async (device: string, options: ProvisionOptions) => {
      try {
        process.exitCode = await provision(device, options);
      } catch (error) {
        console.error(`error: ${(error as Error).message}`);
        process.exitCode = 1;
      }
    });
}

/** Returns the exit code: 2 if the network is saved and the board has not joined it. */
async function provision(device: string, options: ProvisionOptions): Promise<number> {
  const { ssid, status, forget } = options;
  if ([ssid, status, forget].filter((option) => option !== undefined).length !== 1) {
    throw new Error("one of --ssid, --status and --forget is needed");
  }
  if (ssid !== undefined) checkText("--ssid", ssid);
  if (options.open !== undefined && options.passwordFile !== undefined) {
    throw new Error("--open and --password-file exclude each other");
  }
  const setting = parseSerial("device", device);
  const password = ssid === undefined ? "" : await readPassword(options);
  checkText("the password", password);
  const line = new ConsoleLine(new SerialDevice(setting, LINE_BYTES_MAX));
  try {
    const found = await line.begin();
    if (status !== undefined) console.log(found);
    else if (forget !== undefined) await line.ask("forget");
    else {
      await line.ask(`ssid ${ssid}`);
      await line.ask(password === "" ? "password" : `password ${password}`);
      await line.ask("save");
      console.error("saved; the board joins");
      return await untilJoined(line);
    }
    return 0;
  } finally {
    await line.close();
  }
}

async function untilJoined(line: ConsoleLine): Promise<number> {
  for (const endMs = performance.now() + JOIN_MS; performance.now() < endMs;) {
    await delay(REPEAT_MS);
    const status = await line.ask("status");
    if (!status.startsWith("online")) continue;
    console.log(status);
    return 0;
  }
  console.error("the board has not joined: is the password right, and the network in reach? It goes on trying, in\n"
    + "turn with the network that it was in before.");
  return 2;
}

/** The board's lines of answers; its other output is passed over. */
class ConsoleLine {
  private readonly device: SerialDevice;
  private rest = "";
  private answer: ((text: string) => void) | undefined;
  private trouble: string | undefined;

  constructor(device: SerialDevice) {
    this.device = device;
    device.open((bytes, length) => this.receive(bytes, length), (error) => {
      this.trouble = error.message.replace(WAITS, "");
    });
  }

  /** Sends `status` until the board answers. @returns its status. @throws Error when the device cannot be opened */
  async begin(): Promise<string> {
    // One that is not there is an error; one that goes away later may come back, as when a board with USB restarts.
    await new Promise(setImmediate);
    if (this.trouble !== undefined) throw new Error(this.trouble);
    for (const endMs = performance.now() + START_MS; performance.now() < endMs;) {
      // The empty line ends what the board may have got before.
      const found = await this.send("\nstatus", REPEAT_MS);
      if (found?.startsWith("ok") !== true) continue;
      // A board that just started may answer several of the repeated commands at once.
      await delay(SETTLE_MS);
      return found.slice(3);
    }
    throw new Error(this.trouble ?? "the board does not answer: does it run the console, and at this speed?");
  }

  /** @throws Error with the board's own words, or when it does not answer */
  async ask(command: string): Promise<string> {
    const found = await this.send(command, ANSWER_MS);
    if (found === undefined) throw new Error(this.trouble ?? "the board does not answer any more");
    if (found.startsWith("error ")) throw new Error(`the board says: ${found.slice(6)}`);
    return found.slice(3);
  }

  async close(): Promise<void> {
    this.device.close();
    await this.device.closed();
  }

  private async send(command: string, patienceMs: number): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<string | undefined>((resolve) => {
      this.answer = resolve;
      timer = setTimeout(() => resolve(undefined), patienceMs);
    });
    const bytes = Buffer.from(`${command}\n`);
    this.device.write(bytes, bytes.length);
    const found = await answered;
    clearTimeout(timer);
    this.answer = undefined;
    return found;
  }

  private receive(bytes: Uint8Array, length: number): void {
    const lines = (this.rest + Buffer.from(bytes.subarray(0, length)).toString("latin1")).split(/\r\n|\r|\n/);
    this.rest = (lines.pop() ?? "").slice(-LINE_OF_BOARD_MAX);
    for (const line of lines) {
      // Debug output may stand in front of it.
      const at = line.indexOf(PREFIX);
      const text = at < 0 ? "" : line.slice(at + PREFIX.length);
      if (/^(ok|error)\b/.test(text)) this.answer?.(text);
    }
  }
}

/** A line's end would be a command of its own. */
function checkText(name: string, text: string): void {
  // eslint-disable-next-line no-control-regex -- They are what is refused.
  if (/[\0-\x1f\x7f]/.test(text)) throw new Error(`${name} has a control character, such as the end of a line`);
}

async function readPassword({ open, passwordFile }: ProvisionOptions): Promise<string> {
  if (open !== undefined) return "";
  if (passwordFile !== undefined) return firstLine(readFileSync(passwordFile, "utf8"), "--password-file");
  if (process.stdin.isTTY) process.stderr.write("Password: ");
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY });
  const line = await new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  lines.close();
  if (process.stdin.isTTY) process.stderr.write("\n");
  return firstLine(line, "the password");
}

function firstLine(text: string, name: string): string {
  const line = text.replace(/\r?\n$/, "");
  if (line === "") throw new Error(`${name} is empty; --open is for networks without a password`);
  return line;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
