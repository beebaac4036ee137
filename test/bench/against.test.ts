import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadModules } from "../../bench/against/adapter.js";
import { MEASURES } from "../../bench/against/measures.js";
import { cleanUp, freshFolder } from "../desktop/cli/node-process.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  code: number | string | null;
  stdout: string;
  stderr: string;
}

/** Runs the benchmark with a temporary folder of its own. */
function against(temporary: string, ...options: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath, ["--import", "tsx", "bench/bench.ts", "--against", ...options],
      { cwd: ROOT, env: { ...process.env, TMPDIR: temporary } },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

/** What the benchmark left in its temporary folder. `tsx` keeps its cache there. */
function left(temporary: string): string[] {
  return readdirSync(temporary).filter((name) => !name.startsWith("tsx-"));
}

describe("the benchmark beside another revision", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  it("prints what both send, and a ratio, and removes what it needed", async () => {
    const temporary = freshFolder();
    const options = ["--quick", "--only", "wire.bytesPerNodePerRound.rest8.n8", "--json"];
    const { code, stdout, stderr } = await against(temporary, "HEAD", ...options);
    assert.equal(code, 0, stderr);
    const { revision, figures } = JSON.parse(stdout) as {
      revision: string; figures: Record<string, { then: number; now: number; ratio: number; other: object }>;
    };
    assert.match(revision, /^[0-9a-f]{40}$/);
    assert.deepEqual(Object.keys(figures), ["wire.bytesPerNodePerRound.rest8.n8"]);
    const [{ then, now, ratio, other }] = Object.values(figures);
    assert.ok(then > 0);
    // An edit of this tree may have changed it since its last commit; in CI there is none.
    assert.equal(ratio, then === now ? 1 : Number((now / then).toFixed(3)));
    if (process.env.CI === "true") assert.equal(ratio, 1);
    assert.deepEqual(other, { name: "memberlist 0.2.2", value: 104 });
    assert.deepEqual(left(temporary), []);
  });

  it("names a revision that is none and exits with status 1", async () => {
    const temporary = freshFolder();
    const { code, stderr } = await against(temporary, "no-such-revision", "--quick", "--only", "wire.events");
    assert.match(stderr, /--against: no-such-revision is not a revision of this repository/);
    assert.equal(code, 1);
    assert.deepEqual(left(temporary), []);
  });

  it("names what a revision lacks that it can't measure", async () => {
    const folder = freshFolder();
    await assert.rejects(loadModules(folder), /no desktop\/simulator\/index\.ts or host-sim\/index\.ts: only revisions/);
    mkdirSync(path.join(folder, "host-sim"));
    mkdirSync(path.join(folder, "src"));
    mkdirSync(path.join(folder, "bench"));
    for (const file of ["host-sim/index.ts", "src/gossip.ts", "bench/pair.ts"]) {
      writeFileSync(path.join(folder, file), "export const nothing = 0;\n");
    }
    await assert.rejects(loadModules(folder), /no SimNetwork in desktop\/simulator\/index\.ts or host-sim\/index\.ts/);
  });

  it("refuses --write, and a choice of no figures", async () => {
    const temporary = freshFolder();
    for (const [options, problem] of [
      [["HEAD", "--write"], /--write: not allowed with --against/], [["HEAD", "--only", "x"], /no figure is left/],
    ] as const) {
      const { code, stderr } = await against(temporary, ...options);
      assert.match(stderr, problem);
      assert.equal(code, 2);
    }
  });

  it("has a name for each figure that no other has", () => {
    const names = MEASURES.flatMap(({ figures }) => figures.map(({ name }) => name));
    assert.deepEqual(names, [...new Set(names)]);
  });
});
