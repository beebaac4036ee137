import { type Clock, earlier } from "../clock.js";
import { EARLIEST_DEADLINE, GROWN_MS, REMOVE_AFTER_MS } from "../table/node-words.js";
import { OwnRow, restMs } from "../table/own-row.js";
import { FLAG_ANY_LOST } from "../table/row-flags.js";
import { STATE_MASK } from "../table/row-layout.js";
import {
  FLAG_FOREIGN, FLAG_LAST_PROBE, FLAG_NEIGHBOUR, FLAG_NOTIFY_STATE, FLAG_PROVEN, FLAG_REMOTE, OWN_SLOT, type RowData,
  type Rows,
} from "../table/rows.js";
import { DOWN, LEFT, PROBED, REMOVE, SUSPECT, UP } from "../table/states.js";

/** The deadline when no row waits: as far ahead as engine times can be compared. */
const FAR_MS = 0x7fffffff;

/** A foreign row stays UP for this many rounds without a fresher statement. */
const FOREIGN_ROUNDS = 64;
/**
 * The row of a node that is no neighbour stays UP for two rests without a fresher statement. Its node rests one and a
 * half times as long at most. Half a rest is for the way, at least 32 rounds.
 */
const REMOTE_RESTS = 2;

/**
 * Changes the state of rows that nobody refutes: from SUSPECT to DOWN to REMOVE,
 * and then out of the table, as in SWIM (Das, Gupta, Motivala, 2002, section
 * 4.2). Any node may raise the state of another node's row. Only the owner may
 * lower it, with a higher heartbeat. What the node says of itself is the layer below: `OwnRow`.
 */
export class Suspicion extends OwnRow {
  constructor(rows: Rows, clock: Clock, removeAfterMs: number) {
    super(rows);
    rows.clock = clock;
    rows.words[REMOVE_AFTER_MS] = removeAfterMs;
    rows.words[EARLIEST_DEADLINE] = FAR_MS;
  }

  /** Not later than the first deadline of any row. */
  private get earliest(): number { return this.rows.words[EARLIEST_DEADLINE]; }
  private set earliest(deadline: number) { this.rows.words[EARLIEST_DEADLINE] = deadline; }

  /**
   * PROTOCOL 4.2: the state to merge from a peer's row. If a peer calls a node DOWN or REMOVE that is live here, this
   * node only doubts it, as when two parts of a network meet again: each node calls another DOWN only after it has
   * waited for a refutation itself.
   *
   * @param slot of the row that is held; -1 when there is none
   */
  believed(slot: number, row: RowData): number {
    const isGone = row.state === DOWN || row.state === REMOVE;
    const held = slot >= 0 ? this.rows.state(slot) : DOWN;
    if (!isGone || held >= DOWN || row.isForeign) return row.state;
    return held > PROBED ? held : PROBED;
  }

  /** Raises the state of another node's row and makes the row an urgent update. */
  raise(slot: number, state: number): void {
    const before = this.rows.state(slot);
    this.rows.setState(slot, state);
    this.rows.markUrgentUpdate(slot);
    this.stateChanged(slot, before);
  }

  /**
   * Sets a row's deadline after a change of its state, and marks the change for a notification, unless it is between
   * UP and PROBED.
   *
   * @param before the state before; -1: the row is new
   */
  stateChanged(slot: number, before: number): void {
    const rows = this.rows;
    const state = rows.state(slot);
    if (before < UP || before > PROBED || state > PROBED) rows.noteChange(slot, FLAG_NOTIFY_STATE);
    rows.clearFlag(slot, FLAG_LAST_PROBE);
    if (before < UP) this.grow();
    this.wait(slot, this.stateMs(slot, state));
    // Others may be behind it.
    if (state < SUSPECT) return;
    this.earliest = this.clock.nowMs;
    rows.setFlag(OWN_SLOT, FLAG_ANY_LOST);
  }

