import { nameEnd, valueBytesOf } from "../cbor/named-value.js";
import { earlier } from "../engine/clock.js";
import { Engine } from "../engine/engine.js";
import type { Notification } from "../engine/notifications.js";
import type { EncodedEvent } from "../engine/feed/event.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import type { NodeEngine } from "../engine/node-engine.js";
import type { EngineOptions } from "../engine/options.js";
import type { Datagram } from "../engine/reconcile/outbox.js";
import { compareFreshness } from "../engine/table/freshness.js";
import { FLAG_PROBED, FLAG_FOREIGN, FLAG_VOUCHED, OWN_SLOT, RowData, type Rows } from "../engine/table/rows.js";
import type { Seeds } from "../engine/membership/seeds.js";
import { DOWN, REMOVE, UP } from "../engine/table/states.js";
import type { Stats } from "../engine/stats.js";
import { BoardSide, sameValue } from "./board-side.js";
import { isCompact } from "./engine.js";
import type { AutoOptions } from "./options.js";

/** A bridge makes a statement for an unchanged board every 16 rounds. */
const KEEPALIVE_ROUNDS = 16;
/** Set while `bridge` compares the tables: a live compact node has this address. */
const FLAG_SEEN = FLAG_PROBED;

/**
 * A bridge (PROTOCOL 9): it answers each peer in the dialect of its datagram, tries
 * unknown addresses in both dialects, and passes rows on between them. Its rows are
 * those of its compact half, where a board is a foreign row with its address as id.
 */
export class AutoEngine implements NodeEngine {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly stats: Stats;
  readonly feed: FeedProtocol | undefined;
  private readonly compact: Engine;
  private readonly boards: BoardSide;
  private readonly statement = new RowData();
  private readonly port: number;
  private readonly keepaliveSeconds: number;

  constructor(options: EngineOptions, given: AutoOptions) {
    this.compact = new Engine(options);
    this.boards = new BoardSide(options, this.compact.stats, this.compact.seeds, given.wrapPlain === true);
    this.rows = this.compact.rows;
    this.seeds = this.compact.seeds;
    this.stats = this.compact.stats;
    this.feed = this.compact.feed;
    this.port = options.port;
    this.keepaliveSeconds = ((KEEPALIVE_ROUNDS * options.roundIntervalMs) / 1000) >>> 0;
  }

  get dialect(): "auto" { return "auto"; }

  /** Adds the seed to both halves, because its dialect is unknown. */
  addSeed(address: number, port: number): void {
    this.compact.addSeed(address, port);
    this.boards.addSeed(address, port);
  }

  setSeed(place: number, address: number): void {
    this.compact.setSeed(place, address);
    this.boards.setSeed(place, address);
  }

