import { formatAddress } from "../engine/wire/address.js";
import { decodeCbor } from "../cbor/cbor.js";
import { jsonText } from "../cbor/json-text.js";
import { type Stats, countDrop } from "../engine/stats.js";
import { FLAG_VOUCHED, OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { DROP_BACKSLASH } from "../engine/wire/drops.js";
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
  private readonly wraps: boolean;
  private readonly stats: Stats;

  /**
   * @param isMarked whether a space follows the first brace: the mark of a node that also uses the compact dialect
   * @param wraps whether a plain value for which this node makes statements goes in a table
   * @param stats counts the rows with a backslash
   */
  constructor(isMarked: boolean, wraps: boolean, stats: Stats) {
    this.isMarked = isMarked;
    this.wraps = wraps;
    this.stats = stats;
  }

  /** Begins a datagram of at most `limit` bytes. */
  begin(out: Uint8Array, limit: number): void {
    this.bytes = out;
    this.limit = limit - TAIL_BYTES;
    this.position = utf8Write(this.isMarked ? "{ " : "{", out, 0);
  }

  /** Writes a row with `state` in place of its own. Writes nothing and returns false when the row does not fit. */
  writeRow(rows: Rows, slot: number, state: number, withData: boolean): boolean {
    const wraps = this.wraps && (slot === OWN_SLOT || rows.hasFlag(slot, FLAG_VOUCHED));
    const json = withData ? dataText(rows, slot, wraps) : "";
    const data = withoutBackslash(json);
    const text = `"${formatAddress(rows.id(slot))}":{"revision":${rows.revision(slot)},` +
      `"heartbeat":${rows.heartbeat(slot)},"state":${state}${data}},`;
    if (this.position + utf8Length(text) > this.limit) return false;
    this.position = utf8Write(text, this.bytes, this.position);
    if (data !== json) countDrop(this.stats.words, DROP_BACKSLASH);
    return true;
  }

  /** Ends the datagram and returns its length. */
  end(type: number): number {
    return utf8Write(type === TYPE_SYN ? '"type":"SYN"}' : '"type":"ACK"}', this.bytes, this.position);
  }
}

/** The row's value as its last member, as `jsonText` writes it. */
function dataText(rows: Rows, slot: number, wraps: boolean): string {
  const length = rows.valueLength(slot);
  if (length === 0) return "";
  const start = rows.valueStart(slot);
  const result = decodeCbor(rows.valueBytes(), start, start + length);
  const text = result.ok ? jsonText(result.value) : undefined;
  if (text === undefined) return "";
  return wraps && text[0] !== "{" && text[0] !== "[" ? `,"data":{"value":${text}}` : `,"data":${text}`;
}

/**
 * JSON with a slash for each backslash in its texts. Boards write a backslash as it
 * is, so that the state of each board that repeats the row would no longer be JSON.
 */
function withoutBackslash(json: string): string {
  let text = "";
  let done = 0;
  for (let at = json.indexOf("\\", 0); at >= 0; at = json.indexOf("\\", at)) {
    // Of an escape, the second character tells which one it is.
    if (json[at + 1] === "\\") {
      text += `${json.substring(done, at)}/`;
      done = at + 2;
    }
    at += 2;
  }
  return done === 0 ? json : text + json.substring(done);
}
