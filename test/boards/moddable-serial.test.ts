import assert from "node:assert/strict";
import { SerialMedium, type SerialPort } from "../../src/platform/serial-medium.js";
import { load } from "./load.js";

const FIFO_BYTES = 128;

/** The SDK's class `Serial` on ESP32: its buffer takes 128 bytes, and more are an error. */
class FakeSerial {
  static last: FakeSerial;
  readonly options: Record<string, unknown>;
  arrived: number[] = [];
  sent: number[] = [];
  isClosed = false;
  private room = FIFO_BYTES;

  constructor(options: Record<string, unknown>) {
    this.options = options;
    FakeSerial.last = this;
  }

  read(): ArrayBuffer | undefined {
    const bytes = this.arrived.splice(0);
    return bytes.length === 0 ? undefined : Uint8Array.from(bytes).buffer;
  }

  write(bytes: ArrayBuffer): void {
    assert.ok(bytes instanceof ArrayBuffer);
    if (bytes.byteLength > this.room) throw new Error("output full");
    this.room -= bytes.byteLength;
    this.sent.push(...new Uint8Array(bytes));
  }

  close(): void {
    this.isClosed = true;
  }

  /** The line sends what is in the buffer. */
  becomeWritable(): void {
    this.room = FIFO_BYTES;
    (this.options.onWritable as (count: number) => void)(FIFO_BYTES);
  }

  receive(bytes: readonly number[]): void {
    this.arrived.push(...bytes);
    (this.options.onReadable as (count: number) => void)(bytes.length);
  }
}

describe("serial lines for Moddable", () => {
  const options = { port: 2, receive: 16, transmit: 17, baud: 115200 };
  let made: new (options: unknown, waitingBytesMax?: number) => SerialPort;

  before(async () => {
    const file = "src/platform/moddable-serial.ts";
    ({ ModdableSerialPort: made } = await load<{ ModdableSerialPort: typeof made }>(
      file, { "embedded:io/serial": FakeSerial },
    ));
  });

  it("frames that are longer than the UART's buffer leave piece by piece, and arrive", () => {
    const sender = new SerialMedium(new made(options), 237);
    sender.open(() => assert.fail("nothing was sent here"), assert.fail);
    const line = FakeSerial.last;
    const frames = [1, 2, 3].map((value) => new Uint8Array(244).fill(value));
    line.becomeWritable();
    for (const frame of frames) sender.send(frame, frame.length);
    while (line.sent.length < 3 * 244) line.becomeWritable();
    line.becomeWritable();

    const arrived: Uint8Array[] = [];
    const receiver = new SerialMedium(new made(options), 237);
    receiver.open((bytes, length) => arrived.push(bytes.slice(0, length)), assert.fail);
    for (let at = 0; at < line.sent.length; at += 50) FakeSerial.last.receive(line.sent.slice(at, at + 50));
    assert.deepEqual(arrived, frames);
    const { baud, port, receive, transmit, format } = FakeSerial.last.options;
    assert.deepEqual([baud, port, receive, transmit, format], [115200, 2, 16, 17, "buffer"]);
  });

  it("a write beyond the room for what waits is an error, and so is one to a port that is closed", () => {
    const port = new made(options, 300);
    assert.throws(() => port.write(new Uint8Array(1), 1), /not open/);
    port.open(() => undefined, assert.fail);
    port.write(new Uint8Array(300), 300);
    assert.throws(() => port.write(new Uint8Array(1), 1), /slower than what is sent/);
    FakeSerial.last.becomeWritable();
    port.write(new Uint8Array(FIFO_BYTES), FIFO_BYTES);
    assert.equal(FakeSerial.last.sent.length, FIFO_BYTES);
    port.close();
    assert.ok(FakeSerial.last.isClosed);
    assert.throws(() => port.write(new Uint8Array(1), 1), /not open/);
  });
});
