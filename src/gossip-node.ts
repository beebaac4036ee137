import { cborFailure } from "./cbor-failure.js";
import { formatAddress } from "./engine/wire/address.js";
import { type CborValue, encodeCbor } from "./cbor/cbor.js";
import { parseEndpoint, show } from "./checks.js";
import { JSON_FIRST_BYTE } from "./engine/wire/frame.js";
import { Engine } from "./engine/engine.js";
import type { EncodedEvent } from "./engine/feed/event.js";
import type { NodeEngine } from "./engine/node-engine.js";
import type { Datagram } from "./engine/reconcile/outbox.js";
import { OWN_SLOT } from "./engine/table/rows.js";
import { type ChismeError, type GossipErrorCode, failure, invalid } from "./errors.js";
import type { EventNotifier } from "./events/event-notifier.js";
import { type GossipStats, gossipStats } from "./gossip-stats.js";
import { type NodeRow, nodeRow } from "./node-row.js";
import { Notifier } from "./notifier.js";
import { type GossipOptions, checkEngine, checkOptions } from "./options.js";
import type { GossipStorage } from "./platform/types.js";
import { Retry } from "./retry.js";
import { type SeedNames, addSeeds } from "./seed-names.js";

export type { GossipStats } from "./gossip-stats.js";

/**
 * One node of a gossip network, without what `Gossip` adds for events: options
 * in, callbacks out. The node sends all that an input causes before it calls
 * back, so callbacks may call any method.
 */
export class GossipNode<Value extends CborValue = CborValue> {
  private readonly options: GossipOptions<Value>;
  private readonly port: number;
  private readonly storage: GossipStorage | undefined;
  /** @internal For checks of many nodes at once. Only to be read. */
  readonly engine: NodeEngine;
  private readonly datagram: Datagram;
  private readonly value: Uint8Array;
  /** @internal Undefined without the option `events`. */
  protected readonly eventNotifier: EventNotifier | undefined;
  private readonly notifier: Notifier<Value>;
  /** @internal Undefined if no seed has a name. */
  readonly seedNames: SeedNames | undefined;
  private phase = NEW;
  /** Undefined before the first start; without storage, all that is remembered. */
  private storedRevision: number | undefined;
  /** Set while the revision cannot be written. */
  private revisionRetry: Retry | undefined;
  private sendFailures = 0;
  private isDebugBroken = false;
  private timer: unknown;
  private timerDeadline = 0;

  /** @throws RangeError or TypeError ERR_OPTION that names the option, its value and what it may be */
  constructor(options: GossipOptions<Value>) {
    const checked = checkOptions(options);
    this.options = options;
    this.port = checked.port;
    this.storage = options.storage;
    const engine = options.dialect === undefined ? new Engine(checked) : options.dialect(checked);
    this.engine = checkEngine(engine, options.events);
    this.seedNames = addSeeds(this.engine, checked, this);
    this.datagram = { bytes: new Uint8Array(checked.datagramBytesMax), length: 0, address: 0, port: 0 };
    this.value = new Uint8Array(checked.valueBytesMax);
    this.eventNotifier = this.makeEventNotifier();
    this.notifier = new Notifier(options, this.engine, this.eventNotifier, this);
    const views = options.views ?? [];
    for (let i = 0; i < views.length; i++) views[i].bind(checked.capacity);
  }

  /** The node's own id, a uint32. */
  get id(): number { return this.engine.rows.id(OWN_SLOT); }

  /** The node's own revision, a uint32: the number of its starts before this one, as far as storage or peers know. */
  get revision(): number { return this.engine.revision(); }

  /**
   * Restores the events, binds the socket, stores the next revision and begins the
   * rounds.
   *
   * @throws Error ERR_STATE when the node was started or closed before, ERR_STORAGE when the stored revision has no
   * successor, and what the storage or the socket throws, such as Node's EADDRINUSE. Nothing is stored or sent then,
   * the socket is closed, and the node can be started again
   */
  start(): void {
    if (this.phase !== NEW && this.phase !== RESTORED) {
      throw failure("ERR_STATE", "start: the node was started or closed before");
    }
    const stored = this.storage === undefined ? this.storedRevision : this.storage.readRevision();
    const revision = stored === undefined ? 0 : stored + 1;
    if (revision > 0xffffffff) {
      throw failure("ERR_STORAGE", `start: the stored revision, ${String(stored)}, has no successor`);
    }
    if (this.phase === NEW && !this.restore()) return;
    this.phase = RESTORED;
    this.options.socket.bind(
      this.port,
      (bytes, length, address, port) => this.receive(bytes, length, address, port),
      (error) => this.fail("socket", error),
    );
    try {
      this.writeRevision(revision);
    } catch (error) {
      this.options.socket.close();
      throw error;
    }
    this.phase = STARTED;
    this.engine.start(this.nowMs(), revision, stored !== undefined);
    this.drain(false);
    this.lookUpSeeds();
  }

