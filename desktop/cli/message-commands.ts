import type { CborValue, Message, Reach } from "../../src/gossip.js";
import { type NodeActions, GONE } from "../control/node-actions.js";
import type { Gossip } from "../platform/gossip.js";
import { type NodeReport, authorText, nameText, valueText, wordText } from "./node-report.js";

/** Queries that can still be answered, at most. Older ones are dropped. */
const QUERIES_MAX = 256;
const ANSWER_ROUNDS = 12;
const ANSWER_MS_MAX = 3600000;
export const NOT_KNOWN = "no live node has this name, id or address";

/** The commands about messages, and what arrives. */
export class MessageCommands {
  private readonly report: NodeReport;
  private readonly answerMs: number;
  private readonly elapsedMs: () => number;
  /** How queries that arrived are answered, by their numbers. */
  private readonly replies = new Map<number, (value: CborValue) => boolean>();
  private queries = 0;
  private sends = 0;

  /** @param elapsedMs time as the report prints it */
  constructor(report: NodeReport, roundIntervalMs: number, elapsedMs: () => number) {
    this.report = report;
    this.answerMs = Math.min(ANSWER_ROUNDS * roundIntervalMs, ANSWER_MS_MAX);
    this.elapsedMs = elapsedMs;
  }

  /** A message arrived. */
  arrived(gossip: Gossip, { from, topic, value, hops, reply }: Message): void {
    const isQuery = reply !== undefined;
    if (isQuery) {
      this.replies.set(++this.queries, reply);
      this.replies.delete(this.queries - QUERIES_MAX);
    }
    const fromName = gossip.row(from)?.name;
    const kind = isQuery ? `query ${this.queries}:` : "message";
    this.report.line("message",
      { from, fromName, topic, value, hops, isQuery, ...isQuery && { query: this.queries } },
      `${kind} ${wordText(topic)} ${textOf(value)}  from ${who(gossip, from)}, ${hopsText(hops)}`);
  }

  /** @returns a promise that rejects when an argument is wrong, as those of `query`, `ping` and `reachability` */
  async send(
    gossip: Gossip, actions: NodeActions, to: number | string, topic: string, value: CborValue,
  ): Promise<void> {
    const number = ++this.sends;
    const outcome = await actions.send(to, topic, value);
    if (outcome === "closed") return;
    this.report.line("outcome", { number, to, topic, outcome },
      `send ${number} to ${nodeText(to)}: ${outcome}${whyUnknown(gossip, to, outcome)}`);
  }

  broadcast(actions: NodeActions, topic: string, value: CborValue): void {
    const nodes = actions.broadcast(topic, value);
    const count = nodes === 0 ? "nobody: no other node is live" : nodes === 1 ? "1 live node" : `${nodes} live nodes`;
    this.report.line("broadcast", { topic, nodes }, `broadcast ${wordText(topic)}: on its way to ${count}`);
  }

  async query(gossip: Gossip, topic: string, value: CborValue): Promise<void> {
    let answers = 0;
    const end = (wasSent: boolean): void => this.report.line("queryEnd", { topic, answers, wasSent },
      `query ${wordText(topic)}: ${wasSent ? `${answers} answered` : "too many messages wait; try again"}`);
    const asked = gossip.query(topic, value, {
      timeoutMs: this.answerMs,
      onAnswer: ({ from, value: answer, hops }) => {
        answers++;
        const fromName = gossip.row(from)?.name;
        this.report.line("answer", { from, fromName, topic, value: answer, hops },
          `answer ${wordText(topic)} ${textOf(answer)}  from ${who(gossip, from)}, ${hopsText(hops)}`);
      },
      onEnd: end,
    });
    if (asked.isOpen) this.asked("query", { topic }, `query ${wordText(topic)}`);
    await ended(asked);
  }

  /**
   * Answers a query.
   *
   * @param number of the query; undefined: the last one
   */
  answer(value: CborValue, number = this.queries): void {
    const reply = this.replies.get(number);
    if (this.queries === 0) throw new Error("reply: no query arrived");
    if (reply === undefined) {
      throw new Error(`reply: there is no query ${number}; a text that begins with a number needs quotes`);
    }
    if (!reply(value)) {
      throw new Error(`reply: query ${number} is answered, its time is over, or too many messages wait`);
    }
    this.report.line("reply", { query: number }, `reply to query ${number}: on its way`);
  }

