import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { requireXs } from "./require-xs.js";
import { XsError, XsHost, type XsLimit, type XsMemory } from "./xs.js";

const SOURCE = `
  const kept = [];
  const constant = new Uint8Array([7, 14, 21]);
  let counter = 0, chain = null;
  class Node { #id; constructor(id) { this.id = id; this.#id = id; } twice() { return this.#id + this.id; } }
  const verbs = {
    echo: (rest) => rest,
    count: () => String(++counter),
    keep: (rest) => { kept.push(new Uint8Array(Number(rest))); return 'ok'; },
    drop: () => { kept.length = 0; return 'ok'; },
    chain: (rest) => { for (let i = Number(rest); i--;) chain = { next: chain }; return 'ok'; },
    node: (rest) => String(new Node(Number(rest)).twice()),
    constant: () => constant.join(' '),
    poke: () => { constant[0] = 1; return 'ok'; },
    patch: () => { Node.prototype.twice = null; return 'ok'; },
    deep: (rest) => { const down = (n) => n ? 1 + down(n - 1) : 0; return String(down(Number(rest))); },
    spin: (rest) => {
      let sum = 0;
      for (let i = 0; i < Number(rest); i++) sum = (sum * 31 + i) | 0;
      return String(sum);
    },
    churn: (rest) => {
      let text = '';
      for (let i = 0; i < Number(rest); i++) text = JSON.stringify({ i, text: text.slice(-40) });
      return text;
    },
    clock: () => Date.now() + ' ' + Math.random(),
    half: () => String(0.1 + 0.2) + ' ' + 4.35 * 100,
    throw: (rest) => { throw new TypeError(rest); },
    reject: () => { Promise.reject(new Error('unwanted')); return 'ok'; },
    lines: () => 'a\\nb',
    print: (rest) => { print('said', rest); return 'ok'; },
  };
  globalThis.harness = {
    line(text) {
      const at = text.indexOf(' ');
      return at < 0 ? verbs[text]('') : verbs[text.slice(0, at)](text.slice(at + 1));
    },
  };
`;

