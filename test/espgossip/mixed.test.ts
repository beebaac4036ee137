import assert from "node:assert/strict";
import { networkState } from "../../src/espgossip/index.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import { count } from "../support/random.js";
import { Mixed } from "./mixed.js";

/** Doubts of a board are what the reference has under loss; nobody else may have any. */
function ofOthers(falseDowns: string[]): string[] {
  return falseDowns.filter((what) => !/^board -> (board|auto)$/.test(what));
}

describe("a network of boards and compact nodes", function () {
  this.timeout(300000);

  it("the nodes agree on minimum and maximum, and on new ones", () => {
    const mixed = new Mixed({ seed: 1, boards: 4, compact: 4, autos: 1 });
    assert.ok(mixed.untilKnown(12) < Infinity, mixed.ignorant().join("\n"));
    for (const member of mixed.members) {
      mixed.share(member, 100 + mixed.network.nowMs / 1e5);
      assert.ok(mixed.untilKnown(12) < Infinity, mixed.ignorant().join("\n"));
    }
  });

  const mixtures = [[2, 6, 6, 1], [3, 6, 6, 2], [4, 2, 10, 1], [5, 10, 2, 2], [6, 1, 1, 1]];
  for (const [seed, boards, compact, autos] of mixtures) {
    it(`the nodes agree under 10 % loss through restarts: ${boards} boards, ${compact} compact, ${autos} auto`, () => {
      const mixed = new Mixed({ seed, boards, compact, autos, lossProbability: 0.1 });
      assert.ok(mixed.untilKnown(30) < Infinity, mixed.ignorant().join("\n"));
      for (const [index, member] of mixed.members.entries()) {
        // The seed of all is no exception.
        member.node.restart({ keepStorage: true });
        mixed.share(mixed.members[(index + 1) % mixed.members.length], 500 + index);
        assert.ok(mixed.untilKnown(40) < Infinity, `after restart ${index}:\n${mixed.ignorant().join("\n")}`);
        mixed.runRounds(8);
      }
    });
  }

  it("boards call no compact node DOWN, and compact nodes no board", () => {
    let falseDowns: string[] = [];
    for (let autos = 1; autos <= count(3, 1); autos++) {
      const mixed = new Mixed({ seed: autos + 21, boards: 6, compact: 6, autos, lossProbability: 0.1 });
      mixed.runRounds(400);
      falseDowns = falseDowns.concat(ofOthers(mixed.falseDowns));
    }
    // Five answers lost in a row, by chance, are more than the reference can tell from a death: about 0.6 a network.
    assert.ok(falseDowns.length <= 3, falseDowns.join(", "));
  });

  it("both sides notice the end of a board and of a compact node", () => {
    const mixed = new Mixed({ seed: 7, boards: 3, compact: 3, autos: 2 });
    mixed.runRounds(20);
    const dead = [mixed.of("board")[1], mixed.of("compact")[1]];
    for (const { node } of dead) node.crash();
    mixed.runRounds(60);
    for (const { node } of mixed.members) {
      for (const { node: { address } } of dead) {
        const row = node.gossip?.rows().find((held) => held.address === formatAddress(address));
        const isGone = row === undefined || ["down", "removed", "left"].includes(row.state);
        if (node.isRunning) assert.ok(isGone, `${node.name}: ${JSON.stringify(row)}`);
      }
    }
    for (const { node } of dead) node.start();
    assert.ok(mixed.untilKnown(40) < Infinity, mixed.ignorant().join("\n"));
  });

  it("bridges do not drive up the heartbeat of a compact node", () => {
    const mixed = new Mixed({ seed: 8, boards: 3, compact: 2, autos: 4 });
    mixed.runRounds(20);
    const address = formatAddress(mixed.of("compact")[0].node.address);
    const heartbeat = () => networkState(mixed.of("board")[0].node.gossip!)[address].heartbeat;
    const before = heartbeat();
    mixed.runRounds(300);
    // No bridge takes more than a step a round; and they leave it to each other, so together they hardly take more.
    assert.ok(heartbeat() - before >= 90 && heartbeat() - before <= 330, `${heartbeat() - before} in 300 rounds`);
  });

  it("a compact node never probes a board, nor a bridge a known compact node in JSON", () => {
    const mixed = new Mixed({ seed: 9, boards: 3, compact: 3, autos: 1 });
    mixed.runRounds(20);
    const kinds = new Map(mixed.members.map(({ kind, node }) => [node.address, kind]));
    const wrong: string[] = [];
    mixed.network.tap = (entry) => {
      if (entry.kind !== "sent") return;
      const from = kinds.get(entry.node.address);
      const to = kinds.get(entry.address);
      const isJson = entry.bytes[0] === 0x7b;
      // What a compact node says to a board is the sign of life that its JSON asked for.
      const isWrong = isJson ? from === "auto" && to === "compact" : to === "board" && entry.length > 30;
      if (isWrong) wrong.push(`${from} to ${to}`);
    };
    mixed.runRounds(200);
    assert.deepEqual(wrong, []);
  });

  it("a board moves over to chisme without a second row or a lost one", () => {
    const mixed = new Mixed({ seed: 10, boards: 3, compact: 2, autos: 1 });
    mixed.runRounds(20);
    const [board] = mixed.of("board");
    const address = formatAddress(board.node.address);
    board.node.crash();
    const { network } = mixed;
    // The same device, flashed: a new node at the old address, without its revision.
    const flashed = network.addNode({ address, options: { seedList: ["10.0.0.1"], roundIntervalMs: 10000 } });
    mixed.runRounds(40);
    flashed.push(-5);
    mixed.runRounds(10);
    for (const { node } of mixed.members) {
      if (!node.isRunning) continue;
      const held = node.gossip?.rows().filter((row) => row.address === address && row.state === "up") ?? [];
      assert.deepEqual(held.map(({ data }) => data), [-5], node.name);
    }
  });
});

describe("60 nodes of ESPGossip", function () {
  this.timeout(300000);

  it("60 nodes agree with datagrams of 1,200 bytes, where the reference stops at 24", () => {
    const mixed = new Mixed({ seed: 11, boards: 60, compact: 0, autos: 0 });
    assert.ok(mixed.untilKnown(20) < Infinity, mixed.ignorant().join("\n"));
    assert.deepEqual(mixed.network.oversized, []);
    mixed.share(mixed.members[30], 1000);
    assert.ok(mixed.untilKnown(20) < Infinity, mixed.ignorant().join("\n"));
  });
});
