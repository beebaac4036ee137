import { chmodSync, lstatSync, rmSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { once } from "node:events";
import type { ChangeKind } from "./changes.js";
import { bytesAsHex, plainEvent } from "./json.js";
import { LineSplitter } from "./line-splitter.js";
import { type ControlledNode, asControlError, callMethod, checkParams } from "./methods.js";
import {
  CLIENTS_MAX, ControlError, FOLLOW_BYTES_MAX, IDLE_MS, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR,
  REQUEST_BYTES_MAX, REQUEST_TOO_LONG, type RequestId, type RpcError, type RpcNotification, type RpcResponse,
  TOO_MANY_CLIENTS,
} from "./protocol.js";
import { checkPath, isPipe, isServed } from "./socket-place.js";

const KINDS: ChangeKind[] = ["event", "row", "forgotten", "datagram", "input"];

/** Answers requests about one node on a Unix socket, or a named pipe. At most 16 clients at a time. */
export class ControlServer {
  private readonly node: ControlledNode;
  private readonly path: string;
  private readonly server: Server;
  private readonly clients = new Set<Client>();

  private constructor(node: ControlledNode, path: string) {
    this.node = node;
    this.path = path;
    // A client may end its side when it has sent its requests, as `printf … | socat - UNIX:…` does.
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  /**
   * Listens on a path. A socket there whose process is gone is replaced.
   *
   * @throws Error when a running process serves the path, when there is something else than a socket, when the
   * path is too long, and what the system throws
   */
  static async listen(node: ControlledNode, path: string): Promise<ControlServer> {
    checkPath(path);
    const server = new ControlServer(node, path);
    try {
      await server.bind();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      if (isPipe(path) || await isServed(path)) {
        throw new Error(`${path} is in use by a running node`, { cause: error });
      }
      if (!lstatSync(path).isSocket()) throw new Error(`${path} is there, and is no socket`, { cause: error });
      rmSync(path, { force: true });
      await server.bind();
    }
    return server;
  }

  /** Ends all connections and removes the socket. */
  close(): void {
    // This removes a Unix socket's file, too.
    this.server.close();
    for (const client of this.clients) client.end();
  }

  private async bind(): Promise<void> {
    // The socket must never be open to others, not even for a moment.
    const mask = process.umask(0o077);
    try {
      this.server.listen(this.path);
    } finally {
      process.umask(mask);
    }
    await once(this.server, "listening");
    if (!isPipe(this.path)) chmodSync(this.path, 0o600);
    this.server.on("error", () => undefined);
    // What keeps the process alive is the node.
    this.server.unref();
  }

  private accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.clients.size >= CLIENTS_MAX) {
      const message = `${CLIENTS_MAX} clients are connected, the most`;
      socket.end(lineOf({ jsonrpc: "2.0", id: null, error: { code: TOO_MANY_CLIENTS, message } }));
      // What it has sent would make the end of the connection an error at the client.
      socket.resume();
      return;
    }
    const client = new Client(this.node, socket);
    this.clients.add(client);
    socket.on("close", () => this.clients.delete(client));
  }
}

/** One connection. Its requests are run one after another, the next one when the answer before is handed on. */
class Client {
  private readonly node: ControlledNode;
  private readonly socket: Socket;
  private readonly splitter = new LineSplitter(REQUEST_BYTES_MAX);
  private stopFollowing: (() => void) | undefined;
  private skipped = 0;

  constructor(node: ControlledNode, socket: Socket) {
    this.node = node;
    this.socket = socket;
    socket.setTimeout(IDLE_MS, () => this.idle());
    socket.on("close", () => this.stopFollowing?.());
    socket.on("drain", () => this.tellSkipped());
    void this.serve();
  }

  end(): void {
    this.socket.end();
    // A client that reads nothing would keep the connection.
    this.socket.unref();
  }

