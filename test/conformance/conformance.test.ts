import assert from "node:assert/strict";
import { CBOR_DEPTH_MAX } from "../../src/cbor/cbor.js";
import { FLAG_SEALED } from "../../src/engine/wire/frame.js";
import { requireXs } from "../xs/require-xs.js";
import { XsHost } from "../xs/xs.js";
import { OUTCOMES } from "./messages.js";
import { type Replayer, firstDifference, hashOf, onV8, onXs, onXsSigned } from "./replay.js";
import { NODES, type NodeTrace, TRACE_KEY, record } from "./trace.js";

const SEED = 1;
/** Of each of two networks: where each node reaches all others, and where it reaches its neighbours only. */
const STEPS = 20000;
/** AES in JavaScript takes XS ten times as long as the rest. */
const SEALED_STEPS = 7000;
/** Steps of each network on 32-bit XS where it is emulated, with one restart. */
const EMULATED_STEPS = 1000;
const EMULATED_SEALED_STEPS = 300;
/** Ed25519 in JavaScript takes XS a million steps a signature. */
const SIGNED_STEPS = 3000;
const EMULATED_SIGNED_STEPS = 300;
/** Events that nodes notified in the signed trace, at least. */
const SIGNED_EVENTS_MIN = 100;

/** The two networks without a key. */
function recordBoth(steps: number): NodeTrace[] {
  return [...record(SEED, steps), ...record(SEED, steps, { topology: "line" })];
}

function recordSealed(steps: number): NodeTrace[] {
  return record(SEED, steps, { topology: "grid", key: TRACE_KEY });
}

function recordSigned(steps: number): NodeTrace[] {
  return record(SEED, steps, { isSigned: true });
}

/** Of a node by its place in the network, as the simulator gives it. */
function addressOf(index: number): number {
  return 0x0a000001 + index;
}

/** Rows of the table after a step, from all outputs of it. */
function rowsIn(outputs: string): number {
  return Number(/root \d+ \d+ (\d+)/.exec(outputs)?.[1]);
}

/** Links that a message took at most, of those that arrived. */
function mostHops(answers: string[]): number {
  const found = answers.flatMap((answer) => [...answer.matchAll(/message \d+ (\d+)/g)]);
  return Math.max(0, ...found.map(([, hops]) => Number(hops)));
}

function byte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

