import { formatAddress } from "./engine/wire/address.js";
import { type CborValue, decodeCbor } from "./cbor/cbor.js";
import { rowName, rowNameBytes, rowVersion } from "./engine/named-rows.js";
import { FLAG_PROBED, type Rows } from "./engine/table/rows.js";
import { DOWN, LEFT, PROBED, REMOVE, SUSPECT, UP } from "./engine/table/states.js";

/**
 * State of a node, as a row shows it:
 *
 * - `"up"`: it answers;
 * - `"asleep"`: it said that it sleeps, and is not back later than it said;
 * - `"probed"`: a probe of this node to it is not answered yet;
 * - `"suspect"`: it did not answer five probes, or a peer holds it as suspect or worse;
 * - `"down"`: it did not refute the suspicion in time;
 * - `"removed"`: a tombstone, after `removeAfterMs` as down or left;
 * - `"left"`: it was closed.
 */
export type NodeState = "up" | "asleep" | "probed" | "suspect" | "down" | "removed" | "left";

/** One node's row, a copy. */
export interface NodeRow<Value extends CborValue = CborValue> {
  /** uint32 that names the node. */
  id: number;
  /**
   * Name of the node, 1 to 24 bytes as UTF-8; missing when it has none, or when name and value together are longer
   * than this node's `valueBytesMax`. Nothing keeps two nodes from having one name: the id is the identity.
   */
  name?: string;
  /** Version of the node's program, 1 to 16 bytes as UTF-8; missing as `name`. */
  version?: string;
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

/** The state of a row as the application sees it. */
export function shownState(rows: Rows, slot: number): NodeState {
  const state = rows.state(slot);
  if (rows.isAsleep(slot)) return "asleep";
  return stateName(state === UP && rows.hasFlag(slot, FLAG_PROBED) ? PROBED : state);
}

/** The row in a slot. */
export function nodeRow<Value extends CborValue>(rows: Rows, slot: number): NodeRow<Value> {
  const row: NodeRow<Value> = {
    id: rows.id(slot),
    address: formatAddress(rows.address(slot)),
    port: rows.port(slot),
    revision: rows.revision(slot),
    heartbeat: rows.heartbeat(slot),
    state: shownState(rows, slot),
    data: rowData(rows, slot) as Value | undefined,
  };
  const name = rowName(rows, slot);
  // On XS a property takes 16 bytes.
  if (name !== undefined) row.name = name;
  const version = rowVersion(rows, slot);
  if (version !== undefined) row.version = version;
  return row;
}

/** All rows, in the order of their ids. */
export function allRows<Value extends CborValue>(rows: Rows): NodeRow<Value>[] {
  const all: NodeRow<Value>[] = [];
  for (let place = 0; place < rows.count; place++) {
    const row = nodeRow<Value>(rows, rows.slotAt(place));
    let low = 0;
    let high = place;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (all[middle].id < row.id) low = middle + 1;
      else high = middle;
    }
    all.splice(low, 0, row);
  }
  return all;
}

/** The value that the node of a row shares. */
export function rowData(rows: Rows, slot: number): CborValue {
  const length = rows.valueLength(slot);
  if (length === 0) return undefined;
  const start = rows.valueStart(slot);
  const result = decodeCbor(rows.valueBytes(), start + rowNameBytes(rows, slot), start + length);
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
