import { Command, type OptionValues } from "commander";
import pc from "picocolors";
import type { Colors } from "picocolors/types.js";
import type { FeedEvent, GossipStats, MessageOutcome } from "../../src/gossip.js";
import type { GossipStatus } from "../../src/status/index.js";
import { ControlClient, ENDED, type NodePlace, findSocket } from "../control/control-client.js";
import type { Member } from "../control/members.js";
import type { ContributionEntry } from "../control/node-queries.js";
import { terminalJson } from "../control/value-text.js";
import { parseValue, readNode } from "./commands.js";
import { datedEventText, memberLines } from "./members-text.js";
import { NOT_KNOWN } from "./message-commands.js";
import { authorText, valueText } from "./node-report.js";
import { numeric } from "./number.js";
import { statsLines, statusLines } from "./status-text.js";
import { watchMembers } from "./watch.js";

type PlainEvent = Omit<FeedEvent, "endMs">;

export interface AskOptions extends NodePlace {
  json?: true;
}

/** What a command prints: an object with --json, otherwise lines. */
export interface Printed {
  json: unknown;
  lines: string[];
  /** 1: what was asked for is not there, or did not happen. */
  status?: 1;
}

const NODE_HELP = `
The node is the one with this --storage or --socket. Where only one node of this
user runs here, neither is needed.`;
const VALUE_HELP = "JSON, otherwise text";

/** The commands that ask a running node, or change it. */
export function askCommands(): Command[] {
  return [
    ask("members", "List all nodes with state, times, links and values.")
      .option("--watch", "redraw the list until q or Ctrl-C")
      .action(asking(async (client, { json, watch }: AskOptions & { watch?: true }) => {
        if (watch) {
          if (json) throw new Error("--watch: not with --json; chisme events --follow --json prints changes");
          await watchMembers(client);
          return { json: {}, lines: [] };
        }
        const answer = await client.call<{ members: Member[] }>("members");
        return { json: answer, lines: memberLines(answer.members, outputColors()) };
      })),
    ask("status", "Show neighbours, paths, rows, memory, drops and more of one node.")
      .action(asking(async (client) => {
        const status = await client.call<GossipStatus>("status");
        const { members } = await client.call<{ members: Member[] }>("members");
        return { json: status, lines: statusLines(status, members) };
      })),
    ask("stats", "Show the counters of datagrams, drops and messages.")
      .action(asking(async (client) => {
        const stats = await client.call<GossipStats>("stats");
        return { json: stats, lines: statsLines(stats) };
      })),
    ask("events", "Print the events that the node holds, the oldest first.")
      .option("--topic <topic>", "only events of this topic")
      .option("--limit <count>", "the newest so many, 1 to 10000", numeric, 1000)
      .option("--follow", "go on with new events, until Ctrl-C")
      .action(asking(printEvents)),
    ask("get <topic> <key>", "Print the latest value of a topic and key.")
      .action(asking(async (client, _options, topic, key) => {
        const answer = await client.call<Value>("get", { topic, key });
        const { contributions, value } = answer;
        const lines = contributions?.map((one) =>
          `${valueText(one.value)}  by ${authorText(one.author, one.authorName)}`)
          ?? (value === undefined ? [] : [valueText(value)]);
        if (lines.length === 0) process.stderr.write("nothing is set\n");
        return { json: answer, lines, ...lines.length === 0 && { status: 1 } };
      })),
    ask("set <topic> <key> <value...>", `Set the value of a topic and key: ${VALUE_HELP}.`)
      .option("--ttl <ms>", "valid for so long, in whole seconds: 0 to 4294967295000; 0: for ever", numeric)
      .action(asking(async (client, { ttl }: AskOptions & { ttl?: number }, topic, key, value) =>
        done(client, "set", { topic, key, value: valueOf(value), ...ttl !== undefined && { ttlMs: ttl } }))),
    ask("remove <topic> <key>", "Remove the value of a topic and key.")
      .action(asking(async (client, _options, topic, key) => done(client, "remove", { topic, key }))),
    ask("log <topic> <value...>", `Publish a log event: ${VALUE_HELP}.`)
      .action(asking(async (client, _options, topic, value) => done(client, "log", { topic, value: valueOf(value) }))),
    ask("push <value...>", `Share a value as the node's own: ${VALUE_HELP}.`)
      .action(asking(async (client, _options, value) => done(client, "push", { value: valueOf(value) }))),
    ask("withdraw [topic] [key]", "Withdraw the node's value, or what it set in a topic with \"+\" in front.")
      .action(asking(async (client, _options, topic, key) =>
        done(client, "withdraw", { ...topic !== undefined && { topic }, ...key !== undefined && { key } }))),
    ask("send <node> <topic> <value...>", "Send a message to a node, given by name, id or address.")
      .action(asking(async (client, _options, node, topic, value) => {
        const params = { to: readNode(String(node)), topic, value: valueOf(value) };
        const answer = await client.call<{ outcome: MessageOutcome }>("send", params, 0);
        const isDelivered = answer.outcome === "delivered";
        const why = answer.outcome === "unknown" ? `: ${NOT_KNOWN}` : "";
        return { json: answer, lines: [`${answer.outcome}${why}`], ...!isDelivered && { status: 1 } };
      })),
    ask("forget <node>", "Remove a node that is down or left, everywhere.")
      .action(asking(async (client, _options, node) => done(client, "forget", { node: readNode(String(node)) }))),
    ask("leave", "Let the node say goodbye and stop.")
      .action(asking(async (client) => {
        const printed = await done(client, "leave", {});
        await client.closed;
        return printed;
      })),
  ];
}

