import { NODE_NAME_BYTES_MAX } from "./cbor/named-value.js";
import { parseEndpoint, show } from "./checks.js";
import { hasName } from "./engine/named-rows.js";
import { OWN_SLOT, type Rows } from "./engine/table/rows.js";
import { DOWN } from "./engine/table/states.js";
import { failure, invalid } from "./errors.js";
import { encodeName, isNumeric } from "./node-name.js";
import { shownState } from "./node-row.js";

/**
 * The slot of the row that an argument of a method names; -1 when none is held. An
 * address may have passed from a device that is down to another, and two nodes may
 * have one name: of several rows this is the one that is nearest to being up, then
 * the one with the highest id.
 *
 * @param node id, a uint32; an address, which is at `port`, or address and port; or a name. A text of only digits,
 * dots and colons is an address
 * @throws RangeError or TypeError ERR_ARGUMENT when it is none of them
 */
export function findNode(rows: Rows, method: string, node: number | string, port: number): number {
  if (typeof node === "number") {
    if (node >>> 0 === node) return rows.find(node);
    throw invalid(method, "id", `${node} is not an integer from 0 to 4294967295`, true);
  }
  if (typeof node !== "string") {
    throw invalid(method, "node", `${show(node)} is not an id, an address or a name`, false);
  }
  if (isNumeric(node)) return findAddress(rows, method, node, port);
  const name = new Uint8Array(NODE_NAME_BYTES_MAX + 2);
  const nameEnds = encodeName(method, "name", node, name);
  return findName(rows, name, nameEnds);
}

/**
 * The slot of the row of a node that is down, left or removed, found as by `findNode`.
 *
 * @throws as `findNode`, and ERR_ARGUMENT when there is no such row; Error ERR_STATE when the node is in another state
 */
export function findGone(rows: Rows, method: string, node: number | string, port: number): number {
  const slot = findNode(rows, method, node, port);
  if (slot < 0) throw invalid(method, "node", `no row has ${show(node)}`, true);
  if (slot === OWN_SLOT) throw failure("ERR_STATE", `${method}: ${show(node)} is this node itself`);
  if (rows.state(slot) >= DOWN) return slot;
  const state = shownState(rows, slot);
  throw failure("ERR_STATE", `${method}: node ${rows.id(slot)} is ${state}, neither down nor left`);
}

function findAddress(rows: Rows, method: string, address: string, port: number): number {
  const target: number[] = [];
  parseEndpoint(method, "address", address, port, target);
  let found = -1;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rows.address(slot) === target[0] && rows.port(slot) === target[1]) found = better(rows, found, slot);
  }
  return found;
}

function findName(rows: Rows, name: Uint8Array, nameEnds: number): number {
  let found = -1;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (hasName(rows, slot, name, 0, nameEnds)) found = better(rows, found, slot);
  }
  return found;
}

/** Of two slots, the one nearer to being up, then the one with the higher id. @param found or -1 */
function better(rows: Rows, found: number, slot: number): number {
  const order = found < 0 ? -1 : rows.state(slot) - rows.state(found);
  return order < 0 || (order === 0 && rows.id(slot) > rows.id(found)) ? slot : found;
}
