import { Command, Option } from "commander";
import { COMMANDS_HELP } from "./commands.js";
import { inFlags } from "./flags.js";
import { type NodeOptions, NodeRun } from "./node-run.js";
import { numeric, reading } from "./number.js";

const MORE_HELP = `
Standard input: a line with a number sets the shared value. After the end of
the input the last value stays. NodeMCU boards get the number in a table, as
{"value": 21.5}. Other lines, and the lines of --script, are commands, in any
letter case:
${COMMANDS_HELP}
Lines that begin with # are comments; empty lines do nothing.

With --json, each line is one object with "event", "timeMs" since the start, and
  start        id, name, address, port, revision, roundIntervalMs, seeds, and
               sealing: "none", "all", or "compact", where JSON is not sealed
  row, state   id, name, version, address, port, revision, heartbeat, data, and
               state:
               "up", "asleep", "probed", "suspect", "down", "removed" or "left"
  forgotten    the same of a row that the node forgot: the last one
  minMax       minimum, maximum (null when nobody shares a number), count, and
               the field of --field
  feedEvent    an event: author, authorName, copiedBy, generation, sequence,
               stampMs, counter, kind (log, set, remove), topic, key, ttlMs,
               endMs, value
  view         view: values by topic and key; contributions in topics with "+":
               a list of topic, key, author, authorName, value
  front        front: a list of author, authorName, generation, sequence
  message      a message: from, fromName, topic, value, hops, isQuery, and of a
               query its number, query
  reply        the answer to a query is on its way: query
  outcome      of send: number, to, topic, outcome: "delivered", "refused",
               "unknown" or "timeout"; number counts the commands send from 1
  broadcast    topic, nodes: how many are live
  asked        of query and reachability: command, topic, untilMs
  answer       to a query: from, fromName, topic, value, hops; then queryEnd:
               topic, answers, wasSent
  ping         to, toName, outcome; if delivered also ms, there, thereNames,
               back, backNames: ids and names of the relays
  route        to, toName, state, route: ids from the next node on, or null,
               routeNames
  reach        from, fromName, neighbours, neighbourNames, hops, 0 for this
               node; then reachEnd: answers, wasSent
  rows         rows: a list as of row
  members, events, stats, value
               answers to these commands, value to get: as those of the commands
               chisme members --json, events, stats and get
  commandError a line that was not run: source, null for a terminal, number,
               line, message, which is also on standard error
  status       status: as the schema chisme/status.schema.json describes it
  error        code, message
  stop         stats

A key is never an argument: other users of the computer see the command line.

Three nodes on one computer, each in its own terminal:
  chisme node --listen 127.0.0.2 --seed 127.0.0.3 --interval 1000 --value 21.5
  chisme node --listen 127.0.0.3 --seed 127.0.0.2 --interval 1000 --value 18.2
  chisme node --listen 127.0.0.4 --seed 127.0.0.2 --interval 1000 --value 24.9`;

