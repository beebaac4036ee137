import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CBOR_DEPTH_MAX, CBOR_TOO_DEEP, CBOR_TOO_LARGE, CBOR_UNSUPPORTED, type CborValue, checkCbor, decodeCbor,
  encodeCbor,
} from "../../src/cbor/cbor.js";
import {
  anyText, decode, encode, fromHex, GUARD_BYTES, inspect, isRefused, nested, numbers,
  refusals, roundTrips, text, toHex, valueOf, values, valuesOver, vectors,
} from "./cbor-support.js";
import { count, propertyOptions } from "../support/random.js";

describe("CBOR: examples of RFC 8949, Appendix A", () => {
  it("the vectors have all 81 examples", () => {
    assert.equal(vectors.length, 81);
    assert.equal(new Set(vectors.map((vector) => vector.hex)).size, 81);
  });

  for (const vector of roundTrips) {
    it(`${vector.diagnostic} is ${vector.hex}`, () => {
      assert.equal(encode(valueOf(vector)), vector.hex);
      assert.deepEqual(decode(vector.hex), valueOf(vector));
    });
  }

  for (const vector of refusals) {
    it(`the decoder refuses ${vector.hex}, ${vector.diagnostic}: ${vector.reason}`, () => {
      assert.ok(isRefused(vector.hex));
    });
  }
});

describe("CBOR: damaged bytes", () => {
  it("the decoder refuses every truncation of an accepted item", () => {
    for (const vector of roundTrips) {
      const item = fromHex(vector.hex);
      for (let length = 0; length < item.length; length++) {
        assert.ok(isRefused(toHex(item.subarray(0, length))), `${vector.hex} cut to ${length}`);
      }
    }
  });

  it("the decoder refuses every accepted item with a byte after it", () => {
    for (const vector of roundTrips) {
      for (const extra of ["00", "f6", "ff"]) assert.ok(isRefused(vector.hex + extra), vector.hex + extra);
    }
  });

  it("the decoder reads every truncation and every flipped bit of a vector as one item or refuses it", () => {
    let accepted = 0;
    for (const vector of vectors) {
      const item = fromHex(vector.hex);
      for (let length = 0; length <= item.length; length++) {
        for (const guard of [0x00, 0xff, 0x61]) inspect(item.subarray(0, length), guard);
      }
      for (let bit = 0; bit < item.length * 8; bit++) {
        const flipped = item.slice();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        const verdicts = [0x00, 0xff, 0x61].map((guard) => inspect(flipped, guard).ok);
        assert.ok(verdicts.every((verdict) => verdict === verdicts[0]), "depends on the bytes around it");
        if (verdicts[0]) accepted++;
      }
    }
    assert.ok(accepted > 100, `only ${accepted} flips were readable`);
  });

  it("the decoder refuses an item of one or two bytes, or reads it as what encodes to these bytes", () => {
    let accepted = 0;
    for (let a = 0; a < 256; a++) {
      if (inspect(Uint8Array.of(a), 0xff).ok) accepted++;
      for (let b = 0; b < 256; b++) if (inspect(Uint8Array.of(a, b), 0xff).ok) accepted++;
    }
    // 1 byte: 24 + 24 integers, h'', "", [], {}, 4 simple. 2 bytes: 2 * 232 integers (24 to 255),
    // 256 byte strings, 128 ASCII texts, 56 arrays of one item of one byte.
    assert.equal(accepted, 56 + 464 + 256 + 128 + 56);
  });

  it("the decoder refuses ranges that are empty, reversed or outside the buffer", () => {
    const bytes = Uint8Array.of(0x00, 0x00);
    for (const [start, end] of [[0, 0], [1, 0], [1, 3], [2, 3], [-1, 0], [-1, 1], [5, 6]]) {
      assert.equal(checkCbor(bytes, start, end), false, `${start}, ${end}`);
      assert.equal(decodeCbor(bytes, start, end).ok, false);
    }
  });

  it("the decoder refuses lengths beyond the end, however large", () => {
    for (const major of ["5", "7", "9", "b"]) {
      for (const length of ["b001fffffffffffff", "b0000000100000000", "affffffff", "9ffff", "8ff"]) {
        assert.ok(isRefused(major + length + "6161"), major + length);
      }
    }
  });

  it("the decoder never throws for random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      inspect(bytes, 0xff);
    }), propertyOptions(5000));
  });

  it("the decoder never throws for damaged items", () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const damage = fc.array(change, { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(values, damage, (value, changes) => {
      const hex = encode(value);
      if (typeof hex === "number") return;
      const item = fromHex(hex);
      for (const [position, byte] of changes) item[position % item.length] = byte;
      inspect(item, 0xff);
    }), propertyOptions(2000));
  });
});

