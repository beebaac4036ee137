import { checkFunction, checkNames, integer, show } from "../checks.js";
import { failure, invalid } from "../errors.js";
import { readU32, writeU32 } from "../cbor/big-endian.js";

/** What an SNTP client needs of its platform. Addresses are dotted IPv4. */
export interface SntpPlatform {
  /** As `GossipClock.nowMs`. */
  nowMs(): number;
  setTimer(callback: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  /** A uint32 that others cannot guess. */
  random(): number;
  /** Looks a host name up; the callback gets undefined if it is not found. */
  resolve(name: string, callback: (address: string | undefined) => void): void;
  /** Opens a socket for datagrams, on any port. May throw. */
  open(onDatagram: (bytes: Uint8Array, address: string, port: number) => void): SntpSocket;
}

/** An open UDP socket. Both methods may throw. */
export interface SntpSocket {
  send(bytes: Uint8Array, address: string, port: number): void;
  close(): void;
}

/** Options of an SNTP client. */
export interface SntpOptions {
  /** 1 to 4 host names or addresses, such as "pool.ntp.org" or "192.168.0.1:123", tried one after the other. */
  servers: string[];
  /** Called with the time in ms since 1970, and with the most that it may be wrong, in ms, if the server is right. */
  onTime: (ms: number, errorMs: number) => void;
  /** Called with what was wrong, each time that no server answered. The client tries again. */
  onError?: (message: string) => void;
  /** Time from an answer to the next request: 64,000 to 86,400,000 ms, an hour by default. */
  intervalMs?: number;
}

/**
 * An SNTP client (RFC 4330): asks one server after the other until one answers. It waits 3 s for each. If none answers,
 * it tries again after 15 s, then 30 s and so on up to 16 minutes. It takes answers to its own requests only, and the
 * fractions of seconds.
 */
export class SntpRequests {
  private readonly platform: SntpPlatform;
  private readonly options: SntpOptions;
  private readonly intervalMs: number;
  private socket: SntpSocket | undefined;
  private timer: unknown;
  private isOpen = false;
  /** The server that is asked. */
  private index = 0;
  /** Of the request: its random stamp, the address that it went to, when. */
  private first = 0;
  private second = 0;
  private address: string | undefined;
  private sentMs = 0;
  private retryMs = RETRY_MS;
  private problem = "";
  /** Answers to earlier look-ups are ignored. */
  private lookUp = 0;

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(platform: SntpPlatform, options: SntpOptions) {
    if (typeof options !== "object" || options === null) {
      throw invalid("", "options", `${show(options)} is not an object`, false);
    }
    checkNames("", options, "servers onTime onError intervalMs");
    const isList = Array.isArray(options.servers);
    if (!isList || options.servers.length < 1 || options.servers.length > SERVERS_MAX) {
      throw invalid("", "servers", `${show(options.servers)} is not a list of 1 to ${SERVERS_MAX} servers`, isList);
    }
    for (let i = 0; i < options.servers.length; i++) checkServer(i, options.servers[i]);
    if (options.onTime === undefined) throw invalid("", "onTime", "is missing", false);
    checkFunction("onTime", options.onTime);
    checkFunction("onError", options.onError);
    this.platform = platform;
    this.options = options;
    this.intervalMs = integer("intervalMs", options.intervalMs, 3600000, 64000, 86400000);
  }

  /** Begins to ask. The network must be connected. @throws Error ERR_STATE when it was started before */
  start(): void {
    if (this.isOpen) throw failure("ERR_STATE", "start: the client was started before");
    this.isOpen = true;
    this.begin();
  }

  /** Ends the requests and all callbacks. The client can be started again. */
  close(): void {
    this.isOpen = false;
    this.stop();
  }

  private begin(): void {
    this.index = 0;
    this.next();
  }

  /** Asks the next server, if there is one. */
  private next(): void {
    this.stop();
    if (this.index === this.options.servers.length) {
      this.wait(() => this.begin(), this.retryMs);
      this.retryMs = Math.min(2 * this.retryMs, RETRY_MS_MAX);
      if (this.options.onError !== undefined) this.options.onError(this.problem);
      return;
    }
    const server = this.options.servers[this.index++];
    const colon = server.indexOf(":");
    const host = colon < 0 ? server : server.slice(0, colon);
    const port = colon < 0 ? NTP_PORT : Number(server.slice(colon + 1));
    const lookUp = ++this.lookUp;
    this.problem = `${server} is not found`;
    // A platform may never answer.
    this.wait(() => this.next(), LOOK_UP_MS);
    this.platform.resolve(host, (address) => {
      if (!this.isOpen || lookUp !== this.lookUp) return;
      if (address === undefined) this.next();
      else this.ask(server, address, port);
    });
  }

