import assert from "node:assert/strict";
import { SimRandom } from "../../desktop/simulator/random.js";
import { Flash } from "../../desktop/simulator/flash.js";
import { FILE_HEADER, FileLog } from "../../desktop/platform/file-log.js";
import { FlashLog } from "../../src/platform/flash-log.js";
import { LogRecords, RECORD_HEAD_BYTES } from "../../src/platform/log-record.js";
import type { GossipLog } from "../../src/platform/types.js";
import { FakeFiles } from "../support/fake-files.js";
import { contentOf, record } from "../support/log-driver.js";
import { count } from "../support/random.js";

const FILE = "/log/events";
const RECORDS = 30;
const RECORD_BYTES_MAX = 60;
const SECTOR_BYTES = 256;
const SECTORS = 16;

/** A medium, and a log on it. */
interface Medium {
  read(): Uint8Array;
  write(bytes: Uint8Array): void;
  log(): GossipLog;
}

function fileMedium(): Medium {
  let fake = new FakeFiles();
  return {
    read: () => Uint8Array.from(fake.contentOf(FILE) ?? []),
    write: (bytes) => {
      fake = new FakeFiles();
      fake.put(FILE, Uint8Array.from(bytes));
    },
    log: () => new FileLog(FILE, { files: fake.files, recordBytesMax: RECORD_BYTES_MAX }),
  };
}

function flashMedium(): Medium {
  const flash = new Flash(SECTORS, SECTOR_BYTES);
  return {
    read: () => Uint8Array.from(flash.bytes),
    write: (bytes) => flash.bytes.set(bytes),
    log: () => new FlashLog(flash, { recordBytesMax: RECORD_BYTES_MAX }),
  };
}

/** A record as the log gives it back, and the bytes of the medium that it took. */
interface Written {
  text: string;
  from: number;
  to: number;
}

/** Appends RECORDS records of many lengths, among them equal ones. */
function fill(medium: Medium): Written[] {
  const log = medium.log();
  const written: Written[] = [];
  for (let i = 0; i < RECORDS; i++) {
    const bytes = record(i, i % 3 === 0 ? 26 : 5 + (i * 17) % 40);
    const size = RECORD_HEAD_BYTES + bytes.length;
    assert.ok(log.append(bytes, bytes.length));
    const now = Buffer.from(medium.read());
    const frame = new LogRecords(RECORD_BYTES_MAX);
    frame.frame(bytes, bytes.length, 1);
    const from = now.indexOf(frame.buffer.subarray(0, size), written.at(-1)?.to ?? 0);
    assert.ok(from > 0);
    written.push({ text: Buffer.from(bytes).toString("hex"), from, to: from + size });
  }
  return written;
}

/**
 * Asserts that the log has the intact records in their order, nothing foreign, and keeps them when it goes on. Returns
 * the damaged places.
 */
function checkKept(medium: Medium, written: readonly Written[], from: number, to: number, what: string): number {
  const intact = written.filter((one) => one.to <= from || one.from >= to).map((one) => one.text);
  const known = written.map((one) => one.text);
  const log = medium.log();
  const found = contentOf(log);
  assert.deepEqual(found.filter((text) => intact.includes(text)), intact, what);
  assert.deepEqual(found.filter((text) => !known.includes(text)), [], what);
  const places = log.damagedRecords as number;
  assert.deepEqual(contentOf(log), found, `${what}: a second read finds the same`);
  assert.ok(log.append(record(99, 20), 20));
  assert.deepEqual(contentOf(medium.log()), [...found, Buffer.from(record(99, 20)).toString("hex")], what);
  return places;
}

const MEDIA = [["FileLog", fileMedium], ["FlashLog", flashMedium]] as const;