describe("CBOR: numbers", () => {
  const forms: [number, string][] = [
    [255, "18ff"], [256, "190100"], [65535, "19ffff"], [65536, "1a00010000"],
    [4294967295, "1affffffff"], [4294967296, "1b0000000100000000"],
    [-24, "37"], [-25, "3818"], [-256, "38ff"], [-257, "390100"], [-65536, "39ffff"], [-65537, "3a00010000"],
    [-4294967296, "3affffffff"], [-4294967297, "3b0000000100000000"],
    [9007199254740991, "1b001fffffffffffff"], [-9007199254740991, "3b001ffffffffffffe"],
    [9007199254740992, "fa5a000000"], [-9007199254740992, "fada000000"],
    [9007199254740994, "fb4340000000000001"], [65504.5, "fa477fe080"], [-65504.5, "fac77fe080"],
    [0.1, "fb3fb999999999999a"],
    [1023.5, "f963ff"], [1024.5, "fa44801000"], [2048.5, "fa45000800"],
    [5e-324, "fb0000000000000001"], [1.7976931348623157e308, "fb7fefffffffffffff"],
    [2 ** -24, "f90001"], [3 * 2 ** -24, "f90003"], [1023 * 2 ** -24, "f903ff"], [-1023 * 2 ** -24, "f983ff"],
    [2 ** -25, "fa33000000"], [3 * 2 ** -25, "fa33c00000"], [1023.5 * 2 ** -24, "fa387fe000"],
    [2 ** 127, "fa7f000000"], [2 ** 128, "fb47f0000000000000"], [2 ** -149, "fa00000001"],
    [2 ** -126 - 2 ** -149, "fa007fffff"], [2 ** -126, "fa00800000"],
    [2 ** -150, "fb3690000000000000"], [3 * 2 ** -150, "fb36a8000000000000"],
  ];
  for (const [value, hex] of forms) {
    it(`${value} is ${hex}`, () => {
      assert.equal(encode(value), hex);
      assert.ok(Object.is(decode(hex), value));
    });
  }

  it("the decoder keeps every half that is no integer, subnormals included", () => {
    for (let bits = 0; bits < 0x10000; bits += count(1, 17)) {
      const hex = "f9" + bits.toString(16).padStart(4, "0");
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 0x3ff;
      let value = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
      if (exponent === 0) value = sign * fraction * 2 ** -24;
      if (exponent === 31) value = fraction === 0 ? sign * Infinity : NaN;
      const isInteger = Number.isInteger(value) && !Object.is(value, -0);
      const isOtherNaN = exponent === 31 && fraction !== 0 && bits !== 0x7e00;
      if (isInteger || isOtherNaN) assert.ok(isRefused(hex), hex);
      else assert.ok(Object.is(decode(hex), value), hex);
    }
  });

  it("the encoder takes the shortest exact form", () => {
    fc.assert(fc.property(numbers, (value) => {
      const hex = encode(value) as string;
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        assert.ok(/^[0-3]/.test(hex), hex);
      } else {
        const isSingle = Object.is(Math.fround(value), value);
        assert.ok(isSingle ? hex.length <= 10 : hex.length === 18, hex);
      }
      assert.ok(Object.is(decode(hex), value));
    }), propertyOptions(5000));
  });

  it("the decoder refuses singles and doubles that have a shorter form", () => {
    fc.assert(fc.property(numbers, (value) => {
      const view = new DataView(new ArrayBuffer(8));
      const shortest = encode(value);
      view.setFloat64(0, value);
      const double = "fb" + toHex(new Uint8Array(view.buffer));
      assert.equal(isRefused(double), shortest !== double);
      view.setFloat32(0, value);
      if (!Object.is(view.getFloat32(0), value)) return;
      const single = "fa" + toHex(new Uint8Array(view.buffer, 0, 4));
      assert.equal(isRefused(single), shortest !== single);
    }), propertyOptions(5000));
  });

  it("the decoder refuses integers in longer forms or beyond the exact range", () => {
    for (const hex of [
      "1800", "1817", "190018", "1900ff", "1a00000100", "1a0000ffff", "1b0000000000010000",
      "1b00000000ffffffff", "1b0020000000000000", "3817", "3b001fffffffffffff", "1c", "1d", "1e", "1f", "3f",
      "580100", "78016100", "980100", "b801616100", "5900010000",
    ]) assert.ok(isRefused(hex), hex);
  });
});

