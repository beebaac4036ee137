import assert from "node:assert/strict";
import { SimRandom } from "../../desktop/simulator/random.js";
import { Flash, PowerLoss } from "../../desktop/simulator/flash.js";
import { FlashLog } from "../../src/platform/flash-log.js";
import { LogRecords, RECORD_BYTES_MAX as LONGEST } from "../../src/platform/log-record.js";
import { contentOf, record } from "../support/log-driver.js";
import { count } from "../support/random.js";
import {
  type Medium, RECORD_BYTES_MAX, SECTOR_BYTES, check, espruinoCode, fileMedium, fill, flashMedium, flipTable,
  prefixTable, storageMedium,
} from "./damage.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** Of the head of a sector. */
const HEAD_BYTES = 20;

const MEDIA: [name: string, make: (code: string) => Medium][] = [
  ["FileLog", fileMedium], ["FlashLog", flashMedium], ["FlashLog in Espruino's Storage", storageMedium],
];
const BUNDLE_MS = 300_000;

for (const [name, make] of MEDIA) {
  describe(`A damaged ${name}`, function () {
    this.timeout(BUNDLE_MS);
    let code = "";
    before(async () => {
      if (make === storageMedium) code = await espruinoCode();
    });

    it("loses no intact record and accepts no damaged one, whichever bit of 30 records flips", () => {
      const counts = flipTable(make(code), count(1, make === storageMedium ? 37 : 7));
      assert.ok(counts.cases > 200, JSON.stringify(counts));
      const { lost, foreign, unstable } = counts;
      assert.deepEqual({ lost, foreign, unstable }, { lost: 0, foreign: 0, unstable: 0 }, JSON.stringify(counts));
      // Only the last record of a file or a sector may look torn.
      assert.ok(counts.untold <= counts.cases / 100, JSON.stringify(counts));
    });

    it("has the records of each earlier state", () => {
      const counts = prefixTable(make(code), count(1, make === storageMedium ? 11 : 3));
      assert.ok(counts.cases > 90, JSON.stringify(counts));
      const { lost, foreign, unstable } = counts;
      assert.deepEqual({ lost, foreign, unstable }, { lost: 0, foreign: 0, unstable: 0 }, JSON.stringify(counts));
    });

    it("keeps all records outside a place of zeros, erased or random bytes", () => {
      const medium = make(code);
      const written = fill(medium);
      const whole = medium.read();
      const random = new SimRandom(4, 4);
      const end = written[written.length - 1].from;
      for (let at = written[0].from; at < end - 70; at += count(1, make === storageMedium ? 97 : 11)) {
        // A sector's head is not in the place: without the head of the last sector nothing tells whose its records are.
        const isHead = name === "FlashLog" && (at % SECTOR_BYTES < HEAD_BYTES || at % SECTOR_BYTES > SECTOR_BYTES - 64);
        if (isHead) continue;
        for (const filler of [0, 0xff, undefined]) {
          const bytes = Uint8Array.from(whole);
          for (let i = at; i < at + 64; i++) bytes[i] = filler ?? random.below(256);
          medium.write(bytes);
          const what = `${String(filler)} from byte ${at} on`;
          const { lost, foreign, isUnstable, places } = check(medium, written, at, at + 64);
          assert.deepEqual({ lost, foreign, isUnstable }, { lost: 0, foreign: 0, isUnstable: false }, what);
          const sectorEnd = name === "FlashLog" ? at - at % SECTOR_BYTES + SECTOR_BYTES : whole.length;
          if (written.some((one) => one.from >= at + 64 && one.from < sectorEnd)) assert.equal(places, 1, what);
        }
      }
    });
  });
}

/** A record of which a part has the form of a record. */
function nested(): Uint8Array {
  const inner = new LogRecords(RECORD_BYTES_MAX);
  const size = inner.frame(record(7, 10), 10, 4);
  return Uint8Array.from([1, 2, 3, 4, ...inner.buffer.subarray(0, size), ...record(8, 16)]);
}

