import { failure } from "../../src/errors.js";
import type { ChismeError, CborValue } from "../../src/gossip.js";
import type { ChangeFeed } from "./changes.js";
import { plainEvent } from "./json.js";
import type { NodeActions } from "./node-actions.js";
import type { NodeRekeying } from "./node-rekeying.js";
import type { NodeSigning } from "./node-signing.js";
import type { NodeQueries } from "./node-queries.js";
import {
  ControlError, INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, PROTOCOL_VERSION, REFUSED,
} from "./protocol.js";

/** A running node, for those outside who look at it or change it. */
export interface ControlledNode {
  queries: NodeQueries;
  actions: NodeActions;
  changes: ChangeFeed;
  /** undefined: the node does not sign. */
  signing?: NodeSigning | undefined;
  /** undefined: nobody changes the network's key. */
  rekeying?: NodeRekeying | undefined;
}

type Params = Record<string, unknown>;

export interface Method {
  /** Names of the parameters that a call must have. */
  needs: readonly string[];
  /** Names of those that it may have. */
  allows: readonly string[];
  /** Whether it changes the node or the network. */
  changes: boolean;
  run: (node: ControlledNode, params: Params) => unknown;
}

// What a parameter may be is checked by `Gossip`, whose errors name it.
const METHODS: Record<string, Method> = {
  info: query([], [], ({ queries }) => {
    const { id, name, address, port } = queries.status().node;
    return { protocol: PROTOCOL_VERSION, pid: process.pid, id, ...name !== undefined && { name }, address, port };
  }),
  members: query([], [], ({ queries }) => ({ members: queries.members() })),
  status: query([], [], ({ queries }) => queries.status()),
  stats: query([], [], ({ queries }) => queries.stats()),
  get: query(["topic", "key"], [], ({ queries }, { topic, key }) => {
    const [of, at] = [text("get", "topic", topic), text("get", "key", key)];
    if (of.startsWith("+")) return { contributions: queries.contributions(of, at) };
    const value = queries.get(of, at);
    return value === undefined ? {} : { value };
  }),
  events: query([], ["topic", "limit"], ({ queries }, params) => ({ events: queries.events(params).map(plainEvent) })),
  signing: query([], ["author"], (node, { author }) => signingOf("signing", node).state(author as number | undefined)),
  keys: query([], [], (node) => rekeyingOf("keys", node).state()),
  push: action(["value"], [], ({ actions }, { value }) => actions.push(value as CborValue)),
  withdraw: action([], ["topic", "key"], ({ actions }, { topic, key }) =>
    actions.withdraw(topic as string | undefined, key as string | undefined)),
  log: action(["topic", "value"], [], ({ actions }, { topic, value }) =>
    actions.log(topic as string, value as CborValue)),
  set: action(["topic", "key", "value"], ["ttlMs"], ({ actions }, { topic, key, value, ttlMs }) =>
    actions.set(topic as string, key as string, value as CborValue,
      ttlMs === undefined ? undefined : { ttlMs: ttlMs as number })),
  remove: action(["topic", "key"], [], ({ actions }, { topic, key }) => actions.remove(topic as string, key as string)),
  forget: action(["node"], [], ({ actions }, { node }) => actions.forget(node as number | string)),
  send: action(["to", "topic", "value"], [], async ({ actions }, { to, topic, value }) =>
    ({ outcome: await actions.send(to as number | string, topic as string, value as CborValue) })),
  broadcast: action(["topic", "value"], [], ({ actions }, { topic, value }) =>
    ({ nodes: actions.broadcast(topic as string, value as CborValue) })),
  admit: action(["admission"], [], (node, { admission }) => signingOf("admit", node).admit(admission)),
  rekey: action(["statements"], [], (node, { statements }) => rekeyingOf("rekey", node).publish(statements)),
  // The answer must be on its way before the node closes its socket.
  leave: action([], [], ({ actions }) => void setImmediate(() => actions.leave())),
};

/**
 * Runs a method of the node.
 *
 * @throws ControlError
 */
export async function callMethod(node: ControlledNode, name: string, params: Params): Promise<unknown> {
  const method = methodOf(name);
  checkParams(name, method, params);
  try {
    const result = await method.run(node, params) ?? {};
    if (method.changes) node.changes.notify("input", { method: name, params });
    return result;
  } catch (error) {
    throw asControlError(error);
  }
}

function methodOf(name: string): Method {
  if (Object.hasOwn(METHODS, name)) return METHODS[name];
  throw new ControlError(METHOD_NOT_FOUND, `method: ${JSON.stringify(name)} is none of ${
    ["follow", ...Object.keys(METHODS)].join(", ")}`);
}

/** @throws ControlError that names a parameter that is missing, or one too much */
export function checkParams(name: string, { needs, allows }: Pick<Method, "needs" | "allows">, params: Params): void {
  const missing = needs.find((one) => params[one] === undefined);
  if (missing !== undefined) throw new ControlError(INVALID_PARAMS, `${name}: ${missing}: is missing`);
  const extra = Object.keys(params).find((one) => !needs.includes(one) && !allows.includes(one));
  if (extra === undefined) return;
  const known = [...needs, ...allows];
  const what = known.length === 0 ? "takes no parameters" : `takes ${known.join(", ")}`;
  throw new ControlError(INVALID_PARAMS, `${name}: ${JSON.stringify(extra)}: ${name} ${what}`);
}

/** What anything that was thrown is in an answer. */
export function asControlError(thrown: unknown): ControlError {
  if (thrown instanceof ControlError) return thrown;
  const { code, message } = thrown as ChismeError;
  if (typeof code !== "string" || !code.startsWith("ERR_")) return new ControlError(INTERNAL_ERROR, message);
  return new ControlError(code === "ERR_ARGUMENT" ? INVALID_PARAMS : REFUSED, message, { code });
}

/** @throws Error ERR_STATE when the node does not sign */
function signingOf(method: string, { signing }: ControlledNode): NodeSigning {
  if (signing === undefined) throw failure("ERR_STATE", `${method}: the node does not sign (--signed)`);
  return signing;
}

/** @throws Error ERR_STATE when nobody changes the key of the node's network */
function rekeyingOf(method: string, { rekeying }: ControlledNode): NodeRekeying {
  if (rekeying !== undefined) return rekeying;
  throw failure("ERR_STATE", `${method}: the node needs an owner (--signed --owner) and a key (--key-file)`);
}

function text(method: string, name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new ControlError(INVALID_PARAMS, `${method}: ${name}: ${JSON.stringify(value)} is not text`);
}

function query(needs: string[], allows: string[], run: Method["run"]): Method {
  return { needs, allows, changes: false, run };
}

function action(needs: string[], allows: string[], run: Method["run"]): Method {
  return { needs, allows, changes: true, run };
}
