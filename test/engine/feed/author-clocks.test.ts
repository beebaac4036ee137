import assert from "node:assert/strict";
import { TIME_WORDS, adoptAuthorClock, noteAuthorClock } from "../../../src/engine/feed/author-clocks.js";
import { Hlc } from "../../../src/engine/feed/hlc.js";
import { CLOCK_LATE, CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "../../../src/engine/feed/kinds.js";
import { RowData } from "../../../src/engine/table/row-data.js";
import { Rows } from "../../../src/engine/table/rows.js";
import { DOWN, UP } from "../../../src/engine/table/states.js";

/** 2026-01-01. */
const T = 1767225600000;
const MINUTE = 60000;
const HOUR = 3600000;
const YEAR = 365 * 24 * HOUR;
const ROUND = 10000;
/** Rounds after which the time of a single author counts. */
const SINGLE_ROUNDS = 64;
const AT = 3;

/** A board without a clock that holds the rows of authors 1 to 9, and its table. */
class Board {
  readonly hlc = new Hlc();
  readonly rows = new Rows(16, 8);
  readonly words = new Uint32Array(TIME_WORDS + 2 * AT);
  nowMs = 0;

  constructor() {
    this.insert(99);
    for (let id = 1; id < 10; id++) this.insert(id);
  }

  private insert(id: number): void {
    const row = new RowData();
    row.id = id;
    row.address = id;
    row.port = 1;
    row.revision = 1;
    this.rows.merge(row, new Uint8Array(0));
  }

  setState(author: number, state: number): void {
    this.rows.setState(this.rows.find(author), state);
  }

  /** An author whose clock is `ahead` milliseconds ahead publishes an event. */
  hear(author: number, ahead: number, isNew = true): void {
    this.hlc.physical(this.nowMs);
    const ms = 2 * Math.floor((T + this.nowMs + ahead) / 2);
    noteAuthorClock(this.words, AT, this.rows, this.rows.find(author), this.hlc, ms, isNew);
  }

  rounds(count: number): void {
    for (; count > 0; count--) {
      this.nowMs += ROUND;
      adoptAuthorClock(this.words, AT, this.rows, this.hlc);
    }
  }

  /** By how much the board's clock is ahead. */
  ahead(): number {
    return this.hlc.physical(this.nowMs) - T - this.nowMs;
  }
}

function assertAhead(board: Board, expected: number, source = CLOCK_PEER): void {
  assert.equal(board.hlc.source, source);
  assert.ok(Math.abs(board.ahead() - expected) < 3, `${board.ahead()} is not ${expected}`);
}

describe("clocks of authors", () => {
  it("a board takes the time on which two authors agree, at the next round", () => {
    const board = new Board();
    board.hear(1, 0);
    board.hear(2, -50 * MINUTE);
    board.rounds(1);
    assertAhead(board, 0);
  });

  it("a board takes the time of a single author after 64 rounds", () => {
    const board = new Board();
    board.hear(1, 0);
    board.rounds(SINGLE_ROUNDS);
    assert.equal(board.hlc.source, CLOCK_NONE);
    board.rounds(1);
    assertAhead(board, 0);
  });

  it("a single author has to stay for all of the 64 rounds", () => {
    const board = new Board();
    board.hear(1, 4 * YEAR);
    board.rounds(50);
    board.setState(1, DOWN);
    board.rounds(1);
    board.hear(2, 0);
    board.rounds(20);
    assert.equal(board.hlc.source, CLOCK_NONE);
    board.rounds(SINGLE_ROUNDS);
    assertAhead(board, 0);
  });

  it("two authors that disagree show no time", () => {
    const board = new Board();
    board.hear(1, 0);
    board.hear(2, 61 * MINUTE);
    board.rounds(200);
    assert.equal(board.hlc.source, CLOCK_NONE);
  });

  it("the largest group decides", () => {
    for (const wrong of [YEAR, -YEAR]) {
      const board = new Board();
      board.hear(1, 0);
      board.hear(2, wrong);
      board.hear(3, -MINUTE);
      board.rounds(1);
      assertAhead(board, 0);
    }
  });

  it("of two equal groups the earlier decides, whatever the order of events", () => {
    for (const authors of [[1, 2, 3, 4], [4, 3, 2, 1], [1, 3, 2, 4]]) {
      const board = new Board();
      for (const author of authors) board.hear(author, author < 3 ? 0 : YEAR);
      board.rounds(1);
      assertAhead(board, 0);
    }
  });

  it("a board steps back and forward to the time of those that agree", () => {
    const board = new Board();
    for (const ahead of [74 * YEAR, 0, -4 * YEAR, 0]) {
      board.hear(1, ahead);
      board.hear(2, ahead);
      board.rounds(1);
      assertAhead(board, ahead);
    }
  });

  it("a board that took a wrong year from one author comes back by another one", () => {
    const board = new Board();
    board.hear(1, 74 * YEAR);
    board.rounds(SINGLE_ROUNDS + 1);
    assertAhead(board, 74 * YEAR);
    board.hear(2, 0);
    board.rounds(200);
    assertAhead(board, 74 * YEAR);
    board.setState(1, DOWN);
    board.rounds(SINGLE_ROUNDS + 1);
    assertAhead(board, 0);
  });

  it("a small step goes forward only, since delays make a clock look late", () => {
    const board = new Board();
    board.hear(1, 0);
    board.hear(2, 0);
    board.rounds(1);
    board.hear(1, -30 * MINUTE);
    board.hear(2, -30 * MINUTE);
    board.rounds(1);
    assertAhead(board, 0);
    board.hear(1, MINUTE);
    board.hear(2, MINUTE);
    board.rounds(1);
    assertAhead(board, MINUTE);
  });

  it("an author has one entry, however much it publishes", () => {
    const board = new Board();
    board.hear(1, 0);
    board.hear(2, 0);
    for (let i = 0; i < 20; i++) board.hear(3, YEAR + i);
    board.rounds(1);
    assertAhead(board, 0);
  });

  it("the last four authors count", () => {
    const board = new Board();
    for (let author = 1; author < 5; author++) board.hear(author, YEAR);
    for (let author = 5; author < 8; author++) board.hear(author, 0);
    board.rounds(1);
    assertAhead(board, 0);
  });

  it("authors that are not live do not count", () => {
    const board = new Board();
    board.setState(1, DOWN);
    board.hear(1, YEAR);
    board.setState(1, UP);
    board.hear(2, YEAR);
    board.rounds(SINGLE_ROUNDS);
    assert.equal(board.hlc.source, CLOCK_NONE);
  });

  it("odd milliseconds and times before 2020 are no clock", () => {
    const board = new Board();
    for (const ms of [T + 1, 3 * 4096, 946684800000]) {
      for (const author of [1, 2]) {
        noteAuthorClock(board.words, AT, board.rows, board.rows.find(author), board.hlc, ms, true);
      }
    }
    board.rounds(200);
    assert.equal(board.hlc.source, CLOCK_NONE);
  });

  it("a node with a clock of its own keeps it", () => {
    const board = new Board();
    board.hlc.setPhysical(0, T);
    board.hear(1, YEAR);
    board.hear(2, YEAR);
    board.rounds(200);
    assertAhead(board, 0, CLOCK_OWN);
  });

  it("the table writes to no other words", () => {
    const board = new Board();
    for (let author = 1; author < 10; author++) {
      board.hear(author, author * MINUTE, author % 2 === 0);
      board.rounds(1);
    }
    assert.deepEqual([...board.words.slice(0, AT)], [0, 0, 0]);
    assert.deepEqual([...board.words.slice(AT + 14)], [0, 0, 0, 0, 0]);
  });
});

describe("clocks of authors, from events that others held before", () => {
  it("the earliest of the four latest is the least possible time, after 64 rounds", () => {
    const board = new Board();
    board.hear(1, -3 * HOUR, false);
    board.hear(2, -2 * YEAR, false);
    for (let author = 3; author < 6; author++) board.hear(author, -author * HOUR, false);
    board.rounds(SINGLE_ROUNDS);
    assert.equal(board.hlc.source, CLOCK_NONE);
    board.rounds(1);
    assertAhead(board, -5 * HOUR, CLOCK_LATE);
    assert.equal(board.hlc.isFarAhead(board.nowMs, T + YEAR), false, "stamps may be later by any time");
  });

  it("new events count more, also later on", () => {
    const board = new Board();
    board.hear(1, -3 * HOUR, false);
    board.rounds(SINGLE_ROUNDS + 1);
    assertAhead(board, -3 * HOUR, CLOCK_LATE);
    board.hear(2, 0);
    board.rounds(SINGLE_ROUNDS + 1);
    assertAhead(board, 0);
    board.setState(2, DOWN);
    board.hear(3, YEAR, false);
    board.rounds(200);
    assertAhead(board, 0);
  });

  it("an old event does not take the place of a new one", () => {
    const board = new Board();
    for (let author = 1; author < 5; author++) board.hear(author, 0);
    for (let author = 1; author < 9; author++) board.hear(author, YEAR, false);
    board.rounds(1);
    assertAhead(board, 0);
  });
});
