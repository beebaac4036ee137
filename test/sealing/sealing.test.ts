import assert from "node:assert/strict";
import fc from "fast-check";
import { aessiv } from "@noble/ciphers/aes.js";
import { NO_RECEIVER, SEAL_BYTES, type Sealing } from "../../src/engine/wire/sealer.js";
import { RowData } from "../../src/engine/table/rows.js";
import { DROP_NONE } from "../../src/engine/wire/drops.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { Aes128, pureSealing, substitutionBox } from "../../src/sealing/aes.js";
import type { BlockCipher } from "../../src/sealing/block-cipher.js";
import { sealingWith } from "../../src/sealing/siv-sealer.js";
import { load } from "../boards/load.js";
import { crypt, crypto } from "../support/fake-crypto.js";
import { propertyOptions } from "../support/random.js";
import { NodeCipher, fromHex, openWith, sealWith, sealedFrames, sivVectors, toHex } from "./support.js";

const box = substitutionBox();
const ciphers: Record<string, (key: Uint8Array) => BlockCipher> = {
  "AES in JavaScript": (key) => new Aes128(key, box),
  "AES of node:crypto": (key) => new NodeCipher(key),
};
/** What a platform's file of sealing makes, with a stand-in for its firmware's module. */
async function sealingOf(file: string, name: string, modules: Record<string, unknown>): Promise<Sealing> {
  return (await load<Record<string, () => Sealing>>(file, modules))[name]();
}

const onModdable = "src/platform/moddable-sealing.ts";
const onEspruino = "src/platform/espruino-sealing.ts";
const sealings: Record<string, Sealing> = {
  "of @noble/ciphers": nodeSealing,
  "in JavaScript": pureSealing(),
  "with AES of node:crypto": sealingWith((key) => new NodeCipher(key)),
  "of Moddable": await sealingOf(onModdable, "moddableSealing", { crypt }),
  "of Espruino": await sealingOf(onEspruino, "espruinoSealing", { crypto }),
  "of Espruino without AES": await sealingOf(onEspruino, "espruinoSealing", { crypto: {} }),
};
const [, second] = sivVectors;

const ids = fc.integer({ min: 0, max: 0xffffffff });
const bytesOf = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
/** Frames of which the body may have any number of blocks, and a last one that is whole or not. */
const frames = fc.record({
  key: bytesOf(32), head: bytesOf(1, 40), body: bytesOf(0, 80), receiver: fc.oneof(fc.constant(NO_RECEIVER), ids),
});
type FrameInput = typeof frames extends fc.Arbitrary<infer Input> ? Input : never;

function sealed(sealing: Sealing, { key, head, body, receiver }: FrameInput): Uint8Array {
  const length = head.length + body.length;
  const frame = new Uint8Array(length + SEAL_BYTES);
  frame.set(head);
  frame.set(body, head.length);
  assert.equal(sealing(key, undefined).seal(frame, head.length, length, frame.length, receiver), frame.length);
  return frame;
}

