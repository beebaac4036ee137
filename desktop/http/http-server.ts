import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, STATUS_CODES, type Server, type ServerResponse, createServer } from "node:http";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { bytesAsHex } from "../control/json.js";
import type { ControlledNode } from "../control/methods.js";
import { EVENTS_DEFAULT, EVENTS_MAX } from "../control/node-queries.js";
import { ChangeStreams } from "./change-streams.js";
import { EventRing } from "./event-ring.js";
import { Guard, type HttpAddress } from "./guard.js";
import { Metrics } from "./metrics.js";
import { openApi } from "./openapi.js";
import { HttpProblem, PROBLEM_TYPE, problemText } from "./problem.js";

export const CONNECTIONS_MAX = 64;
export const HEADER_BYTES_MAX = 8192;
/** How long a request may take to arrive. */
const REQUEST_MS = 10000;
/** A connection over which nothing passes for so long ends. */
const IDLE_MS = 60000;
const JSON_TYPE = "application/json";
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

/** A running node, for those who only look at it. */
export type WatchedNode = Pick<ControlledNode, "queries" | "changes">;

export interface HttpOptions extends HttpAddress {
  /** Requests need it, as Bearer; undefined: they need none. */
  token?: string | undefined;
}

type Query = Map<string, string>;

interface Path {
  allows: readonly string[];
  answer: (query: Query, request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

/** Answers HTTP requests about one node. Nothing here changes the node. docs/HTTP.md states paths and bounds. */
export class HttpServer {
  private readonly server: Server;
  private readonly guard: Guard;
  private readonly ring = new EventRing();
  private readonly streams: ChangeStreams;
  private readonly paths: Map<string, Path>;
  /** Connections that sent a request: what they send behind it must not be answered in the middle of an answer. */
  private readonly served = new WeakSet<Socket>();
  /** Numbers of events are those of this run. */
  private readonly run = randomBytes(8).toString("hex");

  private constructor({ queries, changes }: WatchedNode, { port, token }: HttpOptions) {
    this.guard = new Guard(port, token);
    for (const event of queries.events({ limit: EVENTS_MAX })) this.ring.add(event);
    this.streams = new ChangeStreams(changes, this.ring);
    const metrics = new Metrics(queries, () => this.ring.last);
    const { version } = createRequire(import.meta.url)("chisme/package.json") as { version: string };
    const api = openApi(version);
    const json = (result: (query: Query) => object, ...allows: string[]): Path => ({
      allows,
      answer: (query, request, response) =>
        send(request, response, 200, JSON_TYPE, `${JSON.stringify(result(query), bytesAsHex)}\n`),
    });
    this.paths = new Map<string, Path>([
      ["/v1/nodes", json(() => ({ members: queries.members() }))],
      ["/v1/status", json(() => queries.status())],
      ["/v1/events", json((query) => this.events(query), "after", "topic", "limit")],
      ["/v1/openapi.json", json(() => api)],
      ["/v1/changes", { allows: [], answer: (_query, request, response) => this.follow(request, response) }],
      ["/metrics", {
        allows: [],
        answer: async (_query, request, response) =>
          send(request, response, 200, metrics.contentType, await metrics.text()),
      }],
    ]);
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
  static async listen(node: WatchedNode, options: HttpOptions): Promise<HttpServer> {
    const http = new HttpServer(node, options);
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

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.served.add(request.socket);
    // No path reads a body: what follows one is another connection's.
    const { "content-length": length, "transfer-encoding": encoding } = request.headers;
    if (length !== undefined || encoding !== undefined) response.setHeader("connection", "close");
    try {
      this.guard.check(request);
      const [name, ...rest] = (request.url ?? "").split("?");
      const path = this.paths.get(name);
      if (path === undefined) {
        throw new HttpProblem(404, `${JSON.stringify(name)} is none of ${[...this.paths.keys()].join(", ")}`);
      }
      if (request.method !== "GET" && request.method !== "HEAD") {
        throw new HttpProblem(405, `${request.method}: ${name} has only GET and HEAD`, { allow: "GET, HEAD" });
      }
      await path.answer(readQuery(rest.join("?"), path.allows), request, response);
    } catch (thrown) {
      const problem = thrown instanceof HttpProblem ? thrown
        : new HttpProblem(500, `a fault of the node: ${(thrown as Error).message}`);
      const { status, message, headers } = problem;
      send(request, response, status, PROBLEM_TYPE, problemText(status, STATUS_CODES[status] ?? "", message), headers);
    }
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

function send(
  request: IncomingMessage, response: ServerResponse, status: number, type: string, text: string, headers: object = {},
): void {
  const body = Buffer.from(text);
  response.writeHead(status, { ...HEADERS, "content-type": type, "content-length": body.length, ...headers });
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
