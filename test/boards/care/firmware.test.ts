import assert from "node:assert/strict";
import { compareVersions } from "../../../boards/care/firmware.js";
import { parseUrl } from "../../../boards/care/http-get.js";
import { Board, ImageServer, imageOf, sha256Of } from "./board.js";

const RETRY_MS = 60000;

describe("boards/care: updates over HTTP", function () {
  this.timeout(60000);
  let board: Board;
  let server: ImageServer;

  beforeEach(async () => {
    server = new ImageServer();
    await server.listen();
    board = new Board();
    board.start();
  });

  afterEach(async () => {
    board.updates?.close();
    await server.close();
  });

  /** Announces an image and serves it. */
  function announce(version: string, more: object = {}, file = imageOf(version, 9000)): object {
    server.file = file as Uint8Array<ArrayBuffer>;
    const value = { version, url: server.url, size: file.length, sha256: sha256Of(file), ...more };
    board.updates?.announced(value);
    return value;
  }

  it("a right image is loaded, started, and stays once the board has joined", async () => {
    announce("1.1");
    assert.equal(await board.untilNews(), "version 1.1 starts");
    assert.deepEqual([board.version, board.isConfirmed], ["1.1", false]);
    board.updates?.joined();
    assert.deepEqual([board.isConfirmed, board.news.at(-1)], [true, "version 1.1 stays"]);
    assert.equal(board.preferences.values.size, 0);
    board.start();
    assert.equal(board.version, "1.1");
  });

  it("an older version, the same one, and one announced again cause no download", async () => {
    for (const version of ["0.9", "1.0", "1"]) announce(version);
    board.timer.pass(600000);
    assert.deepEqual([board.timer.count, server.requests, board.news], [0, 0, []]);
    const value = announce("1.1");
    board.updates?.announced(value);
    await board.untilNews();
    board.updates?.announced(value);
    assert.deepEqual([server.requests, board.timer.count, board.restarts], [1, 1, 2]);
  });

  it("a wrong hash, size or status starts nothing and is tried 4 times, at longer and longer intervals", async () => {
    for (const [more, head, problem, attemptsOfFlash] of [
      [{ sha256: "0".repeat(64) }, {}, "has another SHA-256 than announced", 4],
      [{ size: 8999 }, {}, "has 9000 bytes, not 8999", 0],
      [{ size: 9001 }, {}, "has 9000 bytes, not 9001", 0],
      [{}, { status: 404 }, "has the status 404", 0],
    ] as const) {
      board = new Board();
      board.start();
      Object.assign(server, { status: 200, requests: 0, ...head });
      announce("1.1", more);
      for (let attempt = 1; attempt <= 4; attempt++) {
        const end = attempt === 4 ? ": given up until the next start" : "";
        assert.equal(await board.untilNews(), `version 1.1 ${problem}${end}`);
        assert.equal(server.requests, attempt);
        board.timer.pass(RETRY_MS * 4 ** (attempt - 1) - 30000);
      }
      board.timer.pass(100 * RETRY_MS);
      assert.deepEqual([board.next, board.timer.count, board.begun], [0, 0, attemptsOfFlash]);
    }
  });

  it("a file that is cut short, longer than announced, chunked or silent is refused", async () => {
    const cases: [Partial<ImageServer>, object, RegExp][] = [
      [{ endsAfter: 4000, head: { "Content-Length": "9000" } }, {}, /ended after 4000 of 9000 bytes/],
      [{ endsAfter: 8999.5, head: { Connection: "close" } }, {}, /is coded|ended after 8999 of 9000 bytes/],
      [{ head: { "Content-Encoding": "gzip" } }, {}, /is coded/],
      [{ head: { "X-Long": "x".repeat(1200) } }, {}, /has a head that is too long/],
    ];
    for (const [more, announcement, problem] of cases) {
      board = new Board();
      board.start();
      Object.assign(server, { endsAfter: Infinity, standsStill: false, head: {}, ...more });
      announce("1.1", announcement);
      assert.match(await board.untilNews(), problem);
      assert.equal(board.next, 0);
      board.updates?.close();
    }
    board = new Board();
    board.start();
    Object.assign(server, { endsAfter: 4000, standsStill: true, head: { "Content-Length": "9000" } });
    announce("1.1");
    board.timer.pass(30000);
    while (board.places[1].length < 4000) await new Promise((resolve) => setTimeout(resolve, 1));
    board.timer.pass(30000);
    assert.equal(board.news.at(-1), "version 1.1 stands still");
    assert.equal(board.next, 0);
  });

  it("a loss of power at any byte leaves the running image, and the next start loads the new one", async () => {
    for (const bytes of [0, 1, 4999, 8999]) {
      board = new Board();
      board.start();
      board.bytesLeft = bytes;
      announce("1.1");
      await board.untilNews();
      assert.equal(board.places[1].length, bytes);
      board.bytesLeft = Infinity;
      board.start();
      assert.equal(board.version, "1.0");
      announce("1.1");
      assert.equal(await board.untilNews(), "version 1.1 starts");
      assert.equal(board.version, "1.1");
      board.updates?.close();
    }
  });

  it("a loss of power in any write of the preferences leaves a board that runs and can be updated", async () => {
    const versions = new Set<string>();
    for (let writes = 0; writes < 6; writes++) {
      board = new Board();
      board.start();
      board.preferences.writesLeft = writes;
      announce("1.1");
      await board.untilNews();
      board.preferences.writesLeft = Infinity;
      // A cut before anything was written, or after all of it, is one of the next start.
      board.hasRollback = false;
      board.start();
      versions.add(board.version);
      assert.ok(["1.0", "1.1"].includes(board.version));
      if (board.version === "1.0") {
        announce("1.1");
        assert.equal(await board.untilNews(), "version 1.1 starts", `after ${writes} writes`);
      }
      board.updates?.joined();
      assert.equal(board.version, "1.1");
      board.updates?.close();
    }
    assert.deepEqual([...versions], ["1.0", "1.1"]);
  });

  it("an image that never joins is given back after 10 minutes, and refused from then on", async () => {
    announce("1.1");
    await board.untilNews();
    board.timer.pass(599999);
    assert.equal(board.version, "1.1");
    board.timer.pass(1);
    assert.equal(board.version, "1.0");
    assert.equal(board.news.at(-1), "version 1.1 did not stay, it is refused from now on");
    announce("1.1");
    assert.equal(board.news.at(-1), "version 1.1 was refused before");
    assert.deepEqual([server.requests, board.timer.count], [1, 0]);
    announce("1.2");
    assert.equal(await board.untilNews(), "version 1.2 starts");
  });

  it("an image that restarts again and again before it joins is given back at its 4th start", async () => {
    board.hasRollback = false;
    announce("1.1");
    await board.untilNews();
    for (let i = 0; i < 2; i++) board.start();
    assert.equal(board.version, "1.1");
    board.start();
    assert.equal(board.version, "1.0");
    announce("1.1");
    assert.equal(board.news.at(-1), "version 1.1 was refused before");
  });

  it("an image that ends before its program begins is given back by the boot loader, and loaded twice", async () => {
    for (let i = 0; i < 2; i++) {
      announce("1.1");
      // The boot loader starts it; it crashes before `begin`.
      board.updates!.announced = () => undefined;
      const start = board.start.bind(board);
      board.start = () => {
        board.start = start;
        board.updates?.close();
        board.running = 0;
        board.next = 0;
        board.isConfirmed = true;
        start();
      };
      await board.untilNews();
      assert.equal(board.version, "1.0");
    }
    announce("1.1");
    assert.equal(board.news.at(-1), "version 1.1 was refused before");
    assert.equal(server.requests, 2);
  });

  it("flash that fails, and an image that is none, are failures of the attempt", async () => {
    board.failsBy = "error";
    board.bytesLeft = 100;
    announce("1.1");
    assert.equal(await board.untilNews(), "version 1.1 flash: write failed");
    board.bytesLeft = Infinity;
    board.updates?.close();
    announce("1.1", {}, new Uint8Array(9000));
    assert.equal(await board.untilNews(), "version 1.1 cannot be started: end failed");
    assert.equal(board.next, 0);
    board.start();
    announce("1.1");
    assert.equal(await board.untilNews(), "version 1.1 starts");
  });

  it("a newer announcement ends the download of the one before", async () => {
    Object.assign(server, { endsAfter: 4000, standsStill: true, head: { "Content-Length": "9000" } });
    announce("1.1");
    board.timer.pass(30000);
    while (board.places[1].length < 4000) await new Promise((resolve) => setTimeout(resolve, 1));
    Object.assign(server, { endsAfter: Infinity, standsStill: false, head: {} });
    announce("1.2");
    assert.equal(await board.untilNews(), "version 1.2 starts");
    assert.equal(board.version, "1.2");
  });

  it("what is no announcement says what is wrong with it", () => {
    const good = { version: "1.1", url: "http://10.0.0.1/a", size: 1, sha256: "0".repeat(64) };
    for (const [value, problem] of [
      [undefined, "is not a map"], ["1.1", "is not a map"],
      [{ ...good, version: "v1.1" }, "version is not up to 4 numbers with dots, at most 16 characters"],
      [{ ...good, url: "https://10.0.0.1/a" }, "url is not http:// with an IPv4 address, at most 128 characters"],
      [{ ...good, size: 10001 }, "size is not from 1 to 10000 bytes"],
      [{ ...good, size: 1.5 }, "size is not from 1 to 10000 bytes"],
      [{ ...good, sha256: "A".repeat(64) }, "sha256 is not 64 hexadecimal digits"],
    ] as const) {
      board.updates?.announced(value);
      assert.equal(board.news.at(-1), `announcement: ${problem}`);
    }
    assert.equal(board.timer.count, 0);
  });

  it("versions are compared as numbers, and URLs have an IPv4 address", () => {
    for (const [one, other] of [["1.10", "1.9"], ["2", "1.9.9.9"], ["1.0.1", "1"], ["1.0.0.1", "1.0"]]) {
      assert.ok(compareVersions(one, other) > 0 && compareVersions(other, one) < 0);
    }
    assert.equal(compareVersions("1.0", "1"), 0);
    assert.deepEqual(parseUrl("http://10.0.0.1:8080/a?b"), { address: "10.0.0.1", port: 8080, path: "/a?b" });
    assert.deepEqual(parseUrl("http://10.0.0.1"), { address: "10.0.0.1", port: 80, path: "/" });
    for (const url of [
      "http://10.0.0.256/", "http://a/", "http://10.0.0.1:0/", "http://10.0.0.1:65536/", "http://10.0.0.1/a b",
      `http://10.0.0.1/${"a".repeat(128)}`, "http://10.0.0.1/\r\nX: y", "ftp://10.0.0.1/",
    ]) assert.equal(parseUrl(url), undefined);
  });
});
