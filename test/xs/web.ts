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
import { Gossip } from "../../src/gossip.js";
import { type WebAnswer, WebAnswers } from "../../src/web/index.js";
import { BoardProgram, hexOf, serve } from "./board-program.js";

class Board extends BoardProgram {
  private node: Gossip | undefined;
  private answers: WebAnswers | undefined;
  private answer: WebAnswer | undefined;
  private readonly piece = new Uint8Array(1024);

  line(text: string): string {
    const words = text.split(" ");
    switch (words[0]) {
      case "start": return this.start();
      case "receive":
        this.deliver(Number(words[1]));
        return String(this.node!.rows().length);
      case "ask": return this.ask(words[1], words[2]);
      case "read": return this.read(Number(words[1]));
      case "skip": return String(this.answer!.read(this.piece, Number(words[1])));
      case "end":
        this.answer = undefined;
        return "ok";
      default: return this.common(words);
    }
  }

  private start(): string {
    this.node = new Gossip({
      socket: this.socket, clock: this.clock, name: "hall", seedList: ["192.168.0.99"], capacity: 64,
      datagramBytesMax: 512,
    });
    this.node.start();
    this.node.push(21.5);
    return "ok";
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

serve(Board);
