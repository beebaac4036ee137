import type { CborValue, Gossip, Message } from "../../src/gossip.js";
import { type NodeReport, authorText, valueText, wordText } from "./node-report.js";

/** The commands about messages, and what arrives. */
export class MessageCommands {
  private readonly report: NodeReport;
  /** How the last query that arrived is answered. */
  private reply: ((value: CborValue) => boolean) | undefined;

  constructor(report: NodeReport) {
    this.report = report;
  }

  /** A message arrived. */
  arrived(gossip: Gossip, { from, topic, value, hops, reply }: Message): void {
    const isQuery = reply !== undefined;
    if (isQuery) this.reply = reply;
    const fromName = gossip.row(from)?.name;
    const what = `${isQuery ? "query" : "message"} ${wordText(topic)} ${textOf(value)}`;
    this.report.line("message", { from, fromName, topic, value, hops, isQuery },
      `${what}  from ${authorText(from, fromName)}, ${hopsText(hops)}`);
  }

  send(gossip: Gossip, to: number | string, topic: string, value: CborValue): void {
    gossip.send(to, topic, value, {
      onOutcome: (outcome) => this.report.line("outcome", { to, topic, outcome }, `send to ${to}: ${outcome}`),
    });
  }

  broadcast(gossip: Gossip, topic: string, value: CborValue): void {
    if (!gossip.broadcast(topic, value)) throw new Error("broadcast: too many messages wait; try again");
  }

  query(gossip: Gossip, topic: string, value: CborValue): void {
    let answers = 0;
    gossip.query(topic, value, {
      onAnswer: ({ from, value: answer, hops }) => {
        answers++;
        const fromName = gossip.row(from)?.name;
        this.report.line("answer", { from, fromName, topic, value: answer, hops },
          `answer ${wordText(topic)} ${textOf(answer)}  from ${authorText(from, fromName)}, ${hopsText(hops)}`);
      },
      onEnd: (wasSent) => this.report.line("queryEnd", { topic, answers, wasSent },
        wasSent ? `query ${wordText(topic)}: ${answers} answered` : `query ${wordText(topic)}: too many messages wait`),
    });
  }

  /** Answers the last query. */
  answer(value: CborValue): void {
    if (this.reply === undefined) throw new Error("reply: no query arrived");
    if (!this.reply(value)) throw new Error("reply: the query is answered or its time is over");
  }

  ping(gossip: Gossip, to: number | string): void {
    gossip.ping(to, {
      onPong: ({ outcome, ms, there, back }) => {
        const names = (ids: number[]): string => ids.length === 0 ? "directly" : `over ${this.names(gossip, ids)}`;
        const text = outcome === "delivered" ? `ping ${to}: ${ms} ms, there ${names(there)}, back ${names(back)}`
          : `ping ${to}: ${outcome}`;
        this.report.line("ping", { to, outcome, ms, there, back }, text);
      },
    });
  }

  route(gossip: Gossip, to: number | string): void {
    const route = gossip.route(to);
    const text = route === undefined ? `route ${to}: no way is known` : `route ${to}: ${this.names(gossip, route)}`;
    this.report.line("route", { to, route: route ?? null }, text);
  }

  reachability(gossip: Gossip): void {
    let answers = 0;
    gossip.reachability(({ from, neighbours, hops }) => {
      answers++;
      this.report.line("reach", { from, neighbours, hops },
        `${this.names(gossip, [from])} reaches ${neighbours.length === 0 ? "nobody" : this.names(gossip, neighbours)}`);
    }, undefined, (wasSent) => this.report.line("reachEnd", { answers, wasSent },
      wasSent ? `reachability: ${answers} answered` : "reachability: too many messages wait"));
  }

  private names(gossip: Gossip, ids: number[]): string {
    return ids.map((id) => authorText(id, gossip.row(id)?.name)).join(", ");
  }
}

function textOf(value: CborValue): string {
  return value === undefined ? "-" : valueText(value);
}

function hopsText(hops: number): string {
  return hops === 1 ? "directly" : `${hops} hops`;
}
