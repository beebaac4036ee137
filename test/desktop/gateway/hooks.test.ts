import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { eventFeeds } from "../../../src/events/index.js";
import { Gossip } from "../../../desktop/platform/node.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { GatewayProcess, eventually, killGateways } from "./gateway-process.js";

describe("hooks and publishers of chisme gateway", function () {
  this.timeout(180000);

  let folder: string;
  let port: number;
  let closing: Gossip[] = [];

  beforeEach(() => {
    folder = freshFolder();
    port = freshPort();
  });

  afterEach(async () => {
    await Promise.all(closing.map((gossip) => gossip.close()));
    closing = [];
    await killGateways();
    await cleanUp();
  });

  const config = (more: string): string => {
    const path = join(folder, "gateway.yaml");
    const node = `node: {listen: "127.0.0.1:${port}", broadcast: none, interval: 200}`;
    writeFileSync(path, `storage: gateway\n${node}\n${more}`);
    return path;
  };
  const node = (id: number): Gossip => {
    const gossip = new Gossip({
      listen: "127.0.0.1", port: freshPort(), seedList: [`127.0.0.1:${port}`], id, roundIntervalMs: 200,
      broadcastAddress: "none", events: eventFeeds({ bytes: 65536 }),
    });
    closing.push(gossip);
    gossip.start();
    return gossip;
  };
  const script = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const lines = (name: string): string[] => {
    const text = existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
    return text.split("\n").filter((line) => line !== "");
  };

  it("a hook runs for each state, never twice at a time, with the latest after bursts and failures", async () => {
    const broken = join(folder, "broken");
    const hook = script("hook", `
      [ -e "${broken}" ] && { echo "no room" >&2; exit 3; }
      mkdir "${folder}/busy" || echo twice >> "${folder}/twice"
      cat > "${folder}/input"; sleep 0.3; echo "$CHISME_TOPIC $1 $(cat "${folder}/input")" >> "${folder}/runs"
      rmdir "${folder}/busy"`);
    const gateway = await new GatewayProcess([config(`hooks: {door: {command: [${hook}, "a b"]}}\n`)]).untilStarted();
    await eventually("it ran for the state at the start", () => lines("runs").length === 1);
    const author = node(41);
    for (let i = 0; i <= 50; i++) {
      author.set("door", "front", i);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await eventually("the latest state came", () => lines("runs").at(-1) === 'door a b {"front":50}');
    assert.ok(lines("runs").length < 25, `a burst is few states: ${lines("runs").length}`);
    assert.deepEqual(lines("twice"), []);
    assert.equal(new Set(lines("runs")).size, lines("runs").length, "no state twice");
    writeFileSync(broken, "");
    author.set("door", "front", { raw: new Uint8Array([1, 255]) });
    await gateway.until("it told of the failure", () =>
      /warning: hook door: \S+hook: ended with status 3: no room; runs again in 1 s/.test(gateway.stderr));
    author.remove("door", "front");
    author.set("door", "2", null, { ttlMs: 4000 });
    author.set("door", "1", "x");
    rmSync(broken);
    await eventually("it ran again, with the latest", () => lines("runs").at(-1) === 'door a b {"1":"x","2":null}');
    await eventually("the end of a value is a state", () => lines("runs").at(-1) === 'door a b {"1":"x"}');
  });

  it("a command that takes too long is ended with all that it started, and told", async () => {
    const command = `sleep 1000 & echo $! > ${folder}/pid; wait`;
    const path = config(`hooks: {door: {command: "${command}", timeoutSeconds: 0.5}}\n`);
    const gateway = await new GatewayProcess([path]).untilStarted();
    await gateway.until("it told", () => /hook door: \/bin\/sh: it ran longer than 0.5 s/.test(gateway.stderr));
    await eventually("what it started is gone", () => {
      try {
        process.kill(Number(lines("pid")[0]), 0);
        return false;
      } catch {
        return true;
      }
    });
    gateway.signal("SIGTERM");
    assert.equal((await gateway.exited).status, 0);
  });

  it("what a command leaves behind in a session of its own holds up neither the hook nor the end", async () => {
    const command = `setsid sleep 1000 & echo $! >> ${folder}/pids`;
    const path = config(`hooks: {door: {command: "${command}", timeoutSeconds: 0.5}}\n`);
    const gateway = await new GatewayProcess([path]).untilStarted();
    try {
      await gateway.until("it told", () => /hook door: \/bin\/sh: it ran longer than 0.5 s/.test(gateway.stderr));
      await eventually("it runs again", () => lines("pids").length > 1);
      gateway.signal("SIGTERM");
      assert.equal((await gateway.exited).status, 0);
    } finally {
      for (const pid of lines("pids")) process.kill(Number(pid));
    }
  });

  it("a hook posts to a URL with its token, again when the answer is no success; no log shows the token", async () => {
    const bodies: string[] = [];
    let status = 503;
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (text: Buffer) => void (body += text.toString())).on("end", () => {
        if (request.headers.authorization === "Bearer s3cret-token-0123") bodies.push(body);
        response.writeHead(status).end(`s3cret-token-0123`);
      });
    });
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    try {
      const path = config(`hooks: {"+hosts": {url: "${url}", tokenEnv: CHISME_TEST_TOKEN}}\n`);
      const env = { CHISME_TEST_TOKEN: "s3cret-token-0123" };
      const gateway = await new GatewayProcess([path], { env }).untilStarted();
      await gateway.until("it told", () => /hook \+hosts: http:\S+: answered 503; runs again/.test(gateway.stderr));
      status = 204;
      node(51).set("+hosts", "desk", "10.0.0.1");
      const expected = '{"desk":[{"author":51,"value":"10.0.0.1"}]}';
      await eventually("the state was posted", () => bodies.at(-1) === expected);
      assert.ok(!(gateway.stderr + gateway.stdout).includes("s3cret"));
    } finally {
      server.close();
    }
  });

  it("a publisher sets what changed of what a command prints, and removes what it set and is gone", async () => {
    const printed = join(folder, "printed");
    writeFileSync(printed, '{"a":1,"b":{"x":[1]},"__proto__":2}');
    const http = `127.0.0.1:${freshPort()}`;
    const path = config(`publish: [{topic: lease, everySeconds: 0.2, command: [cat, ${printed}]}]
http: {listen: "${http}", write: true}\n`);
    const gateway = await new GatewayProcess([path]).untilStarted();
    const reader = node(61);
    const held = (): string[] => reader.events().filter(({ topic }) => topic === "lease")
      .map(({ kind, key, value }) => `${kind} ${key} ${JSON.stringify(value)}`).sort();
    await eventually("all came", () => held().length === 3);
    assert.deepEqual(held(), ["set __proto__ 2", "set a 1", 'set b {"x":[1]}']);
    // As the import from other sites does.
    const imported = JSON.stringify({ action: "set", topic: "lease", key: "@away/x", value: 3 });
    const headers = { "content-type": "application/json" };
    assert.equal((await fetch(`http://${http}/v1/actions`, { method: "POST", headers, body: imported })).status, 200);
    writeFileSync(printed, "no JSON");
    const problem = /publish 0 \(lease\): what the command printed is no JSON/;
    await gateway.until("it told", () => problem.test(gateway.stderr));
    writeFileSync(printed, '{"a":1,"b":2}');
    await eventually("the changes came", () => held().includes("remove __proto__ undefined"));
    await eventually("the changes came", () => held().includes("set b 2"));
    // A later event of the same author: what the runs before did is here.
    writeFileSync(printed, '{"a":1,"b":3}');
    await eventually("the last change came", () => held().includes("set b 3"));
    const away = held().filter((line) => line.includes("@away"));
    assert.deepEqual(away, ["set @away/x 3"], "what came from other sites stays");
    assert.deepEqual(held().filter((line) => line.includes(" a ")), ["set a 1"], "what is the same is not set again");
  });
});
