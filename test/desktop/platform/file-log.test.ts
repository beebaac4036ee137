import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { SimRandom } from "../../../desktop/simulator/random.js";
import { FileLog, type Files } from "../../../desktop/platform/file-log.js";
import { FileStorage } from "../../../desktop/platform/node.js";
import { FakeFiles, NoPower } from "../../support/fake-files.js";
import { LogDriver, type LogStep, contentOf, record, steps } from "../../support/log-driver.js";
import { count, propertyOptions } from "../../support/random.js";

const HEADER = "chisme log 2\n";
const PATH = "/state/events";
const KEPT_MAX = 3;
const BYTES_MAX = 600;

const hex = (...records: Uint8Array[]) => records.map((bytes) => Buffer.from(bytes).toString("hex"));

/** Power is lost after so many steps, each time; between the losses the log is used on. */
function runWithCuts(seed: number, all: readonly LogStep[], cuts: readonly number[]): number {
  const fake = new FakeFiles();
  const random = new SimRandom(seed, 1);
  const start = () => new FileLog(PATH, { files: fake.files, bytesMax: BYTES_MAX });
  const driver = new LogDriver(start, KEPT_MAX);
  let done = 0;
  let used = 0;
  for (const cut of [...cuts, 1e9]) {
    fake.stepsLeft = cut;
    try {
      for (; done < all.length; done++) driver.run([all[done]]);
    } catch (error) {
      if (!(error instanceof NoPower)) throw error;
      done++;
    }
    used += cut - Math.max(0, fake.stepsLeft);
    fake.restart(random);
    driver.restart();
  }
  return used;
}

