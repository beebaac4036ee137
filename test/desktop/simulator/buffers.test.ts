import assert from "node:assert/strict";
import { BufferPool } from "../../../desktop/simulator/buffers.js";

const LONG = new Uint8Array(1200).fill(7);

describe("the buffers of datagrams in flight", () => {
  it("copies do not disturb one another, and lie in one block while they fit", () => {
    const pool = new BufferPool();
    const sent = Uint8Array.of(1, 2, 3, 4);
    const first = pool.blockFor(3, 0);
    const start = first.add(sent, 3);
    sent.fill(9);
    const second = pool.blockFor(4, 1);
    assert.equal(second, first);
    const next = second.add(sent, 4);
    assert.deepEqual([...first.bytes.subarray(start, start + 3)], [1, 2, 3]);
    assert.deepEqual([...second.bytes.subarray(next, next + 4)], [9, 9, 9, 9]);
  });

  it("a block is reused when all its copies were given back", () => {
    const pool = new BufferPool();
    const first = pool.blockFor(LONG.length, 5);
    let copies = 0;
    for (let block = first; block === first; block = pool.blockFor(LONG.length, 5)) {
      block.add(LONG, LONG.length);
      copies++;
    }
    assert.equal(copies, Math.floor(first.bytes.length / LONG.length));
    for (let i = 1; i < copies; i++) pool.giveBack(first);
    assert.equal(pool.freeBlocks, 0, "one copy is still in use");
    pool.giveBack(first);
    assert.equal(pool.freeBlocks, 1);
    while (pool.blockFor(LONG.length, 5) !== first) pool.blockFor(LONG.length, 5).add(LONG, LONG.length);
    assert.equal(pool.freeBlocks, 0);
    assert.equal(first.add(LONG, LONG.length), 0);
  });

  it("datagrams that arrive at other times lie in other blocks, so that no late one keeps the early ones", () => {
    const pool = new BufferPool();
    const blocks = [0, 50, 7, 1000, 53, 1001].map((timeMs) => {
      const block = pool.blockFor(LONG.length, timeMs);
      block.add(LONG, LONG.length);
      return block;
    });
    assert.equal(blocks[0], blocks[2]);
    assert.equal(blocks[1], blocks[4]);
    assert.equal(blocks[3], blocks[5]);
    assert.equal(new Set(blocks).size, 3);
    pool.blockFor(LONG.length, 64).add(LONG, LONG.length);
    pool.giveBack(blocks[0]);
    assert.equal(pool.freeBlocks, 0);
    pool.giveBack(blocks[0]);
    assert.equal(pool.freeBlocks, 1, "another window took its place");
  });

  it("where datagrams come and go one by one, one block is enough", () => {
    const pool = new BufferPool();
    const block = pool.blockFor(LONG.length, 5);
    for (let i = 0; i < 1000; i++) {
      assert.equal(pool.blockFor(LONG.length, 5), block);
      assert.equal(block.add(LONG, LONG.length), 0);
      pool.giveBack(block);
    }
    assert.equal(pool.freeBlocks, 0);
  });

  it("a datagram longer than a block gets one of its own, which is not kept", () => {
    const pool = new BufferPool();
    const bytes = new Uint8Array(100000).fill(1);
    const block = pool.blockFor(bytes.length, 5);
    assert.equal(block.add(bytes, bytes.length), 0);
    assert.deepEqual(block.bytes, bytes);
    pool.giveBack(block);
    assert.equal(pool.freeBlocks, 0);
    assert.notEqual(pool.blockFor(1, 5), block);
  });
});
