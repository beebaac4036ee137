import assert from "node:assert/strict";
import { BOARD_STACK_SLOTS, buildBundle } from "../conformance/replay.js";
import { frameHex, rowHex, rowsHex } from "../support/fake-platform.js";
import { PAGE } from "../../src/web/page.js";
import { requireXs } from "./require-xs.js";
import { XsHost } from "./xs.js";

const ACK = 2;
const PEER = 0x77;
const HEX_PER_LINE = 128;
/** Bytes of an answer that are read at a time, as by the HTTP server of a board. */
const PIECE_BYTES = 1024;
/** In each row a map of one number. */
const VALUE = "a16474656d70f94d60";
const ROWS = 48;
/** The bundle, which a board has in flash, is in the same memory. */
const STATIC_BYTES = 65536;

describe("a node on a board answers over HTTP", function () {
  this.timeout(300_000);
  let host: XsHost;

  before(async function () {
    await requireXs(this);
    host = await XsHost.start(await buildBundle("../xs/web.ts", "web"), {
      stackSlots: BOARD_STACK_SLOTS, staticBytes: STATIC_BYTES,
    });
    assert.equal(await host.send("start"), "ok");
    const counter = await host.send("counter");
    const rows = rowsHex(...Array.from({ length: ROWS }, (_, i) => rowHex(0x1000 + i, 1 + i, "01", "05", VALUE)));
    const hex = frameHex(ACK, PEER, 1, 1, counter + rows);
    for (let at = 0; at < hex.length; at += HEX_PER_LINE) {
      await host.send(`byte ${at / 2} ${hex.slice(at, at + HEX_PER_LINE)}`);
    }
    assert.ok(Number(await host.send(`receive ${hex.length / 2}`)) > ROWS);
  });

  after(() => host?.close());

  /** Bytes in use after a collection of garbage. */
  async function used(): Promise<number> {
    await host.collect();
    const { slots, chunks } = await host.memory();
    return slots + chunks;
  }

  async function rest(): Promise<string> {
    let all = "";
    for (;;) {
      const [length, hex] = (await host.send(`read ${PIECE_BYTES}`)).split(" ");
      all += hex;
      if (Number(length) < PIECE_BYTES) return Buffer.from(all, "hex").toString();
    }
  }

  it("the answers on XS are those on V8, and take less than 2,000 bytes of RAM", async () => {
    const before = await used();
    assert.equal(await host.send("ask GET /none"), "404");
    await rest();
    await host.send("end");
    const idle = await used();
    const most: Record<string, number> = {};
    for (const path of ["/", "/v1/nodes"]) {
      assert.equal(await host.send(`ask GET ${path}`), "200");
      const text = await rest();
      await host.send(`ask GET ${path}`);
      await host.send(`skip ${PIECE_BYTES}`);
      most[path] = await used() - idle;
      await host.send("end");
      if (path === "/") assert.equal(text, PAGE);
      else assert.ok((JSON.parse(text) as { members: object[] }).members.length > ROWS);
    }
    console.log(`      at rest ${idle - before} bytes, in an answer ${JSON.stringify(most)}`);
    assert.ok(Object.values(most).every((bytes) => bytes < 2000), JSON.stringify(most));
    for (let i = 0; i < 20; i++) {
      await host.send("ask GET /v1/nodes");
      await rest();
    }
    await host.send("end");
    assert.equal(await used(), idle, "nothing grows");
  });
});