  /**
   * There is one row more, so that all nodes rest for longer: rows that are UP stay so for as much longer. That is
   * added up in one word, as a visit to all rows for each new one would take the square of their number.
   */
  private grow(): void {
    const rows = this.rows;
    rows.words[GROWN_MS] += (restMs(this.clock, rows.count) - restMs(this.clock, rows.count - 1)) * REMOTE_RESTS;
  }

  /** Whether the row stays UP for longer when the table grows: its deadline does not include GROWN_MS. */
  private growsWithTable(slot: number): boolean {
    // Awake and UP is 0.
    return (this.rows.word(slot) & (STATE_MASK | FLAG_FOREIGN)) === 0;
  }

  /** When the row's state ends. */
  private deadlineOf(slot: number): number {
    const deadline = this.rows.deadline(slot);
    return this.growsWithTable(slot) ? (deadline + this.rows.words[GROWN_MS]) >>> 0 : deadline;
  }

  /** A row that is UP became fresher, or its node is out of reach: it stays UP for the full time again. */
  renew(slot: number): void {
    if (this.rows.state(slot) === UP) this.wait(slot, this.stateMs(slot, UP));
  }

  /**
   * PROTOCOL 6.6: whether the last statement of a node out of reach came from a node that may be gone. This node then
   * asks all for it (as Babel does for a route that it lost: RFC 8966, section 3.8.2.1): if it is still there it
   * refutes that, over another way.
   */
  private isBehindGone(slot: number): boolean {
    const way = this.rows.via(slot);
    return way !== OWN_SLOT && this.rows.state(way) >= SUSPECT && this.rows.hasFlag(slot, FLAG_REMOTE);
  }

  /** How long a state lasts. */
  private stateMs(slot: number, state: number): number {
    if (state === UP && this.rows.hasFlag(slot, FLAG_FOREIGN)) return FOREIGN_ROUNDS * this.clock.roundIntervalMs;
    if (state === UP) {
      const ms = restMs(this.clock, this.rows.count) * REMOTE_RESTS;
      return ms < FAR_MS ? ms : FAR_MS;
    }
    if (state === PROBED) return (this.suspicionMs() * 11) >>> 4;
    return state === SUSPECT ? this.suspicionMs() : this.rows.words[REMOVE_AFTER_MS];
  }

  private wait(slot: number, waitMs: number): void {
    const rows = this.rows;
    const words = rows.words;
    let deadline = ((rows.clock as Clock).nowMs + waitMs) >>> 0;
    // The deadline of a node that sleeps is its own word.
    if (rows.isAsleep(slot)) deadline = rows.deadline(slot);
    else rows.setDeadline(slot, this.growsWithTable(slot) ? deadline - words[GROWN_MS] : deadline);
    words[EARLIEST_DEADLINE] = earlier(words[EARLIEST_DEADLINE], deadline);
  }

  /** How long a suspicion may be refuted: long enough for an update to reach all nodes and for the answer to return. */
  suspicionMs(): number {
    let rounds = 3;
    for (let rest = this.rows.count; rest > 1; rest >>>= 1) rounds++;
    return rounds * this.clock.roundIntervalMs;
  }

  nextDeadline(): number {
    return this.rows.words[EARLIEST_DEADLINE];
  }

  /** Returns whether a row may be due. If so, the caller visits all rows with `nextDue`. */
  beginExpiry(): boolean {
    if (!this.clock.isDue(this.earliest)) return false;
    this.earliest = this.clock.nowMs + FAR_MS;
    return true;
  }

  /** The place of the next row whose deadline has passed, from `from` down; -1 when there is none. */
  nextDue(from: number): number {
    const rows = this.rows;
    for (let place = from; place >= 0; place--) {
      const slot = rows.slotAt(place);
      const isUp = rows.state(slot) === UP;
      if (slot === OWN_SLOT || (isUp && !rows.isAsleep(slot) && rows.hasFlag(slot, FLAG_NEIGHBOUR))) continue;
      if (isUp && !rows.isAsleep(slot) && this.isBehindGone(slot)) return place;
      const deadline = this.deadlineOf(slot);
      if (this.clock.isDue(deadline)) return place;
      this.earliest = earlier(this.earliest, deadline);
    }
    return -1;
  }

