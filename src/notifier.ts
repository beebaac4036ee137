import { aloneMessage } from "./alone.js";
import type { CborValue } from "./cbor/cbor.js";
import { haveSameName, rowName } from "./engine/named-rows.js";
import { formatAddress } from "./engine/wire/address.js";
import {
  EVENT_LIMIT_SHIFT, NOTIFY_ALONE, NOTIFY_BOARDS_FULL, NOTIFY_CAPACITY, NOTIFY_FORK, NOTIFY_ID_CONFLICT, NOTIFY_LIMITS,
  NOTIFY_NETWORK, NOTIFY_NO_FEEDS, NOTIFY_SEALED, NOTIFY_STATE, NOTIFY_STRANGER, NOTIFY_TABLE_FULL, NOTIFY_UPDATE,
  type Notification,
} from "./engine/notifications.js";
import type { NodeEngine } from "./engine/node-engine.js";
import { OWN_SLOT } from "./engine/table/rows.js";
import { DOWN, isCounted } from "./engine/table/states.js";
import { show } from "./checks.js";
import { type GossipErrorCode, failure } from "./errors.js";
import type { EventNotifier } from "./events/event-notifier.js";
import { type NodeRow, nodeRow, rowData } from "./node-row.js";
import type { GossipOptions } from "./options.js";
import type { SeedNames } from "./seed-names.js";
import type { ViewRows } from "./views/view.js";

/** Rows that are made objects at one time. */
const NOTIFIED_MAX = 8;

/** Ids with this node's name of which the application is notified in a start. */
const NAMESAKES_MAX = 8;

/** The node that notifies. */
export interface NotifyingNode {
  /** The host names among the node's seeds, if there are any. */
  readonly seedNames: SeedNames | undefined;
  /** Whether the node was not closed. */
  isOpen(): boolean;
  /** Notifies of messages. Returns whether there was any. */
  notifyMessages(): boolean;
  /** Reports an error to the application. */
  fail(code: GossipErrorCode, error: Error): void;
}

/** Notifies the application and its views of what inputs changed. */
export class Notifier<Value extends CborValue> implements ViewRows<Value> {
  private readonly options: GossipOptions<Value>;
  private readonly engine: NodeEngine;
  private readonly events: EventNotifier | undefined;
  private readonly node: NotifyingNode;
  private readonly notification: Notification = { kind: 0, slot: 0, detail: 0 };
  private isNotifying = false;
  private isViewNew = false;
  /** Ids of other nodes with this node's name; undefined until there is one. */
  private namesakes: number[] | undefined;
  /** Rows that were removed and not notified of yet: NOTIFIED_MAX at most. Undefined without `onForget`. */
  private forgotten: NodeRow<Value>[] | undefined;

  constructor(
    options: GossipOptions<Value>, engine: NodeEngine, events: EventNotifier | undefined, node: NotifyingNode,
  ) {
    this.options = options;
    this.engine = engine;
    this.events = events;
    this.node = node;
    // Without an early return, for which the lean bundle for Espruino would make no object.
    if (options.onForget !== undefined) {
      this.forgotten = [];
      engine.rows.beforeRemove = (slot) => this.keep(slot);
    }
  }

  /**
   * Calls back, with at most NOTIFIED_MAX rows at a time so that a board needs no
   * room for more. A call from within a callback returns at once: the outer call
   * notifies of its effects.
   */
  notify(isOwnRowNew: boolean, sendError: Error | undefined): void {
    if (isOwnRowNew) this.updateViews(OWN_SLOT);
    if (this.isNotifying) {
      this.isViewNew = this.isViewNew || isOwnRowNew;
      return;
    }
    this.isNotifying = true;
    this.isViewNew = isOwnRowNew;
    try {
      let more = true;
      // Another row may have the place of one that is forgotten.
      while (more) {
        more = this.notifyForgotten() || this.notifySome() || this.notifyEvents() || this.node.notifyMessages();
      }
      if (sendError !== undefined) this.node.fail("send", sendError);
    } finally {
      this.isNotifying = false;
    }
  }

  /** Notifies of all events. Returns whether there was any. */
  notifyEvents(): boolean {
    return this.events !== undefined && this.events.notify(this.node);
  }

