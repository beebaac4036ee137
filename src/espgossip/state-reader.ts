import { parseAddress } from "../engine/wire/address.js";
import { CBOR_TOO_LARGE, CBOR_UNSUPPORTED, encodeCbor } from "../cbor/cbor.js";
import {
  DROP_LENGTH, DROP_MAGIC, DROP_NONE, DROP_SECTION, DROP_TYPE, DROP_VALUE, DROP_VALUE_TOO_LARGE,
} from "../engine/wire/drops.js";
import type { RowData } from "../engine/table/rows.js";
import { REMOVE } from "../engine/table/states.js";
import {
  BRACE_CLOSE, BRACE_OPEN, COMMA, QUOTE, SPACE, isGoodText, isText, readNumber, skipName, skipSpace, skipString,
  skipValue, valueText,
} from "./json-scan.js";

/** Longest datagram that is read: what Ethernet carries without fragments. */
export const JSON_BYTES_MAX = 1472;
/** Most members of a datagram or a row: more than 1,472 bytes of well-formed members can hold. */
const MEMBERS_MAX = 128;

export const TYPE_SYN = 1;
export const TYPE_ACK = 2;

// What `nextRow` returns.
export const ROW_NONE = 0;
export const ROW_GOOD = 1;
/** The row has no revision, heartbeat or state: such a row is never fresher than another. */
export const ROW_INCOMPLETE = 2;
/** The name is no address of a host, the member is no object, or a number is out of range. */
export const ROW_BAD = 3;

const UINT32_MAX = 0xffffffff;
/** The row does not have this number. */
const MISSING = -1;
/** The number is out of range. */
const BAD = -2;

/**
 * Reads a datagram of ESPGossip: `{"type":"SYN","192.168.0.53":{…},…}`. `parse`
 * checks the whole datagram, so that later reads cannot fail. Only `readData`
 * builds values, one at a time.
 */
export class StateReader {
  /** Type of the last datagram; 0 when it was refused. */
  type = 0;
  /** Whether the datagram has the mark of a node that also uses the compact dialect: a space after the first brace. */
  isMarked = false;
  private bytes!: Uint8Array;
  private length = 0;
  private position = 0;
  private dataStart = 0;
  private dataEnd = 0;
  private readonly refuseNegative: boolean;

  /** @param refuseNegative whether rows with a negative number are bad; if not, the number is read as 0 */
  constructor(refuseNegative: boolean) {
    this.refuseNegative = refuseNegative;
  }

  /** Checks a whole datagram. Returns a drop reason, DROP_NONE when the datagram is good. */
  parse(bytes: Uint8Array, length: number): number {
    this.bytes = bytes;
    this.length = length;
    this.type = 0;
    const start = skipSpace(bytes, 0, length);
    if (start === length || bytes[start] !== BRACE_OPEN) return DROP_MAGIC;
    if (length > JSON_BYTES_MAX) return DROP_LENGTH;
    this.isMarked = bytes[start + 1] === SPACE;
    const end = this.scan(start + 1);
    if (end < 0 || skipSpace(bytes, end, length) !== length) {
      this.type = 0;
      return DROP_SECTION;
    }
    return this.type === 0 ? DROP_TYPE : DROP_NONE;
  }

  /** Goes back to before the first row. */
  rewind(): void {
    this.position = skipSpace(this.bytes, 0, this.length) + 1;
  }

  /** Advances to the next row and reads it without its data. Returns one of the ROW_ codes. */
  nextRow(row: RowData): number {
    const bytes = this.bytes;
    for (;;) {
      const name = this.nextMember();
      if (name < 0) return ROW_NONE;
      const nameEnd = skipString(bytes, name, this.length);
      const value = skipName(bytes, name, this.length);
      this.position = skipValue(bytes, value, this.length, 1);
      if (isText(bytes, name + 1, nameEnd - 1, "type")) continue;
      const address = addressOf(bytes, name + 1, nameEnd - 1);
      if (address <= 0 || address === UINT32_MAX || bytes[value] !== BRACE_OPEN) return ROW_BAD;
      row.id = address;
      row.address = address;
      return this.readRow(row, value + 1);
    }
  }

