import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { GatewayDatabase } from "../../../../desktop/gateway/database/gateway-database.js";
import type { ForeignEvent } from "../../../../desktop/gateway/output.js";
import { propertyOptions } from "../../../support/random.js";
import { cleanUp, freshFolder } from "../../cli/node-process.js";

const HOUR_MS = 3600000;

describe("values of other sites", function () {
  this.timeout(60000);
  afterEach(cleanUp);

  it("are those of the view `winners`, of all and of one key", () => {
    const nowMs = Date.now();
    const event = fc.record({
      site: fc.constantFrom("north", "south"), author: fc.integer({ min: 1, max: 3 }),
      topic: fc.constantFrom("a", "+b"), key: fc.constantFrom("", "k"),
      kind: fc.constantFrom("set" as const, "remove" as const, "withdraw" as const),
      ageMs: fc.integer({ min: 1, max: 9 }), counter: fc.integer({ min: 0, max: 1 }),
      ttlMs: fc.constantFrom(0, 1, HOUR_MS), value: fc.integer(),
    }).map(({ ageMs, value, kind, ...more }): ForeignEvent => ({
      ...more, kind, timeMs: nowMs - ageMs * 1000, generation: 0, sequence: 1,
      value: kind === "set" ? value : undefined, authorName: undefined,
    }));
    fc.assert(fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const database = new GatewayDatabase(join(freshFolder(), "a.db"));
      try {
        database.write({ foreign: events });
        const all = database.foreignValues(["a", "+b"]);
        const winners = database.statement(
          "SELECT site || '/' || topic || '/' || key AS name, author, value, end_ms FROM winners").all()
          .map(({ name, author, value, end_ms: end }) =>
            `${String(name)} ${String(name).includes("+") ? String(author) : 0} ${String(value)} ${String(end)}`);
        const found = all.filter(({ isSet }) => isSet).map(({ site, topic, key, author, value, endMs }) =>
          `${site}/${topic}/${key} ${author} ${Number(value)} ${String(endMs ?? null)}`);
        assert.deepEqual(found.sort(), winners.sort());
        for (const { site, topic, key } of all) {
          const of = all.filter((one) => one.site === site && one.topic === topic && one.key === key);
          assert.deepEqual(database.foreignValues([topic], { site, key }), of);
        }
      } finally {
        database.close();
      }
    }), propertyOptions(100));
  });
});