for (const [name, makeMedium] of MEDIA) {
  describe(`A damaged ${name}`, () => {
    it("keeps all records but the one in which a bit flips, at each bit", () => {
      const medium = makeMedium();
      const written = fill(medium);
      const whole = medium.read();
      const last = written[written.length - 1];
      for (let at = 0; at < last.to; at++) {
        for (let bit = 0; bit < 8; bit += count(1, 3)) {
          const bytes = Uint8Array.from(whole);
          bytes[at] ^= 1 << bit;
          medium.write(bytes);
          const places = checkKept(medium, written, at, at + 1, `bit ${bit} of byte ${at}`);
          const hit = written.find((one) => at >= one.from + 2 && at < one.to);
          // A record that ends in erased bytes looks torn, on flash and at the end of a file.
          const isTold = hit !== undefined && hit !== last && !hit.text.endsWith("ff");
          if (isTold) assert.equal(places, 1, `bit ${bit} of byte ${at}`);
        }
      }
    });

    it("keeps all records outside a place of zeros, erased or random bytes", () => {
      const medium = makeMedium();
      const written = fill(medium);
      const whole = medium.read();
      const random = new SimRandom(4, 4);
      const end = written[written.length - 1].from;
      for (let at = written[0].from; at < end - 70; at += count(1, 11)) {
        // A sector's head is not in the place: without the head of the last sector nothing tells whose its records are.
        const isHead = name === "FlashLog" && (at % SECTOR_BYTES < 20 || at % SECTOR_BYTES > SECTOR_BYTES - 64);
        if (isHead) continue;
        for (const filler of [0, 0xff, undefined]) {
          const bytes = Uint8Array.from(whole);
          for (let i = at; i < at + 64; i++) bytes[i] = filler ?? random.below(256);
          medium.write(bytes);
          const places = checkKept(medium, written, at, at + 64, `${String(filler)} from byte ${at} on`);
          // At the end of a sector, damage looks like a record that a power loss tore.
          const sectorEnd = at - at % SECTOR_BYTES + SECTOR_BYTES;
          const isFollowed = written.some((one) => one.from >= at + 64 && one.from < sectorEnd);
          if (filler !== 0xff && (isFollowed || name === "FileLog")) assert.ok(places >= 1, `${String(filler)}, ${at}`);
        }
      }
    });
  });
}

describe("A damaged FileLog", () => {
  it("ends at the last complete record wherever the file is cut, and counts no damage", () => {
    const medium = fileMedium();
    const written = fill(medium);
    const whole = medium.read();
    for (let length = FILE_HEADER.length; length <= whole.length; length++) {
      medium.write(whole.subarray(0, length));
      const log = medium.log();
      assert.deepEqual(contentOf(log), written.filter((one) => one.to <= length).map((one) => one.text));
      assert.equal(log.damagedRecords, 0);
    }
  });

  it("does not take bytes in a torn record for a record of its own", () => {
    const medium = fileMedium();
    const inner = new LogRecords(RECORD_BYTES_MAX);
    const size = inner.frame(record(7, 10), 10, 1);
    const outer = Uint8Array.from([...inner.buffer.subarray(0, size), ...record(8, 20)]);
    const log = medium.log();
    log.append(record(1, 5), 5);
    log.append(outer, outer.length);
    const whole = medium.read();
    for (let rest = 1; rest < 20; rest++) {
      medium.write(whole.subarray(0, whole.length - rest));
      assert.deepEqual(contentOf(medium.log()), [Buffer.from(record(1, 5)).toString("hex")]);
    }
  });
});

describe("A damaged FlashLog", () => {
  it("keeps the records of a sector whose head is destroyed between two intact ones", () => {
    const medium = flashMedium();
    const written = fill(medium);
    const bytes = medium.read();
    const sector = Math.floor(written[written.length - 1].from / SECTOR_BYTES) - 1;
    bytes.fill(0x5a, sector * SECTOR_BYTES, sector * SECTOR_BYTES + 20);
    medium.write(bytes);
    const log = medium.log();
    assert.deepEqual(contentOf(log), written.map((one) => one.text));
    assert.deepEqual([log.damagedRecords, log.damagedBytes], [1, 20]);
  });

  it("keeps the records behind a first sector whose head is destroyed", () => {
    const medium = flashMedium();
    const written = fill(medium);
    const bytes = medium.read();
    bytes.fill(0x5a, 0, 16);
    medium.write(bytes);
    assert.deepEqual(contentOf(medium.log()), written.map((one) => one.text));
  });
});