/** `chisme node`. */
export function nodeCommand(): Command {
  return new Command("node")
    .description("Run one node over UDP on this computer and print what it learns, until Ctrl-C.")
    .addOption(new Option("--dialect <name>", "dialect; auto uses both and passes rows between them")
      .choices(["compact", "espgossip", "auto"]).default("compact"))
    .option("--listen <address[:port]>", "IPv4 address to bind to; none: no UDP, only --serial "
      + "(default: all interfaces, port 5000)")
    .option("--interface <name>", "interface to whose address to bind, such as eth0; follows it when it changes")
    .option("--serial <device[:baud]>", "serial line to one other node, such as /dev/ttyUSB0:115200 (the default); "
      + "with :bus behind it several nodes share the wires; repeatable", append)
    .option("--serial-bytes <bytes>", "longest datagram on serial lines, the same at both ends, 128 to 1472 "
      + "(default: 600); limits values and events, too", numeric)
    .option("--advertise <address[:port]>", "where other nodes reach this one, for a container or a port forward "
      + "(default: where its datagrams come from)")
    .option("--network <name>", "exchange only with nodes of this name: 1 to 31 bytes (default: without a name)")
    .option("--trusted-subnets <list>", "drop datagrams from elsewhere and send none there; 1 to 8 subnets such as "
      + "192.168.0.0/16,10.1.0.0/16 (default: all addresses)", subnets)
    .option("--seed <host[:port]>", "address or host name of another node; repeatable (default: broadcast)", append)
    .option("--storage <folder>", "where to keep id, revision, last peers and own events over restarts; one process "
      + "for each")
    .option("--socket <path>", "where commands such as chisme members ask this node; none: nowhere (default: in the "
      + "storage folder, without one by address and port)")
    .option("--http [address:port]", "show the node over HTTP, on a page and as JSON, as docs/HTTP.md says; addresses "
      + "that other computers reach need --http-token-file (default: nowhere; without a value: 127.0.0.1:8600)")
    .option("--http-token-file <file>", "requests over HTTP need the token in this file: 16 to 256 characters, never "
      + "the key of the network")
    .option("--http-write", "requests over HTTP and its page may change the node, not only read")
    .option("--keep", "also store the feeds of all other nodes there, and pass them on after a restart")
    .option("--key-file <file>", "seal with the key in this file, from chisme key (default: the variable CHISME_KEY), "
      + "until the owner ends it by chisme rekey")
    .option("--other-key-file <file>", "also accept frames sealed with this key, during a change of keys")
    .option("--signed", "sign own events with the identity in the storage folder, from chisme identity new, and take "
      + "those of others only with a signature of their author, as docs/SIGNING.md says")
    .option("--owner <key>", "take events of those authors only that this owner admits: the owner's public key, or a "
      + "file from chisme admitted --card (default: keys are pinned at first use)")
    .option("--allow-unsealed", "allow a key with --dialect auto, whose JSON is never sealed")
    .option("--script <file>", "commands to run at the start, one per line")
    .option("--export <file>", "write the events that the node holds when it stops, as JSON lines")
    .option("--feed-bytes <bytes>", "RAM for events: 512 to 16777216, or 0 for no events (default: 262144, "
      + "with --keep 16777216; 0 in dialects without events)", numeric)
    .option("--event-bytes <bytes>", "longest event with topic, key and value, best the same in all nodes: 32 to 1353, "
      + "at most --datagram-bytes - 119 and --feed-bytes / 2 - 44 (default: 448; in "
      + "little room an eighth of --feed-bytes, at least 128, or what fits)", numeric)
    .option("--fill-gaps", "request older events from other nodes, while there is room")
    .option("--value <value>", "share this number, or this map of readings: '{\"temp\":21.5,\"hum\":40}'", reading)
    .option("--field <name>", "the reading of maps whose minimum and maximum are printed, such as temp (default: the "
      + "numbers that are shared alone)")
    .option("--value-bytes <bytes>", "longest shared value as CBOR, best the same in all nodes: 0 to 255, at most "
      + "--datagram-bytes - 81, with events - 100 (default: 32; the largest in dialects with JSON)", numeric)
    .option("--interval <ms>", "time between rounds, 100 to 3600000", numeric, 10000)
    .option("--id <number>", "uint32, unique in the network (default: that in the storage, or a random one: without "
      + "--storage another one at each start)", numeric)
    .option("--new-id", "draw a new id, once, for a copy of another node's storage: its events go on as copies")
    .option("--name <text>", "name that all nodes show, 1 to 24 bytes; part of --value-bytes (default: none)")
    .option("--node-version <text>", "version that all nodes show, 1 to 16 bytes, as --name (default: none)")
    .option("--capacity <rows>", "rows to hold at most, this node's included, 2 to 65535", numeric, 64)
    .option("--neighbours <nodes>", "nodes to ask in turn at most, 3 to 65535 (default: all in reach)", numeric)
    .option("--datagram-bytes <bytes>", "longest datagram to send, 128 to 1472", numeric, 1200)
    .option("--remove-after <ms>", "how long a row stays down or left, and then a tombstone, 60000 to 1728000000",
      numeric, 86400000)
    .option("--broadcast <address>", "where to find nodes without a seed, or when no seed answers; none: nowhere",
      "255.255.255.255")
    .addOption(new Option("--time <source>", "clock: this computer's clock, also for nodes that ask for the time; "
      + "peers: from other nodes; none").choices(["clock", "peers", "none"]).default("clock"))
    .option("--json", "print one JSON object per line")
    .option("--debug", "print a line for each datagram on standard error")
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

function subnets(text: string): string[] {
  return text.split(",").map((subnet) => subnet.trim());
}

function append(text: string, before: string[] | undefined): string[] {
  return before === undefined ? [text] : [...before, text];
}