describe("conformance of engines", function () {
  this.timeout(600000);
  let traces: NodeTrace[];

  before(() => {
    traces = recordBoth(STEPS);
  });

  it(`the traces have ${2 * STEPS} inputs of all kinds, and restarts`, () => {
    const lines = traces.flatMap((trace) => trace.lines);
    assert.ok(lines.length >= 2 * STEPS);
    const kinds = new Set(lines.map((line) => line.split(" ", 1)[0]));
    const expected = [
      "event", "key", "message", "messages", "new", "pin", "publish", "recall", "receive", "sleep", "start", "tick",
      "time", "timekeeping",
    ];
    assert.deepEqual([...kinds].sort(), expected);
    assert.equal(traces.length, 2 * NODES);
    // Requests for the time end a SYN, and answers have a time of 2026.
    const sent = traces.flatMap((trace) => trace.sent);
    assert.ok(sent.filter((hex) => hex.endsWith("8800")).length > STEPS / 1000);
    assert.ok(sent.filter((hex) => /88(0d|0e|0f|10)019b/.test(hex)).length > STEPS / 1000);
    const starts = lines.filter((line) => line.startsWith("start"));
    assert.ok(starts.length > traces.length + NODES / 2, "restarts");
    assert.ok(starts.some((line) => line.endsWith(" 1")) && starts.some((line) => line.endsWith(" 0")));
  });

  it("in the second network a node receives from its neighbours only", () => {
    const line = traces.slice(NODES);
    for (const [index, { lines }] of line.entries()) {
      const senders = new Set(lines.filter((text) => text.startsWith("receive")).map((text) => text.split(" ")[2]));
      // Some hear their own broadcasts.
      senders.delete(String(addressOf(index)));
      const neighbours = [index - 1, index + 1].filter((other) => other >= 0 && other < NODES);
      assert.deepEqual([...senders].sort(), neighbours.map((other) => String(addressOf(other))).sort());
    }
  });

  it("a replay sends the datagrams that the simulated nodes sent, and messages end in all ways", async () => {
    const told = new Set<string>();
    let hopsMost = 0;
    for (const [index, { lines, sent }] of traces.entries()) {
      const answers = await onV8().send(["verbose 1", ...lines]);
      const datagrams = answers.flatMap((answer) => [...answer.matchAll(/datagram \d+ \d+ \d+ (\w+)/g)]);
      assert.deepEqual(datagrams.map((match) => match[1]), sent);
      for (const answer of answers) {
        for (const [, outcome] of answer.matchAll(/outcome (\d)/g)) told.add(OUTCOMES[Number(outcome)]);
        for (const [name] of answer.matchAll(/\b(answer|end|pong|reach)\b/g)) told.add(name);
      }
      if (index >= NODES) hopsMost = Math.max(hopsMost, mostHops(answers));
    }
    assert.deepEqual([...told].sort(), [...OUTCOMES, "answer", "end", "pong", "reach"].sort());
    assert.ok(hopsMost > 3, `${hopsMost} hops in the second network`);
  });

  it("XS gives the same outputs as V8", async function () {
    await requireXs(this);
    for (const { bits, work } of await XsHost.longRun(traces, recordBoth(EMULATED_STEPS))) {
      const xs = await onXs(bits);
      const hashes = [await hashOf(onV8(), work), await hashOf(xs, work)];
      await xs.close();
      if (hashes[0] === hashes[1]) continue;
      const difference = await firstDifference(() => Promise.resolve(onV8()), () => onXs(bits), work);
      assert.fail(`seed ${SEED}: ${JSON.stringify(difference, null, 2)}`);
    }
  });

  it("both give the same outputs in a sealed network, whose nodes unseal each other's frames", async function () {
    await requireXs(this);
    const sealed = recordSealed(SEALED_STEPS);
    const sent = sealed.flatMap((trace) => trace.sent);
    assert.ok(sent.every((hex) => (parseInt(hex.slice(2, 4), 16) & FLAG_SEALED) !== 0));
    const answers = await onV8().send(["verbose 1", ...sealed[0].lines]);
    assert.equal(rowsIn(answers.at(-1)!), NODES, "it knows all");
    assert.ok(mostHops(answers) > 1, "a message that others passed on unseals");
    for (const { bits, work } of await XsHost.longRun(sealed, recordSealed(EMULATED_SEALED_STEPS))) {
      const xs = await onXs(bits);
      const hashes = [await hashOf(onV8(), work), await hashOf(xs, work)];
      await xs.close();
      assert.equal(hashes[1], hashes[0], `seed ${SEED}, ${bits} bits: npm run conformance tells where they differ`);
    }
  });

  it("both give the same outputs where nodes sign, by an Ed25519 in JavaScript with Node's bytes", async function () {
    await requireXs(this);
    const signed = recordSigned(SIGNED_STEPS);
    let applied = 0;
    for (const { lines, sent } of signed) {
      const answers = await onV8().send(["verbose 1", ...lines]);
      const datagrams = answers.flatMap((answer) => [...answer.matchAll(/datagram \d+ \d+ \d+ (\w+)/g)]);
      assert.deepEqual(datagrams.map((match) => match[1]), sent);
      applied += answers.flatMap((answer) => [...answer.matchAll(/told/g)]).length;
    }
    assert.ok(applied > SIGNED_EVENTS_MIN, `${applied} events`);
    for (const { bits, work } of await XsHost.longRun(signed, recordSigned(EMULATED_SIGNED_STEPS))) {
      const xs = await onXsSigned(bits);
      const hashes = [await hashOf(onV8(), work), await hashOf(xs, work)];
      await xs.close();
      assert.equal(hashes[1], hashes[0], `seed ${SEED}, ${bits} bits`);
    }
  });

  it("a board's stack is enough for the most deeply nested value, in an array and in a map", async function () {
    await requireXs(this);
    const xs = await onXs();
    const lines = ["new 1 1 5000 64 32 512 10000 86400000 16 4294967295 7", "start 0 0 1"];
    for (const [id, level] of [["07", "81"], ["08", "a16161"]]) {
      const value = level.repeat(CBOR_DEPTH_MAX) + "f94d60";
      const row = `30000000${id}0a00000713880001${byte(value.length / 2)}${value}`;
      const head = `c101000000${id}000100${"00".repeat(6)}`;
      lines.push(`receive 100 7 5000 ${head}10${byte(row.length / 2)}${row}`);
    }
    const answers = await xs.send(lines);
    await xs.close();
    assert.deepEqual(answers, await onV8().send(lines));
    assert.notEqual(answers[2], answers[3], "both rows were taken in");
  });

  it("firstDifference finds the first step that differs, with both outputs", async () => {
    const short = [{ lines: traces[3].lines.slice(0, 50), sent: [] }];
    const wrong = (): Promise<Replayer> => {
      const right = onV8();
      let verbose = false;
      const spoil = (line: string, answer: string) => {
        if (line === "verbose 1") verbose = true;
        return line === short[0].lines[41] ? (verbose ? "spoilt output" : "0") : answer;
      };
      return Promise.resolve({
        ...right,
        name: "wrong",
        send: async (lines) => (await right.send(lines)).map((answer, i) => spoil(lines[i], answer)),
      });
    };
    const difference = await firstDifference(() => Promise.resolve(onV8()), wrong, short);
    assert.equal(difference?.step, 42);
    assert.equal(difference.line, short[0].lines[41]);
    assert.equal(difference.outputs.wrong, "spoilt output");
    assert.match(difference.outputs.v8, /deadline \d+ \d+ \d+ root \d+ \d+ \d+( frontier \d+ \d+ \d+)?$/);
  });
});
