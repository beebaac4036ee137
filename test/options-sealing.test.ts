import assert from "node:assert/strict";
import { auto, espgossip } from "../src/espgossip/index.js";
import { Gossip, type GossipOptions } from "../src/gossip.js";
import { checkOptions } from "../src/options.js";
import { nodeSealing } from "../desktop/platform/node-sealing.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

const { socket, clock } = new FakeNode(new FakeNetwork(), "192.168.0.53");
const DIGITS = "0123456789abcdef".repeat(4);

function check(options: Record<string, unknown>): ReturnType<typeof checkOptions> {
  return checkOptions({ socket, clock, sealing: nodeSealing, ...options });
}

/** Checks what an error begins with, and that it shows nothing that may be nearly a key. */
function refuses(options: Record<string, unknown>, expected: RegExp): void {
  assert.throws(() => check(options), (error: Error) => {
    assert.match(error.message, expected);
    assert.ok(!error.message.includes("456789abc"), error.message);
    return true;
  });
}

describe("options: key", () => {
  it("a key has 32 bytes or 64 hex digits, and makes a sealer", () => {
    for (const key of [DIGITS, DIGITS.toUpperCase(), new Uint8Array(32), Buffer.alloc(32)]) {
      assert.ok(check({ key }).sealer !== undefined);
    }
    assert.equal(check({}).sealer, undefined, "no key, no sealing");
  });

  it("a key in any other form is refused", () => {
    for (const field of ["key", "otherKey"]) {
      const given = field === "key" ? {} : { key: DIGITS };
      const refused: [value: unknown, shown: string][] = [
        ["", "a string of 0 characters"], [DIGITS.slice(1), "a string of 63 characters"],
        [`${DIGITS}0`, "a string of 65 characters"], [`g${DIGITS.slice(1)}`, "a string of 64 characters"],
        [new Uint8Array(16), "a Uint8Array of 16 bytes"], [new Uint8Array(33), "a Uint8Array of 33 bytes"],
        [null, "null"], [7, "a value of type number"], [[], "a value of type object"],
      ];
      for (const [value, shown] of refused) {
        const expected = new RegExp(`^${field}: ${shown} is not a key: 32 bytes .*64 hex digits$`);
        refuses({ ...given, [field]: value }, expected);
      }
    }
  });

  it("a second key is accepted beside a key, and refused alone", () => {
    assert.ok(check({ key: DIGITS, otherKey: new Uint8Array(32) }).sealer !== undefined);
    refuses({ otherKey: DIGITS }, /^otherKey: there is no key beside it$/);
  });

  it("a key needs the platform's sealing", () => {
    refuses({ key: DIGITS, sealing: undefined }, /^key: needs the platform's option sealing$/);
    refuses({ key: DIGITS, sealing: {} }, /^sealing: an object is not a function$/);
  });

  it("allowUnsealed is refused where it would do nothing", () => {
    refuses({ allowUnsealed: true }, /^allowUnsealed: there is no key beside it$/);
    refuses({ allowUnsealed: true, dialect: auto() }, /^allowUnsealed: there is no key beside it$/);
    refuses({ allowUnsealed: true, key: DIGITS }, /^allowUnsealed: there is no dialect beside it$/);
  });

  it("a key with a dialect is refused unless allowUnsealed is true", () => {
    for (const dialect of [espgossip(), auto()]) {
      refuses({ key: DIGITS, dialect }, /^key: JSON is never sealed.*allowUnsealed must be true$/);
      refuses({ key: DIGITS, dialect, allowUnsealed: false }, /^key: JSON is never sealed/);
      refuses({ key: DIGITS, dialect, allowUnsealed: 1 }, /^key: JSON is never sealed/);
      assert.ok(check({ key: DIGITS, dialect, allowUnsealed: true }).sealer !== undefined);
      assert.equal(check({ dialect }).sealer, undefined);
    }
  });

  it("a key is copied, so that the application may wipe its own", () => {
    const key = new Uint8Array(32).fill(7);
    const network = new FakeNetwork();
    const start = (address: string, given: Uint8Array) => {
      const node = new FakeNode(network, address);
      const options: GossipOptions = {
        socket: node.socket, clock: node.clock, sealing: nodeSealing, key: given, seedList: ["10.0.0.1", "10.0.0.2"],
      };
      return new Gossip(options);
    };
    const first = start("10.0.0.1", key);
    const second = start("10.0.0.2", new Uint8Array(32).fill(7));
    key.fill(0);
    first.start();
    second.start();
    network.run(30000);
    assert.equal(first.rows().length, 2);
    assert.equal(second.stats().drops.seal, 0);
  });
});
