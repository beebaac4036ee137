import assert from "node:assert/strict";
import { NodeProcess, cleanUp, freshPort } from "./node-process.js";

describe("chisme node --dialect", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  it("a node with auto joins two ESPGossip nodes and two compact ones", async () => {
    const port = freshPort();
    const run = (host: number, dialect: string, value: string) => new NodeProcess(
      "--json", "--dialect", dialect, "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.6:${port}`,
      "--interval", "250", "--value", value,
    );
    const nodes = [
      run(2, "espgossip", "21.5"), run(3, "espgossip", "18.2"), run(4, "compact", "24.9"), run(5, "compact", "17.3"),
      run(6, "auto", "20"),
    ];
    for (const node of nodes) await node.untilMinMax(17.3, 24.9, 5);
    // News of either world reaches the other.
    nodes[0].write("30\n");
    nodes[2].write("10\n");
    for (const node of nodes) await node.untilMinMax(10, 30, 5);
    // Through the restart of the one between them, too.
    await nodes[4].kill();
    nodes[4] = run(6, "auto", "40");
    for (const node of nodes) await node.untilMinMax(10, 40, 5);
  });

  it("the option refuses another name", async () => {
    const node = new NodeProcess("--dialect", "morse");
    const { status } = await node.exited;
    assert.notEqual(status, 0);
    assert.match(node.stderr, /compact, espgossip, auto/);
  });
});
