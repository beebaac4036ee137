import assert from "node:assert/strict";
import { type RelayOptions, press, relay } from "../../src/relay/index.js";

describe("relay", () => {
  function make(): { written: boolean[]; changes: boolean[]; lamp: ReturnType<typeof relay> } {
    const written: boolean[] = [];
    const changes: boolean[] = [];
    const lamp = relay({ write: (isOn) => written.push(isOn), onChange: (isOn) => changes.push(isOn) });
    return { written, changes, lamp };
  }

  it("the output is off at the start, and follows the messages", () => {
    const { written, changes, lamp } = make();
    const answers: unknown[] = [];
    const reply = (value: unknown) => answers.push(value) > 0;
    for (const value of ["on", "on", "toggle", "toggle", false, true, "off", null, "blue", 1]) {
      assert.equal(lamp.receive({ topic: "relay", value, reply }), true);
    }
    assert.deepEqual(answers, [true, true, false, true, false, true, false, false, false, false]);
    assert.deepEqual(changes, [true, false, true, false, true, false]);
    assert.deepEqual(written, [false, ...changes]);
  });

  it("a message without a reply switches, one of another topic does not", () => {
    const { lamp } = make();
    assert.equal(lamp.receive({ topic: "relay", value: "on" }), true);
    assert.equal(lamp.receive({ topic: "lamp", value: "off" }), false);
    assert.equal(lamp.isOn, true);
  });

  it("an output that fails leaves the state and refuses the message", () => {
    let fails = false;
    const answers: unknown[] = [];
    const write = () => { if (fails) throw new Error("pin"); };
    const lamp = relay({ write, topic: "lamp", onChange: () => assert.fail() });
    fails = true;
    const reply = (value: unknown) => answers.push(value) > 0;
    assert.throws(() => lamp.receive({ topic: "lamp", value: "on", reply }), /pin/);
    assert.equal(lamp.isOn, false);
    assert.deepEqual(answers, []);
  });

  it("wrong options are refused by name", () => {
    assert.throws(() => relay({} as RelayOptions), { code: "ERR_OPTION", message: "write: is not a function" });
    const write = () => undefined;
    assert.throws(() => relay({ write, topic: 5 } as unknown as RelayOptions), { message: "topic: is not a text" });
    assert.throws(() => press({ level: 2, onPress: write }), { message: "level: 2 is not an integer from 0 to 1" });
    assert.throws(() => press({ quietMs: 0, onPress: write }), { name: "RangeError" });
    assert.throws(() => press({} as never), { message: "onPress: is not a function" });
  });
});

describe("press", () => {
  /** @param edges times and levels */
  function count(edges: [nowMs: number, level: number][], level?: number): number[] {
    const presses: number[] = [];
    let now = 0;
    const button = press({ ...level === undefined ? {} : { level }, onPress: () => presses.push(now) });
    for (const [nowMs, after] of edges) {
      now = nowMs;
      button.edge(after, nowMs >>> 0);
    }
    return presses;
  }

  it("contacts that bounce at the press and at the release count once", () => {
    const bouncing: [number, number][] = [
      [1000, 0], [1001, 1], [1003, 0], [1300, 1], [1301, 0], [1304, 1], [2000, 0], [2002, 1], [2003, 0], [2100, 1],
    ];
    assert.deepEqual(count(bouncing), [1000, 2000]);
    assert.deepEqual(count(bouncing, 1), [1300, 2100]);
  });

  it("an edge counts from 30 ms of quiet on, also where the clock begins anew", () => {
    const start = 2 ** 32 - 10;
    assert.deepEqual(count([[start, 1], [start + 29, 0]]), []);
    assert.deepEqual(count([[start, 1], [start + 30, 0]]), [start + 30]);
  });
});
