import { readFileSync } from "node:fs";
import type { MinMax } from "../../src/gossip.js";
import { ControlSocket, type ControlSocketOptions } from "../control/control-socket.js";
import type { ControlledNode } from "../control/methods.js";
import type { NetworkMinMax } from "../control/network-view.js";
import { NodeNetwork } from "../control/node-network.js";
import { DEFAULT_ADDRESS, isLoopback, parseHttpAddress, parseToken } from "../http/guard.js";
import { type HttpOptions, HttpServer } from "../http/http-server.js";

/** Of the options of `chisme node`, those that say how others look at it. */
export interface NodeAccessOptions extends ControlSocketOptions {
  /** An address, a port or both; true: the defaults. */
  http?: string | true;
  httpTokenFile?: string;
  httpWrite?: true;
  /** Time between rounds in ms. */
  interval: number;
  /** Of which minimum and maximum are. */
  field?: string;
}

/** The ways to a node in this process from outside. Where one cannot be opened, the node runs without it, and warns. */
export class NodeAccess {
  private readonly node: ControlledNode;
  private readonly view: MinMax;
  private readonly options: NodeAccessOptions;
  private readonly control: ControlSocket;
  private readonly httpOptions: HttpOptions | undefined;
  private readonly warn: (message: string) => void;
  private server: HttpServer | undefined;
  private network: NodeNetwork | undefined;
  private isClosed = false;

  /** @param view of the node's numbers. @throws Error that names an option */
  constructor(node: ControlledNode, view: MinMax, options: NodeAccessOptions, warn: (message: string) => void) {
    this.node = node;
    this.view = view;
    this.options = options;
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
    this.network?.close();
  }

  private async openHttp(): Promise<void> {
    if (this.httpOptions === undefined) return;
    const { node, options: { interval } } = this;
    this.network = new NodeNetwork({ node, roundMs: interval, minMax: () => this.minMax() });
    try {
      const server = await HttpServer.listen(this.network, this.httpOptions);
      // The node may have been stopped meanwhile.
      if (this.isClosed) server.close();
      else this.server = server;
    } catch (error) {
      this.network.close();
      if (!this.isClosed) this.warn(`--http: ${(error as Error).message}; the node runs without HTTP`);
    }
  }

  private minMax(): NetworkMinMax {
    const { minimum, maximum, count } = this.view;
    const { field } = this.options;
    return {
      ...minimum !== undefined && { minimum }, ...maximum !== undefined && { maximum }, count,
      ...field !== undefined && { field },
    };
  }
}

/** @throws Error that names an option */
export function readHttpOptions(
  { http, httpTokenFile, httpWrite }: Pick<NodeAccessOptions, "http" | "httpTokenFile" | "httpWrite">,
): HttpOptions | undefined {
  if (http === undefined) {
    if (httpTokenFile !== undefined) throw new Error("--http-token-file: has no effect without --http");
    if (httpWrite) throw new Error("--http-write: has no effect without --http");
    return undefined;
  }
  const place = naming("--http", () => parseHttpAddress(http === true ? DEFAULT_ADDRESS : http));
  const token = httpTokenFile === undefined ? undefined : readToken(httpTokenFile);
  if (token === undefined && !isLoopback(place.address)) {
    throw new Error(`--http: ${place.address} is open to other computers, and needs --http-token-file`);
  }
  return { ...place, token, canWrite: httpWrite };
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
