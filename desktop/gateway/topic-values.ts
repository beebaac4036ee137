import type { CborValue } from "../../src/gossip.js";
import { bytesAsHex } from "../control/json.js";
import type { NodeQueries } from "../control/node-queries.js";

/**
 * All values of a topic as one JSON object: for each key its value; in a topic with "+" in front a list with `author`
 * and `value`, the oldest first. Bytes are hexadecimal text. Equal values give equal text.
 */
export function topicValues(queries: NodeQueries, topic: string): string {
  const values: [string, unknown][] = [];
  if (topic.startsWith("+")) {
    const lists = new Map<string, { author: number; value: CborValue }[]>();
    for (const { key, author, value } of queries.contributions(topic)) {
      const list = lists.get(key) ?? [];
      list.push({ author, value });
      lists.set(key, list);
    }
    values.push(...lists);
  } else {
    for (const entry of queries.latest()) if (entry.topic === topic) values.push([entry.key, entry.value]);
  }
  // Not an object: it would move keys that look like numbers to the front, and lose "__proto__".
  return `{${values.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value, bytesAsHex)}`).join(",")}}`;
}
