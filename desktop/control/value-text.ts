import { bytesAsHex } from "./json.js";

const TEXT_MAX = 200;
/** What a terminal would obey: characters of control, and those that change the direction of text. */
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g; // eslint-disable-line no-control-regex

/** A value as JSON without characters that a terminal would obey, cut where it is long. */
export function valueText(value: unknown): string {
  if (value === undefined) return "-";
  // JSON leaves some of them as they are.
  const text = printableText(JSON.stringify(value));
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

/** A text without characters that a terminal would obey. */
export function printableText(text: string): string {
  return text.replace(OBEYED, "�");
}

/**
 * A value as one line of JSON without characters that a terminal would obey: they are escaped, as `\u009b`, so nothing
 * is lost. Bytes become hexadecimal text. JSON has such characters in texts only.
 */
export function terminalJson(value: unknown): string {
  return escaped(JSON.stringify(value, bytesAsHex));
}

/** A text in which characters that a terminal would obey are escaped as JSON does it. */
export function escaped(text: string): string {
  return text.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
