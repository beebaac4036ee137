import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { bundleForEspruino } from "../../rollup-plugins/espruino.js";

const KINDS = ["readable", "minified", "lean"] as const;
/** More than there are names of two letters, of which `on` and `of` are two. */
const FIELDS = 3600;

describe("the plugins for Espruino", function () {
  this.timeout(120000);
  let folder: string;
  let count = 0;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "chisme-plugins-"));
  });

  after(() => rmSync(folder, { recursive: true }));

  async function bundlesOf(source: string): Promise<Record<(typeof KINDS)[number], string>> {
    const entry = join(folder, `entry-${count++}.ts`);
    writeFileSync(entry, source);
    return bundleForEspruino(entry, KINDS, "text");
  }

  /** What `run` of a module returns, in each of the bundles. */
  async function runAll(source: string): Promise<unknown[]> {
    const bundles = await bundlesOf(source);
    return KINDS.map((kind) => {
      const exports: { run?: () => unknown } = {};
      runInNewContext(bundles[kind], { exports, module: { exports }, text: bundles[kind] });
      return exports.run!();
    });
  }

  it("methods of several classes that one expression means keep one name", async () => {
    assert.deepEqual(await runAll(`
      class Cat { greet(): string { return "miau"; } }
      class Dog { greet(): string { return "guau"; } }
      function say(of: Pick<Cat | Dog, "greet">): string { return of.greet() + " " + of.greet(); }
      function both(one: Cat | Dog): string { return one.greet(); }
      export function run(): string { return say(new Cat()) + " " + both(new Dog()); }
    `), KINDS.map(() => "miau miau guau"));
  });

  it("a class stays one if a class with an accessor extends it", async () => {
    assert.deepEqual(await runAll(`
      class Base { size: number; constructor(size: number) { this.size = size; } }
      class Derived extends Base { get twice(): number { return 2 * this.size; } }
      export function run(): number { return new Derived(21).twice + new Base(3).size; }
    `), KINDS.map(() => 45));
  });

  it("no field has the name of a keyword or of a method that all of Espruino's objects have", async () => {
    const names = Array.from({ length: FIELDS }, (_, i) => `field${i}`);
    const { minified, lean } = await bundlesOf(`
      class Wide { ${names.map((name) => `${name}: number | undefined;`).join(" ")} }
      export function run(): number {
        const wide = new Wide();
        ${names.map((name, i) => `wide.${name} = ${i};`).join(" ")}
        return wide.field7 ?? 0;
      }
    `);
    for (const code of [minified, lean]) {
      const short = new Set(Array.from(code.matchAll(/\.([\w$]{1,4})=/g), ([, name]) => name));
      assert.equal(short.size, FIELDS + 1, "the fields and run");
      assert.deepEqual(["of", "on", "emit"].filter((name) => short.has(name)), []);
    }
  });
});
