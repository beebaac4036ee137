import { jsonText } from "../cbor/json-text.js";
import type { CborValue } from "../cbor/cbor.js";
import { DOWN, LEFT, PROBED, REMOVE, SUSPECT, UP } from "../engine/table/states.js";
import type { NodeRow, NodeState } from "../node-row.js";

/** A row in the shape of ESPGossip's network state, with the id added. */
export interface NetworkStateRow {
  /** Starts of the node before this one, a uint32. */
  revision: number;
  /** Uptime of the node in seconds when it made this statement, a uint32. */
  heartbeat: number;
  /** ESPGossip's number: 0 up, 1 probed, 2 suspect, 3 down, 4 removed; 5 left, which ESPGossip does not have. */
  state: number;
  /** The value that the node shares; missing when it shares none. */
  data?: CborValue;
  /** uint32 that names the node. */
  id: number;
}

/** A `Gossip`. */
export interface RowHolder {
  readonly id: number;
  rows(): NodeRow[];
}

/**
 * All rows of a node by address, as ESPGossip's `networkState`. Where the port
 * of a row is not the node's own, its name is address and port. Of several rows
 * with one name the one in the lowest state is there, then the one with the
 * highest id: an address may have passed from a device that is down to another.
 */
export function networkState(gossip: RowHolder): Record<string, NetworkStateRow> {
  const rows = gossip.rows();
  const port = portOf(rows, gossip.id);
  const state: Record<string, NetworkStateRow> = {};
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const name = row.port === port ? row.address : `${row.address}:${row.port}`;
    const number = stateNumber(row.state);
    if (state[name] !== undefined && state[name].state < number) continue;
    const entry: NetworkStateRow = {
      revision: row.revision, heartbeat: row.heartbeat, state: number, id: row.id,
    };
    if (row.data !== undefined) entry.data = row.data;
    state[name] = entry;
  }
  return state;
}

/** `networkState` as JSON; bytes in it are hexadecimal text. */
export function networkStateJson(gossip: RowHolder): string {
  return jsonText(networkState(gossip)) as string;
}

function portOf(rows: NodeRow[], id: number): number {
  for (let i = 0; i < rows.length; i++) if (rows[i].id === id) return rows[i].port;
  return 0;
}

function stateNumber(state: NodeState): number {
  switch (state) {
    case "up":
    case "asleep": return UP;
    case "probed": return PROBED;
    case "suspect": return SUSPECT;
    case "down": return DOWN;
    case "removed": return REMOVE;
    case "left": return LEFT;
  }
}
