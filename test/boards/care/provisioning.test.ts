import assert from "node:assert/strict";
import { type ConsoleTarget, ProvisioningConsole } from "../../../boards/care/console.js";
import { type Credentials, NetworkChoice, SavedNetworks } from "../../../boards/care/credentials.js";
import { hostLabel } from "../../../boards/care/host-label.js";
import { MemoryPreferences } from "./preferences.js";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const network = (ssid: string, password = "password"): Credentials => {
  return { ssid: bytes(ssid), password: bytes(password) };
};
const names = (networks: Credentials[]): string[] => {
  return networks.map(({ ssid, password }) => `${Buffer.from(ssid).toString()}/${Buffer.from(password).toString()}`);
};

describe("boards/care: saved networks", () => {
  it("the newest is first, then the one before, then the built-in one, each once", () => {
    const saved = new SavedNetworks(new MemoryPreferences(), "wifi");
    assert.deepEqual(names(saved.list()), []);
    assert.deepEqual(names(saved.list(network("built"))), ["built/password"]);
    saved.save(network("one"));
    saved.save(network("two", ""));
    saved.save(network("three", "x".repeat(63)));
    const expected = [`three/${"x".repeat(63)}`, "two/", "built/password"];
    assert.deepEqual(names(saved.list(network("built"))), expected);
    saved.save(network("built"));
    assert.deepEqual(names(saved.list(network("built"))), ["built/password", `three/${"x".repeat(63)}`]);
    saved.forget();
    assert.deepEqual(names(saved.list()), []);
  });

  it("a loss of power while a network is saved leaves no name beside another network's password", () => {
    for (let writes = 0; ; writes++) {
      const preferences = new MemoryPreferences();
      const saved = new SavedNetworks(preferences, "wifi");
      saved.save(network("one", "password-1"));
      saved.save(network("two", "password-2"));
      preferences.writesLeft = writes;
      let isCut = true;
      try {
        saved.save(network("three", "password-3"));
        isCut = false;
      } catch {
        preferences.writesLeft = Infinity;
      }
      const known = ["one/password-1", "two/password-2", "three/password-3"];
      const list = names(saved.list());
      for (const one of list) assert.ok(known.includes(one), `${one} after ${writes} writes`);
      // The board can go on with at least one network that it had.
      assert.ok(list.length > 0, `none after ${writes} writes`);
      if (!isCut) return assert.deepEqual(list, ["three/password-3", "two/password-2"]);
    }
  });

  it("saving what is saved writes nothing", () => {
    const preferences = new MemoryPreferences();
    const saved = new SavedNetworks(preferences, "wifi");
    saved.save(network("one"));
    const { writes } = preferences;
    saved.save(network("one"));
    assert.equal(preferences.writes, writes);
  });

  it("networks have their attempts in turn, and the one that was joined goes on", () => {
    const choice = new NetworkChoice(2);
    assert.equal(choice.next(), undefined);
    choice.reset([network("new"), network("old")]);
    const next = (): string => names([choice.next()!])[0].split("/")[0];
    assert.deepEqual([next(), next(), next(), next(), next()], ["new", "new", "old", "old", "new"]);
    choice.reset([network("new"), network("old")]);
    for (let i = 0; i < 3; i++) next();
    choice.joined();
    assert.deepEqual([next(), next(), next()], ["old", "old", "new"]);
  });
});

describe("boards/care: console", () => {
  let answers: string;
  let done: string[];
  let failure: Error | undefined;
  let lines: ProvisioningConsole;

  beforeEach(() => {
    answers = "";
    done = [];
    failure = undefined;
    const target: ConsoleTarget = {
      status: () => "online",
      saveNetwork: (saved) => {
        if (failure !== undefined) throw failure;
        done.push(names([saved])[0]);
      },
      forgetNetworks: () => done.push("forget"),
      restart: () => done.push("restart"),
    };
    lines = new ProvisioningConsole(target, (line) => (answers += line));
  });

  /** Sends a text in pieces of so many bytes. Returns the answers. */
  function send(text: string, pieceBytes = 1000): string[] {
    answers = "";
    const all = bytes(text);
    for (let i = 0; i < all.length; i += pieceBytes) {
      const piece = all.subarray(i, i + pieceBytes);
      lines.receive(piece, piece.length);
    }
    return answers.split("\r\n").slice(0, -1);
  }

  it("a network is saved, with spaces, UTF-8, in any pieces and with any ends of lines", () => {
    for (const [end, piece] of [["\n", 1], ["\r\n", 7], ["\r", 1000]] as const) {
      const text = ["ssid Büro im Hof", "password  two words ", "save", ""].join(end);
      assert.deepEqual(send(text, piece), ["chisme: ok", "chisme: ok", "chisme: ok"]);
      assert.deepEqual(done.splice(0), ["Büro im Hof/ two words "]);
    }
  });

  it("an open network has no password, also after another one", () => {
    send("ssid a\npassword 12345678\nsave\nssid b\nsave\nssid c\npassword\nsave\n");
    assert.deepEqual(done, ["a/12345678", "b/", "c/"]);
  });

  it("wrong lines say what is wrong, change nothing, and never show a password", () => {
    for (const [line, answer] of [
      ["save", "error ssid: is missing"],
      ["ssid", "error ssid: is not of 1 to 32 bytes"],
      [`ssid ${"x".repeat(33)}`, "error ssid: is not of 1 to 32 bytes"],
      ["password secret77", undefined],
      ["password secret", "error password: is not of 8 to 63 bytes, or empty"],
      [`password ${"secret77".repeat(8)}`, "error password: is not of 8 to 63 bytes, or empty"],
      [`password ${"secret77".repeat(100)}`, "error line: has more than 80 bytes"],
      ["secret77", "error command: is unknown: help lists them"],
      ["save secret77", "error command: has too much behind its name: help lists them"],
    ] as const) {
      const found = send(`${line}\n`);
      assert.deepEqual(found, [answer === undefined ? "chisme: ok" : `chisme: ${answer}`], line);
      assert.ok(!found.join().includes("secret"));
    }
    assert.deepEqual(done, []);
  });

  it("a line that is too long is refused once, and the next one runs", () => {
    assert.deepEqual(send(`${"x".repeat(5000)}\nstatus\n`, 64),
      ["chisme: error line: has more than 80 bytes", "chisme: ok online"]);
    assert.deepEqual(send(`${"x".repeat(80)}\n`), ["chisme: error command: is unknown: help lists them"]);
  });

  it("help lists the commands, the others run, and what fails says so", () => {
    const help = send("help\n");
    assert.ok(help.length > 5 && help.at(-1) === "chisme: ok" && help.every((line) => line.startsWith("chisme: ")));
    assert.deepEqual(send("\n\nforget\nrestart\n"), ["chisme: ok", "chisme: ok"]);
    assert.deepEqual(done, ["forget", "restart"]);
    failure = new Error("flash is full");
    assert.deepEqual(send("ssid a\nsave\n"), ["chisme: ok", "chisme: error save: failed: flash is full"]);
  });
});

describe("boards/care: host names", () => {
  it("a node's name becomes a host name, and one without a name has its id", () => {
    for (const [name, label] of [
      ["Kitchen", "kitchen"], ["front door 2", "front-door-2"], ["Küche", "k-che"], ["--", "chisme-7f"],
      [undefined, "chisme-7f"], ["x".repeat(24), "x".repeat(24)], ["水", "chisme-7f"],
    ] as const) assert.equal(hostLabel(name, 0x7f), label);
  });
});
