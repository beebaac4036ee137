import assert from "node:assert/strict";
import { EARLY_PROBE_WORDS } from "../../../src/engine/membership/early-probes.js";
import { INDIRECT_PROBE_WORDS } from "../../../src/engine/membership/indirect-probes.js";
import { PROBE_WORDS } from "../../../src/engine/membership/probes.js";
import { BURST_MAX, WORDS } from "../../../src/engine/reconcile/outbox-words.js";
import {
  DATAGRAMS_RECEIVED, DROPS, EARLY_PROBES, INDIRECT_PROBES, INTENTS, INTENT_COUNT, NEIGHBOURS_MAX, PROBES,
} from "../../../src/engine/table/node-words.js";
import { DROP_REASONS } from "../../../src/engine/wire/drops.js";

describe("the words of a node", () => {
  it("there are as many words as each of the tables among them takes", () => {
    assert.deepEqual(
      [DATAGRAMS_RECEIVED - DROPS, NEIGHBOURS_MAX - PROBES, INDIRECT_PROBES - EARLY_PROBES,
        INTENTS - INDIRECT_PROBES,
        INTENT_COUNT - INTENTS],
      [DROP_REASONS, PROBE_WORDS, EARLY_PROBE_WORDS, INDIRECT_PROBE_WORDS, BURST_MAX * WORDS],
    );
  });
});
