import { FlashLog, type FlashLogOptions, type FlashSectors } from "./flash-log.js";

/**
 * An event log in files of Espruino's Storage. Each file is a sector: it is written
 * piece by piece into erased flash, and erased as a whole.
 *
 * When Storage has no room for a new file, it compacts all files. A power loss
 * during that can lose any file. Keep half of Storage free, so that this is rare.
 *
 * @param file beginning of the files' names, at most 24 characters; `chisme.log` by default
 * @param sectors number of files, of 4,064 bytes each, 2 to 100; 4 by default
 */
export function flashLog(file?: string, sectors?: number, options?: FlashLogOptions): FlashLog {
  return new FlashLog(storageSectors(file ?? "chisme.log", sectors ?? 4), options);
}

function storageSectors(file: string, sectors: number): FlashSectors {
  const storage = require("Storage");
  const flash: FlashSectors = {
    sectorBytes: SECTOR_BYTES,
    sectors,
    read(sector: number, offset: number, into: Uint8Array, length: number): void {
      const text = storage.read(file + sector, offset, length);
      // A missing file counts as an erased sector.
      if (text === undefined) into.fill(0xff, 0, length);
      else for (let i = 0; i < length; i++) into[i] = text.charCodeAt(i);
    },
    write(sector: number, offset: number, bytes: Uint8Array, length: number): void {
      const text = E.toString(bytes.subarray(0, length));
      if (text === undefined) throw new Error("no memory for a record");
      if (!storage.write(file + sector, text, offset, SECTOR_BYTES)) throw new Error("Storage is full");
    },
    erase(sector: number): void {
      storage.erase(file + sector);
      // A file exists only after a write; 0xff leaves it erased.
      if (!storage.write(file + sector, String.fromCharCode(0xff), 0, SECTOR_BYTES)) throw new Error("Storage is full");
    },
  };
  // Small builds of Espruino have no CRC-32.
  if (E.CRC32 !== undefined) flash.crc32 = (bytes, length) => E.CRC32!(bytes.subarray(0, length));
  return flash;
}

/** With Storage's header of 32 bytes, a file fills a flash page of 4,096 bytes. */
const SECTOR_BYTES = 4064;
