import assert from "node:assert/strict";
import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeKeyOptions, openNodeKeys, storing } from "../../../desktop/platform/node-keys.js";
import { nodeIdentity } from "../../../desktop/platform/node-signing.js";
import { keyName, signPhase } from "../../../desktop/platform/sealed-key.js";
import { SigningFolder, formatCard, hexOf } from "../../../desktop/platform/signing-folder.js";
import { NO_END_MS, NO_LIMIT, signAdmission } from "../../../src/signing/owner.js";

const OWNER = nodeIdentity(new Uint8Array(32).fill(200));
let folder: string;
let warnings: string[];
const LOG = { info: (): void => undefined, warn: (message: string): void => void warnings.push(message) };
const BY_HAND = { key: undefined, otherKey: undefined };

function optionsOf(owner: string): NodeKeyOptions {
  return { signed: true, storage: folder, interval: 1000, owner };
}

function admission(author: number, version = 1): Uint8Array {
  return signAdmission({
    version, author, key: nodeIdentity(new Uint8Array(32).fill(author)).publicKey, generation: NO_LIMIT,
    sequence: NO_LIMIT, untilMs: NO_END_MS,
  }, 0, (message) => OWNER.sign(message));
}

describe("what signing stores", () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
    warnings = [];
    new SigningFolder(folder).writeSecret(new Uint8Array(32).fill(1));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("an admission that cannot be stored counts, is told once, and throws nothing", () => {
    const owned = openNodeKeys(optionsOf(hexOf(OWNER.publicKey)), BY_HAND, LOG)?.admissions;
    // Whatever the reason, the system refuses to write it.
    mkdirSync(join(folder, "admitted"));
    for (const author of [5, 6]) assert.equal(owned?.offer(admission(author)), true);
    assert.deepEqual(owned?.all().map(({ author }) => author), [5, 6]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /^an admission counts, but cannot be stored yet: EISDIR/);
  });

  it("what could not be stored is tried again, all of it and in order", () => {
    const stored: number[] = [];
    let isFull = true;
    let again = (): void => undefined;
    const store = storing((item: number) => {
      if (isFull) throw new Error("ENOSPC");
      stored.push(item);
    }, "a pinned key", LOG, (retry) => { again = retry; });
    for (const item of [1, 2]) store(item);
    again();
    assert.deepEqual([stored, warnings], [[], ["a pinned key counts, but cannot be stored yet: ENOSPC"]]);
    isFull = false;
    again();
    store(3);
    assert.deepEqual(stored, [1, 2, 3]);
  });

  it("a network with a key is not joined without one", () => {
    const name = keyName(1, new Uint8Array(32).fill(7));
    const card = join(folder, "card");
    const signer = { network: 0, sign: (message: Uint8Array): Uint8Array => OWNER.sign(message) };
    writeFileSync(card, formatCard(OWNER.publicKey, [admission(5)], [signPhase("switch", name, signer)]));
    const message = /^Error: --signed: the network has a key, but neither the card nor the storage has it for this device/;
    assert.throws(() => openNodeKeys(optionsOf(card), BY_HAND, LOG), message);
    new SigningFolder(folder).writeKeys({ keys: [], switched: name, ended: "" });
    assert.throws(() => openNodeKeys(optionsOf(hexOf(OWNER.publicKey)), BY_HAND, LOG), message);
    const key = new Uint8Array(32).fill(9);
    assert.ok(openNodeKeys(optionsOf(card), { key, otherKey: undefined }, LOG)?.network?.ring.holds(key));
  });

  it("files are whole, also where the system writes a part at a time", () => {
    const { writeSync } = fs;
    const partly = (file: number, data: Uint8Array | string, offset = 0, length = data.length): number => {
      const bytes = Buffer.from(data as Uint8Array).subarray(offset, offset + Math.min(length, 100));
      return writeSync(file, bytes);
    };
    const place = new SigningFolder(folder);
    const all = [1, 2, 3, 4].map((author) => admission(author));
    fs.writeSync = partly as typeof fs.writeSync;
    syncBuiltinESMExports();
    try {
      place.writeAdmissions(OWNER.publicKey, all.slice(0, 3));
      place.addAdmission(all[3]);
    } finally {
      fs.writeSync = writeSync;
      syncBuiltinESMExports();
    }
    assert.deepEqual(place.readAdmissions(OWNER.publicKey), all, readFileSync(join(folder, "admitted"), "utf8"));
  });
});
