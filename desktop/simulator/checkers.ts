import type { NodeRow } from "../../src/gossip.js";
import { differences, sameValue, show } from "./differences.js";
import type { SimNetwork } from "./network.js";
import type { SimNode } from "./node.js";

/** A broken rule, seen from outside the nodes. */
export interface Violation {
  /** The name of the check, such as "agreement". */
  check: string;
  /** The name of the node that breaks the rule. */
  node: string;
  /** What is wrong, as text that follows the node's name. */
  detail: string;
}

/**
 * Checks that every running node holds all running nodes as live, with their
 * current revision, heartbeat and value. No running node is suspected, and no
 * other node is held as live. With `network.topology`, a node is compared with
 * those to which it has a path.
 */
export function checkAgreement(network: SimNetwork): Violation[] {
  return checkRows(network, "agreement", true);
}

/**
 * Checks that every running node holds all running nodes as live, with the
 * values that they share now, and no other node. Unlike `checkAgreement` it
 * accepts suspicions, because under loss some suspicion is always unrefuted.
 * With `network.topology`, a node is compared as `checkAgreement` does.
 */
export function checkValues(network: SimNetwork): Violation[] {
  return checkRows(network, "values", false);
}

function checkRows(network: SimNetwork, check: string, strict: boolean): Violation[] {
  const found = Array.from(differences(network, strict));
  return found.map(({ node, describe }) => ({ check, node: node.name, detail: describe() }));
}

/**
 * Checks that a row with a running node's current revision and heartbeat also
 * has its value. This is true at any time, even during faults. The exception is
 * a node with wiped storage that has not yet learned its former revision.
 */
export function checkStatements(network: SimNetwork, nodes: readonly SimNode[] = network.running): Violation[] {
  const owners = new Map<number, { node: SimNode; row: NodeRow }>();
  for (const node of nodes) if (node.isRunning) owners.set(node.id, { node, row: ownRow(node) });
  const violations: Violation[] = [];
  for (const node of network.running) {
    for (const row of node.gossip?.rows() ?? []) {
      const owner = owners.get(row.id);
      if (owner === undefined || row.revision !== owner.row.revision) continue;
      const detail = row.heartbeat > owner.row.heartbeat
        ? `is held with heartbeat ${row.heartbeat}, but it is at ${owner.row.heartbeat}`
        : row.heartbeat === owner.row.heartbeat && !sameValue(row.data, owner.row.data)
          ? `shares ${show(owner.row.data)}; held under the same heartbeat is ${show(row.data)}`
          : "";
      if (detail === "") continue;
      violations.push({ check: "statements", node: node.name, detail: `${owner.node.name} ${detail}` });
    }
  }
  return violations;
}

/** Checks that no datagram was longer than its sender may send. */
export function checkDatagramBytes(network: SimNetwork): Violation[] {
  return network.oversized.map(({ node, bytes }) => ({
    check: "datagramBytes", node: node.name, detail: `sent ${bytes} bytes; its limit is ${node.datagramBytesMax}`,
  }));
}

/**
 * Checks that no node reported an error to its application. In a topology a node is alone while the few nodes that it
 * reaches are off or cut off.
 */
export function checkErrors(network: SimNetwork): Violation[] {
  const isWrong = ({ code }: { code: string }): boolean => code !== "alone" || network.topology === undefined;
  return network.nodes.flatMap((node) => node.errors.filter(isWrong).map(({ code, message }) => ({
    check: "errors", node: node.name, detail: `reported ${code}: ${message}`,
  })));
}

/** The minimum and the maximum that a node computed; undefined when it has no value. */
export interface MinMaxBelief {
  minimum: number | undefined;
  maximum: number | undefined;
}

/**
 * Checks that each running node computed the true minimum and maximum of the given values.
 *
 * @param nodes that are checked; all that run by default
 */
export function checkMinMax(
  network: SimNetwork, believed: (node: SimNode) => MinMaxBelief, values: Iterable<number>,
  nodes: readonly SimNode[] = network.running,
): Violation[] {
  const truth = minMaxOf(values);
  return nodes.flatMap((node) => {
    const { minimum, maximum } = believed(node);
    if (minimum === truth.minimum && maximum === truth.maximum) return [];
    const detail = `computed ${String(minimum)} to ${String(maximum)}; `
      + `true are ${String(truth.minimum)} to ${String(truth.maximum)}`;
    return [{ check: "minMax", node: node.name, detail }];
  });
}

/** The minimum and the maximum of some numbers; undefined when there are none. */
export function minMaxOf(values: Iterable<number>): MinMaxBelief {
  let minimum: number | undefined;
  let maximum: number | undefined;
  for (const value of values) {
    if (minimum === undefined || value < minimum) minimum = value;
    if (maximum === undefined || value > maximum) maximum = value;
  }
  return { minimum, maximum };
}

/**
 * The row that a running node holds of itself.
 *
 * @throws Error when the node does not run
 */
export function ownRow(node: SimNode): NodeRow {
  const row = node.gossip?.rows().find(({ id }) => id === node.id);
  if (row === undefined) throw new Error(`${node.name}: has no row of its own`);
  return row;
}
