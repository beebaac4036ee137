import { readFileSync } from "node:fs";
import type { SimRandom } from "../desktop/simulator/random.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import {
  CAPACITY_LEAST, CAPACITY_MOST, EVENT_BYTES_LEAST, EVENT_BYTES_MOST, FLAG_ADVERTISED, FLAG_BROADCAST, FLAG_IN_SYNC,
  FLAG_NETWORK, NO_NETWORK, RANGE_FINGERPRINTS_HEAD_BYTES, RANGE_FINGERPRINT_BYTES, SECTION_HEAD_BYTES,
  SECTION_LIMITS, SECTION_SKETCH, SECTION_TIME, SECTION_WANT, SECTION_WINDOW, SKETCH_BYTES, TYPE_ACK, TYPE_DIFF,
  TYPE_SYN, VALUE_BYTES_MOST, rangeFrom, rangeTo, sectionHead,
} from "../src/engine/wire/frame.js";
import { SKETCH_WORDS, sketchRows } from "../src/engine/reconcile/sketch.js";
import { varintBytes } from "../src/engine/wire/cursor.js";
import { FrameWriter } from "../src/engine/wire/frame-writer.js";
import { FLAG_CONFIRMED } from "../src/engine/table/row-flags.js";
import { FLAG_ADDRESS_GIVEN, OWN_SLOT, RowData, Rows } from "../src/engine/table/rows.js";
import { drawBytes, drawWord, mutate } from "./mutate.js";
import type { DatagramSource, World } from "./world.js";

const VALUE_BYTES_MAX = 48;
const OTHERS_MAX = 24;
const RANGES_LOG_MAX = 5;
const VALUES = [21.5, "text", [1, [2, [3, [4]]]], { a: 1, b: [true, null] }, -1, new Uint8Array(8), undefined];
const NAMES = ["a", "Küche", "x".repeat(24), "x".repeat(25), "", "\n"];
/** The first bytes hold ids and counters, which decide most of a frame's handling. */
const HEAD_BYTES = 24;

/** Compact frames: by the grammar of PROTOCOL.md, from the vectors, and from the node itself. */
export class FrameSource implements DatagramSource {
  private readonly vectors: Uint8Array[];
  private readonly writer = new FrameWriter();
  private readonly out = new Uint8Array(1472);
  private readonly sketch = new Uint32Array(SKETCH_WORDS);

  constructor() {
    const file = new URL("../test/vectors/frames.json", import.meta.url);
    const { frames, refusals } = JSON.parse(readFileSync(file, "utf8")) as Record<string, { hex: string }[]>;
    const hexes = [...frames, ...refusals].map(({ hex }) => hex.replaceAll(" ", ""));
    this.vectors = hexes.map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
  }

  draw(random: SimRandom, world: World): Uint8Array {
    const bytes = this.drawFrame(random, world);
    if (random.chance(0.55)) return bytes;
    const other = random.chance(0.5) ? random.pick(this.vectors) : this.write(random, world);
    if (random.chance(0.3)) {
      const head = mutate(random, bytes.subarray(0, HEAD_BYTES), other);
      return new Uint8Array(Buffer.concat([head, bytes.subarray(HEAD_BYTES)]));
    }
    return mutate(random, bytes, other);
  }

  private drawFrame(random: SimRandom, world: World): Uint8Array {
    if (random.chance(0.6)) return this.write(random, world);
    if (random.chance(0.5) && world.datagrams.length > 0) return random.pick(world.datagrams);
    return random.pick(this.vectors);
  }

