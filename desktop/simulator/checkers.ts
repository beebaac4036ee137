import type { NodeRow } from "../../src/gossip.js";
import { differences, sameValue, show } from "./differences.js";
import type { SimNetwork } from "./network.js";
import type { SimNode } from "./node.js";

/** Something that is not as it should be, seen from outside the nodes. */
export interface Violation {
  /** The checker that says so. */
  check: string;
  /** The node that is wrong, by name. */
  node: string;
  detail: string;
}

/**
 * Every running node holds all running nodes as live, with their owner's current
 * revision, heartbeat and value, suspects none of them and holds nobody else as live.
 */
export function checkAgreement(network: SimNetwork): Violation[] {
  return checkRows(network, "agreement", true);
}

/**
 * Every running node holds all running nodes as live, with the values that they
 * share now, and nobody else. Unlike `checkAgreement` it lets a suspicion pass
 * that is not refuted yet, as there always is one somewhere under loss.
 */
export function checkValues(network: SimNetwork): Violation[] {
  return checkRows(network, "values", false);
}

function checkRows(network: SimNetwork, check: string, strict: boolean): Violation[] {
  const found = Array.from(differences(network, strict));
  return found.map(({ node, describe }) => ({ check, node: node.name, detail: describe() }));
}

/**
 * Who holds the newest statement of a running node holds its value too. Holds at
 * any time, faults or not, but not for a node whose storage was wiped before it
 * has heard of its former revision.
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
        ? `is held with heartbeat ${row.heartbeat}, which it has not reached`
        : row.heartbeat === owner.row.heartbeat && !sameValue(row.data, owner.row.data)
          ? `shares ${show(owner.row.data)}; held under the same heartbeat is ${show(row.data)}`
          : "";
      if (detail === "") continue;
      violations.push({ check: "statements", node: node.name, detail: `${owner.node.name} ${detail}` });
    }
  }
  return violations;
}

/** No datagram was longer than its sender may send. */
export function checkDatagramBytes(network: SimNetwork): Violation[] {
  return network.oversized.map(({ node, bytes }) => ({
    check: "datagramBytes", node: node.name, detail: `sent ${bytes} bytes; its limit is ${node.datagramBytesMax}`,
  }));
}

/** No node told its application of an error. */
export function checkErrors(network: SimNetwork): Violation[] {
  return network.nodes.flatMap((node) => node.errors.map(({ code, message }) => ({
    check: "errors", node: node.name, detail: `reported ${code}: ${message}`,
  })));
}

/** What nodes think the minimum and the maximum are; undefined when they know none. */
export interface MinMaxBelief {
  minimum: number | undefined;
  maximum: number | undefined;
}

/** The minimum and the maximum that each running node believes in are the true ones of the given values. */
export function checkMinMax(
  network: SimNetwork, believed: (node: SimNode) => MinMaxBelief, values: Iterable<number>,
): Violation[] {
  const truth = minMaxOf(values);
  return network.running.flatMap((node) => {
    const { minimum, maximum } = believed(node);
    if (minimum === truth.minimum && maximum === truth.maximum) return [];
    const detail = `believes in ${String(minimum)} to ${String(maximum)}; `
      + `the truth is ${String(truth.minimum)} to ${String(truth.maximum)}`;
    return [{ check: "minMax", node: node.name, detail }];
  });
}

/** The least and the greatest of some numbers; undefined when there are none. */
export function minMaxOf(values: Iterable<number>): MinMaxBelief {
  let minimum: number | undefined;
  let maximum: number | undefined;
  for (const value of values) {
    if (minimum === undefined || value < minimum) minimum = value;
    if (maximum === undefined || value > maximum) maximum = value;
  }
  return { minimum, maximum };
}

/** The row in which a running node speaks for itself. */
export function ownRow(node: SimNode): NodeRow {
  const row = node.gossip?.rows().find(({ id }) => id === node.id);
  if (row === undefined) throw new Error(`${node.name}: has no row of its own`);
  return row;
}
