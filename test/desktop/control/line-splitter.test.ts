import assert from "node:assert/strict";
import { LineSplitter } from "../../../desktop/control/line-splitter.js";

const TEXT = "one\u2028still one\u2029\u0085\r\n\nthr\u00e9\u{1f600}e\nrest";
const LINES = ["one\u2028still one\u2029\u0085\r", "", "thr\u00e9\u{1f600}e"];

describe("LineSplitter", () => {
  it("only a line feed ends a line, wherever the bytes are cut", () => {
    const bytes = Buffer.from(TEXT);
    for (let size = 1; size <= bytes.length; size++) {
      const splitter = new LineSplitter(100);
      const lines: string[] = [];
      for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.add(bytes.subarray(at, at + size)) ?? []);
      assert.deepEqual([lines, splitter.end()], [LINES, "rest"], `parts of ${size} bytes`);
    }
  });

  it("a line that is too long is refused, whole or in parts", () => {
    assert.equal(new LineSplitter(3).add(Buffer.from("four\n")), undefined);
    const splitter = new LineSplitter(3);
    assert.deepEqual(splitter.add(Buffer.from("two\nth")), ["two"]);
    assert.deepEqual(splitter.add(Buffer.from("r")), []);
    assert.equal(splitter.add(Buffer.from("e")), undefined);
  });
});
