import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, STATUS_CODES, type Server, type ServerResponse, createServer } from "node:http";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { bytesAsHex } from "../control/json.js";
import type { NetworkResource, WatchedNetwork } from "../control/network-view.js";
import { EVENTS_DEFAULT, EVENTS_MAX } from "../control/node-queries.js";
import { ControlError, INTERNAL_ERROR, REFUSED } from "../control/protocol.js";
import { readBody } from "./body.js";
import { ChangeStreams } from "./change-streams.js";
import { EventRing } from "./event-ring.js";
import { Guard, type HttpAddress } from "./guard.js";
import { Metrics } from "./metrics.js";
import { openApi } from "./openapi.js";
import { type PageFile, pageFiles } from "./page-files.js";
import { HttpProblem, PROBLEM_TYPE, problemText } from "./problem.js";

export const CONNECTIONS_MAX = 64;
export const HEADER_BYTES_MAX = 8192;
/** How long a request may take to arrive. */
const REQUEST_MS = 10000;
/** A connection over which nothing passes for so long ends. */
const IDLE_MS = 60000;
const JSON_TYPE = "application/json";
/** What the page may load: its own files, and what it asks this server. */
const PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
  + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
/** What is wrong with bytes that are no request. */
const UNREADABLE: Record<string, [number, string] | undefined> = {
  HPE_HEADER_OVERFLOW: [431, `the head of a request has more than ${HEADER_BYTES_MAX} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, `a request took longer than ${REQUEST_MS / 1000} s to arrive`],
};

export interface HttpOptions extends HttpAddress {
  /** Requests need it, as Bearer; undefined: they need none. */
  token?: string | undefined;
  /** Whether requests may change the network; false by default. */
  canWrite?: boolean | undefined;
  /** Where the files of the page are; by default where the build leaves them. */
  pageFolder?: string | undefined;
}

type Query = Map<string, string>;

interface Path {
  /** Names of the parameters in the query of GET. */
  allows: readonly string[];
  get?: (query: Query, request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  post?: NonNullable<NetworkResource["post"]>;
}

/** Answers HTTP requests about one network, and serves the page that shows it. docs/HTTP.md states paths and bounds. */
export class HttpServer {
  private readonly server: Server;
  private readonly guard: Guard;
  private readonly ring = new EventRing();
  private readonly streams: ChangeStreams;
  private readonly network: WatchedNetwork;
  private readonly canWrite: boolean;
  private readonly page: Map<string, PageFile>;
  private readonly paths: Map<string, Path>;
  /** Connections that sent a request: what they send behind it must not be answered in the middle of an answer. */
  private readonly served = new WeakSet<Socket>();
  /** Numbers of events are those of this run. */
  private readonly run = randomBytes(8).toString("hex");

  private constructor(network: WatchedNetwork, { port, token, canWrite = false, pageFolder }: HttpOptions) {
    this.network = network;
    this.canWrite = canWrite;
    this.guard = new Guard(port, token);
    this.page = pageFiles(pageFolder);
    for (const event of network.events()) this.ring.add(event);
    this.streams = new ChangeStreams(network.changes, this.ring, () => network.events());
    this.paths = this.makePaths();
    this.server = createServer({
      maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: 1000, requireHostHeader: false,
    }, (request, response) => void this.answer(request, response));
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.setTimeout(IDLE_MS);
    this.server.on("clientError", (error, socket) => {
      if (this.served.has(socket as Socket)) (socket as Socket).destroySoon();
      else refuseUnreadable(error, socket as Socket);
    });
  }

  /** @throws Error of the system, such as EADDRINUSE */
  static async listen(network: WatchedNetwork, options: HttpOptions): Promise<HttpServer> {
    const http = new HttpServer(network, options);
    try {
      http.server.listen({ host: options.address, port: options.port });
      await once(http.server, "listening");
    } catch (error) {
      http.streams.close();
      throw error;
    }
    http.server.on("error", () => undefined);
    // What keeps the process alive is the node.
    http.server.unref();
    return http;
  }

  /** Ends all connections. */
  close(): void {
    this.streams.close();
    this.server.close();
    this.server.closeAllConnections();
  }

  private makePaths(): Map<string, Path> {
    const { network, canWrite } = this;
    const json = (result: (query: Query) => object, ...allows: string[]): Path => ({
      allows,
      get: (query, request, response) => sendJson(request, response, result(query)),
    });
    const paths = new Map<string, Path>([
      ["/v1/network", json(() => ({ ...network.view(), canWrite }))],
      ["/v1/nodes", json(() => ({ members: network.members() }))],
      ["/v1/events", json((query) => this.events(query), "after", "topic", "limit")],
      ["/v1/changes", { allows: [], get: (_query, request, response) => this.follow(request, response) }],
    ]);
    const status = network.status?.bind(network);
    if (status !== undefined) {
      const metrics = new Metrics(status, () => this.ring.last);
      paths.set("/v1/status", json(status));
      paths.set("/metrics", {
        allows: [],
        get: async (_query, request, response) =>
          send(request, response, 200, { "content-type": metrics.contentType }, await metrics.text()),
      });
    }
    for (const [name, { get, post }] of Object.entries(network.resources ?? {})) {
      paths.set(name, { allows: [], ...get !== undefined && json(get), ...post !== undefined && { post } });
    }
    const { version } = createRequire(import.meta.url)("chisme/package.json") as { version: string };
    const api = openApi(version, [...paths.keys()]);
    return paths.set("/v1/openapi.json", json(() => api));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.served.add(request.socket);
    // A body may not be read to its end: what follows it is another connection's.
    const { "content-length": length, "transfer-encoding": encoding } = request.headers;
    if (length !== undefined || encoding !== undefined) response.setHeader("connection", "close");
    try {
      this.guard.checkSite(request);
      const [name, ...rest] = (request.url ?? "").split("?");
      const file = this.page.get(name);
      if (file !== undefined) {
        this.answerFile(file, request, response);
        return;
      }
      this.guard.checkToken(request);
      const path = this.paths.get(name);
      if (path === undefined) throw this.notFound(name);
      await this.answerPath(name, path, rest.join("?"), request, response);
    } catch (thrown) {
      const { status, message, headers } = asProblem(thrown);
      const text = problemText(status, STATUS_CODES[status] ?? "", message);
      send(request, response, status, { "content-type": PROBLEM_TYPE, ...headers }, text);
    }
  }

  /** The page's own files need no token: the page asks for it. They say nothing of the network. */
  private answerFile({ type, bytes }: PageFile, request: IncomingMessage, response: ServerResponse): void {
    if (!isReading(request)) {
      throw new HttpProblem(405, `${request.method}: the page has only GET and HEAD`, { allow: "GET, HEAD" });
    }
    send(request, response, 200, { "content-type": type, "content-security-policy": PAGE_POLICY }, bytes);
  }

  private async answerPath(
    name: string, { allows, get, post }: Path, query: string, request: IncomingMessage, response: ServerResponse,
  ): Promise<void> {
    if (get !== undefined && isReading(request)) {
      await get(readQuery(query, allows), request, response);
    } else if (post !== undefined && request.method === "POST") {
      if (!this.canWrite) throw new HttpProblem(403, `${name}: the node only lets read; it needs --http-write`);
      readQuery(query, []);
      sendJson(request, response, await post(await readBody(request)));
    } else {
      const methods = [...get === undefined ? [] : ["GET", "HEAD"], ...post === undefined ? [] : ["POST"]];
      const known = methods.join(", ").replace(/, (?=[A-Z]+$)/, " and ");
      throw new HttpProblem(405, `${request.method}: ${name} has only ${known}`, { allow: methods.join(", ") });
    }
  }

  private notFound(name: string): HttpProblem {
    if (name === "/") return new HttpProblem(404, "the page was not built: npm run build");
    return new HttpProblem(404, `${JSON.stringify(name)} is none of /, ${[...this.paths.keys()].join(", ")}`);
  }

  private events(query: Query): object {
    const after = integerOf(query, "after", 0, this.ring.last);
    const limit = integerOf(query, "limit", 1, EVENTS_MAX) ?? EVENTS_DEFAULT;
    const topic = query.get("topic");
    const page = after === undefined ? this.ring.newest(limit, topic) : this.ring.after(after, limit, topic);
    return { ...page, run: this.run };
  }

  private follow(request: IncomingMessage, response: ServerResponse): void {
    const headers = { ...HEADERS, "content-type": "text/event-stream" };
    if (request.method === "HEAD") {
      response.writeHead(200, headers).end();
      return;
    }
    this.streams.open(response, headers);
  }
}

function isReading({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** What anything that was thrown is as an answer. */
function asProblem(thrown: unknown): HttpProblem {
  if (thrown instanceof HttpProblem) return thrown;
  const { message } = thrown as Error;
  if (!(thrown instanceof ControlError) || thrown.code === INTERNAL_ERROR) {
    return new HttpProblem(500, `a fault of the node: ${message}`);
  }
  return new HttpProblem(thrown.code === REFUSED ? 409 : 400, message);
}

function sendJson(request: IncomingMessage, response: ServerResponse, result: object): void {
  send(request, response, 200, { "content-type": JSON_TYPE }, `${JSON.stringify(result, bytesAsHex)}\n`);
}

/** @param headers beside those of all answers, or in their place */
function send(
  request: IncomingMessage, response: ServerResponse, status: number, headers: object, content: string | Buffer,
): void {
  const body = Buffer.from(content);
  response.writeHead(status, { ...HEADERS, "content-length": body.length, ...headers });
  response.end(request.method === "HEAD" ? undefined : body);
}

function readQuery(text: string, allows: readonly string[]): Query {
  const query: Query = new Map();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!allows.includes(name)) {
      const known = allows.length === 0 ? "no parameters" : allows.join(", ");
      throw new HttpProblem(400, `${JSON.stringify(name)}: the path takes ${known}`);
    }
    if (query.has(name)) throw new HttpProblem(400, `${name}: is there twice`);
    query.set(name, value);
  }
  return query;
}

function integerOf(query: Query, name: string, minimum: number, maximum: number): number | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= minimum && number <= maximum) return number;
  throw new HttpProblem(400, `${name}: ${JSON.stringify(text)} is not an integer from ${minimum} to ${maximum}`);
}

function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, detail] = UNREADABLE[error.code ?? ""] ?? [400, "this is no request of HTTP/1.1"];
  const title = STATUS_CODES[status] ?? "";
  const text = problemText(status, title, detail);
  const headers = { ...HEADERS, "content-type": PROBLEM_TYPE, "content-length": text.length, connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${lines}\r\n${text}`);
}