  private ask(server: string, address: string, port: number): void {
    this.stop();
    this.problem = `${server} does not answer`;
    this.wait(() => this.next(), ANSWER_MS);
    const packet = new Uint8Array(PACKET_BYTES);
    packet[0] = CLIENT;
    this.first = this.platform.random();
    this.second = this.platform.random();
    writeU32(packet, TRANSMITTED, this.first);
    writeU32(packet, TRANSMITTED + 4, this.second);
    this.address = address;
    try {
      this.socket = this.platform.open((bytes, from) => this.receive(bytes, from));
      this.sentMs = this.platform.nowMs();
      this.socket.send(packet, address, port);
    } catch (error) {
      this.problem = `${server}: ${(error as Error).message}`;
    }
  }

  /** What is no answer to the request is ignored. A server that does not know the time is as one that is silent. */
  private receive(bytes: Uint8Array, from: string): void {
    const nowMs = this.platform.nowMs();
    if (this.socket === undefined || from !== this.address || bytes.length < PACKET_BYTES) return;
    if ((bytes[0] & MODE) !== SERVER || bytes[0] >> 6 === NOT_SET) return;
    if (bytes[1] < 1 || bytes[1] > STRATUM_MAX) return;
    if (readU32(bytes, ORIGINATED) !== this.first || readU32(bytes, ORIGINATED + 4) !== this.second) return;
    const receivedMs = timeAt(bytes, RECEIVED);
    const transmittedMs = timeAt(bytes, TRANSMITTED);
    // A router that has not learnt the time itself says 1970, and one that is broken sends before it receives.
    if (!(receivedMs >= LEAST_MS && transmittedMs >= receivedMs && transmittedMs < END_MS)) return;
    const tripMs = Math.max(0, ((nowMs - this.sentMs) >>> 0) - (transmittedMs - receivedMs));
    // The delay to the first server counts half, its dispersion whole: both in 65,536ths of a second.
    const rootMs = (readU32(bytes, ROOT_DELAY) / 2 + readU32(bytes, ROOT_DISPERSION)) * 1000 / 65536;
    this.stop();
    this.retryMs = RETRY_MS;
    this.wait(() => this.begin(), this.intervalMs);
    this.options.onTime(transmittedMs + tripMs / 2, Math.min(tripMs / 2 + rootMs + 1, ERROR_MAX_MS));
  }

  private wait(callback: () => void, delayMs: number): void {
    this.timer = this.platform.setTimer(() => {
      this.timer = undefined;
      callback();
    }, delayMs);
  }

  private stop(): void {
    if (this.timer !== undefined) this.platform.clearTimer(this.timer);
    this.timer = undefined;
    const socket = this.socket;
    this.socket = undefined;
    if (socket === undefined) return;
    try {
      socket.close();
    } catch {
      // It is gone, which is what was wanted.
    }
  }
}

const SERVERS_MAX = 4;
const NTP_PORT = 123;
const PACKET_BYTES = 48;
/** Version 4, mode 3. */
const CLIENT = 0x23;
const MODE = 7;
const SERVER = 4;
/** The server's clock is not set. */
const NOT_SET = 3;
const STRATUM_MAX = 15;
// Offsets in the packet.
const ROOT_DELAY = 4;
const ROOT_DISPERSION = 8;
const ORIGINATED = 24;
const RECEIVED = 32;
const TRANSMITTED = 40;
const LOOK_UP_MS = 10000;
const ANSWER_MS = 3000;
const RETRY_MS = 15000;
const RETRY_MS_MAX = 960000;
const ERROR_MAX_MS = 3600000;
/** Seconds from 1900 to 1970, and those of one era, which ends in 2036. */
const UNIX_SECONDS = 2208988800;
const ERA_SECONDS = 4294967296;
/** 2020-01-01 and 2104-01-01: what is not between them is no time. */
const LEAST_MS = 1577836800000;
const END_MS = 4228588800000;

/** A stamp in ms since 1970: from 1968 to 2104. No stamp is all zeros, which would be in 2036. */
function timeAt(bytes: Uint8Array, at: number): number {
  const seconds = readU32(bytes, at);
  if (seconds === 0) return 0;
  const era = seconds < 0x80000000 ? ERA_SECONDS : 0;
  return (seconds + era - UNIX_SECONDS) * 1000 + readU32(bytes, at + 4) * 1000 / 4294967296;
}

function checkServer(index: number, server: unknown): void {
  const isText = typeof server === "string";
  const colon = isText ? server.indexOf(":") : -1;
  const port = colon < 0 ? NTP_PORT : Number((server as string).slice(colon + 1));
  if (isText && server !== "" && colon !== 0 && Math.floor(port) === port && port >= 1 && port <= 65535) return;
  throw invalid("", `servers[${index}]`, `${show(server)} is not a host such as "pool.ntp.org"`, isText);
}