describe("CBOR: text", () => {
  const euroPair = "\ud83d\ude00";

  it("the encoder writes a surrogate pair as one character of 4 bytes", () => {
    assert.equal(encode(euroPair), "64f09f9880");
    assert.equal(decode("64f09f9880"), euroPair);
    assert.equal(encode("\ud800\udc00"), "64f0908080");
    assert.equal(encode("\udbff\udfff"), "64f48fbfbf");
  });

  it("the encoder replaces lone surrogates by U+FFFD", () => {
    for (const [lone, hex] of [
      ["\ud83d", "63efbfbd"], ["\ude00", "63efbfbd"], ["\ud83da", "64efbfbd61"], ["a\ud83d", "6461efbfbd"],
      ["\ude00\ud83d", "66efbfbdefbfbd"], ["\ud83d\ud83d\ude00", "67efbfbdf09f9880"],
      ["\ud83d\ue000", "66efbfbdee8080"],
    ]) assert.equal(encode(lone), hex);
  });

  it("text keeps U+0000 and the byte order mark", () => {
    assert.equal(encode("a\u0000b"), "63610062");
    assert.equal(decode("63610062"), "a\u0000b");
    assert.equal(encode("\ufeffa"), "64efbbbf61");
    assert.equal(decode("64efbbbf61"), "\ufeffa");
  });

  it("the decoder refuses bytes that are not UTF-8", () => {
    for (const hex of [
      "6180", "61c3", "62c080", "62c1bf", "63e08080", "63e09fbf", "63eda080", "63edbfbf", "64f0808080",
      "64f08fbfbf", "64f4908080", "64f5808080", "61ff", "61fe", "62c328", "63e28228", "63e228a1",
      "64f09f9828", "63f09f98", "62e6b0",
    ]) assert.ok(isRefused(hex), hex);
  });

  it("the codec agrees with the platform's UTF-8 in both directions", () => {
    fc.assert(fc.property(anyText, (string) => {
      const hex = encode(string) as string;
      const body = Buffer.from(string.toWellFormed(), "utf8").toString("hex");
      assert.ok(hex.endsWith(body) && hex.length - body.length <= 6);
      assert.equal(decode(hex), string.toWellFormed());
    }), propertyOptions(3000));
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      const item = Uint8Array.of(0x60 + bytes.length, ...bytes);
      let expected: string | undefined;
      try {
        expected = strict.decode(bytes);
      } catch {
        // Not UTF-8.
      }
      assert.equal(inspect(item, 0x80).value, expected);
    }), propertyOptions(5000));
  });
});

