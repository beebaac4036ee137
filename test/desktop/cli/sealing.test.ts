import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

const KEY = "0123456789abcdef".repeat(4);
const NEXT_KEY = "fedcba9876543210".repeat(4);

function keyFile(content: string): string {
  const file = join(freshFolder(), "key.txt");
  writeFileSync(file, content);
  return file;
}

describe("chisme node with a key", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  function start(port: number, host: number, value: string, ...more: string[]): NodeProcess {
    return new NodeProcess(
      "--json", "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.2:${port}`, "--seed", `127.0.0.3:${port}`,
      "--interval", "200", "--value", value, ...more,
    );
  }

  it("nodes with the key agree, and one with another key and one without stay out", async () => {
    const port = freshPort();
    const file = keyFile(`${KEY}\n`);
    const inside = [start(port, 2, "21.5", "--key-file", file), start(port, 3, "18.2", "--key-file", file)];
    const outside = [start(port, 4, "99", "--key-file", keyFile(NEXT_KEY)), start(port, 5, "-99")];
    for (const node of inside) await node.untilMinMax(18.2, 21.5, 2);
    for (const node of inside) {
      await node.until("it was told of strangers", () => {
        return node.events.filter((event) => event.event === "error" && event.code === "seal").length === 2;
      });
    }
    // They had their chance: they were heard, and went on for some rounds.
    for (const node of outside) node.signal("SIGINT");
    const told = (node: NodeProcess) => {
      return new Set(node.events.flatMap((event) => event.event === "row" ? [event.address] : []));
    };
    for (const node of inside) assert.deepEqual([...told(node)].sort(), ["127.0.0.2", "127.0.0.3"]);
    for (const node of outside) assert.equal(told(node).size, 1);
    const first = inside[0].events[0];
    assert.ok(first.event === "start" && first.sealing === "all");
  });

  it("the node takes the key from CHISME_KEY, too, and two while keys are changed", async () => {
    const port = freshPort();
    const changing = ["--key-file", keyFile(NEXT_KEY), "--other-key-file", keyFile(KEY)];
    process.env.CHISME_KEY = KEY;
    // Of the first two each opens what the other seals.
    const nodes = [
      start(port, 2, "1", "--other-key-file", keyFile(NEXT_KEY)), start(port, 3, "2", ...changing),
    ];
    delete process.env.CHISME_KEY;
    for (const node of nodes) await node.untilMinMax(1, 2, 2);
  });

  it("the node prints at its start what is sealed", async () => {
    const port = freshPort();
    const file = keyFile(KEY);
    const text = (...more: string[]) => new NodeProcess("--listen", `127.0.0.2:${port}`, ...more).untilStarted();
    const auto = ["--dialect", "auto", "--key-file", file, "--allow-unsealed"];
    for (const [more, expected] of [
      [[], /^no key: anyone who can reach/], [["--key-file", file], /^sealed with the network's key$/],
      [auto, /^sealed with the network's key, except JSON: anyone who can reach .* can read/],
    ] as const) {
      const node = await text(...more);
      await node.until(`it says ${expected}`, () => node.lines.some((line) => expected.test(line)));
      await node.kill();
    }
  });

  const refusals: [name: string, parts: () => string[], expected: RegExp][] = [
    ["a file that is not there", () => ["--key-file", "/no/such/file"], /--key-file: .*\/no\/such\/file/],
    ["what is no key", () => ["--key-file", keyFile(KEY.slice(1))], /--key-file: .* is not a key: 64 hex digits/],
    ["another key alone", () => ["--other-key-file", keyFile(KEY)], /--other-key-file: there is no key beside it/],
    [
      "a key with JSON", () => ["--dialect", "auto", "--key-file", keyFile(KEY)],
      /--key-file: JSON is never sealed.*--allow-unsealed is needed/,
    ],
  ];
  for (const [name, parts, expected] of refusals) {
    it(`the node refuses ${name}`, async () => {
      const node = new NodeProcess(...parts());
      assert.notEqual((await node.exited).status, 0);
      assert.match(node.stderr, expected);
      assert.ok(!node.stderr.includes(KEY.slice(1, 20)), "what was read is not shown");
    });
  }
});
