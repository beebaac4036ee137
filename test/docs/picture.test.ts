import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { drawPicture } from "../../bench/picture-run.js";
import { Screen } from "../../bench/picture-screen.js";

const BYTES_MAX = 40000;
const file = new URL("../../docs/start.svg", import.meta.url);

describe("docs/start.svg", () => {
  it("the picture shows what `npm start` writes now; if it does not, `npm run picture` draws it anew", async () => {
    const drawn = await drawPicture();
    assert.equal(readFileSync(file, "utf8"), drawn);
    assert.ok(drawn.length < BYTES_MAX, `${drawn.length} bytes`);
  });
});

describe("Screen", () => {
  it("the screen shows what was written last in each place, with its style", () => {
    const screen = new Screen();
    screen.write("one\ntwo\n\x1b[2A\x1b[2m\x1b[36mO\x1b[39m\x1b[22m\x1b[0K\x1b[1B\x1b[1GT");
    assert.deepEqual(screen.text(), ["O", "Two", ""]);
    assert.deepEqual(screen.rows()[0], [{ column: 0, text: "O", color: 36, isBold: false, isDim: true }]);
  });

  it("the screen refuses an escape sequence that it does not apply", () => {
    assert.throws(() => new Screen().write("\x1b[5S"), /no escape sequence S/);
  });
});
