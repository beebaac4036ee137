import { formatAddress } from "./engine/wire/address.js";
import {
  NOTIFY_FORK, NOTIFY_ID_CONFLICT, NOTIFY_STATE, NOTIFY_STRANGER, NOTIFY_TABLE_FULL, NOTIFY_UPDATE, type Notification,
} from "./engine/notifications.js";
import type { NodeEngine } from "./engine/node-engine.js";
import { OWN_SLOT } from "./engine/table/rows.js";
import { DOWN } from "./engine/table/states.js";
import type { EventApi } from "./events/event-api.js";
import { nodeRow, rowData } from "./network-state.js";
import type { GossipErrorCode, GossipOptions, NodeRow } from "./options.js";

/** Rows that are made objects at one time. */
const NOTIFIED_MAX = 8;

/** What telling needs of `Gossip`. */
interface Speaker {
  /** Whether the node was not closed. */
  isOpen(): boolean;
  fail(code: GossipErrorCode, error: Error): void;
}

/** Tells the application and its views what inputs changed. */
export class Notifier {
  private readonly options: GossipOptions;
  private readonly engine: NodeEngine;
  private readonly feed: EventApi | undefined;
  private readonly gossip: Speaker;
  private readonly event: Notification = { kind: 0, slot: 0 };
  private isNotifying = false;
  private isViewNew = false;

  constructor(options: GossipOptions, engine: NodeEngine, feed: EventApi | undefined, gossip: Speaker) {
    this.options = options;
    this.engine = engine;
    this.feed = feed;
    this.gossip = gossip;
  }

  /**
   * Tells the application, a few rows at a time so that a board needs no room for
   * many. What callbacks cause is told by the call that runs already.
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
      while (more) more = this.notifySome() || this.notifyEvents();
      if (sendError !== undefined) this.gossip.fail("send", sendError);
    } finally {
      this.isNotifying = false;
    }
  }

  /** Tells up to TOLD_MAX events. Returns whether there may be more. */
  private notifySome(): boolean {
    const event = this.event;
    let more = this.engine.pollNotification(event);
    // Mostly there is nothing to tell, and then nothing is made.
    if (!more && !this.isViewNew) return false;
    const updated: number[] = [];
    const changed: number[] = [];
    let error = 0;
    while (more) {
      if (event.kind === NOTIFY_UPDATE) updated.push(event.slot);
      else if (event.kind === NOTIFY_STATE) changed.push(event.slot);
      else error = event.kind;
      if (error === 0) this.updateViews(event.slot);
      more = error === 0 && updated.length + changed.length < NOTIFIED_MAX && this.engine.pollNotification(event);
    }
    const any = error !== 0 || updated.length + changed.length > 0;
    if (this.isViewNew || updated.length + changed.length > 0) this.settleViews();
    this.callBack(updated, changed);
    if (error !== 0) this.failByEvent(error, event.slot);
    return (any || this.isViewNew) && this.gossip.isOpen();
  }

  /** Tells all events that were not told yet. Returns whether there was any. */
  notifyEvents(): boolean {
    const feed = this.feed;
    let any = false;
    while (feed !== undefined && this.gossip.isOpen() && feed.notifyNext(this.options.onEvent)) any = true;
    return any;
  }

  private callBack(updated: number[], changed: number[]): void {
    const options = this.options;
    if (updated.length > 0 && options.onUpdate !== undefined && this.gossip.isOpen()) {
      const rows: NodeRow[] = [];
      for (let i = 0; i < updated.length; i++) rows.push(nodeRow(this.engine.rows, updated[i]));
      options.onUpdate(rows);
    }
    for (let i = 0; i < changed.length; i++) {
      if (options.onState !== undefined && this.gossip.isOpen()) options.onState(nodeRow(this.engine.rows, changed[i]));
    }
  }

  private failByEvent(kind: number, slot: number): void {
    const gossip = this.gossip;
    const rows = this.engine.rows;
    if (kind === NOTIFY_ID_CONFLICT) {
      gossip.fail("idConflict", new Error(`another device speaks under this node's id, ${rows.id(OWN_SLOT)}`));
    } else if (kind === NOTIFY_TABLE_FULL) {
      gossip.fail("tableFull", new Error(`more live nodes than rows: capacity is ${rows.capacity}`));
    } else if (kind === NOTIFY_FORK) {
      gossip.fail("fork", new Error(`the feed of node ${rows.id(slot)} says two things under one number`));
    } else if (kind === NOTIFY_STRANGER) {
      gossip.fail("seal", new Error(`${formatAddress(slot)} sends what this network's key does not open`));
    }
  }

  private updateViews(slot: number): void {
    const views = this.options.views ?? [];
    for (let i = 0; i < views.length; i++) {
      views[i].rowChanged(slot, this.engine.rows.state(slot) < DOWN, rowData(this.engine.rows, slot));
    }
  }

  private settleViews(): void {
    this.isViewNew = false;
    const views = this.options.views ?? [];
    for (let i = 0; i < views.length && this.gossip.isOpen(); i++) views[i].settle();
  }
}
