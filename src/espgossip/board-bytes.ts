import {
  ARRAY, BYTES, FALSE, MAP, NEGATIVE, SIMPLE, TEXT, headEnd, readArgument,
} from "../cbor/cbor-check.js";
import { rowNameBytes, rowValueBytes } from "../engine/named-rows.js";
import type { Rows } from "../engine/table/rows.js";

/*
 * How many bytes boards need to repeat a row. Their JSON library prints 19
 * significant digits of a number with a fraction, 21.3 as 21.30000000000000071, so
 * a row comes back from a board longer than it was. The sizes are upper bounds that
 * stay while a board runs: a number that is no integer counts as the longest, and a
 * heartbeat as 7 digits, which are 115 days.
 */

/** The longest datagram of a board, which holds all its rows. With more rows a board sends nothing any more. */
export const BOARD_BYTES_MAX = 1472;
/** Bytes of `{"type":"SYN"}`. */
export const BOARD_FRAME_BYTES = 14;
/** Bytes of `"":{"state":0,"revision":,"heartbeat":},`. */
const ROW_BYTES = 40;
/** Bytes of `,"data":`. */
const NAME_BYTES = 8;
/** Bytes of `{"value":}`. */
const WRAP_BYTES = 10;
const HEARTBEAT_DIGITS = 7;
/** As in 0.1000000000000000056. */
const FLOAT_BYTES = 21;
/** As in 1.000000000000000021e-200. */
const FLOAT_BYTES_EXPONENT = 25;
/** Exponents of two of numbers from 0.125 to 2^63, which boards print without an exponent and without more zeros. */
const PLAIN_EXPONENT_MIN = -3;
const PLAIN_EXPONENT_END = 63;

/** Bytes of a row without its data. */
export function rowBytes(rows: Rows, slot: number): number {
  const heartbeat = digits(rows.heartbeat(slot));
  const address = rows.address(slot);
  const name = 3 + digits(address >>> 24) + digits((address >>> 16) & 255) + digits((address >>> 8) & 255)
    + digits(address & 255);
  return ROW_BYTES + name + digits(rows.revision(slot))
    + (heartbeat > HEARTBEAT_DIGITS ? heartbeat : HEARTBEAT_DIGITS);
}

/** Bytes of a row's data with its name; 0 when the row has none. @param wraps whether a plain value goes in a table */
export function dataBytes(rows: Rows, slot: number, wraps: boolean): number {
  const length = rowValueBytes(rows, slot);
  if (length === 0) return 0;
  const bytes = rows.valueBytes();
  // Boards do not get the node's name.
  const start = rows.valueStart(slot) + rowNameBytes(rows, slot);
  const end = start + length;
  const isTable = bytes[start] >> 5 === ARRAY || bytes[start] >> 5 === MAP;
  let size = NAME_BYTES + (wraps && !isTable ? WRAP_BYTES : 0);
  // The items of an array or a map follow it, so their sizes add up without a recursion.
  for (let at = start; at < end;) {
    const major = bytes[at] >> 5;
    const content = headEnd(bytes, at);
    if (major === SIMPLE) {
      size += simpleBytes(bytes, at);
      at = content;
      continue;
    }
    const argument = readArgument(bytes, at, end);
    at = content;
    if (major === ARRAY || major === MAP) {
      size += 2 + (major === MAP ? 2 : 1) * argument - (argument > 0 ? 1 : 0);
    } else if (major === TEXT || major === BYTES) {
      at = content + argument;
      size += 2 + (major === BYTES ? 2 * argument : textBytes(bytes, content, at));
    } else {
      size += major === NEGATIVE ? 1 + digits(argument + 1) : digits(argument);
    }
  }
  return size;
}

/** Decimal digits of an integer from 0 on. */
export function digits(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 10; rest /= 10) count++;
  return count;
}

function textBytes(bytes: Uint8Array, start: number, end: number): number {
  let size = end - start;
  for (let at = start; at < end; at++) size += bytes[at] < 0x20 ? 5 : bytes[at] === 0x22 ? 1 : 0;
  return size;
}

/** Bytes of true, false, null or a float, by its sign and exponent. */
function simpleBytes(bytes: Uint8Array, at: number): number {
  const width = bytes[at] & 0x1f;
  if (width < 25) return width === FALSE ? 5 : 4;
  const first = bytes[at + 1] & 0x7f;
  const second = bytes[at + 2];
  const exponent = width === 25 ? (first >> 2) - 15
    : width === 26 ? ((first << 1) | (second >> 7)) - 127 : ((first << 4) | (second >> 4)) - 1023;
  const isPlain = exponent >= PLAIN_EXPONENT_MIN && exponent < PLAIN_EXPONENT_END;
  return (isPlain ? FLOAT_BYTES : FLOAT_BYTES_EXPONENT) + (bytes[at + 1] >> 7);
}
