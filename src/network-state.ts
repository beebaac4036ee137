import { formatAddress } from "./engine/wire/address.js";
import { type CborValue, decodeCbor } from "./cbor/cbor.js";
import { FLAG_PROBED, type Rows } from "./engine/table/rows.js";
import { PROBED, UP } from "./engine/table/states.js";
import type { NodeRow } from "./options.js";

/** A row in the shape of ESPGossip's network state, with the id added. */
export interface NetworkStateRow {
  revision: number;
  heartbeat: number;
  state: number;
  data?: CborValue;
  id: number;
}

/** The row in a slot as the application sees it. */
export function nodeRow(rows: Rows, slot: number): NodeRow {
  const state = rows.state(slot);
  return {
    id: rows.id(slot),
    address: formatAddress(rows.address(slot)),
    port: rows.port(slot),
    revision: rows.revision(slot),
    heartbeat: rows.heartbeat(slot),
    state: state === UP && rows.hasFlag(slot, FLAG_PROBED) ? PROBED : state,
    data: rowData(rows, slot),
  };
}

/** What the node of a row shares. */
export function rowData(rows: Rows, slot: number): CborValue {
  const length = rows.valueLength(slot);
  if (length === 0) return undefined;
  const start = rows.valueStart(slot);
  const result = decodeCbor(rows.valueBytes(), start, start + length);
  return result.ok ? result.value : undefined;
}

/** Rows by address; by address and port where that is not `port`. */
export function networkState(rows: NodeRow[], port: number): Record<string, NetworkStateRow> {
  const state: Record<string, NetworkStateRow> = {};
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const key = row.port === port ? row.address : `${row.address}:${row.port}`;
    // An address may have passed from a device that is DOWN to another.
    if (state[key] !== undefined && state[key].state < row.state) continue;
    const entry: NetworkStateRow = {
      revision: row.revision, heartbeat: row.heartbeat, state: row.state, id: row.id,
    };
    if (row.data !== undefined) entry.data = row.data;
    state[key] = entry;
  }
  return state;
}
