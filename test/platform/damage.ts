import { Flash } from "../../desktop/simulator/flash.js";
import { FileLog } from "../../desktop/platform/file-log.js";
import { FlashLog } from "../../src/platform/flash-log.js";
import type { GossipLog } from "../../src/platform/types.js";
import { EspruinoDevice } from "../espruino/device.js";
import { publishedBundles } from "../support/espruino-bundles.js";
import { FakeFiles } from "../support/fake-files.js";
import { contentOf, record } from "../support/log-driver.js";

const FILE = "/log/events";
const RECORDS = 30;
export const RECORD_BYTES_MAX = 60;
export const SECTOR_BYTES = 256;
const SECTORS = 16;
/** Of Espruino's Storage: files of 4,064 bytes; 30 records are in the first of them. */
const STORAGE_FILES = 4;

/** A medium, and a log on it. */
export interface Medium {
  name: string;
  read(): Uint8Array;
  write(bytes: Uint8Array): void;
  /** Opens the log, as after a start of the device. */
  log(): GossipLog;
}

export function fileMedium(): Medium {
  let fake = new FakeFiles();
  return {
    name: "FileLog",
    read: () => Uint8Array.from(fake.contentOf(FILE) ?? []),
    write: (bytes) => {
      fake = new FakeFiles();
      fake.put(FILE, Uint8Array.from(bytes));
    },
    log: () => new FileLog(FILE, { files: fake.files, recordBytesMax: RECORD_BYTES_MAX }),
  };
}

export function flashMedium(): Medium {
  const flash = new Flash(SECTORS, SECTOR_BYTES);
  return {
    name: "FlashLog",
    read: () => Uint8Array.from(flash.bytes),
    write: (bytes) => flash.bytes.set(bytes),
    log: () => new FlashLog(flash, { recordBytesMax: RECORD_BYTES_MAX }),
  };
}

/** The code for `storageMedium`. */
export async function espruinoCode(): Promise<string> {
  return (await publishedBundles("chisme-full", ["minified"])).minified;
}

/** Storage of Espruino, with the log of the bundle. The bytes are those of the log's first file. */
export function storageMedium(code: string): Medium {
  const device = new EspruinoDevice(code);
  const chisme = device.boot();
  const first = "log0";
  return {
    name: "Storage of Espruino",
    read: () => Uint8Array.from(Buffer.from(device.files.get(first) ?? "", "latin1")),
    write: (bytes) => void device.files.set(first, Buffer.from(bytes).toString("latin1")),
    log: () => chisme.flashLog("log", STORAGE_FILES, { recordBytesMax: RECORD_BYTES_MAX }),
  };
}

/** A record as the log gives it back, and the bytes of the medium that it took. */
export interface Written {
  text: string;
  from: number;
  to: number;
}

/** Appends RECORDS records of many lengths, among them equal ones. Finds out which bytes each of them changes. */
export function fill(medium: Medium): Written[] {
  const log = medium.log();
  const written: Written[] = [];
  for (let i = 0; i < RECORDS; i++) {
    const bytes = record(i, i % 3 === 0 ? 26 : 5 + (i * 17) % 40);
    const before = medium.read();
    if (!log.append(bytes, bytes.length)) throw new Error("the log is full");
    const now = medium.read();
    let to = now.length;
    while (now[to - 1] === (before[to - 1] ?? 0xff)) to--;
    // A new sector has a head before its first record; without one the record begins at the first new byte.
    const from = to - bytes.length - OVERHEAD_BYTES;
    written.push({ text: Buffer.from(bytes).toString("hex"), from, to });
  }
  return written;
}

/** Of a record of up to 249 bytes. */
const OVERHEAD_BYTES = 8;

/** What a start finds on a changed medium. */
export interface Found {
  /** Records that the change did not touch and that are missing. */
  lost: number;
  /** Records that were never appended. */
  foreign: number;
  /** Records that are found and that the change touched. */
  repaired: number;
  /** Damaged places that the log counts. */
  places: number;
  /** Whether a second start, or one after a further append, found something else. */
  isUnstable: boolean;
}

/** Starts on the medium, which was changed from byte `from` to `to`, and uses the log. */
export function check(medium: Medium, written: readonly Written[], from: number, to: number): Found {
  const intact = written.filter((one) => one.to <= from || one.from >= to).map((one) => one.text);
  const known = written.map((one) => one.text);
  const log = medium.log();
  const found = contentOf(log);
  const places = log.damagedRecords as number;
  const kept = found.filter((text) => intact.includes(text));
  const more = record(99, 20);
  let isUnstable = contentOf(log).join() !== found.join();
  log.append(more, more.length);
  isUnstable ||= contentOf(medium.log()).join() !== [...found, Buffer.from(more).toString("hex")].join();
  // `intact` has records of the same text; their order counts, too.
  const lost = kept.join() === intact.join() ? 0 : Math.max(1, intact.length - kept.length);
  const foreign = found.filter((text) => !known.includes(text)).length;
  return { lost, foreign, repaired: found.length - intact.length - foreign + lost, places, isUnstable };
}

/** Counts of a table. */
export interface Counts {
  medium: string;
  cases: number;
  /** Records that the changes did not touch and that were missing: 0. */
  lost: number;
  /** Records found that were never appended: 0. */
  foreign: number;
  /** Cases in which a further read or start found something else: 0. */
  unstable: number;
  /** Cases in which a touched record was found all the same. */
  repaired: number;
  /** Cases in which a record was missing and the log counted no damage: it seems torn. */
  untold: number;
}

/**
 * Flips each bit of a log of 30 records, one at a time.
 *
 * @param step 1 for all bits; a greater number for some of them
 */
export function flipTable(medium: Medium, step: number): Counts {
  const written = fill(medium);
  const whole = medium.read();
  const counts = countsOf(medium);
  const end = written[written.length - 1].to;
  for (let bit = 0; bit < end * 8; bit += step) {
    const bytes = Uint8Array.from(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    medium.write(bytes);
    add(counts, check(medium, written, bit >> 3, (bit >> 3) + 1), written.some((one) => touches(one, bit >> 3)));
  }
  medium.write(whole);
  return counts;
}

/**
 * Restores each earlier state of the log: on a file each prefix, on flash each prefix of what was written.
 *
 * @param step 1 for all lengths; a greater number for some of them
 */
export function prefixTable(medium: Medium, step: number): Counts {
  const written = fill(medium);
  const whole = medium.read();
  const counts = countsOf(medium);
  const isFile = medium.name === "FileLog";
  const begin = isFile ? 0 : written[0].from;
  for (let length = begin; length <= written[written.length - 1].to; length += step) {
    const bytes = isFile ? whole.slice(0, length) : Uint8Array.from(whole).fill(0xff, length);
    medium.write(bytes);
    add(counts, check(medium, written, length, whole.length), false);
  }
  medium.write(whole);
  return counts;
}

function touches(one: Written, at: number): boolean {
  return at >= one.from && at < one.to;
}

function countsOf(medium: Medium): Counts {
  return { medium: medium.name, cases: 0, lost: 0, foreign: 0, unstable: 0, repaired: 0, untold: 0 };
}

function add(counts: Counts, found: Found, isHit: boolean): void {
  counts.cases++;
  counts.lost += found.lost;
  counts.foreign += found.foreign;
  if (found.isUnstable) counts.unstable++;
  if (found.repaired > 0) counts.repaired++;
  if (isHit && found.repaired === 0 && found.places === 0) counts.untold++;
}
