/*
 * The program of gossip-on-board.test.ts inside XS: a node like that of boards/main.ts, on a platform that does
 * nothing. Lines:
 *   start bytes        creates and starts a node, and allocates this number of bytes for an application
 *   byte offset hex    writes bytes into the next datagram
 *   receive length     delivers the datagram; answers the number of rows in `onUpdate` and `onState`, the most rows in
 *                      one call, and the number of datagrams that the node sent
 *   counter            answers the counter of the last datagram sent
 */
import { Gossip, type NodeRow, minMax } from "../../src/gossip.js";
import { BoardProgram, serve } from "./board-program.js";

class Board extends BoardProgram {
  application: Uint8Array | undefined;
  node: Gossip | undefined;
  text = "";
  updates = 0;
  states = 0;
  rowsMax = 0;

  line(text: string): string {
    const words = text.split(" ");
    switch (words[0]) {
      case "start": return this.start(Number(words[1]));
      case "receive": return this.receive(Number(words[1]));
      default: return this.common(words);
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
      socket: this.socket,
      clock: this.clock,
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

  private receive(length: number): string {
    this.updates = 0;
    this.states = 0;
    this.rowsMax = 0;
    this.sent = 0;
    this.deliver(length);
    return `${this.updates} ${this.states} ${this.rowsMax} ${this.sent}`;
  }
}

serve(Board);
