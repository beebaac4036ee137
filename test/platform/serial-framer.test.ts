import assert from "node:assert/strict";
import fc from "fast-check";
import { SerialFramer, serialBytes } from "../../src/platform/serial-framer.js";
import { crc32 } from "../support/crc32.js";
import { propertyOptions } from "../support/random.js";

const FRAME_BYTES = 600;

/** COBS as its paper defines it: each code stands for code - 1 bytes and, unless it is 255 or the last one, a zero. */
function unstuff(bytes: Uint8Array): number[] {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes[at]) {
    if (bytes[at] === 0 || at + bytes[at] > bytes.length) throw new Error(`no code at ${at}`);
    out.push(...bytes.subarray(at + 1, at + bytes[at]));
    if (bytes[at] !== 255 && at + bytes[at] < bytes.length) out.push(0);
  }
  return out;
}

function encoded(frame: Uint8Array): Uint8Array {
  const framer = new SerialFramer(FRAME_BYTES);
  return framer.encoded.slice(0, framer.encode(frame, frame.length));
}

/** All frames in these bytes, which arrive in pieces. */
function decoded(framer: SerialFramer, bytes: Uint8Array, piece = 7): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    const part = bytes.subarray(at, at + piece);
    framer.decode(part, part.length, (frame, length) => frames.push(frame.slice(0, length)));
  }
  return frames;
}

/** Frames with many zeros, with none, and as long as blocks of COBS. */
const frames = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: FRAME_BYTES }),
  fc.array(fc.constantFrom(0, 0, 1, 255), { minLength: 1, maxLength: FRAME_BYTES })
    .map((list) => Uint8Array.from(list)),
  fc.integer({ min: 245, max: 515 }).map((length) => new Uint8Array(length).fill(7)),
);

describe("SerialFramer", () => {
  it("encodes a frame and its CRC-32 by COBS between two zeros, in at most the promised bytes", () => {
    fc.assert(fc.property(frames, (frame) => {
      const line = encoded(frame);
      assert.ok(line.length <= serialBytes(frame.length));
      assert.deepEqual([line[0], line[line.length - 1]], [0, 0]);
      const inside = line.subarray(1, line.length - 1);
      assert.ok(!inside.includes(0));
      const crc = crc32(frame);
      const check = [crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255];
      assert.deepEqual(unstuff(inside), [...frame, ...check]);
    }), propertyOptions(2000));
  });

  it("decodes what it encoded, in pieces of any length", () => {
    fc.assert(fc.property(fc.array(frames, { maxLength: 5 }), fc.integer({ min: 1, max: 300 }), (list, piece) => {
      const framer = new SerialFramer(FRAME_BYTES);
      const line = Uint8Array.from(list.flatMap((frame) => [...encoded(frame)]));
      assert.deepEqual(decoded(framer, line, piece), list);
      assert.deepEqual([framer.intact, framer.damaged], [list.length, 0]);
    }), propertyOptions(2000));
  });

  it("never delivers a frame with flipped bits, lost or added bytes, and delivers the one behind it", () => {
    const change = fc.record({
      how: fc.constantFrom("flip", "lose", "add"), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }),
    });
    const changes = fc.array(change, { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(frames, frames, changes, (frame, next, list) => {
      const line = [...encoded(frame)];
      for (const { how, at, byte } of list) {
        const place = at % line.length;
        if (how === "flip") line[place] ^= 1 << (byte & 7);
        else if (how === "lose" && line.length > 1) line.splice(place, 1);
        else line.splice(place, 0, byte);
      }
      const framer = new SerialFramer(FRAME_BYTES);
      // A changed zero at the end may join the damaged frame with the zero that begins the next one, no more.
      const found = decoded(framer, Uint8Array.from([...line, ...encoded(next)]));
      const expected = [frame, next].map((one) => Buffer.from(one).toString("hex"));
      for (const one of found) assert.ok(expected.includes(Buffer.from(one).toString("hex")), "a wrong frame");
      assert.deepEqual(found.at(-1), next);
    }), propertyOptions(2000));
  });

  it("delivers nothing of noise, counts it, and keeps within its buffer", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), frames, (noise, frame) => {
      const framer = new SerialFramer(FRAME_BYTES);
      assert.deepEqual(decoded(framer, noise), []);
      const pieces = Buffer.from(noise).toString("latin1").split("\0").slice(0, -1).filter((piece) => piece !== "");
      assert.equal(framer.damaged, pieces.length);
      assert.deepEqual(decoded(framer, encoded(frame)), [frame]);
    }), propertyOptions(2000));
  });

  it("drops a frame that is longer than it may be", () => {
    const long = new SerialFramer(FRAME_BYTES + 1);
    const bytes = new Uint8Array(FRAME_BYTES + 1).fill(1);
    const framer = new SerialFramer(FRAME_BYTES);
    assert.deepEqual(decoded(framer, long.encoded.slice(0, long.encode(bytes, bytes.length))), []);
    assert.equal(framer.damaged, 1);
  });
});
