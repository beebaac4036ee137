import { writeFileSync } from "node:fs";
import type { CborValue, FeedEvent } from "../../src/gossip.js";
import type { LatestMap } from "../../src/views/latest-map.js";
import type { Gossip } from "../platform/gossip.js";
import { nodeStatus } from "../platform/node-status.js";
import type { Contributions } from "./contributions.js";
import { type NamedFrontierEntry, type NodeReport, bytesAsHex } from "./node-report.js";
import type { MessageCommands } from "./message-commands.js";
import { readNumber } from "./number.js";

export const COMMANDS_HELP = `
This node's value:
  NUMBER               share a number: a line with nothing but the number
  share VALUE          share any value
  withdraw             withdraw the value
Events:
  log TOPIC VALUE      publish a log event, which replaces no other event
  set TOPIC KEY VALUE  set this node's value of a topic and key
  remove TOPIC KEY     remove the value of a topic and key
  withdraw TOPIC KEY   withdraw what this node set in a topic with "+" in front
  view                 print the latest value of each topic and key, and what
                       each author set in topics with "+" in front
  front                print how far each feed is held: author, generation,
                       sequence number, name of the author
  export FILE          write the events that this node holds, as JSON lines
Messages:
  send NODE TOPIC VALUE
                       send a message to one node, also over several hops
  broadcast TOPIC VALUE
                       send a message to all live nodes
  query TOPIC VALUE    ask all live nodes
  reply VALUE          answer the last query that arrived
  reply N VALUE        answer query N
  ping NODE            measure the way to a node and back
  route NODE           print the way to a node as this one knows it
  reachability         print who reaches whom
The network and this node:
  rows                 print all nodes
  status               print neighbours, routes, rows, memory, drops and more
  forget NODE          remove a node that is down or left, everywhere
  wait MS              delay the commands that follow, up to 3600000 ms
  help                 print these commands
  quit                 stop the node
VALUE is JSON, otherwise text. TOPIC and KEY are words of up to 31 bytes. NODE
is a name, id or address. Words with spaces are in quotes: "front door".`;

const WAIT_MS_MAX = 3600000;
const LINE_CHARACTERS_SHOWN = 60;

/** The objects that commands act on. */
export interface CommandTarget {
  gossip: Gossip;
  view: LatestMap;
  contributions: Contributions;
  report: NodeReport;
  messages: MessageCommands;
  /** undefined withdraws the value. */
  share: (value: CborValue) => void;
  /** Why there are no messages; missing where there are some. */
  noMessages?: string;
  quit: () => void;
}

/** The commands of standard input and of scripts. */
export class Commands {
  private readonly target: CommandTarget;

  constructor(target: CommandTarget) {
    this.target = target;
  }

  /**
   * Runs a line: a command, or a number, which is shared as the node's value.
   *
   * @param fail is told what is wrong if a promise tells that
   * @returns milliseconds that the next line must wait
   * @throws Error that names the wrong part of the line
   */
  run(line: string, fail: (error: Error) => void): number {
    const text = line.trim();
    const [word, rest] = nextWord(text);
    const name = word.toLowerCase();
    const { gossip, report, share, view, quit } = this.target;
    switch (name) {
      case "log": {
        const [topic, value] = args(rest, "log TOPIC VALUE");
        gossip.log(topic, parseValue(value));
        return 0;
      }
      case "set": {
        const [topic, key, value] = args(rest, "set TOPIC KEY VALUE");
        gossip.set(topic, key, parseValue(value));
        return 0;
      }
      case "remove": {
        const [topic, key] = args(rest, "remove TOPIC KEY");
        gossip.remove(topic, key);
        return 0;
      }
      case "withdraw": {
        if (rest === "") share(undefined);
        else {
          const [topic, key] = args(rest, "withdraw TOPIC KEY");
          gossip.withdraw(topic, key);
        }
        return 0;
      }
      case "share": share(parseValue(args(rest, "share VALUE")[0])); return 0;
      case "forget": gossip.forget(readNode(args(rest, "forget NODE")[0])); return 0;
      case "send": case "broadcast": case "query": case "reply": case "ping": case "route": case "reachability":
        this.runMessage(name, rest, fail);
        return 0;
      case "export": exportEvents(gossip, args(rest, "export FILE")[0]); return 0;
      case "wait": return readWait(rest);
      case "view": alone(name, rest); this.view(view); return 0;
      case "front": alone(name, rest); report.front(namedFrontier(gossip)); return 0;
      case "rows": alone(name, rest); report.table(gossip.rows()); return 0;
      case "status": alone(name, rest); report.status(nodeStatus(gossip), gossip.rows()); return 0;
      case "help": process.stderr.write(`${COMMANDS_HELP.substring(1)}\n`); return 0;
      case "quit": alone(name, rest); quit(); return 0;
      default: share(readReading(text)); return 0;
    }
  }

