import { cborFailure } from "./cbor-failure.js";
import { CBOR_TOO_LARGE, type CborValue, encodeCbor } from "./cbor/cbor.js";
import { writeNoValue } from "./cbor/named-value.js";
import { checkRevision, parseEndpoint } from "./checks.js";
import { rowNameBytes } from "./engine/named-rows.js";
import { Engine } from "./engine/engine.js";
import type { EncodedEvent } from "./engine/feed/event.js";
import type { NodeEngine } from "./engine/node-engine.js";
import type { Datagram } from "./engine/reconcile/outbox.js";
import { OWN_SLOT } from "./engine/table/rows.js";
import { REMOVE } from "./engine/table/states.js";
import { debugLine } from "./debug-line.js";
import { type ChismeError, type GossipErrorCode, failure } from "./errors.js";
import type { EventNotifier } from "./events/event-notifier.js";
import type { MessageApi } from "./messages/message-api.js";
import { findGone, findNode } from "./find-node.js";
import { type GossipStats, gossipStats } from "./gossip-stats.js";
import { encodeLabel, noRoomBesideName } from "./node-name.js";
import { type NodeRow, allRows, nodeRow } from "./node-row.js";
import { NodeStorage, nextRevision } from "./node-storage.js";
import { Notifier } from "./notifier.js";
import { type GossipOptions, checkEngine, checkOptions } from "./options.js";
import type { GossipStorage } from "./platform/types.js";
import { type SeedNames, addSeeds } from "./seed-names.js";
import { checkStoredId, writeId } from "./stored-id.js";
import { checkTrusted } from "./trusted-subnets.js";

export type { GossipStats } from "./gossip-stats.js";

/**
 * One node of a gossip network, without what `Gossip` adds for events: options
 * in, callbacks out. The node sends all that an input causes before it calls
 * back, so callbacks may call any method.
 */
