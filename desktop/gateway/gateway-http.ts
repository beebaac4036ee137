import type { NetworkMinMax } from "../control/network-view.js";
import { NodeNetwork } from "../control/node-network.js";
import { DEFAULT_ADDRESS, isLoopback, parseHttpAddress, parseToken } from "../http/guard.js";
import { type HttpOptions, HttpServer } from "../http/http-server.js";
import type { GatewayConfig } from "./config.js";
import type { PartLog } from "./gateway-log.js";
import type { GatewayNode } from "./gateway-node.js";
import { type SecretPlace, readSecret } from "./secrets.js";

/** The gateway's node over HTTP, as that of `chisme node --http`. */
export class GatewayHttp {
  private readonly node: () => GatewayNode;
  private readonly options: HttpOptions;
  private readonly log: PartLog;
  private server: HttpServer | undefined;
  private network: NodeNetwork | undefined;
  private isClosed = false;

  /** @throws Error that names the option */
  constructor(
    section: NonNullable<GatewayConfig["http"]>, node: () => GatewayNode, secrets: SecretPlace, log: PartLog,
  ) {
    this.node = node;
    this.log = log;
    const place = naming("http.listen", () => parseHttpAddress(section.listen ?? DEFAULT_ADDRESS));
    const secret = readSecret(secrets, "http", section, "token");
    const token = secret === undefined ? undefined : naming("http.token", () => parseToken(secret));
    if (token === undefined && !isLoopback(place.address)) {
      throw new Error(`http.listen: ${place.address} is open to other computers, and needs http.tokenFile`);
    }
    this.options = { ...place, token, canWrite: section.write };
  }

  async start(): Promise<void> {
    const node = this.node();
    this.network = new NodeNetwork({ node, roundMs: node.roundMs, minMax: () => minMaxOf(node) });
    try {
      const server = await HttpServer.listen(this.network, this.options);
      if (this.isClosed) server.close();
      else this.server = server;
    } catch (error) {
      this.network.close();
      if (!this.isClosed) this.log.warn(`${(error as Error).message}; the gateway runs without HTTP`);
    }
  }

  close(): void {
    this.isClosed = true;
    this.server?.close();
    this.network?.close();
  }
}

function minMaxOf({ minMax: { minimum, maximum, count } }: GatewayNode): NetworkMinMax {
  return { ...minimum !== undefined && { minimum }, ...maximum !== undefined && { maximum }, count };
}

function naming<Result>(name: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}