describe("CBOR: maps", () => {
  it("the encoder orders keys by their encoded bytes, shorter first", () => {
    const sorted = "a5" + "6004" + "616103" + "616201" + "62313005" + "62616102";
    assert.equal(encode({ b: 1, aa: 2, a: 3, "": 4, 10: 5 }), sorted);
    // As UTF-8, U+FF5E is before U+10000; as UTF-16 it is after its surrogates.
    assert.equal(encode({ "\ud800\udc00": 1, "\uff5ea": 2 }), "a2" + "64efbd9e6102" + "64f090808001");
  });

  it("the encoding does not depend on the order of insertion", () => {
    const maps = fc.dictionary(text, numbers, { maxKeys: 30 });
    fc.assert(fc.property(maps, fc.infiniteStream(fc.nat()), (map, random) => {
      const keys = Object.keys(map).filter((key) => key !== "__proto__");
      const hex = encode(Object.fromEntries(keys.map((key) => [key, map[key]])));
      for (let i = keys.length - 1; i > 0; i--) {
        const j = random.next().value % (i + 1);
        [keys[i], keys[j]] = [keys[j], keys[i]];
      }
      assert.equal(encode(Object.fromEntries(keys.map((key) => [key, map[key]]))), hex);
    }), propertyOptions(500));
  });

  it("the decoder refuses keys that are out of order, given twice or not text", () => {
    for (const hex of [
      "a2616201616102", "a2616101616102", "a262616101616202", "a10001", "a1f601", "a18001", "a1416101",
      "a1616101616202", "a16161", "a1", "a2616101", "a1c0616101",
    ]) assert.ok(isRefused(hex), hex);
  });

  it("the encoder refuses two keys that differ only in lone surrogates", () => {
    assert.equal(encode({ "\ud800": 1, "\ud801": 2 }), CBOR_UNSUPPORTED);
    assert.equal(encode({ "\ud800": 1, "\ufffd": 2, a: 3 }), CBOR_UNSUPPORTED);
    assert.equal(encode({ "\ud800": 1 }), "a163efbfbd01");
  });

  it("the codec refuses the key __proto__ everywhere", () => {
    const item = "a1" + "69" + Buffer.from("__proto__").toString("hex");
    for (const value of ["05", "f6", "a0", "a1616101"]) {
      assert.ok(isRefused(item + value));
      assert.ok(isRefused("81" + item + value));
      assert.ok(isRefused("a16161" + item + value));
    }
    assert.equal(encode(JSON.parse('{"__proto__": {"polluted": 1}}')), CBOR_UNSUPPORTED);
    assert.equal(encode(JSON.parse('{"a": 1, "__proto__": 2, "b": [3]}')), CBOR_UNSUPPORTED);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it("the codec treats other names of Object.prototype as any key", () => {
    for (const key of [
      "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "length", "__proto_", "__proto___",
    ]) {
      const map = decode(encode({ [key]: { x: 1 } }) as string) as Record<string, CborValue>;
      assert.deepEqual(Object.keys(map), [key]);
      assert.equal(Object.getPrototypeOf(map), Object.prototype);
    }
  });
});

describe("CBOR: any value", () => {
  it("the decoder gives a value equal to the encoded one", () => {
    fc.assert(fc.property(values, (value) => {
      const hex = encode(value);
      if (hex === CBOR_TOO_LARGE) return;
      assert.equal(typeof hex, "string");
      assert.deepEqual(decode(hex as string), value);
    }), propertyOptions(3000));
  });

  it("an item fits into exactly its size, and encoding fails in every smaller buffer", () => {
    const map = { b: "\u6c34", a: [1.5, 0.1], cc: new Uint8Array(30) };
    const kinds = [...roundTrips.map(valueOf), 2 ** 40, "x".repeat(300), map];
    for (const value of kinds) {
      const expected = encode(value) as string;
      const size = expected.length / 2;
      for (let room = 0; room <= size + 9; room++) {
        const buffer = new Uint8Array(room + 2 * GUARD_BYTES + 3).fill(0xa5);
        // Not at the start of its ArrayBuffer, and not at an aligned place.
        const out = buffer.subarray(3, 3 + GUARD_BYTES + room);
        const end = encodeCbor(value, out, GUARD_BYTES);
        assert.equal(end, room < size ? CBOR_TOO_LARGE : GUARD_BYTES + size);
        if (end > 0) assert.equal(toHex(out.subarray(GUARD_BYTES, end)), expected);
        const guards = [...buffer.subarray(0, 3 + GUARD_BYTES), ...buffer.subarray(3 + GUARD_BYTES + room)];
        assert.ok(guards.every((byte) => byte === 0xa5), "wrote outside");
        // A typed array swallows writes behind it; a DataView there would throw.
        assert.equal(encodeCbor(value, new Uint8Array(room), 0), room < size ? CBOR_TOO_LARGE : size);
      }
    }
  });

  it("the codec bounds the depth on both sides", () => {
    const deepest = nested(CBOR_DEPTH_MAX);
    assert.deepEqual(decode(encode(deepest) as string), deepest);
    assert.equal(encode(nested(CBOR_DEPTH_MAX + 1)), CBOR_TOO_DEEP);
    assert.ok(!isRefused("81".repeat(CBOR_DEPTH_MAX - 1) + "80"));
    assert.ok(isRefused("81".repeat(CBOR_DEPTH_MAX) + "80"));
    assert.ok(isRefused("81".repeat(CBOR_DEPTH_MAX) + "a0"));
    assert.ok(!isRefused("81".repeat(CBOR_DEPTH_MAX) + "00"));
    assert.ok(isRefused("a16161".repeat(CBOR_DEPTH_MAX) + "a0"));
    assert.ok(isRefused("81".repeat(4000) + "00"));
  });

  it("the encoder refuses values that contain themselves", () => {
    const list: unknown[] = [];
    list.push(list, list, list);
    assert.equal(encode(list), CBOR_TOO_DEEP);
    const map: Record<string, unknown> = {};
    map.self = [map];
    assert.equal(encode(map), CBOR_TOO_DEEP);
  });

  it("the encoder refuses values without an encoding, wherever they are", () => {
    class Point { x = 1; }
    const foreign: unknown[] = [
      () => 1, Symbol("s"), 1n, new Date(0), new Map(), new Set(), /x/, new Point(), new Uint16Array(2),
      new ArrayBuffer(2), new DataView(new ArrayBuffer(2)), Object(1), Object("a"), Promise.resolve(),
      new Error("e"), class {},
    ];
    for (const value of foreign) {
      assert.equal(encode(value), CBOR_UNSUPPORTED);
      assert.equal(encode([1, value]), CBOR_UNSUPPORTED);
      assert.equal(encode({ a: { b: value } }), CBOR_UNSUPPORTED);
    }
  });

  it("the encoder takes Buffers, objects without prototype, and holes", () => {
    assert.equal(encode(Buffer.from([1, 2])), "420102");
    assert.equal(encode(Object.assign(Object.create(null) as object, { a: 1 })), "a1616101");
    // eslint-disable-next-line no-sparse-arrays
    assert.equal(encode([1, , 2]), "8301f702");
    assert.equal(encode({ a: undefined }), "a16161f7");
    assert.deepEqual(decode("a16161f7"), { a: undefined });
  });

  it("the decoder tells the value undefined from a failure", () => {
    assert.deepEqual(decodeCbor(Uint8Array.of(0xf7), 0, 1), { ok: true, value: undefined });
    assert.deepEqual(decodeCbor(Uint8Array.of(0xff), 0, 1), { ok: false });
  });

  it("a decoded value shares no memory with the bytes that were read", () => {
    const bytes = Uint8Array.of(0x42, 1, 2);
    const result = decodeCbor(bytes, 0, 3);
    bytes.fill(9);
    assert.deepEqual(result, { ok: true, value: Uint8Array.of(1, 2) });
  });

  it("the encoder throws only the error of a getter", () => {
    const trap = { get a(): number { throw new Error("getter"); } };
    assert.throws(() => encodeCbor(trap, new Uint8Array(99), 0), /getter/);
    const anything = fc.anything({
      withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true,
      withSparseArray: true, withBoxedValues: true, withNullPrototype: true,
    });
    fc.assert(fc.property(anything, (value) => {
      const hex = encode(value);
      if (typeof hex === "string") decode(hex);
    }), propertyOptions(3000));
  });

  it("text with lone surrogates stays readable", () => {
    fc.assert(fc.property(valuesOver(anyText), (value) => {
      const hex = encode(value);
      if (typeof hex === "string") decode(hex);
    }), propertyOptions(500));
  });
});
