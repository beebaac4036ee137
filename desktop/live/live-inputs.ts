import { ControlError, INVALID_PARAMS } from "../control/protocol.js";
import { valueText } from "../control/value-text.js";
import type { CborValue } from "../../src/gossip.js";

/** Inputs of one simulation. */
export const INPUTS_MAX = 10000;
/** Longest value, as JSON. */
const VALUE_TEXT_MAX = 1024;
const TOPIC_MAX = 64;
export const LOSS_MAX = 0.9;

/** What may be done with a simulated network. A node is given by its id. */
export type LiveAction =
  | { action: "loss"; lossProbability: number }
  | { action: "cut" | "heal"; from: number; to: number }
  | { action: "cut" | "heal"; node: number }
  | { action: "heal" }
  | { action: "crash" | "leave"; node: number }
  | { action: "restart"; node: number; keepStorage: boolean }
  | { action: "move"; node: number; x: number; y: number }
  | { action: "move"; node: number }
  | { action: "push"; node: number; value: CborValue }
  | { action: "log"; node: number; topic: string; value: CborValue };

/** An action, and when it happened: simulated milliseconds since the start. */
export type LiveInput = LiveAction & { atMs: number };

export const ACTION_NAMES: readonly string[] = [
  "loss", "cut", "heal", "crash", "leave", "restart", "move", "push", "log",
];

type Params = Record<string, unknown>;

/** @throws ControlError that names the parameter and what it may be */
export function parseAction(params: Params): LiveAction {
  const { action } = params;
  switch (action) {
    case "loss":
      allow(params, "lossProbability");
      return { action, lossProbability: numberOf(params, "lossProbability", 0, LOSS_MAX) };
    case "cut":
    case "heal":
      return cutOf(action, params);
    case "crash":
    case "leave":
      allow(params, "node");
      return { action, node: nodeOf(params, "node") };
    case "restart": {
      allow(params, "node keepStorage");
      const { keepStorage = true } = params;
      if (typeof keepStorage !== "boolean") throw wrong("keepStorage", keepStorage, "neither true nor false");
      return { action, node: nodeOf(params, "node"), keepStorage };
    }
    case "move":
      return moveOf(params);
    case "push":
      allow(params, "node value");
      return { action, node: nodeOf(params, "node"), value: valueOf(params) };
    case "log": {
      allow(params, "node topic value");
      const { topic } = params;
      if (typeof topic !== "string" || topic === "" || topic.length > TOPIC_MAX) {
        throw wrong("topic", topic, `no text of 1 to ${TOPIC_MAX} characters`);
      }
      return { action, node: nodeOf(params, "node"), topic, value: valueOf(params) };
    }
    default:
      throw wrong("action", action, `none of ${ACTION_NAMES.join(", ")}`);
  }
}

/** Reads an input of a recording. @throws ControlError as `parseAction` */
export function parseInput(params: Params): LiveInput {
  const { atMs, ...action } = params;
  return { atMs: numberOf({ atMs }, "atMs", 0, Number.MAX_SAFE_INTEGER), ...parseAction(action) };
}

export function wrong(name: string, value: unknown, problem: string): ControlError {
  // It may be of a file, and be printed on a terminal.
  const given = value === undefined ? "nothing" : valueText(value);
  const shown = given.length > 80 ? `${given.slice(0, 80)}…` : given;
  return new ControlError(INVALID_PARAMS, `${name}: ${shown} is ${problem}`);
}

export function numberOf(params: Params, name: string, least: number, most: number, isInteger = false): number {
  const value = params[name];
  const kind = isInteger ? "integer" : "number";
  const isNumber = typeof value === "number" && value >= least && value <= most;
  if (isNumber && (!isInteger || Number.isInteger(value))) return value;
  throw wrong(name, value, `no ${kind} from ${least} to ${most}`);
}

/** @throws ControlError when there is a parameter whose name is not in the list */
export function allow(params: Params, names: string): void {
  const known = ["action", ...names.split(" ")];
  const extra = Object.keys(params).find((name) => !known.includes(name));
  if (extra === undefined) return;
  const takes = names === "" ? "no parameters" : known.slice(1).join(", ");
  throw new ControlError(INVALID_PARAMS, `${JSON.stringify(extra)}: ${String(params.action)} takes ${takes}`);
}

function cutOf(action: "cut" | "heal", params: Params): LiveAction {
  allow(params, "from to node");
  if (params.node !== undefined) {
    allow(params, "node");
    return { action, node: nodeOf(params, "node") };
  }
  if (action === "heal" && params.from === undefined && params.to === undefined) return { action };
  const [from, to] = [nodeOf(params, "from"), nodeOf(params, "to")];
  if (from === to) throw wrong("to", to, "the same node as from");
  return { action, from, to };
}

function moveOf(params: Params): LiveAction {
  allow(params, "node x y");
  const node = nodeOf(params, "node");
  if (params.x === undefined && params.y === undefined) return { action: "move", node };
  return { action: "move", node, x: numberOf(params, "x", 0, 1), y: numberOf(params, "y", 0, 1) };
}

function nodeOf(params: Params, name: string): number {
  return numberOf(params, name, 0, 0xffffffff, true);
}

function valueOf({ value }: Params): CborValue {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return undefined;
  if (text.length > VALUE_TEXT_MAX) throw wrong("value", value, `longer than ${VALUE_TEXT_MAX} characters`);
  return value as CborValue;
}
