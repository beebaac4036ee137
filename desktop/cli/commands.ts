import { writeFileSync } from "node:fs";
import type { CborValue, FeedEvent, Gossip } from "../../src/gossip.js";
import type { LatestMap } from "../../src/views/latest-map.js";
import { nodeStatus } from "../platform/node-status.js";
import { type NamedFrontierEntry, type NodeReport, bytesAsHex } from "./node-report.js";
import type { MessageCommands } from "./message-commands.js";
import { readNumber } from "./number.js";

export const COMMANDS_HELP = `
  log TOPIC VALUE      publish a log event, which replaces no other event
  set TOPIC KEY VALUE  set this node's value of a topic and key
  remove TOPIC KEY     remove the value of a topic and key
  forget NODE          remove a node that is down or left, everywhere; NODE is
                       its id, address or name
  send NODE TOPIC VALUE
                       send a message to one node, also over several hops
  broadcast TOPIC VALUE
                       send a message to all live nodes
  query TOPIC VALUE    ask all live nodes
  reply VALUE          answer the last query that arrived
  ping NODE            measure the way to a node and back
  route NODE           print the way to a node as this one knows it
  reachability         print who reaches whom
  status               print neighbours, routes, rows, memory, drops and more
  help                 print these commands
  view                 print the latest value of each topic and key
  front                print how far each feed is held: author, generation,
                       sequence number, name of the author
  export FILE          write the events that this node holds, as JSON lines
  wait MS              delay the commands that follow, up to 3600000 ms
  quit                 stop the node
VALUE is JSON, otherwise text. TOPIC and KEY are words of up to 31 bytes.`;

const WAIT_MS_MAX = 3600000;
const LINE_CHARACTERS_SHOWN = 60;

/** The objects that commands act on. */
export interface CommandTarget {
  gossip: Gossip;
  view: LatestMap;
  report: NodeReport;
  messages: MessageCommands;
  share: (value: number | undefined) => void;
  quit: () => void;
}

/** The commands of standard input and of scripts. */
export class Commands {
  private readonly target: CommandTarget;

  constructor(target: CommandTarget) {
    this.target = target;
  }

  /**
   * Runs a line: a command, a number, which is shared as the node's value, or an
   * empty line, which withdraws the value.
   *
   * @returns milliseconds that the next line must wait
   * @throws Error that names the wrong part of the line
   */
  run(line: string): number {
    const text = line.trim();
    const [name, rest] = nextWord(text);
    const { gossip, report, share, quit } = this.target;
    switch (name) {
      case "log": {
        const [topic, value] = nextWord(rest);
        gossip.log(need(topic, "log TOPIC VALUE"), parseValue(need(value, "log TOPIC VALUE")));
        return 0;
      }
      case "set": {
        const [topic, keyAndValue] = nextWord(rest);
        const [key, value] = nextWord(keyAndValue);
        gossip.set(topic, key, parseValue(need(value, "set TOPIC KEY VALUE")));
        return 0;
      }
      case "remove": {
        const [topic, key] = nextWord(rest);
        gossip.remove(topic, need(key, "remove TOPIC KEY"));
        return 0;
      }
      case "forget": gossip.forget(readNode(need(rest, "forget NODE"))); return 0;
      case "send": case "broadcast": case "query": case "reply": case "ping": case "route": case "reachability":
        this.runMessage(name, rest);
        return 0;
      case "view": report.view(this.target.view.entries()); return 0;
      case "front": report.front(namedFrontier(gossip)); return 0;
      case "export": exportEvents(gossip, need(rest, "export FILE")); return 0;
      case "status": report.status(nodeStatus(gossip)); return 0;
      case "wait": return readWait(rest);
      case "help": process.stderr.write(`${COMMANDS_HELP.trimStart()}\n`); return 0;
      case "quit": quit(); return 0;
      default: share(readReading(text)); return 0;
    }
  }

  private runMessage(name: string, rest: string): void {
    const { gossip, messages } = this.target;
    switch (name) {
      case "send": {
        const usage = "send NODE TOPIC VALUE";
        const [node, topicAndValue] = nextWord(rest);
        const [topic, value] = nextWord(topicAndValue);
        messages.send(gossip, readNode(need(node, usage)), need(topic, usage), parseValue(need(value, usage)));
        return;
      }
      case "broadcast": case "query": {
        const usage = `${name} TOPIC VALUE`;
        const [topic, value] = nextWord(rest);
        messages[name](gossip, need(topic, usage), parseValue(need(value, usage)));
        return;
      }
      case "reply": messages.answer(parseValue(need(rest, "reply VALUE"))); return;
      case "ping": messages.ping(gossip, readNode(need(rest, "ping NODE"))); return;
      case "route": messages.route(gossip, readNode(need(rest, "route NODE"))); return;
      default: messages.reachability(gossip);
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

/** The first word of a text, and the rest after the white space. */
function nextWord(text: string): [string, string] {
  const match = /^(\S*)\s*(.*)$/s.exec(text);
  return [match?.[1] ?? "", match?.[2] ?? ""];
}

function need(text: string, usage: string): string {
  if (text === "") throw new Error(`an argument is missing: ${usage}`);
  return text;
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

function readReading(text: string): number | undefined {
  if (text === "") return undefined;
  const value = readNumber(text);
  if (value !== undefined) return value;
  // A single word is probably a malformed number, such as from a sensor that writes into a pipe.
  throw new Error(/\s/.test(text) ? `${show(text)} is neither a command nor a number`
    : `${show(text)} is not a number; "help" lists the commands`);
}

function show(text: string): string {
  return JSON.stringify(text.length > LINE_CHARACTERS_SHOWN ? `${text.substring(0, LINE_CHARACTERS_SHOWN)}…` : text);
}
