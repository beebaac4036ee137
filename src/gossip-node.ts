import { cborFailure } from "./cbor/cbor-failure.js";
import { formatAddress } from "./engine/wire/address.js";
import { type CborValue, encodeCbor } from "./cbor/cbor.js";
import { DROP_REASONS, dropReasonName } from "./engine/wire/drops.js";
import { Engine } from "./engine/engine.js";
import type { EncodedEvent } from "./engine/feed/event.js";
import { CLOCK_OWN, CLOCK_PEER } from "./engine/feed/kinds.js";
import type { NodeEngine } from "./engine/node-engine.js";
import type { Datagram } from "./engine/reconcile/outbox.js";
import { OWN_SLOT } from "./engine/table/rows.js";
import type { EventFeeds } from "./events/index.js";
import type { EventApi } from "./events/event-api.js";
import { Notifier } from "./notifier.js";
import { type NetworkStateRow, networkState, nodeRow } from "./network-state.js";
import { printable } from "./cbor/printable.js";
import type { GossipStorage } from "./platform/types.js";
import {
  type GossipErrorCode, type GossipOptions, type NodeRow, checkOptions, parseEndpoint,
} from "./options.js";

/** Counters since the start; each wraps at 2^32. */
export interface GossipStats {
  datagramsSent: number;
  bytesSent: number;
  datagramsReceived: number;
  bytesReceived: number;
  /** Datagrams that the socket refused to send. */
  sendFailures: number;
  /** Datagrams, and rows and events in them, that were refused, by reason. */
  drops: Record<string, number>;
  /** Where the stamps of events have the time from; "none" while nobody told it, and without feeds. */
  clock: "none" | "peers" | "own";
}

/**
 * One node of a gossip network: options in, callbacks out. Callbacks run after
 * all that an input caused has been sent, so they may call any method. `Gossip`
 * adds what events need.
 */
export class GossipNode {
  private readonly options: GossipOptions;
  private readonly port: number;
  private readonly storage: GossipStorage | undefined;
  /** @internal For checks of many nodes at once. Only to be read. */
  readonly engine: NodeEngine;
  private readonly datagram: Datagram;
  private readonly value: Uint8Array;
  /** @internal */
  protected readonly feed: EventApi | undefined;
  private readonly notifier: Notifier;
  private phase = NEW;
  /** Undefined before the first start; without storage, all that is remembered. */
  private storedRevision: number | undefined;
  private sendFailures = 0;
  private isDebugBroken = false;
  private timer: unknown;
  private timerDeadline = 0;

  /** @throws Error that names the option, its value and the allowed range */
  constructor(options: GossipOptions) {
    const checked = checkOptions(options);
    this.options = options;
    this.port = checked.port;
    this.storage = options.storage;
    this.engine = options.dialect === undefined ? new Engine(checked) : options.dialect(checked);
    for (let i = 0; i < checked.seeds.length; i += 2) this.engine.addSeed(checked.seeds[i], checked.seeds[i + 1]);
    this.datagram = { bytes: new Uint8Array(checked.datagramBytesMax), length: 0, address: 0, port: 0 };
    this.value = new Uint8Array(checked.valueBytesMax);
    this.feed = options.feeds === undefined ? undefined : this.makeFeed(options.feeds);
    this.notifier = new Notifier(options, this.engine, this.feed, this);
    const views = options.views ?? [];
    for (let i = 0; i < views.length; i++) views[i].bind(checked.capacity);
  }

  /** The node's own id. */
  get id(): number { return this.engine.rows.id(OWN_SLOT); }

  /** The node's own revision: the number of its starts before this one, as far as storage or others know. */
  get revision(): number { return this.engine.revision(); }

  /**
   * Stores the next revision, opens the socket and begins with the rounds.
   *
   * @throws what the storage throws; nothing has been sent then
   */
  start(): void {
    if (this.phase !== NEW) throw new Error("start: the node was started or closed before");
    const stored = this.storage === undefined ? this.storedRevision : this.storage.readRevision();
    const revision = stored === undefined ? 0 : stored + 1;
    if (revision > 0xffffffff) throw new Error(`start: the stored revision, ${String(stored)}, has no successor`);
    this.writeRevision(revision);
    if (this.feed !== undefined) this.feed.restore(() => this.notifier.notifyEvents());
    this.phase = STARTED;
    this.options.socket.bind(
      this.port,
      (bytes, length, address, port) => this.receive(bytes, length, address, port),
      (error) => this.fail("socket", error),
    );
    this.engine.start(this.nowMs(), revision, stored !== undefined);
    this.drain(false);
  }

