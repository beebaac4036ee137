import type { FlashSectors } from "./flash-log.js";

/** The SDK's class `Flash` of modules/files/flash: a flash partition on ESP32 or ESP8266. */
export interface FlashPartition {
  readonly byteLength: number;
  /** Bytes of a sector. */
  readonly blockSize: number;
  read(offset: number, byteLength: number): ArrayBuffer | { readonly byteLength: number };
  write(offset: number, byteLength: number, buffer: Uint8Array): void;
  erase(sector: number): void;
}

/** An object of the SDK's class `File` of modules/files/file. */
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
 * "storage" is the SDK's partition for files, so it cannot hold both files and a
 * log. On ESP32 the SDK creates it, with 16 sectors, when a manifest has
 * `"defines": { "file": { "partition": "#storage" } }`. On ESP8266 with 4 MB of
 * flash it is the part that the application does not use; with 1 MB there is none.
 *
 * @param firstSector the first sector, counted from the beginning of the partition
 * @param sectors number of sectors, 2 or more
 * @throws Error when the partition does not have these sectors
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
 * Sectors in a file, for a `FlashLog` on platforms with files but without flash,
 * such as the SDK's simulators:
 *
 *     new FlashLog(fileSectors(new File(path, true), 16))
 *
 * The simulators pass writes to the system at once, but do not sync them to the
 * disk. A record survives the end of the program, but maybe not a power loss.
 *
 * @param file open for writing; empty, or written by a log with the same number of sectors
 * @param sectors number of sectors, 2 or more
 * @param sectorBytes length of a sector; 4,096 by default
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
