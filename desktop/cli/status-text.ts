import type { GossipStats, NodeRow } from "../../src/gossip.js";
import type { GossipStatus, StatusNode } from "../../src/status/index.js";
import { columnsOf, dataText, nameText } from "./node-report.js";

const KIB = 1024;
const LABEL_WIDTH = 10;
const COLUMNS = 80;

/** The lines that show a status to people. */
export function statusLines(status: GossipStatus, nodeRows: NodeRow[]): string[] {
  const { node, neighbours, routes, rows, queues, memory, stats } = status;
  const { capacity, ...states } = rows;
  const count = Object.values(states).reduce((sum, number) => sum + number, 0);
  const names = new Map(neighbours.map((neighbour) => [neighbour.id, nameOf(neighbour)]));
  const who = node.name === undefined ? "" : `${nameText(node.name)}, `;
  const lines = [
    label("node", `${who}${node.address}:${node.port}, id ${node.id}`),
    label("", `revision ${node.revision}, heartbeat ${node.heartbeat}${versionText(node.version)}`),
    label("network", networkText(node)),
    label("rows", `${count} of ${capacity}: ${counts(states)}`),
    label("queues", queuesText(queues)),
    label("memory", sizes({ rows: memory.rowBytes, events: memory.eventBytes, other: memory.otherBytes })),
  ];
  if (memory.platform !== undefined) lines.push(...labelled("process", sizes(memory.platform)));
  lines.push(...trafficLines(stats), ...status.time === undefined ? [] : [label("time", timeText(status.time))]);
  lines.push("", neighbours.length === 0 ? "no neighbours" : "neighbours");
  lines.push(...table([
    ["id", "name", "address", "state", "round trip", "loss to", "loss from"],
    ...neighbours.map((one) => [
      String(one.id), nameOf(one), `${one.address}:${one.port}`, one.state,
      one.roundTripMs === undefined ? "" : `${Math.round(one.roundTripMs)} ms`, share(one.lossTo), share(one.lossFrom),
    ]),
  ]));
  lines.push("", routes.length === 0 ? "no nodes out of reach" : "nodes out of reach");
  lines.push(...table([
    ["id", "name", "over"],
    ...routes.map(({ nextHop, ...route }) => {
      const hop = nextHop === undefined ? "no way known" : `${nextHop} ${names.get(nextHop) ?? ""}`.trimEnd();
      return [String(route.id), nameOf(route), hop];
    }),
  ]));
  const notUp = nodeRows.filter(({ state }) => state !== "up" && state !== "probed");
  if (notUp.length > 0) lines.push("", "nodes that are not up", ...rowLines(notUp, node.id));
  return lines;
}

/** The lines that show counters to people. */
export function statsLines(stats: GossipStats): string[] {
  const { messages, valuesTooLong, valuesForgotten, removalsForgotten } = stats;
  const lines = trafficLines(stats);
  if (messages !== undefined) {
    const { waiting, queue, ...counters } = messages;
    lines.push(...labelled("messages", `${waiting} of ${queue} waiting, ${counts({ ...counters })}`));
  }
  const lost = { "values too long": valuesTooLong, "values forgotten": valuesForgotten,
    "removals forgotten": removalsForgotten };
  lines.push(label("lost", counts(lost)));
  return lines;
}

function trafficLines(stats: GossipStats): string[] {
  return [
    label("sent", `${stats.datagramsSent} datagrams, ${stats.bytesSent} bytes, ${stats.sendFailures} failed`),
    label("received", `${stats.datagramsReceived} datagrams, ${stats.bytesReceived} bytes`),
    ...labelled("dropped", counts(stats.drops)),
    label("clock", stats.clock),
  ];
}

/** Rows with a title above each column. */
export function rowLines(rows: NodeRow[], ownId: number): string[] {
  const hasVersions = rows.some((row) => row.version !== undefined);
  return table([
    ["id", "name", "address", "state", ...hasVersions ? ["version"] : [], "value"],
    ...rows.map((row) => {
      const value = row.data === undefined ? "-" : dataText(row.data);
      const state = row.state === "probed" ? "up" : row.state;
      const own = row.id === ownId ? "  (this node)" : "";
      const version = hasVersions ? [row.version === undefined ? "-" : nameText(row.version)] : [];
      return [String(row.id), nameOf(row), `${row.address}:${row.port}`, state, ...version, `${value}${own}`];
    }),
  ]);
}

function networkText({ dialect, isSealed, isNamed }: GossipStatus["node"]): string {
  return `dialect ${dialect}, ${isSealed ? "sealed" : "not sealed"}, ${isNamed ? "with" : "without"} a name`;
}

function timeText({ unixMs, source, node, hops, errorMs }: NonNullable<GossipStatus["time"]>): string {
  const from = source === "peer" ? `from node ${node}, ${hops} ${hops === 1 ? "hop" : "hops"}`
    : source === "sntp" ? "by SNTP" : "by this computer's clock";
  return `${new Date(unixMs).toISOString()}, ${from}, ±${errorMs} ms`;
}

function queuesText({ updates, messages, messagesMax }: GossipStatus["queues"]): string {
  return `${updates} updates${messages === undefined ? "" : `, ${messages} of ${messagesMax} messages`}`;
}

/** The same in lines of at most 80 columns, which end behind a comma. */
function labelled(name: string, text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of text.split(/(?<=,) /)) {
    if (line !== "" && LABEL_WIDTH + line.length + 1 + part.length > COLUMNS) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? part : `${line} ${part}`;
  }
  lines.push(line);
  return lines.map((one, i) => label(i === 0 ? name : "", one));
}

function label(name: string, text: string): string {
  return `${name.padEnd(LABEL_WIDTH)}${text}`;
}

/** What there is at least one of. */
function counts(numbers: Record<string, number>): string {
  const some = Object.entries(numbers).filter(([, number]) => number > 0);
  return some.length === 0 ? "none" : some.map(([name, number]) => `${number} ${name}`).join(", ");
}

function sizes(bytes: Record<string, number>): string {
  return Object.entries(bytes).map(([name, size]) => `${name} ${inBytes(size)}`).join(", ");
}

function inBytes(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  return bytes < KIB * KIB ? `${(bytes / KIB).toFixed(1)} KiB` : `${(bytes / KIB / KIB).toFixed(1)} MiB`;
}

function share(loss: number | undefined): string {
  return loss === undefined ? "" : `${(100 * loss).toFixed(1)} %`;
}

function versionText(version: string | undefined): string {
  return version === undefined ? "" : `, version ${nameText(version)}`;
}

function nameOf({ name }: StatusNode): string {
  return name === undefined ? "" : nameText(name);
}

/** Rows under their titles, in columns as wide as they need; without lines, if there are only titles. */
export function table(rows: string[][]): string[] {
  if (rows.length === 1) return [];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => columnsOf(row[column]))));
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell + " ".repeat(widths[column] - columnsOf(cell)));
    return `  ${cells.join("  ")}`.trimEnd();
  });
}
