import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { simulateHosts } from "../../../desktop/simulator/examples/hosts.js";
import { mergeVoucher, simulateVouchers } from "../../../desktop/simulator/examples/vouchers.js";
import { simulateFans } from "../../../desktop/simulator/examples/fan.js";

describe("example: fans that follow the warmest room", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`all fans run when one room is warm and stop when it has cooled, seed ${seed}`, () => {
      const seen = simulateFans(seed);
      assert.equal(seen.warm, 8);
      assert.ok(seen.split >= 4, "the other half can't know yet");
      assert.equal(seen.cooled, 0);
      assert.equal(seen.violations, 0);
    });
  }

  it("the example runs as a program", () => {
    const file = fileURLToPath(new URL("../../../desktop/simulator/examples/fan.ts", import.meta.url));
    const printed = execFileSync(process.execPath, ["--import", "tsx", file, "3"], { encoding: "utf8" });
    assert.match(printed, /^seed 3: 8 of 8 fans run when a room is warm\n.*\n0 when the split is over; the nodes agree\n$/);
  });
});

/** What an example prints. */
function printed(example: string, seed: number): string {
  const file = fileURLToPath(new URL(`../../../desktop/simulator/examples/${example}.ts`, import.meta.url));
  return execFileSync(process.execPath, ["--import", "tsx", file, String(seed)], { encoding: "utf8" });
}

describe("example: a list of vouchers", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`a voucher is good for one device, also if a split network let two in, seed ${seed}`, () => {
      const { made, twice, ended, lists, left } = simulateVouchers(seed);
      assert.deepEqual(made, [30, 30, 30, 30, 30, 30]);
      assert.deepEqual(twice, [true, true]);
      assert.deepEqual(ended, ["second device"]);
      assert.equal(lists.length, 1, "the nodes have different lists");
      const vouchers = new Map(lists[0].map(({ key, value }) => [key, value]));
      assert.equal(vouchers.size, 29);
      assert.equal(vouchers.get("code-7")?.device, "first device");
      assert.equal(vouchers.get("code-8")?.device, "a phone");
      assert.equal(vouchers.get("code-9")?.device, "a laptop");
      assert.equal(vouchers.get("code-10"), undefined);
      assert.deepEqual(vouchers.get("code-11"), { minutes: 60 });
      assert.deepEqual(left, [0, 0, 0, 0, 0, 0]);
    });
  }

  it("the first of several uses counts, whoever made the voucher", () => {
    const made = { author: 1, timeMs: 1, value: { minutes: 60 } };
    const uses = [2, 3].map((author) => ({ author, timeMs: author, value: { minutes: 60, device: `of ${author}` } }));
    assert.deepEqual(mergeVoucher([made]), { minutes: 60 });
    assert.deepEqual(mergeVoucher([made, ...uses]), { minutes: 60, device: "of 2", sinceMs: 2 });
    assert.deepEqual(mergeVoucher([uses[1]]), { minutes: 60, device: "of 3", sinceMs: 3 });
  });

  it("the example of vouchers runs as a program", () => {
    assert.match(printed("vouchers", 3), /^seed 3: all nodes have 30 vouchers\n.*"second device" has to leave\nall .*; 0 /);
  });
});

describe("example: a table of host names", () => {
  const routers = [1, 2, 3, 4, 5].map((host) => `10.0.0.${host} router-${host - 1}\n`).join("");

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`all routers write the same names, before a split and after it, seed ${seed}`, () => {
      const { together, split, healed, writes } = simulateHosts(seed);
      assert.deepEqual(together, [`10.1.4.40 camera\n10.1.1.30 laptop\n10.1.0.20 printer\n${routers}`]);
      assert.equal(split.length, 2, "each half has its own table");
      assert.deepEqual(healed, [`10.1.3.31 laptop\n10.1.0.20 printer\n${routers}`]);
      for (const count of writes) assert.ok(count >= 4 && count < 40, `${count} writes`);
    });
  }

  it("the example of host names runs as a program", () => {
    assert.match(printed("hosts", 3), /^seed 3: the file of all routers\n10\.1\.4\.40 camera\n[^]*\n[^]*: all\n10\.1\.3\.31 laptop/);
  });
});
