import assert from "node:assert/strict";
import { STORE_DEFAULTS, measureStore } from "../../bench/store-figures.js";

describe("the wear of flash by an event log", () => {
  it("the wear is small, and the same for all sectors", () => {
    const figures = measureStore(STORE_DEFAULTS, 20);
    assert.ok(figures["store.appendsPerFlashErase"] >= 70, JSON.stringify(figures));
    assert.ok(figures["store.erasesOfSectorMax"] - figures["store.erasesOfSectorMin"] <= 1, JSON.stringify(figures));
    assert.ok(figures["store.writesADayForTenYears"] >= 30000, JSON.stringify(figures));
    assert.ok(figures["store.bytesWrittenPerByte"] <= 1.4, JSON.stringify(figures));
  });

  it("the wear of other flash is the counted one", () => {
    // Two sectors, nothing kept: each is filled with (4,096 - 20) / 48 records, erased, and so on.
    const figures = measureStore({ sectors: 2, sectorBytes: 4096, recordBytes: 40, keptRecords: 0 }, 20);
    assert.ok(Math.abs(figures["store.appendsPerFlashErase"] - 84) <= 3, JSON.stringify(figures));
  });
});
