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

/** A datagram that a node sent or received, as it was on the wire: a sealed one is sealed. */
export interface SeenDatagram {
  direction: "in" | "out";
  /** Dotted IPv4 address and UDP port of the other end. */
  address: string;
  port: number;
  /** The bytes as base64. */
  bytes: string;
  /** Why the node dropped it, or a part of it. */
  drop?: string;
}

/** The changes of a node or of a network, for those who follow them. The control socket has the first five. */
export interface NodeChanges {
  event: FeedEvent;
  row: NodeRow;
  forgotten: NodeRow;
  datagram: SeenDatagram;
  /** A method of the control socket, or an action over HTTP, that changed the node. */
  input: { method: string; params: object };
  round: NetworkRound;
  /** All is other than before. */
  reset: object;
  /** The state of a simulation. */
  simulation: object;
  /** The state of a recording that is played. */
  recording: object;
  /** Datagrams on their way in a simulation or a recording. */
  datagrams: { list: object[] };
}

export type ChangeKind = keyof NodeChanges;
export type ChangeListener = <Kind extends ChangeKind>(kind: Kind, change: NodeChanges[Kind]) => void;

/** Passes changes on to all who listen. */
export class ChangeFeed {
  private readonly listeners = new Set<ChangeListener>();
  private readonly recorders = new Set<ChangeListener>();

  /** Whether anybody wants datagrams: copies of them cost time. */
  get wantsDatagrams(): boolean {
    return this.recorders.size > 0;
  }

  /**
   * @param isRecorder whether it wants datagrams, too
   * @returns a function that ends it
   */
  listen(listener: ChangeListener, isRecorder = false): () => void {
    this.listeners.add(listener);
    if (isRecorder) this.recorders.add(listener);
    return () => {
      this.listeners.delete(listener);
      this.recorders.delete(listener);
    };
  }

  notify<Kind extends ChangeKind>(kind: Kind, change: NodeChanges[Kind]): void {
    for (const listener of this.listeners) listener(kind, change);
  }
}