export class GossipNode<Value extends CborValue = CborValue> {
  /** @internal Only to be read. */
  readonly options: GossipOptions<Value>;
  private readonly port: number;
  private readonly storage: GossipStorage | undefined;
  /** @internal For checks of many nodes at once. Only to be read. */
  readonly engine: NodeEngine;
  private readonly datagram: Datagram;
  /** The own name, if there is one, and the value that is shared. */
  private readonly value: Uint8Array;
  /** @internal Undefined without the option `events`. */
  protected readonly eventNotifier: EventNotifier | undefined;
  /** @internal Undefined without the option `messages`. */
  protected readonly messageApi: MessageApi | undefined;
  private readonly notifier: Notifier<Value>;
  private readonly stored: NodeStorage;
  /** The id that the storage keeps. In a dialect that names nodes by their addresses the rows have another one. */
  private readonly storedId: number;
  /** @internal Undefined if no seed has a name. */
  readonly seedNames: SeedNames | undefined;
  private phase = NEW;
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
    this.storedId = checked.id;
    const engine = options.dialect === undefined ? new Engine(checked) : options.dialect(checked);
    this.engine = checkEngine(engine, options);
    this.stored = new NodeStorage(
      options.storage, this.engine.rows, checked.seedCapacity, checked.roundIntervalMs,
    );
    this.seedNames = addSeeds(this.engine, checked, this);
    this.datagram = { bytes: new Uint8Array(checked.datagramBytesMax), length: 0, address: 0, port: 0 };
    this.value = new Uint8Array(checked.valueBytesMax);
    if ((options.name ?? options.version) !== undefined) this.share(encodeLabel(options, this.value), undefined, 0, 0);
    this.eventNotifier = this.makeEventNotifier();
    const protocol = this.engine.messages;
    this.messageApi = protocol === undefined || options.messages === undefined ? undefined
      : options.messages.api(protocol, this, this.port);
    this.notifier = new Notifier(options, this.engine, this.eventNotifier, this);
    const views = options.views ?? [];
    for (let i = 0; i < views.length; i++) views[i].bind(checked.capacity, this.notifier);
  }

  /** The node's own id, a uint32. */
  get id(): number { return this.engine.rows.id(OWN_SLOT); }

  /** The node's own revision, a uint32: the number of its starts before this one, as far as storage or peers know. */
  get revision(): number { return this.engine.revision(); }

  /**
   * Restores the events, binds the socket, stores the next revision and begins the rounds.
   *
   * @throws Error ERR_STATE when the node was started or closed before; ERR_STORAGE when the stored revision has no
   * successor, or another node has used the storage since this one was made; and what the storage or the socket throws,
   * such as Node's EADDRINUSE. Nothing is sent then, the socket is closed, and the node can be started again. If the
   * socket threw, nothing is stored
   */
  start(): void {
    if (this.phase !== NEW && this.phase !== RESTORED) {
      throw failure("ERR_STATE", "start: the node was started or closed before");
    }
    const stored = this.stored.readRevision();
    const sleep = this.options.sleep;
    const kept = sleep === undefined ? undefined : sleep.revision(this.engine.rows.id(OWN_SLOT), stored);
    const revision = kept ?? nextRevision(stored);
    const isIdGiven = this.options.id !== undefined || this.options.socket.isDeviceIdFixed === true;
    const formerId = checkStoredId(this.storage, this.storedId, isIdGiven);
    // With another id the restoring writes the log, so it waits until the port is bound.
    if (formerId === undefined && !this.restore(undefined, revision)) return;
    this.options.socket.bind(
      this.port,
      (bytes, length, address, port) => this.receive(bytes, length, address, port),
      (error) => this.fail("socket", error),
    );
    try {
      if (formerId === undefined) writeId(this.storage, this.storedId);
      // Copies are in a generation of this revision, which no other start may use.
      this.stored.begin(revision, stored);
      if (formerId !== undefined) {
        if (!this.restore(formerId, revision)) {
          this.options.socket.close();
          return;
        }
        // A loss of power before this leaves copies in the log, which are the same events for either id.
        writeId(this.storage, this.storedId);
      }
      this.stored.recallPeers(this.engine.seeds, this.nowMs());
    } catch (error) {
      this.options.socket.close();
      throw error;
    }
    this.phase = STARTED;
    this.engine.start(this.nowMs(), revision, stored !== undefined || kept !== undefined);
    if (sleep !== undefined && kept !== undefined) sleep.resume(this.engine);
    this.drain(false);
    this.lookUpSeeds();
    if (formerId === undefined) return;
    const events = this.eventNotifier === undefined ? "" : `. Its events go on as copies of node ${this.storedId}`;
    const problem = `the storage had the id ${formerId}, its id is ${this.storedId} now${events}`;
    this.fail("storage", failure("storage", problem));
  }

  /**
   * Shares a value with the whole network, in place of the one before;
   * `undefined` withdraws it. The node sends it at once to `address`, if that is
   * given, and to up to 3 live nodes, which pass it on. The node's name stays.
   *
   * @param address such as "192.168.0.54" or "192.168.0.54:5001"
   * @throws RangeError or TypeError ERR_ARGUMENT when the value is no CBOR or too long beside the name, or the address
   * is none; Error ERR_STATE when the node is closed
   */
  push(value: Value | undefined, address?: string): void {
    if (this.phase === CLOSED) throw failure("ERR_STATE", "push: the node is closed");
    const target = address === undefined ? [0, 0] : this.endpoint("push", address);
    this.share(rowNameBytes(this.engine.rows, OWN_SLOT), value, target[0], target[1]);
    this.drain(true);
  }

  /** All rows: the node's own and those of the nodes that it knows, in the order of their ids. */
  rows(): NodeRow<Value>[] { return allRows<Value>(this.engine.rows); }

  /**
   * One row; undefined when the node holds none. An address may have passed from a
   * device that is down to another, and two nodes may have one name: of several
   * rows this is the one that is nearest to being up, then the one with the highest
   * id.
   *
   * @param node id, name, or address such as "192.168.0.54", which is at this node's own port, or "192.168.0.54:5001"
   * @throws RangeError or TypeError ERR_ARGUMENT when it is none of them
   */
  row(node: number | string): NodeRow<Value> | undefined {
    const slot = findNode(this.engine.rows, "row", node, this.port);
    return slot < 0 ? undefined : nodeRow(this.engine.rows, slot);
  }

  /**
   * Removes a node that is down or left, here and everywhere: its row becomes a tombstone. A node that holds it as
   * up does not believe that it is gone. The node is back as soon as it speaks again. Does nothing if it is removed.
   *
   * @param node as in `row`
   * @throws RangeError or TypeError ERR_ARGUMENT when it is none of them, or no row has it; Error ERR_STATE
   * when the node is up, probed or suspect, or this one; when this one is not running; and in the dialect espgossip
   */
  forget(node: number | string): void {
    const rows = this.engine.rows;
    const slot = findGone(rows, "forget", node, this.port);
    this.checkRunning("forget");
    if (rows.state(slot) === REMOVE) return;
    if (!this.engine.forget(this.nowMs(), slot)) {
      throw failure("ERR_STATE", "forget: the dialect espgossip removes no rows");
    }
    this.drain(false);
  }

  /**
   * Sets the stored revision, for a device that replaces another: the next start
   * has the one after it. A node that runs changes to this revision now.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT when it is no uint32, or below the revision under which the node
   * runs; and what the storage throws
   */
  setRevision(revision: number): void {
    checkRevision("setRevision", revision, this.phase === STARTED ? this.engine.revision() : 0);
    this.stored.writeRevision(revision);
    if (this.phase !== STARTED) return;
    this.engine.setRevision(this.nowMs(), revision);
    this.drain(false);
  }

  /** Counters since the start. */
  stats(): GossipStats {
    const unreachable = this.options.socket.unreachable;
    return gossipStats(this.engine, unreachable === undefined ? this.sendFailures : this.sendFailures + unreachable);
  }

  /**
   * Sends a goodbye to up to 4 nodes, so that all show this one as left and not as down. Then stops the rounds, closes
   * the socket and the storage, and ends all callbacks. A closed node cannot be started again.
   */
  close(): void {
    if (this.phase === CLOSED) return;
    const wasStarted = this.phase === STARTED;
    this.phase = CLOSED;
    this.clearTimer();
    if (wasStarted) {
      // A storage that fails now does not keep the node from closing.
      const problem = this.stored.storeLastPeers();
      if (problem !== undefined) this.print(`storage: ${problem.message}`);
      this.engine.leave(this.nowMs());
      while (this.engine.pollTransmit(this.datagram)) this.transmit(this.datagram);
      this.options.socket.close();
    }
    // A node that was not started may have opened the storage in `setRevision`.
    if (this.storage !== undefined && this.storage.close !== undefined) this.storage.close();
  }

  /** @internal The caller's time. */
  nowMs(): number { return this.options.clock.nowMs(); }

  /** Shares a value behind the name, whose encoding begins `this.value`. @param nameBytes 0: the node has no name */
  private share(nameBytes: number, value: CborValue, address: number, port: number): void {
    const bytes = this.value;
    let length = nameBytes;
    if (value !== undefined) {
      length = encodeCbor(value, bytes, nameBytes);
      if (length === CBOR_TOO_LARGE && nameBytes > 0) throw noRoomBesideName(value, nameBytes, bytes.length);
      if (length < 0) throw cborFailure("push", length, bytes.length, "valueBytesMax");
    } else if (nameBytes > 0) {
      length = writeNoValue(bytes, nameBytes);
    }
    this.engine.publish(this.nowMs(), bytes, length, address, port);
  }

  /** Address and port of an argument. */
  private endpoint(method: string, address: string): number[] {
    const target: number[] = [];
    parseEndpoint(method, "address", address, this.port, target);
    checkTrusted(method, "address", target[0], this.engine.rows.subnets);
    return target;
  }

  /**
   * Restores the own feed. Where its events fill the buffer callbacks run, which may close the node but not start it.
   * Does nothing if an earlier start did it. Returns whether the node is still open.
   *
   * @param formerId author of the events, if it is another one: they become copies, in the feed of this revision
   */
  private restore(formerId: number | undefined, revision: number): boolean {
    if (this.phase === RESTORED) return true;
    this.phase = RESTORING;
    const events = this.eventNotifier;
    try {
      if (events !== undefined) events.api.restore(() => this.notifier.notifyEvents(), formerId, revision);
    } catch (error) {
      if (this.isOpen()) this.phase = NEW;
      throw error;
    }
    if (!this.isOpen()) return false;
    this.phase = RESTORED;
    return true;
  }

  private makeEventNotifier(): EventNotifier | undefined {
    const feed = this.engine.feed;
    const all = this.options;
    if (feed === undefined || all.events === undefined) return undefined;
    return all.events.notifier(feed, this.engine.rows, this.storage, () => feed.hlc.viewMs(this.setTime(), all.time));
  }

  /** @internal Throws unless the node is running. */
  checkRunning(method: string): void {
    if (this.phase !== STARTED) throw failure("ERR_STATE", `${method}: the node is not running`);
  }

  /** @internal Notifies of messages, that the radio may be off, or of the time. Returns whether there was anything. */
  notifyMessages(): boolean {
    return (this.messageApi !== undefined && this.messageApi.notify(this))
      || (this.options.sleep !== undefined && this.options.sleep.notify(this.engine))
      || (this.options.time !== undefined && this.options.time.notify());
  }

  /** @internal Publishes the event that `prepare` makes and stores. */
  protected publishEvent(method: string, prepare: (nowMs: number) => EncodedEvent): void {
    this.checkRunning(method);
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
   * After each input: sets the timer, stores what must be stored, sends what is to be sent, and calls back last.
   * Callbacks may throw or close the node, so only the timer for views is left to do after them.
   *
   * @internal
   */
  drain(isOwnRowNew: boolean): void {
    if (this.phase === STARTED) {
      this.schedule(this.engine.nextDeadline());
      this.storeRevision();
      this.storeEvents();
    }
    let sendError: Error | undefined;
    while (this.phase === STARTED && this.engine.pollTransmit(this.datagram)) {
      const error = this.transmit(this.datagram);
      if (sendError === undefined) sendError = error;
    }
    try {
      this.notifier.notify(isOwnRowNew, sendError);
    } finally {
      this.scheduleViews();
    }
  }

  /** @internal See `NodeStorage.store`. */
  protected storeRevision(): void {
    const problem = this.stored.store(this.engine.revision(), this.nowMs());
    if (problem !== undefined) this.fail("storage", problem);
  }

  private storeEvents(): void {
    if (this.eventNotifier === undefined) return;
    const problem = this.eventNotifier.api.store();
    if (problem !== undefined) this.fail("storage", problem);
  }

  /** Returns the first error of a run of the node; those that follow are only counted. */
  private transmit(datagram: Datagram): Error | undefined {
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

  /** Views of events may change by time alone, and what the application did may have posted messages. */
  private scheduleViews(): void {
    if (this.phase === STARTED && this.messageApi !== undefined) this.schedule(this.engine.nextDeadline());
    if (this.phase !== STARTED || this.eventNotifier === undefined) return;
    const delayMs = this.eventNotifier.delayMs();
    if (delayMs >= 0) this.schedule((this.nowMs() + delayMs) >>> 0);
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.options.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** @internal Whether the node was not closed. */
  isOpen(): boolean { return this.phase !== CLOSED; }

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
    if (this.options.debugOutput !== undefined) this.print(debugLine(direction, address, port, bytes, length));
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
