import { formatAddress, parseAddress } from "../engine/wire/address.js";
import { CBOR_TOO_LARGE, type CborValue, decodeCbor, encodeCbor } from "../cbor/cbor.js";
import { jsonText } from "../cbor/json-text.js";
import { rowNameBytes, rowValueBytes } from "../engine/named-rows.js";
import { NOTIFY_STATE, NOTIFY_UPDATE, type Notification } from "../engine/notifications.js";
import type { Dialect, NodeEngine } from "../engine/node-engine.js";
import type { Datagram } from "../engine/reconcile/outbox.js";
import { REMOVE } from "../engine/table/states.js";
import type { GossipClock, GossipSocket, GossipStorage } from "../platform/types.js";
import { type GossipConfig, LuaConfig } from "./config.js";
import { NOTIFY_CLAIM, NOTIFY_EXCHANGE, EspGossipEngine } from "./engine.js";

/** One node's row as in the Lua module. */
export interface EspGossipRow {
  revision: number;
  heartbeat: number;
  state: number;
  data?: CborValue;
}

/** What the callback receives: rows by dotted address, or the one row of a node that became REMOVE. */
export type EspGossipUpdate = Record<string, EspGossipRow> | EspGossipRow;

/** The device's platform, and options that the Lua module does not have. */
export interface EspGossipPlatform {
  socket: GossipSocket;
  clock: GossipClock;
  /** Stores the revision. Without a storage each start has revision 0. */
  storage?: GossipStorage;
  /** uint32: 0 by default. */
  randomSeed?: number;
  /** Rows that the node holds, 2 to 65,535: 64 by default. */
  capacity?: number;
  /** Longest `data` as CBOR, 0 to 255 bytes: 255 by default. */
  valueBytesMax?: number;
  /** Longest datagram, 128 to 1,472 bytes: 1,472 by default as in the reference. */
  datagramBytesMax?: number;
  /** The node's dialect: that of the reference by default. */
  dialect?: Dialect;
}

/**
 * NodeMCU's gossip module, function by function, for scripts that are ported line
 * by line: `setConfig`, `start`, `pushGossip`, `setRevFileValue`,
 * `getNetworkState`, `networkState`, `seedList`, `updateCallback` and
 * `callbackFunction`.
 */
export class EspGossip {
  /**
   * Receives the rows that each SYN or ACK changed, and the row of each node that
   * becomes REMOVE. The Lua module calls this name.
   */
  updateCallback: ((update: EspGossipUpdate) => void) | undefined;
  /** The same, called after `updateCallback`. The Lua module's documentation has this name. */
  callbackFunction: ((update: EspGossipUpdate) => void) | undefined;
  private readonly platform: EspGossipPlatform;
  private readonly config: LuaConfig;
  private engine: NodeEngine | undefined;
  private readonly value: Uint8Array;
  private readonly datagram: Datagram;
  private readonly notification: Notification = { kind: 0, slot: 0, detail: 0 };
  private storedRevision = 0;
  private timer: unknown;

  constructor(platform: EspGossipPlatform) {
    this.platform = platform;
    this.config = new LuaConfig();
    this.value = new Uint8Array(platform.valueBytesMax ?? VALUE_BYTES_MAX);
    const bytes = new Uint8Array(platform.datagramBytesMax ?? DATAGRAM_BYTES_MAX);
    this.datagram = { bytes, length: 0, address: 0, port: 0 };
  }

  /** Changes settings. Invalid ones are ignored with a debug message. After `start` only debugging changes. */
  setConfig(config: GossipConfig): void {
    this.config.set(config);
    if (this.engine !== undefined) this.config.debug("setConfig: gossip is started, only debugging changes");
  }

  /**
   * Stores the next revision, binds the socket and starts the rounds.
   *
   * @throws errors of the storage and the socket, and an Error when the own address is unknown
   */
  start(): void {
    if (this.engine !== undefined) {
      this.config.debug("start: gossip is started already");
      return;
    }
    const engine = this.makeEngine();
    const storage = this.platform.storage;
    const stored = storage === undefined ? undefined : storage.readRevision();
    const revision = stored === undefined ? 0 : (stored + 1) >>> 0;
    if (storage !== undefined) storage.writeRevision(revision);
    this.storedRevision = revision;
    this.engine = engine;
    this.platform.socket.bind(
      this.config.comPort,
      (bytes, length, address, port) => this.receive(bytes, length, address, port),
      (error) => this.config.debug(`socket: ${error.message}`),
    );
    engine.start(this.nowMs(), revision, stored !== undefined);
    this.drain();
  }

