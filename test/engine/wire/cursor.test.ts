import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader, Writer, varintBytes } from "../../../src/engine/wire/cursor.js";
import { propertyOptions } from "../../support/random.js";

const GUARD = 0xa5;
const GUARD_BYTES = 8;
type Width = "u8" | "u16" | "u32" | "varint";

interface Written {
  hex: string;
  failed: boolean;
  position: number;
}

/** What `write` leaves in `room` bytes. Checks the bytes around them. */
function written(room: number, write: (writer: Writer) => void): Written {
  const bytes = new Uint8Array(room + 2 * GUARD_BYTES).fill(GUARD);
  const writer = new Writer();
  writer.reset(bytes, GUARD_BYTES, GUARD_BYTES + room);
  write(writer);
  assert.ok(bytes.subarray(0, GUARD_BYTES).every((byte) => byte === GUARD), "wrote before the start");
  assert.ok(bytes.subarray(GUARD_BYTES + room).every((byte) => byte === GUARD), "wrote after the end");
  assert.ok(writer.position >= GUARD_BYTES && writer.position <= GUARD_BYTES + room, "left its range");
  assert.equal(writer.room(), GUARD_BYTES + room - writer.position);
  return {
    hex: Buffer.from(bytes.subarray(GUARD_BYTES, writer.position)).toString("hex"),
    failed: writer.failed,
    position: writer.position - GUARD_BYTES,
  };
}

/** A reader of the bytes in `hex`, with other bytes around them that it must not read. */
function readerOf(hex: string, guard = 0x01): Reader {
  const content = Buffer.from(hex, "hex");
  const bytes = new Uint8Array(content.length + 2 * GUARD_BYTES).fill(guard);
  bytes.set(content, GUARD_BYTES);
  const reader = new Reader();
  reader.reset(bytes, GUARD_BYTES, GUARD_BYTES + content.length);
  return reader;
}

/** Exact bytes of values at the limits of each width. */
const forms: [Width, number, string][] = [
  ["u8", 0, "00"], ["u8", 127, "7f"], ["u8", 128, "80"], ["u8", 255, "ff"],
  ["u16", 0, "0000"], ["u16", 127, "007f"], ["u16", 128, "0080"], ["u16", 16383, "3fff"], ["u16", 16384, "4000"],
  ["u16", 0x1234, "1234"], ["u16", 65535, "ffff"],
  ["u32", 0, "00000000"], ["u32", 127, "0000007f"], ["u32", 128, "00000080"], ["u32", 16383, "00003fff"],
  ["u32", 16384, "00004000"], ["u32", 2 ** 28, "10000000"], ["u32", 0x12345678, "12345678"],
  ["u32", 0x80000000, "80000000"], ["u32", 2 ** 32 - 1, "ffffffff"],
  ["varint", 0, "00"], ["varint", 127, "7f"], ["varint", 128, "8001"], ["varint", 16383, "ff7f"],
  ["varint", 16384, "808001"], ["varint", 2 ** 21 - 1, "ffff7f"], ["varint", 2 ** 21, "80808001"],
  ["varint", 2 ** 28 - 1, "ffffff7f"], ["varint", 2 ** 28, "8080808001"], ["varint", 624485, "e58e26"],
  ["varint", 2 ** 31, "8080808008"], ["varint", 2 ** 32 - 1, "ffffffff0f"],
];

