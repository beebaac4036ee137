import { once } from "node:events";
import { lstatSync } from "node:fs";
import { type Socket, createConnection } from "node:net";
import { LineSplitter } from "./line-splitter.js";
import { ANSWER_BYTES_MAX, ControlError, type RpcNotification, type RpcResponse } from "./protocol.js";
import { type NodeNote, checkPath, isPipe, notedNodes, storageSocket } from "./socket-place.js";

/** How long a node may take to answer. It answers within milliseconds, unless its process stands still. */
const ANSWER_MS = 10000;
export const ENDED = "the node ended the connection: it stops, or was stopped";

/** How a user names a node. */
export interface NodePlace {
  storage?: string;
  socket?: string;
}

/**
 * The socket of the node that is meant: the one named, otherwise that of the only one that runs.
 *
 * @throws Error that says what to name
 */
export async function findSocket({ storage, socket }: NodePlace): Promise<string> {
  if (storage !== undefined && socket !== undefined) throw new Error("--socket: has no effect beside --storage");
  if (socket !== undefined) return socket;
  if (storage !== undefined) return storageSocket(storage);
  const nodes = await notedNodes();
  if (nodes.length === 0) throw new Error("no node of this user runs here; chisme node starts one");
  if (nodes.length === 1) return nodes[0].socket;
  throw new Error(`${nodes.length} nodes run here; name one:\n${(await described(nodes)).join("\n")}`);
}

async function described(nodes: NodeNote[]): Promise<string[]> {
  const lines = await Promise.all(nodes.map(async ({ pid, socket, storage }) => {
    const place = storage === undefined ? `--socket ${socket}` : `--storage ${storage}`;
    try {
      const client = await ControlClient.connect(socket);
      const { name, address, port } = await client.call<{ name?: string; address: string; port: number }>("info");
      client.close();
      return `  ${place}  (${name === undefined ? "" : `${JSON.stringify(name)}, `}${address}:${port}, process ${pid})`;
    } catch {
      return `  ${place}  (process ${pid})`;
    }
  }));
  return lines.sort();
}

/** A connection to a running node. One call at a time. */
export class ControlClient {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  private calls = 0;
  /** Whether this side ended the connection. */
  wasClosedHere = false;
  private onNotification: (notification: RpcNotification) => void = () => undefined;
  /** Resolves when the connection ends. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on("close", () => resolve()));
    socket.on("error", () => undefined);
    const splitter = new LineSplitter(ANSWER_BYTES_MAX);
    socket.on("data", (bytes: Buffer) => {
      const lines = splitter.add(bytes);
      if (lines === undefined) this.end(`an answer is longer than ${ANSWER_BYTES_MAX} bytes`);
      else lines.forEach((line) => this.arrived(line));
    });
    void this.closed.then(() => this.fail(new Error(ENDED)));
  }

  /** @throws Error that says that no node serves the path, or that this user may not connect */
  static async connect(path: string): Promise<ControlClient> {
    checkPath(path);
    const socket = createConnection(path);
    try {
      await once(socket, "connect");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Connecting to a file that is no socket is refused as one to a socket that nobody serves.
      const isFile = code === "ECONNREFUSED" && !isPipe(path) && !lstatSync(path).isSocket();
      throw new Error(reasons[isFile ? "ENOTSOCK" : code ?? ""]?.(path) ?? `${path}: ${message}`, { cause: error });
    }
    return new ControlClient(socket);
  }

  /**
   * Calls a method of the node.
   *
   * @param timeoutMs how long it may take; 0: for ever
   * @throws ControlError that the node answered; Error when it does not answer
   */
  async call<Result>(method: string, params: object = {}, timeoutMs = ANSWER_MS): Promise<Result> {
    if (this.socket.destroyed) throw new Error(ENDED);
    const id = ++this.calls;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      const late = (): void => reject(new Error("the node does not answer: it stands still"));
      if (timeoutMs > 0) timer = setTimeout(late, timeoutMs);
    });
    this.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    try {
      return await answer as Result;
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  /** Has changes of the node passed on, until the connection is closed. */
  async follow(params: object, onChange: (notification: RpcNotification) => void): Promise<void> {
    this.onNotification = onChange;
    await this.call("follow", params);
  }

  close(): void {
    this.wasClosedHere = true;
    this.socket.destroy();
  }

  private arrived(line: string): void {
    let message: RpcResponse | RpcNotification;
    try {
      message = JSON.parse(line) as RpcResponse | RpcNotification;
    } catch {
      this.end("what answers is no node of chisme");
      return;
    }
    if ("method" in message) {
      this.onNotification(message);
      return;
    }
    const failed = "error" in message
      ? new ControlError(message.error.code, message.error.message, message.error.data) : undefined;
    if (message.id === null && failed !== undefined) this.fail(failed);
    const waiting = this.waiting.get(message.id as number);
    if (failed !== undefined) waiting?.reject(failed);
    else waiting?.resolve((message as { result: unknown }).result);
  }

  private end(problem: string): void {
    this.fail(new Error(problem));
    this.close();
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

const reasons: Record<string, ((path: string) => string) | undefined> = {
  ENOENT: (path) => `no node runs at ${path}`,
  ECONNREFUSED: (path) => `no node runs at ${path}: the one that did was killed`,
  EACCES: (path) => `${path} belongs to another user`,
  ENOTSOCK: (path) => `${path} is no socket`,
};
