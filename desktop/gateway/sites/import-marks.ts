import { isMergeTopic } from "../../../src/checks.js";
import type { CborValue } from "../../../src/gossip.js";
import type { ForeignEvent, GatewayEvent, SiteValue } from "../output.js";
import { identityOf } from "./subjects.js";

/** In front of keys, and as a field of log values: what comes from another site. Such events are never published. */
const MARK = "@";
const SITE_FIELD = "@site";

/** The topic in which the gateways of a site that import tell each other so. */
export const GATEWAYS_TOPIC = "+gateways";
export const IMPORT_KEY = `${MARK}import`;

/** The key in this network of a key at another site; of a merge topic with the author, whose value is one of many. */
export function localKey({ site, topic, key, author }: Pick<SiteValue, "site" | "topic" | "key" | "author">): string {
  return isMergeTopic(topic) ? `${MARK}${site}/${author}/${key}` : `${MARK}${site}/${key}`;
}

/** The value in this network of a log event of another site. */
export function localValue({ site, author, timeMs, counter, value }: ForeignEvent): CborValue {
  return { [SITE_FIELD]: site, author, timeMs, counter, value };
}

/** The identity of the event that was imported as a log event; undefined: it is none of another site. */
export function importedIdentity(value: CborValue): string | undefined {
  const fields = fieldsOf(value);
  const { [SITE_FIELD]: site, author, timeMs, counter } = fields ?? {};
  if (typeof site !== "string" || site === "" || typeof author !== "number") return undefined;
  return identityOf({ site, author, timeMs: Number(timeMs), counter: Number(counter), kind: "log" });
}

/** Whether an event of this network came from another site, or is between the gateways of this one. */
export function isImported({ kind, key, value }: Pick<GatewayEvent, "kind" | "key" | "value">): boolean {
  if (kind !== "log") return key?.startsWith(MARK) ?? false;
  return SITE_FIELD in (fieldsOf(value) ?? {});
}

function fieldsOf(value: CborValue): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value instanceof Uint8Array ? undefined : value;
}
