import { formatAddress } from "../../src/engine/wire/address.js";
import { rowName } from "../../src/engine/named-rows.js";
import { orderKey } from "../../src/engine/table/hash.js";
import { OWN_SLOT, type Rows } from "../../src/engine/table/rows.js";
import { DOWN, SUSPECT } from "../../src/engine/table/states.js";
import type { CborValue } from "../../src/gossip.js";
import { rowData, stateName } from "../../src/node-row.js";
import type { SimNetwork } from "./network.js";
import type { SimNode } from "./node.js";

/** A violation without its text: a network of thousands of nodes may have millions, but few are printed. */
export interface Difference {
  node: SimNode;
  describe: () => string;
}

/**
 * The violations of `checkAgreement`, when strict, or of `checkValues`. Reads the
 * engines' tables: n nodes hold n × n rows, too many to create an object for each.
 */
export function* differences(network: SimNetwork, strict: boolean): Generator<Difference, void, undefined> {
  const owners = new Map<number, Rows>();
  for (const node of network.running) owners.set(idOf(node), tableOf(node));
  const sleeping = new Set(network.nodes.filter((node) => node.sleeps).map(({ id }) => id));
  for (const part of network.runningParts) yield* differencesOf(part, owners, sleeping, strict);
}

/**
 * The same for the nodes of one part, compared with one another. What they hold of
 * nodes that run elsewhere, or that sleep, counts for nothing.
 */
function* differencesOf(
  part: readonly SimNode[], owners: ReadonlyMap<number, Rows>, sleeping: ReadonlySet<number>, strict: boolean,
): Generator<Difference, void, undefined> {
  const inOrder = part.map(tableOf).sort((a, b) => orderKey(a.id(OWN_SLOT)) - orderKey(b.id(OWN_SLOT)));
  for (const node of part) {
    const held = tableOf(node);
    if (holdsAll(held, inOrder, strict)) continue;
    for (const other of part) {
      const owner = owners.get(idOf(other)) as Rows;
      const slot = held.find(idOf(other));
      if (isAsOwned(held, slot, owner, strict)) continue;
      yield { node, describe: () => `${other.name} ${whatIsWrong(held, slot, owner, strict)}` };
    }
    for (let place = 0; place < held.count; place++) {
      const slot = held.slotAt(place);
      if (owners.has(held.id(slot)) || sleeping.has(held.id(slot)) || held.state(slot) >= DOWN) continue;
      yield {
        node,
        describe: () => `holds ${held.id(slot)} at ${formatAddress(held.address(slot))} as live, but it does not run`,
      };
    }
  }
}

/** Whether a table holds the owners' rows unchanged and no other live row. All are sorted by order key. */
function holdsAll(held: Rows, owners: readonly Rows[], strict: boolean): boolean {
  let next = 0;
  for (let place = 0; place < held.count; place++) {
    const slot = held.slotAt(place);
    if (next < owners.length && held.id(slot) === owners[next].id(OWN_SLOT)) {
      if (!isAsOwned(held, slot, owners[next++], strict)) return false;
    } else if (held.state(slot) < DOWN) {
      return false;
    }
  }
  return next === owners.length;
}

/** Whether a row agrees with its owner's own row. */
function isAsOwned(held: Rows, slot: number, owner: Rows, strict: boolean): boolean {
  if (slot < 0 || held.state(slot) >= (strict ? SUSPECT : DOWN)) return false;
  if (strict && !isStatementOf(held, slot, owner)) return false;
  if (sameBytes(held, slot, owner)) return true;
  const isNamed = rowName(held, slot) === rowName(owner, OWN_SLOT);
  return isNamed && sameValue(rowData(held, slot), rowData(owner, OWN_SLOT));
}

function isStatementOf(held: Rows, slot: number, owner: Rows): boolean {
  return held.revision(slot) === owner.revision(OWN_SLOT) && held.heartbeat(slot) === owner.heartbeat(OWN_SLOT);
}

function sameBytes(held: Rows, slot: number, owner: Rows): boolean {
  const length = owner.valueLength(OWN_SLOT);
  if (held.valueLength(slot) !== length) return false;
  const heldBytes = held.valueBytes();
  const heldStart = held.valueStart(slot);
  const ownBytes = owner.valueBytes();
  const ownStart = owner.valueStart(OWN_SLOT);
  for (let i = 0; i < length; i++) if (heldBytes[heldStart + i] !== ownBytes[ownStart + i]) return false;
  return true;
}

function whatIsWrong(held: Rows, slot: number, owner: Rows, strict: boolean): string {
  if (slot < 0) return "is not held";
  const state = held.state(slot);
  if (state >= (strict ? SUSPECT : DOWN)) return `is held as ${stateName(state)}`;
  if (strict && !isStatementOf(held, slot, owner)) {
    return `is at revision ${owner.revision(OWN_SLOT)}, heartbeat ${owner.heartbeat(OWN_SLOT)}; `
      + `it is held at ${held.revision(slot)}, ${held.heartbeat(slot)}`;
  }
  return `shares ${sharedText(owner, OWN_SLOT)}; it is held with ${sharedText(held, slot)}`;
}

function sharedText(rows: Rows, slot: number): string {
  const name = rowName(rows, slot);
  return `${show(rowData(rows, slot))}${name === undefined ? "" : ` as ${show(name)}`}`;
}

/** The id of a node's own row. In ESPGossip's dialect it is not the device's id. */
function idOf(node: SimNode): number {
  return tableOf(node).id(OWN_SLOT);
}

/** The value of a node's row as another holds it; undefined if it holds none, or not as live. */
export function heldValue(by: SimNode, of: SimNode): CborValue {
  const held = tableOf(by);
  const slot = held.find(idOf(of));
  return slot < 0 || held.state(slot) >= DOWN ? undefined : rowData(held, slot);
}

function tableOf(node: SimNode): Rows {
  if (node.gossip === undefined) throw new Error(`${node.name}: has no row of its own`);
  return node.gossip.engine.rows;
}

/** Whether an application sees two values as equal. */
export function sameValue(a: CborValue, b: CborValue): boolean {
  return a === b || show(a) === show(b);
}

/** A value as text. */
export function show(value: CborValue): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