  /** A well-formed frame of a node whose rows the fuzzed node could hold, too. */
  private write(random: SimRandom, world: World): Uint8Array {
    const rows = new Rows(OTHERS_MAX + 1, VALUE_BYTES_MAX);
    for (let left = random.below(OTHERS_MAX); left >= 0; left--) merge(rows, drawRow(random, world), random);
    const type = random.pick([TYPE_SYN, TYPE_SYN, TYPE_ACK, TYPE_DIFF]);
    // Of the node's own network, with its octet; sometimes of another one.
    const network = random.chance(0.9) ? world.network : random.chance(0.5) ? NO_NETWORK : random.next();
    const flags = (type === TYPE_SYN && random.chance(0.1) ? FLAG_BROADCAST : 0)
      | (type === TYPE_ACK && random.chance(0.3) ? FLAG_IN_SYNC : 0)
      | (network === NO_NETWORK ? 0 : FLAG_NETWORK) | (random.chance(0.2) ? FLAG_ADVERTISED : 0);
    if (random.chance(0.2)) rows.setFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN);
    const limit = random.pick([128, 512, 1472]);
    const counter = drawWord(random, [1, 2, 3, 10]);
    this.writer.begin(this.out, limit, type, flags, rows, counter, drawWord(random, [1, 2, 3]), network);
    if (random.chance(0.4)) this.writeWants(random, world);
    if (random.chance(0.4)) this.writeRows(random, rows);
    if (random.chance(0.4)) this.writeDigest(random, rows);
    if (random.chance(0.4)) this.writeRangeFingerprints(random, rows);
    const eventBytesMax = random.chance(0.5) ? 0 : random.between(EVENT_BYTES_LEAST, EVENT_BYTES_MOST);
    const capacity = random.between(CAPACITY_LEAST, CAPACITY_MOST);
    if (random.chance(0.05)) this.writer.u16(sectionHead(SECTION_LIMITS, 0));
    else if (random.chance(0.2)) {
      this.writer.writeLimits(random.below(VALUE_BYTES_MOST + 1), eventBytesMax, capacity, network);
    }
    if (random.chance(0.2)) this.writeTime(random, type === TYPE_SYN);
    if (random.chance(0.2)) this.writeWindow(random);
    if (random.chance(0.2)) this.writeSketch(random, rows, counter);
    return this.out.slice(0, this.writer.length());
  }

  /** A request for the time, an answer, or something like it. */
  private writeTime(random: SimRandom, isRequest: boolean): void {
    const { writer } = this;
    const isEmpty = isRequest ? random.chance(0.9) : random.chance(0.05);
    const errorMs = random.pick([0, 1, 60, 128, 3600000, 3600001]);
    const ageSeconds = random.pick([0, 1, 200, 86400, 0xffffffff]);
    const bytes = isEmpty ? 0 : 11 + varintBytes(errorMs) + varintBytes(ageSeconds) + random.pick([0, 0, 0, 0, 1]);
    writer.u16(sectionHead(SECTION_TIME, bytes));
    if (isEmpty) return;
    // From 1970 on, some of it around 2026.
    writer.u16(random.pick([0, 0x16f, 0x19b, 0x19b, 0x19c, 0x69a, 0xffff]));
    writer.u32(random.next());
    writer.u32(random.pick([1, 2, 3, 4, 5, 6, random.next()]));
    writer.u8(random.pick([0, 1, 2, 30, 31, 255]));
    writer.varint(errorMs);
    writer.varint(ageSeconds);
    while (writer.position < writer.end && random.chance(0.01)) writer.u8(0);
  }

  /** How many datagrams the sender takes at a time, with none or many bytes more in a few frames. */
  private writeWindow(random: SimRandom): void {
    const { writer } = this;
    const bytes = random.pick([0, 1, 1, 1, 1, 2, 40]);
    if (writer.room() < SECTION_HEAD_BYTES + bytes) return;
    writer.u16(sectionHead(SECTION_WINDOW, bytes));
    for (let left = bytes; left > 0; left--) writer.u8(random.pick([0, 1, 4, 6, 16, 64, 255]));
  }

  /** The sketch of the sender's rows; in a few frames of any numbers, or of another length. */
  private writeSketch(random: SimRandom, rows: Rows, counter: number): void {
    const { writer } = this;
    if (writer.room() < SECTION_HEAD_BYTES + SKETCH_BYTES + 1) return;
    if (random.chance(0.7)) {
      sketchRows(rows, this.sketch, 0, counter, writer.withFeeds);
      writer.writeSketch(this.sketch, 0);
      return;
    }
    const bytes = random.pick([0, SKETCH_BYTES - 1, SKETCH_BYTES, SKETCH_BYTES, SKETCH_BYTES + 1]);
    writer.u16(sectionHead(SECTION_SKETCH, bytes));
    for (let left = bytes; left > 0; left--) writer.u8(random.pick([0, 0, 1, 0x80, 0xff, random.below(256)]));
  }

  private writeWants(random: SimRandom, world: World): void {
    if (!this.writer.beginIds(SECTION_WANT)) return;
    for (let left = random.below(8); left > 0; left--) this.writer.writeId(world.drawId(random));
    this.writer.endSection();
  }

  private writeRows(random: SimRandom, rows: Rows): void {
    if (!this.writer.beginRows()) return;
    for (let left = random.below(rows.count); left >= 0; left--) {
      this.writer.writeRow(rows, rows.slotAt(random.below(rows.count)), random.chance(0.5));
    }
    this.writer.endSection();
  }

  private writeDigest(random: SimRandom, rows: Rows): void {
    const log = random.below(3);
    const range = log === 0 ? 0 : random.below(1 << log);
    const from = log === 0 ? 0 : rangeFrom(range, log);
    const to = log === 0 ? 0xffffffff : rangeTo(range, log);
    if (!this.writer.beginDigest(from)) return;
    let last = to;
    for (let place = rows.placeOf(from); place < rows.count && rows.orderKeyAt(place) <= to; place++) {
      if (this.writer.writeDigestEntry(rows, rows.slotAt(place))) continue;
      last = rows.orderKeyAt(place) - 1;
      break;
    }
    this.writer.endDigest(Math.max(from, last));
  }

  private writeRangeFingerprints(random: SimRandom, rows: Rows): void {
    const log = random.between(1, RANGES_LOG_MAX);
    const bytes = SECTION_HEAD_BYTES + RANGE_FINGERPRINTS_HEAD_BYTES + (RANGE_FINGERPRINT_BYTES << log);
    if (this.writer.room() < bytes) return;
    this.writer.writeRangeFingerprints(rows, log, random.below(100));
  }
}

function drawRow(random: SimRandom, world: World): RowData {
  const row = new RowData();
  row.id = world.drawId(random);
  row.address = random.chance(0.9) ? world.drawAddress(random) : random.next();
  row.port = random.chance(0.9) ? 5000 : random.below(65536);
  row.revision = world.drawRevision(random);
  row.heartbeat = world.drawHeartbeat(random);
  row.state = world.drawState(random);
  row.isForeign = random.chance(0.1);
  row.lacksValue = random.chance(0.1);
  return row;
}

function merge(rows: Rows, row: RowData, random: SimRandom): void {
  const value = new Uint8Array(VALUE_BYTES_MAX);
  if (random.chance(0.6)) {
    const name = random.chance(0.3) ? encodeCbor(random.pick(NAMES), value, 0) : 0;
    row.valueLength = encodeCbor(random.pick(VALUES), value, name);
  } else if (random.chance(0.1)) {
    row.valueLength = random.between(1, VALUE_BYTES_MAX);
    value.set(drawBytes(random, row.valueLength));
  }
  rows.merge(row, value);
  // Its update has a check.
  if (random.chance(0.5)) rows.setFlag(rows.find(row.id), FLAG_CONFIRMED);
}
