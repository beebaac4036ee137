import { formatAddress } from "../engine/wire/address.js";
import { decodeCbor } from "../cbor/cbor.js";
import { jsonText } from "../cbor/json-text.js";
import type { Rows } from "../engine/table/rows.js";
import { utf8Length, utf8Write } from "../cbor/utf8.js";
import { TYPE_SYN } from "./state-reader.js";

/** Bytes of `"type":"SYN"}`. */
const TAIL_BYTES = 13;

/** Writes a datagram of ESPGossip into a caller's buffer: row by row, then the type. */
export class StateWriter {
  private bytes!: Uint8Array;
  private position = 0;
  private limit = 0;
  private readonly isMarked: boolean;

  /** @param isMarked whether a space follows the first brace: the mark of a node that also uses the compact dialect */
  constructor(isMarked: boolean) {
    this.isMarked = isMarked;
  }

  /** Begins a datagram of at most `limit` bytes. */
  begin(out: Uint8Array, limit: number): void {
    this.bytes = out;
    this.limit = limit - TAIL_BYTES;
    this.position = utf8Write(this.isMarked ? "{ " : "{", out, 0);
  }

  /** Writes a row with `state` in place of its own. Writes nothing and returns false when the row does not fit. */
  writeRow(rows: Rows, slot: number, state: number, withData: boolean): boolean {
    const data = withData ? dataText(rows, slot) : "";
    const text = `"${formatAddress(rows.id(slot))}":{"revision":${rows.revision(slot)},` +
      `"heartbeat":${rows.heartbeat(slot)},"state":${state}${data}},`;
    if (this.position + utf8Length(text) > this.limit) return false;
    this.position = utf8Write(text, this.bytes, this.position);
    return true;
  }

  /** Ends the datagram and returns its length. */
  end(type: number): number {
    return utf8Write(type === TYPE_SYN ? '"type":"SYN"}' : '"type":"ACK"}', this.bytes, this.position);
  }
}

/** The row's value as its last member, as `jsonText` writes it. */
function dataText(rows: Rows, slot: number): string {
  const length = rows.valueLength(slot);
  if (length === 0) return "";
  const start = rows.valueStart(slot);
  const result = decodeCbor(rows.valueBytes(), start, start + length);
  const text = result.ok ? jsonText(result.value) : undefined;
  return text === undefined ? "" : `,"data":${text}`;
}