interface Value {
  value?: FeedEvent["value"];
  contributions?: ContributionEntry[];
}

export function ask(usage: string, description: string): Command {
  const [name, ...words] = usage.split(" ");
  const command = new Command(name);
  for (const word of words) command.argument(word);
  return command
    .description(description)
    .option("--storage <folder>", "the node with this storage folder")
    .option("--socket <path>", "the node with this control socket")
    .option("--json", "print JSON")
    .addHelpText("after", NODE_HELP)
    .showHelpAfterError("(--help lists the options)");
}

export type Words = string | string[] | undefined;

/** A command's action: it connects, asks, prints, and sets the exit status. */
export function asking<Options extends AskOptions>(
  run: (client: ControlClient, options: Options, ...words: Words[]) => Promise<Printed>,
): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    all.pop();
    const options = all.pop() as Options & OptionValues;
    try {
      const client = await ControlClient.connect(await findSocket(options));
      // The reader of a pipe has exited, as in `chisme events | head -1`.
      process.stdout.on("error", () => client.close());
      try {
        const { json, lines, status } = await run(client, options, ...all as Words[]);
        if (options.json && json !== undefined) process.stdout.write(`${terminalJson(json)}\n`);
        else for (const line of lines) process.stdout.write(`${line}\n`);
        if (status !== undefined) process.exitCode = status;
      } finally {
        client.close();
      }
    } catch (error) {
      process.stderr.write(`error: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  };
}

/** Calls a method without a result. */
async function done(client: ControlClient, method: string, params: object): Promise<Printed> {
  return { json: await client.call(method, params), lines: [] };
}

interface EventsOptions extends AskOptions {
  topic?: string;
  limit: number;
  follow?: true;
}

/** Prints one event a line: those that the node holds, and then, if asked to, new ones. */
async function printEvents(client: ControlClient, options: EventsOptions): Promise<Printed> {
  const { topic, limit, follow, json } = options;
  const params = { ...topic !== undefined && { topic } };
  const colors = outputColors();
  const print = (event: PlainEvent): void =>
    void process.stdout.write(`${json ? terminalJson(event) : datedEventText(event, colors)}\n`);
  // An event that comes between the two calls is in the answer, and is followed as well.
  const early: PlainEvent[] = [];
  let isListed = false;
  if (follow) {
    await client.follow(params, ({ method, params: change }) => {
      if (method === "skipped") {
        const { count } = change as { count: number };
        process.stderr.write(`warning: ${count} events skipped: this command is too slow\n`);
      } else if (isListed) print(change as PlainEvent);
      else early.push(change as PlainEvent);
    });
  }
  const { events } = await client.call<{ events: PlainEvent[] }>("events", { ...params, limit });
  events.forEach(print);
  isListed = true;
  const listed = new Set(events.map(identity));
  early.filter((event) => !listed.has(identity(event))).forEach(print);
  if (follow) {
    await client.closed;
    if (!client.wasClosedHere) throw new Error(ENDED);
  }
  return { json: undefined, lines: [] };
}

function identity({ author, timeMs, counter }: PlainEvent): string {
  return `${author} ${timeMs} ${counter}`;
}

function valueOf(words: Words): ReturnType<typeof parseValue> {
  return parseValue((words as string[]).join(" "));
}

function outputColors(): Colors {
  return pc.createColors(Boolean(pc.isColorSupported && process.stdout.isTTY));
}
