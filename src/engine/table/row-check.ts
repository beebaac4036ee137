import type { RowData } from "./row-data.js";
import { FLAG_FOREIGN, OWN_SLOT, type Rows } from "./rows.js";

/**
 * PROTOCOL 3.1: the octet that stands for address, port and revision in a row whose receiver mostly holds them. If one
 * octet of them changes, the check always does. If more change, one check in 256 stays, and mostly not that of the
 * next statement.
 */
export function rowCheck(address: number, port: number, revision: number, heartbeat: number): number {
  const factor = ((heartbeat << 1) | 1) & 0xff;
  let check = ((address >>> 24) * factor + (address >>> 16)) & 0xff;
  check = (check * factor + (address >>> 8)) & 0xff;
  check = (check * factor + address) & 0xff;
  check = (check * factor + (port >>> 8)) & 0xff;
  check = (check * factor + port) & 0xff;
  return (check * factor + revision) & 0xff;
}

/**
 * Completes a row that has a check from the row that is held. Returns false if that has another check, unless it has
 * the same heartbeat: then the two are one statement, of a node that is seen at several addresses.
 */
export function completeRow(rows: Rows, row: RowData): boolean {
  const slot = rows.find(row.id);
  if (slot < 0 || rows.hasFlag(slot, FLAG_FOREIGN)) return false;
  const address = rows.address(slot);
  const port = rows.port(slot);
  const revision = rows.revision(slot);
  // From its row in frames of others a node learns its own address.
  const isSame = rows.heartbeat(slot) === row.heartbeat && slot !== OWN_SLOT;
  if (!isSame && rowCheck(address, port, revision, row.heartbeat) !== (row.port & 0xff)) return false;
  row.address = address;
  row.port = port;
  row.revision = revision;
  return true;
}
