import type { NodeRow } from "../../src/gossip.js";
import { Alarm, Backoff } from "./backoff.js";
import type { DatabaseWriter } from "./database/database-writer.js";
import type { GatewayDatabase } from "./database/gateway-database.js";
import type { PartLog } from "./gateway-log.js";
import { EVENTS_BATCH_MAX, type GatewayNodeState, type GatewayOutput } from "./output.js";

const NODES_BATCH_MAX = 256;
/** Forgotten nodes that wait for an output. */
const FORGOTTEN_MAX = 65536;
const CLOSE_MS = 2000;

export interface OutputPumpOptions {
  name: string;
  output: GatewayOutput;
  log: PartLog;
  /** All nodes that the network has now. */
  rows: () => NodeRow[];
  /** undefined: there is no database, and there are no events. */
  store: { database: GatewayDatabase; writer: DatabaseWriter } | undefined;
}

/** Gives one output its events and nodes, as the contract in output.ts says. */
export class OutputPump {
  readonly name: string;
  private readonly options: OutputPumpOptions;
  private readonly alarm = new Alarm();
  private nodes = new Map<number, GatewayNodeState>();
  private number = 0;
  private restarts = 0;
  private isClosed = false;
  private loops: Promise<void>[] = [];
  private wakings = 0;

  constructor(options: OutputPumpOptions) {
    this.name = options.name;
    this.options = options;
  }

  /** The number up to which the output has all events. */
  get position(): number { return this.number; }

  /** The number up to which retention may remove. */
  get taken(): number { return Math.min(this.number, this.options.output.readUntil ?? Infinity); }

  start(): void {
    const { output, store, name } = this.options;
    this.addAllNodes();
    output.start();
    if (store !== undefined && output.takeEvents !== undefined) {
      this.number = store.database.position(name);
      // Retention keeps what it lacks from now on.
      store.writer.setPosition(name, this.number);
      this.loops.push(this.loop((backoff) => this.giveEvents(backoff)));
    }
    if (output.takeNodes !== undefined) this.loops.push(this.loop((backoff) => this.giveNodes(backoff)));
  }

  /** Events were stored. */
  eventsStored(): void {
    this.wake();
  }

  nodeChanged(row: NodeRow, isForgotten: boolean): void {
    if (this.options.output.takeNodes === undefined) return;
    this.nodes.delete(row.id);
    this.nodes.set(row.id, { row, isForgotten });
    if (this.nodes.size > FORGOTTEN_MAX) this.dropForgotten();
    this.wake();
  }

  /** What is downstream is there. @param all all nodes are given again */
  retry(all = false): void {
    if (all) this.addAllNodes();
    this.wake();
    this.isHurried = true;
    this.hurry.wake();
  }

  /** Gives the output all events again. @throws Error of the database */
  restart(): void {
    const { store, output } = this.options;
    if (store === undefined || output.takeEvents === undefined) return;
    this.restarts++;
    this.number = 0;
    store.writer.setPosition(this.name, 0);
    store.database.write({ positions: new Map([[this.name, 0]]) });
    this.retry();
  }

  /** Ends the output. What it had not taken comes again after the next start. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.wake();
    this.hurry.wake();
    const ended = this.options.output.close().then(() => Promise.all(this.loops));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([ended.catch(() => undefined), late]);
    clearTimeout(timer);
  }

  /** Ends pauses after failures. */
  private readonly hurry = new Alarm();
  private isHurried = false;

  private wake(): void {
    this.wakings++;
    this.alarm.wake();
  }

  private addAllNodes(): void {
    if (this.options.output.takeNodes === undefined) return;
    for (const row of this.options.rows()) this.nodes.set(row.id, { row, isForgotten: false });
  }

  private dropForgotten(): void {
    for (const [id, { isForgotten }] of this.nodes) {
      if (!isForgotten) continue;
      this.nodes.delete(id);
      return;
    }
  }

  /** @param give gives what is new; false: there is nothing */
  private async loop(give: (backoff: Backoff) => Promise<boolean>): Promise<void> {
    const backoff = new Backoff();
    while (!this.isClosed) {
      const { wakings } = this;
      try {
        const wasGiven = await give(backoff);
        if (!wasGiven && !this.isClosed && wakings === this.wakings) await this.alarm.wait();
      } catch (error) {
        if (this.isClosed) return;
        if (!backoff.isFailing) this.options.log.warn(`${(error as Error).message}; tried again`);
        const pauseMs = backoff.failed();
        if (!this.isHurried) await this.hurry.wait(pauseMs);
        this.isHurried = false;
      }
    }
  }

  private succeeded(backoff: Backoff): void {
    if (backoff.succeeded()) this.options.log.info("goes on");
  }

  private async giveEvents(backoff: Backoff): Promise<boolean> {
    const { output, store } = this.options;
    if (store === undefined || output.takeEvents === undefined) return false;
    const { restarts } = this;
    const last = store.database.lastNumber();
    const events = last <= this.number ? [] : store.database.eventsAfter(this.number, EVENTS_BATCH_MAX, output.sites);
    if (events.length > 0) await output.takeEvents(events);
    this.succeeded(backoff);
    // Beyond a short batch there are only events of sites that it does not take.
    const number = events.length === EVENTS_BATCH_MAX ? events[EVENTS_BATCH_MAX - 1].number : last;
    if (number > this.number && restarts === this.restarts) {
      this.number = number;
      store.writer.setPosition(this.name, number);
    }
    return events.length > 0;
  }

  private async giveNodes(backoff: Backoff): Promise<boolean> {
    const taken = [...this.nodes.values()].slice(0, NODES_BATCH_MAX);
    if (taken.length === 0) return false;
    for (const { row } of taken) this.nodes.delete(row.id);
    try {
      await this.options.output.takeNodes?.(taken);
    } catch (error) {
      // What changed meanwhile is newer.
      for (const state of taken) if (!this.nodes.has(state.row.id)) this.nodes.set(state.row.id, state);
      throw error;
    }
    this.succeeded(backoff);
    return true;
  }
}