  /** `for await` reads on only when the lines before are done: a client that floods waits, and costs one buffer. */
  private async serve(): Promise<void> {
    let isWhole = true;
    try {
      for await (const bytes of this.socket.iterator({ destroyOnReturn: false })) {
        const lines = this.splitter.add(bytes as Buffer);
        if (lines === undefined) {
          this.refuse(null, REQUEST_TOO_LONG, `a request is longer than ${REQUEST_BYTES_MAX} bytes`);
          isWhole = false;
          break;
        }
        for (const line of lines) {
          if (line.trim() !== "") await this.run(line);
          if (this.socket.destroyed) return;
          // Datagrams have their turn between two requests.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      // A client that ended its side may have sent its last request without a line feed, as `printf '{…}'` does.
      const last = isWhole ? this.splitter.end() : "";
      if (last.trim() !== "") await this.run(last);
    } catch {
      // The connection broke.
    }
    this.end();
  }

  private async run(line: string): Promise<void> {
    let id: RequestId = null;
    try {
      const request = parse(line);
      id = idOf(request);
      const { method, params } = checkedRequest(request);
      const result = method === "follow" ? this.follow(params) : await callMethod(this.node, method, params);
      await this.write({ jsonrpc: "2.0", id, result });
    } catch (error) {
      await this.write({ jsonrpc: "2.0", id, error: errorOf(asControlError(error)) });
    }
  }

  /** Sends changes from now on; another call replaces the one before. */
  private follow(params: Record<string, unknown>): object {
    checkParams("follow", { needs: [], allows: ["kinds", "topic"] }, params);
    const { kinds = ["event"], topic } = params;
    if (!Array.isArray(kinds) || kinds.length === 0 || !kinds.every((kind) => KINDS.includes(kind as ChangeKind))) {
      const given = JSON.stringify(kinds);
      throw new ControlError(INVALID_PARAMS, `follow: kinds: ${given} is no list of ${KINDS.join(", ")}`);
    }
    if (topic !== undefined && typeof topic !== "string") {
      throw new ControlError(INVALID_PARAMS, `follow: topic: ${JSON.stringify(topic)} is not text`);
    }
    this.stopFollowing?.();
    this.stopFollowing = this.node.changes.listen((kind, change) => {
      if (!kinds.includes(kind)) return;
      if (kind !== "event") this.notify(kind, change);
      else if (topic === undefined || (change as { topic: string }).topic === topic) {
        this.notify(kind, plainEvent(change as Parameters<typeof plainEvent>[0]));
      }
    }, kinds.includes("datagram"));
    return {};
  }

  /** Sends a change, or counts it where the client reads too slowly. */
  private notify(method: string, params: object): void {
    if (this.skipped > 0 || this.socket.writableLength > FOLLOW_BYTES_MAX) this.skipped++;
    else this.socket.write(lineOf({ jsonrpc: "2.0", method, params }));
  }

  private tellSkipped(): void {
    const count = this.skipped;
    this.skipped = 0;
    if (count > 0) this.notify("skipped", { count });
  }

  private idle(): void {
    if (this.stopFollowing === undefined) this.socket.destroy();
  }

  private refuse(id: RequestId, code: number, message: string): void {
    this.socket.write(lineOf({ jsonrpc: "2.0", id, error: { code, message } }));
  }

  /** Waits until the answer is with the system, or the connection ended. */
  private async write(response: RpcResponse): Promise<void> {
    if (this.socket.destroyed || this.socket.write(lineOf(response))) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.on("drain", done).on("close", done);
    });
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ControlError(PARSE_ERROR, "a request is not JSON");
  }
}

/** The id of what may be a request, so that its error can name it. */
function idOf(request: unknown): RequestId {
  const id = typeof request === "object" && request !== null ? (request as { id?: unknown }).id : undefined;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

function checkedRequest(request: unknown): { method: string; params: Record<string, unknown> } {
  const wrong = (problem: string): ControlError => new ControlError(INVALID_REQUEST, problem);
  if (!isObject(request)) throw wrong("a request is one object; lists of requests are not supported");
  const { jsonrpc, id, method, params = {} } = request;
  if (jsonrpc !== "2.0") throw wrong(`jsonrpc: ${JSON.stringify(jsonrpc)} is not "2.0"`);
  if (typeof id !== "string" && typeof id !== "number") throw wrong("id: is neither text nor a number");
  if (typeof method !== "string") throw wrong("method: is not text");
  if (!isObject(params)) throw new ControlError(INVALID_PARAMS, "params: is no object; parameters have names");
  return { method, params };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function errorOf({ code, message, data }: ControlError): RpcError {
  return data === undefined ? { code, message } : { code, message, data };
}

function lineOf(message: RpcResponse | RpcNotification): string {
  return `${JSON.stringify(message, bytesAsHex)}\n`;
}
