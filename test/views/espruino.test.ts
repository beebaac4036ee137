import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Linter } from "eslint";
import fc from "fast-check";
import { bundleRules } from "../../eslint-rules/espruino.js";
import { bundleForEspruino } from "../../rollup-plugins/espruino.js";
import { EspruinoDevice } from "../espruino/device.js";
import { START_MS, histories } from "../support/feed-history.js";
import { propertyOptions } from "../support/random.js";
import { viewsOf } from "./espruino-entry.js";

describe("views on Espruino", function () {
  this.timeout(300000);
  let code: string;

  before(async () => {
    const entry = fileURLToPath(new URL("espruino-entry.ts", import.meta.url));
    code = (await bundleForEspruino(entry, ["readable"])).readable;
  });

  it("the views use nothing that Espruino lacks", () => {
    const config = { rules: bundleRules, languageOptions: { ecmaVersion: "latest", sourceType: "commonjs" } } as const;
    assert.deepEqual(new Linter().verify(code, config).map(({ message }) => message), []);
  });

  it("the views give the same results without the missing built-ins", () => {
    const there = new EspruinoDevice(code).boot() as unknown as { viewsOf: typeof viewsOf };
    const history = histories({
      topics: ["record.create", "field.set", "note.add", "lamp", "+sum"],
      keys: ["1", "2", "ñ"],
      logProbability: 0.4,
      value: (random) => {
        return { record: random.pick(["r", "s"]), field: "f", text: "x", value: random.below(9), fields: { g: 1 } };
      },
    });
    fc.assert(fc.property(history, ({ events }) => {
      assert.equal(there.viewsOf(events, START_MS + 20), viewsOf(events, START_MS + 20));
    }), propertyOptions(100));
  });
});
