import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { idealSpread } from "../../bench/converge.js";
import { FIGURES, keeps, valueText } from "../../bench/figures.js";
import { MESHES } from "../../bench/mesh-shapes.js";
import { MEASUREMENTS } from "../../bench/measurements.js";
import { drawPlot } from "../../bench/plot.js";
import { type Task, takeSamples } from "../../bench/pool.js";
import { figureTables } from "../../bench/write-docs.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  code: number | string | null;
  stdout: string;
  stderr: string;
}

function bench(...options: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath, ["--import", "tsx", "bench/bench.ts", ...options], { cwd: ROOT },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

describe("the benchmark", function () {
  this.timeout(300000);

  it("the quick benchmark keeps all bounds", async () => {
    const { code, stdout, stderr } = await bench("--quick", "--json");
    const figures = JSON.parse(stdout) as Record<string, number>;
    const quick = MEASUREMENTS.filter(({ seeds }) => seeds.quick > 0).map(({ name }) => name);
    const names = FIGURES.filter(({ measurement }) => quick.includes(measurement)).map(({ name }) => name);
    assert.deepEqual(Object.keys(figures), names);
    for (const [name, value] of Object.entries(figures)) assert.equal(typeof value, "number", name);
    assert.equal(code, 0, stderr);
  });

  it("each network in which not every node reaches every other has a full one beside it, and all bounds", () => {
    for (const { name } of MESHES) {
      const figures = FIGURES.filter((figure) => figure.name.startsWith("mesh.")
        && !figure.name.startsWith("mesh.messages.") && figure.name.includes(`.${name}`));
      const bounds = figures.filter(({ bound }) => bound !== undefined).map((figure) => figure.name.split(".")[1]);
      assert.deepEqual(bounds, [
        "bytesRatio", "bytesRatio", "suspectsPerNodeDay", "falseDown", "crashP95RoundsBeyond",
        "groupCrashP95RoundsBeyond",
      ], name);
    }
  });

  it("the command prints a table with a verdict for each bound", async () => {
    const { code, stdout } = await bench("--quick", "--only", "wire.rowsPer1200");
    assert.match(stdout, /^figure +value +unit +bound\nwire\.rowsPer1200 +\d+ +rows +≥ 100 +met\n$/);
    assert.equal(code, 0);
  });

  it("the command names a wrong option and exits with status 2", async () => {
    const wrong = [
      [["--seed", "x"], /--seed: x is not an integer/],
      [["--only", "nothing"], /no figure is left/],
      [["--write", "--quick"], /--write: not allowed with --quick/],
    ] as const;
    for (const [options, violation] of wrong) {
      const { code, stderr } = await bench(...options);
      assert.match(stderr, violation);
      assert.equal(code, 2);
    }
  });

  it("the samples are the same however the work is divided", async () => {
    const tasks: Task[] = [1, 2, 3, 4].flatMap((seed) => ["stale4of500", "converge.n50loss10"].map((measurement) => (
      { measurement, seed, isQuick: true, isAlone: false }
    )));
    const done: Task[] = [];
    const samples = await takeSamples(tasks, (task) => done.push(task), 1);
    assert.deepEqual(done, tasks);
    assert.deepEqual(await takeSamples(tasks, () => undefined, 3), samples);
    assert.notDeepEqual(samples[0], samples[2]);
  });

  it("an error names the measurement and the seed that failed", async () => {
    const task = { measurement: "luck", seed: 7, isQuick: true, isAlone: false };
    await assert.rejects(takeSamples([task], () => undefined), /luck, seed 7: Error: no measurement luck/);
  });
});

describe("the figures of the benchmark", () => {
  it("each figure has its own name and a measurement", () => {
    const names = FIGURES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    const used = new Set(FIGURES.map(({ measurement }) => measurement));
    assert.deepEqual([...used].sort(), MEASUREMENTS.map(({ name }) => name).sort());
  });

  it("docs/BENCHMARKS.md has all figures", () => {
    const page = readFileSync(new URL("../../docs/BENCHMARKS.md", import.meta.url), "utf8");
    for (const { name, about } of FIGURES) {
      const line = page.split("\n").find((text) => text.startsWith(`| \`${name}\` |`));
      assert.ok(line !== undefined, `${name} is missing: npm run -s bench -- --write`);
      assert.ok(line.endsWith(`| ${about} |`), `${name} is out of date: npm run -s bench -- --write`);
    }
  });

  it("figures that were not measured keep their lines", () => {
    const [first, second] = FIGURES;
    const old = `| \`${first.name}\` | 123 rows | an older line |`;
    const page = figureTables(new Map([[second.name, 4567]]), 1, [old]).split("\n");
    assert.ok(page.includes(old));
    assert.ok(page.some((line) => line.startsWith(`| \`${second.name}\` | 4,567 ${second.unit} |`)));
    assert.equal(page.filter((line) => line.includes("not measured")).length, FIGURES.length - 2);
    assert.ok(!page.some((line) => line.includes("undefined")), "each group has a heading");
  });

  it("a figure that never came to an end misses its bound", () => {
    assert.equal(keeps({ atMost: 9 }, 9), true);
    assert.equal(keeps({ atMost: 9 }, 9.01), false);
    assert.equal(keeps({ atLeast: 100 }, 99), false);
    for (const never of [Infinity, NaN]) {
      assert.equal(keeps({ atLeast: 100 }, never), false);
      assert.equal(valueText(never), "never");
    }
  });

  it("the ideal push-pull reaches each node once", () => {
    const heard = idealSpread(500, 1);
    assert.equal(heard.length, 500);
    assert.deepEqual(heard, heard.slice().sort((a, b) => a - b));
    assert.ok(heard[499] > 3 && heard[499] < 12, String(heard[499]));
  });
});

describe("a plot", () => {
  it("a plot has its points where the axes say", () => {
    const axis = (label: string): { label: string; ticks: number[]; text: (tick: number) => string } =>
      ({ label, ticks: [0, 10], text: (tick) => `<${tick}>` });
    const points = [[0, 0], [5, 5], [10, 10]] as const;
    const svg = drawPlot({
      title: "a & b", subtitle: "", x: axis("x"), y: axis("y"), series: [{ label: "one", color: "#000000", points }],
    });
    const [left, bottom, middleX, middleY, right, top] = /<path d="M(\S+) (\S+)L(\S+) (\S+)L(\S+) (\S+)" fill/
      .exec(svg)!.slice(1).map(Number);
    assert.equal(middleX, (left + right) / 2);
    assert.equal(middleY, (bottom + top) / 2);
    assert.ok(left < right && top < bottom);
    assert.ok(svg.includes("a &amp; b") && svg.includes("&lt;10>"));
    assert.equal(svg.match(/<text/g)?.length, svg.match(/<\/text>/g)?.length);
  });
});
