import { checkNamedValue } from "../src/cbor/named-value.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { JSON_FIRST_BYTE, NO_NETWORK } from "../src/engine/wire/frame.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { TableHash } from "../src/engine/table/hash.js";
import { DROP_REASONS, LEFT, type NodeEngine, OWN_SLOT, REMOVE, type Rows, UP } from "../src/engine/index.js";
import { FLAG_FOREIGN, RowData } from "../src/engine/table/rows.js";
import { countUpdates } from "../src/engine/table/transmits.js";
import { StateReader } from "../src/espgossip/state-reader.js";

const frameReader = new FrameReader();
const stateReader = new StateReader(false);

/** The part of a table that datagrams can change: a text for each row, by id. */
export function snapshot(rows: Rows): Map<number, string> {
  const texts = new Map<number, string>();
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    const start = rows.valueStart(slot);
    const value = rows.valueBytes().subarray(start, start + rows.valueLength(slot));
    texts.set(rows.id(slot), [
      rows.address(slot), rows.port(slot), rows.revision(slot), rows.heartbeat(slot), rows.state(slot),
      rows.hasFlag(slot, FLAG_FOREIGN), value.join(),
    ].join(" "));
  }
  return texts;
}

/** @throws Error when a table changed, except in the row of `except` */
export function assertSame(before: Map<number, string>, after: Map<number, string>, except: number): void {
  if (before.size !== after.size) fail(`a dropped datagram made ${after.size} rows of ${before.size}`);
  for (const [id, text] of after) {
    const was = before.get(id);
    if (was !== text && id !== except) fail(`a dropped datagram changed row ${id} from ${was} to ${text}`);
  }
}

/** @throws Error when a table violates an invariant */
export function checkTable(rows: Rows, ownId: number): void {
  if (rows.count < 1 || rows.count > rows.capacity) fail(`${rows.count} rows of ${rows.capacity}`);
  if (rows.id(OWN_SLOT) !== ownId || rows.state(OWN_SLOT) !== UP || !rows.isHeld(OWN_SLOT)) fail("the own row is gone");
  const hash = new TableHash();
  let updates = 0;
  let counted = 0;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    const id = rows.id(slot);
    const state = rows.state(slot);
    if (place > 0 && rows.orderKeyAt(place - 1) >= rows.orderKeyAt(place)) fail(`row ${id} is out of order`);
    if (rows.find(id) !== slot || !rows.isHeld(slot)) fail(`row ${id} is not found`);
    if (state > LEFT) fail(`row ${id} is in state ${state}`);
    if (rows.transmitsLeft(slot) > 0) updates++;
    if (state !== REMOVE) {
      hash.add(id, rows.revision(slot), rows.heartbeat(slot), state);
      counted++;
    }
    checkValue(rows, slot);
  }
  if (updates !== countUpdates(rows)) fail(`the table counts ${countUpdates(rows)} updates, but has ${updates}`);
  if (counted !== rows.counted) fail(`the table counts ${rows.counted} rows but tombstones, but has ${counted}`);
  const { first, second } = rows.tableHash;
  if (first !== hash.first || second !== hash.second) fail("the table hash is not that of the rows");
}

function checkValue(rows: Rows, slot: number): void {
  const start = rows.valueStart(slot);
  const length = rows.valueLength(slot);
  if (length > rows.valueBytesMax) fail(`row ${rows.id(slot)} has a value of ${length} bytes`);
  const isGood = length === 0 || checkNamedValue(rows.valueBytes(), start, start + length);
  if (!isGood) fail(`row ${rows.id(slot)} has neither a value nor name and value`);
}

/** @throws Error when other nodes would refuse a datagram that a node sent */
export function checkSent(bytes: Uint8Array, datagramBytesMax: number, network = NO_NETWORK): void {
  frameReader.network = network;
  if (bytes.length === 0 || bytes.length > datagramBytesMax) fail(`a datagram of ${bytes.length} bytes was sent`);
  const isJson = bytes[0] === JSON_FIRST_BYTE;
  if (isJson) JSON.parse(Buffer.from(bytes).toString());
  const refused = isJson
    ? stateReader.parse(bytes, bytes.length)
    : frameReader.parse(bytes, bytes.length, new RowData());
  if (refused !== DROP_NONE) fail(`a datagram was sent that others refuse, reason ${refused}`);
}

/** How often the engine dropped something, by reason. */
export function dropsOf(engine: NodeEngine): number[] {
  return Array.from({ length: DROP_REASONS }, (_, reason) => engine.stats.drops(reason));
}

export function fail(message: string): never {
  throw new Error(message);
}