  /** Notifies of up to NOTIFIED_MAX rows. Returns whether there may be more. */
  private notifySome(): boolean {
    const notification = this.notification;
    let more = this.engine.pollNotification(notification);
    // Mostly nothing changed, and then nothing is allocated.
    if (!more && !this.isViewNew) return false;
    const updated: number[] = [];
    const changed: number[] = [];
    let error = 0;
    while (more) {
      if (notification.kind === NOTIFY_UPDATE) updated.push(notification.slot);
      else if (notification.kind === NOTIFY_STATE) changed.push(notification.slot);
      else error = notification.kind;
      if (error === 0) this.updateViews(notification.slot);
      const hasRoom = updated.length + changed.length < NOTIFIED_MAX;
      more = error === 0 && hasRoom && this.engine.pollNotification(notification);
    }
    const any = error !== 0 || updated.length + changed.length > 0;
    if (this.isViewNew || updated.length + changed.length > 0) this.settleViews();
    this.callBack(updated, changed);
    this.reportNamesakes(updated);
    this.reportNamesakes(changed);
    if (error !== 0) this.failBy(error, notification.slot);
    return (any || this.isViewNew) && this.node.isOpen();
  }

  /** A row is to be removed: keeps a copy until the application is notified. Returns whether there is room for it. */
  private keep(slot: number): boolean {
    const forgotten = this.forgotten;
    if (forgotten === undefined) return true;
    if (forgotten.length === NOTIFIED_MAX) return false;
    forgotten.push(nodeRow(this.engine.rows, slot));
    return true;
  }

  /** Notifies of one row that was removed. Returns whether there was any. */
  private notifyForgotten(): boolean {
    const row = this.forgotten === undefined ? undefined : this.forgotten.shift();
    if (row === undefined) return false;
    if (this.options.onForget !== undefined && this.node.isOpen()) this.options.onForget(row);
    return true;
  }

  private callBack(updated: number[], changed: number[]): void {
    const options = this.options;
    if (updated.length > 0 && options.onUpdate !== undefined && this.node.isOpen()) {
      const rows: NodeRow<Value>[] = [];
      for (let i = 0; i < updated.length; i++) rows.push(this.toldRow(updated[i]));
      options.onUpdate(rows);
    }
    for (let i = 0; i < changed.length; i++) {
      if (options.onState !== undefined && this.node.isOpen()) options.onState(this.toldRow(changed[i]));
    }
  }

  private failBy(kind: number, slot: number): void {
    const rows = this.engine.rows;
    if (kind === NOTIFY_ID_CONFLICT) {
      this.report("idConflict", `another device uses this node's id, ${rows.id(OWN_SLOT)}`);
    } else if (kind === NOTIFY_TABLE_FULL) {
      this.report("tableFull", `more live nodes than rows: capacity is ${rows.capacity}`);
    } else if (kind === NOTIFY_FORK) {
      this.report("fork", `the feed of node ${rows.id(slot)} has two different events under one number`);
    } else if (kind === NOTIFY_STRANGER) {
      const isSealed = this.notification.detail === 1;
      const frames = isSealed ? "frames that this network's key does not open" : "frames that are not sealed";
      this.report("seal", `${formatAddress(slot)} sends ${frames}`);
    } else if (kind === NOTIFY_LIMITS) {
      this.report("limits", this.limitsMessage(slot, this.notification.detail));
    } else if (kind === NOTIFY_ALONE) {
      this.report("alone", aloneMessage(this.options, this.engine, this.node.seedNames));
    } else if (kind === NOTIFY_BOARDS_FULL) {
      this.report("limits", `boards can repeat 1472 bytes of rows, and all rows take ${this.notification.detail}; `
        + `nodes that boards are not told of: ${slot}`);
    } else if (kind === NOTIFY_NO_FEEDS) {
      this.report("limits", `${this.nodeName(slot)} keeps no event feeds, this node does`);
    } else if (kind === NOTIFY_CAPACITY) {
      this.report("limits", this.capacityMessage());
    } else if (kind === NOTIFY_SEALED) {
      this.report("seal", `the network at ${formatAddress(slot)} is sealed, and this node has no key`);
    } else if (kind === NOTIFY_NETWORK) {
      this.report("network", `${formatAddress(slot)} is of ${this.networkDifference(this.notification.detail)}`);
    }
  }

