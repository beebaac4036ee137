import assert from "node:assert/strict";
import { type RemoteInfo, type Socket, createSocket } from "node:dgram";
import { once } from "node:events";
import { type SntpOptions, type SntpPlatform, SntpRequests } from "../../src/platform/sntp-client.js";

const UNIX_SECONDS = 2208988800;
const MINUTE = 60000;

/** A real SNTP server on loopback. Its answers may be changed. */
class Server {
  readonly requests: Buffer[] = [];
  /** Times of the server: receipt and transmission, ms since 1970. */
  receivedMs = 1767225600250;
  transmittedMs = 1767225600250;
  change: (answer: Buffer) => Buffer[] = (answer) => [answer];
  private constructor(private readonly socket: Socket) {
    socket.on("message", (request, from) => this.answer(request, from));
  }

  static async open(): Promise<Server> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Server(socket);
  }

  get name(): string { return `127.0.0.1:${this.socket.address().port}`; }
  close(): void { this.socket.close(); }

  private answer(request: Buffer, from: RemoteInfo): void {
    this.requests.push(request);
    const answer = Buffer.alloc(48);
    answer[0] = 0x24;
    answer[1] = 2;
    answer.writeUInt32BE(0x00008000, 4);
    answer.writeUInt32BE(0x00000419, 8);
    request.copy(answer, 24, 40, 48);
    writeStamp(answer, 32, this.receivedMs);
    writeStamp(answer, 40, this.transmittedMs);
    for (const bytes of this.change(answer)) this.socket.send(bytes, from.port, from.address);
  }
}

function writeStamp(bytes: Buffer, at: number, ms: number): void {
  bytes.writeUInt32BE((Math.floor(ms / 1000) + UNIX_SECONDS) % 4294967296, at);
  bytes.writeUInt32BE(Math.floor((ms % 1000) * 4294967.296), at + 4);
}

/** Real sockets; timers go off when the test says so. */
class Client {
  readonly times: [ms: number, errorMs: number][] = [];
  readonly errors: string[] = [];
  readonly looked: string[] = [];
  readonly requests: SntpRequests;
  nowMs = 0xffffff00;
  opened = 0;
  timers: { callback: () => void; delayMs: number }[] = [];
  private received = 0;
  private awaited = 0;
  private waiting: (() => void) | undefined;

  constructor(servers: string[], options: Partial<SntpOptions> = {}) {
    const platform: SntpPlatform = {
      nowMs: () => this.nowMs >>> 0,
      setTimer: (callback, delayMs) => {
        const timer = { callback, delayMs };
        this.timers.push(timer);
        return timer;
      },
      clearTimer: (timer) => { this.timers = this.timers.filter((other) => other !== timer); },
      random: () => (Math.random() * 4294967296) >>> 0,
      resolve: (name, callback) => {
        this.looked.push(name);
        callback(name === "nowhere" ? undefined : name);
      },
      open: (onDatagram) => {
        const socket = createSocket("udp4");
        this.opened++;
        let isOpen = true;
        socket.on("message", (bytes, { address, port }) => {
          if (!isOpen) return;
          this.nowMs += 20;
          onDatagram(bytes, address, port);
          this.received++;
          this.waiting?.();
        });
        return {
          send: (bytes, address, port) => socket.send(bytes, port, address),
          close: () => { isOpen = false; this.opened--; socket.close(); },
        };
      },
    };
    this.requests = new SntpRequests(platform, {
      servers, onTime: (ms, errorMs) => this.times.push([ms, errorMs]), onError: (message) => this.errors.push(message),
      ...options,
    });
  }

  /** Waits for so many more datagrams. */
  async datagrams(count: number): Promise<void> {
    this.awaited += count;
    while (this.received < this.awaited) await new Promise<void>((resolve) => { this.waiting = resolve; });
  }

  /** The only timer goes off. Returns its delay. */
  fire(): number {
    assert.equal(this.timers.length, 1);
    const [{ callback, delayMs }] = this.timers.splice(0);
    callback();
    return delayMs;
  }
}

