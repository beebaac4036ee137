import assert from "node:assert/strict";
import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import { ERASE_STEPS, Flash, PowerLoss } from "../../desktop/simulator/flash.js";
import { FlashLog, type FlashLogOptions, sectorsFor } from "../../src/platform/flash-log.js";
import { crc32 } from "../support/crc32.js";
import { LogDriver, contentOf, record, steps } from "../support/log-driver.js";
import { propertyOptions } from "../support/random.js";

const SECTOR_BYTES = 256;
const OPTIONS = { recordBytesMax: 60 };
const KEPT_MAX = 3;

/** Starts anew until nothing is left to do; `cuts` says after how many steps power is lost, each time. */
function runWithCuts(flash: Flash, all: ReturnType<typeof steps>, cuts: readonly number[], keptMax: number): void {
  const driver = new LogDriver(() => new FlashLog(flash, OPTIONS), keptMax);
  let done = 0;
  for (const cut of [...cuts, Infinity]) {
    flash.stepsLeft = cut;
    try {
      for (; done < all.length; done++) driver.run([all[done]]);
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
      // What was being done is not done again.
      done++;
    }
    flash.stepsLeft = Infinity;
    driver.restart();
  }
}

describe("FlashLog", () => {
  const hex = (...records: Uint8Array[]) => records.map((bytes) => Buffer.from(bytes).toString("hex"));

  it("the log is empty on flash that was never used, or that holds other data", () => {
    assert.deepEqual(contentOf(new FlashLog(new Flash(2))), []);
    for (const fill of [0, 0x5a]) {
      const flash = new Flash(4, SECTOR_BYTES);
      flash.bytes.fill(fill);
      const driver = new LogDriver(() => new FlashLog(flash, OPTIONS), KEPT_MAX);
      driver.restart();
      driver.run(steps(new SimRandom(1, 1), 50, 60, KEPT_MAX));
      driver.restart();
    }
  });

  it("the log gives back the records in their order, at once and after a restart", () => {
    const flash = new Flash(2);
    const log = new FlashLog(flash);
    const [a, b, c] = [record(1, 1), record(2, 300), record(3, 512)];
    for (const bytes of [a, b, c]) assert.equal(log.append(bytes, bytes.length), true);
    assert.deepEqual(contentOf(log), hex(a, b, c));
    assert.deepEqual(contentOf(new FlashLog(flash)), hex(a, b, c));
  });

  it("the log lies on the flash as its layout says", () => {
    const flash = new Flash(2);
    new FlashLog(flash).append(Uint8Array.of(0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39), 9);
    const head = "63676c02" + "00000000" + "00000000";
    const whole = "00000000";
    // The CRC-32 of "123456789", the check value of its specification, and the bytes, XORed with 0xff.
    const first = "00010a" + "ff" + "340bc6d9" + "cecdcccbcac9c8c7c6" + "ffffff";
    const bytes = Buffer.from(flash.bytes).toString("hex");
    assert.equal(bytes.substring(0, 24), head);
    assert.equal(bytes.substring(32, 40 + first.length), whole + first);
    assert.match(bytes.substring(40 + first.length), /^f+$/);
  });

  it("the log is full when only the spare sectors are left, and then changes nothing", () => {
    for (const [sectors, spareSectors, usable] of [[2, 1, 1], [4, 1, 3], [4, 3, 1], [5, undefined, 2]] as const) {
      const flash = new Flash(sectors, SECTOR_BYTES);
      const options: FlashLogOptions = { ...OPTIONS };
      if (spareSectors !== undefined) options.spareSectors = spareSectors;
      const log = new FlashLog(flash, options);
      let count = 0;
      // A sector has room for three of 54 bytes, which take 64 each of its 236.
      while (log.append(record(count, 54), 54)) count++;
      assert.equal(count, 3 * usable);
      const before = Uint8Array.from(flash.bytes);
      assert.equal(log.append(record(count, 54), 54), false);
      assert.deepEqual(flash.bytes, before);
      assert.equal(log.append(record(1, 36), 36), true, "a shorter one has room behind the last");
      log.rewrite((put) => put(record(9, 9), 9));
      assert.deepEqual(contentOf(log), hex(record(9, 9)));
      assert.ok(log.append(record(1, 54), 54));
    }
  });

  it("the log keeps the old records when a rewrite does not fit or breaks off", () => {
    const flash = new Flash(4, SECTOR_BYTES);
    const log = new FlashLog(flash, OPTIONS);
    log.append(record(1, 10), 10);
    for (let again = 0; again < 5; again++) {
      assert.throws(() => log.rewrite((put) => {
        for (let i = 0; i < 20; i++) put(record(i, 50), 50);
      }), /rewrite: the records take more than 2 sectors of 256 bytes/);
      assert.throws(() => log.rewrite((put) => {
        put(record(2, 2), 2);
        throw new Error("no more");
      }), /no more/);
      assert.deepEqual(contentOf(log), hex(record(1, 10)));
    }
    log.rewrite((put) => put(record(3, 3), 3));
    log.append(record(4, 50), 50);
    assert.deepEqual(contentOf(new FlashLog(flash, OPTIONS)), hex(record(3, 3), record(4, 50)));
  });

  it("the log does not take the rest of a broken-off rewrite for a part of a later one", () => {
    const flash = new Flash(6, SECTOR_BYTES);
    const driver = new LogDriver(() => new FlashLog(flash, OPTIONS), KEPT_MAX);
    driver.append(record(1, 10));
    const many = Array.from({ length: 9 }, (_, i) => record(i, 50));
    flash.stepsLeft = 3 * ERASE_STEPS + 400;
    assert.throws(() => driver.rewrite(many), PowerLoss);
    flash.stepsLeft = Infinity;
    driver.restart();
    driver.rewrite([record(5, 5)]);
    driver.restart();
    driver.append(record(6, 50));
    driver.restart();
  });

  for (const withRandom of [false, true]) {
    const how = withRandom ? ", which is half written, or half an erase" : "";
    it(`the log loses nothing when power is lost after any byte${how}`, () => {
      const all = steps(new SimRandom(7, 1), 60, 60, KEPT_MAX);
      const whole = new Flash(4, SECTOR_BYTES);
      whole.stepsLeft = 1e9;
      new LogDriver(() => new FlashLog(whole, OPTIONS), KEPT_MAX).run(all);
      const total = 1e9 - whole.stepsLeft;
      assert.ok(total > 2000 && whole.eraseCount > 12, `${total} steps, ${whole.eraseCount} erases`);
      for (let cut = 0; cut < total; cut++) {
        const flash = new Flash(4, SECTOR_BYTES, withRandom ? new SimRandom(cut, 2) : undefined);
        runWithCuts(flash, all, [cut], KEPT_MAX);
      }
    });
  }

  it("the log loses nothing when power is lost again and again", () => {
    const cutsOf = fc.array(fc.integer({ min: 0, max: 400 }));
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 2, max: 6 }), cutsOf, (seed, sectors, cuts) => {
      const flash = new Flash(sectors, SECTOR_BYTES, new SimRandom(seed, 3));
      runWithCuts(flash, steps(new SimRandom(seed, 4), 80, 60, 2), cuts, 2);
    }), propertyOptions(300));
  });

  it("the log goes on after a write that failed while the power stayed", () => {
    const flash = new Flash(4, SECTOR_BYTES, new SimRandom(1, 5));
    const driver = new LogDriver(() => new FlashLog(flash, OPTIONS), KEPT_MAX);
    const log = new FlashLog(flash, OPTIONS);
    log.append(record(1, 50), 50);
    flash.stepsLeft = 20;
    assert.throws(() => log.append(record(2, 50), 50), PowerLoss);
    flash.stepsLeft = Infinity;
    assert.ok(log.append(record(3, 50), 50));
    assert.deepEqual(contentOf(log), hex(record(1, 50), record(3, 50)));
    driver.held = contentOf(log);
    driver.restart();
  });

  it("the log passes over a record that the flash has damaged", () => {
    const flash = new Flash(2);
    const log = new FlashLog(flash);
    for (let i = 0; i < 5; i++) log.append(record(i, 20), 20);
    flash.bytes[20 + 2 * 28 + 10] ^= 1;
    assert.deepEqual(contentOf(new FlashLog(flash)), hex(...[0, 1, 3, 4].map((i) => record(i, 20))));
  });

  it("the log wears all sectors alike", () => {
    const flash = new Flash(7, SECTOR_BYTES);
    const driver = new LogDriver(() => new FlashLog(flash, OPTIONS), KEPT_MAX);
    for (let i = 0; i < 2000; i++) driver.append(record(i, 30));
    assert.ok(Math.max(...flash.erases) - Math.min(...flash.erases) <= 1, flash.erases.join(" "));
  });

  it("the log uses the platform's CRC-32 where there is one, and writes the same bytes", () => {
    const [slow, fast] = [new Flash(2), new Flash(2)];
    let calls = 0;
    const own = new FlashLog(new Flash(2));
    const helped = Object.assign(Object.create(fast) as Flash, {
      crc32: (bytes: Uint8Array, length: number) => {
        calls++;
        return crc32(bytes.subarray(0, length));
      },
    });
    for (const log of [own, new FlashLog(slow), new FlashLog(helped)]) log.append(record(1, 20), 20);
    assert.deepEqual(fast.bytes, slow.bytes);
    assert.ok(calls > 0);
  });

  it("the log refuses options and records that are out of their range", () => {
    const flash = new Flash(3, SECTOR_BYTES);
    assert.throws(() => new FlashLog(new Flash(1)), /sectors: 1 is not 2 or more/);
    for (const spareSectors of [0, 3, NaN]) {
      assert.throws(() => new FlashLog(flash, { ...OPTIONS, spareSectors }), /spareSectors: .+ is not from 1 to 2/);
    }
    assert.throws(() => new FlashLog(flash), /recordBytesMax: 512 does not fit into a sector of 256 bytes/);
    assert.throws(() => new FlashLog(flash, { recordBytesMax: 0 }), /recordBytesMax: 0 is not from 1 to 65024/);
    const log = new FlashLog(flash, OPTIONS);
    assert.equal(log.recordBytesMax, 60);
    assert.throws(() => log.append(record(1, 1), 0), /length: 0 is not a record's length from 1 to 60/);
    assert.throws(() => log.append(record(1, 61), 61), /length: 61 is not/);
    assert.deepEqual(contentOf(log), []);
  });

  it("sectorsFor counts enough sectors for any rewrite", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 60 }), (lengths) => {
      const bytes = lengths.reduce((sum, length) => sum + length, 0);
      const sectors = sectorsFor(SECTOR_BYTES, lengths.length, bytes, 60);
      const log = new FlashLog(new Flash(2 * sectors, SECTOR_BYTES), { ...OPTIONS, spareSectors: sectors });
      log.rewrite((put) => lengths.forEach((length, i) => put(record(i, length), length)));
    }), propertyOptions(300));
  });
});
