import type { FeedEvent, NodeRow } from "../../src/gossip.js";

/** What happened in one round; in a simulation: at all nodes. */
export interface NetworkRound {
  /** Rounds since the start, from 1 on. */
  round: number;
  datagramsSent: number;
  bytesSent: number;
  datagramsReceived: number;
  bytesReceived: number;
  /** Nodes that became suspect. */
  suspicions: number;
  drops: number;
}

/** The changes of a node or of a network, for those who follow them. The control socket has only the first three. */
export interface NodeChanges {
  event: FeedEvent;
  row: NodeRow;
  forgotten: NodeRow;
  round: NetworkRound;
  /** All is other than before. */
  reset: object;
  /** The state of a simulation. */
  simulation: object;
  /** Datagrams on their way in a simulation. */
  datagrams: { list: object[] };
}

export type ChangeKind = keyof NodeChanges;
export type ChangeListener = <Kind extends ChangeKind>(kind: Kind, change: NodeChanges[Kind]) => void;

/** Passes changes on to all who listen. */
export class ChangeFeed {
  private readonly listeners = new Set<ChangeListener>();

  /** @returns a function that ends it */
  listen(listener: ChangeListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  notify<Kind extends ChangeKind>(kind: Kind, change: NodeChanges[Kind]): void {
    for (const listener of this.listeners) listener(kind, change);
  }
}
