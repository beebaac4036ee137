import type { NodeState } from "../../src/gossip.js";
import type { NetworkRound } from "../control/changes.js";
import type { Member } from "../control/members.js";
import type { NetworkMinMax, NetworkNode } from "../control/network-view.js";
import { ROUNDS_KEPT } from "../control/round-history.js";
import { frameHead } from "./frame-text.js";
import type { RecordedRow, RecordingEntry, RecordingHead } from "./recording.js";

/** A node, with times since the begin of the recording. */
interface RecordedNode {
  row: RecordedRow;
  sinceMs: number;
  heardMs: number;
}

/** What an entry was, beside its line. */
export interface Applied {
  /** A time step that ended with it; of several, the last one. */
  round?: NetworkRound;
  /** Of a datagram: the node at the other end, and SYN, ACK, DIFF, LEAVE or other. */
  peer?: number;
  type?: string;
}

/** What the recorded node knew after some entries of its recording. */
export class RecordedState {
  /** Entries that are applied. */
  position = 0;
  /** Events until here. */
  eventCount: number;
  readonly stepMs: number;
  private readonly self: number;
  private nodes: Map<number, RecordedNode>;
  /** Nodes with which datagrams passed. */
  private peers = new Set<number>();
  private rounds: NetworkRound[] = [];
  private current: NetworkRound = emptyRound(1);

  /** @param stepMs time of one of the rounds, in which figures are counted */
  constructor(head: RecordingHead, stepMs: number) {
    this.self = head.node.id;
    this.stepMs = stepMs;
    this.eventCount = head.events.length;
    this.nodes = new Map(head.members.map((member) => [member.id, {
      row: member, sinceMs: -(member.inStateMs || 0), heardMs: -(member.lastHeardMs ?? 0),
    }]));
    for (const { id, roundTripMs } of head.members) if (roundTripMs !== undefined) this.peers.add(id);
  }

  /** A state that changes by itself. Rows are shared: they do not change. */
  copy(): RecordedState {
    const copy = Object.create(RecordedState.prototype) as RecordedState;
    Object.assign(copy, this);
    copy.nodes = new Map(this.nodes);
    copy.peers = new Set(this.peers);
    copy.rounds = [...this.rounds];
    copy.current = { ...this.current };
    return copy;
  }

  apply(entry: RecordingEntry): Applied {
    this.position++;
    const round = this.endRounds(entry.atMs);
    const applied: Applied = round === undefined ? {} : { round };
    switch (entry.kind) {
      case "datagram":
        return { ...applied, ...this.applyDatagram(entry) };
      case "row":
        this.applyRow(entry.row, entry.atMs);
        break;
      case "forgotten":
        this.nodes.delete(entry.row.id);
        this.peers.delete(entry.row.id);
        break;
      case "event":
        this.eventCount++;
        break;
      default:
    }
    return applied;
  }

  /** @param nowMs time since the begin */
  members(nowMs: number): NetworkNode[] {
    return [...this.nodes.values()].map(({ row, sinceMs, heardMs }): NetworkNode => {
      const isSelf = row.id === this.self;
      return {
        ...row as unknown as Member, isSelf, inStateMs: Math.round(nowMs - sinceMs),
        ...!isSelf && { lastHeardMs: Math.round(nowMs - heardMs) }, isNeighbour: this.peers.has(row.id),
      };
    });
  }

  /** Steps that have ended, the last 512. */
  endedRounds(): NetworkRound[] {
    return [...this.rounds];
  }

  minMax(): NetworkMinMax {
    const numbers = [...this.nodes.values()].flatMap(({ row: { state, data } }) =>
      typeof data === "number" && state !== "down" && state !== "left" ? [data] : []);
    const fold = (of: (one: number, other: number) => number): number => numbers.reduce((one, other) => of(one, other));
    return {
      count: numbers.length, ...numbers.length > 0 && { minimum: fold(Math.min), maximum: fold(Math.max) },
    };
  }

  private applyRow(row: RecordedRow, atMs: number): void {
    const before = this.nodes.get(row.id);
    const isSame = before !== undefined && steady(before.row.state) === steady(row.state);
    if (row.state === "suspect" && !isSame) this.current.suspicions++;
    this.nodes.set(row.id, { row, sinceMs: isSame ? before.sinceMs : atMs, heardMs: atMs });
  }

  private applyDatagram(entry: RecordingEntry & { kind: "datagram" }): Applied {
    const bytes = Buffer.from(entry.bytes, "base64");
    const { current } = this;
    const isIn = entry.direction === "in";
    current[isIn ? "datagramsReceived" : "datagramsSent"]++;
    current[isIn ? "bytesReceived" : "bytesSent"] += bytes.length;
    if (entry.drop !== undefined) current.drops++;
    const head = frameHead(bytes);
    const type = head === undefined ? "other" : head.isSealed ? `sealed ${head.type}` : head.type;
    const peer = isIn && head !== undefined && this.nodes.has(head.id) ? head.id : this.nodeAt(entry);
    if (peer === undefined) return { type };
    const node = this.nodes.get(peer);
    if (entry.drop === undefined) {
      this.peers.add(peer);
      if (isIn && node !== undefined) this.nodes.set(peer, { ...node, heardMs: entry.atMs });
    }
    return { type, peer };
  }

  private nodeAt({ address, port }: { address: string; port: number }): number | undefined {
    for (const { row } of this.nodes.values()) if (row.address === address && row.port === port) return row.id;
    return undefined;
  }

  /** Ends all steps before a time. */
  private endRounds(atMs: number): NetworkRound | undefined {
    const now = Math.floor(atMs / this.stepMs) + 1;
    let ended: NetworkRound | undefined;
    while (this.current.round < now) {
      ended = this.current;
      this.rounds.push(ended);
      if (this.rounds.length > ROUNDS_KEPT) this.rounds.shift();
      this.current = emptyRound(ended.round + 1);
    }
    return ended;
  }
}

/** A node is probed for a moment, and nothing tells of the end of it. */
function steady(state: string): NodeState {
  return (state === "probed" ? "up" : state) as NodeState;
}

function emptyRound(round: number): NetworkRound {
  return {
    round, datagramsSent: 0, bytesSent: 0, datagramsReceived: 0, bytesReceived: 0, suspicions: 0, drops: 0,
  };
}
