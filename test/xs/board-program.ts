/** What the programs inside XS share: a platform that does nothing, and a next datagram whose bytes the test writes. */
import type { GossipClock, GossipSocket } from "../../src/gossip.js";

const PEER = 0xc0a80063;
const PORT = 5000;
const COUNTER_AT = 7;

export abstract class BoardProgram {
  /** Each datagram has its own buffer, as in the SDK's sockets. */
  private readonly incoming = new Uint8Array(1200);
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  /** Of the last frame sent, a varint as hexadecimal text. */
  private counter = "";
  protected sent = 0;
  protected readonly clock: GossipClock = { nowMs: () => 1000, setTimer: () => 1, clearTimer: () => undefined };
  protected readonly socket: GossipSocket = {
    bind: (_port, onDatagram) => {
      this.onDatagram = onDatagram;
    },
    send: (bytes, length) => {
      this.sent++;
      this.counter = "";
      for (let at = COUNTER_AT; at < length; at++) {
        this.counter += hexOf(bytes[at]);
        if (bytes[at] < 0x80) break;
      }
    },
    ownAddress: () => PEER - 1,
    deviceId: () => 1,
    close: () => undefined,
  };

  /** Does what a line of the test says, and answers. */
  abstract line(text: string): string;

  /** The lines that all programs know: `byte offset hex` and `counter`. */
  protected common(words: string[]): string {
    switch (words[0]) {
      case "byte": return this.put(Number(words[1]), words[2]);
      case "counter": return this.counter;
      default: return "error";
    }
  }

  protected deliver(length: number): void {
    this.onDatagram!(this.incoming.slice(0, length), length, PEER, PORT);
  }

  private put(offset: number, hex: string): string {
    for (let i = 0; i < hex.length; i += 2) this.incoming[offset + i / 2] = parseInt(hex.substring(i, i + 2), 16);
    return "ok";
  }
}

export function hexOf(byte: number): string {
  return (byte < 16 ? "0" : "") + byte.toString(16);
}

/** The host calls `harness.line`. The program is made with the first line, when the machine runs. */
export function serve(Program: new () => BoardProgram): void {
  let program: BoardProgram | undefined;
  (globalThis as { harness?: unknown }).harness = {
    line(text: string): string {
      program ??= new Program();
      return program.line(text);
    },
  };
}