describe("sealing", () => {
  describe("AES-128 in JavaScript", () => {
    it("the cipher gives FIPS 197's example", () => {
      const cipher = new Aes128(fromHex("000102030405060708090a0b0c0d0e0f"), box);
      cipher.block.set(fromHex("00112233445566778899aabbccddeeff"));
      cipher.encrypt();
      assert.equal(toHex(cipher.block), "69c4e0d86a7b0430d8cdb78070b4c55a");
    });

    it("the cipher gives what node:crypto gives", () => {
      fc.assert(fc.property(bytesOf(16), bytesOf(16), (key, block) => {
        const own = new Aes128(key, box);
        const node = new NodeCipher(key);
        own.block.set(block);
        node.block.set(block);
        for (let i = 0; i < 3; i++) {
          own.encrypt();
          node.encrypt();
        }
        assert.deepEqual(own.block, node.block);
      }), propertyOptions(200));
    });
  });

  for (const [name, cipherOf] of Object.entries(ciphers)) {
    for (const vector of sivVectors) {
      const expected = fromHex(vector.vector + vector.encrypted);

      it(`AES-SIV seals and unseals ${vector.name}, with ${name}`, () => {
        assert.equal(toHex(sealWith(cipherOf, vector)), toHex(expected));
        assert.equal(toHex(openWith(cipherOf, vector, expected)!), vector.plain);
        assert.equal(openWith(cipherOf, { ...vector, associated: [...vector.associated, ""] }, expected), undefined);
      });
    }

    it(`AES-SIV starts anew with each message, with ${name}`, () => {
      assert.deepEqual(sealWith(cipherOf, second), sealWith(cipherOf, second));
    });
  }

  for (const vector of sivVectors) {
    it(`@noble/ciphers gives ${vector.name}`, () => {
      const cipher = aessiv(fromHex(vector.key), ...vector.associated.map(fromHex));
      assert.equal(toHex(cipher.encrypt(fromHex(vector.plain))), vector.vector + vector.encrypted);
    });
  }

  it("all platforms seal to the same bytes", () => {
    fc.assert(fc.property(frames, (input) => {
      const [first, ...others] = Object.values(sealings).map((sealing) => toHex(sealed(sealing, input)));
      for (const other of others) assert.equal(other, first);
    }), propertyOptions(300));
  });

  for (const [name, sealing] of Object.entries(sealings)) {
    describe(name, () => {
      it("the sealer unseals its frames in place, and leaves the head alone", () => {
        fc.assert(fc.property(frames, (input) => {
          const { key, head, body, receiver } = input;
          const frame = sealed(sealing, input);
          assert.deepEqual(frame.subarray(0, head.length), head);
          const length = sealing(key, undefined).unseal(frame, head.length, frame.length, receiver);
          assert.equal(length, head.length + body.length);
          assert.deepEqual(frame.subarray(0, length), Uint8Array.of(...head, ...body));
        }), propertyOptions(100));
      });

      it("the sealer refuses a frame with a changed bit, and leaves the frame as it was", () => {
        fc.assert(fc.property(frames, fc.nat(), (input, bit) => {
          const frame = sealed(sealing, input);
          frame[(bit >> 3) % frame.length] ^= 1 << (bit & 7);
          const before = frame.slice();
          const sealer = sealing(input.key, undefined);
          assert.equal(sealer.unseal(frame, input.head.length, frame.length, input.receiver), -1);
          assert.deepEqual(frame, before);
        }), propertyOptions(100));
      });

      it("the sealer refuses a frame of another length or with another head", () => {
        fc.assert(fc.property(frames, fc.nat(), (input, cut) => {
          const frame = sealed(sealing, input);
          const sealer = sealing(input.key, undefined);
          const length = cut % frame.length;
          const { head, receiver } = input;
          assert.equal(sealer.unseal(frame, Math.min(head.length, length), length, receiver), -1);
          assert.equal(sealer.unseal(frame, head.length - 1, frame.length, receiver), -1);
          assert.equal(sealer.unseal(Uint8Array.of(...frame, 0), head.length, frame.length + 1, receiver), -1);
        }), propertyOptions(100));
      });

      it("the sealer refuses a frame for another receiver, and leaves the frame as it was", () => {
        fc.assert(fc.property(frames, ids, (input, other) => {
          fc.pre(other !== input.receiver);
          const frame = sealed(sealing, input);
          const before = frame.slice();
          for (const receiver of input.receiver === NO_RECEIVER ? [other] : [other, NO_RECEIVER]) {
            assert.equal(sealing(input.key, undefined).unseal(frame, input.head.length, frame.length, receiver), -1);
          }
          assert.deepEqual(frame, before);
        }), propertyOptions(100));
      });

      it("the receiver is a component of associated data: its id in 4 bytes, big-endian", () => {
        const [key, head, body] = [new Uint8Array(32).fill(0xc4), Uint8Array.of(0xc1, 0x11), Uint8Array.of(1, 2)];
        const expected = aessiv(key, head, fromHex("24a01f01")).encrypt(body);
        assert.equal(toHex(sealed(sealing, { key, head, body, receiver: 0x24a01f01 })), toHex(head) + toHex(expected));
      });

      it("the sealer gives the sealed frames of the vectors, which a reader decodes", () => {
        const key = fromHex(sealedFrames.key).slice();
        for (const vector of sealedFrames.frames) {
          const [head, body] = [fromHex(vector.head).slice(), fromHex(vector.body).slice()];
          const receiver = vector.receiver === null ? NO_RECEIVER : parseInt(vector.receiver, 16);
          const frame = sealed(sealing, { key, head, body, receiver });
          assert.equal(toHex(frame), vector.sealed.replaceAll(" ", ""), vector.name);
          const reader = new FrameReader();
          assert.equal(reader.parseHead(frame, frame.length), DROP_NONE);
          assert.deepEqual([reader.headLength, reader.isUnaddressed()], [head.length, receiver === NO_RECEIVER]);
          const length = sealing(key, undefined).unseal(frame, head.length, frame.length, receiver);
          assert.equal(reader.parseBody(length, new RowData()), DROP_NONE, vector.name);
        }
      });

      it("the sealer unseals frames of either key, and seals with the first", () => {
        fc.assert(fc.property(frames, bytesOf(32), (input, otherKey) => {
          fc.pre(toHex(otherKey) !== toHex(input.key));
          const { key, head, receiver } = input;
          for (const [first, other] of [[key, otherKey], [otherKey, key]]) {
            const frame = sealed(sealing, input);
            assert.ok(sealing(first, other).unseal(frame, head.length, frame.length, receiver) > 0);
          }
          const strange = sealed(sealing, { ...input, key: Uint8Array.from(key, (byte) => byte ^ 1) });
          const before = strange.slice();
          assert.equal(sealing(key, otherKey).unseal(strange, head.length, strange.length, receiver), -1);
          assert.deepEqual(strange, before);
          const both: Sealing = (one) => sealing(one, otherKey);
          assert.deepEqual(sealed(both, input), sealed(sealing, input));
        }), propertyOptions(50));
      });

      it("the sealer does not seal a frame without room for the seal", () => {
        const frame = Uint8Array.from({ length: 40 }, (_, i) => i);
        const before = frame.slice();
        const sealer = sealing(new Uint8Array(32), undefined);
        assert.equal(sealer.seal(frame, 8, 24, 39, 5), -1);
        assert.deepEqual(frame, before);
        assert.equal(sealer.seal(frame, 8, 24, 40, 5), 40);
      });

      it("the sealer takes the longest datagram", () => {
        const [head, body] = [new Uint8Array(12), new Uint8Array(1444).fill(9)];
        const input = { key: new Uint8Array(32).fill(7), head, body, receiver: 5 };
        const frame = sealed(sealing, input);
        assert.equal(frame.length, 1472);
        assert.equal(sealing(input.key, undefined).unseal(frame, 12, 1472, 5), 1456);
      });
    });
  }
});
