import assert from "node:assert/strict";
import { HostTable } from "../../examples/hosts/app.js";
import { Vouchers, mergeVoucher } from "../../examples/vouchers/app.js";
import { split } from "../../desktop/simulator/index.js";
import { HOUR_MS, SEEDS, Simulation } from "./simulation.js";

const LIFETIME_MS = 3 * HOUR_MS;

describe("example: a list of vouchers", function () {
  this.timeout(60000);

  for (const seed of SEEDS) {
    it(`a voucher is good for one device, also if a split network let two in, seed ${seed}`, () => {
      const simulation = new Simulation<Vouchers>(seed, ({ gossip }) => gossip);
      const { network } = simulation;
      const ended: string[] = [];
      const nodes = [1, 2, 3, 4, 5, 6].map((number) => simulation.add(`portal-${number}`, (options) => {
        return new Vouchers(options, LIFETIME_MS, (device) => ended.push(device));
      }));
      const use = (index: number, code: string, device: string): boolean => {
        return simulation.at(nodes[index], (portal, nowMs) => portal.use(code, device, nowMs));
      };
      const lists = () => nodes.filter(({ isRunning }) => isRunning)
        .map((node) => simulation.at(node, (portal) => portal.entries()));

      simulation.pass(5);
      for (let code = 0; code < 30; code++) {
        simulation.at(nodes[code % 6], (portal) => portal.make(`code-${code}`, 60));
      }
      simulation.pass(5);
      assert.deepEqual(lists().map(({ length }) => length), [30, 30, 30, 30, 30, 30]);

      network.faults.cuts = [split(nodes.slice(0, 3), nodes.slice(3))];
      simulation.pass(1);
      assert.ok(use(1, "code-7", "first device"));
      simulation.pass(1);
      // Neither half can know what the other one does.
      assert.ok(use(4, "code-7", "second device"));
      assert.ok(use(0, "code-8", "a phone"));
      assert.ok(use(5, "code-9", "a laptop"));
      simulation.at(nodes[3], (portal) => portal.cancel("code-10"));
      simulation.pass(10);
      network.faults.cuts = [];
      simulation.pass(20);
      assert.deepEqual(ended, ["second device"]);
      // The portal that made code-8 (8 % 6 = 2) goes for ever; the voucher stays, for its device only.
      nodes[2].crash();
      simulation.pass(20);
      assert.ok(use(4, "code-8", "a phone"));
      assert.ok(!use(4, "code-8", "a tablet"));
      assert.ok(!use(4, "no code", "a tablet"));

      const [list, ...others] = lists();
      for (const other of others) assert.deepEqual(other, list);
      const vouchers = new Map(list.map(({ key, value }) => [key, value]));
      assert.equal(vouchers.size, 29);
      assert.equal(vouchers.get("code-7")?.device, "first device");
      assert.equal(vouchers.get("code-8")?.device, "a phone");
      assert.equal(vouchers.get("code-9")?.device, "a laptop");
      assert.equal(vouchers.get("code-10"), undefined);
      assert.deepEqual(vouchers.get("code-11"), { minutes: 60 });

      simulation.pass(4 * 60);
      assert.deepEqual(lists(), [[], [], [], [], []]);
    });
  }

  it("the first of several uses counts, whoever made the voucher", () => {
    const made = { author: 1, timeMs: 1, value: { minutes: 60 } };
    const uses = [2, 3].map((author) => ({ author, timeMs: author, value: { minutes: 60, device: `of ${author}` } }));
    assert.deepEqual(mergeVoucher([made]), { minutes: 60 });
    assert.deepEqual(mergeVoucher([made, ...uses]), { minutes: 60, device: "of 2", sinceMs: 2 });
    assert.deepEqual(mergeVoucher([uses[1]]), { minutes: 60, device: "of 3", sinceMs: 3 });
  });
});

describe("example: a table of host names", function () {
  this.timeout(60000);
  const routers = [1, 2, 3, 4, 5].map((host) => `10.0.0.${host} router-${host}\n`).join("");

  for (const seed of SEEDS) {
    it(`all routers write the same names, before a split and after it, seed ${seed}`, () => {
      const simulation = new Simulation<HostTable>(seed, ({ gossip }) => gossip);
      const { network } = simulation;
      const written: string[][] = [[], [], [], [], []];
      const nodes = written.map((texts, index) => simulation.add(`router-${index + 1}`, (options) => {
        return new HostTable(options, (text) => texts.push(text));
      }));
      const lease = (index: number, host: string, address: string): void => {
        simulation.at(nodes[index], (table) => table.lease(host, address));
      };
      const files = () => [...new Set(written.map((texts) => texts.at(-1)))];

      simulation.pass(5);
      lease(0, "printer", "10.1.0.20");
      lease(1, "laptop", "10.1.1.30");
      lease(4, "camera", "10.1.4.40");
      // Nobody's file gets a name that is none.
      lease(4, "x\n10.0.0.1 bank", "10.1.4.66");
      simulation.pass(10);
      assert.deepEqual(files(), [`10.1.4.40 camera\n10.1.1.30 laptop\n10.1.0.20 printer\n${routers}`]);

      network.faults.cuts = [split(nodes.slice(0, 2), nodes.slice(2))];
      simulation.pass(30);
      lease(3, "laptop", "10.1.3.31");
      simulation.at(nodes[4], (table) => table.release("camera"));
      simulation.pass(10);
      assert.equal(files().length, 2, "each half has its own table");
      network.faults.cuts = [];
      simulation.pass(30);
      assert.deepEqual(files(), [`10.1.3.31 laptop\n10.1.0.20 printer\n${routers}`]);
      for (const { length } of written) assert.ok(length >= 4 && length < 40, `${length} writes`);
    });
  }
});
