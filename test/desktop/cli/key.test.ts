import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { parseKey } from "../../../src/sealing/key.js";
import { main } from "../../support/command-line.js";


function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
}

describe("the command line's help", function () {
  this.timeout(300000);

  for (const command of ["", "simulate", "node", "key", "provision", "firmware"]) {
    it(`the command fits into 80 columns: chisme ${command} --help`, () => {
      const { status, stdout } = run(...command === "" ? [] : [command], "--help");
      assert.equal(status, 0);
      assert.match(stdout, /^Usage: chisme /);
      assert.deepEqual(stdout.split("\n").filter((line) => line.length > 80), []);
    });
  }
});

describe("chisme key", function () {
  this.timeout(300000);

  it("the command prints another key each time, and how to use it", () => {
    const [one, other] = [run("key"), run("key")];
    for (const { status, stdout, stderr } of [one, other]) {
      assert.equal(status, 0);
      assert.match(stdout, /^[0-9a-f]{64}\n$/);
      assert.equal(parseKey("key", stdout.trim()).length, 32);
      assert.match(stderr, /^Give this key to all nodes .*`key`.*\n$/);
    }
    assert.notEqual(one.stdout, other.stdout);
  });

  it("the command takes no arguments", () => {
    const { status, stdout, stderr } = run("key", "1234");
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /too many arguments/);
  });
});
