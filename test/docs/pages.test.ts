import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { codeBlock, codeBlocks, readPage, root, runExample, runnable } from "./examples.js";
import { Terminals } from "./console.js";

describe("pages", function () {
  this.timeout(300000);
  let terminals: Terminals;

  beforeEach(() => { terminals = new Terminals(); });
  afterEach(() => terminals.stop());

  const withCommands = ["docs/CONTROL.md", "docs/HTTP.md", "docs/HOW-IT-WORKS.md", "docs/TROUBLESHOOTING.md"];
  for (const page of [...withCommands, "desktop/simulator/README.md"]) {
    for (const { heading, code } of codeBlocks(page, "console")) {
      it(`${page}, "${heading}": the commands print what the page shows`, () => terminals.check(code));
    }
  }

  it("docs/TROUBLESHOOTING.md has a program that shows where a node has the time from", async () => {
    const code = codeBlock("docs/TROUBLESHOOTING.md", "js", "Events have odd times, or values end too early");
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    assert.equal(lines.length, 2);
    assert.match(lines[0], /^door 20\d\d-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal(lines[1], "clock: own");
  });

  it("desktop/simulator/README.md has a program whose nodes agree after all faults", async () => {
    const code = codeBlock("desktop/simulator/README.md", "js", "For your own application");
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    assert.ok(lines.length > 1);
    assert.equal(lines.at(-1), "[]");
  });

  it("desktop/simulator/README.md has a program of a topology that prints what its comments say", async () => {
    const heading = "Networks in which not every node reaches every other";
    const code = codeBlock("desktop/simulator/README.md", "js", heading);
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    assert.deepEqual(lines, [...code.matchAll(/^console\.log\(.*\); +\/\/ (.*)$/gm)].map(([, shown]) => shown));
    assert.equal(lines.length, 3);
  });

  it("docs/MEDIA.md has a program whose nodes agree by radio and over a gateway", async () => {
    const code = codeBlock("docs/MEDIA.md", "js", "ESP-NOW");
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    assert.deepEqual(lines, ["[]", "true"]);
  });

  it("docs/MESSAGES.md has a program that prints what its comments say", async () => {
    const code = codeBlock("docs/MESSAGES.md", "js", "An example");
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    assert.deepEqual(lines.slice(0, 3), ["attic got light: on", "delivered", "unknown"]);
    assert.deepEqual(lines.slice(3, 5).sort(), ["attic got dinner: ready", "garden got dinner: ready"]);
    assert.deepEqual(lines.slice(5), ["[ 'attic 31', 'garden 21' ]", "delivered []"]);
  });

  it("docs/CHANNELS.md has a program in which a voucher is good for one device", async () => {
    const code = codeBlock("docs/CHANNELS.md", "js", "A list of vouchers");
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    assert.deepEqual(lines, ["a phone: true", "a laptop: false", "a wrong code: false"]);
  });

  it("docs/CHANNELS.md has a program in which two routers write the same host names", async () => {
    const code = codeBlock("docs/CHANNELS.md", "js", "A table of host names");
    const lines = await runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
    const routers = "127.0.0.1 north, 127.0.0.1 south";
    assert.deepEqual(lines, [`10.1.1.30 laptop, ${routers}`, `10.1.2.31 laptop, ${routers}`]);
    const files = ["north", "south"].map((name) => readFileSync(path.join(terminals.folder, `hosts-${name}`), "utf8"));
    assert.deepEqual(files.map((text) => text.split("\n")[0]), ["10.1.2.31 laptop", "10.1.2.31 laptop"]);
  });
});

describe("links", () => {
  const names = ["HOW-IT-WORKS", "TROUBLESHOOTING", "CHANNELS", "CONTROL", "GATEWAY", "HTTP", "STATUS", "MESSAGES"];
  const pages = names.map((name) => `docs/${name}.md`);
  for (const page of ["README.md", "desktop/simulator/README.md", ...pages]) {
    it(`the links of ${page} lead to files and headings of the repository`, () => {
      for (const [, target] of readPage(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [file, anchor] = target.split("#");
        const found = file === "" ? page : path.posix.join(path.posix.dirname(page), file);
        assert.ok(existsSync(path.join(root, found)), `${target} is no file`);
        if (anchor !== undefined) assert.ok(anchorsOf(found).includes(anchor), `${target} is no heading`);
      }
    });
  }
});

/** The anchors that GitHub gives to a page's headings. */
function anchorsOf(page: string): string[] {
  return [...readPage(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
  });
}
