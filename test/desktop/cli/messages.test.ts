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

  it("typing mistakes cause a warning with the line, and the node goes on", async () => {
    const port = freshPort();
    const start = (host: number, seed: number, name: string, ...more: string[]): NodeProcess => new NodeProcess(
      "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.${seed}`, "--interval", "200", "--broadcast", "none",
      "--name", name, ...more,
    );
    const house = start(2, 3, "house", "--json");
    const garden = start(3, 2, "garden");
    await house.untilRow("knows garden", "127.0.0.3", (row) => row.name === "garden");
    const mistakes = [
      ["ping house", 'ping: to: "house" is this node itself'],
      ["send house light on", 'send: to: "house" is this node itself'],
      [`send garden ${"t".repeat(40)} v`, "send: topic: "],
      [`send garden big ${"v".repeat(300)}`, "send: value: takes more than 200 bytes of CBOR"],
      ["send garden deep [[[[[[1]]]]]]", "send: value: "],
      ["send 4294967296 a b", "send: id: 4294967296 is not"],
      ["ping 99999999999999", "ping: id: 99999999999999 is not"],
      [`ping ${"n".repeat(30)}`, "ping: name: "],
      ["route 4294967296", "route: id: 4294967296 is not"],
      [`route ${"n".repeat(30)}`, "route: name: "],
      [`query ${"t".repeat(40)} v`, "query: topic: "],
      [`query big ${"v".repeat(300)}`, "query: value: "],
      [`broadcast ${"t".repeat(40)} v`, "broadcast: topic: "],
      [`broadcast big ${"v".repeat(300)}`, "broadcast: value: "],
      ["reply 5", "reply: no query arrived"],
    ];
    house.write(mistakes.map(([line]) => `${line}\n`).join(""));
    await house.until("all warnings came", () => house.stderr.split("\n").length === mistakes.length + 1);
    for (const [i, [, text]] of mistakes.entries()) {
      assert.ok(house.stderr.includes(`warning: line ${i + 1} of standard input: ${text}`), house.stderr);
    }
    await garden.kill();
    await house.untilRow("shows garden as down", "127.0.0.3", (row) => row.state === "down");
    house.write("send garden a b\nroute garden\nroute house\nping garden\nquit\n");
    assert.deepEqual(await house.exited, { status: 0, signal: null });
    const last = (event: string): object | undefined => {
      const found = house.events.findLast((one) => one.event === event) as Record<string, unknown> | undefined;
      return Object.fromEntries(Object.entries(found ?? {}).filter(([name]) => name !== "timeMs"));
    };
    const places = house.events.filter(({ event }) => event === "route") as unknown as Record<string, unknown>[];
    assert.deepEqual(places.map(({ to, route, state }) => [to, route, state]),
      [["garden", null, "down"], ["house", null, "up"]]);
    assert.equal((last("outcome") as Record<string, unknown>).outcome, "unknown");
    assert.equal((last("ping") as Record<string, unknown>).outcome, "unknown");
    assert.equal("ms" in last("ping")!, false);
  });
});
