import { invalid } from "../../src/errors.js";
import { show } from "../../src/checks.js";
import {
  type Answer, type CborValue, Gossip as CoreGossip, type GossipOptions, type MessageOutcome, type PingOptions,
  type PingResult, type QueryOptions, type Reach, type SendOptions,
} from "../../src/gossip.js";
import { linkTable } from "../../src/links/index.js";
import type { Platform } from "../../src/platform/types.js";
import { Arrivals } from "./arrivals.js";
import type { GossipStatus } from "../../src/status/index.js";
import { nodePlatform } from "./node-platform.js";
import type { NodeSocket } from "./node-socket.js";
import { nodeStatus } from "./node-status.js";
import { randomId } from "./random-id.js";
import { serialLines } from "./serial-lines.js";
import { type SocketTap, tapSocket } from "./tap-socket.js";

/** Options of `Gossip` on Node.js: all have a default. */
export interface NodeGossipOptions<Value extends CborValue = CborValue>
  extends Omit<GossipOptions<Value>, "socket" | "clock">, Partial<Pick<GossipOptions<Value>, "socket" | "clock">> {
  /**
   * IPv4 address to bind to. If no interface has it, the node waits for it, and
   * reports that as `socket`. Without it the node listens on all interfaces. Not
   * with `socket`.
   */
  listen?: string;
  /**
   * Name of the interface to whose IPv4 address to bind, such as "eth0". The node
   * waits until the interface is there, and moves when its address changes. Not
   * with `listen` or `socket`.
   */
  interface?: string;
  /**
   * Serial lines, each to one other node, such as ["/dev/ttyUSB0:115200"]: 1 to 8. Without a speed it is 115,200 bits
   * per second. With ":bus" at the end several nodes share the wires, as of RS-485. Not with `socket` or `dialect`.
   */
  serial?: string[];
  /** Longest datagram on the serial lines, best the same at both ends: 128 to 1,472 bytes, 600 by default. */
  serialBytesMax?: number;
  /** false: the node has no UDP, only its serial lines. true by default. */
  udp?: boolean;
  /**
   * Draws a new id, also if the storage has one: for a copy of another node's storage. The
   * node goes on with all events of the storage, as copies, so that nothing is lost or shown
   * twice. Not with `id`. false by default.
   */
  newId?: boolean;
  /** Sees all datagrams of the socket, sent and received. */
  tap?: SocketTap;
  /** Closes the node when it is aborted. A node whose signal was aborted before cannot be started. */
  signal?: AbortSignal;
}

/**
 * A node of a gossip network on Node.js. It has the platform built in: UDP, clock,
 * sealing, SHA-256 and a random seed, where the options do not give others.
 */
export class Gossip<Value extends CborValue = CborValue> extends CoreGossip<Value> {
  private readonly closing: { closed(): Promise<void> }[] = [];
  private readonly signal: AbortSignal | undefined;
  /** What ends the promises that are open when the node is closed. */
  private readonly unsettled = new Set<() => void>();
  private readonly onAbort = (): void => void this.close();

  /** @throws RangeError or TypeError ERR_OPTION that names the option, its value and what it may be */
  constructor(options: NodeGossipOptions<Value> = {}) {
    const { listen, interface: interfaceName, signal, newId, serial, serialBytesMax, udp, tap, ...more } =
      checked(options);
    const links = more.links ?? linkTable();
    const platform = nodePlatform(listen, interfaceName);
    const lines = serialLines({ ...more, serial, serialBytesMax, udp }, platform);
    const made = {
      ...platform, ...lines && { socket: lines.socket }, ...given(more), links, ...newId && { id: randomId() },
    };
    if (tap !== undefined) tapSocket(made.socket, tap);
    super(made);
    if (udp !== false && more.socket === undefined) this.closing.push(platform.socket as NodeSocket);
    this.closing.push(...lines?.devices ?? []);
    this.signal = signal;
    if (signal?.aborted) void this.close();
    else signal?.addEventListener("abort", this.onAbort, { once: true });
  }

  /**
   * Sends a goodbye to up to 3 nodes, so that all show this one as left and not as
   * down. Then stops the rounds, closes the socket and the storage, and ends all
   * callbacks, before the call returns. A closed node cannot be started again. Promises
   * of `send` and `ping` that are open resolve to the outcome "closed"; answers end.
   *
   * @returns a promise that resolves once the system has all datagrams and the socket is closed: `process.exit()` after
   * it loses none. It never rejects. Each further call returns such a promise, too
   */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- Callers of the core's `close` need no promise.
  override close(): Promise<void> {
    this.signal?.removeEventListener("abort", this.onAbort);
    super.close();
    for (const settle of this.unsettled) settle();
    this.unsettled.clear();
    return Promise.all(this.closing.map((part) => part.closed())).then(() => undefined);
  }

  /**
   * As `send` of the core, with a promise of the outcome.
   *
   * @returns a promise, which rejects where `send` of the core throws. "closed" if the node is closed before: then
   * `onOutcome` is not called
   */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- Callers of the core's `send` need no promise.
  override send(to: number | string, topic: string, value: CborValue, options?: SendOptions): Promise<MessageOutcome> {
    return this.outcome<MessageOutcome>("closed", (tell) => {
      super.send(to, topic, value, withCallback(options, "onOutcome", tell));
    });
  }

