import type { Message, Messages } from "../../src/gossip.js";
import { messages } from "../../src/messages/index.js";
import type { SimNode } from "./node.js";

/** Messages from node to node, and what became of them. */
export interface MessageFigures {
  sent: number;
  /** Of these, the ones whose sender was told that they were delivered. */
  delivered: number;
  /** Messages that a receiver was notified of more than once. */
  twice: number;
  /** Links that the messages took, and links on the shortest paths there: the means of those that arrived. */
  hops: number;
  shortestHops: number;
  mostHops: number;
}

/** A message takes at most this many links. */
export const HOPS_MAX = 32;
const TOPIC = "test";

interface Sent {
  shortest: number;
  /** Hops of each arrival. */
  arrivals: number[];
}

/** Counts messages between simulated nodes. */
export class MessageCourse {
  private readonly sent: Sent[] = [];
  private delivered = 0;

  /** The option `messages` of a node. */
  option(): Messages {
    return messages({ onMessage: ({ topic, value, hops }: Message) => {
      if (topic === TOPIC) this.sent[value as number].arrivals.push(hops);
    } });
  }

  /** Sends a message. @param shortest links on the shortest path */
  send(from: SimNode, to: SimNode, shortest: number): void {
    const number = this.sent.length;
    this.sent.push({ shortest, arrivals: [] });
    from.run(() => from.gossip?.send(to.id, TOPIC, number, {
      onOutcome: (outcome) => { if (outcome === "delivered") this.delivered++; },
    }));
  }

  /** Undefined if nothing was sent. */
  figures(): MessageFigures | undefined {
    if (this.sent.length === 0) return undefined;
    const arrived = this.sent.filter(({ arrivals }) => arrivals.length > 0);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const hops = arrived.map(({ arrivals }) => arrivals[0]);
    const mean = (values: readonly number[]): number => values.length === 0 ? 0 : sum(values) / values.length;
    return {
      sent: this.sent.length,
      delivered: this.delivered,
      twice: arrived.filter(({ arrivals }) => arrivals.length > 1).length,
      hops: mean(hops),
      shortestHops: mean(arrived.map(({ shortest }) => shortest)),
      mostHops: Math.max(0, ...hops),
    };
  }
}
