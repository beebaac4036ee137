import assert from "node:assert/strict";
import { requireSqlite } from "../gateway-process.js";
import { runLoad } from "./load.js";
import { requireNats } from "./nats-server.js";
import { endSites } from "./site.js";

/** `npm run -s load:sites` does it with 100,000. */
const EVENTS = 2000;

describe("two sites of 20 nodes and two gateways each at three nats-servers", function () {
  this.timeout(900000);

  before(function () {
    requireNats(this);
    requireSqlite(this);
  });

  afterEach(endSites);

  it("lose nothing, have nothing twice, and keep each author's order while a server is killed", async () => {
    const lines: string[] = [];
    const { lost, twice, reordered } = await runLoad(EVENTS, (line) => void lines.push(line));
    assert.deepEqual({ lost, twice, reordered }, { lost: 0, twice: 0, reordered: 0 }, lines.join("\n"));
  });
});
