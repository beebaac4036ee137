import { isSameName, nameEnd, nameTextEnd, nameTextStart, valueBytesOf } from "../cbor/named-value.js";
import { utf8Read } from "../cbor/utf8.js";
import type { Rows } from "./table/rows.js";

/*
 * Rows hold the label (name and version) and the value together, as they are on the
 * wire (PROTOCOL 4.6). These functions tell them apart.
 */

/** The name of the node of a row; undefined when it has none, or none that is held. */
export function rowName(rows: Rows, slot: number): string | undefined {
  return labelPart(rows, slot, true);
}

/** The version of the node of a row; undefined when it has none, or none that is held. */
export function rowVersion(rows: Rows, slot: number): string | undefined {
  return labelPart(rows, slot, false);
}

/** Name or version; neither is ever empty. */
function labelPart(rows: Rows, slot: number, isName: boolean): string | undefined {
  const bytes = rows.valueBytes();
  const labelStart = rows.valueStart(slot);
  const end = labelStart + rowNameBytes(rows, slot);
  if (end === labelStart) return undefined;
  const start = nameTextStart(bytes, labelStart);
  const nameEnds = nameTextEnd(bytes, start, end);
  if (isName) return nameEnds === start ? undefined : utf8Read(bytes, start, nameEnds);
  return nameEnds === end ? undefined : utf8Read(bytes, nameEnds + 1, end);
}

/** Bytes of the encoded label (name and version) of a row; 0 for none. The value follows. */
export function rowNameBytes(rows: Rows, slot: number): number {
  const start = rows.valueStart(slot);
  return nameEnd(rows.valueBytes(), start, start + rows.valueLength(slot)) - start;
}

/** Bytes of the value alone, behind the label; 0 when the node shares none, or none that is held. */
export function rowValueBytes(rows: Rows, slot: number): number {
  const start = rows.valueStart(slot);
  const nameBytes = rowNameBytes(rows, slot);
  return valueBytesOf(rows.valueBytes(), start, start + nameBytes, start + rows.valueLength(slot));
}

/** Whether two rows have names, and equal ones. */
export function haveSameName(rows: Rows, slot: number, other: number): boolean {
  const start = rows.valueStart(other);
  return hasName(rows, slot, rows.valueBytes(), start, start + rowNameBytes(rows, other));
}

/** Whether a row has the name of the encoded label that is in `name` from `from` to `to`, exclusive. */
export function hasName(rows: Rows, slot: number, name: Uint8Array, from: number, to: number): boolean {
  const start = rows.valueStart(slot);
  return isSameName(rows.valueBytes(), start, start + rows.valueLength(slot), name, from, to);
}