  /**
   * Whether a suspected node must be probed once more before this node calls it DOWN: not if it is out of reach and
   * never answered.
   */
  needsLastProbe(slot: number): boolean {
    const rows = this.rows;
    if (rows.state(slot) !== SUSPECT || rows.hasFlag(slot, FLAG_LAST_PROBE) || rows.hasFlag(slot, FLAG_FOREIGN)) {
      return false;
    }
    return !rows.hasFlag(slot, FLAG_REMOTE) || rows.hasFlag(slot, FLAG_PROVEN);
  }

  /**
   * PROTOCOL 4.2: after another node, this one got no answer either. That was the last probe, too. Half of a suspicion
   * is left at most (after Dadgar, Phillips, Currey: Lifeguard, 2017, IV-B).
   */
  confirm(slot: number): void {
    const deadline = this.clock.nowMs + (this.suspicionMs() >>> 1);
    this.rows.setFlag(slot, FLAG_LAST_PROBE);
    this.rows.setDeadline(slot, earlier(this.rows.deadline(slot), deadline));
    this.earliest = earlier(this.earliest, this.rows.deadline(slot));
  }

  /** The last probe was sent: the node has a round to refute, more with a high local health. */
  lastProbeSent(slot: number, localHealth: number): void {
    this.rows.setFlag(slot, FLAG_LAST_PROBE);
    this.rows.setDeadline(slot, this.clock.nowMs + this.clock.roundIntervalMs * (1 + localHealth));
    this.earliest = earlier(this.earliest, this.rows.deadline(slot));
  }

  /** The last probe found no room in the outbox: the row stays due. */
  lastProbeFailed(slot: number): void {
    this.earliest = earlier(this.earliest, this.rows.deadline(slot));
  }

  /** Moves a due row to its next state. Removes a tombstone from the table, or leaves it due if it may not yet. */
  advance(slot: number): void {
    const state = this.rows.state(slot);
    if (state === UP && this.isBehindGone(slot)) this.rows.setVia(slot, OWN_SLOT);
    if (state === REMOVE && this.rows.mayRemove(slot)) this.rows.remove(slot);
    else if (state === REMOVE) this.earliest = earlier(this.earliest, this.rows.deadline(slot));
    else if (state === LEFT) this.bury(slot);
    else this.raise(slot, stateAfter(state, this.rows.hasFlag(slot, FLAG_FOREIGN)));
  }

  /**
   * Makes the row of a node that left a tombstone. The heartbeat rises by 1:
   * under the old heartbeat LEFT would be fresher than REMOVE.
   */
  private bury(slot: number): void {
    const rows = this.rows;
    rows.setStatement(slot, rows.revision(slot), rows.heartbeat(slot) + 1, REMOVE);
    rows.markUrgentUpdate(slot);
    this.stateChanged(slot, LEFT);
  }

  /** This node slept and heard nothing: all states last for their full time again, words that are over a bit longer. */
  restart(): void {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (slot === OWN_SLOT) continue;
      const isOver = rows.isAsleep(slot) && this.clock.isDue(rows.deadline(slot) - this.clock.roundIntervalMs);
      if (isOver) rows.setAsleep(slot, (this.suspicionMs() / 1000) >>> 0);
      this.wait(slot, this.stateMs(slot, rows.state(slot)));
    }
  }

  /** Gives doubted and suspected nodes more time: this node itself stood still for `ms`. */
  postpone(ms: number): void {
    const rows = this.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      const state = rows.state(slot);
      if (state === PROBED || state === SUSPECT) rows.setDeadline(slot, rows.deadline(slot) + ms);
    }
  }
}

/** The state that follows one that nobody refuted. No node can be asked whether it hears a foreign one. */
function stateAfter(state: number, isForeign: boolean): number {
  if (state === UP && !isForeign) return PROBED;
  return state < SUSPECT ? SUSPECT : state === SUSPECT ? DOWN : REMOVE;
}
