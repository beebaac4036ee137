import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SimNetwork } from "../../desktop/simulator/index.js";
import type { GossipNode } from "../../src/gossip-node.js";
import { PAGE } from "../../src/web/page.js";
import { FakeTimer, load } from "./load.js";
import { root } from "./manifest.js";

/** Bytes that a socket of the SDK takes or gives at once, as in its simulator. */
const SOCKET_BYTES = 1536;

interface SocketOptions {
  from: Tcp;
  onReadable?: (count: number) => void;
  onWritable?: (count: number) => void;
  onError?: () => void;
}

/** The SDK's class TCP over a socket of Node.js, with what SDK 8.2.3 does in its simulator. */
class Tcp {
  format = "buffer";
  socket: Socket | undefined;
  private received = Buffer.alloc(0);
  private room = SOCKET_BYTES;

  constructor(options?: SocketOptions) {
    if (options === undefined) return;
    this.socket = options.from.socket;
    options.from.socket = undefined;
    const socket = this.socket!;
    socket.on("data", (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      options.onReadable?.(this.received.length);
    });
    socket.on("end", () => options.onError?.());
    setImmediate(() => options.onWritable?.(this.room));
    this.onRoom = () => options.onWritable?.(this.room);
  }

  private readonly onRoom: () => void = () => undefined;

  read(count = this.received.length): number | ArrayBuffer | undefined {
    const bytes = this.received.subarray(0, this.format === "number" ? 1 : count);
    this.received = this.received.subarray(bytes.length);
    return this.format === "number" ? bytes[0] : new Uint8Array(bytes).buffer;
  }

  write(bytes: ArrayBuffer | Uint8Array): number {
    const sent = Buffer.from(new Uint8Array(bytes as ArrayBuffer));
    if (this.socket === undefined) throw new Error("closed");
    if (sent.length > this.room) throw new Error("would block");
    this.room -= sent.length;
    this.socket.write(sent, () => {
      if (this.room === SOCKET_BYTES || this.socket === undefined) return;
      this.room = SOCKET_BYTES;
      this.onRoom();
    });
    return this.room;
  }

  close(): void {
    this.socket?.end();
    this.socket?.removeAllListeners("data").removeAllListeners("end").resume();
    this.socket = undefined;
  }
}

/** The SDK's class Listener. */
class Listener {
  static opened: Listener | undefined;
  readonly target: unknown;
  readonly server: Server;
  private readonly waiting: Socket[] = [];

  constructor(options: { port: number; target: unknown; onReadable: (this: Listener, count: number) => void }) {
    this.target = options.target;
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => undefined);
      this.waiting.push(socket);
      options.onReadable.call(this, this.waiting.length);
    }).listen(options.port, "127.0.0.1");
    Listener.opened = this;
  }

  read(): Tcp {
    const tcp = new Tcp();
    tcp.socket = this.waiting.shift();
    return tcp;
  }

  close(): void { this.server.close(); }
}

interface Handlers {
  onRequest(request: { method: string; path: string; headers: Map<string, string> }): void;
  onResponse(response: { status: number; headers: Map<string, string> }): void;
  onWritable(count: number): void;
  onDone(): void;
  onError(): void;
}

interface Io {
  new (options: { port: number; target: unknown; onReadable: (this: Listener, count: number) => void }): Listener;
}

/** A connection as the SDK's HTTP server has it: what it lacks in bounds, this one lacks, too. */
class Connection {
  private handlers: Handlers | undefined;
  private socket: Tcp | undefined;
  private head = "";
  private isAnswering = false;
  private room = 0;
  private left: number | undefined;

  constructor(private from: Tcp | undefined) {}

  accept(handlers: Handlers): void {
    this.handlers = handlers;
    const from = this.from!;
    this.from = undefined;
    const kind = from.constructor as new (options: object) => Tcp;
    this.socket = new kind({
      from,
      onReadable: () => this.read(),
      onWritable: (count: number) => this.writable(count),
      onError: () => this.fail(),
    });
  }

  close(): void {
    this.socket?.close();
    this.from?.close();
    this.socket = this.from = undefined;
  }

  respond({ status, headers }: { status: number; headers: Map<string, string> }): void {
    const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
    this.room = this.socket!.write(Buffer.from(`HTTP/1.1 ${status} .\r\n${lines.join("")}\r\n`));
    this.left = headers.has("content-length") ? Number(headers.get("content-length")) : undefined;
    this.isAnswering = true;
    this.writable(this.room);
  }

  write(bytes: Uint8Array): number {
    if (bytes.length > this.room || bytes.length > (this.left ?? Infinity)) throw new Error("would block");
    this.room = this.socket!.write(bytes);
    if (this.left !== undefined) this.left -= bytes.length;
    if (this.left !== 0) return this.room;
    this.handlers!.onDone();
    this.close();
    return 0;
  }

  private read(): void {
    if (this.isAnswering) return this.fail();
    this.head += Buffer.from(this.socket!.read() as unknown as ArrayBuffer).toString("latin1");
    const end = this.head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const [first, ...lines] = this.head.slice(0, end).split("\r\n");
    const [method, target] = first.split(" ");
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    this.handlers!.onRequest({ method, path: target, headers });
    if (this.socket === undefined) return;
    this.handlers!.onResponse({ status: 200, headers: new Map() });
    // What follows the request in the same packet.
    if (this.head.length > end + 4) this.socket.format = "number";
  }

  private writable(count: number): void {
    this.room = count;
    if (this.isAnswering) this.handlers!.onWritable(Math.min(count, this.left ?? count));
  }