  /**
   * As `query` of the core. What it returns gives the answers as they come, by `for await`; awaited, it gives all of
   * them when the time is over, or when the node is closed.
   *
   * @returns answers, which reject where `query` of the core throws, and with Error ERR_NO_ROOM when this node has no
   * room for another message now
   */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- Callers of the core's `query` need no promise.
  override query<Value extends CborValue = CborValue>(
    topic: string, value: CborValue, options?: QueryOptions<Value>,
  ): Arrivals<Answer<Value>> {
    return this.arrivals<Answer<Value>>((add, end) => {
      const asCore = options as QueryOptions | undefined;
      const withAnswers = withCallback(asCore, "onAnswer", (answer: Answer) => add(answer as Answer<Value>));
      super.query(topic, value, withCallback(withAnswers, "onEnd", end));
    });
  }

  /**
   * As `ping` of the core, with a promise of what it found.
   *
   * @returns as `send`
   */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- Callers of the core's `ping` need no promise.
  override ping(to: number | string, options?: PingOptions): Promise<PingResult> {
    return this.outcome<PingResult>({ outcome: "closed" }, (tell) => {
      super.ping(to, withCallback(options, "onPong", tell));
    });
  }

  /** As `reachability` of the core. What it returns is as that of `query`. */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- Callers of the core's need no promise.
  override reachability(
    onReach?: (reach: Reach) => void, timeoutMs?: number, onEnd?: (wasSent: boolean) => void,
  ): Arrivals<Reach> {
    return this.arrivals<Reach>((add, end) => {
      const { onReach: toldReach, onEnd: toldEnd } =
        withCallback(withCallback({ onReach, onEnd }, "onReach", add), "onEnd", end);
      super.reachability(toldReach as (reach: Reach) => void, timeoutMs, toldEnd);
    });
  }

  /**
   * What the node knows about itself and its surroundings: neighbours, routes, rows, queues, memory, drops. Boards and
   * simulated nodes get the same from `status()` of chisme/status.
   */
  status(): GossipStatus {
    return nodeStatus(this);
  }

  /** A promise of what `start` tells, or of `closed` if the node is closed before. */
  private outcome<Result>(closed: Result, start: (tell: (result: Result) => void) => void): Promise<Result> {
    return new Promise((resolve) => {
      const close = (): void => resolve(closed);
      this.untilEnd(close, (ended) => start((result) => {
        ended();
        resolve(result);
      }));
    });
  }

  /** Has `close` called if the node is closed before `start`, which may end at once, calls what it gets. */
  private untilEnd(close: () => void, start: (ended: () => void) => void): void {
    const ended = (): void => void this.unsettled.delete(close);
    this.unsettled.add(close);
    try {
      start(ended);
    } catch (error) {
      ended();
      throw error;
    }
  }

  private arrivals<Item>(start: (add: (item: Item) => void, end: (wasSent: boolean) => void) => void): Arrivals<Item> {
    const arrivals = new Arrivals<Item>();
    try {
      this.untilEnd(() => arrivals.end(true), (ended) => start((item) => arrivals.add(item), (wasSent) => {
        ended();
        arrivals.end(wasSent);
      }));
    } catch (error) {
      arrivals.fail(error as Error);
    }
    return arrivals;
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Options whose callback first calls `tell`. What is no options, or no callback, stays for the core to refuse. */
function withCallback<Options extends object, Name extends keyof Options & string>(
  options: Options | undefined, name: Name, tell: (told: never) => void,
): Options {
  const callback = options?.[name];
  const isObject = typeof options === "object" && options !== null;
  if (callback !== undefined && typeof callback !== "function") return options as Options;
  if (options !== undefined && !isObject) return options;
  const call = callback as ((told: never) => void) | undefined;
  return {
    ...options,
    [name]: (told: never) => {
      tell(told);
      call?.(told);
    },
  } as Options;
}

/** The options without those of the platform that are undefined, which must not replace those built in. */
function given<Options extends Partial<Platform>>(options: Options): Options {
  const all = { ...options };
  for (const name of ["socket", "clock", "sealing", "digest", "randomSeed"] as const) {
    if (all[name] === undefined) Reflect.deleteProperty(all, name);
  }
  return all;
}

function checked<Value extends CborValue>(options: NodeGossipOptions<Value>): NodeGossipOptions<Value> {
  if (typeof options !== "object" || options === null) {
    throw invalid("", "options", `${show(options)} is not an object`, false);
  }
  const { listen, interface: interfaceName, signal, socket, id, newId, storage } = options;
  if (newId !== undefined && typeof newId !== "boolean") {
    throw invalid("", "newId", `${show(newId)} is neither true nor false`, false);
  }
  if (newId && id !== undefined) throw invalid("", "newId", "true has no effect beside the option id", true);
  if (storage?.log !== undefined && storage.readId === undefined && id === undefined && socket === undefined) {
    throw invalid("", "storage", "has a log, but neither readId and writeId, nor is there the option id", true);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid("", "signal", `${show(signal)} is not an AbortSignal`, false);
  }
  if (listen !== undefined && socket !== undefined) {
    throw invalid("", "listen", `${show(listen)} has no effect beside the option socket`, true);
  }
  if (interfaceName !== undefined && socket !== undefined) {
    throw invalid("", "interface", `${show(interfaceName)} has no effect beside the option socket`, true);
  }
  return options;
}
