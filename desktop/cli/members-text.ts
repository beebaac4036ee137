import type { Colors, Formatter } from "picocolors/types.js";
import type { FeedEvent, NodeState } from "../../src/gossip.js";
import type { Member } from "../control/members.js";
import { authorText, columnsOf, dataText, nameText, valueText, wordText } from "./node-report.js";

/** A sign beside each state, for those who see no colours. */
const SIGNS: Record<NodeState, string> = {
  up: "+", probed: "+", asleep: "z", suspect: "?", down: "x", removed: ".", left: "-",
};
const GAP = "  ";
const UNITS: [string, number][] = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

/** A column of the table of members. A new field of members is one more entry below. */
interface Column {
  title: string;
  /** What stands there; "" for nothing. */
  text: (member: Member, own: Member | undefined) => string;
  color?: (member: Member, colors: Colors) => Formatter;
  /** Numbers stand on the right. */
  isRight?: true;
  /** The column is left out where no member has anything in it. */
  isOptional?: true;
}

const COLUMNS: Column[] = [
  {
    title: "state", text: ({ state }) => `${SIGNS[state]} ${shownState(state)}`,
    color: ({ state }, colors) => stateColor(state, colors),
  },
  { title: "name", text: ({ name }) => name === undefined ? "" : nameText(name), isOptional: true,
    color: (_member, colors) => colors.bold },
  { title: "id", text: ({ id }) => String(id), isRight: true },
  { title: "address", text: ({ address, port }, own) => port === own?.port ? address : `${address}:${port}` },
  { title: "for", text: ({ inStateMs }) => durationText(inStateMs), isRight: true },
  { title: "heard", text: ({ lastHeardMs }) => lastHeardMs === undefined ? "" : durationText(lastHeardMs),
    isRight: true },
  { title: "trip", text: ({ roundTripMs }) => roundTripMs === undefined ? "" : `${tripText(roundTripMs)} ms`,
    isRight: true, isOptional: true },
  { title: "rev", text: ({ revision }) => String(revision), isRight: true },
  { title: "version", text: ({ version }) => version === undefined ? "" : nameText(version), isOptional: true },
  { title: "value", text: ({ data, isSelf }) =>
    `${data === undefined ? "-" : dataText(data)}${isSelf ? "  (this node)" : ""}` },
];

/** A state as people see it: a node is probed for a moment, and nothing reports the end of it. */
export function shownState(state: NodeState): NodeState {
  return state === "probed" ? "up" : state;
}

/** Green is for nodes that answer, and blue for those that sleep: who left or is removed is grey. */
export function stateColor(state: NodeState, colors: Colors): Formatter {
  switch (shownState(state)) {
    case "up": return colors.green;
    case "asleep": return colors.blue;
    case "suspect": return colors.yellow;
    case "down": return colors.red;
    default: return colors.dim;
  }
}

/**
 * The members as a table.
 *
 * @param columnsMax characters of a line; what is longer ends in "…"
 */
export function memberLines(members: Member[], colors: Colors, columnsMax = Infinity): string[] {
  const own = members.find(({ isSelf }) => isSelf);
  const texts = COLUMNS.map(({ text }) => members.map((member) => text(member, own)));
  const shown = COLUMNS.map((column, i) => ({ ...column, texts: texts[i] }))
    .filter(({ isOptional, texts: all }) => !isOptional || all.some((one) => one !== ""))
    .map((column) => ({ ...column, width: Math.max(columnsOf(column.title), ...column.texts.map(columnsOf)) }));
  const titles = shown.map(({ title, width, isRight }) => padded(title, width, isRight)).join(GAP).trimEnd();
  return [colors.dim(cut(titles, columnsMax)), ...members.map((member, row) => {
    let room = columnsMax;
    const cells = shown.map(({ texts: all, width, isRight, color }, i) => {
      const cell = i === shown.length - 1 ? all[row] : padded(all[row], width, isRight) + GAP;
      const fitting = cut(cell, room);
      room -= columnsOf(fitting);
      return color === undefined ? fitting : color(member, colors)(fitting);
    });
    return cells.join("").trimEnd();
  })];
}

/** How many members there are, and in which states. */
export function membersSummary(members: Member[]): string {
  const counts = new Map<string, number>();
  for (const { state } of members) counts.set(shownState(state), (counts.get(shownState(state)) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${state}`);
  return `${members.length === 1 ? "1 node" : `${members.length} nodes`}: ${parts.join(", ")}`;
}

/** An event as a line shows it. */
export function eventText(event: Omit<FeedEvent, "endMs">, colors: Colors): string {
  const { author, authorName, copiedBy, generation, sequence, kind, topic, key, value } = event;
  const what = [colors.bold(kind), wordText(topic)];
  if (key !== undefined) what.push(wordText(key));
  if (kind !== "remove") what.push(valueText(value));
  const copied = copiedBy === undefined ? "" : ` copied by ${copiedBy}`;
  const origin = colors.dim(`by ${authorText(author, authorName)},${copied} event ${generation}:${sequence}`);
  return [what.join(" "), origin].join("  ");
}

/** An event with the time of its author behind a date, in the time zone of this computer. */
export function datedEventText(event: Omit<FeedEvent, "endMs">, colors: Colors): string {
  const date = new Date(event.timeMs - new Date(event.timeMs).getTimezoneOffset() * MINUTE_MS);
  return `${colors.dim(date.toISOString().substring(0, 19).replace("T", " "))}  ${eventText(event, colors)}`;
}

const MINUTE_MS = 60000;

/** The two largest units of a time: "3d 4h", "12m 5s", "0s". */
function durationText(ms: number): string {
  let seconds = Math.floor(ms / 1000);
  const parts: string[] = [];
  for (const [unit, length] of UNITS) {
    const count = Math.floor(seconds / length);
    seconds -= count * length;
    if (count > 0 || parts.length > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0s";
}

function tripText(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}

function padded(text: string, width: number, isRight?: boolean): string {
  const space = " ".repeat(width - columnsOf(text));
  return isRight ? space + text : text + space;
}

/** A text in at most so many columns of a terminal. */
export function cut(text: string, columnsMax: number): string {
  if (columnsOf(text) <= columnsMax) return text;
  let fitting = "";
  for (const character of text) {
    if (columnsOf(fitting + character) >= columnsMax) break;
    fitting += character;
  }
  return columnsMax <= 0 ? "" : `${fitting}…`;
}
