import assert from "node:assert/strict";
import { newSecret, nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";

/** RFC 8032, section 7.1. */
const VECTORS = [
  {
    name: "TEST 1", secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: "",
    signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
      + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    name: "TEST 2", secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: "72",
    signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    name: "TEST 3", secret: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", message: "af82",
    signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
      + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
  {
    name: "TEST SHA(abc)", secret: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    key: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    message: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    signature: "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
      + "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
  },
];
/** The order of the group, RFC 8032, section 5.1. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

describe("Ed25519 on Node.js", () => {
  for (const { name, secret, key, message, signature } of VECTORS) {
    it(`signs and verifies as RFC 8032 does: ${name}`, () => {
      const identity = nodeIdentity(bytes(secret));
      assert.equal(Buffer.from(identity.publicKey).toString("hex"), key);
      assert.equal(Buffer.from(identity.sign(bytes(message))).toString("hex"), signature);
      assert.equal(nodeVerify(bytes(key), bytes(message), bytes(signature)), true);
    });
  }

  it("a changed bit of key, message or signature makes a signature bad, and throws nothing", () => {
    const { key, message, signature } = VECTORS[2];
    const parts = [key, message, signature].map(bytes);
    for (const part of parts) {
      for (let bit = 0; bit < part.length * 8; bit++) {
        part[bit >> 3] ^= 1 << (bit & 7);
        assert.equal(nodeVerify(parts[0].slice(), parts[1], parts[2]), false, `bit ${bit}`);
        part[bit >> 3] ^= 1 << (bit & 7);
      }
    }
    assert.equal(nodeVerify(parts[0], parts[1], parts[2]), true);
  });

  it("the same signature with a greater scalar is bad: a signature has one form", () => {
    const { key, message, signature } = VECTORS[1];
    const [half, scalar] = [signature.slice(0, 64), signature.slice(64)];
    const greater = BigInt(`0x${Buffer.from(scalar, "hex").reverse().toString("hex")}`) + ORDER;
    const other = Buffer.from(greater.toString(16).padStart(64, "0"), "hex").reverse().toString("hex");
    assert.equal(nodeVerify(bytes(key), bytes(message), bytes(half + other)), false);
  });

  it("keys of another length are refused by name", () => {
    assert.throws(() => nodeIdentity(new Uint8Array(31)), /^RangeError: nodeIdentity: secret: of 31 bytes is not/);
    assert.throws(() => nodeIdentity("secret" as never), /^TypeError: nodeIdentity: secret: "secret" is not/);
    assert.equal(nodeVerify(new Uint8Array(31), new Uint8Array(), new Uint8Array(64)), false);
    assert.equal(nodeVerify(new Uint8Array(32), new Uint8Array(), new Uint8Array(63)), false);
  });

  it("new private keys differ", () => {
    assert.equal(newSecret().length, 32);
    assert.notDeepEqual(newSecret(), newSecret());
  });
});
