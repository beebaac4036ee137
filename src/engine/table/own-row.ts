import type { Clock } from "../clock.js";
import { compareFreshness } from "./freshness.js";
import { isMediaAddress } from "./media.js";
import { HEARTBEAT_BASE, IS_CONTESTED, KEEPALIVE_DEADLINE, RECOVERED_AT } from "./node-words.js";
import { randomBelow } from "./random.js";
import { FLAG_ANY_LOST, FLAG_MOVED } from "./row-flags.js";
import { FLAG_ADDRESS_GIVEN, OWN_SLOT, type RowData, type Rows } from "./rows.js";
import { UP } from "./states.js";

/**
 * A quiet node announces itself every 64 rounds, so that peers can tell current
 * rows from old ones. With n rows it does so every 8 n rounds, if that is more:
 * all nodes together then announce once in 8 rounds.
 */
const KEEPALIVE_ROUNDS = 64;
const KEEPALIVE_ROUNDS_PER_ROW = 8;
/** Deadlines are at most this far ahead, so that they can be compared. */
const KEEPALIVE_MS_MAX = 0x3fffffff;
/**
 * How long a quiet node rests between two statements on average, in ms: half to one and a half times as long. It need
 * not be exact: nodes may hold different rows.
 */
export function restMs(clock: Clock, rows: number): number {
  const grown = rows * KEEPALIVE_ROUNDS_PER_ROW;
  const ms = clock.roundIntervalMs * (grown > KEEPALIVE_ROUNDS ? grown : KEEPALIVE_ROUNDS);
  return ms < KEEPALIVE_MS_MAX ? ms : KEEPALIVE_MS_MAX;
}

/** Times that a node may recover without a pause. */
const RECOVERIES_MAX = 8;
/**
 * Rounds after which the node may recover once more. Each recovery writes to flash, and two devices with one id would
 * outbid each other for ever. But a node that never recovered again would stay DOWN where frames are damaged.
 */
const RECOVERY_ROUNDS = 64;
/** A node follows no claim with a higher revision, so that 65,535 revisions are left for starts. */
export const CLAIM_MAX = 0xfffeffff;
/** A heartbeat starts at random below this, if the revision may have been used before. */
const HEARTBEAT_BASES = 1024;

/**
 * Puts the node's own row, without a value, into an empty table.
 *
 * @param row scratch
 * @param isAdvertised whether the address stays, whatever peers see
 */
export function insertOwnRow(
  rows: Rows, row: RowData, id: number, address: number, port: number, isAdvertised: boolean,
): void {
  row.id = id;
  row.address = address;
  row.port = port;
  rows.merge(row, rows.valueBytes());
  // A node that slept gets its former rows after this.
  rows.setFlag(OWN_SLOT, FLAG_ANY_LOST);
  if (isAdvertised) rows.setFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN);
}

/** The statements that a node makes about itself, and its reaction to claims of others about it (PROTOCOL 5.5). */
export class OwnRow {
  readonly rows: Rows;

  /** @param rows know the clock */
  constructor(rows: Rows) {
    this.rows = rows;
  }

  /** Of the rows, so that no property takes 16 bytes of a board's RAM. */
  get clock(): Clock { return this.rows.clock as Clock; }
  /** When the next statement is due even if nothing changes. */
  get keepaliveDeadline(): number { return this.rows.words[KEEPALIVE_DEADLINE]; }
  private set keepaliveDeadline(deadline: number) { this.rows.words[KEEPALIVE_DEADLINE] = deadline; }
  /** Whether another device uses this node's id. */
  get isContested(): boolean { return this.rows.words[IS_CONTESTED] !== 0; }
  private get heartbeatBase(): number { return this.rows.words[HEARTBEAT_BASE]; }
  private set heartbeatBase(base: number) { this.rows.words[HEARTBEAT_BASE] = base; }

  /** Another device uses this node's id. */
  contest(): void { this.rows.words[IS_CONTESTED] = 1; }

  /** Makes the first statement of a start. Without a remembered revision the heartbeat starts at random below 1,024. */
  start(revision: number, isRemembered: boolean): void {
    this.scheduleKeepalive();
    if (!isRemembered) this.heartbeatBase = randomBelow(this.rows.words, HEARTBEAT_BASES);
    this.adopt(revision);
  }

  revision(): number {
    return this.rows.revision(OWN_SLOT);
  }

  /** Continues under another revision. */
  adopt(revision: number): void {
    this.say(revision, this.uptimeSeconds(), UP);
    this.rows.markUrgentUpdate(OWN_SLOT);
  }

  /** Makes a new statement: the same row with a higher heartbeat. */
  announce(state: number): void {
    const rows = this.rows;
    const uptime = this.uptimeSeconds();
    const heartbeat = rows.heartbeat(OWN_SLOT);
    const next = uptime > heartbeat ? uptime : heartbeat + 1;
    this.say(this.revision(), next, state);
    rows.clearFlag(OWN_SLOT, FLAG_MOVED);
    this.scheduleKeepalive();
    rows.markUrgentUpdate(OWN_SLOT);
  }

