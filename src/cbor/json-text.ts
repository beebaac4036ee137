/**
 * JSON of a value that `Gossip` shares, or of rows and events: plain objects,
 * arrays, text, numbers, booleans, null. Bytes become hexadecimal text. All else
 * is as `JSON.stringify` writes it: undefined is left out of objects and null in
 * arrays, as are NaN and infinities everywhere.
 *
 * It does what `JSON.stringify` does not do on boards. XS writes the keys "2147483648"
 * to "4294967294" as negative numbers. Espruino has no replacer.
 *
 * @returns undefined for undefined
 */
export function jsonText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (value instanceof Uint8Array) return `"${hex(value)}"`;
  return Array.isArray(value) ? arrayText(value) : objectText(value as Record<string, unknown>);
}

function arrayText(items: unknown[]): string {
  let text = "";
  for (let i = 0; i < items.length; i++) text += (i === 0 ? "" : ",") + (jsonText(items[i]) ?? "null");
  return `[${text}]`;
}

function objectText(members: Record<string, unknown>): string {
  const keys = Object.keys(members);
  let text = "";
  for (let i = 0; i < keys.length; i++) {
    const member = jsonText(members[keys[i]]);
    if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(keys[i])}:${member}`;
  }
  return `{${text}}`;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
}
