import assert from "node:assert/strict";
import { SimRandom } from "../../desktop/simulator/random.js";
import { MemoryLog, type MemoryLogOptions, MemoryStorage, PowerLossError } from "../../desktop/platform/node.js";
import { LogDriver, contentOf, record, steps } from "../support/log-driver.js";

const KEPT_MAX = 3;

describe("MemoryLog", () => {
  it("a MemoryStorage takes a MemoryLog", () => {
    const log = new MemoryLog();
    assert.equal(new MemoryStorage(log).log, log);
    assert.equal(new MemoryStorage().log, undefined);
  });

  it("the log does what its model does, and stays within its bound", () => {
    const log = new MemoryLog({ bytesMax: 300 });
    const driver = new LogDriver(() => log, KEPT_MAX);
    for (const step of steps(new SimRandom(1, 1), 200, 60, KEPT_MAX)) {
      driver.run([step]);
      driver.check();
      assert.ok(driver.held.reduce((sum, text) => sum + 6 + text.length / 2, 0) <= 300);
    }
  });

  it("the log keeps the old records when a rewrite does not fit or breaks off", () => {
    const log = new MemoryLog({ bytesMax: 100, recordBytesMax: 80 });
    log.append(record(1, 10), 10);
    const before = contentOf(log);
    assert.throws(() => log.rewrite((put) => {
      for (let i = 0; i < 9; i++) put(record(i, 30), 30);
    }), /rewrite: the records take more than 100 bytes/);
    assert.throws(() => log.append(record(1, 81), 81), /length: 81 is not a record's length from 1 to 80/);
    assert.deepEqual(contentOf(log), before);
  });

  it("the log has every acknowledged record when power is lost after any byte", () => {
    const all = steps(new SimRandom(2, 1), 40, 50, KEPT_MAX);
    let left = Infinity;
    const options: MemoryLogOptions = {
      bytesMax: 400,
      tear: (length) => {
        const kept = Math.min(left, length);
        left -= kept;
        return kept;
      },
    };
    for (let cut = 0; cut < 1500; cut++) {
      const log = new MemoryLog(options);
      const driver = new LogDriver(() => log, KEPT_MAX);
      left = cut;
      let done = 0;
      try {
        for (; done < all.length; done++) driver.run([all[done]]);
      } catch (error) {
        assert.ok(error instanceof PowerLossError, String(error));
        done++;
      }
      left = Infinity;
      driver.restart();
      driver.run(all.slice(done));
      driver.restart();
    }
  });
});
