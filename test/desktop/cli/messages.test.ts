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
    const errors = events(b, "commandError");
    assert.deepEqual(errors.map(({ line, number }) => [line, number]), [["reply again", 2]]);
    assert.match(errors[0].message as string, /^reply: query 1 is answered/);
    assert.deepEqual(events(b, "reply").map(({ query }) => query), [1]);
    assert.equal(events(b, "message")[2].query, 1);
    assert.deepEqual(events(a, "outcome").map(({ number }) => number).sort(), [1, 2]);
    assert.deepEqual(events(a, "broadcast").map(({ topic, nodes }) => [topic, nodes]), [["news", 1]]);
    assert.deepEqual(events(a, "asked").map(({ command, topic }) => [command, topic]), [["query", "who"]]);
    assert.ok(b.stderr.startsWith("warning: line 2 of standard input: reply: query 1 is answered"), b.stderr);

    a.write("ping b\nroute b\nroute nobody\nreachability\n");
    await a.until("the ends", () => events(a, "ping").length + events(a, "reachEnd").length === 2);
    assert.deepEqual([events(a, "ping")[0].outcome, events(a, "ping")[0].there], ["delivered", []]);
    assert.deepEqual(events(a, "route").map(({ route }) => route), [[id], null]);
    const ownId = events(a, "start")[0].id;
    assert.deepEqual(events(a, "reach").map(({ from, fromName, neighbours, neighbourNames, hops }) =>
      [from, fromName, neighbours, neighbourNames, hops]),
    [[ownId, "a", [id], ["b"], 0], [id, "b", [ownId], ["a"], 1]]);
    assert.deepEqual([events(a, "ping")[0].toName, events(a, "ping")[0].thereNames], ["b", []]);
    assert.deepEqual(events(a, "route").map(({ toName, routeNames }) => [toName, routeNames]),
      [["b", ["b"]], [undefined, undefined]]);
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

  it("people read names, numbers of queries, reasons and tables; any letter case and quotes are accepted", async () => {
    const port = freshPort();
    const start = (host: number, seed: number, name: string): NodeProcess => new NodeProcess(
      "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.${seed}`, "--interval", "200", "--broadcast", "none",
      "--name", name,
    );
    const house = start(2, 3, "house");
    const door = start(3, 2, "front door");
    const says = (node: NodeProcess, text: string | RegExp): Promise<void> => node.until(`it says ${text}`, () =>
      node.lines.some((line) => typeof text === "string" ? line.includes(text) : text.test(line)));
    await says(house, /"front door" +up/);
    await says(door, /house +up/);
    house.write('SEND "front door" light on\nsend nobody light on\n');
    await says(house, 'send 1 to "front door": delivered');
    await says(house, "send 2 to nobody: unknown: no live node has this name, id or address");
    await says(door, /message light "on" {2}from house, directly$/);
    house.write('query first 1\nquery "second one" 2\n');
    await says(house, /query first: asked, answers until \d+\.\d s$/);
    await says(door, 'query 2: "second one" 2  from house, directly');
    door.write("reply 1 [1]\nreply 7 8\nreply late\n");
    await says(house, 'answer first [1]  from "front door", directly');
    await says(house, 'answer "second one" "late"  from "front door", directly');
    await door.until("a warning", () => door.stderr !== "");
    assert.equal(door.stderr, "warning: line 2 of standard input: reply: there is no query 7; "
      + "a text that begins with a number needs quotes\n");
    house.write('ping front door\nroute "front door"\nroute house\nreachability\nbroadcast news 1\n');
    await says(house, /ping "front door": \d+ ms directly$/);
    await says(house, 'route "front door": "front door"');
    await says(house, "route house: this node itself");
    await says(house, 'house reaches "front door"');
    await says(house, "broadcast news: on its way to 1 live node");
    door.write("set +taken voucher 3\n");
    await says(house, /set \+taken|set "\+taken"/);
    house.write("set +taken voucher 4\nset lamp hall 5\nshare [1,2]\nview\nrows\n");
    await says(house, /^lamp hall 5$/);
    await says(house, /^\+taken voucher 3 {2}by "front door"/);
    await says(house, /^\+taken voucher 4 {2}by house/);
    await says(house, /^ {2}id +name +address +state +value$/);
    await says(house, /^ {2}\d+ +house +127\.0\.0\.2:\d+ +up +\[1,2\] {2}\(this node\)$/);
    const before = house.lines.length;
    house.write("withdraw +taken voucher\nwithdraw\nview\nrows\n");
    const own = /^ {2}\d+ +house .* up +- {2}\(this node\)$/;
    await house.until("the table", () => house.lines.slice(before).some((line) => own.test(line)));
    const after = house.lines.slice(before);
    assert.deepEqual(after.filter((line) => line.startsWith("+taken")).map((line) => line.substring(0, 16)),
      ["+taken voucher 3"]);
    await door.kill();
    await says(house, /"front door" +down/);
    house.write("status\nsend front\nview all\nset a b\nremove a b c\nhouse of cards\nhelp\n");
    await says(house, "nodes that are not up");
    await says(house, /^ {2}\d+ +"front door" +127\.0\.0\.3:\d+ +down +-$/);
    await house.until("the help", () => house.stderr.includes('"front door".'));
    const [warnings, help] = house.stderr.split(/\n(?=This node's value:)/);
    assert.deepEqual(warnings.split("\n").map((line) => line.replace(/^warning: line \d+ of standard input: /, "")), [
      "send: TOPIC is missing: send NODE TOPIC VALUE",
      'view: "all" is too much: view takes no arguments',
      "set: VALUE is missing: set TOPIC KEY VALUE",
      'remove: "c" is too much: remove TOPIC KEY',
      '"house of cards" is neither a command nor a number; "help" lists the commands',
    ]);
    assert.match(help, /^ {2}NUMBER +share a number/m);
    assert.ok(house.lines.every((line) => line.length <= 80 || / {2}heartbeat |seeds:/.test(line)),
      house.lines.filter((line) => line.length > 80).join("\n"));
  });

  it("a node whose dialect has no messages says so", async () => {
    const node = new NodeProcess("--listen", `127.0.0.2:${freshPort()}`, "--dialect", "auto", "--json");
    node.write("query temperature 1\nping house\n");
    await node.until("both warnings", () => node.stderr.split("\n").length === 3);
    assert.match(node.stderr, /1 of standard input: query: dialect auto has no messages\n.*ping: dialect auto has no/);
  });
});
