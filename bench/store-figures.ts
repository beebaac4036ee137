import { Flash } from "../desktop/simulator/flash.js";
import { FlashLog, sectorsFor } from "../src/platform/flash-log.js";

/** The measured case: a node that publishes, with a log on flash. */
export interface StoreSetup {
  /** Sectors of the log; ESP32's partition for storage has 16. */
  sectors: number;
  sectorBytes: number;
  /** Length of a stored event. */
  recordBytes: number;
  /** Events that a rewrite keeps when the log is full. */
  keptRecords: number;
}

export interface StoreFigures {
  /** Events appended per erase of a sector. */
  "store.appendsPerFlashErase": number;
  /** Erases of the sectors that were erased most and least often. */
  "store.erasesOfSectorMax": number;
  "store.erasesOfSectorMin": number;
  /** Events per day that wear out the flash in ten years. */
  "store.writesADayForTenYears": number;
  /** Bytes written to flash per byte of an event. */
  "store.bytesWrittenPerByte": number;
}

/** Readings with a topic and a key of ten bytes each. One every 15 minutes makes 96 a day, which are kept. */
export const STORE_DEFAULTS: StoreSetup = { sectors: 16, sectorBytes: 4096, recordBytes: 40, keptRecords: 96 };

/** Erases of a sector that the makers of the flash on ESP32 and ESP8266 boards specify. */
const ERASES_OF_SECTOR = 100000;
const TEN_YEARS_DAYS = 3652.5;

/** Appends to a log on exact flash until each sector was erased `rounds` times, and counts. */
export function measureStore(setup: StoreSetup = STORE_DEFAULTS, rounds = 50): StoreFigures {
  const { sectors, sectorBytes, recordBytes, keptRecords } = setup;
  const flash = new Flash(sectors, sectorBytes);
  let bytesWritten = 0;
  const write = flash.write.bind(flash);
  flash.write = (sector, offset, bytes, length) => {
    bytesWritten += length;
    write(sector, offset, bytes, length);
  };
  const spareSectors = sectorsFor(sectorBytes, keptRecords, keptRecords * recordBytes, recordBytes);
  const log = new FlashLog(flash, { recordBytesMax: recordBytes, spareSectors });
  const record = new Uint8Array(recordBytes);
  let appends = 0;
  while (Math.min(...flash.erases) < rounds) {
    if (!log.append(record, recordBytes)) {
      log.rewrite((put) => {
        for (let i = 0; i < keptRecords; i++) put(record, recordBytes);
      });
    } else {
      appends++;
    }
  }
  const appendsPerErase = appends / flash.eraseCount;
  return {
    "store.appendsPerFlashErase": Number(appendsPerErase.toFixed(1)),
    "store.erasesOfSectorMax": Math.max(...flash.erases),
    "store.erasesOfSectorMin": Math.min(...flash.erases),
    "store.writesADayForTenYears": Math.floor(appendsPerErase * ERASES_OF_SECTOR * sectors / TEN_YEARS_DAYS),
    "store.bytesWrittenPerByte": Number((bytesWritten / (appends * recordBytes)).toFixed(2)),
  };
}
