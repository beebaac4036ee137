import type { GossipStorage } from "../../src/gossip.js";
import { ownRecords } from "./held-records.js";
import type { SimNode } from "./node.js";
import { type PublishedEvents, identityOf } from "./published.js";

/** A copy of a node's storage, as of an SD card, and the events in its log. */
export interface StorageImage {
  readonly storage: GossipStorage;
  readonly identities: ReadonlySet<string>;
}

/** What a node's log holds when it is on again: all of its feed, nothing, or what an image holds. */
export type Kept = "log" | "nothing" | StorageImage;

/** Follows which nodes and logs hold the acknowledged events, to know which of them a fault destroys. */
export class EventHolders {
  private readonly published: PublishedEvents;
  /** Of nodes that are off and may come back: what their logs hold. */
  private readonly stored = new Map<SimNode, ReadonlySet<string>>();

  constructor(published: PublishedEvents) {
    this.published = published;
  }

  /** Called when a node is on: what its log holds is in its RAM. */
  on(node: SimNode): void {
    this.stored.delete(node);
  }

  /**
   * Called before a running node is switched off: marks the events that only this node held and will not hold when it
   * is on again.
   *
   * @param running all running nodes
   */
  off(node: SimNode, running: readonly SimNode[], kept: Kept): void {
    const ram = this.heldBy(node);
    const stored = kept === "nothing" ? new Set<string>() : kept === "log" ? this.ownOf(node) : kept.identities;
    this.stored.set(node, stored);
    const others = running.filter((other) => other !== node).map((other) => this.heldBy(other));
    const holders = [...others, ...this.stored.values()];
    for (const event of this.published.all) {
      const identity = identityOf(event);
      if (ram.has(identity) && !holders.some((held) => held.has(identity))) event.isDestroyed = true;
    }
  }

  /** Events in the node's own feed, which its log holds. */
  ownOf(node: SimNode): Set<string> {
    return new Set(ownRecords(node).map(({ identity }) => identity));
  }

  private heldBy(node: SimNode): Set<string> {
    const identities = new Set<string>();
    node.gossip?.eachEvent((event) => identities.add(identityOf(event)));
    return identities;
  }
}