describe("A record within a record", () => {
  for (const make of [fileMedium, flashMedium]) {
    const { name } = make();
    it(`is none in a ${name}, wherever the outer one is torn and whatever is appended`, () => {
      const medium = make();
      const outer = nested();
      const log = medium.log();
      log.append(record(1, 5), 5);
      const first = medium.read();
      log.append(outer, outer.length);
      const whole = medium.read();
      let end = whole.length;
      while (whole[end - 1] === 0xff) end--;
      let begin = 0;
      while (first[begin] === whole[begin]) begin++;
      for (let length = begin; length < end; length++) {
        medium.write(name === "FileLog" ? whole.slice(0, length) : Uint8Array.from(whole).fill(0xff, length));
        const again = medium.log();
        const held = [hex(record(1, 5))];
        assert.deepEqual(contentOf(again), held);
        for (let i = 0; i < 5; i++) {
          again.append(record(20 + i, 12 + i), 12 + i);
          held.push(hex(record(20 + i, 12 + i)));
          assert.deepEqual(contentOf(medium.log()), held, `cut at ${length}, ${i + 1} more`);
        }
        assert.equal(again.damagedRecords, 0);
      }
    });

    it(`is none in a ${name} when the outer one is damaged`, () => {
      const medium = make();
      const outer = nested();
      const log = medium.log();
      log.append(record(1, 5), 5);
      log.append(outer, outer.length);
      log.append(record(2, 5), 5);
      const whole = medium.read();
      for (let bit = 0; bit < whole.length * 8; bit += count(3, 5, 1)) {
        const bytes = Uint8Array.from(whole);
        bytes[bit >> 3] ^= 1 << (bit & 7);
        medium.write(bytes);
        assert.ok(!contentOf(medium.log()).includes(hex(record(7, 10))), `bit ${bit}`);
      }
    });
  }
});

describe("LogRecords", () => {
  it("encodes records of all lengths without a zero behind the first byte, and reads them back", () => {
    const records = new LogRecords(LONGEST);
    const random = new SimRandom(3, 3);
    for (const length of [1, 2, 248, 249, 250, 251, 502, 503, 504, 1000, 4096, LONGEST]) {
      for (const byteOf of [() => random.below(256), () => 0, (i: number) => i]) {
        const bytes = Uint8Array.from({ length }, (_, i) => byteOf(i));
        const size = records.frame(bytes, length, 1);
        const frame = records.buffer.slice(0, size);
        assert.equal(frame.indexOf(0, 1), -1);
        assert.notEqual(frame[size - 1], 0xff);
        let found = "";
        const source = { read: (at: number, into: Uint8Array, n: number) => into.set(frame.subarray(at, at + n)) };
        records.scan(source, 0, size, 1, (body, n) => found = hex(body.subarray(0, n)));
        assert.equal(found, hex(bytes));
        assert.deepEqual([records.wholeEnd, records.writtenEnd, records.damagedRecords], [size, size, 0]);
      }
    }
  });
});

describe("A damaged FlashLog", () => {
  it("keeps the records of a sector whose head is destroyed between two intact ones", () => {
    const medium = flashMedium();
    const written = fill(medium);
    const bytes = medium.read();
    const sector = Math.floor(written[written.length - 1].from / SECTOR_BYTES) - 1;
    bytes.fill(0x5a, sector * SECTOR_BYTES, sector * SECTOR_BYTES + HEAD_BYTES);
    medium.write(bytes);
    const log = medium.log();
    assert.deepEqual(contentOf(log), written.map((one) => one.text));
    assert.deepEqual([log.damagedRecords, log.damagedBytes], [1, HEAD_BYTES]);
  });

  it("keeps the records behind a first sector whose head is destroyed", () => {
    const medium = flashMedium();
    const written = fill(medium);
    const bytes = medium.read();
    bytes.fill(0x5a, 0, 16);
    medium.write(bytes);
    assert.deepEqual(contentOf(medium.log()), written.map((one) => one.text));
  });

  it("does not count torn records as damaged, also once others follow", () => {
    for (let cut = 0; cut < 30; cut++) {
      const flash = new Flash(4, SECTOR_BYTES);
      const make = () => new FlashLog(flash, { recordBytesMax: RECORD_BYTES_MAX });
      make().append(record(1, 20), 20);
      for (let again = 0; again < 3; again++) {
        flash.stepsLeft = cut;
        assert.throws(() => make().append(record(2, 40), 40), PowerLoss);
        flash.stepsLeft = Infinity;
        make().append(record(3 + again, 9), 9);
      }
      const log = make();
      assert.deepEqual(contentOf(log), [record(1, 20), ...[3, 4, 5].map((i) => record(i, 9))].map(hex), `cut ${cut}`);
      assert.equal(log.damagedRecords, 0, `cut ${cut}`);
    }
  });
});