  private fail(): void {
    this.close();
    this.handlers!.onError();
  }
}

class StandIn {
  private readonly listener: Listener;
  constructor(options: { io: Io; port: number; onConnect: (connection: Connection) => void }) {
    this.listener = new options.io({
      port: options.port,
      target: this,
      onReadable(count) {
        while (count-- > 0) options.onConnect(new Connection(this.read()));
      },
    });
  }

  close(): void { this.listener.close(); }
}

interface WebServer { start(): void; close(): void }
type WebServerClass = new (gossip: GossipNode, options: { port?: number; token?: string }) => WebServer;

// The server of the SDK, where that is installed; the tests need no SDK.
const sdk = process.env.MODDABLE;
const servers = ["a stand-in", ...(sdk === undefined ? [] : ["the SDK"])];

for (const kind of servers) describe(`the HTTP server of a board, over ${kind}`, function () {
  this.timeout(60000);
  const timer = new FakeTimer();
  const network = new SimNetwork({ seed: 5 });
  let Web: WebServerClass;
  let server: WebServer;
  let port = 0;
  const fromString = (text: string) => new Uint8Array(Buffer.from(text)).buffer;

  before(async () => {
    (ArrayBuffer as unknown as { fromString?: unknown }).fromString = fromString;
    for (let i = 0; i < 40; i++) network.addNode({ options: { seedList: ["10.0.0.1"], name: `node ${i}` } });
    network.runFor(600000);
    const found = kind === "the SDK"
      ? (await load<{ default: unknown }>(
        path.relative(root, path.join(sdk!, "examples/io/listener/httpserver/httpserver.js")), { timer })).default
      : StandIn;
    ({ WebServer: Web } = await load<{ WebServer: WebServerClass }>("src/platform/moddable-web.ts", {
      "embedded:io/socket/listener": Listener, "embedded:io/socket/tcp": Tcp, "embedded:network/http/server": found,
      timer,
    }));
  });

  after(() => {
    delete (ArrayBuffer as unknown as { fromString?: unknown }).fromString;
  });

  beforeEach(async () => {
    server = new Web(network.nodes[0].gossip!, { port: await freePort() });
    server.start();
    await once(Listener.opened!.server, "listening");
    port = (Listener.opened!.server.address() as AddressInfo).port;
  });

  afterEach(() => {
    server.close();
    assert.equal(timer.count, 0, "no timer is left");
  });

  it("the page and the rows arrive whole, again and again", async () => {
    for (let i = 0; i < 20; i++) {
      const page = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(await page.text(), PAGE);
      const { members } = await (await fetch(`http://127.0.0.1:${port}/v1/nodes`)).json() as { members: object[] };
      assert.equal(members.length, 40);
    }
    const head = await fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), String(PAGE.length));
    assert.equal((await fetch(`http://127.0.0.1:${port}/x`)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`, { method: "DELETE" })).status, 405);
  });

  it("a client that has not sent its request gives way to the next one", async () => {
    const idle = await open(port);
    idle.write("GET /v1/nodes HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    await delay(20);
    assert.equal((await fetch(`http://127.0.0.1:${port}/v1/nodes`)).status, 200);
    assert.equal(await textOf(idle), "");
  });

  it("a connection ends after 10 s", async () => {
    const idle = await open(port);
    await until(() => timer.count === 1);
    timer.pass(9999);
    idle.write("GET ");
    await delay(20);
    assert.equal(idle.readableEnded, false);
    timer.pass(1);
    assert.equal(await textOf(idle), "");
  });

  it("a request of more than 2,048 bytes ends its connection", async () => {
    const one = await open(port);
    one.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(1900)}\r\n\r\n`);
    assert.ok((await textOf(one)).endsWith("</html>\n"));
    const line = "x".repeat(3000);
    for (const text of [line, `GET / HTTP/1.1\r\nX: ${line}\r\n\r\n`, "A: B\r\n".repeat(600)]) {
      const long = await open(port);
      long.write(text);
      assert.equal(await textOf(long), "");
    }
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  });

  it("a body, and bytes after a request, end the connection and nothing else", async () => {
    for (const more of ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]) {
      const one = await open(port);
      one.write(`GET /v1/nodes HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}`);
      assert.equal(await textOf(one), "");
    }
    for (const target of ["/", "/x", "/v1/nodes"]) {
      const one = await open(port);
      one.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      await textOf(one);
    }
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  });

  it("a second connection is closed while an answer is sent", async () => {
    const first = await open(port);
    first.pause();
    first.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    // The answer begins with the request, and needs further turns of the loop of events.
    first.once("readable", () => undefined);
    await once(first, "readable");
    const second = await open(port);
    second.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const [one, two] = await Promise.all([textOf(first), textOf(second)]);
    assert.ok(one.endsWith("</html>\n"));
    assert.ok(two === "" || two.endsWith("</html>\n"), "whole or closed");
  });

  it("a server is started once, and can be started again after it was closed", async () => {
    assert.throws(() => server.start(), { code: "ERR_STATE" });
    server.close();
    server.close();
    server.start();
    await once(Listener.opened!.server, "listening");
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
    assert.throws(() => new Web(network.nodes[0].gossip!, { port: 0 }),
      { code: "ERR_OPTION", message: "port: 0 is not an integer from 1 to 65535" });
    assert.throws(() => new Web(network.nodes[0].gossip!, { token: "x" }), { code: "ERR_OPTION" });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** What arrives until the other end closes. */
async function textOf(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes) => (text += bytes.toString()));
  socket.resume();
  if (!socket.closed) await once(socket, "close");
  return text;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(5);
}
