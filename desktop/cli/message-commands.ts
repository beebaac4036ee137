import type { CborValue, Message } from "../../src/gossip.js";
import type { Gossip } from "../platform/gossip.js";
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

  /** @returns a promise that rejects when an argument is wrong, as those of `query`, `ping` and `reachability` */
  async send(gossip: Gossip, to: number | string, topic: string, value: CborValue): Promise<void> {
    const outcome = await gossip.send(to, topic, value);
    if (outcome === "closed") return;
    this.report.line("outcome", { to, topic, outcome }, `send to ${to}: ${outcome}${whyUnknown(gossip, to, outcome)}`);
  }

  broadcast(gossip: Gossip, topic: string, value: CborValue): void {
    if (!gossip.broadcast(topic, value)) throw new Error("broadcast: too many messages wait; try again");
  }

  async query(gossip: Gossip, topic: string, value: CborValue): Promise<void> {
    let answers = 0;
    await ended(gossip.query(topic, value, {
      onAnswer: ({ from, value: answer, hops }) => {
        answers++;
        const fromName = gossip.row(from)?.name;
        this.report.line("answer", { from, fromName, topic, value: answer, hops },
          `answer ${wordText(topic)} ${textOf(answer)}  from ${authorText(from, fromName)}, ${hopsText(hops)}`);
      },
      onEnd: (wasSent) => this.report.line("queryEnd", { topic, answers, wasSent },
        wasSent ? `query ${wordText(topic)}: ${answers} answered` : `query ${wordText(topic)}: too many messages wait`),
    }));
  }

  /** Answers the last query. */
  answer(value: CborValue): void {
    if (this.reply === undefined) throw new Error("reply: no query arrived");
    if (!this.reply(value)) throw new Error("reply: the query is answered or its time is over");
  }

  async ping(gossip: Gossip, to: number | string): Promise<void> {
    const { outcome, ms, there, back } = await gossip.ping(to);
    if (outcome === "closed") return;
    const names = (ids: number[]): string => ids.length === 0 ? "directly" : `over ${this.names(gossip, ids)}`;
    const text = there === undefined || back === undefined
      ? `ping ${to}: ${outcome}${whyUnknown(gossip, to, outcome)}`
      : `ping ${to}: ${ms} ms, there ${names(there)}, back ${names(back)}`;
    this.report.line("ping", { to, outcome, ms, there, back }, text);
  }

  route(gossip: Gossip, to: number | string): void {
    const route = gossip.route(to);
    const row = gossip.row(to);
    const isOwn = row?.id === gossip.id;
    const why = isOwn ? "this node itself" : row === undefined ? NOT_LIVE : row.state;
    const text = route !== undefined ? this.names(gossip, route) : isOwn ? why : why === NOT_LIVE ? why
      : GONE.has(why) ? `${to} is ${why}` : "no way is known";
    this.report.line("route", { to, route: route ?? null, state: row?.state ?? null }, `route ${to}: ${text}`);
  }

  async reachability(gossip: Gossip): Promise<void> {
    let answers = 0;
    await ended(gossip.reachability(({ from, neighbours, hops }) => {
      answers++;
      this.report.line("reach", { from, neighbours, hops },
        `${this.names(gossip, [from])} reaches ${neighbours.length === 0 ? "nobody" : this.names(gossip, neighbours)}`);
    }, undefined, (wasSent) => this.report.line("reachEnd", { answers, wasSent },
      wasSent ? `reachability: ${answers} answered` : "reachability: too many messages wait")));
  }

  private names(gossip: Gossip, ids: number[]): string {
    return ids.map((id) => authorText(id, gossip.row(id)?.name)).join(", ");
  }
}

const NOT_LIVE = "no live node has this name, id or address";
const GONE = new Set(["down", "left", "removed"]);

/** Behind the outcome "unknown": why. */
function whyUnknown(gossip: Gossip, to: number | string, outcome: string): string {
  if (outcome !== "unknown") return "";
  const row = gossip.row(to);
  return row === undefined || !GONE.has(row.state) ? `: ${NOT_LIVE}` : `: ${to} is ${row.state}`;
}

/** Waits for the end of answers that their callbacks print. A lack of room is one of the ends that they are told. */
async function ended(answers: PromiseLike<unknown>): Promise<void> {
  try {
    await answers;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_NO_ROOM") throw error;
  }
}

function textOf(value: CborValue): string {
  return value === undefined ? "-" : valueText(value);
}

function hopsText(hops: number): string {
  return hops === 1 ? "directly" : `${hops} hops`;
}
