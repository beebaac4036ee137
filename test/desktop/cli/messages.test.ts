import assert from "node:assert/strict";
import { NodeProcess, cleanUp, freshPort } from "./node-process.js";

describe("chisme node with messages", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  it("two processes: commands send, broadcast, ask, answer and measure; what arrives is printed", async () => {
    const port = freshPort();
    const start = (host: number, seed: number, name: string): NodeProcess => new NodeProcess(
      "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.${seed}`, "--interval", "200", "--broadcast", "none",
      "--name", name, "--json",
    );
    const a = start(2, 3, "a");
    const b = start(3, 2, "b");
    await a.untilRow("knows b", "127.0.0.3", (row) => row.name === "b");
    await b.untilRow("knows a", "127.0.0.2", (row) => row.name === "a");
    const events = (node: NodeProcess, name: string): Record<string, unknown>[] =>
      (node.events as unknown as Record<string, unknown>[]).filter(({ event }) => event === name);
    const without = ({ timeMs: _time, ...more }: Record<string, unknown>): Record<string, unknown> => more;

    a.write('send b door {"open":true}\nsend nobody door 1\n');
    await a.until("both outcomes", () => events(a, "outcome").length === 2);
    assert.deepEqual(events(a, "outcome").map(({ to, outcome }) => [to, outcome]).sort(),
      [["b", "delivered"], ["nobody", "unknown"]]);
    const [arrived] = events(b, "message");
    assert.deepEqual([arrived.fromName, arrived.topic, arrived.value, arrived.hops, arrived.isQuery],
      ["a", "door", { open: true }, 1, false]);

    a.write("broadcast news 7\nquery who 1\n");
    await b.until("the query", () => events(b, "message").length === 3);
    b.write("reply it is b\nreply again\n");
    await a.until("the answer", () => events(a, "answer").length === 1);
    assert.deepEqual([events(a, "answer")[0].value, events(a, "answer")[0].fromName], ["it is b", "b"]);
    await a.until("the end", () => events(a, "queryEnd").length === 1);
    assert.deepEqual(without(events(a, "queryEnd")[0]), { event: "queryEnd", topic: "who", answers: 1, wasSent: true });

    const id = events(b, "start")[0].id;
    a.write("ping b\nroute b\nroute nobody\nreachability\n");
    await a.until("the ends", () => events(a, "ping").length + events(a, "reachEnd").length === 2);
    assert.deepEqual([events(a, "ping")[0].outcome, events(a, "ping")[0].there], ["delivered", []]);
    assert.deepEqual(events(a, "route").map(({ route }) => route), [[id], null]);
    assert.deepEqual(events(a, "reach").map(({ from, neighbours }) => [from, neighbours]),
      [[id, [events(a, "start")[0].id]]]);
    a.write("quit\n");
    b.write("quit\n");
    await Promise.all([a.exited, b.exited]);
  });
});
