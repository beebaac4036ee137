import assert from "node:assert/strict";
import { SimRandom } from "../../desktop/simulator/random.js";
import { Flash } from "../../desktop/simulator/flash.js";
import { FlashLog } from "../../src/platform/flash-log.js";
import { type OpenFile, fileSectors, partitionSectors } from "../../src/platform/moddable-flash.js";
import { PreferenceStorage } from "../../src/platform/moddable-storage.js";
import { LogDriver, record, steps } from "../support/log-driver.js";
import { partitionOf } from "./partition.js";

const SECTOR_BYTES = 512;
const OPTIONS = { recordBytesMax: 80 };

/** The SDK's class `File` on Linux: it reads and writes buffers, at a position. */
class FakeFile implements OpenFile {
  bytes = new Uint8Array(0);
  position = 0;

  get length(): number {
    return this.bytes.length;
  }

  read(type: ArrayBufferConstructor, byteLength: number): ArrayBuffer {
    assert.equal(type, ArrayBuffer);
    assert.ok(this.position + byteLength <= this.bytes.length, "read past end of file");
    this.position += byteLength;
    return this.bytes.slice(this.position - byteLength, this.position).buffer;
  }

  write(bytes: ArrayBuffer): void {
    assert.ok(bytes instanceof ArrayBuffer);
    const longer = new Uint8Array(Math.max(this.bytes.length, this.position + bytes.byteLength));
    longer.set(this.bytes);
    longer.set(new Uint8Array(bytes), this.position);
    this.bytes = longer;
    this.position += bytes.byteLength;
  }
}

describe("flash for Moddable", () => {
  const history = steps(new SimRandom(1, 1), 300, 80, 3);

  it("the flash is a part of a partition", () => {
    const flash = new Flash(10, SECTOR_BYTES);
    const sectors = partitionSectors(partitionOf(flash), 3, 4);
    const driver = new LogDriver(() => new FlashLog(sectors, OPTIONS), 3);
    driver.run(history);
    driver.restart();
    assert.ok(flash.erases.slice(3, 7).every((count) => count > 0), flash.erases.join(" "));
    assert.deepEqual([...flash.erases.slice(0, 3), ...flash.erases.slice(7)], [0, 0, 0, 0, 0, 0]);
  });

  it("moddableFlash refuses sectors that the partition does not have", () => {
    const partition = partitionOf(new Flash(4, SECTOR_BYTES));
    for (const [first, count] of [[0, 5], [3, 2], [-1, 2], [0, 1]]) {
      assert.throws(() => partitionSectors(partition, first, count),
        new Error(`sectors: ${count} from ${first} on are not 2 or more of the partition's 4`));
    }
  });

  it("the flash is a file where there is no partition", () => {
    const file = new FakeFile();
    const driver = new LogDriver(() => new FlashLog(fileSectors(file, 4, SECTOR_BYTES), OPTIONS), 3);
    assert.equal(file.length, 4 * SECTOR_BYTES);
    driver.run(history);
    driver.restart();
    assert.equal(file.length, 4 * SECTOR_BYTES);
  });

  it("the flash goes with a storage for the revision", () => {
    const preferences = { get: () => undefined, set: () => undefined, delete: () => undefined };
    const log = new FlashLog(fileSectors(new FakeFile(), 2));
    assert.equal(new PreferenceStorage(preferences, "chisme", log).log, log);
    assert.equal(new PreferenceStorage(preferences, "chisme").log, undefined);
    assert.ok(log.append(record(1, 512), 512));
  });
});
