import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, createConnection } from "node:net";
import { createInterface } from "node:readline";
import { assertShape } from "../../support/control-schema.js";

const PATIENCE_MS = 20000;

export interface Message {
  id?: number | string | null;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: { code: string } };
  method?: string;
  params?: Record<string, unknown>;
}

/** A client of the control socket that writes what it is given, and checks each line that arrives. */
export class RawClient {
  readonly messages: Message[] = [];
  readonly closed: Promise<unknown>;
  readonly socket: Socket;
  private changed: () => void = () => undefined;
  private calls = 1000;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = once(socket, "close");
    socket.on("error", () => undefined);
    createInterface({ input: socket }).on("line", (line) => {
      const message = JSON.parse(line) as Message;
      assertShape("method" in message ? "notification" : "answer", message);
      this.messages.push(message);
      this.changed();
    }).on("error", () => undefined);
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = createConnection(path);
    await once(socket, "connect");
    return new RawClient(socket);
  }

  write(line: string): void {
    this.socket.write(`${line}\n`);
  }

  async call(method: string, params?: object): Promise<Message> {
    const id = ++this.calls;
    const request = { jsonrpc: "2.0", id, method, params };
    assertShape("request", JSON.parse(JSON.stringify(request)));
    this.write(JSON.stringify(request));
    return this.until(`the answer to ${method}`, (message) => message.id === id);
  }

  /** The next message after `from` for which a condition holds. */
  async until(what: string, condition: (message: Message) => boolean, from = 0): Promise<Message> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.messages.slice(from).find(condition);
      if (found !== undefined) return found;
      const leftMs = deadlineMs - performance.now();
      assert.ok(leftMs > 0, `waited in vain for ${what}; the last that came: ${JSON.stringify(this.messages.at(-1))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 100));
        this.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
