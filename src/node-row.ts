import { parseEndpoint, show } from "./checks.js";
import { formatAddress } from "./engine/wire/address.js";
import { type CborValue, decodeCbor } from "./cbor/cbor.js";
import { FLAG_PROBED, OWN_SLOT, type Rows } from "./engine/table/rows.js";
import { DOWN, LEFT, PROBED, REMOVE, SUSPECT, UP } from "./engine/table/states.js";
import { failure, invalid } from "./errors.js";

/**
 * State of a node, as a row shows it:
 *
 * - `"up"`: it answers;
 * - `"probed"`: a probe of this node to it is not answered yet;
 * - `"suspect"`: it did not answer five probes, or a peer holds it as suspect or worse;
 * - `"down"`: it did not refute the suspicion in time;
 * - `"removed"`: a tombstone, after `removeAfterMs` as down or left;
 * - `"left"`: it was closed.
 */
export type NodeState = "up" | "probed" | "suspect" | "down" | "removed" | "left";

/** One node's row, a copy. */
export interface NodeRow<Value extends CborValue = CborValue> {
  /** uint32 that names the node. */
  id: number;
  /** Dotted IPv4 address; "0.0.0.0" for a node that does not know its own. */
  address: string;
  /** UDP port, 1 to 65,535. */
  port: number;
  /** Starts of the node before this one, a uint32. */
  revision: number;
  /** Uptime of the node in seconds when it made this statement, a uint32. */
  heartbeat: number;
  state: NodeState;
  /**
   * The value that the node shares; undefined when it shares none, or one that is longer than this node's
   * `valueBytesMax`. Where nodes have other limits than this one, it may be the value before until the new one arrives.
   */
  data: Value | undefined;
}

/**
 * The slot of a node's row; -1 when there is none. Of several rows with one address it is that of the one that is
 * nearest to being up, then that of the one with the highest id.
 *
 * @param method whose argument `node` is, for errors
 * @param node id, or address such as "192.168.0.54", which is at `port`, or "192.168.0.54:5001"
 * @throws RangeError or TypeError ERR_ARGUMENT when it is neither
 */
export function findSlot(method: string, rows: Rows, node: number | string, port: number): number {
  if (typeof node === "number") {
    if (node >>> 0 !== node) throw invalid(method, "id", `${node} is not an integer from 0 to 4294967295`, true);
    return rows.find(node);
  }
  const target: number[] = [];
  parseEndpoint(method, "address", node, port, target);
  let found = -1;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rows.address(slot) !== target[0] || rows.port(slot) !== target[1]) continue;
    const order = found < 0 ? -1 : rows.state(slot) - rows.state(found);
    if (order < 0 || (order === 0 && rows.id(slot) > rows.id(found))) found = slot;
  }
  return found;
}

/**
 * The slot of the row of a node that is down, left or removed, found as by `findSlot`.
 *
 * @throws as `findSlot`, and ERR_ARGUMENT when there is no such row; Error ERR_STATE when the node is in another state
 */
export function findGone(method: string, rows: Rows, node: number | string, port: number): number {
  const slot = findSlot(method, rows, node, port);
  if (slot < 0) throw invalid(method, "node", `no row has ${show(node)}`, true);
  if (slot === OWN_SLOT) throw failure("ERR_STATE", `${method}: ${show(node)} is this node itself`);
  if (rows.state(slot) >= DOWN) return slot;
  const state = shownState(rows, slot);
  throw failure("ERR_STATE", `${method}: node ${rows.id(slot)} is ${state}, neither down nor left`);
}

/** The state of a row as the application sees it. */
function shownState(rows: Rows, slot: number): NodeState {
  const state = rows.state(slot);
  return stateName(state === UP && rows.hasFlag(slot, FLAG_PROBED) ? PROBED : state);
}

/** The row in a slot. */
export function nodeRow<Value extends CborValue>(rows: Rows, slot: number): NodeRow<Value> {
  return {
    id: rows.id(slot),
    address: formatAddress(rows.address(slot)),
    port: rows.port(slot),
    revision: rows.revision(slot),
    heartbeat: rows.heartbeat(slot),
    state: shownState(rows, slot),
    data: rowData(rows, slot) as Value | undefined,
  };
}

/** The value that the node of a row shares. */
export function rowData(rows: Rows, slot: number): CborValue {
  const length = rows.valueLength(slot);
  if (length === 0) return undefined;
  const start = rows.valueStart(slot);
  const result = decodeCbor(rows.valueBytes(), start, start + length);
  return result.ok ? result.value : undefined;
}

/** The name of one of the engine's states. */
export function stateName(state: number): NodeState {
  switch (state) {
    case PROBED: return "probed";
    case SUSPECT: return "suspect";
    case DOWN: return "down";
    case REMOVE: return "removed";
    case LEFT: return "left";
    default: return "up";
  }
}
