import assert from "node:assert/strict";
import { PreferenceStorage } from "../../src/platform/moddable-storage.js";

/** Preferences as ESP8266 has them: int32 or 63 bytes, and a value is erased before it is written anew. */
class FakePreferences {
  readonly values = new Map<string, number | ArrayBuffer>();
  /** How many steps are done before the power fails. */
  stepsLeft = Infinity;

  get(domain: string, key: string): number | ArrayBuffer | undefined {
    return this.values.get(`${domain} ${key}`);
  }

  set(domain: string, key: string, value: number | ArrayBuffer): void {
    if (typeof value === "number") assert.equal(value, value | 0);
    else assert.ok(value instanceof ArrayBuffer && value.byteLength <= 63);
    this.step(() => this.values.delete(`${domain} ${key}`));
    this.step(() => this.values.set(`${domain} ${key}`, value));
  }

  delete(domain: string, key: string): void {
    this.step(() => this.values.delete(`${domain} ${key}`));
  }

  private step(change: () => void): void {
    if (this.stepsLeft-- <= 0) throw new Error("no power");
    change();
  }
}

describe("storage for Moddable", () => {
  const revisions = [0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

  it("the storage holds nothing at first", () => {
    assert.equal(new PreferenceStorage(new FakePreferences(), "chisme").readRevision(), undefined);
  });

  it("the storage gives back the revision stored last, in at most two keys", () => {
    const preferences = new FakePreferences();
    const storage = new PreferenceStorage(preferences, "chisme");
    for (const revision of [...revisions, ...revisions.toReversed(), 7, 7, 8]) {
      storage.writeRevision(revision);
      assert.equal(storage.readRevision(), revision);
      assert.equal(new PreferenceStorage(preferences, "chisme").readRevision(), revision);
      assert.ok(preferences.values.size <= 2);
    }
  });

  it("the storage keeps domains apart", () => {
    const preferences = new FakePreferences();
    new PreferenceStorage(preferences, "one").writeRevision(1);
    assert.equal(new PreferenceStorage(preferences, "two").readRevision(), undefined);
  });

  it("the storage keeps the id, all of uint32, beside the revision", () => {
    const preferences = new FakePreferences();
    const storage = new PreferenceStorage(preferences, "chisme");
    assert.equal(storage.readId(), undefined);
    storage.writeRevision(3);
    for (const id of revisions) {
      storage.writeId(id);
      assert.deepEqual([storage.readId(), storage.readRevision()], [id, 3]);
    }
    assert.equal(preferences.values.size, 2);
  });

  it("the storage keeps up to 10 peers", () => {
    const preferences = new FakePreferences();
    const storage = new PreferenceStorage(preferences, "chisme");
    const bytes = Uint8Array.from({ length: 96 }, (_, i) => i);
    assert.equal(storage.readPeers(), undefined);
    for (const [length, kept] of [[6, 6], [60, 60], [66, 60], [96, 60], [12, 12], [0, 0]]) {
      storage.writePeers(bytes, length);
      assert.deepEqual(storage.readPeers(), bytes.slice(0, kept));
    }
  });

  for (const [before, after] of [[4, 5], [5, 6], [5, 900], [900, 5]]) {
    for (let steps = 0; steps < 3; steps++) {
      it(`the storage has ${before} or ${after} when the power fails after ${steps} steps between them`, () => {
        const preferences = new FakePreferences();
        const storage = new PreferenceStorage(preferences, "chisme");
        storage.writeRevision(before - 1);
        storage.writeRevision(before);
        preferences.stepsLeft = steps;
        try {
          storage.writeRevision(after);
        } catch (error) {
          assert.match((error as Error).message, /no power/);
        }
        assert.ok([before, after].includes(storage.readRevision() ?? -1));
      });
    }
  }
});
