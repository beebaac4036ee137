import { CBOR_DEPTH_MAX } from "../../../src/cbor/cbor-check.js";
import type { CborValue } from "../../../src/gossip.js";
import { readStoredValue, storedValue } from "../database/stored-value.js";
import type { ForeignEvent, GatewayEvent } from "../output.js";
import { readSubject } from "./subjects.js";

/** Longer than any event can be: 1,353 bytes of CBOR, in JSON with escapes. */
export const MESSAGE_BYTES_MAX = 16384;

const SITE_CHARACTERS_MAX = 64;
const NAME_BYTES_MAX = 31;
const AUTHOR_NAME_BYTES_MAX = 24;
const UINT32_MAX = 0xffffffff;
const KINDS = ["log", "set", "remove", "withdraw"];

/** What is not in the subject, as JSON. A value that JSON cannot hold is CBOR, in base64. */
interface Message {
  timeMs: number;
  counter: number;
  kind: ForeignEvent["kind"];
  key?: string;
  value?: unknown;
  cbor?: string;
  ttlMs: number;
  generation: number;
  sequence: number;
  authorName?: string;
}

export function writeMessage(event: GatewayEvent): string {
  const { timeMs, counter, kind, key, ttlMs, generation, sequence, authorName } = event;
  const stored = storedValue(event.value);
  const value = typeof stored === "string" ? { value: event.value }
    : stored instanceof Uint8Array ? { cbor: Buffer.from(stored).toString("base64") } : {};
  const message: Message = {
    timeMs, counter, kind, ...key !== undefined && { key }, ...value, ttlMs, generation, sequence,
    ...authorName !== undefined && { authorName },
  };
  return JSON.stringify(message);
}

/**
 * The event in a message of another site's gateway.
 *
 * @throws Error that says why it is none
 */
export function readMessage(subject: string, data: Uint8Array): ForeignEvent {
  const of = readSubject(subject);
  if (of === undefined) throw new Error("its subject is not STREAM.SITE.AUTHOR.TOPIC");
  if (data.length > MESSAGE_BYTES_MAX) throw new Error(`it has more than ${MESSAGE_BYTES_MAX} bytes`);
  const message = readJson(data);
  const { kind, key, authorName } = message;
  const integer = (name: "timeMs" | "counter" | "ttlMs" | "generation" | "sequence", max: number): number => {
    const number = message[name];
    if (!Number.isInteger(number) || number < 0 || number > max) {
      throw new Error(`${name} is not an integer from 0 to ${max}`);
    }
    return number;
  };
  if (!KINDS.includes(kind)) throw new Error(`kind is none of ${KINDS.join(", ")}`);
  if ((kind === "log") !== (key === undefined)) throw new Error("log events have no key, and all others have one");
  if ([...of.site].length > SITE_CHARACTERS_MAX || of.site.includes("\0")) {
    throw new Error(`its site is not a text of 1 to ${SITE_CHARACTERS_MAX} characters without zero bytes`);
  }
  checkText("topic", of.topic, NAME_BYTES_MAX);
  checkText("key", key, NAME_BYTES_MAX);
  checkText("authorName", authorName, AUTHOR_NAME_BYTES_MAX);
  const timeMs = integer("timeMs", Number.MAX_SAFE_INTEGER);
  return {
    ...of, kind, key, authorName, value: readValue(message), timeMs, counter: integer("counter", UINT32_MAX),
    // The end must be an integer that SQLite gives back, too.
    ttlMs: integer("ttlMs", Number.MAX_SAFE_INTEGER - timeMs),
    generation: integer("generation", UINT32_MAX), sequence: integer("sequence", UINT32_MAX),
  };
}

function readJson(data: Uint8Array): Message {
  let message: unknown;
  try {
    message = JSON.parse(Buffer.from(data).toString("utf8"));
  } catch {
    throw new Error("it is no JSON");
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new Error("it is no JSON object");
  }
  return message as Message;
}

function readValue({ kind, value, cbor }: Message): CborValue {
  if (kind === "remove" || kind === "withdraw") return undefined;
  if (cbor === undefined) {
    if (!isShallow(value, CBOR_DEPTH_MAX)) throw new Error(`value is nested deeper than ${CBOR_DEPTH_MAX} levels`);
    checkStorable(value as CborValue);
    return value as CborValue;
  }
  if (typeof cbor !== "string") throw new Error("cbor is not text");
  const decoded = readStoredValue(new Uint8Array(Buffer.from(cbor, "base64")));
  if (decoded === undefined) throw new Error("cbor is no CBOR in base64");
  return decoded;
}

/** Whether something is nested as deep as values of the network may be. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

/** What the database refuses would come again and again, and all behind it would wait. */
function checkStorable(value: CborValue): void {
  try {
    storedValue(value);
  } catch (error) {
    throw new Error(`value cannot be stored: ${(error as Error).message}`, { cause: error });
  }
}

function checkText(name: string, text: unknown, bytesMax: number): void {
  if (text === undefined) return;
  if (typeof text !== "string" || Buffer.byteLength(text) > bytesMax) {
    throw new Error(`${name} is not text of at most ${bytesMax} bytes`);
  }
}
