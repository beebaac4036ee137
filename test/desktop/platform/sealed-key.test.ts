import assert from "node:assert/strict";
import { hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { nodeIdentity } from "../../../desktop/platform/node-signing.js";
import {
  type KeySigner, PHASE_BYTES, SEALED_KEY_BYTES, isOfOwner, isSealable, keyName, keyNumber, openKey, readStatement,
  sealKey, signPhase,
} from "../../../desktop/platform/sealed-key.js";
import { networkHash } from "../../../src/engine/table/hash.js";
import { propertyOptions } from "../../support/random.js";

interface Vectors {
  ownerSecret: string; ownerKey: string; deviceSecret: string; deviceKey: string; id: number; network: string;
  networkHash: number; number: number; key: string; ephemeral: string; name: string; device: string; owner: string;
  switch: string; end: string;
}

const file = new URL("../../vectors/sealed-keys.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const [owner, device] = [bytes(vectors.ownerSecret), bytes(vectors.deviceSecret)].map(nodeIdentity);
const signer: KeySigner = { network: vectors.networkHash, sign: (message) => owner.sign(message) };
const key = bytes(vectors.key);
const toDevice = { kind: "device", id: vectors.id, publicKey: device.publicKey } as const;
const toOwner = { kind: "owner", id: 0, publicKey: owner.publicKey } as const;

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

/** Opens a statement as a device. @param secret its private key */
function opened(statement: Uint8Array, secret: Uint8Array, network = vectors.networkHash): string | undefined {
  const read = readStatement(statement) ?? assert.fail("it is no statement");
  const found = openKey(read, secret, nodeIdentity(secret).publicKey, network);
  return found && hex(found);
}

/** The statement, with other bytes at an offset, signed by the owner again. */
function resigned(statement: Uint8Array, at: number, ...changed: number[]): Uint8Array {
  const copy = Buffer.from(statement);
  copy.set(changed, at);
  const network = Buffer.alloc(4);
  network.writeUInt32BE(vectors.networkHash);
  const end = copy.length - 64;
  copy.set(owner.sign(Buffer.concat([Buffer.from("chisme rekey 1"), network, copy.subarray(0, end)])), end);
  return copy;
}

describe("keys of the network that are sealed to devices", () => {
  it("X25519, HKDF-SHA256 and the keys of both curves are those of the RFCs", () => {
    // RFC 7748, 6.1
    const alice = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    assert.equal(hex(x25519.getPublicKey(alice)), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    const bob = bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert.equal(hex(x25519.getSharedSecret(alice, bob)),
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    // RFC 5869, A.1
    const okm = hkdfSync("sha256", bytes("0b".repeat(22)), bytes("000102030405060708090a0b0c"),
      bytes("f0f1f2f3f4f5f6f7f8f9"), 42);
    assert.equal(hex(new Uint8Array(okm)),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    // The private key of one curve, converted, has the public key of the other, converted (RFC 7748, 4.1).
    for (const secret of [bytes(vectors.ownerSecret), bytes(vectors.deviceSecret)]) {
      const { publicKey } = nodeIdentity(secret);
      assert.equal(hex(x25519.getPublicKey(ed25519.utils.toMontgomerySecret(secret))),
        hex(ed25519.utils.toMontgomery(publicKey)));
    }
  });

  it("they have the bytes of the vectors", () => {
    assert.equal(networkHash(new TextEncoder().encode(vectors.network)), vectors.networkHash);
    assert.deepEqual([hex(owner.publicKey), hex(device.publicKey)], [vectors.ownerKey, vectors.deviceKey]);
    assert.equal(keyName(vectors.number, key), vectors.name);
    assert.equal(keyNumber(vectors.name), vectors.number);
    const ephemeral = bytes(vectors.ephemeral);
    assert.equal(hex(sealKey(vectors.number, key, toDevice, signer, ephemeral)), vectors.device);
    assert.equal(hex(sealKey(vectors.number, key, toOwner, signer, ephemeral)), vectors.owner);
    assert.equal(hex(signPhase("switch", vectors.name, signer)), vectors.switch);
    assert.equal(hex(signPhase("end", vectors.name, signer)), vectors.end);
    assert.equal(vectors.device.length, 2 * SEALED_KEY_BYTES);
    assert.equal(vectors.end.length, 2 * PHASE_BYTES);
    const { kind, name, id } = readStatement(bytes(vectors.device)) ?? assert.fail();
    assert.deepEqual({ kind, name, id }, { kind: "device", name: vectors.name, id: vectors.id });
  });

  it("a key is sealed to points of the curve only, and to none of a small order", () => {
    assert.ok(isSealable(nodeIdentity(new Uint8Array(32).fill(1)).publicKey));
    for (const hex of ["ff".repeat(32), `02${"00".repeat(31)}`, `01${"00".repeat(31)}`, "00".repeat(32)]) {
      assert.ok(!isSealable(new Uint8Array(Buffer.from(hex, "hex"))), hex);
    }
  });

  it("only the device opens its own, and only the owner that of the owner", () => {
    const others = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
    const [deviceSecret, ownerSecret] = [bytes(vectors.deviceSecret), bytes(vectors.ownerSecret)];
    assert.equal(opened(bytes(vectors.device), deviceSecret), vectors.key);
    assert.equal(opened(bytes(vectors.owner), ownerSecret), vectors.key);
    for (const secret of [...others, ownerSecret]) assert.equal(opened(bytes(vectors.device), secret), undefined);
    for (const secret of [...others, deviceSecret]) assert.equal(opened(bytes(vectors.owner), secret), undefined);
    assert.equal(opened(bytes(vectors.device), deviceSecret, vectors.networkHash + 1), undefined);
    assert.equal(opened(bytes(vectors.end), deviceSecret), undefined);
  });

  it("number, check, id and ephemeral key are bound, also where the owner signs others", () => {
    const secret = bytes(vectors.deviceSecret);
    const fresh = sealKey(vectors.number, key, toDevice, signer);
    assert.equal(opened(fresh, secret), vectors.key);
    for (const at of [4, 5, 12, 13, 16, 17, 48, 49, 96]) {
      const changed = resigned(fresh, at, fresh[at] ^ 1);
      const statement = readStatement(changed) ?? assert.fail();
      assert.ok(isOfOwner(statement, owner.publicKey, vectors.networkHash));
      assert.equal(opened(changed, secret), undefined, `byte ${at}`);
    }
    // What is sealed for the device is not what the owner opens, and the other way round.
    assert.equal(opened(resigned(fresh, 0, 2, ...bytes(vectors.name), 0, 0, 0, 0), secret), undefined);
    // A point of low order.
    assert.equal(opened(resigned(fresh, 17, ...new Array<number>(32).fill(0)), secret), undefined);
  });

  it("each changed bit breaks the owner's signature, or the form", () => {
    for (const text of [vectors.device, vectors.owner, vectors.switch, vectors.end]) {
      for (let bit = 0; bit < text.length * 4; bit++) {
        const changed = bytes(text);
        changed[bit >> 3] ^= 1 << (bit & 7);
        const statement = readStatement(changed);
        const isGood = statement !== undefined && isOfOwner(statement, owner.publicKey, vectors.networkHash);
        assert.ok(!isGood, `bit ${bit}`);
      }
      const statement = readStatement(bytes(text)) ?? assert.fail();
      assert.ok(isOfOwner(statement, owner.publicKey, vectors.networkHash));
      assert.ok(!isOfOwner(statement, owner.publicKey, 0));
      assert.ok(!isOfOwner(statement, device.publicKey, vectors.networkHash));
    }
  });

  it("bytes of any kind are read without an error, and nothing of them is opened", () => {
    const secret = bytes(vectors.deviceSecret);
    const whole = [vectors.device, vectors.owner, vectors.switch, vectors.end].map(bytes);
    const mutated = fc.tuple(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { minLength: 1 }),
      fc.integer({ min: -3, max: 3 })).map(([text, changes, more]) => {
      const copy = Buffer.alloc(text.length + more);
      copy.set(text.subarray(0, copy.length));
      for (const [at, byte] of changes) if (at < copy.length) copy[at] = byte;
      return new Uint8Array(copy);
    });
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (some) => {
      const statement = readStatement(some);
      if (statement === undefined) return;
      const isSealed = statement.kind === "device" || statement.kind === "owner";
      assert.equal(some.length, isSealed ? SEALED_KEY_BYTES : PHASE_BYTES);
      assert.match(statement.name, /^(?!00000000)[0-9a-f]{24}$/);
      if (whole.some((one) => hex(one) === hex(some))) return;
      assert.ok(!isOfOwner(statement, owner.publicKey, vectors.networkHash));
      const isCut = hex(some).slice(0, 194) === vectors.device.slice(0, 194);
      if (!isCut) assert.equal(opened(some, secret), undefined);
    }), propertyOptions(1000));
  });
});
