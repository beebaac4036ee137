import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { CBOR_DEPTH_MAX, type CborValue, checkCbor, decodeCbor, encodeCbor } from "../../src/cbor/cbor.js";

interface Vector {
  hex: string;
  diagnostic: string;
  value?: CborValue;
  expect: "round-trip" | "decode-refused";
  reason?: string;
}

export const GUARD_BYTES = 16;

const vectorFile = new URL("../vectors/cbor-appendix-a.json", import.meta.url);
export const vectors = JSON.parse(readFileSync(vectorFile, "utf8")) as Vector[];
export const roundTrips = vectors.filter((vector) => vector.expect === "round-trip");
export const refusals = vectors.filter((vector) => vector.expect === "decode-refused");

/** Values of the vectors that JSON has no notation for. */
const notInJson: Record<string, CborValue> = {
  "-0.0": -0,
  "Infinity": Infinity,
  "-Infinity": -Infinity,
  "NaN": NaN,
  "undefined": undefined,
  "h''": new Uint8Array(0),
  "h'01020304'": Uint8Array.of(1, 2, 3, 4),
};

export function valueOf(vector: Vector): CborValue {
  if ("value" in vector) return vector.value;
  assert.ok(vector.diagnostic in notInJson, vector.diagnostic);
  return notInJson[vector.diagnostic];
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const CLEAN = new Uint8Array(4096).fill(0xa5);

function isClean(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, CLEAN.subarray(0, bytes.length)) === 0;
}

/** The encoding as hex, or the failure code. Checks that nothing else was written. */
export function encode(value: unknown): string | number {
  const out = CLEAN.slice();
  const end = encodeCbor(value, out, GUARD_BYTES);
  assert.ok(isClean(out.subarray(0, GUARD_BYTES)), "wrote before the offset");
  assert.ok(end < 0 || isClean(out.subarray(end)), "wrote after the item");
  return end < 0 ? end : toHex(out.subarray(GUARD_BYTES, end));
}

/** A buffer that notes every byte read outside `start` to `end`. */
function watched(bytes: Uint8Array, start: number, end: number, strays: number[]): Uint8Array {
  return new Proxy(bytes, {
    get(target, property) {
      const index = typeof property === "string" ? Number(property) : NaN;
      if (index < start || index >= end) strays.push(index);
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? member.bind(target) as unknown : member;
    },
  });
}

/**
 * Checks and decodes `item` in the middle of `guard` bytes; it must be accepted
 * by both or by none. What is accepted must encode to the same bytes again.
 */
export function inspect(item: Uint8Array, guard: number): { ok: boolean; value?: CborValue } {
  const buffer = new Uint8Array(item.length + 2 * GUARD_BYTES).fill(guard);
  buffer.set(item, GUARD_BYTES);
  const end = GUARD_BYTES + item.length;
  const strays: number[] = [];
  const accepted = checkCbor(watched(buffer, GUARD_BYTES, end, strays), GUARD_BYTES, end);
  const result = decodeCbor(watched(buffer, GUARD_BYTES, end, strays), GUARD_BYTES, end);
  assert.deepEqual(strays, [], "read outside the item");
  assert.equal(result.ok, accepted);
  if (!result.ok) {
    assert.ok(!("value" in result));
    return result;
  }
  assert.equal(encode(result.value), toHex(item));
  return result;
}

export function decode(hex: string): CborValue {
  const result = inspect(fromHex(hex), 0xff);
  assert.ok(result.ok, `${hex} was refused`);
  return result.value;
}

export function isRefused(hex: string): boolean {
  return !inspect(fromHex(hex), 0x00).ok;
}

export function nested(levels: number): CborValue {
  let value: CborValue = [];
  for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Halves, singles and integers around the limits, where the choice of a form is made. */
export const numbers = fc.oneof(
  fc.double(),
  fc.float(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.tuple(fc.integer({ min: -4096, max: 4096 }), fc.integer({ min: -30, max: 60 }))
    .map(([significand, exponent]) => significand * 2 ** exponent),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 5e-324, 65504, 65520),
);
/** Any code units, so with lone surrogates. */
export const anyText = fc.array(fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.integer({ min: 0xd7f0, max: 0xe010 }),
  fc.integer({ min: 0, max: 0x7f }),
)).map((units) => String.fromCharCode(...units));
export const text = fc.oneof(fc.string({ unit: "binary" }), fc.string());

export function valuesOver(strings: fc.Arbitrary<string>): fc.Arbitrary<CborValue> {
  const keys = strings.filter((key) => key !== "__proto__");
  return fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: CBOR_DEPTH_MAX, depthSize: "small" },
      numbers,
      strings,
      fc.constantFrom(null, undefined, true, false),
      fc.uint8Array(),
      fc.array(tie("value"), { maxLength: 6 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 6, noNullPrototype: true }),
    ),
  })).value;
}
export const values = valuesOver(text);
