import { stateName } from "../../src/node-row.js";
import { RowData } from "../../src/engine/table/row-data.js";
import { DROP_NONE, dropReasonName } from "../../src/engine/wire/drops.js";
import {
  FLAG_NETWORK, FLAG_SEALED, JSON_FIRST_BYTE, MAGIC_AND_VERSION, NO_NETWORK, SECTION_DIGEST, SECTION_INDIRECT_ACK,
  SECTION_PING_REQ, SECTION_ROWS, SECTION_WANT, TYPE_ACK, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN,
} from "../../src/engine/wire/frame.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { NO_RECEIVER, type Sealer } from "../../src/engine/wire/sealer.js";

/** What opens sealed frames. */
export interface Opener {
  sealer: Sealer;
  /** Ids that the receiver may have: a frame is sealed for one node, and does not name it. */
  receivers: readonly number[];
}

/** Entries of a section that are named; the others are counted. */
const ENTRIES_SHOWN = 6;
const TYPES = new Map([[TYPE_SYN, "SYN"], [TYPE_ACK, "ACK"], [TYPE_DIFF, "DIFF"], [TYPE_LEAVE, "LEAVE"]]);
const SECTIONS = [
  "", "WANT", "ROWS", "DIGEST", "RANGE_FINGERPRINTS", "ROW_FINGERPRINTS", "PING_REQ", "INDIRECT_ACK", "SNAPSHOT",
  "EVENTS", "FEEDS_HASH", "GAP", "HISTORY", "LIMITS", "MESSAGE", "HOP", "LINK_REPORT", "TIME", "WINDOW", "SKETCH",
];

/** The head of a frame. */
export interface FrameHead {
  /** SYN, ACK, DIFF or LEAVE. */
  type: string;
  /** Id of the sender. */
  id: number;
  isSealed: boolean;
}

/** Reads the head of a frame, which is never sealed; undefined where there is none. */
export function frameHead(bytes: Uint8Array): FrameHead | undefined {
  const reader = new FrameReader();
  if (parseHead(reader, bytes) !== DROP_NONE) return undefined;
  return { type: TYPES.get(reader.type) ?? "?", id: reader.id, isSealed: (reader.flags & FLAG_SEALED) !== 0 };
}

/**
 * A datagram in one line: type, sender, and sections with what they list. A sealed one that is not opened has only a
 * head.
 *
 * @param bytes are changed where a sealed frame is opened
 * @param nameOf what a node is called
 */
export function frameText(bytes: Uint8Array, nameOf: (id: number) => string, opener?: Opener): string {
  if (bytes[0] === JSON_FIRST_BYTE) return "JSON of the dialect espgossip";
  const reader = new FrameReader();
  const reason = parseHead(reader, bytes);
  if (reason !== DROP_NONE) return `no frame (${dropReasonName(reason)})`;
  const head = `${TYPES.get(reader.type) ?? "?"} of ${nameOf(reader.id)} #${reader.counter}`;
  if ((reader.flags & FLAG_SEALED) === 0) return `${head}${bodyText(reader, bytes.length, nameOf)}`;
  if (opener === undefined) return `${head}, sealed`;
  const { sealer } = opener;
  const receivers = reader.isUnaddressed() ? [NO_RECEIVER] : opener.receivers;
  if (receivers.length === 0) return `${head}, sealed, for a node that the recording does not name`;
  for (const receiver of receivers) {
    const length = sealer.unseal(bytes, reader.headLength, bytes.length, receiver);
    if (length >= 0) return `${head}, opened${bodyText(reader, length, nameOf)}`;
  }
  return `${head}, sealed, not by this key`;
}

function parseHead(reader: FrameReader, bytes: Uint8Array): number {
  // The name of the network is not known here; the frame has one octet of its hash.
  const isNamed = bytes[0] === MAGIC_AND_VERSION && bytes.length > 2 && (bytes[1] & FLAG_NETWORK) !== 0;
  reader.network = isNamed ? bytes[2] : NO_NETWORK;
  return reader.parseHead(bytes, bytes.length);
}

function bodyText(reader: FrameReader, length: number, nameOf: (id: number) => string): string {
  const row = new RowData();
  const wrong = reader.parseBody(length, row);
  if (wrong !== DROP_NONE) return `, damaged (${dropReasonName(wrong)})`;
  const answer = reader.inReplyTo === 0 ? "" : `, answers #${reader.inReplyTo}`;
  const sync = reader.isAckInSync() ? ", in sync" : "";
  return `${answer}${sync}${sectionsOf(reader, row, nameOf).map((text) => `; ${text}`).join("")}`;
}

function sectionsOf(reader: FrameReader, row: RowData, nameOf: (id: number) => string): string[] {
  const texts: string[] = [];
  reader.rewind();
  while (reader.nextSection()) {
    const name = SECTIONS[reader.section] ?? `section ${reader.section}`;
    const entries = entriesOf(reader, row, nameOf);
    const more = entries.length > ENTRIES_SHOWN ? ` and ${entries.length - ENTRIES_SHOWN} more` : "";
    texts.push(entries.length === 0 ? name : `${name} ${entries.slice(0, ENTRIES_SHOWN).join(", ")}${more}`);
  }
  return texts;
}

function entriesOf(reader: FrameReader, row: RowData, nameOf: (id: number) => string): string[] {
  const entries: string[] = [];
  const { section } = reader;
  if (section === SECTION_ROWS || section === SECTION_DIGEST) {
    while (reader.more()) {
      if (section === SECTION_ROWS) reader.readRow(row);
      else reader.readDigestEntry(row);
      entries.push(`${nameOf(row.id)} ${stateName(row.state)}`);
    }
  } else if (section === SECTION_WANT || section === SECTION_PING_REQ || section === SECTION_INDIRECT_ACK) {
    while (reader.more()) entries.push(nameOf(reader.readId()));
  }
  return entries;
}
