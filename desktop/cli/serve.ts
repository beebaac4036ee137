import type { WatchedNetwork } from "../control/network-view.js";
import { type HttpOptions, HttpServer } from "../http/http-server.js";

const SIGNALS: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Serves the page of a network until a signal.
 *
 * @param more lines below the page's address
 * @throws Error that names --http where the address cannot be opened
 */
export async function serveUntilSignal(
  network: WatchedNetwork, options: HttpOptions, writeLine: (line: string) => void, ...more: string[]
): Promise<void> {
  let server: HttpServer;
  try {
    server = await HttpServer.listen(network, options);
  } catch (error) {
    throw new Error(`--http: ${(error as Error).message}`, { cause: error });
  }
  const { address, port } = options;
  const host = address.includes(":") ? `[${address}]` : address;
  const ended = new Promise((resolve) => SIGNALS.forEach((signal) => process.once(signal, resolve)));
  [`page: http://${host}:${port}/ (Ctrl-C ends it)`, ...more].forEach(writeLine);
  await ended;
  server.close();
}
