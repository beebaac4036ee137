import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import "../src/gossip.js";

const sources = fileURLToPath(new URL("../src/", import.meta.url));

// As CommonJS scenarios took two to four times as long: there each use of an imported constant calls a getter.
describe("the sources under test", () => {
  it("the sources are loaded as ES modules", () => {
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    assert.deepEqual(loaded.filter((file) => file.startsWith(sources)), []);
  });
});
