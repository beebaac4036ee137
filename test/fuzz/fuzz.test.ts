import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCorpus, replay, shorten } from "../../fuzz/corpus.js";
import { fuzz } from "../../fuzz/fuzz.js";
import type { Session, Target } from "../../fuzz/target.js";
import { count } from "../support/random.js";
import { targets } from "../../fuzz/targets.js";

const SEED = Number(process.env.CHISME_TEST_SEED ?? 1);
/** The fast run is too short for the rarest drops. */
const INPUTS = count(100000, 40000, 500000);
const DROPS = [
  "magic", "version", "type", "length", "section", "row", "value", "echo", "idConflict", "stale", "unasked",
];

const SEALED_DROPS = [
  "sent: accepted", "forged, dropped: seal", "forged, dropped: unsealed", "replayed, dropped: replay",
  "replayed, dropped: unproven", "replayed, dropped: unasked", "replayed, dropped: echo", "sent, dropped: unproven",
];

/** Fails at the second "b" after an "a". */
class Brittle implements Session {
  private text = "";

  draw(random: { below(bound: number): number }): string {
    return "abcdefgh"[random.below(8)];
  }

  run(line: string): string {
    this.text += line;
    if (/a.*b.*b/.test(this.text)) throw new Error("broken");
    return line;
  }
}

describe("the fuzzer", function () {
  this.timeout(300000);
  const folder = mkdtempSync(join(tmpdir(), "chisme-fuzz-"));
  const run = (chosen: readonly Target[], seed: number, inputs: number) => (
    fuzz(chosen, { seed, inputs, endMs: Infinity, corpus: folder })
  );

  after(() => rmSync(folder, { recursive: true }));

  it(`the fuzzer finds no failure in ${INPUTS} inputs of seed ${SEED}, which meet every drop reason`, () => {
    const { inputs, counts, failures } = run(targets, SEED, INPUTS);
    for (const { message, file } of failures) assert.fail(`seed ${SEED}: ${message}\n${readFileSync(file, "utf8")}`);
    assert.equal(inputs, INPUTS);
    for (const name of ["compact", "espgossip", "auto"]) assert.ok(counts[name].accepted > 100, name);
    for (const reason of DROPS) assert.ok(counts.compact[`dropped: ${reason}`] > 0, reason);
    for (const reason of SEALED_DROPS) assert.ok(counts.sealed[reason] > 0, reason);
    for (const name of ["flash-log", "file-log"]) {
      for (const outcome of ["records found", "appended", "full"]) assert.ok(counts[name][outcome] > 0, name);
    }
  });

  it("the fuzzer does the same again with the same seed", () => {
    const counts = [7, 7, 8].map((seed) => run(targets, seed, 3000).counts);
    assert.deepEqual(counts[0], counts[1]);
    assert.notDeepEqual(counts[0], counts[2]);
  });

  it("the sessions of the corpus run without a failure", () => {
    const corpus = readCorpus();
    assert.ok(corpus.length > 0);
    for (const { name, target, lines } of corpus) {
      const found = targets.find((one) => one.name === target);
      assert.ok(found !== undefined, `${name}: there is no such target`);
      assert.equal(replay(found, lines), undefined, name);
      const session = found.begin();
      const results = lines.map((line) => session.run(line) ?? "");
      assert.ok(results.some((result) => result.startsWith("accepted")), `${name}: its frames are of another format`);
    }
  });

  it("the fuzzer makes a failing session as short as possible and keeps it", () => {
    const target: Target = { name: "brittle", begin: () => new Brittle() };
    const { failures } = run([target], 1, 2000);
    assert.ok(failures.length > 0);
    const [kept] = readCorpus(folder);
    assert.deepEqual([kept.target, kept.lines], ["brittle", ["a", "b", "b"]]);
    assert.equal(replay(target, kept.lines), "broken");
    assert.deepEqual(shorten(target, [..."xaxbxbx"]), ["a", "b", "b"]);
    assert.ok(failures.every(({ message }) => message === "broken"));
  });
});