  /**
   * Shares a value with the whole network, in place of the one before;
   * `undefined` withdraws it. It leaves at once: to `address`, if one is given,
   * and to a few live nodes.
   *
   * @throws Error when the value is no CBOR, is too long or the node is closed
   */
  push(value: CborValue, address?: string): void {
    if (this.phase === CLOSED) throw new Error("push: the node is closed");
    const target = [0, 0];
    if (address !== undefined) {
      target.length = 0;
      parseEndpoint("address", address, this.port, target);
    }
    const length = value === undefined ? 0 : this.encode(value);
    this.engine.publish(this.nowMs(), this.value, length, target[0], target[1]);
    this.drain(true);
  }

  /** All rows: the node's own and those of the nodes it knows of, in the order of their ids. */
  rows(): NodeRow[] {
    const rows: NodeRow[] = [];
    for (let place = 0; place < this.engine.rows.count; place++) {
      const row = nodeRow(this.engine.rows, this.engine.rows.slotAt(place));
      let low = 0;
      let high = place;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (rows[middle].id < row.id) low = middle + 1;
        else high = middle;
      }
      rows.splice(low, 0, row);
    }
    return rows;
  }

  /**
   * All rows by address, as in ESPGossip's `networkState`; where a node has
   * another port than this one, by address and port.
   */
  networkState(): Record<string, NetworkStateRow> {
    return networkState(this.rows(), this.port);
  }

  /** `networkState` as JSON; bytes in it are hexadecimal text. */
  networkStateJson(): string {
    return JSON.stringify(printable(this.networkState()));
  }

  /**
   * Sets the stored revision, for a device that takes the place of another: the
   * next start has the one after it. A node that runs takes it on now.
   *
   * @throws Error when it is no uint32, or below the one under which the node runs
   */
  setRevision(revision: number): void {
    if (typeof revision !== "number" || revision >>> 0 !== revision) {
      throw new Error(`setRevision: ${String(revision)} is not an integer from 0 to 4294967295`);
    }
    if (this.phase === STARTED && revision < this.engine.revision()) {
      throw new Error(`setRevision: ${revision} is below ${this.engine.revision()}, under which the node runs`);
    }
    this.writeRevision(revision);
    if (this.phase !== STARTED) return;
    this.engine.setRevision(this.nowMs(), revision);
    this.drain(false);
  }

  stats(): GossipStats {
    const counted = this.engine.stats;
    const drops: Record<string, number> = {};
    const source = this.engine.feed === undefined ? 0 : this.engine.feed.hlc.source;
    for (let reason = 1; reason < DROP_REASONS; reason++) drops[dropReasonName(reason)] = counted.drops(reason);
    return {
      datagramsSent: counted.datagramsSent(),
      bytesSent: counted.bytesSent(),
      datagramsReceived: counted.datagramsReceived(),
      bytesReceived: counted.bytesReceived(),
      sendFailures: this.sendFailures,
      drops,
      clock: source === CLOCK_OWN ? "own" : source === CLOCK_PEER ? "peers" : "none",
    };
  }

  /**
   * Says goodbye to a few nodes, so that all show this one as LEFT and not as
   * DOWN; then stops the rounds, closes the socket and silences all callbacks. A
   * closed node can't be started again.
   */
  close(): void {
    if (this.phase === CLOSED) return;
    const wasStarted = this.phase === STARTED;
    this.phase = CLOSED;
    this.clearTimer();
    if (!wasStarted) return;
    this.engine.leave(this.nowMs());
    while (this.engine.pollTransmit(this.datagram)) this.send(this.datagram);
    this.options.socket.close();
  }

  private nowMs(): number {
    return this.options.clock.nowMs();
  }

  private encode(value: CborValue): number {
    const length = encodeCbor(value, this.value, 0);
    if (length < 0) throw cborFailure("value", length, this.value.length, "valueBytesMax");
    return length;
  }

  private makeFeed(feeds: EventFeeds): EventApi {
    const feed = this.engine.feed;
    if (feed === undefined) throw new Error("feeds: this dialect has no events");
    const log = this.storage === undefined ? undefined : this.storage.log;
    return feeds().api(feed, this.engine.rows, log, this.options.eventViews ?? []);
  }

  /** @internal Publishes the event that `prepare` makes and stores. */
  protected publishEvent(method: string, prepare: (nowMs: number) => EncodedEvent): void {
    if (this.phase !== STARTED) throw new Error(`${method}: the node is not running`);
    const nowMs = this.setTime();
    this.engine.publishEvent(nowMs, prepare(nowMs));
    this.drain(false);
  }

  /** @internal The platform may have been told the time since. Returns `nowMs`. */
  protected setTime(): number {
    const clock = this.options.clock;
    const nowMs = clock.nowMs();
    if (this.feed !== undefined && clock.physicalMs !== undefined) this.feed.setPhysical(nowMs, clock.physicalMs());
    return nowMs;
  }

  private receive(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.phase !== STARTED) return;
    this.debug("from", address, port, bytes, length);
    this.engine.receive(this.setTime(), address, port, bytes, length);
    this.drain(false);
  }

  private tick(): void {
    this.timer = undefined;
    if (this.phase !== STARTED) return;
    this.engine.tick(this.nowMs());
    this.drain(false);
  }

  /**
   * After each input: the next deadline, then what must be stored, what is to be
   * sent, and last what the application is told. Callbacks may do anything,
   * throw or close the node included: so nothing is left to do after them.
   */
  private drain(isOwnRowNew: boolean): void {
    if (this.phase === STARTED) {
      this.schedule();
      this.storeRevision();
      this.storeEvents();
    }
    let sendError: Error | undefined;
    while (this.phase === STARTED && this.engine.pollTransmit(this.datagram)) {
      const error = this.send(this.datagram);
      if (sendError === undefined) sendError = error;
    }
    this.notifier.notify(isOwnRowNew, sendError);
  }

  /** @internal */
  protected storeRevision(): void {
    const revision = this.engine.revision();
    if (revision === this.storedRevision) return;
    this.storedRevision = revision;
    try {
      this.writeRevision(revision);
    } catch (error) {
      this.fail("storage", error as Error);
    }
  }

  private writeRevision(revision: number): void {
    if (this.storage !== undefined) this.storage.writeRevision(revision);
    this.storedRevision = revision;
  }

  private storeEvents(): void {
    if (this.feed === undefined) return;
    try {
      this.feed.store();
    } catch (error) {
      this.fail("storage", error as Error);
    }
  }

  /** Returns the first error of a run of the node; those that follow are only counted. */
  private send(datagram: Datagram): Error | undefined {
    this.debug("to", datagram.address, datagram.port, datagram.bytes, datagram.length);
    try {
      this.options.socket.send(datagram.bytes, datagram.length, datagram.address, datagram.port);
    } catch (error) {
      this.sendFailures++;
      if (this.sendFailures === 1) return error as Error;
    }
    return undefined;
  }

  /** A timer that is early does no harm, so it is only set anew when the deadline moved forward. */
  private schedule(): void {
    const deadline = this.engine.nextDeadline();
    if (this.timer !== undefined) {
      if (((deadline - this.timerDeadline) | 0) >= 0) return;
      this.clearTimer();
    }
    const delayMs = (deadline - this.nowMs()) | 0;
    this.timerDeadline = deadline;
    this.timer = this.options.clock.setTimer(() => this.tick(), delayMs > 0 ? delayMs : 0);
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** @internal A callback may have closed the node. */
  isOpen(): boolean {
    return this.phase !== CLOSED;
  }

  /** @internal Something went wrong; the node goes on. */
  fail(code: GossipErrorCode, error: Error): void {
    if (this.phase === CLOSED) return;
    this.print(`${code}: ${error.message}`);
    if (this.options.onError !== undefined) this.options.onError(code, error);
    else if (code === "socket") throw error;
  }

  private debug(direction: string, address: number, port: number, bytes: Uint8Array, length: number): void {
    if (this.options.debugOutput === undefined) return;
    const type = bytes[0] === JSON_START ? "JSON" : frameTypeName(bytes[1] & 0x0f);
    this.print(`${type} ${direction} ${formatAddress(address)}:${port}, ${length} bytes`);
  }

  /** What goes wrong while finding faults must not add to them: an output that throws is not called again. */
  private print(message: string): void {
    if (this.options.debugOutput === undefined || this.isDebugBroken) return;
    try {
      this.options.debugOutput(message);
    } catch {
      this.isDebugBroken = true;
    }
  }
}

const NEW = 0;
const STARTED = 1;
const CLOSED = 2;

/** The brace that each datagram in ESPGossip's dialect begins with. */
const JSON_START = 0x7b;

function frameTypeName(type: number): string {
  return type === 1 ? "SYN" : type === 2 ? "ACK" : type === 3 ? "DIFF" : type === 4 ? "LEAVE" : "unknown";
}
