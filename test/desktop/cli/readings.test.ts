import assert from "node:assert/strict";
import { dataText } from "../../../desktop/cli/node-report.js";
import { NodeProcess, cleanUp, freshPort } from "./node-process.js";

describe("chisme node with readings", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  it("two processes share maps, and print readings with units and the range of one field", async () => {
    const port = freshPort();
    const start = (host: number, seed: number, value: string, ...more: string[]): NodeProcess => new NodeProcess(
      "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.${seed}`, "--interval", "200", "--value", value,
      ...more,
    );
    const a = start(2, 3, '{"temp":21.375,"hum":40}', "--field", "temp");
    const b = start(3, 2, "18.2", "--field", "temp", "--json");
    await a.until("it has both", () => a.lines.some((line) =>
      line.endsWith("minimum 18.2 °C  maximum 21.4 °C  of 2 nodes")));
    assert.ok(a.lines.some((line) => line.includes("hum 40 %, temp 21.4 °C")));
    await b.untilRow("has the map", "127.0.0.2", (row) => JSON.stringify(row.data) === '{"hum":40,"temp":21.375}');
    await b.until("it has both", () => b.events.some((event) => event.event === "minMax" && event.count === 2));
    const last = b.events.filter((event) => event.event === "minMax").at(-1) as object;
    assert.deepEqual({ ...last, timeMs: 0 }, {
      event: "minMax", timeMs: 0, minimum: 18.2, maximum: 21.375, count: 2, field: "temp",
    });
  });

  it("names of readings that could control the terminal are escaped", () => {
    assert.equal(dataText({ temp: 1, "x\u001b[2J": 2 }), '{"temp":1,"x\\u001b[2J":2}');
    assert.equal(dataText({ "temp-\u202e": 1 }), '{"temp-\\u202e":1}');
    assert.equal(dataText({ "temp-out": 1.06 }), "temp-out 1.1 °C");
    assert.equal(dataText({ value: 21.5 }), '{"value":21.5}');
    assert.equal(dataText(21.5), "21.5");
  });
});