  private capacityMessage(): string {
    const rows = this.engine.rows;
    const stats = this.engine.stats;
    let count = 0;
    for (let place = 0; place < rows.count; place++) if (isCounted(rows.state(rows.slotAt(place)))) count++;
    const id = stats.leastCapacityId();
    const slot = rows.find(id);
    const name = slot < 0 ? `node ${id}` : this.nodeName(slot);
    return `${name} has room for ${stats.leastCapacity()} rows; this network has ${count}, so it lacks some`;
  }

  /** @param isNamed whether the network of the other node has a name */
  private networkDifference(isNamed: number): string {
    if (this.options.network === undefined) return "a network that has a name, this node's has none";
    return isNamed === 0 ? "a network without a name, this node's has one" : "a network with another name";
  }

  /** @param detail of NOTIFY_LIMITS */
  private limitsMessage(slot: number, detail: number): string {
    const value = detail & ((1 << EVENT_LIMIT_SHIFT) - 1);
    const event = detail >>> EVENT_LIMIT_SHIFT;
    const own = this.engine.rows.valueBytesMax;
    const feed = this.engine.feed;
    const ownEvent = feed === undefined ? 0 : feed.feeds.eventBytesMax;
    const kept: string[] = [];
    if (value !== own) kept.push(`values of up to ${value} bytes, this node up to ${own}`);
    if (event > 0 && ownEvent > 0 && event !== ownEvent) {
      kept.push(`events of up to ${event} bytes, this node up to ${ownEvent}`);
    }
    return `${this.nodeName(slot)} keeps ${kept.join("; and ")}`;
  }

  /** A row for a callback. That others look for a node is no change of which the application is notified. */
  private toldRow(slot: number): NodeRow<Value> {
    const row = nodeRow<Value>(this.engine.rows, slot);
    if (row.state === "probed") row.state = "up";
    return row;
  }

  private nodeName(slot: number): string {
    const rows = this.engine.rows;
    const name = rowName(rows, slot);
    const shown = name === undefined ? "" : `${show(name)} at `;
    return `node ${shown}${formatAddress(rows.address(slot))}:${rows.port(slot)} (id ${rows.id(slot)})`;
  }

  /** Reports the live nodes among those in `slots` that have this node's name. */
  private reportNamesakes(slots: number[]): void {
    if (this.options.name === undefined) return;
    for (let i = 0; i < slots.length && this.node.isOpen(); i++) {
      if (!this.isNamesake(slots[i])) continue;
      const known = this.namesakes ?? [];
      const id = this.engine.rows.id(slots[i]);
      if (known.length >= NAMESAKES_MAX || known.indexOf(id) >= 0) continue;
      known.push(id);
      this.namesakes = known;
      this.report("nameConflict", `${this.nodeName(slots[i])} has the name of this node, too`);
    }
  }

  private isNamesake(slot: number): boolean {
    const rows = this.engine.rows;
    if (slot === OWN_SLOT || rows.state(slot) >= DOWN) return false;
    // This device itself, under the id that it had before.
    if (rows.address(slot) === rows.address(OWN_SLOT) && rows.port(slot) === rows.port(OWN_SLOT)) return false;
    return haveSameName(rows, slot, OWN_SLOT);
  }

  private report(code: GossipErrorCode, message: string): void {
    this.node.fail(code, failure(code, message));
  }

  /** For views. */
  value(slot: number): Value | undefined {
    const rows = this.engine.rows;
    return rows.isHeld(slot) && rows.state(slot) < DOWN ? rowData(rows, slot) as Value | undefined : undefined;
  }

  private updateViews(slot: number): void {
    const views = this.options.views ?? [];
    const rows = this.engine.rows;
    for (let i = 0; i < views.length; i++) {
      views[i].rowChanged(slot, rows.state(slot) < DOWN, rowData(rows, slot) as Value | undefined);
    }
  }

  private settleViews(): void {
    this.isViewNew = false;
    const views = this.options.views ?? [];
    for (let i = 0; i < views.length && this.node.isOpen(); i++) views[i].settle();
  }
}
