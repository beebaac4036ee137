import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { eventFeeds } from "../../../src/events/index.js";
import { FileStorage, Gossip } from "../../../desktop/platform/node.js";
import { freshPort } from "../cli/node-process.js";

const NODE = new URL("../../../desktop/platform/node.ts", import.meta.url).href;
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

describe("the lock of FileStorage", function () {
  this.timeout(60000);
  let folder: string;
  const open: { close(): unknown }[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
  });
  afterEach(() => {
    open.splice(0).forEach((one) => one.close());
    rmSync(folder, { recursive: true, force: true });
  });

  function storage(): FileStorage {
    const made = new FileStorage(folder);
    open.push(made);
    return made;
  }

  function node(given = storage()): Gossip {
    const gossip = new Gossip({ listen: "127.0.0.2", port: freshPort(), storage: given, events: eventFeeds() });
    open.push(gossip);
    return gossip;
  }

  function inUse(): { code: string; message: string } {
    return { code: "ERR_STORAGE", message: `${folder} is in use by process ${process.pid}` };
  }

  /** Runs a module in a process of its own, in which the folder is `folder`. */
  function runs(text: string): { stdout: string; stderr: string } {
    const module = join(folder, "module.mts");
    writeFileSync(module, `import { FileStorage } from ${JSON.stringify(NODE)};\n`
      + `const folder = ${JSON.stringify(folder)};\n${text}`);
    return spawnSync(process.execPath, ["--import", TSX, module], { encoding: "utf8" });
  }

  it("a second storage in one process is refused, whichever method comes first", () => {
    const first = storage();
    assert.equal(first.readRevision(), undefined);
    const second = storage();
    assert.throws(() => second.readRevision(), inUse());
    assert.throws(() => second.writeRevision(1), inUse());
    second.close();
    assert.throws(() => second.readRevision(), inUse());
    first.close();
    assert.equal(second.readRevision(), undefined);
    assert.throws(() => first.writeRevision(1), inUse());
  });

  it("a storage that was only made locks nothing", () => {
    storage();
    node();
    assert.deepEqual(readdirSync(folder), []);
    storage().writeRevision(1);
  });

  it("a storage in another process is refused with the holder's process id", () => {
    storage().writeRevision(7);
    const { stdout } = runs(`try {
      new FileStorage(folder).readRevision();
    } catch (error) {
      console.log(error.code, error.message);
    }`);
    assert.equal(stdout, `ERR_STORAGE ${folder} is in use by process ${process.pid}\n`);
  });

  it("a node that starts, closes and starts again on one folder keeps its events", async () => {
    for (let i = 0; i < 3; i++) {
      const gossip = node();
      gossip.start();
      assert.equal(gossip.revision, i);
      assert.equal(gossip.events().length, i);
      gossip.log("door", i);
      await gossip.close();
      assert.deepEqual(readdirSync(folder), ["events", "id", "lock", "revision"]);
    }
  });

  it("one storage serves one node after the other", () => {
    const one = storage();
    for (let revision = 0; revision < 3; revision++) {
      const gossip = node(one);
      gossip.start();
      assert.equal(gossip.revision, revision);
      void gossip.close();
    }
  });

  it("a node that was refused does not start, and its close leaves the lock to the holder", () => {
    node().start();
    const second = node();
    assert.throws(() => second.start(), inUse());
    void second.close();
    assert.throws(() => storage().readRevision(), inUse());
  });

  it("a node that closes before its start releases the folder that setRevision locked", () => {
    const gossip = node();
    gossip.setRevision(5);
    assert.throws(() => storage().readRevision(), inUse());
    void gossip.close();
    assert.equal(storage().readRevision(), 5);
  });

  it("a process that ends without a close releases the folder", () => {
    const { stdout } = runs("new FileStorage(folder).writeRevision(3); console.log(process.pid)");
    assert.equal(readFileSync(join(folder, "lock.pid"), "utf8"), stdout);
    assert.equal(storage().readRevision(), 3);
    assert.equal(readFileSync(join(folder, "lock.pid"), "utf8"), `${process.pid}\n`);
  });

  it("the files of a lock that nobody holds do not lock, even with the id of a process that runs", () => {
    writeFileSync(join(folder, "lock"), "");
    writeFileSync(join(folder, "lock.pid"), `${process.ppid}\n`);
    assert.equal(storage().readRevision(), undefined);
  });

  it("the error does not invent a process id while the holder has not written it", () => {
    storage().readRevision();
    rmSync(join(folder, "lock.pid"));
    assert.throws(() => storage().readRevision(), {
      code: "ERR_STORAGE", message: `${folder} is in use by a process that starts or ends`,
    });
  });

  it("a system without a binary warns that the folder is not locked", () => {
    const { stdout, stderr } = runs(`Object.defineProperty(process, "arch", { value: "mips" });
      new FileStorage(folder).writeRevision(3);
      console.log(new FileStorage(folder).readRevision())`);
    assert.equal(stdout, "3\n");
    assert.match(stderr, /\[CHISME_NO_LOCK\] Warning: .* is not locked: fs-native-extensions has no binary/);
    assert.ok(stderr.includes(folder));
  });
});
