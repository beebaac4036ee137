import { Command, Option } from "commander";
import { COMMANDS_HELP } from "./commands.js";
import { type NodeOptions, NodeRun } from "./node-run.js";
import { numeric } from "./number.js";

/** What `Gossip` calls the options of this command line. */
const FLAGS = new Map([
  ["listen", "--listen"],
  ["port", "--listen port"],
  ["seedList", "--seed"],
  ["roundIntervalMs", "--interval"],
  ["id", "--id"],
  ["capacity", "--capacity"],
  ["datagramBytesMax", "--datagram-bytes"],
  ["events.bytes", "--feed-bytes"],
  ["broadcastAddress", "--broadcast"],
  ["key", "--key-file"],
  ["otherKey", "--other-key-file"],
]);

const MORE_HELP = `
Standard input: a line with a number is the new value, an empty line withdraws
it. At the end of the input the last value stands. Other lines, and those of
--script, are commands:
${COMMANDS_HELP}
In scripts, lines that begin with # are notes.

With --json, each line is one object with "event", "timeMs" (since the start) and
  start        id, address, port, revision, roundIntervalMs, seeds, and sealing:
               "none", "all", or "compact", where JSON is not sealed
  row, state   id, address, port, revision, heartbeat, data, and state:
               "up", "probed", "suspect", "down", "removed" or "left"
  minMax       minimum, maximum (null when nobody shares a number), count
  feedEvent    an event of a node: author, generation, sequence, stampMs, counter,
               kind (log, set, remove), topic, key, ttlMs, value
  view         view: values by topic and key
  front        front: a list of author, generation, sequence
  error        code, message
  stop         stats

A key is not given on the command line, which other users of the computer see.

Three nodes on one computer, each in a terminal of its own:
  chisme node --listen 127.0.0.2 --seed 127.0.0.3 --interval 1000 --value 21.5
  chisme node --listen 127.0.0.3 --seed 127.0.0.2 --interval 1000 --value 18.2
  chisme node --listen 127.0.0.4 --seed 127.0.0.2 --interval 1000 --value 24.9`;

/** `chisme node`. */
export function nodeCommand(): Command {
  return new Command("node")
    .description("Run one node over UDP on this computer and print what it learns, until Ctrl-C.")
    .addOption(new Option("--dialect <name>", "what to speak; auto speaks to both kinds and tells each of the other")
      .choices(["compact", "espgossip", "auto"]).default("compact"))
    .option("--listen <address[:port]>", "IPv4 address to bind to (default: all interfaces, port 5000)")
    .option("--seed <address[:port]>", "a node to begin with; repeat it for more (default: broadcast)", append)
    .option("--storage <folder>", "where to keep revision and own events over restarts")
    .option("--key-file <file>", "seal with this key, as chisme key prints one (default: CHISME_KEY, if it is set)")
    .option("--other-key-file <file>", "open what is sealed with this key, too, while keys are changed")
    .option("--allow-unsealed", "with a key and --dialect auto: JSON, which boards speak, is never sealed")
    .option("--script <file>", "commands to begin with, one a line")
    .option("--export <file>", "where to write the events that are held when the node stops, as JSON lines")
    .option("--feed-bytes <bytes>", "room for events: 512 to 16777216, or 0 for none (default: 262144; "
      + "0 where the dialect has none)", numeric)
    .option("--fill-gaps", "ask others for events that came before those which this node holds, while there is room")
    .option("--value <number>", "share this value", numeric)
    .option("--interval <ms>", "time between rounds, 100 to 3600000", numeric, 10000)
    .option("--id <number>", "uint32 that no other node has (default: made from address and port)", numeric)
    .option("--capacity <rows>", "nodes to know at most, 2 to 65535", numeric, 64)
    .option("--datagram-bytes <bytes>", "longest datagram to send, 128 to 1472", numeric, 1200)
    .option("--broadcast <address>", "where to look for nodes without a seed", "255.255.255.255")
    .option("--json", "print one JSON object a line")
    .option("--debug", "tell of each datagram on standard error")
    .addHelpText("after", MORE_HELP)
    .showHelpAfterError("(chisme node --help lists the options)")
    .action((options: NodeOptions, command: Command) => {
      try {
        new NodeRun(options).start();
      } catch (error) {
        command.error(`error: ${inFlags((error as Error).message)}`);
      }
    });
}

function append(text: string, before: string[] | undefined): string[] {
  return before === undefined ? [text] : [...before, text];
}

/** "roundIntervalMs: 5 is not…" as "--interval: 5 is not…". */
function inFlags(message: string): string {
  const inPlace = message.replace("allowUnsealed must be true", "--allow-unsealed is needed");
  return inPlace.replace(/^([\w.]+)(\[\d+\])?(?=:)/, (text, name: string) => FLAGS.get(name) ?? text);
}
