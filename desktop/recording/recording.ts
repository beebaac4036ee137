import type { SeenDatagram } from "../control/changes.js";
import type { Member } from "../control/members.js";
import type { GossipStats, NodeState } from "../../src/gossip.js";
import { valueText } from "../control/value-text.js";

export const RECORDING_VERSION = 1;
/** Longest line, and longest file that is read. */
export const LINE_BYTES_MAX = 16777216;
export const FILE_BYTES_MAX = 1073741824;
/** Longest datagram as base64. */
const DATAGRAM_TEXT_MAX = 2048;
/** Levels of maps and lists in a line; values of events have 4. */
const DEPTH_MAX = 32;
/** The last time that a date can have, in ms since 1970. */
const TIME_MS_MAX = 8640000000000000;
const STATES: readonly unknown[] = [
  "up", "asleep", "probed", "suspect", "down", "removed", "left",
] satisfies NodeState[];
/** Fields that may be missing. What shows a recording calculates with numbers, and prints addresses as they are. */
const ROW_NUMBERS = [
  "port", "revision", "heartbeat", "inStateMs", "lastHeardMs", "roundTripMs", "lossTo", "lossFrom",
];
const EVENT_NUMBERS = ["generation", "sequence", "counter", "timeMs", "ttlMs", "copiedBy"];
const STATS_NUMBERS = ["datagramsSent", "bytesSent", "datagramsReceived", "bytesReceived"];

/** The first line of a recording. It has no key. */
export interface RecordingHead {
  chisme: "recording";
  version: typeof RECORDING_VERSION;
  /** When the recording began, in ms since 1970. */
  beganMs: number;
  /** The recorded node, as the method `info` describes it. */
  node: { id: number; name?: string; address: string; port: number };
  isSealed: boolean;
  members: Member[];
  /** Events that the node held, at most 10,000. */
  events: object[];
}

/** A row as it is in a file. Its value is not checked. */
export interface RecordedRow {
  id: number;
  name?: string;
  address?: unknown;
  port?: unknown;
  state: string;
  data?: unknown;
}

/** What a line after the first one has, beside `atMs`: the time since the begin. */
export type RecordingEntry = { atMs: number } & (
  | { kind: "datagram" } & SeenDatagram
  | { kind: "row" | "forgotten"; row: RecordedRow }
  | { kind: "event"; event: { author: number; authorName?: string; kind: string; topic: string; value?: unknown } }
  | { kind: "input"; method: string; params: object }
  | { kind: "stats"; stats: GossipStats }
  /** The node could not send so many changes: the recording command was too slow. */
  | { kind: "skipped"; count: number }
);

export const ENTRY_KINDS = ["datagram", "row", "forgotten", "event", "input", "stats", "skipped"] as const;

/** Reads the first line. @throws Error that says what is wrong */
export function parseHead(line: string): RecordingHead {
  const head = parseObject(line);
  const { chisme, version, beganMs, node, members, events } = head;
  if (chisme !== "recording") throw wrong("chisme", chisme, 'not "recording": this is no file of chisme record');
  if (version !== RECORDING_VERSION) throw wrong("version", version, `not ${RECORDING_VERSION}, the one known`);
  if (!isTime(beganMs)) throw wrong("beganMs", beganMs, "no time in ms");
  if (!isObject(node) || !isId(node.id) || !isText(node.name) || !isAddress(node.address) || !isPort(node.port)) {
    throw wrong("node", node, "no node");
  }
  if (!Array.isArray(members) || !members.every(isRow)) throw wrong("members", members, "no list of members");
  if (!Array.isArray(events) || !events.every(isEvent)) throw wrong("events", events, "no list of events");
  return head as unknown as RecordingHead;
}

