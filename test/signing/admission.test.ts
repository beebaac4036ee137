import assert from "node:assert/strict";
import fc from "fast-check";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { EncodedEvent } from "../../src/engine/feed/event.js";
import { KIND_LOG, KIND_SET } from "../../src/engine/feed/kinds.js";
import {
  ADMISSION_BYTES, ADMISSION_TOPIC, AdmissionList, type AdmissionListOptions, type Admission, NO_END_MS, NO_LIMIT,
  isRevocation, readAdmission, signAdmission,
} from "../../src/signing/owner.js";
import { compareAdmissions } from "../../src/signing/admission.js";
import { propertyOptions } from "../support/random.js";

const OWNER = nodeIdentity(new Uint8Array(32).fill(200));
const DEVICE = nodeIdentity(new Uint8Array(32).fill(7));
const ADMITTED: Admission = {
  version: 1, author: 0x01020304, key: DEVICE.publicKey, generation: NO_LIMIT, sequence: NO_LIMIT, untilMs: NO_END_MS,
};
const REVOKED: Partial<Admission> = { generation: 4, sequence: 10, untilMs: 1767225600000 };

function signed(more: Partial<Admission> = {}, network = 0, by = OWNER): Uint8Array {
  return signAdmission({ ...ADMITTED, ...more }, network, (message) => by.sign(message));
}

function listOf(more: Partial<AdmissionListOptions> = {}): AdmissionList {
  return new AdmissionList({ owner: OWNER.publicKey, verify: nodeVerify, ...more });
}

/** Shows a list an event, as a batch of anybody does. */
function see(list: AdmissionList, value: unknown, topic = ADMISSION_TOPIC, kind = KIND_SET): void {
  const event = new EncodedEvent(300);
  event.begin(kind, topic, "7", 0);
  event.length = encodeCbor(value, event.bytes, event.length);
  const bytes = new Uint8Array(400);
  bytes.set(event.bytes.subarray(0, event.length), 20);
  list.sawEvent(bytes, 20, event.length);
}

