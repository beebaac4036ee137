import assert from "node:assert/strict";
import fc from "fast-check";
import { BROADCAST_ADDRESS, formatAddress, parseAddress } from "../../../src/engine/wire/address.js";
import { count, propertyOptions } from "../../support/random.js";

describe("Addresses", () => {
  const known: [string, number][] = [
    ["0.0.0.0", 0], ["0.0.0.1", 1], ["1.2.3.4", 0x01020304], ["10.0.0.255", 0x0a0000ff],
    ["127.255.255.255", 0x7fffffff], ["128.0.0.0", 0x80000000], ["192.168.0.1", 0xc0a80001],
    ["255.255.255.255", BROADCAST_ADDRESS],
  ];
  for (const [text, address] of known) {
    it(`${text} is 0x${address.toString(16)}`, () => {
      assert.equal(parseAddress(text), address);
      assert.equal(formatAddress(address), text);
    });
  }

  it("formatAddress takes words with the sign bit as unsigned", () => {
    assert.equal(formatAddress(-1), "255.255.255.255");
    assert.equal(formatAddress(0xc0a80001 | 0), "192.168.0.1");
  });

  const refused = [
    "", ".", "...", "....", "1", "1.2", "1.2.3", "1.2.3.", "1.2.3.4.", ".1.2.3.4", "1.2.3.4.5", "1.2.3.4.5.6.7.8",
    "1..2.3", "1.2..4", "1.2.3.4..", "256.0.0.0", "1.2.3.256", "1.2.300.4", "999.1.1.1", "1.2.3.1000",
    "4294967297.2.3.4", "01.2.3.4", "1.02.3.4", "1.2.3.04", "00.0.0.0", "0.0.0.00", "1.2.3.000", "1.2.3.4294967296",
    " 1.2.3.4", "1.2.3.4 ", "1. 2.3.4", "1 .2.3.4", "1.2.3.4\n", "1.2.3.4\0", "\t1.2.3.4", "+1.2.3.4", "-1.2.3.4",
    "1.2.3.-4", "1.2.3.4e0", "0x1.2.3.4", "1.2.3.a", "a.b.c.d", "1,2,3,4", "1.2.3/4", "1.2.3:4", "1.2.3.4:5000",
    "1.2.3.4/24", "localhost", "::1", "::ffff:1.2.3.4", "\u0661.2.3.4", "1\uff0e2.3.4", "1.2.3.\ud835\udfd8",
    "3232235521",
  ];
  for (const text of refused) {
    it(`parseAddress refuses ${JSON.stringify(text)}`, () => assert.equal(parseAddress(text), -1));
  }

  it("parseAddress reads every address that formatAddress writes", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), (address) => {
      assert.equal(parseAddress(formatAddress(address)), address);
    }), propertyOptions(5000));
  });

  it("parseAddress accepts nothing but what formatAddress writes", () => {
    const near = fc.array(fc.constantFrom(..."0011223456789....  :-x"), { maxLength: 16 }).map((part) => part.join(""));
    const parts = fc.array(fc.oneof(fc.nat({ max: 300 }).map(String), near), { minLength: 3, maxLength: 5 })
      .map((octets) => octets.join("."));
    let accepted = 0;
    fc.assert(fc.property(fc.oneof(near, parts, fc.ipV4(), fc.string()), (text) => {
      const address = parseAddress(text);
      if (address === -1) return;
      accepted++;
      assert.ok(Number.isInteger(address) && address >= 0 && address <= 0xffffffff);
      assert.equal(formatAddress(address), text);
    }), propertyOptions(5000));
    assert.ok(accepted > count(100, 3), `only ${accepted} were accepted`);
  });
});
