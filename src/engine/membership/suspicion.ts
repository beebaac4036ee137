import { type Clock, earlier } from "../clock.js";
import { FLAG_FOREIGN, FLAG_LAST_PROBE, FLAG_NOTIFY_STATE, type RowData, type Rows } from "../table/rows.js";
import { DOWN, LEFT, REMOVE, SUSPECT, UP } from "../table/states.js";

/** No row waits: as far ahead as engine times can be compared. */
const FAR_MS = 0x7fffffff;

/** For so many rounds a foreign row stands without a word of those who speak for it. */
const FOREIGN_ROUNDS = 64;

/** The parts of a node that suspicion works with. */
interface SuspiciousNode {
  readonly rows: Rows;
  readonly clock: Clock;
  readonly roundIntervalMs: number;
  /** How much this node doubts itself, from 0 on. */
  localHealth(): number;
  /** Sends a SYN to the node of a row and waits for its answer. Returns false when it can't now. */
  probe(slot: number): boolean;
}

/**
 * Moves rows that nobody refutes from SUSPECT to DOWN to REMOVE and out of the
 * table, as in SWIM (Das, Gupta, Motivala, 2002, section 4.2). A node may raise
 * the state of another's row, but only its owner takes it back, by a higher
 * heartbeat.
 */
export class Suspicion {
  private readonly node: SuspiciousNode;
  private readonly removeAfterMs: number;
  /** Not later than the first row's deadline. */
  private earliest = FAR_MS;

  constructor(node: SuspiciousNode, removeAfterMs: number) {
    this.node = node;
    this.removeAfterMs = removeAfterMs;
  }

  /**
   * The state to believe when others say that a node is DOWN which is live here:
   * SUSPECT, so that each node calls another DOWN only after it asked that node
   * itself. Who is not held, or goes by its own word, is as they say.
   */
  believed(slot: number, row: RowData): number {
    const isAccused = row.state === DOWN || row.state === REMOVE;
    const isLive = slot >= 0 && this.node.rows.state(slot) < DOWN;
    return isAccused && isLive && !row.isForeign ? SUSPECT : row.state;
  }

  /** Raises the state of another node's row and makes it news. */
  raise(slot: number, state: number): void {
    this.node.rows.setState(slot, state);
    this.node.rows.markUrgentUpdate(slot);
    this.stateChanged(slot);
  }

  /** Sets a row's deadline after its state was changed, and notes the change for the application. */
  stateChanged(slot: number): void {
    const rows = this.node.rows;
    const state = rows.state(slot);
    rows.noteChange(slot, FLAG_NOTIFY_STATE);
    rows.clearFlag(slot, FLAG_LAST_PROBE);
    if (state !== UP) this.wait(slot, state === SUSPECT ? this.suspicionMs() : this.removeAfterMs);
  }

  /** A foreign row became fresher. Since nobody asks its node, it does not stand for ever. */
  foreignerSpoke(slot: number): void {
    if (this.node.rows.state(slot) === UP) this.wait(slot, FOREIGN_ROUNDS * this.node.roundIntervalMs);
  }

  private wait(slot: number, waitMs: number): void {
    this.node.rows.setDeadline(slot, this.node.clock.nowMs + waitMs);
    this.earliest = earlier(this.earliest, this.node.rows.deadline(slot));
  }

  /** How long a suspicion stands before it counts: long enough for news to go round and back. */
  suspicionMs(): number {
    let rounds = 3;
    for (let rest = this.node.rows.count; rest > 1; rest >>>= 1) rounds++;
    return rounds * this.node.roundIntervalMs;
  }

  nextDeadline(): number {
    return this.earliest;
  }

  /** Raises the states of rows whose time is up, as news; a tombstone is forgotten. */
  expire(): void {
    if (!this.node.clock.isDue(this.earliest)) return;
    const rows = this.node.rows;
    this.earliest = this.node.clock.nowMs + FAR_MS;
    for (let place = rows.count - 1; place >= 0; place--) {
      const slot = rows.slotAt(place);
      const state = rows.state(slot);
      if (state === UP && !rows.hasFlag(slot, FLAG_FOREIGN)) continue;
      if (!this.node.clock.isDue(rows.deadline(slot))) {
        this.earliest = earlier(this.earliest, rows.deadline(slot));
      } else if (state === REMOVE) {
        rows.remove(slot);
      } else if (state === LEFT) {
        this.bury(slot);
      } else if (state === SUSPECT && !rows.hasFlag(slot, FLAG_LAST_PROBE) && !rows.hasFlag(slot, FLAG_FOREIGN)) {
        this.probeOnceMore(slot);
      } else {
        this.raise(slot, state === UP ? SUSPECT : state === SUSPECT ? DOWN : REMOVE);
      }
    }
  }

  /**
   * A node that left is given up: under a later heartbeat than that of its
   * goodbye, which no other word of the same one would outweigh.
   */
  private bury(slot: number): void {
    const rows = this.node.rows;
    rows.setStatement(slot, rows.revision(slot), rows.heartbeat(slot) + 1, REMOVE);
    rows.markUrgentUpdate(slot);
    this.stateChanged(slot);
  }

  /** Who is about to call a node DOWN on the word of others asks it first, so that it can still refute. */
  private probeOnceMore(slot: number): void {
    const rows = this.node.rows;
    if (this.node.probe(slot)) {
      rows.setFlag(slot, FLAG_LAST_PROBE);
      rows.setDeadline(slot, this.node.clock.nowMs + this.node.roundIntervalMs * (1 + this.node.localHealth()));
    }
    this.earliest = earlier(this.earliest, rows.deadline(slot));
  }

  /** Gives suspected nodes more time: this node has not listened for a while. */
  postpone(ms: number): void {
    const rows = this.node.rows;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (rows.state(slot) === SUSPECT) rows.setDeadline(slot, rows.deadline(slot) + ms);
    }
  }
}
