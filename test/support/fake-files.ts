import assert from "node:assert/strict";
import { dirname } from "node:path";
import type { SimRandom } from "../../desktop/simulator/random.js";
import type { Files } from "../../desktop/platform/file-log.js";

/** What a disk has of a file, and what the system has of it and has not written yet. */
interface Inode {
  durable: Uint8Array;
  cached: Uint8Array;
}

export class NoPower extends Error {}

/** Files whose contents and names are on the disk once they are synced, and before that may be or not. */
export class FakeFiles {
  /** Bytes of writes, and other operations, until power is lost. */
  stepsLeft = Infinity;
  /** An operation that fails, once, while the power stays. */
  failing: keyof Files | undefined;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private readonly open = new Map<number, Inode | "folder">();
  private nextFile = 3;

  /** What `FileLog` uses of `node:fs`. */
  readonly files = {
    openSync: (path: string, flags: string) => {
      this.step("openSync");
      if (flags === "r") return this.opened("folder");
      let inode = this.names.get(path);
      if (inode === undefined) {
        if (flags !== "w") throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
        inode = { durable: new Uint8Array(0), cached: new Uint8Array(0) };
        this.names.set(path, inode);
      } else if (flags === "w") {
        inode.cached = new Uint8Array(0);
      }
      return this.opened(inode);
    },
    closeSync: (file: number) => void assert.ok(this.open.delete(file)),
    fsyncSync: (file: number) => {
      this.step("fsyncSync");
      const inode = this.open.get(file);
      assert.ok(inode !== undefined);
      if (inode === "folder") this.durableNames = new Map(this.names);
      else inode.durable = inode.cached;
    },
    ftruncateSync: (file: number, length: number) => {
      this.step("ftruncateSync");
      const inode = this.file(file);
      inode.cached = inode.cached.slice(0, length);
    },
    readFileSync: (file: number) => Buffer.from(this.file(file).cached),
    renameSync: (from: string, to: string) => {
      this.step("renameSync");
      const inode = this.names.get(from);
      assert.ok(inode !== undefined && dirname(from) === dirname(to));
      this.names.set(to, inode);
      this.names.delete(from);
    },
    writeSync: (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
      if (this.failing === "writeSync") this.step("writeSync");
      const inode = this.file(file);
      // Not all at once, as the system is free to do.
      const count = Math.min(length, 7);
      for (let i = 0; i < count; i++) {
        if (i > 0 || this.failing === undefined) this.step("writeSync");
        const longer = new Uint8Array(Math.max(inode.cached.length, position + i + 1));
        longer.set(inode.cached);
        longer[position + i] = bytes[offset + i];
        inode.cached = longer;
      }
      return count;
    },
  } as unknown as Files;

  get openFiles(): number {
    return this.open.size;
  }

  contentOf(path: string): Uint8Array | undefined {
    return this.names.get(path)?.cached;
  }

  /** Puts a file on the disk. */
  put(path: string, bytes: Uint8Array): void {
    this.names.set(path, { durable: bytes, cached: bytes });
    this.durableNames = new Map(this.names);
  }

  /** Power was lost and is back. Of what was not synced, some is there, as the random numbers have it. */
  restart(random: SimRandom): void {
    this.stepsLeft = Infinity;
    this.open.clear();
    this.names = new Map(random.chance(0.5) ? this.names : this.durableNames);
    this.durableNames = new Map(this.names);
    for (const inode of new Set(this.names.values())) {
      inode.durable = torn(inode, random);
      inode.cached = inode.durable;
    }
  }

  private opened(inode: Inode | "folder"): number {
    this.open.set(this.nextFile, inode);
    return this.nextFile++;
  }

  private file(file: number): Inode {
    const inode = this.open.get(file);
    assert.ok(inode !== undefined && inode !== "folder");
    return inode;
  }

  private step(operation: keyof Files): void {
    if (this.failing === operation) {
      this.failing = undefined;
      throw new Error(`${operation} failed`);
    }
    if (this.stepsLeft-- <= 0) throw new NoPower("no power");
  }
}

/** What of a file is on the disk: its length may be that of later, with zeros in place of what was not written. */
function torn({ durable, cached }: Inode, random: SimRandom): Uint8Array {
  switch (random.below(4)) {
    case 0: return durable;
    case 1: return cached;
    default: {
      const content = Uint8Array.from({ length: cached.length }, (_, i) => durable[i] ?? 0);
      const from = random.below(cached.length + 1);
      const until = random.between(from, cached.length);
      content.set(cached.subarray(from, until), from);
      return content.slice(0, Math.max(durable.length, random.between(until, cached.length)));
    }
  }
}