describe("XS host: 32 bits and the memory of an ESP8266", function () {
  this.timeout(300_000);
  const directory = mkdtempSync(join(tmpdir(), "chisme-xs-"));
  const path = join(directory, "bundle.js");
  const open: XsHost[] = [];

  async function start(options?: Parameters<typeof XsHost.start>[1]): Promise<XsHost> {
    const host = await XsHost.start(path, options);
    open.push(host);
    return host;
  }

  before(async function () {
    await requireXs(this);
    await bundle({
      stdin: { contents: SOURCE, loader: "js" }, bundle: true, format: "iife", target: "es2022",
      outfile: path, logLevel: "warning",
    });
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((host) => host.close()));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  /** Every byte of the block is accounted for: two headers, of the slots (a slot) and of the chunks. */
  function assertAdditive(memory: XsMemory): void {
    const sum = memory.stack + memory.slotsAllocated + 16 + memory.chunksAllocated + 16 + memory.static.free;
    assert.equal(sum, memory.static.size);
  }

  it("the host answers each line with one line", async () => {
    const host = await start();
    assert.equal(await host.send("echo hello"), "hello");
    assert.equal(await host.send("echo ¿qué?"), "¿qué?");
    assert.equal(await host.send("node 21"), "42");
    assert.deepEqual(await host.sendMany(["count", "count", "count"]), ["1", "2", "3"]);
    assert.equal(await host.send("print x"), "ok");
    assert.equal(await host.send("half"), "0.30000000000000004 434.99999999999994");
    assert.equal(host.printed, "said x\n");
  });

  it("the host has the slots, the stack and the block of the board", async () => {
    const memory = await (await start()).memory();
    assert.equal(memory.slotBytes, 16);
    assert.equal(memory.stack, 256 * 16);
    assert.equal(memory.static.size, 32768);
    assert.equal(memory.slotsAllocated, 511 * 16);
    assert.equal(memory.chunksAllocated, 1536);
    assertAdditive(memory);
  });

  it("the host counts the bundle as flash, not as RAM", async () => {
    const memory = await (await start()).memory();
    assert.ok(memory.bundle.slots > 1000 && memory.bundle.chunks > 1000);
    assert.ok(memory.slots < 500, `${memory.slots} bytes of slots`);
    assert.equal(memory.chunks, 0);
  });

  it("the host measures growth to the byte", async () => {
    const host = await start();
    await host.send("keep 4");
    const before = await host.memory();
    await host.send("keep 1000");
    const after = await host.memory();
    const again = await host.memory();
    // 1000 bytes and a header of 8; the array that keeps it moves to a chunk one slot longer.
    assert.equal(after.chunks - before.chunks, 1008 + 16);
    const slots = (after.slots - before.slots) / 16;
    assert.ok(Number.isInteger(slots) && slots >= 5 && slots <= 9, `${slots} slots`);
    assert.deepEqual({ ...again, meter: 0 }, { ...after, meter: 0 });
    assertAdditive(after);
    await host.send("drop");
    assert.ok((await host.memory()).chunks <= before.chunks);
  });

  it("memory does not grow when the script keeps nothing", async () => {
    const host = await start();
    await host.send("churn 300");
    const before = await host.memory();
    for (let round = 0; round < 20; round++) await host.send("churn 300");
    const after = await host.memory();
    assert.equal(after.slots, before.slots);
    assert.equal(after.chunks, before.chunks);
    assertAdditive(after);
  });

  it("the host counts the same steps in every run", async () => {
    const counts: number[][] = [];
    for (let run = 0; run < 2; run++) {
      const host = await start();
      await host.meter();
      const steps: number[] = [];
      for (const line of ["echo x", "spin 1000", "spin 2000", "churn 100"]) {
        await host.send(line);
        steps.push(await host.meter());
      }
      counts.push(steps);
    }
    assert.deepEqual(counts[0], counts[1]);
    const [echo, spin1000, spin2000] = counts[0] as [number, number, number];
    assert.ok(echo > 0 && spin1000 > 5000);
    assert.ok(Math.abs(spin2000 - 2 * spin1000) < 200);
  });

  it("the script has no clock and no random numbers", async () => {
    const one = await start();
    const other = await start();
    assert.equal(await one.send("clock"), await other.send("clock"));
    assert.match(await one.send("clock"), /^0 /);
  });

  it("the host measures how deep the stack went", async () => {
    const host = await start();
    await host.send("echo x");
    const shallow = (await host.memory()).stackUsedMax;
    await host.send("deep 8");
    const deep = (await host.memory()).stackUsedMax;
    assert.ok(shallow > 500 && deep >= shallow + 8 * 6 * 16 && deep <= 4096, `${shallow}, ${deep}`);
    await host.send("half"); // XS uses the far end of the stack as scratch memory
    assert.equal((await host.memory()).stackUsedMax, deep);
  });

  it("the host answers 200,000 lines in one batch", async () => {
    const host = await start();
    const lines = Array.from({ length: 200_000 }, (_, index) => `echo ${index}`);
    const answers = await host.sendMany(lines);
    assert.equal(answers.length, lines.length);
    assert.equal(answers[199_999], "199999");
  });

  it("the host takes another size of block, and none", async () => {
    const small = await start({ staticBytes: 16384 });
    assert.equal((await small.memory()).static.size, 16384);
    const plain = await start({ plain: true });
    assert.equal(await plain.send("keep 500000"), "ok");
    assert.equal((await plain.memory()).static.size, 0);
  });

  const endings: [string, string, number, XsLimit, RegExp][] = [
    ["a chunk that finds no room", "keep 40000", 81, "memory", /static block of 32768 bytes is full/],
    ["a stack that is full", "deep 3000", 82, "stack", /JavaScript stack of 256 slots is full/],
    ["an exception", "throw because", 85, "exception", /in harness\.line: TypeError: because/],
    ["a rejection", "reject", 88, "rejection", /promise was rejected/],
    ["two lines", "lines", 66, "answer", /more than one line/],
    ["a write to a preloaded buffer", "poke", 85, "exception", /read-only/],
    ["a write to a preloaded class", "patch", 85, "exception", /TypeError/],
  ];
  for (const [what, line, status, limit, message] of endings)
    it(`the host ends with status ${status} for ${what}`, async () => {
      const host = await start();
      assert.equal(await host.send("echo before"), "before");
      await assert.rejects(host.send(line), (error: unknown) => {
        assert.ok(error instanceof XsError);
        assert.equal(error.status, status);
        assert.equal(error.limit, limit);
        assert.match(error.message, message);
        return true;
      });
      await assert.rejects(host.send("echo after"), XsError);
    });

  it("the host fills the block with small things before it gives up", async () => {
    const host = await start();
    let kept = 0;
    await assert.rejects(async () => {
      for (; kept < 1000; kept++) await host.send("keep 100");
    }, (error: unknown) => error instanceof XsError && error.limit === "memory");
    // About 18,900 free bytes and 7,600 in free slots, at 108 of chunk and 112 of slots each.
    assert.ok(kept > 100 && kept < 130, `${kept}`);
  });

  it("the host gives room that chunks no longer need to slots", async () => {
    const host = await start();
    await host.send("keep 15000");
    await host.send("drop");
    const { free } = (await host.memory()).static;
    await host.send("chain 450");
    const memory = await host.memory();
    assert.ok(memory.slots > 450 * 2 * 16);
    assert.ok(memory.slotsAllocated - 511 * 16 > free, `${memory.slotsAllocated} from ${free} free bytes`);
    assertAdditive(memory);
    assert.equal(await host.send("echo alive"), "alive");
  });

  it("the host refuses a bundle without a harness", async () => {
    const host = await XsHost.start(join(directory, "missing.js"));
    await assert.rejects(host.send("x"), (error: unknown) =>
      error instanceof XsError && error.limit === "bundle");
  });
});
