import type { FeedEvent, NodeRow } from "../../../src/gossip.js";
import { Backoff } from "../backoff.js";
import type { PartLog } from "../gateway-log.js";
import type { ForeignEvent, Position } from "../output.js";
import type { GatewayDatabase } from "./gateway-database.js";

/** What is new is written after so long, or when there is so much. */
const WRITE_MS = 100;
const WRITE_EVENTS = 1000;
/** Events that wait while the database cannot be written: more than the event buffer of the node holds. */
export const WAITING_EVENTS_MAX = 300000;

export interface DatabaseWriterOptions {
  database: GatewayDatabase;
  log: PartLog;
  /** Events were stored. */
  onStored: () => void;
  /** All events that the node holds. */
  heldEvents: () => FeedEvent[];
}

/**
 * Writes what the node learns into the database, in batches. What is there already is ignored.
 *
 * While the database cannot be written, up to 300,000 events wait. Beyond that they are dropped here; once it can be
 * written again, all events that the node still holds are compared with the database.
 */
export class DatabaseWriter {
  private readonly options: DatabaseWriterOptions;
  private readonly backoff = new Backoff();
  private events: FeedEvent[] = [];
  private nodes = new Map<number, { row: NodeRow; isForgotten: boolean }>();
  private positions = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private isFull = false;
  private isClosed = false;

  constructor(options: DatabaseWriterOptions) {
    this.options = options;
  }

  /** An event of the own site, as views of the node get it. */
  apply(event: FeedEvent): void {
    if (this.events.length >= WAITING_EVENTS_MAX) this.isFull = true;
    else this.events.push(event);
    if (this.events.length === WRITE_EVENTS && !this.backoff.isFailing) this.schedule(0);
    else this.schedule(WRITE_MS);
  }

  /** Of several changes of a node before a write, the last one counts. */
  nodeChanged(row: NodeRow, isForgotten: boolean): void {
    this.nodes.set(row.id, { row, isForgotten });
    this.schedule(WRITE_MS);
  }

  /** An output has all events up to a number. */
  setPosition(output: string, number: number): void {
    this.positions.set(output, number);
    this.schedule(WRITE_MS);
  }

  /** Events of another site, which are synced when the promise resolves. */
  // eslint-disable-next-line @typescript-eslint/require-await -- What `write` throws must reject the promise.
  async addForeign(events: readonly ForeignEvent[], position?: Position): Promise<number> {
    const positions = new Map(position === undefined ? [] : [[position.name, position.number]]);
    const count = this.options.database.write({ foreign: events, positions });
    if (count > 0) this.options.onStored();
    return count;
  }

  /** Writes what waits, once. @returns whether all of it is written */
  close(): boolean {
    this.isClosed = true;
    clearTimeout(this.timer);
    return this.tryWrite();
  }

  private schedule(ms: number): void {
    if (this.isClosed || (this.timer !== undefined && ms > 0)) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const isWritten = this.tryWrite();
      if (!isWritten) this.timer = setTimeout(() => this.again(), this.backoff.failed());
    }, ms);
  }

  private again(): void {
    this.timer = undefined;
    this.schedule(0);
  }

  /** Writes until nothing waits. @returns false: it failed */
  private tryWrite(): boolean {
    const { database, log, onStored, heldEvents } = this.options;
    try {
      while (this.events.length + this.nodes.size + this.positions.size > 0) {
        const events = this.events.length > WRITE_EVENTS ? this.events.slice(0, WRITE_EVENTS) : this.events;
        const { nodes, positions } = this;
        const count = database.write({ events, nodes: [...nodes.values()], positions });
        this.events = events === this.events ? [] : this.events.slice(WRITE_EVENTS);
        this.nodes = new Map();
        this.positions = new Map();
        if (count > 0) onStored();
        if (this.isFull && this.events.length === 0) {
          this.isFull = false;
          this.events = heldEvents();
        }
      }
    } catch (error) {
      const again = this.isClosed ? "" : "; what the node learns waits, and is written once that works again";
      if (!this.backoff.isFailing || this.isClosed) {
        log.warn(`cannot be written: ${(error as Error).message}; ${this.events.length} events wait${again}`);
      }
      return false;
    }
    if (this.backoff.succeeded()) log.info("is written again; nothing that waited is lost");
    return true;
  }
}
