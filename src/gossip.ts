import { formatAddress } from "./engine/address.js";
import {
  CBOR_TOO_DEEP, CBOR_TOO_LARGE, type CborValue, encodeCbor,
} from "./engine/cbor.js";
import { DROP_REASONS, dropReasonName } from "./engine/drops.js";
import { Engine } from "./engine/engine.js";
import {
  EVENT_ID_CONFLICT, EVENT_STATE, EVENT_STRANGER, EVENT_TABLE_FULL, EVENT_UPDATE, type EngineEvent,
} from "./engine/events.js";
import type { NodeEngine } from "./engine/node-engine.js";
import type { Datagram } from "./engine/outbox.js";
import { OWN_SLOT, type Rows } from "./engine/rows.js";
import { DOWN } from "./engine/states.js";
import { type NetworkStateRow, networkState, nodeRow, rowData } from "./network-state.js";
import { MemoryStorage } from "./platform/memory-storage.js";
import { printable } from "./engine/printable.js";
import type { GossipStorage } from "./platform/types.js";
import {
  type CheckedOptions, type GossipErrorCode, type GossipOptions, type NodeRow, checkOptions, parseEndpoint,
} from "./options.js";

export type { CborValue } from "./engine/cbor.js";
export type { Dialect } from "./engine/node-engine.js";
export type { Sealer, Sealing } from "./engine/sealer.js";
export { ASKED, DOWN, LEFT, REMOVE, SUSPECT, UP } from "./engine/states.js";
export type { NetworkStateRow } from "./network-state.js";
export type { GossipErrorCode, GossipOptions, NodeRow } from "./options.js";
export type { GossipClock, GossipSocket, GossipStorage, Platform } from "./platform/types.js";
export { MinMax, type MinMaxOptions, minMax } from "./views/min-max.js";
export type { View } from "./views/view.js";

/** Counters since the start; each wraps at 2^32. */
export interface GossipStats {
  datagramsSent: number;
  bytesSent: number;
  datagramsReceived: number;
  bytesReceived: number;
  /** Datagrams that the socket refused to send. */
  sendFailures: number;
  /** Datagrams, and rows in them, that were refused, by reason. */
  drops: Record<string, number>;
}

/**
 * One node of a gossip network: options in, callbacks out. Callbacks run after
 * all that an input caused has been sent, so they may call any method.
 */
export class Gossip {
  private readonly options: GossipOptions;
  private readonly checked: CheckedOptions;
  private readonly storage: GossipStorage;
  private readonly engine: NodeEngine;
  private readonly datagram: Datagram;
  private readonly event: EngineEvent = { kind: 0, slot: 0 };
  private readonly value: Uint8Array;
  private phase = NEW;
  private storedRevision = 0;
  private sendFailures = 0;
  private isDebugBroken = false;
  private isTelling = false;
  private isViewNew = false;
  private timer: unknown;
  private timerDeadline = 0;

