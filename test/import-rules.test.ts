import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ICruiseOptions, type ICruiseResult, type IForbiddenRuleType, cruise } from "dependency-cruiser";
import { root } from "./boards/manifest.js";
import { allowedImports, importOffences } from "./import-rules-offences.js";

const FOLDERS = ["src", "desktop", "bench", "fuzz", "boards", "examples"];
const config = createRequire(import.meta.url)("../.dependency-cruiser.cjs") as {
  forbidden: (IForbiddenRuleType & { name: string })[];
  options: ICruiseOptions;
};

interface Violation {
  readonly from: string;
  readonly rule: string;
}

/** The rules judge a copy of the project's tree whose files are empty, with one file more for each import. */
describe("the rules of imports", function () {
  this.timeout(300000);
  let tree: string;
  let violations: Violation[];
  const files = new Map<string, string>();

  before(async () => {
    const text = "export const value = 1;\nexport type Type = number;\n";
    for (const folder of [...FOLDERS, "test"]) {
      const names = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" });
      for (const name of names) {
        if (/\.ts$/.test(name) && !/(^|[/])(dist|node_modules)[/]/.test(name)) files.set(path.join(folder, name), text);
      }
    }
    for (const { file, sources } of importOffences) {
      sources.forEach((source) => files.set(fileOf(file, source), source));
    }
    for (const [file, source] of allowedImports) files.set(fileOf(file, source), source);
    files.set("src/cbor/circle-a.ts", 'import { b } from "./circle-b.js";\nexport const a = b;\n');
    files.set("src/cbor/circle-b.ts", 'import { a } from "./circle-a.js";\nexport const b = a;\n');
    files.set("src/cbor/circle-c.ts", 'import type { D } from "./circle-d.js";\nexport type C = D;\n');
    files.set("src/cbor/circle-d.ts", 'import type { C } from "./circle-c.js";\nexport type D = C;\n');

    tree = mkdtempSync(path.join(tmpdir(), "chisme-imports-"));
    for (const [file, source] of files) {
      mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
      writeFileSync(path.join(tree, file), source);
    }
    const { forbidden, options } = config;
    const { output } = await cruise(FOLDERS, { ...options, baseDir: tree, validate: true, ruleSet: { forbidden } });
    violations = (output as ICruiseResult).summary.violations.map(({ from, rule }) => ({ from, rule: rule.name }));
  });
  after(() => rmSync(tree, { recursive: true, force: true }));

  const rulesOf = (file: string): string[] => violations.filter(({ from }) => from === file).map(({ rule }) => rule);

  for (const { rule, file, sources } of importOffences) {
    for (const source of sources) {
      it(`"${rule}" refuses in ${file}: ${source}`, () => {
        assert.deepEqual(rulesOf(fileOf(file, source)), [rule]);
      });
    }
  }

  for (const [file, source] of allowedImports) {
    it(`no rule refuses in ${file}: ${source}`, () => {
      assert.deepEqual(rulesOf(fileOf(file, source)), []);
    });
  }

  for (const [kind, names] of [["values", ["a", "b"]], ["types", ["c", "d"]]] as const) {
    it(`"no circle" refuses a circle of ${kind}`, () => {
      const refused = names.flatMap((name) => rulesOf(`src/cbor/circle-${name}.ts`));
      assert.ok(refused.length > 0);
      assert.deepEqual([...new Set(refused)], ["no circle"]);
    });
  }

  it("the offences prove each rule", () => {
    const proved = new Set(violations.map(({ rule }) => rule));
    assert.deepEqual(config.forbidden.filter(({ name }) => !proved.has(name)).map(({ name }) => name), []);
  });

  it("each file of the project is in a part", () => {
    const parts = config.forbidden.flatMap(({ from }) => "path" in from ? [new RegExp(from.path as string)] : []);
    assert.deepEqual([...files.keys()].filter((file) => {
      return !file.startsWith("test/") && !parts.some((part) => part.test(file));
    }), []);
  });
});

/** A file of its own for an import: `offender.ts` becomes `offender-3f2a.ts`. */
function fileOf(file: string, source: string): string {
  if (!/(offender|innocent)[.]ts$/.test(file)) return file;
  let hash = 0;
  for (const character of source) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return file.replace(/[.]ts$/, `-${hash.toString(16)}.ts`);
}