  /**
   * Shares `data`, any JSON value, in place of the value before; null or undefined
   * withdraws it. The node sends it at once, to `ip` or to a random seed.
   *
   * @param ip dotted IPv4 address
   * @throws Error when `data` cannot be encoded or is longer than `valueBytesMax`
   */
  pushGossip(data?: CborValue, ip?: string): void {
    const engine = this.engine;
    const address = ip === undefined ? 0 : parseAddress(ip);
    if (engine === undefined) this.config.debug("pushGossip: gossip is not started");
    else if (address < 0) this.config.debug(`pushGossip: ${String(ip)} is not an IPv4 address`);
    if (engine === undefined || address < 0) return;
    const length = data === undefined || data === null ? 0 : encodeCbor(data, this.value, 0);
    if (length === CBOR_TOO_LARGE) throw new Error(`pushGossip: data takes more than ${this.value.length} bytes`);
    if (length < 0) throw new Error("pushGossip: data is not a JSON value, or is nested deeper than 4 levels");
    engine.publish(this.nowMs(), this.value, length, address, this.config.comPort);
    this.drain();
  }

  /** Stores a revision, a uint32: the next start has the one after it. */
  setRevFileValue(revision: number): void {
    const storage = this.platform.storage;
    if (typeof revision !== "number" || revision >>> 0 !== revision) {
      this.config.debug(`setRevFileValue: ${String(revision)} is not an integer from 0 to 4294967295`);
    } else if (storage === undefined) {
      this.config.debug("setRevFileValue: there is no storage");
    } else {
      storage.writeRevision(revision);
    }
  }

  /** The network state as JSON: all rows by dotted address. */
  getNetworkState(): string {
    return jsonText(this.networkState) as string;
  }

  /** All rows by dotted address; a copy. */
  get networkState(): Record<string, EspGossipRow> {
    const state: Record<string, EspGossipRow> = {};
    const rows = this.engine === undefined ? undefined : this.engine.rows;
    for (let place = 0; rows !== undefined && place < rows.count; place++) {
      const slot = rows.slotAt(place);
      state[formatAddress(rows.address(slot))] = this.row(slot);
    }
    return state;
  }

  /** The seeds as dotted addresses: in each round one gets a SYN. */
  get seedList(): string[] {
    const engine = this.engine;
    if (engine === undefined) return this.config.seedTexts();
    const list: string[] = [];
    for (let i = 0; i < engine.seeds.count; i++) list.push(formatAddress(engine.seeds.address(i)));
    return list;
  }

  /** Stops the rounds and closes the socket for ever. The Lua module has no such function. */
  close(): void {
    if (this.engine === undefined) return;
    this.engine = undefined;
    this.clearTimer();
    this.platform.socket.close();
  }

  private nowMs(): number {
    return this.platform.clock.nowMs();
  }

  /** The stored id, unless the device has one of its own. Stores the first one. */
  private ownId(): number {
    const socket = this.platform.socket;
    const storage = this.platform.storage;
    const id = socket.deviceId(this.config.comPort);
    if (storage === undefined || storage.readId === undefined || storage.writeId === undefined) return id;
    const stored = socket.isDeviceIdFixed === true ? id : storage.readId();
    if (stored === undefined) storage.writeId(id);
    return stored ?? id;
  }

  private makeEngine(): NodeEngine {
    const config = this.config;
    const platform = this.platform;
    const options = {
      id: this.ownId(),
      address: platform.socket.ownAddress(),
      port: config.comPort,
      capacity: platform.capacity ?? 64,
      valueBytesMax: this.value.length,
      datagramBytesMax: this.datagram.bytes.length,
      roundIntervalMs: config.roundInterval,
      removeAfterMs: 86400000,
      seedCapacity: config.seedList.length + 16,
      broadcastAddress: 0xffffffff,
      randomSeed: platform.randomSeed ?? 0,
    };
    const dialect = platform.dialect;
    const engine = dialect === undefined ? new EspGossipEngine(options, {}, false) : dialect(options);
    for (let i = 0; i < config.seedList.length; i++) engine.addSeed(config.seedList[i], config.comPort);
    return engine;
  }

