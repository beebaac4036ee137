/** Objects that a search visits. An engine has fewer than a hundred. */
const OBJECTS_MAX = 1000;

/**
 * Bytes of all buffers that an object and the objects in it hold. So each table of
 * an engine counts, also those that were handed in.
 *
 * @param seen objects that do not count; the search adds those that it visits
 */
export function tableBytes(value: unknown, seen: object[]): number {
  if (typeof value !== "object" || value === null) return 0;
  const buffer = (value as { buffer?: unknown }).buffer;
  // A typed array: its elements are no properties to visit.
  if (buffer !== undefined) return tableBytes(buffer, seen);
  if (seen.length >= OBJECTS_MAX || seen.indexOf(value) >= 0) return 0;
  seen.push(value);
  const byteLength = (value as { byteLength?: unknown }).byteLength;
  if (typeof byteLength === "number") return byteLength;
  let bytes = 0;
  const names = Object.keys(value);
  for (let i = 0; i < names.length; i++) bytes += tableBytes((value as Record<string, unknown>)[names[i]], seen);
  return bytes;
}