  private view(view: LatestMap): void {
    const { contributions, gossip, report } = this.target;
    report.view(view.entries(), contributions.entries().map(({ topic, key, author, value }) => {
      return { topic, key, author, authorName: gossip.row(author)?.name, value };
    }));
  }

  private runMessage(name: string, rest: string, fail: (error: Error) => void): void {
    const { gossip, messages, noMessages } = this.target;
    if (noMessages !== undefined) throw new Error(`${name}: ${noMessages}`);
    switch (name) {
      case "send": {
        const [node, topic, value] = args(rest, "send NODE TOPIC VALUE");
        messages.send(gossip, readNode(node), topic, parseValue(value)).catch(fail);
        return;
      }
      case "broadcast": case "query": {
        const [topic, value] = args(rest, `${name} TOPIC VALUE`);
        if (name === "query") messages.query(gossip, topic, parseValue(value)).catch(fail);
        else messages.broadcast(gossip, topic, parseValue(value));
        return;
      }
      case "reply": {
        const [text] = args(rest, "reply VALUE");
        const [, number, value] = /^(\d+)\s+(.+)$/s.exec(text) ?? [];
        if (value === undefined) messages.answer(parseValue(text));
        else messages.answer(parseValue(value), Number(number));
        return;
      }
      case "ping": messages.ping(gossip, readNode(args(rest, "ping NODE")[0])).catch(fail); return;
      case "route": messages.route(gossip, readNode(args(rest, "route NODE")[0])); return;
      default:
        alone(name, rest);
        messages.reachability(gossip).catch(fail);
    }
  }
}

/** Writes the events that a node holds as JSON lines, author by author, each feed in its order. */
export function exportEvents(gossip: Gossip, path: string): void {
  const lines: string[] = [];
  gossip.eachEvent((event) => lines.push(`${eventText(event)}\n`));
  writeFileSync(path, lines.join(""));
}

function eventText(event: FeedEvent): string {
  const { author, authorName, copiedBy, generation, sequence, timeMs, counter, kind, topic, key, ttlMs, value } = event;
  const place = { author, authorName, copiedBy, generation, sequence, timeMs, counter };
  return JSON.stringify({ ...place, kind, topic, key, ttlMs, value }, bytesAsHex);
}

function namedFrontier(gossip: Gossip): NamedFrontierEntry[] {
  return gossip.frontier().map(({ author, ...more }) => {
    return { author, authorName: gossip.row(author)?.name, ...more };
  });
}

/** The first word of a text, which may be in quotes, and the rest after the white space. */
function nextWord(text: string): [string, string] {
  const [, quoted, afterQuotes] = /^("(?:[^"\\]|\\.)*")(?:\s+(.*))?$/s.exec(text) ?? [];
  const word = quoted === undefined ? undefined : parseValue(quoted);
  if (typeof word === "string" && word !== quoted) return [word, afterQuotes ?? ""];
  const match = /^(\S*)\s*(.*)$/s.exec(text);
  return [match?.[1] ?? "", match?.[2] ?? ""];
}

/**
 * The arguments of a command. VALUE, FILE, and NODE at the end take the rest of the line.
 *
 * @param usage such as "set TOPIC KEY VALUE"
 */
function args(text: string, usage: string): string[] {
  const [command, ...names] = usage.split(" ");
  const found: string[] = [];
  let rest = text;
  for (const [i, name] of names.entries()) {
    if (rest === "") throw new Error(`${command}: ${name} is missing: ${usage}`);
    const [word, more] = nextWord(rest);
    const isLast = i === names.length - 1;
    const takesRest = isLast && name !== "KEY" && (name !== "NODE" || more !== "");
    found.push(takesRest ? rest : word);
    rest = takesRest ? "" : more;
  }
  if (rest !== "") throw new Error(`${command}: ${show(rest)} is too much: ${usage}`);
  return found;
}

/** @throws Error if a command that takes no arguments has some */
function alone(name: string, rest: string): void {
  if (rest !== "") throw new Error(`${name}: ${show(rest)} is too much: ${name} takes no arguments`);
}

/** The value of a JSON text, otherwise the text itself. */
function parseValue(text: string): CborValue {
  try {
    return JSON.parse(text) as CborValue;
  } catch {
    return text;
  }
}

/** An id, or an address, which `Gossip` checks. */
function readNode(text: string): number | string {
  return readNumber(text) ?? text;
}

function readWait(text: string): number {
  const ms = readNumber(text);
  if (ms === undefined || ms < 0 || ms > WAIT_MS_MAX) {
    throw new Error(`wait: ${show(text)} is not a number of milliseconds from 0 to ${WAIT_MS_MAX}`);
  }
  return ms;
}

function readReading(text: string): number {
  const value = readNumber(text);
  if (value !== undefined) return value;
  throw new Error(`${show(text)} is neither a command nor a number; "help" lists the commands`);
}

function show(text: string): string {
  return JSON.stringify(text.length > LINE_CHARACTERS_SHOWN ? `${text.substring(0, LINE_CHARACTERS_SHOWN)}…` : text);
}
