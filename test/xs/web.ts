/*
 * The program of web.test.ts inside XS: a node of a board with a table of 64 rows that answers over HTTP. Lines:
 *   start              creates and starts a node, with `WebAnswers`
 *   fill hex           delivers a datagram
 *   ask method path    begins an answer; answers its status
 *   read bytes         reads up to so many bytes of the answer; answers how many, and them as hexadecimal text
 *   end                forgets the answer
 */
import { Gossip, type GossipSocket } from "../../src/gossip.js";
import { type WebAnswer, WebAnswers } from "../../src/web/index.js";

const PEER = 0xc0a80063;
const PORT = 5000;

class Board {
  private node: Gossip | undefined;
  private answers: WebAnswers | undefined;
  private answer: WebAnswer | undefined;
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  private readonly piece = new Uint8Array(1024);

  line(text: string): string {
    const words = text.split(" ");
    switch (words[0]) {
      case "start": return this.start();
      case "fill": return this.fill(words[1]);
      case "ask": return this.ask(words[1], words[2]);
      case "read": return this.read(Number(words[1]));
      case "end": this.answer = undefined; return "ok";
      default: return "error";
    }
  }

  private start(): string {
    const socket: GossipSocket = {
      bind: (_port, onDatagram) => { this.onDatagram = onDatagram; },
      send: () => undefined,
      ownAddress: () => PEER - 1,
      deviceId: () => 1,
      close: () => undefined,
    };
    const clock = { nowMs: () => 0, setTimer: () => 0, clearTimer: () => undefined };
    this.node = new Gossip({ socket, clock, randomSeed: 1, capacity: 64, datagramBytesMax: 512, name: "hall" });
    this.node.start();
    return "ok";
  }

  private fill(hex: string): string {
    const bytes = new Uint8Array(hex.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    this.onDatagram!(bytes, bytes.length, PEER, PORT);
    return String(this.node!.rows().length);
  }

  private ask(method: string, path: string): string {
    if (this.answers === undefined) this.answers = new WebAnswers(this.node!, { hosts: ["hall.example"] });
    this.answer = this.answers.answer({ method, path, header: (name) => name === "host" ? "Hall.local:80" : undefined });
    return String(this.answer.status);
  }

  private read(bytesMax: number): string {
    const length = this.answer!.read(this.piece, bytesMax);
    let hex = "";
    for (let i = 0; i < length; i++) hex += (this.piece[i] < 16 ? "0" : "") + this.piece[i].toString(16);
    return `${length} ${hex}`;
  }
}

const board = new Board();
(globalThis as { onLine?: unknown }).onLine = (text: string) => board.line(text);