  /**
   * Shares a value with the whole network, in place of the one before;
   * `undefined` withdraws it. The node sends it at once to `address`, if that is
   * given, and to up to 3 live nodes, which pass it on.
   *
   * @param address such as "192.168.0.54" or "192.168.0.54:5001"
   * @throws RangeError or TypeError ERR_ARGUMENT when the value is no CBOR or too long, or the address is none; Error
   * ERR_STATE when the node is closed
   */
  push(value: Value | undefined, address?: string): void {
    if (this.phase === CLOSED) throw failure("ERR_STATE", "push: the node is closed");
    const target = address === undefined ? [0, 0] : this.endpoint("push", address);
    const length = value === undefined ? 0 : this.encode(value);
    this.engine.publish(this.nowMs(), this.value, length, target[0], target[1]);
    this.drain(true);
  }

  /** All rows: the node's own and those of the nodes that it knows, in the order of their ids. */
  rows(): NodeRow<Value>[] {
    const rows: NodeRow<Value>[] = [];
    for (let place = 0; place < this.engine.rows.count; place++) {
      const row = nodeRow<Value>(this.engine.rows, this.engine.rows.slotAt(place));
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
   * One row; undefined when the node holds none. An address may have passed from a
   * device that is down to another: of several rows with one address this is the
   * one that is nearest to being up, then the one with the highest id.
   *
   * @param node id, or address such as "192.168.0.54", which is at this node's own port, or "192.168.0.54:5001"
   * @throws RangeError or TypeError ERR_ARGUMENT when it is neither
   */
  row(node: number | string): NodeRow<Value> | undefined {
    const rows = this.engine.rows;
    let found = -1;
    if (typeof node === "number") {
      if (node >>> 0 !== node) {
        throw invalid("row", "id", `${node} is not an integer from 0 to 4294967295`, true);
      }
      found = rows.find(node);
    } else {
      const target = this.endpoint("row", node);
      for (let place = 0; place < rows.count; place++) {
        const slot = rows.slotAt(place);
        if (rows.address(slot) !== target[0] || rows.port(slot) !== target[1]) continue;
        const order = found < 0 ? -1 : rows.state(slot) - rows.state(found);
        if (order < 0 || (order === 0 && rows.id(slot) > rows.id(found))) found = slot;
      }
    }
    return found < 0 ? undefined : nodeRow(rows, found);
  }

  /**
   * Sets the stored revision, for a device that replaces another: the next start
   * has the one after it. A node that runs changes to this revision now.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT when it is no uint32, or below the revision under which the node
   * runs; and what the storage throws
   */
  setRevision(revision: number): void {
    const isNumber = typeof revision === "number";
    if (!isNumber || revision >>> 0 !== revision) {
      throw invalid("setRevision", "revision", `${show(revision)} is not an integer from 0 to 4294967295`, isNumber);
    }
    if (this.phase === STARTED && revision < this.engine.revision()) {
      throw invalid("setRevision", "revision", `${revision} is below the node's, ${this.engine.revision()}`, true);
    }
    this.writeRevision(revision);
    if (this.phase !== STARTED) return;
    this.engine.setRevision(this.nowMs(), revision);
    this.drain(false);
  }

  /** Counters since the start. */
  stats(): GossipStats {
    return gossipStats(this.engine, this.sendFailures);
  }

  /**
   * Sends a goodbye to up to 3 nodes, so that all show this one as left and not as
   * down. Then stops the rounds, closes the socket and the storage, and ends all
   * callbacks. A closed node cannot be started again; a second call does nothing.
   */
  close(): void {
    if (this.phase === CLOSED) return;
    const wasStarted = this.phase === STARTED;
    this.phase = CLOSED;
    this.clearTimer();
    if (wasStarted) {
      this.engine.leave(this.nowMs());
      while (this.engine.pollTransmit(this.datagram)) this.send(this.datagram);
      this.options.socket.close();
    }
    // A node that was not started may have opened the storage in `setRevision`.
    if (this.storage !== undefined && this.storage.close !== undefined) this.storage.close();
  }

  private nowMs(): number {
    return this.options.clock.nowMs();
  }

  private encode(value: CborValue): number {
    const length = encodeCbor(value, this.value, 0);
    if (length < 0) throw cborFailure("push", length, this.value.length, "valueBytesMax");
    return length;
  }

  /** Address and port of an argument. */
  private endpoint(method: string, address: string): number[] {
    const target: number[] = [];
    parseEndpoint(method, "address", address, this.port, target);
    return target;
  }

  /**
   * Restores the own feed. Where its events fill the buffer callbacks run, which may
   * close the node but not start it. Returns whether the node is still open.
   */
  private restore(): boolean {
    if (this.eventNotifier === undefined) return true;
    this.phase = RESTORING;
    try {
      this.eventNotifier.api.restore(() => this.notifier.notifyEvents());
    } finally {
      if (this.phase === RESTORING) this.phase = NEW;
    }
    return this.phase === NEW;
  }

  private makeEventNotifier(): EventNotifier | undefined {
    const feed = this.engine.feed;
    const events = this.options.events;
    if (feed === undefined || events === undefined) return undefined;
    return events.notifier(feed, this.engine.rows, this.storage, () => feed.hlc.physical(this.setTime()));
  }

  /** @internal Publishes the event that `prepare` makes and stores. */
  protected publishEvent(method: string, prepare: (nowMs: number) => EncodedEvent): void {
    if (this.phase !== STARTED) throw failure("ERR_STATE", `${method}: the node is not running`);
    const nowMs = this.setTime();
    this.engine.publishEvent(nowMs, prepare(nowMs));
    this.drain(false);
  }

  /** @internal Passes on the time of day, which the platform may have learnt meanwhile. Returns the clock's time. */
  protected setTime(): number {
    const clock = this.options.clock;
    const nowMs = clock.nowMs();
    if (this.eventNotifier !== undefined && clock.physicalMs !== undefined) {
      this.eventNotifier.api.setPhysical(nowMs, clock.physicalMs());
    }
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
    this.lookUpSeeds();
  }

  private lookUpSeeds(): void {
    if (this.seedNames === undefined || this.phase !== STARTED) return;
    this.seedNames.tick(this.nowMs(), this.options.socket);
  }

  /**
   * After each input: sets the timer, stores what must be stored, sends what is to
   * be sent, and calls back last. Callbacks may throw or close the node, so only the
   * timer for views is left to do after them.
   */
  private drain(isOwnRowNew: boolean): void {
    if (this.phase === STARTED) {
      this.schedule(this.engine.nextDeadline());
      this.storeRevision();
      this.storeEvents();
    }
    let sendError: Error | undefined;
    while (this.phase === STARTED && this.engine.pollTransmit(this.datagram)) {
      const error = this.send(this.datagram);
      if (sendError === undefined) sendError = error;
    }
    try {
      this.notifier.notify(isOwnRowNew, sendError);
    } finally {
      this.scheduleViews();
    }
  }

  /** @internal Writes the revision if it is new. Reports the first failure, and the success after failures. */
  protected storeRevision(): void {
    const revision = this.engine.revision();
    const retry = this.revisionRetry;
    if (revision === this.storedRevision && retry === undefined) return;
    const nowMs = this.nowMs();
    if (retry !== undefined && !retry.isDue(nowMs)) return;
    try {
      this.writeRevision(revision);
    } catch (error) {
      if (retry !== undefined) {
        retry.postpone(nowMs);
        return;
      }
      this.revisionRetry = new Retry(nowMs);
      this.fail("storage", error as Error);
      return;
    }
    if (retry === undefined) return;
    this.revisionRetry = undefined;
    this.fail("storage", failure("storage", "the revision is stored again after failures"));
  }

  private writeRevision(revision: number): void {
    if (this.storage !== undefined) this.storage.writeRevision(revision);
    this.storedRevision = revision;
  }

  private storeEvents(): void {
    if (this.eventNotifier === undefined) return;
    const problem = this.eventNotifier.api.store();
    if (problem !== undefined) this.fail("storage", problem);
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

  /** A timer that is early does no harm, so it is only set anew for an earlier deadline. */
  private schedule(deadline: number): void {
    if (this.timer !== undefined) {
      if (((deadline - this.timerDeadline) | 0) >= 0) return;
      this.clearTimer();
    }
    const delayMs = (deadline - this.nowMs()) | 0;
    this.timerDeadline = deadline;
    this.timer = this.options.clock.setTimer(() => this.tick(), delayMs > 0 ? delayMs : 0);
  }

  /** Views of events may change by time alone. */
  private scheduleViews(): void {
    if (this.phase !== STARTED || this.eventNotifier === undefined) return;
    const delayMs = this.eventNotifier.delayMs();
    if (delayMs >= 0) this.schedule((this.nowMs() + delayMs) >>> 0);
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** @internal Whether the node was not closed. */
  isOpen(): boolean {
    return this.phase !== CLOSED;
  }

  /** @internal Reports that something went wrong; the node goes on. */
  fail(code: GossipErrorCode, error: Error): void {
    if (this.phase === CLOSED) return;
    this.print(`${code}: ${error.message}`);
    let reported = error as ChismeError<GossipErrorCode>;
    if (reported.code !== code) {
      // An error of the platform, which may have a code of its own and be frozen.
      reported = failure(code, error.message) as ChismeError<GossipErrorCode>;
      reported.cause = error;
    }
    if (this.options.onError !== undefined) this.options.onError(code, reported);
  }

  private debug(direction: string, address: number, port: number, bytes: Uint8Array, length: number): void {
    if (this.options.debugOutput === undefined) return;
    const type = bytes[0] === JSON_FIRST_BYTE ? "JSON" : frameTypeName(bytes[1] & 0x0f);
    this.print(`${type} ${direction} ${formatAddress(address)}:${port}, ${length} bytes`);
  }

  /** A throwing `debugOutput` must not disturb the node: it is not called again. */
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
const RESTORING = 3;
/** The events are restored, and the node is not started: its start failed after that. */
const RESTORED = 4;

function frameTypeName(type: number): string {
  return type === 1 ? "SYN" : type === 2 ? "ACK" : type === 3 ? "DIFF" : type === 4 ? "LEAVE" : "unknown";
}