  /**
   * PROTOCOL 6.4: `keepaliveDeadline` passed. Makes a new statement, unless the table has grown so much since the last
   * one that the rest is longer now. Nodes that were switched on together would all announce themselves at once else.
   */
  endRest(): void {
    const rows = this.rows;
    const restedMs = (this.uptimeSeconds() - rows.heartbeat(OWN_SLOT)) * 1000;
    const ms = restMs(this.clock, rows.count);
    if (rows.hasFlag(OWN_SLOT, FLAG_MOVED)) this.announce(UP);
    else if (restedMs < ms >>> 1) {
      this.scheduleKeepalive();
      if (restedMs > 0) this.keepaliveDeadline -= restedMs;
    } else if (rows.mayHaveUpdates() && restedMs < ms + (ms >>> 2)) {
      // After the statements of others, so that not many come together.
      this.keepaliveDeadline = this.clock.nowMs + randomBelow(this.rows.words, ms >>> 2);
    } else {
      this.announce(UP);
      // PROTOCOL 6.3: it brings nothing new, so it spreads like the row of another node.
      rows.markUpdate(OWN_SLOT);
    }
  }

  /** A node that sleeps stays asleep: the word that it gave holds for its next statements, too. */
  private say(revision: number, heartbeat: number, state: number): void {
    const rows = this.rows;
    const isAsleep = state === UP && rows.isAsleep(OWN_SLOT);
    const deadline = rows.deadline(OWN_SLOT);
    rows.setStatement(OWN_SLOT, revision, heartbeat, state);
    if (!isAsleep) return;
    rows.setAsleep(OWN_SLOT, 0);
    rows.setDeadline(OWN_SLOT, deadline);
  }

  /** At random, so that nodes whose statements were made together spread out. */
  private scheduleKeepalive(): void {
    const ms = restMs(this.clock, this.rows.count);
    this.keepaliveDeadline = this.clock.nowMs + (ms >>> 1) + randomBelow(this.rows.words, ms);
  }

  /**
   * A peer sent a claim about this node. A statement that this node never made is
   * from a former life that its storage lost: the node takes on a higher
   * revision. A state other than UP is refuted with a higher heartbeat.
   */
  observeClaim(row: RowData): void {
    const order = compareFreshness(
      this.revision(), this.rows.heartbeat(OWN_SLOT), UP, row.revision, row.heartbeat, UP,
    );
    if (order < 0) this.recover(row.revision);
    else if (order === 0 && row.state !== UP) this.announce(UP);
  }

  /** A peer's row shows the source address of this node's frames. If that changed, the node announces it. */
  observeAddress(row: RowData): void {
    const rows = this.rows;
    const heartbeat = rows.heartbeat(OWN_SLOT);
    if (row.revision !== this.revision() || row.heartbeat !== heartbeat) return;
    if (row.address === rows.address(OWN_SLOT) && row.port === rows.port(OWN_SLOT)) return;
    if (rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN)) return;
    // One address for all media: that of UDP or, without UDP, the first one.
    if (rows.media !== undefined && (!rows.media.hasUdp || isMediaAddress(row.address))) return;
    const isMove = rows.address(OWN_SLOT) !== 0;
    rows.setAddress(OWN_SLOT, row.address, row.port);
    if (!isMove) return;
    // Behind a NAT, peers see different addresses: one statement a round is enough.
    const intervalMs = this.clock.roundIntervalMs;
    if ((this.uptimeSeconds() - heartbeat) * 1000 >= intervalMs) this.announce(UP);
    else if (((this.keepaliveDeadline - this.clock.nowMs) | 0) > intervalMs) {
      this.keepaliveDeadline = this.clock.nowMs + intervalMs;
      rows.setFlag(OWN_SLOT, FLAG_MOVED);
    }
  }

  /**
   * Takes on the revision after one that peers hold. Returns false, and marks the
   * node's id as contested, if that revision is too high or the node recovered
   * too often.
   */
  recover(revision: number): boolean {
    if (!this.canRecover(revision)) {
      this.contest();
      return false;
    }
    this.rows.words[RECOVERED_AT] = this.clock.uptimeSeconds + this.owedSeconds() + this.pauseSeconds();
    this.heartbeatBase = randomBelow(this.rows.words, HEARTBEAT_BASES);
    this.adopt(revision + 1);
    return true;
  }

  /** Whether `recover` would succeed now. */
  canRecover(revision: number): boolean {
    return revision <= CLAIM_MAX && this.owedSeconds() <= this.pauseSeconds() * (RECOVERIES_MAX - 1);
  }

  /**
   * Whether a frame with this node's id, a revision and a counter so many after the node's last one is none that the
   * node has sent, in this start or before. Unknown, so false, if the node does not remember its revision.
   */
  isBeyond(revision: number, framesAhead: number): boolean {
    if (this.heartbeatBase > 0) return false;
    return revision > this.revision() || (revision === this.revision() && framesAhead > 0);
  }

  private pauseSeconds(): number {
    return ((this.clock.roundIntervalMs * RECOVERY_ROUNDS) / 1000) >>> 0;
  }

  private owedSeconds(): number {
    const uptime = this.clock.uptimeSeconds;
    const recoveredAt = this.rows.words[RECOVERED_AT];
    return recoveredAt > uptime ? recoveredAt - uptime : 0;
  }

  private uptimeSeconds(): number {
    return (this.clock.uptimeSeconds + this.heartbeatBase) >>> 0;
  }
}
