import { FlashLog, type FlashLogOptions, type FlashSectors } from "./flash-log.js";

/**
 * An event log in files of Espruino's Storage. Each is written piece by piece
 * into flash that is erased, and given up as a whole.
 *
 * Storage puts a new file where there is room and, when there is none, moves
 * all files together. A loss of power while it does that can lose any file: keep
 * half of Storage free, so that it seldom does.
 *
 * @param file beginning of the files' names, at most 24 characters; `chisme.log` by default
 * @param sectors files, of 4,064 bytes each, 2 to 100; 4 by default
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
      // A file that was given up and not made anew is as good as erased.
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
      // It has to be written to be made, and stays erased.
      if (!storage.write(file + sector, String.fromCharCode(0xff), 0, SECTOR_BYTES)) throw new Error("Storage is full");
    },
  };
  // Small builds have none.
  if (E.CRC32 !== undefined) flash.crc32 = (bytes, length) => E.CRC32!(bytes.subarray(0, length));
  return flash;
}

/** With Storage's own 32 bytes for a file it fills up a page of the flash. */
const SECTOR_BYTES = 4064;
