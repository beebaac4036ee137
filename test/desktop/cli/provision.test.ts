import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProvisioningConsole } from "../../../boards/care/console.js";
import { SavedNetworks } from "../../../boards/care/credentials.js";
import { SerialDevice } from "../../../desktop/platform/serial-device.js";
import { Board, imageOf } from "../../boards/care/board.js";
import { MemoryPreferences } from "../../boards/care/preferences.js";
import { PtyPair, removePairs, requireSocat } from "../pty.js";
import { cleanUp, freshFolder, freshPort } from "./node-process.js";
import { main } from "../../support/command-line.js";

const children = new Set<ChildProcess>();

/** `chisme …` as its own process. */
function chisme(args: string[], input = ""): { output: () => string; status: Promise<number | null> } {
  const child = spawn(process.execPath, [main, ...args], { stdio: "pipe" });
  children.add(child);
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return { output: () => text, status: once(child, "close").then(([status]) => status as number | null) };
}

/** The board's side of a line: the boards' own console, on a device of the computer. */
class ConsoleBoard {
  readonly networks = new SavedNetworks(new MemoryPreferences(), "wifi");
  /** Bytes that the board sent. */
  sent = "";
  /** The only password with which it joins. */
  password = "right password";
  isOnline = false;
  private readonly device: SerialDevice;

  constructor(end: string) {
    this.device = new SerialDevice({ device: end, baud: 115200 }, 1500);
    const lines = new ProvisioningConsole({
      status: () => this.isOnline ? "online, id 7" : "offline, id 7",
      saveNetwork: (network) => {
        this.networks.save(network);
        this.isOnline = this.networks.list().some(({ password }) => Buffer.from(password).toString() === this.password);
      },
      forgetNetworks: () => this.networks.forget(),
      restart: () => undefined,
    }, (line) => this.write(line));
    this.device.open((bytes, length) => lines.receive(bytes, length), () => undefined);
  }

  write(text: string): void {
    this.sent += text;
    const bytes = Buffer.from(text);
    this.device.write(bytes, bytes.length);
  }

  list(): string[] {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
    return this.networks.list().map(({ ssid, password }) => `${text(ssid)}/${text(password)}`);
  }

  async close(): Promise<void> {
    this.device.close();
    await this.device.closed();
  }
}

describe("chisme provision", function () {
  this.timeout(120000);
  let board: ConsoleBoard;
  let device: string;

  before(function () {
    requireSocat(this);
  });

  beforeEach(async () => {
    const { ends } = await PtyPair.open();
    device = ends[0];
    board = new ConsoleBoard(ends[1]);
  });

  afterEach(async () => {
    for (const child of children) child.kill();
    children.clear();
    await board.close();
    await removePairs();
    await cleanUp();
  });

  it("gives the board a network, with the password from standard input, and shows that it joined", async () => {
    const { output, status } = chisme(["provision", device, "--ssid", "Büro 2"], "right password\n");
    board.write("debug output without an end");
    assert.equal(await status, 0, output());
    assert.deepEqual(board.list(), ["Büro 2/right password"]);
    assert.match(output(), /online, id 7/);
    // Neither side ever shows it.
    assert.ok(!output().includes("right") && !board.sent.includes("right"));
  });

  it("the password may come from a file; --open, --status and --forget do as they say", async () => {
    const file = join(freshFolder(), "password");
    writeFileSync(file, "right password\n");
    const first = chisme(["provision", device, "--ssid", "home", "--password-file", file]);
    assert.equal(await first.status, 0, first.output());
    board.password = "";
    const second = chisme(["provision", device, "--ssid", "guests", "--open"]);
    assert.equal(await second.status, 0, second.output());
    assert.deepEqual(board.list(), ["guests/", "home/right password"]);
    const third = chisme(["provision", device, "--status"]);
    assert.equal(await third.status, 0);
    assert.equal(third.output(), "online, id 7\n");
    const fourth = chisme(["provision", device, "--forget"]);
    assert.equal(await fourth.status, 0);
    assert.deepEqual(board.list(), []);
  });

  it("what the board refuses, and what no board would get, ends with an error that has no password", async () => {
    for (const [args, input, message] of [
      [["--ssid", "x".repeat(33)], "password\n", "the board says: ssid: is not of 1 to 32 bytes"],
      [["--ssid", "home"], "short\n", "the board says: password: is not of 8 to 63 bytes, or empty"],
      [["--ssid", "a\nforget"], "password\n", "--ssid has a control character, such as the end of a line"],
      [["--ssid", "home"], "", "the password is empty; --open is for networks without a password"],
      [["--ssid", "home", "--status"], "", "one of --ssid, --status and --forget is needed"],
      [["--ssid", "home", "--open", "--password-file", "x"], "", "--open and --password-file exclude each other"],
    ] as const) {
      const { output, status } = chisme(["provision", device, ...args], input);
      assert.equal(await status, 1);
      assert.equal(output(), `error: ${message}\n`);
    }
    assert.deepEqual(board.list(), []);
  });

  it("a device that is not there is an error at once, and not a board that does not answer", async () => {
    const missing = join(freshFolder(), "ttyUSB9");
    const { output, status } = chisme(["provision", missing, "--status"]);
    assert.equal(await status, 1);
    assert.match(output(), /^error: \S+ttyUSB9 cannot be opened: .*No such file or directory\n$/);
  });
});

describe("chisme firmware", function () {
  this.timeout(120000);

  afterEach(async () => {
    for (const child of children) child.kill();
    children.clear();
    await cleanUp();
  });

  it("a board loads what the command serves and a desktop node announces", async () => {
    const file = join(freshFolder(), "image.bin");
    const image = Buffer.from(imageOf("1.1", 9000));
    writeFileSync(file, Buffer.concat([Buffer.of(0xe9), image]));
    const { output } = chisme(["firmware", "sensor", "1.1", file, "--listen", `127.0.0.1:${freshPort()}`]);
    while (!output().includes("served until")) await new Promise((resolve) => setTimeout(resolve, 20));
    const [, line] = /^set firmware sensor (\{.*\})$/m.exec(output()) ?? [];
    const value = JSON.parse(line) as { size: number };
    assert.equal(value.size, 9001);
    const board = new Board();
    board.start();
    board.updates?.announced(value);
    assert.equal(await board.untilNews(), "version 1.1 cannot be started: end failed");
    assert.equal(board.places[1].length, 9001);
    board.updates?.close();
  });

  it("what is no model, no version or no image is refused", async () => {
    const file = join(freshFolder(), "image.bin");
    writeFileSync(file, "text");
    const image = join(freshFolder(), "image.bin");
    writeFileSync(image, Buffer.of(0xe9));
    const long = "é".repeat(16);
    for (const [args, message] of [
      [[long, "1.1", image], `model: "${long}" is not of 1 to 31 bytes without spaces`],
      [["two words", "1.1", file], 'model: "two words" is not of 1 to 31 bytes without spaces'],
      [["sensor", "v1", file], 'version: "v1" is not up to 4 numbers with dots, at most 16 characters'],
      [["sensor", "1.1", file], `file: ${file} is no image of an ESP32`],
    ] as const) {
      const { output, status } = chisme(["firmware", ...args]);
      assert.equal(await status, 1);
      assert.equal(output(), `error: ${message}\n`);
    }
  });
});