describe("Cursor: forms", () => {
  for (const [width, value, hex] of forms) {
    const size = hex.length / 2;

    it(`${width} ${value} is ${hex}`, () => {
      assert.deepEqual(written(size, (writer) => writer[width](value)), { hex, failed: false, position: size });
      assert.deepEqual(written(size + 3, (writer) => writer[width](value)), { hex, failed: false, position: size });
      const reader = readerOf(hex);
      assert.equal(reader[width](), value);
      assert.equal(reader.position, GUARD_BYTES + size);
      assert.equal(reader.failed, false);
      if (width === "varint") assert.equal(varintBytes(value), size);
    });

    it(`${width} ${value} does not fit fewer than ${size} bytes`, () => {
      for (let room = 0; room < size; room++) {
        assert.equal(written(room, (writer) => writer[width](value)).failed, true);
        for (const guard of [0x00, 0x01, 0x80]) {
          const reader = readerOf(hex.slice(0, 2 * room), guard);
          assert.equal(reader[width](), 0);
          assert.equal(reader.failed, true);
          assert.ok(reader.position <= GUARD_BYTES + room, "passed the end");
        }
      }
    });
  }

  it("the reader stops after the field that it read", () => {
    const reader = readerOf("ff" + "0102" + "06070809" + "8001" + "2a");
    assert.equal(reader.u8(), 0xff);
    assert.equal(reader.u16(), 0x0102);
    assert.equal(reader.u32(), 0x06070809);
    assert.equal(reader.varint(), 128);
    assert.equal(reader.position, GUARD_BYTES + 9);
    assert.equal(reader.u8(), 42);
    assert.equal(reader.failed, false);
  });
});

describe("Cursor: refused varints", () => {
  const refusals: [string, string][] = [
    ["8000", "0 in two bytes"], ["ff00", "127 in two bytes"], ["808000", "0 in three bytes"],
    ["80808000", "0 in four bytes"], ["8080808000", "0 in five bytes"], ["ffffffff00", "2^28-1 in five bytes"],
    ["8080808010", "2^32"], ["ffffffff1f", "33 bits"], ["ffffffff7f", "35 bits"],
    ["8080808080", "no end within five bytes"], ["808080808001", "six bytes"], ["ffffffff8f00", "six bytes"],
    ["ffffffffffffffffff01", "64 bits"],
    ["", "nothing"], ["80", "cut after one"], ["ffff", "cut after two"], ["ffffff", "cut after three"],
    ["ffffffff", "cut after four"],
  ];
  for (const [hex, why] of refusals) {
    it(`the reader refuses ${hex || "no bytes"}: ${why}`, () => {
      for (const guard of [0x00, 0x01, 0x80]) {
        const reader = readerOf(hex, guard);
        assert.equal(reader.varint(), 0);
        assert.equal(reader.failed, true);
        assert.ok(reader.position <= reader.end);
      }
    });
  }

  it("the reader accepts only varints that the writer writes", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 7 }), (bytes) => {
      const reader = readerOf(Buffer.from(bytes).toString("hex"));
      const value = reader.varint();
      if (reader.failed) return;
      const size = reader.position - GUARD_BYTES;
      const hex = Buffer.from(bytes.subarray(0, size)).toString("hex");
      assert.equal(written(5, (writer) => writer.varint(value)).hex, hex);
    }), propertyOptions(5000));
  });
});

describe("Cursor: failure", () => {
  it("the reader stays failed after a read past the end", () => {
    const reader = readerOf("0102");
    assert.equal(reader.u32(), 0);
    assert.equal(reader.position, GUARD_BYTES);
    for (const width of ["u8", "u16", "u32", "varint"] as const) assert.equal(reader[width](), 0);
    reader.skip(1);
    assert.equal(reader.failed, true);
    assert.equal(reader.position, GUARD_BYTES);
  });

  it("the reader stays failed after a refused varint, although bytes are left", () => {
    const reader = readerOf("800007");
    reader.varint();
    assert.equal(reader.u8(), 0);
    assert.equal(reader.failed, true);
  });

  it("the writer stays failed after a write past the end, although the next field would fit", () => {
    const result = written(2, (writer) => {
      writer.copy(Uint8Array.of(1, 2, 3), 0, 3);
      for (const width of ["u8", "u16", "u32", "varint"] as const) writer[width](1);
      writer.copy(Uint8Array.of(1), 0, 1);
    });
    assert.deepEqual(result, { hex: "", failed: true, position: 0 });
  });

  it("a reset ends the failure", () => {
    const reader = readerOf("");
    reader.u8();
    reader.reset(Uint8Array.of(7, 8), 1, 2);
    assert.equal(reader.u8(), 8);
    assert.equal(reader.failed, false);
    const writer = new Writer();
    writer.reset(new Uint8Array(1), 0, 0);
    writer.u8(1);
    const bytes = new Uint8Array(1);
    writer.reset(bytes, 0, 1);
    writer.u8(9);
    assert.deepEqual([bytes[0], writer.failed], [9, false]);
  });
});

