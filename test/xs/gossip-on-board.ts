/*
 * The program of gossip-on-board.test.ts inside XS: a node like that of boards/main.ts, on a platform that does
 * nothing. Lines:
 *   start bytes        creates and starts a node, and allocates this number of bytes for an application
 *   byte offset hex    writes bytes into the next datagram
 *   receive length     delivers the datagram; answers the number of rows in `onUpdate` and `onState`, the most rows in
 *                      one call, and the number of datagrams that the node sent
 *   counter            answers the counter of the last datagram sent
 */
import { Gossip, type GossipSocket, type NodeRow, minMax } from "../../src/gossip.js";

const PEER = 0xc0a80063;
const PORT = 5000;
const COUNTER_AT = 7;

class Board {
  application: Uint8Array | undefined;
  node: Gossip | undefined;
  /** Each datagram has its own buffer, as in the SDK's sockets. */
  incoming = new Uint8Array(1200);
  onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  text = "";
  updates = 0;
  states = 0;
  rowsMax = 0;
  sent = 0;
  /** Of the last frame sent, a varint as hexadecimal text. */
  counter = "";

  line(text: string): string {
    const words = text.split(" ");
    switch (words[0]) {
      case "start": return this.start(Number(words[1]));
      case "byte": return this.put(Number(words[1]), words[2]);
      case "receive": return this.receive(Number(words[1]));
      case "counter": return this.counter;
      default: return "error";
    }
  }

  private start(applicationBytes: number): string {
    this.application = new Uint8Array(applicationBytes);
    const temperatures = minMax({
      onChange: (minimum, maximum) => {
        this.text = `minimum ${minimum} maximum ${maximum} of ${temperatures.count} nodes`;
      },
    });
    this.node = new Gossip({
      socket: {
        bind: (_port, onDatagram) => {
          this.onDatagram = onDatagram;
        },
        send: (bytes, length) => {
          this.sent++;
          this.counter = "";
          for (let at = COUNTER_AT; at < length; at++) {
            this.counter += hex(bytes[at]);
            if (bytes[at] < 0x80) break;
          }
        },
        ownAddress: () => PEER - 1,
        deviceId: () => 1,
        close: () => undefined,
      },
      clock: { nowMs: () => 1000, setTimer: () => 1, clearTimer: () => undefined },
      name: "hall",
      seedList: ["192.168.0.99"],
      capacity: 64,
      datagramBytesMax: 512,
      views: [temperatures],
      onError: (code, error) => {
        this.text = `${code}: ${error.message}`;
      },
      onUpdate: (rows) => {
        this.updates += rows.length;
        if (rows.length > this.rowsMax) this.rowsMax = rows.length;
      },
      onState: (row: NodeRow) => {
        this.states++;
        this.text = `${row.name ?? "node"} at ${row.address}:${row.port} is ${row.state}`;
      },
    });
    this.node.start();
    this.node.push(21.5);
    return "ok";
  }

  private put(offset: number, hex: string): string {
    for (let i = 0; i < hex.length; i += 2) this.incoming[offset + i / 2] = parseInt(hex.substring(i, i + 2), 16);
    return "ok";
  }

  private receive(length: number): string {
    this.updates = 0;
    this.states = 0;
    this.rowsMax = 0;
    this.sent = 0;
    this.onDatagram!(this.incoming.slice(0, length), length, PEER, PORT);
    return `${this.updates} ${this.states} ${this.rowsMax} ${this.sent}`;
  }
}

function hex(byte: number): string {
  return (byte < 16 ? "0" : "") + byte.toString(16);
}

let board: Board | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    board ??= new Board();
    return board.line(text);
  },
};
