import { CBOR_TOO_LARGE, encodeCbor } from "./cbor/cbor.js";
import {
  LABEL_BYTES_MAX, NODE_NAME_BYTES_MAX, NODE_VERSION_BYTES_MAX, VERSION_SIGN, isNameText, nameTextStart,
} from "./cbor/named-value.js";
import { show } from "./checks.js";
import { type ChismeError, invalid } from "./errors.js";

/** The longest value that a frame can have. */
const VALUE_BYTES_MOST = 255;

/** The options `name` and `version`. */
export interface Label {
  name?: string;
  version?: string;
}

/** The options of a label. @throws RangeError or TypeError ERR_OPTION that says what is wrong */
export function checkLabel(label: Label, valueBytesMax: number): void {
  const name = label.name;
  const version = label.version;
  if (name === undefined && version === undefined) return;
  const out = new Uint8Array(LABEL_BYTES_MAX);
  if (name !== undefined) {
    encodeName("", "name", name, out);
    if (isNumeric(name)) {
      throw invalid("", "name", `${show(name)} has only digits, dots and colons, like an id or an address`, true);
    }
  }
  if (version !== undefined) encodeShort("", "version", version, NODE_VERSION_BYTES_MAX, out);
  const length = encodeLabel(label, out);
  if (length < valueBytesMax) return;
  const option = version === undefined ? "name" : "version";
  const what = version === undefined || name === undefined ? show(name ?? version)
    : `${show(version)} with the name ${show(name)}`;
  const problem = `${what} takes ${length + 1} bytes of a row, more than ${valueBytesMax} (valueBytesMax)`;
  throw invalid("", option, problem, true);
}

/** Writes a checked label as rows have it into `out`, from 0 on. Returns its length. @param out has room for it */
export function encodeLabel(label: Label, out: Uint8Array): number {
  const version = label.version;
  const sign = version === undefined ? "" : String.fromCharCode(VERSION_SIGN) + version;
  return encodeCbor((label.name === undefined ? "" : label.name) + sign, out, 0);
}

/**
 * Writes a name as rows have it into `out`, from 0 on. Returns its length.
 *
 * @param out has at least 26 bytes, or as many as the name is known to take
 * @throws RangeError or TypeError that names the argument when it can be no name
 */
export function encodeName(method: string, argument: string, name: unknown, out: Uint8Array): number {
  return encodeShort(method, argument, name, NODE_NAME_BYTES_MAX, out);
}

function encodeShort(method: string, argument: string, text: unknown, bytesMax: number, out: Uint8Array): number {
  const isText = typeof text === "string";
  const length = isText ? encodeCbor(text, out, 0) : 0;
  const start = nameTextStart(out, 0);
  if (length > start && length - start <= bytesMax && isNameText(out, start, length)) return length;
  const rule = `is not a text of 1 to ${bytesMax} bytes without control characters`;
  throw invalid(method, argument, `${show(text)} ${rule}`, isText);
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

/** The error for a value of `push` that does not fit behind the node's label. @param nameBytes of the encoded label */
export function noRoomBesideName(value: unknown, nameBytes: number, bytesMax: number): ChismeError {
  const length = encodeCbor(value, new Uint8Array(VALUE_BYTES_MOST), 0);
  const bytes = length === CBOR_TOO_LARGE ? `more than ${VALUE_BYTES_MOST}` : String(length);
  const problem = `takes ${bytes} bytes of CBOR, name and version ${nameBytes}: more than ${bytesMax} (valueBytesMax)`;
  return invalid("push", "value", problem, true);
}
