import type { SimRandom } from "../desktop/simulator/random.js";
import { Flash } from "../desktop/simulator/flash.js";
import { FILE_HEADER, FileLog } from "../desktop/platform/file-log.js";
import { FlashLog } from "../src/platform/flash-log.js";
import { LogRecords } from "../src/platform/log-record.js";
import type { GossipLog } from "../src/platform/types.js";
import { FakeFiles } from "../test/support/fake-files.js";
import { drawBytes, mutate } from "./mutate.js";
import { fail } from "./node-checks.js";
import type { Session } from "./target.js";

const RECORD_BYTES_MAX = 60;
const SECTOR_BYTES = 256;
const SECTORS = 4;
const FILE = "/log/events";
const FILE_BYTES_MAX = 700;

/** "cgl", and the version of the layout. */
const MAGIC = 0x63676c02;
const HEAD_CHECKED_BYTES = 12;
const KEPT_MAX = 3;

const records = new LogRecords(RECORD_BYTES_MAX);

/** The medium of a log, which may hold any bytes when the device starts. */
interface Medium {
  bytes(): Uint8Array;
  write(bytes: Uint8Array): void;
  /** Opens the log, as after a start of the device. */
  log(): GossipLog;
  /** Draws bytes that resemble a log: a head, and records after it. */
  drawContent(random: SimRandom): Uint8Array;
}

/**
 * A log on a medium with arbitrary content. Lines:
 *
 *   medium [bytes]     the content when the device starts
 *   append bytes
 *   rewrite count      keeps this number of the last records
 *
 * Reading never throws and returns the same records each time, of 1 to
 * `recordBytesMax` bytes. An appended record is read after them; when the log is
 * full, nothing changes. After a rewrite exactly its records are read. On flash,
 * only erased bytes are written.
 */
export class LogSession implements Session {
  private log: GossipLog | undefined;
  private held: string[] = [];

  constructor(private readonly medium: Medium) {}

  draw(random: SimRandom): string {
    if (this.log === undefined || random.chance(0.2)) return `medium ${hexOf(this.drawContent(random))}`.trimEnd();
    if (random.chance(0.15)) return `rewrite ${random.below(KEPT_MAX + 1)}`;
    return `append ${hexOf(drawBytes(random, random.between(1, RECORD_BYTES_MAX)))}`;
  }

  run(line: string): string | undefined {
    const [command, argument = ""] = line.split(" ");
    if (command === "medium") return this.begin(new Uint8Array(Buffer.from(argument, "hex")));
    // A line that lost those before it, when a failure is made shorter.
    if (this.log === undefined) return undefined;
    if (command === "append") return this.append(this.log, argument);
    if (command === "rewrite") return this.rewrite(this.log, Number(argument));
    throw new Error(`there is no input ${command}`);
  }

  private begin(content: Uint8Array): string {
    this.medium.write(content);
    this.log = this.medium.log();
    try {
      this.held = contentOf(this.log);
    } catch (error) {
      // The log must not change a file that is not a log: it may belong to the user.
      if (!(error as Error).message.includes("is not the log of a node")) throw error;
      this.log = undefined;
      return "refused";
    }
    this.check(this.log);
    return this.held.length === 0 ? "empty" : "records found";
  }

  private append(log: GossipLog, text: string): string {
    const bytes = new Uint8Array(Buffer.from(text, "hex"));
    const isAppended = log.append(bytes, bytes.length);
    if (isAppended) this.held.push(text);
    this.check(log);
    return isAppended ? "appended" : "full";
  }

  private rewrite(log: GossipLog, count: number): string {
    const kept = count === 0 ? [] : this.held.slice(-count);
    log.rewrite((put) => kept.forEach((text) => put(new Uint8Array(Buffer.from(text, "hex")), text.length >> 1)));
    this.held = kept;
    this.check(log);
    return "rewritten";
  }

  /** Checks that the log holds the expected records, now and after a restart. */
  private check(log: GossipLog): void {
    for (const one of [log, this.medium.log(), log]) {
      const found = contentOf(one);
      if (found.join() !== this.held.join()) fail(`the log holds [${found.join()}] instead of [${this.held.join()}]`);
    }
  }

  private drawContent(random: SimRandom): Uint8Array {
    const now = this.medium.bytes();
    if (random.chance(0.1)) return drawBytes(random, now.length);
    const content = this.log === undefined || random.chance(0.4) ? this.medium.drawContent(random) : now;
    return random.chance(0.2) ? content : mutate(random, content, this.medium.drawContent(random));
  }
}

/** A log on NOR flash. Shorter content is followed by erased bytes. */
export function flashMedium(): Medium {
  const flash = new Flash(SECTORS, SECTOR_BYTES);
  return {
    bytes: () => flash.bytes.slice(),
    write: (bytes) => {
      flash.bytes.fill(0xff);
      flash.bytes.set(bytes.subarray(0, flash.bytes.length));
    },
    log: () => new FlashLog(flash, { recordBytesMax: RECORD_BYTES_MAX }),
    drawContent: (random) => new Uint8Array(Buffer.concat(Array.from({ length: SECTORS }, () => drawSector(random)))),
  };
}

export function fileMedium(): Medium {
  let files = new FakeFiles();
  return {
    bytes: () => files.contentOf(FILE) ?? new Uint8Array(0),
    write: (bytes) => {
      files = new FakeFiles();
      const file = files.files.openSync(FILE, "w");
      for (let at = 0; at < bytes.length;) at += files.files.writeSync(file, bytes, at, bytes.length - at, at);
      files.files.closeSync(file);
    },
    log: () => new FileLog(FILE, {
      files: files.files, recordBytesMax: RECORD_BYTES_MAX, bytesMax: FILE_BYTES_MAX,
    }),
    drawContent: (random) => {
      const parts = [Buffer.from(FILE_HEADER), ...drawRecords(random, 1)];
      return new Uint8Array(Buffer.concat(parts));
    },
  };
}

/** A sector with a valid head and random numbers in it. */
function drawSector(random: SimRandom): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES).fill(0xff);
  if (random.chance(0.2)) return sector;
  const view = new DataView(sector.buffer);
  const sequence = drawSequence(random);
  view.setUint32(0, MAGIC);
  view.setUint32(4, sequence);
  view.setUint32(8, random.chance(0.6) ? sequence : drawSequence(random));
  view.setUint32(12, records.crc32(sector, HEAD_CHECKED_BYTES));
  if (random.chance(0.6)) view.setUint32(16, 0);
  const body = Buffer.concat(drawRecords(random, 4)).subarray(0, SECTOR_BYTES - 20);
  sector.set(body, 20);
  return sector;
}

function drawRecords(random: SimRandom, step: number): Uint8Array[] {
  return Array.from({ length: random.below(6) }, () => {
    const length = random.between(1, RECORD_BYTES_MAX);
    const size = records.frame(drawBytes(random, length), length, step);
    const record = records.buffer.slice(0, size);
    if (random.chance(0.1)) record[random.below(size)] ^= 1 << random.below(8);
    return record;
  });
}

function contentOf(log: GossipLog): string[] {
  const found: string[] = [];
  log.read((bytes, length) => {
    if (length < 1 || length > RECORD_BYTES_MAX) fail(`a record of ${length} bytes`);
    found.push(hexOf(bytes.subarray(0, length)));
  });
  return found;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Below 2^31: a sector wears out long before its sequence number gets there. */
function drawSequence(random: SimRandom): number {
  return random.chance(0.9) ? random.below(12) : random.below(0x80000000);
}
