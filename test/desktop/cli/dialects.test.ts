import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
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

  for (const dialect of ["espgossip", "auto"]) {
    it(`a node with ${dialect} sends boards its number in a table`, async () => {
      const port = freshPort();
      const socket = createSocket("udp4");
      await new Promise<void>((resolve) => { socket.bind(port, "127.0.0.3", resolve); });
      try {
        const board = '"127.0.0.3":{"revision":1,"heartbeat":9,"state":0}';
        const data = new Promise<unknown>((resolve) => {
          socket.on("message", (bytes) => {
            if (bytes[0] !== 0x7b) return;
            const { "127.0.0.2": row } = JSON.parse(bytes.toString()) as Record<string, { data?: unknown } | undefined>;
            if (row?.data !== undefined) resolve(row.data);
            socket.send(`{"type":"ACK",${board}}`, port, "127.0.0.2");
          });
        });
        const node = new NodeProcess(
          "--json", "--dialect", dialect, "--listen", `127.0.0.2:${port}`, "--seed", `127.0.0.3:${port}`,
          "--interval", "100", "--value", "21.5",
        );
        assert.deepEqual(await data, { value: 21.5 });
        await node.untilMinMax(21.5, 21.5, 1);
      } finally {
        socket.close();
      }
    });
  }

  it("the option refuses another name", async () => {
    const node = new NodeProcess("--dialect", "morse");
    const { status } = await node.exited;
    assert.notEqual(status, 0);
    assert.match(node.stderr, /compact, espgossip, auto/);
  });
});
