import { writeFileSync } from "node:fs";
import type { CborValue } from "../../src/gossip.js";
import { bytesAsHex, plainEvent } from "../control/json.js";
import type { NodeActions } from "../control/node-actions.js";
import type { NodeQueries } from "../control/node-queries.js";
import type { Gossip } from "../platform/gossip.js";
import { datedEventText, memberLines } from "./members-text.js";
import type { MessageCommands } from "./message-commands.js";
import { type NodeReport, valueText } from "./node-report.js";
import { readNumber } from "./number.js";
import { statsLines } from "./status-text.js";

export const COMMANDS_HELP = `
This node's value:
  NUMBER               share a number: a line with nothing but the number
  push VALUE           share any value (also: share)
  withdraw             withdraw the value
Events:
  log TOPIC VALUE      publish a log event, which replaces no other event
  set TOPIC KEY VALUE  set this node's value of a topic and key
  remove TOPIC KEY     remove the value of a topic and key
  withdraw TOPIC KEY   withdraw what this node set in a topic with "+" in front
  get TOPIC KEY        print the latest value of a topic and key
  events [TOPIC]       print the newest 1000 events, the oldest first
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
  members              print all nodes: states, times, links and values
  rows                 print all nodes as their rows
  status               print neighbours, routes, rows, memory, drops and more
  stats                print the counters of datagrams, drops and messages
  forget NODE          remove a node that is down or left, everywhere
  wait MS              delay the commands that follow, up to 3600000 ms
  help [COMMAND]       print these commands, or only one of them
  leave                say goodbye and stop the node (also: quit)
VALUE is JSON, otherwise text. TOPIC and KEY are words of up to 31 bytes. NODE
is a name, id or address. Words with spaces are in quotes: "front door".`;

const WAIT_MS_MAX = 3600000;
const LINE_CHARACTERS_SHOWN = 60;
/** Of what a command does, in the help. */
const INDENT = 23;

/** The objects that commands act on. */
export interface CommandTarget {
  gossip: Gossip;
  queries: NodeQueries;
  actions: NodeActions;
  report: NodeReport;
  messages: MessageCommands;
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
    const { gossip, actions } = this.target;
    switch (name) {
      case "log": {
        const [topic, value] = args(rest, "log TOPIC VALUE");
        actions.log(topic, parseValue(value));
        return 0;
      }
      case "set": {
        const [topic, key, value] = args(rest, "set TOPIC KEY VALUE");
        actions.set(topic, key, parseValue(value));
        return 0;
      }
      case "remove": {
        const [topic, key] = args(rest, "remove TOPIC KEY");
        actions.remove(topic, key);
        return 0;
      }
      case "withdraw": {
        if (rest === "") actions.withdraw();
        else {
          const [topic, key] = args(rest, "withdraw TOPIC KEY");
          actions.withdraw(topic, key);
        }
        return 0;
      }
      case "push": case "share": actions.push(parseValue(args(rest, `${name} VALUE`)[0])); return 0;
      case "forget": actions.forget(readNode(args(rest, "forget NODE")[0])); return 0;
      case "send": case "broadcast": case "query": case "reply": case "ping": case "route": case "reachability":
        this.runMessage(name, rest, fail);
        return 0;
      case "export": exportEvents(gossip, args(rest, "export FILE")[0]); return 0;
      case "wait": return readWait(rest);
      case "get": case "events": case "members": case "view": case "front": case "rows": case "status": case "stats":
        this.query(name, rest);
        return 0;
      case "help": process.stderr.write(`${helpText(rest)}\n`); return 0;
      case "leave": case "quit": alone(name, rest); actions.leave(); return 0;
      default: actions.push(readReading(text)); return 0;
    }
  }

  /** Prints what the node knows. */
  private query(name: string, rest: string): void {
    const { queries, report } = this.target;
    if (name === "get") {
      const [topic, key] = args(rest, "get TOPIC KEY");
      const value = queries.get(topic, key);
      report.answer("value", { topic, key, value }, () => [value === undefined ? "nothing is set" : valueText(value)]);
      return;
    }
    if (name === "events") {
      const events = queries.events(rest === "" ? {} : { topic: args(rest, "events TOPIC")[0] }).map(plainEvent);
      report.answer("events", { events }, (colors) =>
        events.length === 0 ? ["no events"] : events.map((event) => datedEventText(event, colors)));
      return;
    }
    alone(name, rest);
    switch (name) {
      case "members": {
        const members = queries.members();
        report.answer("members", { members }, (colors) => memberLines(members, colors));
        return;
      }
      case "stats": {
        const stats = queries.stats();
        report.answer("stats", { stats }, () => statsLines(stats));
        return;
      }
      case "view": report.view(queries.latest(), queries.contributions()); return;
      case "front": report.front(queries.frontier()); return;
      case "rows": report.table(queries.rows()); return;
      default: report.status(queries.status(), queries.rows());
    }
  }

  private runMessage(name: string, rest: string, fail: (error: Error) => void): void {
    const { gossip, messages, actions } = this.target;
    actions.needMessages(name);
    switch (name) {
      case "send": {
        const [node, topic, value] = args(rest, "send NODE TOPIC VALUE");
        messages.send(gossip, actions, readNode(node), topic, parseValue(value)).catch(fail);
        return;
      }
      case "broadcast": case "query": {
        const [topic, value] = args(rest, `${name} TOPIC VALUE`);
        if (name === "query") messages.query(gossip, topic, parseValue(value)).catch(fail);
        else messages.broadcast(actions, topic, parseValue(value));
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
  gossip.eachEvent((event) => lines.push(`${JSON.stringify(plainEvent(event), bytesAsHex)}\n`));
  writeFileSync(path, lines.join(""));
}

/** The help of all commands, or of one. */
function helpText(command: string): string {
  const name = command.trim().toLowerCase();
  if (name === "") return COMMANDS_HELP.substring(1);
  const lines = COMMANDS_HELP.split("\n");
  const isOf = (line: string): boolean => new RegExp(`^  ${name}\\b|\\(also: ${name}\\)`).test(line);
  const found = /^[a-z]+$/.test(name) ? lines.flatMap((line, i) => {
    if (!isOf(line)) return [];
    const more = lines.slice(i + 1);
    const end = more.findIndex((next) => !next.startsWith(" ".repeat(INDENT)));
    return [line, ...more.slice(0, end)];
  }) : [];
  if (found.length === 0) throw new Error(`help: ${show(command)} is no command; "help" lists them`);
  return found.join("\n");
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
export function parseValue(text: string): CborValue {
  try {
    return JSON.parse(text) as CborValue;
  } catch {
    return text;
  }
}

/** An id, or an address, which `Gossip` checks. */
export function readNode(text: string): number | string {
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