describe("FileLog", () => {
  describe("on real files", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const path = () => join(folder, "events");

    it("the log holds nothing at first, and makes its file when something is written", () => {
      const log = new FileLog(path());
      assert.deepEqual(contentOf(log), []);
      assert.deepEqual(readdirSync(folder), []);
      assert.equal(log.append(record(1, 20), 20), true);
      assert.deepEqual(readdirSync(folder), ["events"]);
      assert.deepEqual(contentOf(log), hex(record(1, 20)));
      log.close();
      log.close();
    });

    it("the file has the documented layout", () => {
      const log = new FileLog(path());
      log.append(new TextEncoder().encode("123456789"), 9);
      // The CRC-32 of "123456789" is cbf43926. The block of it and the bytes is XORed with 0xff.
      const masked = Array.from(Buffer.from("cbf43926313233343536373839", "hex"), (byte) => byte ^ 0xff);
      const record = Buffer.from([...Buffer.from(HEADER), 0, 1, 10, 0xff, ...masked]);
      assert.deepEqual(readFileSync(path()), record);
      log.close();
    });

    it("the log has the right records over restarts, and stays within its bound", () => {
      const logs: FileLog[] = [];
      const driver = new LogDriver(() => {
        logs.at(-1)?.close();
        logs.push(new FileLog(path(), { bytesMax: BYTES_MAX }));
        return logs[logs.length - 1];
      }, KEPT_MAX);
      for (const step of steps(new SimRandom(3, 1), 100, 90, KEPT_MAX)) {
        driver.run([step]);
        driver.check();
        if (driver.held.length % 3 === 0) driver.restart();
        assert.ok(readFileSync(path()).length <= BYTES_MAX);
      }
      logs.at(-1)?.close();
      assert.deepEqual(readdirSync(folder), ["events"]);
    });

    it("the log cuts off an incomplete last record, of any length, and continues", () => {
      const log = new FileLog(path());
      const records = [record(1, 9), record(2, 1), record(3, 12)];
      const ends = [HEADER.length];
      for (const bytes of records) {
        log.append(bytes, bytes.length);
        ends.push(readFileSync(path()).length);
      }
      log.close();
      const whole = readFileSync(path());
      for (let length = HEADER.length; length <= whole.length; length++) {
        const count = ends.filter((end) => end <= length).length - 1;
        for (const rest of ["", "\0".repeat(20), "\xff".repeat(20), "\0\x01\x04abcdefg"]) {
          writeFileSync(path(), Buffer.concat([whole.subarray(0, length), Buffer.from(rest, "latin1")]));
          const again = new FileLog(path());
          assert.deepEqual(contentOf(again), hex(...records.slice(0, count)));
          assert.equal(readFileSync(path()).length, ends[count]);
          again.append(record(4, 10), 10);
          again.close();
          const last = new FileLog(path());
          assert.deepEqual(contentOf(last), hex(...records.slice(0, count), record(4, 10)));
          last.close();
        }
      }
    });

    it("the log skips a damaged record in the middle", () => {
      const log = new FileLog(path());
      for (let i = 0; i < 4; i++) log.append(record(i, 20), 20);
      const bytes = readFileSync(path());
      bytes[HEADER.length + 28 + 15] ^= 4;
      writeFileSync(path(), bytes);
      assert.deepEqual(contentOf(log), hex(...[0, 2, 3].map((i) => record(i, 20))));
      log.close();
    });

    it("the log does not change a file that is no log", () => {
      for (const text of ["chisme log 1\nabc", "a diary", "zero"]) {
        writeFileSync(path(), text);
        const log = new FileLog(path());
        assert.throws(() => contentOf(log), /events is not the log of a node/);
        assert.throws(() => log.append(record(1, 1), 1), /events is not the log of a node/);
        assert.equal(readFileSync(path(), "utf8"), text);
      }
    });

    it("the log begins anew in a file that a crash left empty, or with zeros, or with a damaged header", () => {
      for (const text of ["", "chisme", "\0".repeat(500), "chisme lok 2\n"]) {
        writeFileSync(path(), text);
        const log = new FileLog(path());
        assert.deepEqual(contentOf(log), []);
        assert.equal(log.damagedRecords, 1);
        log.append(record(1, 9), 9);
        assert.deepEqual(contentOf(log), hex(record(1, 9)));
        assert.equal(log.damagedRecords, 0);
        log.close();
      }
    });

    it("the log is the log of FileStorage, beside the revision", () => {
      const storage = new FileStorage(folder, { bytesMax: 100 });
      storage.writeRevision(3);
      assert.ok(storage.log.append(record(1, 20), 20));
      assert.equal(storage.log.append(record(1, 80), 80), false);
      storage.close();
      assert.deepEqual(readdirSync(folder).sort(), ["events", "lock", "revision"]);
      const again = new FileStorage(folder);
      assert.deepEqual([again.readRevision(), contentOf(again.log)], [3, hex(record(1, 20))]);
      again.close();
    });

    it("the log throws the system's error", () => {
      const log = new FileLog(join(folder, "none", "events"));
      assert.throws(() => log.append(record(1, 1), 1), /ENOENT/);
      assert.throws(() => new FileLog(folder).read(() => undefined), /EISDIR/);
    });

    it("the log closes its files", () => {
      const before = openSync(folder, "r");
      closeSync(before);
      const log = new FileLog(path());
      for (let i = 0; i < 20; i++) {
        log.append(record(i, 10), 10);
        log.rewrite((put) => put(record(i, 5), 5));
        log.read(() => undefined);
        assert.throws(() => log.rewrite(() => {
          throw new Error("no");
        }), /no/);
      }
      log.close();
      const after = openSync(folder, "r");
      closeSync(after);
      assert.equal(after, before);
    });
  });

  describe("when power is lost", () => {
    it("the log has all acknowledged records after any byte and any operation, whatever else was written", () => {
      const all = steps(new SimRandom(5, 1), 25, 50, KEPT_MAX);
      const total = runWithCuts(0, all, []);
      assert.ok(total > 800, `${total} steps`);
      for (let cut = 0; cut < total; cut += count(1, 7)) {
        for (let seed = 0; seed < 2; seed++) runWithCuts(cut * 2 + seed, all, [cut]);
      }
    });

    it("the log has all acknowledged records when power is lost again and again", () => {
      const cutsOf = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 8 });
      fc.assert(fc.property(fc.integer(), cutsOf, (seed, cuts) => {
        runWithCuts(seed, steps(new SimRandom(seed, 2), 60, 60, KEPT_MAX), cuts);
      }), propertyOptions(200));
    });
  });

  const failing: (keyof Files)[] = ["writeSync", "fsyncSync", "renameSync", "openSync"];
  for (const operation of failing) {
    it(`the log continues after ${operation} has failed`, () => {
      for (const isRewrite of [false, true]) {
        const fake = new FakeFiles();
        const log = new FileLog(PATH, { files: fake.files });
        log.append(record(1, 30), 30);
        fake.failing = operation;
        try {
          if (isRewrite) log.rewrite((put) => put(record(3, 3), 3));
          else log.append(record(2, 30), 30);
        } catch (error) {
          assert.equal((error as Error).message, `${operation} failed`);
        }
        fake.failing = undefined;
        const held = contentOf(log);
        assert.ok(held.length > 0);
        log.append(record(4, 9), 9);
        assert.deepEqual(contentOf(log), [...held, ...hex(record(4, 9))]);
        fake.restart(new SimRandom(1, 1));
        assert.deepEqual(contentOf(new FileLog(PATH, { files: fake.files })), [...held, ...hex(record(4, 9))]);
      }
    });
  }

  it("the log removes a record that could not be synced, so that all of the next one is written and synced", () => {
    const fake = new FakeFiles();
    const log = new FileLog(PATH, { files: fake.files });
    log.append(record(1, 30), 30);
    const before = fake.contentOf(PATH);
    fake.failing = "fsyncSync";
    assert.throws(() => log.append(record(2, 30), 30), /fsyncSync failed/);
    assert.deepEqual(fake.contentOf(PATH), before);
    assert.equal(fake.openFiles, 0);
  });
});