describe("SNTP client", () => {
  const servers: Server[] = [];
  const clients: Client[] = [];
  const open = async (): Promise<Server> => {
    const server = await Server.open();
    servers.push(server);
    return server;
  };
  const make = (names: string[], options?: Partial<SntpOptions>): Client => {
    const client = new Client(names, options);
    clients.push(client);
    return client;
  };

  afterEach(() => {
    for (const client of clients.splice(0)) {
      client.requests.close();
      assert.deepEqual([client.opened, client.timers.length], [0, 0]);
    }
    for (const server of servers.splice(0)) server.close();
  });

  it("the client takes the time with its fraction, and half of the round trip", async () => {
    const server = await open();
    server.transmittedMs = server.receivedMs + 6;
    const client = make([server.name]);
    client.requests.start();
    await client.datagrams(1);
    assert.equal(client.times.length, 1);
    const [[ms, errorMs]] = client.times;
    // 20 ms under way, of which 6 in the server; 250 ms of delay to the first server, and 16 of dispersion.
    assert.ok(Math.abs(ms - (server.transmittedMs + 7)) < 0.01, `${ms}`);
    assert.ok(Math.abs(errorMs - (7 + 250 + 16.01 + 1)) < 0.1, `${errorMs}`);
    assert.deepEqual([server.requests[0].length, server.requests[0][0]], [48, 0x23]);
  });

  it("the client asks again after its interval, with another stamp", async () => {
    const server = await open();
    const client = make([server.name], { intervalMs: 64000 });
    client.requests.start();
    await client.datagrams(1);
    assert.equal(client.fire(), 64000);
    await client.datagrams(1);
    assert.equal(client.times.length, 2);
    assert.notDeepEqual(server.requests[0].subarray(40), server.requests[1].subarray(40));
  });

  it("the client reads the times of the era that begins in 2036", async () => {
    const server = await open();
    server.receivedMs = Date.UTC(2041, 1, 3);
    server.transmittedMs = server.receivedMs;
    const client = make([server.name]);
    client.requests.start();
    await client.datagrams(1);
    assert.ok(Math.abs(client.times[0][0] - server.receivedMs - 10) < 0.01);
  });

  const wrong: [string, (answer: Buffer) => void][] = [
    ["a stamp that is not that of the request", (answer) => { answer[31] ^= 1; }],
    ["a server whose clock is not set", (answer) => { answer[0] |= 0xc0; }],
    ["stratum 0, a kiss of death", (answer) => { answer[1] = 0; }],
    ["stratum 16", (answer) => { answer[1] = 16; }],
    ["a time of 1970, as of a router that has none yet", (answer) => {
      writeStamp(answer, 32, 5000);
      writeStamp(answer, 40, 5000);
    }],
    ["stamps that are not set", (answer) => { answer.fill(0, 32, 48); }],
    ["an answer that was sent before its request came", (answer) => { writeStamp(answer, 32, Date.UTC(2099, 1, 3)); }],
    ["a frame that is no answer of a server", (answer) => { answer[0] = 0x23; }],
  ];
  for (const [what, spoil] of wrong) it(`the client ignores ${what}`, async () => {
    const server = await open();
    server.change = (answer) => {
      const spoilt = Buffer.from(answer);
      spoil(spoilt);
      return [spoilt, answer.subarray(0, 47), answer];
    };
    const client = make([server.name]);
    client.requests.start();
    await client.datagrams(2);
    assert.deepEqual(client.times, []);
    await client.datagrams(1);
    assert.equal(client.times.length, 1);
  });

  it("the client goes on to the next server, and tries all again after a while", async () => {
    const [silent, good] = [await open(), await open()];
    silent.change = () => [];
    const client = make([silent.name, "nowhere", good.name]);
    client.requests.start();
    assert.equal(client.fire(), 3000);
    await client.datagrams(1);
    assert.equal(client.times.length, 1);
    assert.deepEqual(client.looked, ["127.0.0.1", "nowhere", "127.0.0.1"]);
    good.change = () => [];
    client.fire();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      // Two servers are silent, then it waits.
      assert.deepEqual([client.fire(), client.fire()], [3000, 3000]);
      waits.push(client.fire() / 1000);
    }
    assert.deepEqual(waits, [15, 30, 60, 120, 240, 480, 960, 960, 960]);
    assert.equal(client.errors.length, 9);
    assert.equal(client.errors[0], `${good.name} does not answer`);
  });

  it("a closed client is silent, and can be started again", async () => {
    const server = await open();
    const client = make([server.name]);
    client.requests.start();
    assert.throws(() => client.requests.start(), { code: "ERR_STATE" });
    client.requests.close();
    assert.deepEqual([client.opened, client.timers.length], [0, 0]);
    client.requests.start();
    await client.datagrams(1);
    assert.equal(client.times.length, 1);
  });

  it("a wrong option is named", () => {
    const cases: [unknown, RegExp][] = [
      [{ servers: [] }, /servers: .* is not a list of 1 to 4/], [{ servers: ["a:0"] }, /servers\[0\]: "a:0"/],
      [{ servers: [""] }, /servers\[0\]: ""/], [{ onTime: undefined }, /onTime: is missing/], [{ intervalMs: 1000 }, /intervalMs: 1000/],
      [{ server: "a" }, /server/], [{ onError: 1 }, /onError: 1/],
    ];
    for (const [options, pattern] of cases) assert.throws(() => make(["a"], options as SntpOptions), pattern);
  });
}).timeout(MINUTE / 6);
