import {
  ARRAY, BYTES, CBOR_DEPTH_MAX, MAP, SIMPLE, TEXT, cborEnd, compareItems, headEnd, isProto, readArgument,
} from "./cbor-check.js";
import { isUtf8 } from "./utf8.js";

/** A problem and the byte at which it begins. */
interface Found { problem: string; at: number }

/** The end of a good item, or what is wrong with it. */
type Walked = number | Found;

const NOT_DETERMINISTIC = "not deterministic";

/**
 * What makes `checkCbor`, and so each node, refuse the bytes from `start` to `end`,
 * exclusive: for whoever writes values with another CBOR library. Nodes themselves
 * only count such values (`stats().drops.value`).
 *
 * @returns undefined for an item that is good; else a text such as "not deterministic:
 * a number could be shorter, at byte 3". Bytes count from `start`
 */
export function cborProblem(bytes: Uint8Array, start: number, end: number): string | undefined {
  const walked = walk(bytes, start, Math.min(end, bytes.length), 0);
  if (typeof walked !== "number") return `${walked.problem}, at byte ${walked.at - start}`;
  return walked === end ? undefined : `more than one item, at byte ${walked - start}`;
}

function walk(bytes: Uint8Array, at: number, end: number, depth: number): Walked {
  if (at >= end) return { problem: "the item ends early", at };
  const major = bytes[at] >> 5;
  const low5 = bytes[at] & 0x1f;
  if (major === SIMPLE) return walkSimple(bytes, at, end, low5);
  if (low5 === 31) return { problem: `${NOT_DETERMINISTIC}: a length is indefinite`, at };
  if (low5 > 27) return { problem: "no CBOR", at };
  const next = headEnd(bytes, at);
  if (next > end) return { problem: "the item ends early", at };
  const argument = readArgument(bytes, at, end);
  if (argument < 0) return { problem: headProblem(bytes, at, low5), at };
  if (major > MAP) return { problem: "a tag, which no value may have", at };
  if (major < BYTES) return cborEnd(bytes, at, end) === next ? next : { problem: BEYOND, at };
  if (argument > end - next) return { problem: "the item ends early", at };
  if (major === BYTES) return next + argument;
  if (major === TEXT) return isUtf8(bytes, next, next + argument) ? next + argument : { problem: "no UTF-8", at };
  if (depth >= CBOR_DEPTH_MAX) return { problem: `nested deeper than ${CBOR_DEPTH_MAX} levels`, at };
  return walkItems(bytes, next, end, depth + 1, argument, major);
}

const BEYOND = "an integer beyond 2^53 - 1, which must be a float";

/** A head says more than a double holds when the first 11 bits of its 8 bytes are not 0. */
function headProblem(bytes: Uint8Array, at: number, low5: number): string {
  const isBeyond = low5 === 27 && (bytes[at + 1] !== 0 || bytes[at + 2] > 0x1f);
  return isBeyond ? BEYOND : `${NOT_DETERMINISTIC}: a number or length could be shorter`;
}

function walkItems(
  bytes: Uint8Array, start: number, end: number, depth: number, count: number, major: number,
): Walked {
  let at = start;
  let previous = -1;
  for (let i = 0; i < count; i++) {
    if (major !== ARRAY) {
      const keyEnd = walkKey(bytes, at, end, previous);
      if (typeof keyEnd !== "number") return keyEnd;
      previous = at;
      at = keyEnd;
    }
    const next = walk(bytes, at, end, depth);
    if (typeof next !== "number") return next;
    at = next;
  }
  return at;
}

function walkKey(bytes: Uint8Array, at: number, end: number, previous: number): Walked {
  if (at < end && bytes[at] >> 5 !== TEXT) return { problem: "a key that is no text", at };
  const next = walk(bytes, at, end, CBOR_DEPTH_MAX);
  if (typeof next !== "number") return next;
  if (isProto(bytes, at, next)) return { problem: "the key __proto__", at };
  const order = previous < 0 ? 1 : compareItems(bytes, at, next, previous);
  if (order === 0) return { problem: "the same key twice", at };
  return order > 0 ? next : { problem: `${NOT_DETERMINISTIC}: the keys are not in bytewise order`, at };
}

function walkSimple(bytes: Uint8Array, at: number, end: number, low5: number): Walked {
  const next = low5 > 27 ? at + 1 : headEnd(bytes, at);
  if (next > end) return { problem: "the item ends early", at };
  if (cborEnd(bytes, at, next) === next) return next;
  if (low5 >= 25 && low5 <= 27) return { problem: `${NOT_DETERMINISTIC}: a number could be shorter`, at };
  return { problem: "a simple value other than false, true, null and undefined", at };
}
