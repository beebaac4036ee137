/** A copy in which bytes are hexadecimal text. Espruino's `JSON.stringify` has no replacer. */
export function printable(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (let i = 0; i < value.length; i++) items.push(printable(value[i]));
    return items;
  }
  const copy: Record<string, unknown> = {};
  const keys = Object.keys(value);
  for (let i = 0; i < keys.length; i++) copy[keys[i]] = printable((value as Record<string, unknown>)[keys[i]]);
  return copy;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
}
