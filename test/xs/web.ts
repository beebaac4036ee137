/*
 * The program of web.test.ts inside XS: a node of a board with a table of 64 rows that answers over HTTP. Lines:
 *   start              creates and starts a node, with `WebAnswers`
 *   byte offset hex    writes bytes into the next datagram
 *   receive length     delivers the datagram; answers how many rows there are
 *   counter            answers the counter of the last datagram sent
 *   ask method path    begins an answer; answers its status
 *   read bytes         reads up to so many bytes of the answer; answers how many, and them as hexadecimal text
 *   skip bytes         reads as much; answers how many
 *   end                forgets the answer
 */
import { Gossip, type GossipSocket } from "../../src/gossip.js";
import { type WebAnswer, WebAnswers } from "../../src/web/index.js";

const PEER = 0xc0a80063;
const PORT = 5000;
const COUNTER_AT = 7;

class Board {
  private node: Gossip | undefined;
  private answers: WebAnswers | undefined;
  private answer: WebAnswer | undefined;
  /** Of the last frame sent, a varint as hexadecimal text. */
  private counter = "";
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  private readonly incoming = new Uint8Array(1200);
  private readonly piece = new Uint8Array(1024);

  line(text: string): string {
    const words = text.split(" ");
    switch (words[0]) {
      case "start": return this.start();
      case "byte": return this.put(Number(words[1]), words[2]);
      case "receive": return this.receive(Number(words[1]));
      case "counter": return this.counter;
      case "ask": return this.ask(words[1], words[2]);
      case "read": return this.read(Number(words[1]));
      case "skip": return String(this.answer!.read(this.piece, Number(words[1])));
      case "end":
        this.answer = undefined;
        return "ok";
      default: return "error";
    }
  }

  private start(): string {
    const socket: GossipSocket = {
      bind: (_port, onDatagram) => {
        this.onDatagram = onDatagram;
      },
      send: (bytes, length) => {
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
    const clock = { nowMs: () => 1000, setTimer: () => 1, clearTimer: () => undefined };
    this.node = new Gossip({
      socket, clock, name: "hall", seedList: ["192.168.0.99"], capacity: 64, datagramBytesMax: 512,
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
    this.onDatagram!(this.incoming.slice(0, length), length, PEER, PORT);
    return String(this.node!.rows().length);
  }

  private ask(method: string, path: string): string {
    if (this.answers === undefined) this.answers = new WebAnswers(this.node!, {});
    const header = (name: string) => name === "host" ? "Hall.local:80" : undefined;
    this.answer = this.answers.answer({ method, path, header });
    return String(this.answer.status);
  }

  private read(bytesMax: number): string {
    const length = this.answer!.read(this.piece, bytesMax);
    let hex = "";
    for (let i = 0; i < length; i++) hex += hexOf(this.piece[i]);
    return `${length} ${hex}`;
  }
}

function hexOf(byte: number): string {
  return (byte < 16 ? "0" : "") + byte.toString(16);
}

let board: Board | undefined;

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    board ??= new Board();
    return board.line(text);
  },
};
