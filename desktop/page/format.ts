import type { NetworkNode } from "../control/network-view.js";

const TEXT_MAX = 160;

/** "12s", "5m", "3h", "2d". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds}s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}m`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86400)}d`;
}

/** A value as short text: a number, text, a map as "temp 21.5, hum 40", all else as JSON. */
export function valueText(value: unknown): string {
  if (value === undefined) return "–";
  const text = typeof value === "string" ? value
    : isMap(value) ? Object.entries(value).map(([name, one]) => `${name} ${scalarText(one)}`).join(", ")
    : scalarText(value);
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

export function scalarText(value: unknown): string {
  if (typeof value === "number") return numberText(value);
  return typeof value === "string" ? value : JSON.stringify(value) ?? "–";
}

/** At most six significant digits. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** "1 node", "2 nodes". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What a node is called: its name, otherwise its id. */
export function nodeTitle(node: Pick<NetworkNode, "id" | "name">): string {
  return node.name ?? `node ${node.id}`;
}

/** The time of an event; a small number if no node of the network knows the time. */
export function timeText(timeMs: number): string {
  if (timeMs < 1e12) return `${Math.round(timeMs / 1000)}s`;
  const time = new Date(timeMs);
  const clock = time.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return time.toDateString() === new Date().toDateString() ? clock : `${time.toLocaleDateString()} ${clock}`;
}

/** Numbers of a value that can be plotted: by field, "" for a number alone. */
export function numbersOf(value: unknown): [string, number][] {
  if (typeof value === "number") return [["", value]];
  if (!isMap(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number");
}
