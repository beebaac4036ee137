import { isMergeTopic } from "../../../src/checks.js";
import type { SiteValue } from "../output.js";
import type { SqliteRow } from "./sqlite.js";
import { readStoredText, readStoredValue } from "./stored-value.js";

/** Rows for `foreignValues`: what each author has said last about topics and keys of other sites. */
export const SELECT_LATEST = `
  SELECT sites.name AS site, topic, key, author, kind, end_ms, value
  FROM latest JOIN sites ON sites.id = latest.site
  WHERE topic IN (SELECT value FROM json_each(?)) AND `;
export const ORDER_LATEST = " ORDER BY latest.site, topic, key, time_ms DESC, counter DESC, author DESC";

/**
 * What counts, by the rules of the view `winners`: of each topic and key the newest, and in a merge topic of each
 * author what no later removal took. What ended by time counts as if it had never been.
 *
 * @param rows in the order of ORDER_LATEST
 */
export function foreignValues(rows: readonly SqliteRow[], nowMs: number): SiteValue[] {
  const values: SiteValue[] = [];
  let subject = "";
  let isOver = false;
  for (const row of rows) {
    const [site, topic, key] = [String(row.site), readStoredText(row.topic), readStoredText(row.key)];
    const isMerge = isMergeTopic(topic);
    const of = JSON.stringify([site, topic, key]);
    if (of !== subject) {
      subject = of;
      isOver = false;
      if (!isMerge) values.push({ site, topic, key, author: 0, value: undefined, isSet: false, endMs: undefined });
    }
    const isAlive = row.kind !== "withdraw" && (row.end_ms === null || Number(row.end_ms) > nowMs);
    const isSet = isAlive && row.kind === "set" && !isOver;
    const set = { isSet, value: isSet ? readStoredValue(row.value) : undefined, endMs: isSet ? endOf(row) : undefined };
    if (isMerge) values.push({ site, topic, key, author: Number(row.author), ...set });
    else if (isSet) Object.assign(values[values.length - 1], set);
    // Of a merge topic a removal ends what is older; of another one whatever is the newest.
    if (isAlive && (!isMerge || row.kind === "remove")) isOver = true;
  }
  return values;
}

function endOf(row: SqliteRow): number | undefined {
  return row.end_ms === null ? undefined : Number(row.end_ms);
}
