import assert from "node:assert/strict";
import { BOARD_STACK_SLOTS, buildBundle } from "../conformance/replay.js";
import { frameHex, rowHex, rowsHex } from "../support/fake-platform.js";
import { requireXs } from "./require-xs.js";
import { XsHost } from "./xs.js";

const ACK = 2;
const SYN = 1;
const PEER = 0x77;
/** What the SDK and boards/main.ts hold beside the node, about 3,000 bytes, and some for Wi-Fi. */
const APPLICATION_BYTES = 3400;
const HEX_PER_LINE = 128;

/** Values that a row may have, as CBOR: a number, long text, and what is nested 4 deep, in arrays and in maps. */
const VALUES = [
  { what: "numbers", value: "f94d60", count: 50 },
  { what: "numbers, as many as there is room for", value: "f94d60", count: 62 },
  { what: "text of 11 letters", value: `6b${"61".repeat(11)}`, count: 53 },
  { what: "the name of this node", value: "6468616c6cf94d60", count: 62 },
  { what: "arrays 4 deep", value: "81818181f94d60", count: 62 },
  { what: "maps 4 deep", value: `${"a16161".repeat(4)}f94d60`, count: 48 },
];

describe("a node in the memory of an ESP8266", function () {
  this.timeout(300_000);
  let bundle: string;
  let host: XsHost;

  before(async () => {
    bundle = await buildBundle("../xs/gossip-on-board.ts", "gossip-on-board");
  });

  beforeEach(async function () {
    await requireXs(this);
    host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS });
    assert.equal(await host.send(`start ${APPLICATION_BYTES}`), "ok");
  });

  // It rejects if the memory or the stack was too small.
  afterEach(() => host?.close());

  async function receive(type: number, counter: number, sections: string): Promise<number[]> {
    const hex = frameHex(type, PEER, 1, counter, sections);
    for (let at = 0; at < hex.length; at += HEX_PER_LINE) {
      await host.send(`byte ${at / 2} ${hex.slice(at, at + HEX_PER_LINE)}`);
    }
    const answer = await host.send(`receive ${hex.length / 2}`);
    return answer.split(" ").map(Number);
  }

  for (const { what, value, count } of VALUES) {
    const rows = (heartbeat: string) => rowsHex(...Array.from({ length: count }, (_, i) => (
      rowHex(0x1000 + i, 1 + i, "01", heartbeat, value)
    )));

    it(`the node merges ${count} new rows from one datagram, with ${what}, and notifies of each`, async () => {
      const counter = await host.send("counter");
      const [updates, states, rowsMax] = await receive(ACK, 1, counter + rows("05"));
      assert.deepEqual([updates, states], [count, count]);
      assert.ok(rowsMax <= 8, `${rowsMax} rows in one call`);

      // The same rows, fresher, in a datagram that wants an answer.
      const [fresher, changed, , sent] = await receive(SYN, 2, rows("06"));
      assert.deepEqual([fresher, changed], [count, 0]);
      assert.ok(sent > 0);
      const { stackUsedMax, stack } = await host.memory();
      assert.ok(stackUsedMax < stack, `${stackUsedMax} bytes of stack`);
    });
  }
});
