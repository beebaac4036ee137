import assert from "node:assert/strict";
import fc from "fast-check";
import { type Digest, SHA256_BYTES } from "../../src/digest/digest.js";
import { Sha256 } from "../../src/digest/sha256.js";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { load } from "../boards/load.js";
import { crypt, crypto } from "../support/fake-crypto.js";
import { propertyOptions } from "../support/random.js";
import { sha256Vectors } from "../support/sha256-vectors.js";

/** What `espruinoDigest()` gives with a firmware's module `crypto`, which throws where there is none. */
async function onEspruino(module: () => unknown): Promise<Digest | undefined> {
  const modules = { get crypto() { return module(); } };
  const { espruinoDigest } = await load<{ espruinoDigest: () => Digest | undefined }>(
    "src/platform/espruino-digest.ts", modules,
  );
  return espruinoDigest();
}

async function onModdable(): Promise<Digest> {
  const { moddableDigest } = await load<{ moddableDigest: () => Digest }>(
    "src/platform/moddable-digest.ts", { crypt },
  );
  return moddableDigest();
}

describe("the digest of a platform", () => {
  const pure = new Sha256();
  const digests: Record<string, () => Promise<Digest | undefined>> = {
    "Node.js": () => Promise.resolve(nodeDigest),
    "Moddable": onModdable,
    "Espruino": () => onEspruino(() => crypto),
  };

  for (const [name, make] of Object.entries(digests)) {
    describe(name, () => {
      let digest: Digest;

      before(async () => {
        const made = await make();
        assert.ok(made !== undefined);
        digest = made;
      });

      for (const { name: vector, text, hash } of sha256Vectors) {
        it(`the digest is SHA-256 of FIPS 180-4: ${vector}`, () => {
          const out = new Uint8Array(SHA256_BYTES);
          digest.sha256(Buffer.from(text), 0, text.length, out, 0, 0, out, 0);
          assert.equal(Buffer.from(out).toString("hex"), hash);
        });
      }

      it("the digest writes the bytes that the one in JavaScript writes, wherever its input lies", () => {
        const parts = [fc.uint8Array({ maxLength: 200 }), fc.nat(9), fc.nat(9), fc.nat(200)] as const;
        fc.assert(fc.property(...parts, (message, before, gap, cut) => {
          const bytes = new Uint8Array(before + message.length + gap + SHA256_BYTES + 5).fill(0xa5);
          bytes.set(message, before);
          const expected = bytes.slice();
          const at = before + message.length + gap;
          const half = Math.min(cut, message.length);
          digest.sha256(bytes, before, half, bytes, before + half, message.length - half, bytes, at);
          pure.sha256(expected, before, message.length, expected, 0, 0, expected, at);
          assert.deepEqual(bytes, expected);
        }), propertyOptions(100));
      });
    });
  }

  it("the digest is the engine's own where Espruino's firmware has none", async () => {
    assert.equal(await onEspruino(() => ({ SHA1: () => undefined })), undefined);
    assert.equal(await onEspruino(() => {
      throw new Error('Module "crypto" not found');
    }), undefined);
  });

  it("the digest leaves no bytes that look like a hash where Espruino lacks the memory", async () => {
    const digest = await onEspruino(() => ({ SHA256: () => undefined }));
    const out = new Uint8Array(SHA256_BYTES);
    const hash = () => digest?.sha256(new Uint8Array(60), 0, 60, out, 0, 0, out, 0);
    assert.throws(hash, { message: "no memory for a digest" });
    assert.deepEqual(out, new Uint8Array(SHA256_BYTES));
  });
});