  /** @throws Error that names the option, its value and the allowed range */
  constructor(options: GossipOptions) {
    const checked = checkOptions(options);
    this.options = options;
    this.checked = checked;
    this.storage = options.storage ?? new MemoryStorage();
    this.engine = options.dialect === undefined ? new Engine(checked) : options.dialect(checked);
    for (let i = 0; i < checked.seeds.length; i += 2) this.engine.addSeed(checked.seeds[i], checked.seeds[i + 1]);
    this.datagram = { bytes: new Uint8Array(checked.datagramBytesMax), length: 0, address: 0, port: 0 };
    this.value = new Uint8Array(checked.valueBytesMax);
    const views = options.views ?? [];
    for (let i = 0; i < views.length; i++) views[i].open(checked.capacity);
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
    const stored = this.storage.readRevision();
    const revision = stored === undefined ? 0 : stored + 1;
    if (revision > 0xffffffff) throw new Error(`start: the stored revision, ${String(stored)}, has no successor`);
    this.storage.writeRevision(revision);
    this.storedRevision = revision;
    this.phase = STARTED;
    this.options.socket.open(
      this.checked.port,
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
      parseEndpoint("address", address, this.checked.port, target);
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

  /** @internal The rows as they are held, for checks of many nodes at once. Only to be read. */
  get table(): Rows { return this.engine.rows; }

  /**
   * All rows by address, as in ESPGossip's `networkState`; where a node has
   * another port than this one, by address and port.
   */
  networkState(): Record<string, NetworkStateRow> {
    return networkState(this.rows(), this.checked.port);
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
    this.storage.writeRevision(revision);
    this.storedRevision = revision;
    if (this.phase !== STARTED) return;
    this.engine.setRevision(this.nowMs(), revision);
    this.drain(false);
  }

  stats(): GossipStats {
    const counted = this.engine.stats;
    const drops: Record<string, number> = {};
    for (let reason = 1; reason < DROP_REASONS; reason++) drops[dropReasonName(reason)] = counted.drops(reason);
    return {
      datagramsSent: counted.datagramsSent(),
      bytesSent: counted.bytesSent(),
      datagramsReceived: counted.datagramsReceived(),
      bytesReceived: counted.bytesReceived(),
      sendFailures: this.sendFailures,
      drops,
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
    if (length === CBOR_TOO_LARGE) {
      throw new Error(`value: takes more than ${this.checked.valueBytesMax} bytes of CBOR (valueBytesMax)`);
    }
    if (length === CBOR_TOO_DEEP) throw new Error("value: is nested deeper than 4 levels");
    if (length < 0) throw new Error("value: has a part that CBOR can't express, such as a function");
    return length;
  }

  private receive(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.phase !== STARTED) return;
    this.debug("from", address, port, bytes, length);
    this.engine.receive(this.nowMs(), address, port, bytes, length);
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
    }
    let sendError: Error | undefined;
    while (this.phase === STARTED && this.engine.pollTransmit(this.datagram)) {
      const error = this.send(this.datagram);
      if (sendError === undefined) sendError = error;
    }
    this.tell(isOwnRowNew, sendError);
  }

  private storeRevision(): void {
    const revision = this.engine.revision();
    if (revision === this.storedRevision) return;
    this.storedRevision = revision;
    try {
      this.storage.writeRevision(revision);
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

  /**
   * Tells the application, a few rows at a time so that a board needs no room for
   * many. What callbacks cause is told by the call that runs already.
   */
  private tell(isOwnRowNew: boolean, sendError: Error | undefined): void {
    if (isOwnRowNew) this.tellViews(OWN_SLOT);
    if (this.isTelling) {
      this.isViewNew = this.isViewNew || isOwnRowNew;
      return;
    }
    this.isTelling = true;
    this.isViewNew = isOwnRowNew;
    try {
      let more = true;
      while (more) more = this.tellSome();
      if (sendError !== undefined) this.fail("send", sendError);
    } finally {
      this.isTelling = false;
    }
  }

  /** Tells up to TOLD_MAX events. Returns whether there may be more. */
  private tellSome(): boolean {
    const event = this.event;
    let more = this.engine.pollEvent(event);
    // Mostly there is nothing to tell, and then nothing is made.
    if (!more && !this.isViewNew) return false;
    const updated: number[] = [];
    const changed: number[] = [];
    let error = 0;
    while (more) {
      if (event.kind === EVENT_UPDATE) updated.push(event.slot);
      else if (event.kind === EVENT_STATE) changed.push(event.slot);
      else error = event.kind;
      if (error === 0) this.tellViews(event.slot);
      more = error === 0 && updated.length + changed.length < TOLD_MAX && this.engine.pollEvent(event);
    }
    const any = error !== 0 || updated.length + changed.length > 0;
    if (this.isViewNew || updated.length + changed.length > 0) this.settleViews();
    this.callBack(updated, changed);
    if (error !== 0) this.failByEvent(error, event.slot);
    return (any || this.isViewNew) && this.isOpen();
  }

  private callBack(updated: number[], changed: number[]): void {
    const options = this.options;
    if (updated.length > 0 && options.onUpdate !== undefined && this.isOpen()) {
      const rows: NodeRow[] = [];
      for (let i = 0; i < updated.length; i++) rows.push(nodeRow(this.engine.rows, updated[i]));
      options.onUpdate(rows);
    }
    for (let i = 0; i < changed.length; i++) {
      if (options.onState !== undefined && this.isOpen()) options.onState(nodeRow(this.engine.rows, changed[i]));
    }
  }

  /** A callback may have closed the node. */
  private isOpen(): boolean {
    return this.phase !== CLOSED;
  }

  private failByEvent(kind: number, slot: number): void {
    if (kind === EVENT_ID_CONFLICT) {
      this.fail("idConflict", new Error(`another device speaks under this node's id, ${this.id}`));
    } else if (kind === EVENT_TABLE_FULL) {
      this.fail("tableFull", new Error(`more live nodes than rows: capacity is ${this.checked.capacity}`));
    } else if (kind === EVENT_STRANGER) {
      this.fail("seal", new Error(`${formatAddress(slot)} sends what this network's key does not open`));
    }
  }

  private tellViews(slot: number): void {
    const views = this.options.views ?? [];
    for (let i = 0; i < views.length; i++) {
      views[i].rowChanged(slot, this.engine.rows.state(slot) < DOWN, rowData(this.engine.rows, slot));
    }
  }

  private settleViews(): void {
    this.isViewNew = false;
    const views = this.options.views ?? [];
    for (let i = 0; i < views.length && this.isOpen(); i++) views[i].settle();
  }

  private fail(code: GossipErrorCode, error: Error): void {
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

/** Rows that are made objects at one time. */
const TOLD_MAX = 8;

const NEW = 0;
const STARTED = 1;
const CLOSED = 2;

/** The brace that each datagram in ESPGossip's dialect begins with. */
const JSON_START = 0x7b;

function frameTypeName(type: number): string {
  return type === 1 ? "SYN" : type === 2 ? "ACK" : type === 3 ? "DIFF" : type === 4 ? "LEAVE" : "unknown";
}