  async ping(gossip: Gossip, to: number | string): Promise<void> {
    const { outcome, ms, there, back } = await gossip.ping(to);
    if (outcome === "closed") return;
    const result = { to, toName: nameOf(gossip, to), outcome };
    if (there === undefined || back === undefined) {
      this.report.line("ping", result, `ping ${nodeText(to)}: ${outcome}${whyUnknown(gossip, to, outcome)}`);
      return;
    }
    const over = (ids: number[]): string[] => ids.length === 0 ? ["directly"]
      : ids.map((id, i) => `${i === 0 ? "over " : ""}${who(gossip, id)}${i < ids.length - 1 ? "," : ""}`);
    const isEqual = there.join() === [...back].reverse().join();
    const ways = isEqual ? [`${ms} ms`, ...over(there)]
      : [`${ms} ms,`, "there", ...over(there), "and back", ...over(back)];
    this.report.line("ping",
      { ...result, ms, there, thereNames: names(gossip, there), back, backNames: names(gossip, back) },
      [`ping ${nodeText(to)}:`, ...ways]);
  }

  route(gossip: Gossip, to: number | string): void {
    const route = gossip.route(to);
    const row = gossip.row(to);
    const fields = { to, toName: row?.name, route: route ?? null, state: row?.state ?? null };
    const head = `route ${nodeText(to)}:`;
    if (route !== undefined) {
      this.report.line("route", { ...fields, routeNames: names(gossip, route) }, [head, ...listed(gossip, route)]);
      return;
    }
    const why = row === undefined ? NOT_KNOWN : row.id === gossip.id ? "this node itself"
      : GONE.has(row.state) ? `${nodeText(to)} is ${row.state}` : "no way is known";
    this.report.line("route", fields, `${head} ${why}`);
  }

  async reachability(gossip: Gossip): Promise<void> {
    let answers = 0;
    const reaches = gossip.reachability((reach) => {
      answers++;
      this.reach(gossip, reach);
    }, this.answerMs, (wasSent) => this.report.line("reachEnd", { answers, wasSent },
      `reachability: ${wasSent ? `${answers} answered` : "too many messages wait; try again"}`));
    if (reaches.isOpen) {
      const neighbours = gossip.status().neighbours.map(({ id }) => id);
      this.reach(gossip, { from: gossip.id, neighbours, hops: 0 });
      this.asked("reachability", {}, "reachability");
    }
    await ended(reaches);
  }

  private reach(gossip: Gossip, { from, neighbours, hops }: Reach): void {
    this.report.line("reach",
      { from, fromName: gossip.row(from)?.name, neighbours, neighbourNames: names(gossip, neighbours), hops },
      [`${who(gossip, from)} reaches`, ...neighbours.length === 0 ? ["nobody"] : listed(gossip, neighbours)]);
  }

  private asked(command: string, fields: object, text: string): void {
    const untilMs = this.elapsedMs() + this.answerMs;
    this.report.line("asked", { command, ...fields, untilMs },
      `${text}: asked, answers until ${(untilMs / 1000).toFixed(1)} s`);
  }
}

/** Behind the outcome "unknown": why. */
function whyUnknown(gossip: Gossip, to: number | string, outcome: string): string {
  if (outcome !== "unknown") return "";
  const row = gossip.row(to);
  return row === undefined || !GONE.has(row.state) ? `: ${NOT_KNOWN}` : `: ${nodeText(to)} is ${row.state}`;
}

/** Waits for the end of answers that their callbacks print. A lack of room is one of the ends that they are told. */
async function ended(answers: PromiseLike<unknown>): Promise<void> {
  try {
    await answers;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_NO_ROOM") throw error;
  }
}

function nodeText(to: number | string): string {
  return typeof to === "number" ? String(to) : nameText(to);
}

function nameOf(gossip: Gossip, to: number | string): string | undefined {
  return gossip.row(to)?.name;
}

/** Names of nodes, null for one without a name. */
function names(gossip: Gossip, ids: number[]): (string | null)[] {
  return ids.map((id) => nameOf(gossip, id) ?? null);
}

/** The name of a node; its id if it has no name, and both if another node has that name. */
function who(gossip: Gossip, id: number): string {
  const name = nameOf(gossip, id);
  if (name === undefined) return String(id);
  const isUnique = gossip.rows().every((row) => row.id === id || row.name !== name);
  return isUnique ? nameText(name) : authorText(id, name);
}

function listed(gossip: Gossip, ids: number[]): string[] {
  return ids.map((id, i) => `${who(gossip, id)}${i < ids.length - 1 ? "," : ""}`);
}

function textOf(value: CborValue): string {
  return value === undefined ? "-" : valueText(value);
}

function hopsText(hops: number): string {
  return hops === 1 ? "directly" : `${hops} hops`;
}
