import type { Clock } from "../clock.js";
import type { Random } from "../random.js";
import { compareFreshness } from "./freshness.js";
import { OWN_SLOT, type RowData, type Rows } from "./rows.js";
import { UP } from "./states.js";

/**
 * Every so many rounds a node says that its row still stands, so that rows age
 * even in a quiet network; in a larger one more rarely, since each such word
 * goes to all: then there is one in eight rounds, of all nodes together.
 */
const KEEPALIVE_ROUNDS = 64;
const KEEPALIVE_ROUNDS_A_ROW = 8;
/** Deadlines lie no further ahead, so that they can be compared. */
const KEEPALIVE_MS_MAX = 0x3fffffff;
/** Revisions that a node takes on at once because others knew of a later one than it did. */
const RECOVERIES_MAX = 8;
/**
 * Rounds after which it may take on one more. Each is a write to flash, and two devices under one id would go beyond
 * each other for ever. But a node that never did again would be DOWN for all where frames were damaged on their way.
 */
const RECOVERY_ROUNDS = 64;
/** A claim beyond this is not followed, so that thousands of starts are always left. */
const RECOVERED_MAX = 0xfffeffff;
/** Heartbeats from which a node starts whose revision may have been used before. */
const HEARTBEAT_BASES = 1024;

/** The parts of a node that its own row needs. */
interface Speaker {
  readonly rows: Rows;
  readonly clock: Clock;
  readonly random: Random;
  readonly roundIntervalMs: number;
}

/** What a node says of itself, and what it makes of what others say of it. */
export class OwnRow {
  /** When the next statement is due even if nothing happens. */
  keepaliveDeadline = 0;
  private readonly node: Speaker;
  /** Uptime in seconds at which RECOVERIES_MAX are left again: each puts it off by RECOVERY_ROUNDS. */
  private recoveredAt = 0;
  private heartbeatBase = 0;

  constructor(node: Speaker) {
    this.node = node;
  }

  /** The first statement of a start. Without a remembered revision the heartbeat starts anywhere below 1,024. */
  start(revision: number, isRemembered: boolean): void {
    this.scheduleKeepalive();
    if (!isRemembered) this.heartbeatBase = this.node.random.below(HEARTBEAT_BASES);
    this.adopt(revision);
  }

  revision(): number {
    return this.node.rows.revision(OWN_SLOT);
  }

  /** Goes on under another revision. */
  adopt(revision: number): void {
    this.node.rows.setStatement(OWN_SLOT, revision, this.uptimeSeconds(), UP);
    this.node.rows.markUrgentUpdate(OWN_SLOT);
  }

  /** Makes a new statement: the same row under a higher heartbeat. */
  announce(state: number): void {
    const rows = this.node.rows;
    const uptime = this.uptimeSeconds();
    const heartbeat = rows.heartbeat(OWN_SLOT);
    const next = uptime > heartbeat ? uptime : heartbeat + 1;
    rows.setStatement(OWN_SLOT, this.revision(), next, state);
    this.scheduleKeepalive();
    rows.markUrgentUpdate(OWN_SLOT);
  }

  /** Says nothing of itself before the next keepalive. */
  private scheduleKeepalive(): void {
    const grown = this.node.rows.count * KEEPALIVE_ROUNDS_A_ROW;
    const restMs = this.node.roundIntervalMs * (grown > KEEPALIVE_ROUNDS ? grown : KEEPALIVE_ROUNDS);
    this.keepaliveDeadline = this.node.clock.nowMs + (restMs < KEEPALIVE_MS_MAX ? restMs : KEEPALIVE_MS_MAX);
  }

  /**
   * Others speak of this node. A statement that it never made is from an earlier
   * start that its storage does not remember: it goes beyond it. A state other
   * than UP is refuted by a higher heartbeat. Returns false when another device
   * must be speaking under this node's id.
   */
  observeClaim(row: RowData): boolean {
    const own = compareFreshness(
      this.revision(), this.node.rows.heartbeat(OWN_SLOT), UP, row.revision, row.heartbeat, UP,
    );
    if (own < 0) return this.recover(row.revision);
    if (own === 0 && row.state !== UP) this.announce(UP);
    return true;
  }

  /** A peer tells from which address this node's frames come. If that changed, all others should know. */
  observeAddress(row: RowData): void {
    const rows = this.node.rows;
    const heartbeat = rows.heartbeat(OWN_SLOT);
    if (row.revision !== this.revision() || row.heartbeat !== heartbeat) return;
    if (row.address === rows.address(OWN_SLOT) && row.port === rows.port(OWN_SLOT)) return;
    const isMove = rows.address(OWN_SLOT) !== 0;
    rows.setAddress(OWN_SLOT, row.address, row.port);
    // Where peers see different addresses, as behind a NAT, one statement a round is enough.
    if (isMove && (this.uptimeSeconds() - heartbeat) * 1000 >= this.node.roundIntervalMs) this.announce(UP);
  }

  /** Takes on the revision after one that others know of. Returns false when that would be too much, or too often. */
  recover(revision: number): boolean {
    const uptime = this.node.clock.uptimeSeconds;
    const apart = ((this.node.roundIntervalMs * RECOVERY_ROUNDS) / 1000) >>> 0;
    const owed = this.recoveredAt > uptime ? this.recoveredAt - uptime : 0;
    if (revision > RECOVERED_MAX || owed > apart * (RECOVERIES_MAX - 1)) return false;
    this.recoveredAt = uptime + owed + apart;
    this.heartbeatBase = this.node.random.below(HEARTBEAT_BASES);
    this.adopt(revision + 1);
    return true;
  }

  private uptimeSeconds(): number {
    return (this.node.clock.uptimeSeconds + this.heartbeatBase) >>> 0;
  }
}