describe("admissions", () => {
  it("have the bytes of PROTOCOL 10.11", () => {
    const bytes = signed(REVOKED);
    const hex = Buffer.from(bytes).toString("hex");
    const key = Buffer.from(DEVICE.publicKey).toString("hex");
    assert.equal(hex.slice(0, 110), `010000000101020304${key}000000040000000a019b76daa800`);
    const message = Buffer.concat([Buffer.from("chisme admit 1"), Buffer.alloc(4), bytes.subarray(0, 55)]);
    assert.ok(nodeVerify(OWNER.publicKey, message, bytes.subarray(55)));
    const { bytes: same, ...read } = readAdmission(bytes) ?? assert.fail();
    assert.equal(same, bytes);
    assert.deepEqual(read, { ...ADMITTED, ...REVOKED });
    assert.ok(isRevocation(read));
    const admitted = readAdmission(signed()) ?? assert.fail();
    assert.deepEqual(admitted, { ...ADMITTED, bytes: admitted.bytes });
    assert.ok(!isRevocation(admitted));
  });

  it("bytes of another length, form or version 0, and limits without a generation, are none", () => {
    const good = signed();
    for (let length = 0; length < 2 * ADMISSION_BYTES; length++) {
      const bytes = new Uint8Array(length);
      bytes.set(good.subarray(0, length));
      assert.equal(readAdmission(bytes) !== undefined, length === ADMISSION_BYTES);
    }
    for (const form of [0, 2, 255]) assert.equal(readAdmission(Uint8Array.of(form, ...good.subarray(1))), undefined);
    assert.equal(readAdmission(signed({ version: 0 })), undefined);
    assert.equal(readAdmission(signed({ sequence: 7 })), undefined);
    assert.equal(readAdmission(signed({ untilMs: 7 })), undefined);
  });

  it("random bytes and changed bits throw nothing, and no list takes them", () => {
    const list = listOf();
    const good = signed();
    const changed = fc.array(fc.tuple(fc.nat(ADMISSION_BYTES - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1 })
      .map((changes) => {
        const bytes = good.slice();
        for (const [at, bits] of changes) bytes[at] ^= bits;
        return bytes;
      });
    const length = fc.nat(ADMISSION_BYTES - 1).map((bytes) => good.slice(0, bytes));
    const random = fc.uint8Array({ minLength: ADMISSION_BYTES, maxLength: ADMISSION_BYTES });
    fc.assert(fc.property(fc.oneof(changed, length, random, fc.uint8Array()), (bytes) => {
      if (Buffer.compare(bytes, good) === 0) return;
      assert.equal(list.offer(bytes), false);
      see(list, bytes);
      list.endRound();
    }), propertyOptions(2000));
    assert.equal(list.all().length, 0);
    assert.ok(list.ignored.form > 0 && list.ignored.signature > 0);
    assert.ok(list.offer(good));
  });

  it("events of any form under the topic throw nothing", () => {
    const list = listOf();
    const values: unknown[] = [null, 1, "text", new Uint8Array(), new Uint8Array(118), new Uint8Array(200), [signed()]];
    for (const value of values) see(list, value);
    assert.equal(list.ignored.form, values.length);
    see(list, signed(), "+admi");
    see(list, signed(), "+admits");
    see(list, signed(), ADMISSION_TOPIC, KIND_LOG);
    assert.equal(list.all().length, 0);
    const body = fc.uint8Array({ minLength: 150, maxLength: 150 });
    fc.assert(fc.property(body, fc.integer({ min: 16, max: 150 }), fc.boolean(), (bytes, length, isCopy) => {
      bytes[0] = 0x40 | (isCopy ? 0 : ADMISSION_TOPIC.length);
      if (isCopy) bytes.set([12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ADMISSION_TOPIC.length], 9);
      bytes.set(Buffer.from(ADMISSION_TOPIC), isCopy ? 23 : 9);
      list.sawEvent(bytes, 0, length);
    }), propertyOptions(2000));
    assert.equal(list.all().length, 0);
    see(list, signed());
    assert.equal(list.all().length, 1);
  });

  it("the highest version counts, whatever the order in which they come, and of one version the revocation", () => {
    const all = [
      signed(), signed({ version: 2, ...REVOKED }), signed({ version: 3 }), signed({ version: 3, ...REVOKED }),
      signed({ version: 3, ...REVOKED, sequence: 9 }),
    ];
    fc.assert(fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
      const list = listOf();
      for (const bytes of shuffled) list.offer(bytes);
      const [one] = list.all();
      assert.deepEqual([list.all().length, one.version, one.sequence], [1, 3, 9]);
    }), propertyOptions(50));
    const read = all.map((bytes) => readAdmission(bytes) ?? assert.fail());
    for (const [i, one] of read.entries()) {
      for (const [j, other] of read.entries()) assert.equal(Math.sign(compareAdmissions(one, other)), Math.sign(i - j));
    }
  });

  it("what is ignored is counted: a wrong signature, another network or owner, an older version", () => {
    const list = listOf();
    list.start(77);
    see(list, signed({}, 77, DEVICE));
    see(list, signed({}, 78));
    see(list, signed({}, 0));
    assert.deepEqual(list.ignored, { form: 0, signature: 3, old: 0, full: 0, unverified: 0 });
    see(list, signed({ version: 2 }, 77));
    see(list, signed({ version: 2 }, 77));
    see(list, signed({}, 77));
    assert.deepEqual(list.ignored, { form: 0, signature: 3, old: 1, full: 0, unverified: 0 });
    assert.equal(list.all().length, 1);
  });

  it("a list has room for so many authors, and verifies 32 bad signatures a round", () => {
    let verified = 0;
    const verify: typeof nodeVerify = (...all) => {
      verified++;
      return nodeVerify(...all);
    };
    const list = listOf({ capacity: 2, verify });
    for (const author of [1, 2, 3]) see(list, signed({ author }));
    assert.deepEqual([list.all().length, list.ignored.full, verified], [2, 1, 2]);
    // A later version has room.
    see(list, signed({ author: 2, version: 2 }));
    assert.equal(list.find(2)?.version, 2);
    for (let i = 0; i < 100; i++) see(list, signed({ author: 1, version: 5 }, 1));
    assert.deepEqual([list.ignored.signature, list.ignored.unverified, verified], [32, 68, 35]);
    see(list, signed({ author: 1, version: 3 }));
    assert.equal(list.find(1)?.version, 1);
    list.endRound();
    see(list, signed({ author: 1, version: 3 }));
    assert.equal(list.find(1)?.version, 3);
  });

  it("an author's events are taken in the generation of its revocation only, up to its number and time", () => {
    const list = listOf();
    assert.equal(list.acceptsKey(ADMITTED.author), undefined);
    assert.equal(list.acceptsUpTo(ADMITTED.author, 4), 0);
    list.offer(signed());
    assert.deepEqual(list.acceptsKey(ADMITTED.author), DEVICE.publicKey);
    assert.equal(list.acceptsUpTo(ADMITTED.author, 4), NO_LIMIT);
    list.offer(signed({ version: 2, ...REVOKED }));
    assert.deepEqual([3, 4, 5].map((generation) => list.acceptsUpTo(ADMITTED.author, generation)), [0, 10, 0]);
    const late = new Uint8Array(76);
    late.set(Buffer.from("40019b76daa8010000", "hex"));
    list.sawEvent(late, 0, 76);
    assert.equal(list.acceptsUpTo(ADMITTED.author, 4), 0);
  });

  it("options that are wrong are refused by name", () => {
    assert.throws(() => listOf({ owner: new Uint8Array(31) }), /^TypeError: admissions\.owner: is not a Uint8Array of 32/);
    assert.throws(() => listOf({ capacity: 1 }), /^RangeError: admissions\.capacity: 1 is not an integer from 2 to 65535/);
  });
});
