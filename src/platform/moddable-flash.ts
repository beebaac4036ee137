import type { FlashSectors } from "./flash-log.js";

/** The SDK's class `Flash`, of its modules/files/flash: a partition of the flash of ESP32 or ESP8266. */
export interface FlashPartition {
  readonly byteLength: number;
  /** Bytes of a sector. */
  readonly blockSize: number;
  read(offset: number, byteLength: number): ArrayBuffer | { readonly byteLength: number };
  write(offset: number, byteLength: number, buffer: Uint8Array): void;
  erase(sector: number): void;
}

/** An object of the SDK's class `File`, of its modules/files/file. */
export interface OpenFile {
  readonly length: number;
  position: number;
  read(type: ArrayBufferConstructor, byteLength: number): ArrayBuffer;
  write(bytes: ArrayBuffer): void;
}

/**
 * Sectors of a flash partition, for a `FlashLog`:
 *
 *     new FlashLog(partitionSectors(new Flash("storage"), 0, 16))
 *
 * "storage" is the SDK's partition for files: whoever has files there can't
 * have a log, too. On ESP32 the SDK makes one, of 16 sectors, when a manifest
 * has `"defines": { "file": { "partition": "#storage" } }`. On ESP8266 it is
 * what 4 MB of flash have beside the application; with 1 MB there is none.
 *
 * @param firstSector the first one, counted from the beginning of the partition
 * @param sectors their number, 2 or more
 * @throws Error when the partition has no such sectors
 */
export function partitionSectors(partition: FlashPartition, firstSector: number, sectors: number): FlashSectors {
  const sectorBytes = partition.blockSize;
  const available = Math.floor(partition.byteLength / sectorBytes);
  if (!(firstSector >= 0 && sectors >= 2 && firstSector + sectors <= available)) {
    throw new Error(`sectors: ${sectors} from ${firstSector} on are not 2 or more of the partition's ${available}`);
  }
  const at = (sector: number, offset: number) => (firstSector + sector) * sectorBytes + offset;
  return {
    sectorBytes,
    sectors,
    read(sector, offset, into, length) {
      into.set(new Uint8Array(partition.read(at(sector, offset), length) as ArrayBuffer));
    },
    write(sector, offset, bytes, length) {
      partition.write(at(sector, offset), length, bytes);
    },
    erase(sector) {
      partition.erase(firstSector + sector);
    },
  };
}

/**
 * Sectors in a file, for a `FlashLog` where there is no flash but files, as in
 * the SDK's simulators:
 *
 *     new FlashLog(fileSectors(new File(path, true), 16))
 *
 * The simulators' files are written to the system at once, but not to the disk:
 * a record outlives the program, a loss of power it may not.
 *
 * @param file open for writing, and empty or from a log with as many sectors
 */
export function fileSectors(file: OpenFile, sectors: number, sectorBytes = SECTOR_BYTES): FlashSectors {
  const put = (at: number, bytes: Uint8Array) => {
    file.position = at;
    file.write(bytes.buffer as ArrayBuffer);
  };
  const flash: FlashSectors = {
    sectorBytes,
    sectors,
    read(sector, offset, into, length) {
      file.position = sector * sectorBytes + offset;
      into.set(new Uint8Array(file.read(ArrayBuffer, length)));
    },
    write(sector, offset, bytes, length) {
      const copy = new Uint8Array(length);
      copy.set(bytes.subarray(0, length));
      put(sector * sectorBytes + offset, copy);
    },
    erase(sector) {
      put(sector * sectorBytes, new Uint8Array(sectorBytes).fill(0xff));
    },
  };
  for (let sector = Math.floor(file.length / sectorBytes); sector < sectors; sector++) flash.erase(sector);
  return flash;
}

const SECTOR_BYTES = 4096;
