import { CBOR_TOO_LARGE, encodeCbor } from "./cbor/cbor.js";
import { NODE_NAME_BYTES_MAX, isNameText, nameTextStart } from "./cbor/named-value.js";
import { show } from "./checks.js";
import { type ChismeError, invalid } from "./errors.js";

/** Bytes of the longest name as it is encoded: its head has two. */
const ENCODED_BYTES_MAX = NODE_NAME_BYTES_MAX + 2;
/** The longest value that a frame can have. */
const VALUE_BYTES_MOST = 255;

/** The option `name`. @throws RangeError or TypeError ERR_OPTION that says what is wrong */
export function checkName(name: unknown, valueBytesMax: number): void {
  if (name === undefined) return;
  const out = new Uint8Array(ENCODED_BYTES_MAX);
  const length = encodeName("", "name", name, out);
  if (isNumeric(name as string)) {
    throw invalid("", "name", `${show(name)} has only digits, dots and colons, like an id or an address`, true);
  }
  if (length < valueBytesMax) return;
  const problem = `${show(name)} takes ${length + 1} bytes of a row, more than ${valueBytesMax} (valueBytesMax)`;
  throw invalid("", "name", problem, true);
}

/**
 * Writes a name as rows have it into `out`, from 0 on. Returns its length.
 *
 * @param out has at least 26 bytes, or as many as the name is known to take
 * @throws RangeError or TypeError that names the argument when it can be no name
 */
export function encodeName(method: string, argument: string, name: unknown, out: Uint8Array): number {
  const isText = typeof name === "string";
  const length = isText ? encodeCbor(name, out, 0) : 0;
  const start = nameTextStart(out, 0);
  // A text of 25 bytes and a head of two do not fit.
  const isGood = length > start && length - start <= NODE_NAME_BYTES_MAX && isNameText(out, start, length);
  if (isGood) return length;
  const rule = `is not a text of 1 to ${NODE_NAME_BYTES_MAX} bytes without control characters`;
  throw invalid(method, argument, `${show(name)} ${rule}`, isText);
}

/** Whether a text has only digits, dots and colons: it is no name, but perhaps an id or an address. */
export function isNumeric(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // The colon follows 9.
    if (code !== 46 && (code < 48 || code > 58)) return false;
  }
  return true;
}

/** The error for a value of `push` that does not fit behind the node's name. @param nameBytes as encoded */
export function noRoomBesideName(value: unknown, nameBytes: number, bytesMax: number): ChismeError {
  const length = encodeCbor(value, new Uint8Array(VALUE_BYTES_MOST), 0);
  const bytes = length === CBOR_TOO_LARGE ? `more than ${VALUE_BYTES_MOST}` : String(length);
  const problem = `takes ${bytes} bytes of CBOR and the name ${nameBytes}, more than ${bytesMax} (valueBytesMax)`;
  return invalid("push", "value", problem, true);
}
