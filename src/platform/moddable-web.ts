import Listener from "embedded:io/socket/listener";
import TCP from "embedded:io/socket/tcp";
import HTTPServer, { type HTTPConnection } from "embedded:network/http/server";
import Timer from "timer";
import { checkNames, integer } from "../checks.js";
import { failure } from "../errors.js";
import type { GossipNode } from "../gossip-node.js";
import { type WebAnswer, WebAnswers } from "../web/index.js";

/** Options of the HTTP server on the Moddable SDK. */
export interface WebServerOptions {
  /** TCP port, 1 to 65,535; 80 by default. */
  port?: number;
  /** As in `WebOptions` of `chisme/web`. */
  hosts?: string[];
  /** As in `WebOptions` of `chisme/web`. */
  token?: string;
}

/** The longest request, in bytes. */
const REQUEST_BYTES_MAX = 2048;
/** How long a connection may take, from its first packet to the last byte of the answer. */
const CONNECTION_MS = 10000;
/** Bytes of an answer that are in RAM at a time. */
const PIECE_BYTES = 1024;

/**
 * Shows a node over HTTP, by the SDK's HTTP server: `/`, a page, and `/v1/nodes`, rows as JSON. Everybody in the
 * network can read them, unless there is a token. Nothing changes the node.
 *
 * One connection at a time: a new one closes one that has not sent its request yet, and is closed itself while another
 * one is answered. A connection ends after 10 s at the latest. Requests have up to 2,048 bytes and no body.
 */
export class WebServer {
  private readonly answers: WebAnswers;
  private readonly port: number;
  private readonly piece = new Uint8Array(PIECE_BYTES);
  private server: HTTPServer | undefined;
  private connection: HTTPConnection | undefined;
  private answer: WebAnswer | undefined;
  private timer: unknown;

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(gossip: GossipNode, options: WebServerOptions) {
    checkNames("", options, "port hosts token");
    const { port, ...web } = options;
    this.port = integer("port", port, 80, 1, 65535);
    this.answers = new WebAnswers(gossip, web);
  }

  /** Begins to listen. @throws Error ERR_STATE when it listens, and what the SDK throws when the port is in use */
  start(): void {
    if (this.server !== undefined) throw failure("ERR_STATE", "start: the server listens");
    this.server = new HTTPServer({
      io: BoundedListener,
      port: this.port,
      onConnect: (connection) => this.accept(connection),
    });
  }

  /** Ends the connection, and listens no more. The server can be started again. */
  close(): void {
    this.end();
    this.server?.close();
    this.server = undefined;
  }

  private accept(connection: HTTPConnection): void {
    if (this.answer !== undefined) {
      connection.close();
      return;
    }
    this.end();
    this.connection = connection;
    this.timer = Timer.set(() => this.end(), CONNECTION_MS);
    connection.accept({
      onRequest: ({ method, path, headers }) => {
        const length = headers.get("content-length");
        // The SDK's server waits for a body, which nobody reads.
        if (headers.has("transfer-encoding") || (length !== undefined && length !== "0")) this.end();
        else this.answer = this.answers.answer({ method, path, header: (name) => headers.get(name) });
      },
      onResponse: (response) => this.respond(response),
      onWritable: (count) => this.send(count),
      onDone: () => this.forget(connection),
      onError: () => this.forget(connection),
    });
  }

  private respond(response: { status: number; headers: Map<string, string | number> }): void {
    const answer = this.answer!;
    response.status = answer.status;
    for (let i = 0; i < answer.headers.length; i += 2) response.headers.set(answer.headers[i], answer.headers[i + 1]);
    this.connection!.respond(response);
  }

  /** Sends as much as the socket takes. An answer without a length ends with its connection. */
  private send(count: number): void {
    let room = count;
    while (room > 0 && this.answer !== undefined) {
      const length = this.answer.read(this.piece, Math.min(room, PIECE_BYTES));
      if (length === 0) return this.end();
      room = this.connection!.write(this.piece.subarray(0, length));
    }
  }

  /** The connection was closed. */
  private forget(connection: HTTPConnection): void {
    if (connection === this.connection) this.end();
  }

  private end(): void {
    const { connection, timer } = this;
    this.connection = undefined;
    this.answer = undefined;
    this.timer = undefined;
    if (timer !== undefined) Timer.clear(timer as Timer);
    connection?.close();
  }
}

interface SocketOptions {
  from: BoundedSocket;
  onReadable: (count: number) => void;
  onWritable: (count: number) => void;
  onError: () => void;
}

/**
 * A connection that the SDK's HTTP server uses in place of a TCP socket. The server collects a request of any length,
 * and throws where bytes follow a request. What is thrown in a callback of a socket ends the program.
 */
class BoundedSocket {
  private tcp: TCP | undefined;
  private received = 0;

  /** @param accepted a socket of the listener, which is not open yet, or one of this class around it */
  constructor(accepted: TCP | SocketOptions) {
    if (accepted instanceof TCP) {
      this.tcp = accepted;
      return;
    }
    const { from, onReadable, onWritable, onError } = accepted;
    const fail = () => {
      try {
        onError();
      } catch {
        // The server had closed the connection.
      }
    };
    const guard = (callback: () => void) => {
      try {
        callback();
      } catch {
        fail();
      }
    };
    this.tcp = new TCP({
      from: from.tcp!,
      onReadable: (count) => {
        this.received += count;
        if (this.received > REQUEST_BYTES_MAX) fail();
        else guard(() => onReadable(count));
      },
      onWritable: (count) => guard(() => onWritable(count)),
      onError: fail,
    });
    from.tcp = undefined;
  }

  get format(): "number" | "buffer" { return this.tcp!.format; }
  set format(format: "number" | "buffer") { this.tcp!.format = format; }

  read(count?: number): number | ArrayBuffer { return this.tcp!.read(count); }

  /** @returns the room that is left. Throws where the socket fails, of which it calls nothing back afterwards. */
  write(bytes: ArrayBuffer | Uint8Array): number {
    const room = this.tcp!.write(bytes) as unknown as number | undefined;
    if (room === undefined) throw failure("ERR_STATE", "write: the connection failed");
    return room;
  }

  close(): void {
    const tcp = this.tcp;
    this.tcp = undefined;
    tcp?.close();
  }
}

/** Its connections are bounded ones. */
class BoundedListener extends Listener {
  override read(): TCP | undefined {
    const accepted = super.read();
    return accepted === undefined ? undefined : new BoundedSocket(accepted) as unknown as TCP;
  }
}
