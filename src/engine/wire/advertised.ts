import type { RowData } from "../table/row-data.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { isHost } from "./address.js";
import { FLAG_ADVERTISED, SECTION_ROWS } from "./frame.js";
import type { FrameReader } from "./frame-reader.js";

/**
 * PROTOCOL 3.5: puts the address of a frame's sender into `row`: that of the
 * datagram, unless the sender advertises another one. Then it is the one in its own
 * row in the frame, otherwise the one in its row that is held. The frame was parsed.
 */
export function locateSender(frame: FrameReader, rows: Rows, row: RowData, address: number, port: number): void {
  // A frame of the node's own, or from where none can come, is not located, so that it is refused for what it is.
  const isAdvertised = (frame.flags & FLAG_ADVERTISED) !== 0 && frame.id !== rows.id(OWN_SLOT);
  if (isAdvertised && isHost(address) && port !== 0) {
    if (readOwnAddress(frame, row)) return;
    const slot = rows.find(frame.id);
    if (slot >= 0) {
      row.address = rows.address(slot);
      row.port = rows.port(slot);
      return;
    }
  }
  row.address = address;
  row.port = port;
}

/** Reads the sender's own row. Returns whether the frame has it with an address. */
function readOwnAddress(frame: FrameReader, row: RowData): boolean {
  frame.rewind();
  while (frame.nextSection()) {
    if (frame.section !== SECTION_ROWS) continue;
    while (frame.more()) {
      frame.readRow(row);
      if (row.id === frame.id) return row.address !== 0;
    }
  }
  return false;
}
