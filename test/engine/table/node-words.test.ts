import assert from "node:assert/strict";
import { EARLY_PROBE_WORDS } from "../../../src/engine/membership/early-probes.js";
import { INDIRECT_PROBE_WORDS } from "../../../src/engine/membership/indirect-probes.js";
import { PROBE_WORDS } from "../../../src/engine/membership/probes.js";
import {
  DATAGRAMS_RECEIVED, DROPS, EARLY_PROBES, INDIRECT_PROBES, NEIGHBOURS_MAX, NODE_WORDS, PROBES,
} from "../../../src/engine/table/node-words.js";
import { DROP_REASONS } from "../../../src/engine/wire/drops.js";

describe("the words of a node", () => {
  it("there are as many words as each of the tables among them takes", () => {
    assert.deepEqual(
      [DATAGRAMS_RECEIVED - DROPS, NEIGHBOURS_MAX - PROBES, INDIRECT_PROBES - EARLY_PROBES, NODE_WORDS - INDIRECT_PROBES],
      [DROP_REASONS, PROBE_WORDS, EARLY_PROBE_WORDS, INDIRECT_PROBE_WORDS],
    );
  });
});