/** Reads a further line. @param beforeMs time of the line before. @throws Error that says what is wrong */
export function parseEntry(line: string, beforeMs: number): RecordingEntry {
  const entry = parseObject(line);
  const { atMs, kind } = entry;
  if (!isTime(atMs) || atMs < beforeMs) throw wrong("atMs", atMs, `no time from ${beforeMs}, of the line before, on`);
  switch (kind) {
    case "datagram":
      checkDatagram(entry);
      break;
    case "row":
    case "forgotten":
      if (!isRow(entry.row)) throw wrong("row", entry.row, "no row");
      break;
    case "event":
      if (!isEvent(entry.event)) throw wrong("event", entry.event, "no event");
      break;
    case "input":
      if (typeof entry.method !== "string") throw wrong("method", entry.method, "no text");
      if (!isObject(entry.params)) throw wrong("params", entry.params, "no object");
      break;
    case "stats":
      if (!isObject(entry.stats) || !haveNumbers(entry.stats, STATS_NUMBERS)) {
        throw wrong("stats", entry.stats, `no object with the numbers ${STATS_NUMBERS.join(", ")}`);
      }
      break;
    case "skipped":
      if (!Number.isSafeInteger(entry.count)) throw wrong("count", entry.count, "no integer");
      break;
    default:
      throw wrong("kind", kind, `none of ${ENTRY_KINDS.join(", ")}`);
  }
  return entry as unknown as RecordingEntry;
}

function checkDatagram({ direction, address, port, bytes, drop }: Record<string, unknown>): void {
  if (direction !== "in" && direction !== "out") throw wrong("direction", direction, 'neither "in" nor "out"');
  if (!isAddress(address)) throw wrong("address", address, "no IPv4 address");
  if (!isPort(port)) throw wrong("port", port, "no port");
  if (typeof bytes !== "string" || bytes.length > DATAGRAM_TEXT_MAX || !/^[\w+/]*={0,2}$/.test(bytes)) {
    throw wrong("bytes", bytes, `no base64 of at most ${DATAGRAM_TEXT_MAX} characters`);
  }
  if (drop !== undefined && typeof drop !== "string") throw wrong("drop", drop, "no text");
}

function parseObject(line: string): Record<string, unknown> {
  if (line.length > LINE_BYTES_MAX) throw new Error(`is longer than ${LINE_BYTES_MAX} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error("is not JSON: the file is damaged, or its end is missing");
  }
  if (!isObject(value)) throw new Error("is no JSON object");
  // JSON.parse reads any depth, but what writes it again is recursive.
  if (!isWithin(DEPTH_MAX, value)) throw new Error(`is nested deeper than ${DEPTH_MAX} levels`);
  return value;
}

function isWithin(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((part) => isWithin(levels - 1, part));
}

function wrong(name: string, value: unknown, problem: string): Error {
  const given = value === undefined ? "nothing" : valueText(value);
  return new Error(`${name}: ${given.length > 80 ? `${given.slice(0, 80)}…` : given} is ${problem}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): boolean {
  return typeof value === "number" && value >>> 0 === value;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= TIME_MS_MAX;
}

function isAddress(value: unknown): boolean {
  return typeof value === "string" && /^[\d.]{7,15}$/.test(value);
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535;
}

/** Whether it is a text, or missing. */
function isText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isRow(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { id, state, name, address, version } = value;
  return isId(id) && STATES.includes(state) && isText(name) && isText(version)
    && (address === undefined || isAddress(address)) && mayHaveNumbers(value, ROW_NUMBERS);
}

function isEvent(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { author, authorName, kind, topic, key, timeMs } = value;
  return isId(author) && typeof topic === "string" && isText(authorName) && isText(kind) && isText(key)
    && (timeMs === undefined || isTime(timeMs)) && mayHaveNumbers(value, EVENT_NUMBERS);
}

function haveNumbers(object: Record<string, unknown>, names: string[]): boolean {
  return names.every((name) => typeof object[name] === "number");
}

function mayHaveNumbers(object: Record<string, unknown>, names: string[]): boolean {
  return names.every((name) => object[name] === undefined || typeof object[name] === "number");
}
