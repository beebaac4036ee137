import type { Gossip } from "chisme/gossip";
import { WebServer, type WebServerOptions } from "chisme/platform/moddable-web";
import config from "mc/config";

/** Shows a node over HTTP. If that is not possible, the node runs without. */
export function serve(node: Gossip): void {
  const options: WebServerOptions = { port: Number(config.http) };
  if (config.httpToken !== undefined) options.token = String(config.httpToken);
  try {
    new WebServer(node, options).start();
    trace(`HTTP on port ${config.http}\n`);
  } catch (error) {
    trace(`http: ${(error as Error).message}\n`);
  }
}
