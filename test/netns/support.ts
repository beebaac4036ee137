import assert from "node:assert/strict";
import type { NodeRow } from "../../src/gossip.js";
import type { NodeEvent, NodeProcess } from "../desktop/cli/node-process.js";
import { canMakeHosts } from "./hosts.js";

/** For `before`: skips the tests where there can be no namespaces; in CI it fails. */
export function requireHosts(context: Mocha.Context): void {
  if (canMakeHosts()) return;
  const problem = "network namespaces need Linux, root, and `ip` of iproute2";
  if (process.env.CI === "true") assert.fail(problem);
  process.stderr.write(`skipped: ${problem}\n`);
  context.skip();
}

/** What a node printed of one kind. */
export function eventsOf<Kind extends NodeEvent["event"]>(
  node: NodeProcess, kind: Kind,
): Extract<NodeEvent, { event: Kind }>[] {
  return node.events.filter((event): event is Extract<NodeEvent, { event: Kind }> => event.event === kind);
}

export function errorsOf(node: NodeProcess): string[] {
  return node.events.flatMap((event) => event.event === "error" ? [`${event.code}: ${event.message}`] : []);
}

/** All that a node told of the node with an id. */
export function toldOf(node: NodeProcess, id: number): NodeRow[] {
  return node.events.flatMap((event) => (
    (event.event === "row" || event.event === "state") && event.id === id ? [event] : []
  ));
}

/** The last that a node told of the node with an id. */
export function rowOf(node: NodeProcess, id: number): NodeRow | undefined {
  return toldOf(node, id).at(-1);
}