  /**
   * Writes the data of the row that was read last into `out`, as CBOR, and sets the
   * row's value. Returns a drop reason, DROP_NONE when the data are good and fit.
   */
  readData(row: RowData, out: Uint8Array): number {
    row.valueStart = 0;
    row.valueLength = 0;
    if (this.dataStart === 0) return DROP_NONE;
    if (!isGoodText(this.bytes, this.dataStart, this.dataEnd)) return DROP_VALUE;
    const length = this.encodeData(out);
    if (length === CBOR_TOO_LARGE) return DROP_VALUE_TOO_LARGE;
    if (length < 0) return DROP_VALUE;
    row.valueLength = length;
    return DROP_NONE;
  }

  /** The scanned bytes are JSON. If a JavaScript engine disagrees, the row is refused. */
  private encodeData(out: Uint8Array): number {
    try {
      return encodeCbor(JSON.parse(valueText(this.bytes, this.dataStart, this.dataEnd)), out, 0);
    } catch {
      return CBOR_UNSUPPORTED;
    }
  }

  /** Skips all members and finds the type. Returns where the object ends, or -1. */
  private scan(start: number): number {
    const bytes = this.bytes;
    const end = this.length;
    let at = skipSpace(bytes, start, end);
    if (at < end && bytes[at] === BRACE_CLOSE) return at + 1;
    for (let members = 0; members < MEMBERS_MAX; members++) {
      const name = at;
      const value = skipName(bytes, name, end);
      if (value < 0) return -1;
      at = skipValue(bytes, value, end, 1);
      if (at < 0) return -1;
      if (isText(bytes, name, name + 6, '"type"')) this.type = typeOf(bytes, value, at);
      at = skipSpace(bytes, at, end);
      if (at >= end) return -1;
      if (bytes[at] === BRACE_CLOSE) return at + 1;
      if (bytes[at] !== COMMA) return -1;
      at = skipSpace(bytes, at + 1, end);
    }
    return -1;
  }

  /** The position of the next member's name, or -1. */
  private nextMember(): number {
    let at = skipSpace(this.bytes, this.position, this.length);
    if (this.bytes[at] === COMMA) at = skipSpace(this.bytes, at + 1, this.length);
    return this.bytes[at] === QUOTE ? at : -1;
  }

  private readRow(row: RowData, start: number): number {
    const bytes = this.bytes;
    let revision = MISSING;
    let heartbeat = MISSING;
    let state = MISSING;
    let at = skipSpace(bytes, start, this.length);
    this.dataStart = 0;
    while (bytes[at] === QUOTE) {
      const nameEnd = skipString(bytes, at, this.length) - 1;
      const value = skipName(bytes, at, this.length);
      const end = skipValue(bytes, value, this.length, 2);
      if (isText(bytes, at + 1, nameEnd, "revision")) revision = this.uint32(value, end);
      else if (isText(bytes, at + 1, nameEnd, "heartbeat")) heartbeat = this.uint32(value, end);
      else if (isText(bytes, at + 1, nameEnd, "state")) state = this.uint32(value, end);
      else if (isText(bytes, at + 1, nameEnd, "data")) {
        this.dataStart = value;
        this.dataEnd = end;
      }
      at = skipSpace(bytes, end, this.length);
      if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1, this.length);
    }
    if (revision === BAD || heartbeat === BAD || state === BAD || state > REMOVE) return ROW_BAD;
    if (revision === MISSING || heartbeat === MISSING || state === MISSING) return ROW_INCOMPLETE;
    row.revision = revision;
    row.heartbeat = heartbeat;
    row.state = state;
    return ROW_GOOD;
  }

  /** A number without its fraction; MISSING when the member is not a number, BAD when it is not a uint32. */
  private uint32(start: number, end: number): number {
    const number = Math.floor(readNumber(this.bytes, start, end));
    if (isNaN(number)) return MISSING;
    if (number > UINT32_MAX) return BAD;
    if (number >= 0) return number;
    return this.refuseNegative ? BAD : 0;
  }
}

function typeOf(bytes: Uint8Array, start: number, end: number): number {
  if (isText(bytes, start, end, '"SYN"')) return TYPE_SYN;
  return isText(bytes, start, end, '"ACK"') ? TYPE_ACK : 0;
}

/** The address in a member's name; -1 when the name is not an address. */
function addressOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 15) return -1;
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return parseAddress(text);
}