  start(nowMs: number, revision: number, isRemembered: boolean): void {
    this.compact.start(nowMs, revision, isRemembered);
    this.boards.start(nowMs, revision, isRemembered);
  }

  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    if (isCompact(bytes, length)) {
      this.compact.receive(nowMs, address, port, bytes, length);
      this.boards.tick(nowMs);
    } else {
      this.boards.receive(nowMs, address, port, bytes, length);
      this.compact.tick(nowMs);
    }
    this.bridge();
  }

  tick(nowMs: number): void {
    this.compact.tick(nowMs);
    this.boards.tick(nowMs);
    this.bridge();
  }

  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void {
    this.compact.publish(nowMs, bytes, length, this.boards.isBoard(address) ? 0 : address, port);
    // ESPGossip has no names.
    const start = nameEnd(bytes, 0, length);
    const valueBytes = valueBytesOf(bytes, 0, start, length);
    const target = this.boards.isVouched(address) ? 0 : address;
    this.boards.publish(nowMs, bytes.subarray(start, length), valueBytes, target, port);
    this.bridge();
  }

  /** Sends an event to compact nodes. ESPGossip has no events. */
  publishEvent(nowMs: number, event: EncodedEvent): void {
    this.compact.publishEvent(nowMs, event);
    this.boards.tick(nowMs);
    this.bridge();
  }

  /** Sends LEAVEs to compact nodes. ESPGossip has no LEAVE: boards see the node as silent. */
  leave(nowMs: number): void {
    this.compact.leave(nowMs);
    this.boards.leave(nowMs);
  }

  /** Forgets the row among compact nodes. Boards keep theirs. */
  forget(nowMs: number, slot: number): boolean {
    this.compact.forget(nowMs, slot);
    this.boards.tick(nowMs);
    this.bridge();
    return true;
  }

  setRevision(nowMs: number, revision: number): void {
    this.compact.setRevision(nowMs, revision);
    this.boards.setRevision(nowMs, revision);
  }

  /** The higher revision of both halves: peers of either may hold a higher one than was stored. */
  revision(): number {
    const compact = this.compact.revision();
    const boards = this.boards.revision();
    return compact > boards ? compact : boards;
  }

  pollTransmit(out: Datagram): boolean {
    return this.compact.pollTransmit(out) || this.boards.pollTransmit(out);
  }

  pollNotification(out: Notification): boolean {
    return this.compact.pollNotification(out) || this.boards.nextWarning(out);
  }

  nextDeadline(): number {
    return earlier(this.compact.nextDeadline(), this.boards.nextDeadline()) >>> 0;
  }

  /** Passes new statements on, in both directions. */
  private bridge(): void {
    const rows = this.rows;
    if (this.boards.beginTelling(rows.count)) {
      this.tell(true);
      this.tell(false);
    }
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (slot === OWN_SLOT || !this.isReachable(slot) || this.isSeen(rows.address(slot))) continue;
      const vouched = this.boards.vouch(rows, slot);
      if (vouched >= 0) this.boards.rows.setFlag(vouched, FLAG_SEEN);
    }
    const boards = this.boards.rows;
    for (let place = 0; place < boards.count; place++) {
      const slot = boards.slotAt(place);
      const isSeen = boards.hasFlag(slot, FLAG_SEEN);
      boards.clearFlag(slot, FLAG_SEEN);
      if (slot !== OWN_SLOT) this.bridgeBoard(slot, isSeen);
    }
  }

  /** Tells boards of the nodes with a value, or of those without. All bridges have the same order. */
  private tell(hasValue: boolean): void {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      const isNext = slot === OWN_SLOT || this.isReachable(slot);
      if (isNext && rows.valueLength(slot) > 0 === hasValue) this.boards.tell(rows, slot);
    }
  }

  /** Whether boards can reach a live compact node. Their datagrams contain no ports: all nodes use the same one. */
  private isReachable(slot: number): boolean {
    const rows = this.rows;
    const address = rows.address(slot);
    return rows.state(slot) < DOWN && !rows.hasFlag(slot, FLAG_FOREIGN) && rows.port(slot) === this.port
      && address !== rows.address(OWN_SLOT) && address !== 0;
  }

  /**
   * Whether boards already got the row of another compact node with this address.
   * While an address passes from one node to another, two rows have it. If boards
   * got both, each input would replace one statement by the other.
   */
  private isSeen(address: number): boolean {
    const slot = this.boards.rows.find(address);
    return slot >= 0 && this.boards.rows.hasFlag(slot, FLAG_SEEN);
  }

  /** @param slot in the boards' table @param isCompactNode whether a live compact node has the row's address */
  private bridgeBoard(slot: number, isCompactNode: boolean): void {
    const boards = this.boards.rows;
    if (boards.hasFlag(slot, FLAG_VOUCHED) && !isCompactNode) this.boards.disown(slot);
    if (!boards.hasFlag(slot, FLAG_FOREIGN)) return;
    if (isCompactNode) this.retire(slot);
    else if (this.boards.isSilent(slot)) this.callDown(slot);
    else this.announceBoard(slot);
  }

  /** PROTOCOL 9.2: the board was flashed with chisme. Its foreign row becomes REMOVE. */
  private retire(slot: number): void {
    this.boards.rows.clearFlag(slot, FLAG_FOREIGN);
    const held = this.foreign(slot);
    if (held >= 0 && this.rows.state(held) !== REMOVE) this.compact.raiseState(held, REMOVE);
  }

  /** PROTOCOL 9.2: the board was silent for too long. Its foreign row becomes DOWN, unless that row is fresher. */
  private callDown(slot: number): void {
    this.boards.rows.clearFlag(slot, FLAG_FOREIGN);
    const held = this.foreign(slot);
    if (held >= 0 && this.rows.state(held) < DOWN && this.order(slot, held) >= 0) {
      this.compact.raiseState(held, DOWN);
    }
  }

  /** PROTOCOL 9.2: makes the board's statement in compact rows, if it has more than a higher heartbeat. */
  private announceBoard(slot: number): void {
    const boards = this.boards.rows;
    const held = this.rows.find(boards.id(slot));
    if (held === OWN_SLOT || (held >= 0 && this.order(slot, held) <= 0)) return;
    if (held >= 0 && this.isKnown(slot, held)) return;
    const row = this.statement;
    row.id = boards.id(slot);
    row.address = row.id;
    row.port = this.port;
    row.revision = boards.revision(slot);
    row.heartbeat = boards.heartbeat(slot);
    row.state = UP;
    row.isForeign = true;
    row.valueStart = boards.valueStart(slot);
    row.valueLength = boards.valueLength(slot);
    this.compact.mergeRow(row, boards.valueBytes());
  }

  /** Whether compact nodes hold the board's statement, except its last heartbeats. */
  private isKnown(slot: number, held: number): boolean {
    const boards = this.boards.rows;
    const rows = this.rows;
    if (rows.state(held) > UP || rows.revision(held) !== boards.revision(slot)) return false;
    if (boards.heartbeat(slot) - rows.heartbeat(held) >= this.keepaliveSeconds) return false;
    return sameValue(boards, slot, rows, held);
  }

  /** The slot of a board's foreign row in the compact table, or -1. */
  private foreign(slot: number): number {
    const held = this.rows.find(this.boards.rows.id(slot));
    return held >= 0 && this.rows.hasFlag(held, FLAG_FOREIGN) ? held : -1;
  }

  /** Positive when the board has made a fresher statement than compact nodes hold. */
  private order(slot: number, held: number): number {
    const boards = this.boards.rows;
    return compareFreshness(
      boards.revision(slot), boards.heartbeat(slot), UP,
      this.rows.revision(held), this.rows.heartbeat(held), UP,
    );
  }
}