describe("Cursor: stretches of bytes", () => {
  it("skip passes over the bytes and returns where they start", () => {
    const reader = readerOf("0a0b0c0d");
    assert.equal(reader.skip(3), GUARD_BYTES);
    assert.equal(reader.position, GUARD_BYTES + 3);
    assert.equal(reader.skip(0), GUARD_BYTES + 3);
    assert.equal(reader.u8(), 0x0d);
    assert.equal(reader.skip(0), GUARD_BYTES + 4);
    assert.equal(reader.failed, false);
    reader.skip(1);
    assert.equal(reader.failed, true);
    assert.equal(reader.position, GUARD_BYTES + 4);
  });

  it("the writer copies exactly the given bytes", () => {
    const from = Uint8Array.of(1, 2, 3, 4, 5);
    assert.deepEqual(written(3, (writer) => writer.copy(from, 1, 3)), { hex: "020304", failed: false, position: 3 });
    assert.deepEqual(written(3, (writer) => writer.copy(from, 5, 0)), { hex: "", failed: false, position: 0 });
    assert.deepEqual(written(3, (writer) => writer.copy(from, 0, 4)), { hex: "", failed: true, position: 0 });
  });

  it("the writer patches a length that is known afterwards", () => {
    const result = written(4, (writer) => {
      const at = writer.position;
      writer.u16(0);
      writer.u16(0xffff);
      writer.patchU16(at, 0x1234);
    });
    assert.deepEqual(result, { hex: "1234ffff", failed: false, position: 4 });
  });
});

describe("Cursor: round trip", () => {
  const limits = [0, 7, 14, 21, 28].flatMap((bits) => [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]);
  const uint32 = fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(...limits, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
    fc.integer({ min: 0, max: 31 }).chain((bits) => fc.integer({ min: 0, max: 2 ** bits })),
  );

  it("every uint32 is read as it was written", () => {
    fc.assert(fc.property(uint32, (value) => {
      const out = written(9, (writer) => {
        writer.varint(value);
        writer.u32(value);
      });
      assert.equal(out.failed, false);
      assert.equal(out.position, varintBytes(value) + 4);
      const reader = readerOf(out.hex);
      assert.equal(reader.varint(), value);
      assert.equal(reader.u32(), value);
      assert.equal(reader.position, reader.end);
      assert.equal(reader.failed, false);
    }), propertyOptions(10000));
  });

  it("any sequence is read as written, and fails at the same field in any shorter room", () => {
    const widths = { u8: 0xff, u16: 0xffff, u32: 0xffffffff, varint: 0xffffffff };
    const field = fc.tuple(fc.constantFrom<Width>("u8", "u16", "u32", "varint"), uint32)
      .map(([width, value]): [Width, number] => [width, value % (widths[width] + 1)]);
    fc.assert(fc.property(fc.array(field, { maxLength: 8 }), fc.nat(), (fields, cut) => {
      const writeAll = (writer: Writer) => fields.forEach(([width, value]) => writer[width](value));
      const whole = written(64, writeAll);
      const room = cut % (whole.position + 1);
      assert.equal(written(room, writeAll).failed, room < whole.position);
      const reader = readerOf(whole.hex.slice(0, 2 * room));
      for (const [width, value] of fields) {
        const read = reader[width]();
        assert.equal(read, reader.failed ? 0 : value);
      }
      assert.equal(reader.failed, room < whole.position);
    }), propertyOptions(2000));
  });
});