  private receive(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.engine === undefined) return;
    this.config.debug(`from ${formatAddress(address)}: ${length} bytes`);
    this.engine.receive(this.nowMs(), address, port, bytes, length);
    this.drain();
  }

  private tick(): void {
    this.timer = undefined;
    if (this.engine === undefined) return;
    this.engine.tick(this.nowMs());
    this.drain();
  }

  private drain(): void {
    const engine = this.engine;
    const datagram = this.datagram;
    if (engine === undefined) return;
    this.clearTimer();
    const delayMs = (engine.nextDeadline() - this.nowMs()) | 0;
    this.timer = this.platform.clock.setTimer(() => this.tick(), delayMs > 0 ? delayMs : 0);
    this.storeRevision(engine.revision());
    while (engine.pollTransmit(datagram)) this.send(datagram);
    this.notify(engine);
  }

  private send(datagram: Datagram): void {
    this.config.debug(`to ${formatAddress(datagram.address)}: ${datagram.length} bytes`);
    try {
      this.platform.socket.send(datagram.bytes, datagram.length, datagram.address, datagram.port);
    } catch (error) {
      this.config.debug(`send: ${(error as Error).message}`);
    }
  }

  /** In a dialect that recovers, the engine may have taken on a higher revision. */
  private storeRevision(revision: number): void {
    if (revision === this.storedRevision) return;
    this.storedRevision = revision;
    const storage = this.platform.storage;
    try {
      if (storage !== undefined) storage.writeRevision(revision);
    } catch (error) {
      this.config.debug(`storage: ${(error as Error).message}`);
    }
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.platform.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** Calls the callback last: it may throw or call any method. */
  private notify(engine: NodeEngine): void {
    const notification = this.notification;
    const rows = engine.rows;
    const table: Record<string, EspGossipRow> = {};
    const removed: EspGossipRow[] = [];
    let hasTable = false;
    while (engine.pollNotification(notification)) {
      const slot = notification.slot;
      if (notification.kind === NOTIFY_UPDATE) table[formatAddress(rows.address(slot))] = this.row(slot);
      else if (notification.kind === NOTIFY_CLAIM) table[formatAddress(rows.address(slot))] = claimOf(engine);
      else if (notification.kind === NOTIFY_STATE && rows.state(slot) === REMOVE) removed.push(this.row(slot));
      if (notification.kind === NOTIFY_EXCHANGE || notification.kind === NOTIFY_UPDATE) hasTable = true;
    }
    if (hasTable) this.call(table);
    else for (let i = 0; i < removed.length; i++) this.call(removed[i]);
  }

  private call(update: EspGossipUpdate): void {
    if (typeof this.updateCallback === "function") this.updateCallback(update);
    if (typeof this.callbackFunction === "function") this.callbackFunction(update);
  }

  private row(slot: number): EspGossipRow {
    const rows = (this.engine as NodeEngine).rows;
    const start = rows.valueStart(slot) + rowNameBytes(rows, slot);
    return rowOf(
      rows.revision(slot), rows.heartbeat(slot), rows.state(slot),
      rows.valueBytes(), start, rowValueBytes(rows, slot),
    );
  }
}

const VALUE_BYTES_MAX = 255;
const DATAGRAM_BYTES_MAX = 1472;

function claimOf(engine: NodeEngine): EspGossipRow {
  const claim = (engine as EspGossipEngine).claim;
  const claimValue = (engine as EspGossipEngine).claimValue;
  return rowOf(claim.revision, claim.heartbeat, claim.state, claimValue, 0, claim.valueLength);
}

function rowOf(
  revision: number, heartbeat: number, state: number, bytes: Uint8Array, start: number, length: number,
): EspGossipRow {
  const row: EspGossipRow = { revision, heartbeat, state };
  const result = decodeCbor(bytes, start, start + length);
  if (length > 0 && result.ok) row.data = result.value;
  return row;
}
