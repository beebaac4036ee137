import { readFileSync } from "node:fs";
import type { ControlledNode } from "../control/methods.js";
import { DEFAULT_ADDRESS, isLoopback, parseHttpAddress, parseToken } from "../http/guard.js";
import { type HttpOptions, HttpServer } from "../http/http-server.js";
import { ControlSocket, type ControlSocketOptions } from "./control-socket.js";

/** Of the options of `chisme node`, those that say how others look at it. */
export interface NodeAccessOptions extends ControlSocketOptions {
  /** An address, a port or both; true: the defaults. */
  http?: string | true;
  httpTokenFile?: string;
}

/** The ways to a node in this process from outside. Where one cannot be opened, the node runs without it, and warns. */
export class NodeAccess {
  private readonly node: ControlledNode;
  private readonly control: ControlSocket;
  private readonly httpOptions: HttpOptions | undefined;
  private readonly warn: (message: string) => void;
  private server: HttpServer | undefined;
  private isClosed = false;

  /** @throws Error that names an option */
  constructor(node: ControlledNode, options: NodeAccessOptions, warn: (message: string) => void) {
    this.node = node;
    this.control = new ControlSocket(node, options, warn);
    this.httpOptions = readHttpOptions(options);
    this.warn = warn;
  }

  /** @param address and port of the node, which name the socket of a node without a storage */
  async open(address: string, port: number): Promise<void> {
    await Promise.all([this.control.open(address, port), this.openHttp()]);
  }

  close(): void {
    this.isClosed = true;
    this.control.close();
    this.server?.close();
  }

  private async openHttp(): Promise<void> {
    if (this.httpOptions === undefined) return;
    try {
      const server = await HttpServer.listen(this.node, this.httpOptions);
      // The node may have been stopped meanwhile.
      if (this.isClosed) server.close();
      else this.server = server;
    } catch (error) {
      if (!this.isClosed) this.warn(`--http: ${(error as Error).message}; the node runs without HTTP`);
    }
  }
}

function readHttpOptions({ http, httpTokenFile }: NodeAccessOptions): HttpOptions | undefined {
  if (http === undefined) {
    if (httpTokenFile !== undefined) throw new Error("--http-token-file: has no effect without --http");
    return undefined;
  }
  const place = naming("--http", () => parseHttpAddress(http === true ? DEFAULT_ADDRESS : http));
  const token = httpTokenFile === undefined ? undefined : readToken(httpTokenFile);
  if (token === undefined && !isLoopback(place.address)) {
    throw new Error(`--http: ${place.address} is open to other computers, and needs --http-token-file`);
  }
  return { ...place, token };
}

function readToken(file: string): string {
  const text = naming("--http-token-file", () => readFileSync(file, "utf8"));
  try {
    return parseToken(text);
  } catch (error) {
    throw new Error(`--http-token-file: ${file} ${(error as Error).message}`, { cause: error });
  }
}

function naming<Result>(flag: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw new Error(`${flag}: ${(error as Error).message}`, { cause: error });
  }
}
