import assert from "node:assert/strict";
import { NOTIFY_BOARDS_FULL } from "../../src/engine/notifications.js";
import { BoardNetwork, type BoardNetworkOptions } from "./board-network.js";

const ROUND = 1000;
const temp = (index: number) => ({ temp: 20.1 + index / 10 });

function started(options: Partial<BoardNetworkOptions>, rounds = 40): BoardNetwork {
  const boards = new BoardNetwork({ seed: 1, boards: 12, autos: 2, compact: 5, roundMs: ROUND, ...options });
  boards.runRounds((options.joinAfterRounds ?? 0) + rounds);
  return boards;
}

/** The mean time until all boards know a new value of these nodes, in rounds. */
function meanRounds(boards: BoardNetwork, of: BoardNetwork["members"]): number {
  let sum = 0;
  for (const [index, member] of of.entries()) {
    boards.share(member, temp(100 + index));
    sum += boards.msUntilKnown("board", member, 30);
  }
  return sum / of.length / ROUND;
}

function assertQuiet(boards: BoardNetwork): void {
  assert.equal(boards.mute(), 0, `${boards.longestBytes()} bytes`);
  assert.deepEqual([...boards.falseDowns, ...boards.falseDownsOfBoards], []);
}

describe("NodeMCU boards and bridges, of more rows than boards can repeat", function () {
  this.timeout(300000);

  it("19 nodes with values: news reach all boards as they do among the boards alone", () => {
    const alone = started({ autos: 0, compact: 0, value: temp });
    const aloneRounds = meanRounds(alone, alone.of("board").slice(0, 6));
    for (const joinAfterRounds of [0, 20]) {
      const boards = started({ value: temp, joinAfterRounds });
      const told = [...boards.told("auto"), ...boards.told("compact")];
      assert.equal(told.length, 3);
      const rounds = meanRounds(boards, boards.of("board").slice(0, 6));
      assert.ok(rounds < aloneRounds + 1.5, `${rounds} rounds, and ${aloneRounds} without bridges`);
      const toldRounds = meanRounds(boards, told);
      assert.ok(toldRounds < aloneRounds + 3, `${toldRounds} rounds for compact nodes`);
      for (const board of boards.of("board").slice(0, 6)) assert.equal(boards.knowing("compact", board), 5);
      boards.runRounds(60);
      assertQuiet(boards);
    }
  });

  it("22 boards and 6 bridges: values pass in both directions, and no live node is called DOWN", () => {
    for (const joinAfterRounds of [0, 20]) {
      const boards = started({
        boards: 22, autos: 6, compact: 0, subnet: "192.168.0", joinAfterRounds,
        value: (index) => index < 22 ? undefined : temp(index),
      });
      const [told, ...others] = boards.told("auto");
      assert.equal(others.length, 0);
      assert.ok(meanRounds(boards, [told]) < 5);
      const board = boards.of("board")[7];
      boards.share(board, { t: 5 });
      assert.ok(boards.msUntilKnown("board", board, 30) + boards.msUntilKnown("auto", board, 30) < 6 * ROUND);
      assert.equal(boards.knowing("auto", board), 6);
      boards.runRounds(100);
      assertQuiet(boards);
    }
  });

  it("a bridge warns once, with the numbers", () => {
    const boards = started({ value: temp, joinAfterRounds: 20 });
    boards.runRounds(100);
    const row = '"10.0.0.10":{"revision":0,"heartbeat":1234567,"state":0,"data":{"temp":21.30000000000000071}},';
    const rows = 19 * row.length;
    for (const { kind, errors } of boards.members) {
      assert.equal(errors.length, kind === "auto" ? 1 : 0);
      if (kind !== "auto") continue;
      const [, bytes, nodes] = /can repeat 1472 bytes .* take (\d+); .* not told of: (\d+)$/.exec(errors[0]) ?? [];
      assert.equal(nodes, "4");
      assert.ok(Math.abs(Number(bytes) - rows) < 30, `${bytes}, and about ${rows}`);
    }
    const enough = started({ boards: 4, autos: 1, compact: 2, value: temp });
    assert.deepEqual(enough.members.flatMap(({ errors }) => errors), []);
    assert.equal(enough.told("compact").length, 2);
    assert.equal(NOTIFY_BOARDS_FULL, 13);
  });

  it("nodes with a value are told before nodes without one", () => {
    const value = (index: number) => index > 19 ? temp(index) : undefined;
    const boards = started({ boards: 16, autos: 1, compact: 6, value });
    const told = [...boards.told("auto"), ...boards.told("compact")];
    assert.deepEqual(told.map(({ value }) => value !== undefined), [true, true, true]);
    // Of boards there is enough room for a value in the row of each of these.
    const few = started({ boards: 6, autos: 1, compact: 6, value: () => undefined });
    assert.equal(few.told("auto").length + few.told("compact").length, 7);
  });

  it("if boards need more room later, the told nodes take turns with their data", () => {
    const value = (index: number) => index < 12 ? { n: 1 } : temp(index);
    const boards = started({ boards: 12, autos: 1, compact: 5, value });
    const told = [...boards.told("auto"), ...boards.told("compact")];
    assert.equal(told.length, 6);
    const longest = boards.longestBytes();
    for (const board of boards.of("board").slice(0, 3)) boards.share(board, { n: 1, text: "x".repeat(20) });
    boards.runRounds(30);
    const muteBefore = boards.mute();
    const seen = new Set<string>();
    let most = 0;
    for (let round = 0; round < 200; round++) {
      boards.runRounds(1);
      const shown = told.filter((member) => boards.knowing("board", member) === 12);
      for (const { address } of shown) seen.add(address);
      most = Math.max(most, shown.length);
    }
    assert.equal(seen.size, told.length, "each has its turn");
    assert.ok(most < told.length, "never all at once");
    assert.equal(boards.mute(), muteBefore, `${longest} bytes before, ${boards.longestBytes()} now`);
    assert.deepEqual(boards.falseDowns, []);
  });

  it("no text of a compact node makes a board's datagrams unreadable", () => {
    const boards = started({ boards: 5, autos: 2, compact: 2, value: temp });
    const broken: string[] = [];
    boards.network.tap = (entry) => {
      if (entry.kind !== "sent" || entry.bytes[0] !== 0x7b) return;
      const text = Buffer.from(entry.bytes.subarray(0, entry.length)).toString();
      try {
        JSON.parse(text);
      } catch {
        broken.push(text);
      }
    };
    for (const member of [boards.of("compact")[0], boards.of("auto")[0]]) {
      boards.share(member, { "a\\": 1, path: "C:\\temp\\q\\" });
      boards.runRounds(20);
      member.value = { "a/": 1, path: "C:/temp/q/" };
      assert.equal(boards.knowing("board", member), 5);
    }
    assert.deepEqual(broken, []);
    assert.ok(boards.of("auto")[0].node.gossip!.stats().drops.backslash > 0);
  });

  it("boards that send from other ports than they read from are not called DOWN, nor call any node so", () => {
    const boards = started({ boards: 5, autos: 1, compact: 3, isOld: true, value: temp }, 20);
    assert.equal(boards.told("compact").length, 3);
    boards.suspicions = 0;
    boards.runRounds(60);
    assertQuiet(boards);
    assert.equal(boards.suspicions, 0);
  });
});
