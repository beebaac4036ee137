import assert from "node:assert/strict";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { jsonText } from "../../src/cbor/json-text.js";
import { Random } from "../support/engine-random.js";
import { decimalText } from "../../src/espgossip/decimal.js";
import type { CborValue } from "../../src/gossip.js";
import { buildBundle } from "../conformance/replay.js";
import { requireXs } from "../xs/require-xs.js";
import { XsHost } from "../xs/xs.js";
import { verbs } from "./xs-json-entry.js";

const NUMBERS = 2000;
/** Around the keys that XS takes for negative numbers: 2^31 to 2^32 - 2. */
const KEYS = [0, 5, 2 ** 31 - 1, 2 ** 31, 3000000000, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 40];
const values: CborValue[] = [
  Object.fromEntries(KEYS.map((key) => [key, 21.5])),
  { a: { 3000000000: [{ 4000000000: null }] } },
  [undefined, NaN, Infinity, -0, { b: undefined, c: Uint8Array.of(0, 171), "d\"\n": "\\ \u007f" }],
  [], {}, [{}], { a: undefined }, true, "text", 1e-7, Uint8Array.of(),
];

/** Numbers from 0 to 1, the same ones in each run. */
function randomNumbers(seed: number): () => number {
  const random = new Random(seed, 0);
  return () => random.next() / 2 ** 32;
}

function hex(value: CborValue): string {
  const bytes = new Uint8Array(255);
  return Buffer.from(bytes.buffer, 0, encodeCbor(value, bytes, 0)).toString("hex");
}

function onV8(line: string): string {
  const at = line.indexOf(" ");
  return verbs[line.slice(0, at)](line.slice(at + 1));
}

describe("JSON on V8", () => {
  it("jsonText() writes what JSON.stringify writes, but bytes as hexadecimal text", () => {
    const bytesAsHex = (_key: string, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
    for (const value of values) assert.equal(jsonText(value), JSON.stringify(value, bytesAsHex));
    assert.equal(jsonText(undefined), undefined);
  });

  it("decimalText() keeps short numbers, and gives others a 21st digit", () => {
    for (const text of ["0", "-0", "0.000", "0e5", "21.5", "-123456789.012345", "0.00000123456789012345"]) {
      assert.equal(decimalText(text), text);
    }
    assert.equal(decimalText("21.30000000000000071"), "21.3000000000000007101");
    assert.equal(decimalText("-9007199254740993"), "-9007199254740993.00001");
    assert.equal(decimalText("12345678901234567890123.5"), "12345678901234567890100.0");
    assert.equal(decimalText("12345678901234567890.5"), "12345678901234567890.1");
    assert.equal(decimalText("1E23"), "1.00000000000000000001E23");
  });

  it("decimalText() changes no double, in whatever form it is written", () => {
    const random = randomNumbers(1);
    for (let i = 0; i < NUMBERS; i++) {
      const number = (random() - 0.5) * 10 ** Math.floor(random() * 15);
      for (const text of [String(number), number.toExponential(), number.toPrecision(17), number.toPrecision(21)]) {
        assert.equal(Number(decimalText(text)), number, text);
      }
    }
  });

  it("a number halfway between two doubles is read as the one farther from zero", () => {
    assert.equal(Number(decimalText("9007199254740993")), 9007199254740994);
    assert.equal(Number(decimalText("-4503599627370496.5")), -4503599627370497);
    assert.equal(onV8('read {"a":[4503599627370496.5,1e23],"b":"1e23 4503599627370496.5"}'),
      hex({ a: [4503599627370497, 1.0000000000000001e23], b: "1e23 4503599627370496.5" }));
  });
});

describe("JSON on XS", function () {
  this.timeout(300000);
  let host: XsHost;

  before(async function () {
    await requireXs(this);
    host = await XsHost.start(await buildBundle("../espgossip/xs-json-entry.ts", "xs-json"), { plain: true });
  });

  after(async () => host?.close());

  it("XS's own JSON.stringify writes keys from 2^31 on as negative numbers", async () => {
    assert.equal(await host.send(`stringify ${hex({ 3000000000: 21.5 })}`), '{"-1294967296":21.5}');
  });

  it("all JSON of chisme has the keys that the value has", async () => {
    for (const value of values) {
      for (const verb of ["text", "state", "facade", "datagram"]) {
        const line = `${verb} ${hex(value)}`;
        assert.equal(await host.send(line), onV8(line), line);
      }
    }
    assert.equal(await host.send(`text ${hex(values[0])}`), JSON.stringify(values[0]));
    assert.match(await host.send(`datagram ${hex({ 3000000000: 21.5 })}`), /"data":\{"3000000000":21\.5\}/);
  });

  it("data of boards have on XS the keys that they have on V8", async () => {
    for (const key of KEYS) {
      const line = `read {"x":{"${key}":1}}`;
      assert.equal(await host.send(line), hex({ x: { [key]: 1 } }), line);
    }
  });

  it("numbers in data of boards are on XS what they are on V8", async () => {
    const random = randomNumbers(2);
    const below = (bound: number) => Math.floor(random() * bound);
    const makers: (() => string)[] = [
      () => `${2 ** 52 + below(2 ** 52)}.5`, // halfway between two doubles
      () => `${1 + below(99)}e${below(60) - 30}`,
      () => (below(1e5) / 1000).toPrecision(19), // as NodeMCU's boards write a temperature
      () => `${1 + below(1e9)}${below(1e9)}.${below(1e9)}`,
      () => String(below(2 ** 53)),
      () => `-0.${below(1e9)}${below(1e9)}${below(1e9)}E-${below(300)}`,
    ];
    const numbers = makers.flatMap((make) => Array.from({ length: NUMBERS / 4 }, make));
    const answers = await host.sendMany(numbers.map((number) => `read {"a":[${number}]}`));
    numbers.forEach((number, i) => assert.equal(answers[i], onV8(`read {"a":[${number}]}`), number));
    const plain = await host.sendMany(numbers.map((number) => `number ${number}`));
    assert.ok(numbers.some((number, i) => plain[i] !== onV8(`number ${number}`)), "XS reads as V8 does by itself");
  });
});
