import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient, findSocket } from "../../../desktop/control/control-client.js";
import { main } from "../../support/command-line.js";
import { GatewayProcess, killGateways } from "../gateway/gateway-process.js";
import { ask } from "../http/http-client.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

/** A program of its own that a process runs first. */
const preload = (program: string): string => `--import data:text/javascript,${encodeURIComponent(program)}`;

/** Servers listen half a second after they were asked to, as on a machine that does much else. */
const LATE = preload(`
  import { Server } from "node:net";
  const { listen } = Server.prototype;
  Server.prototype.listen = function (...given) {
    setTimeout(() => listen.apply(this, given), 500);
    return this;
  };`);

const NODE_OPTIONS = process.env.NODE_OPTIONS;

describe("the line that says that a command has started", function () {
  this.timeout(120000);
  afterEach(async () => {
    if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = NODE_OPTIONS;
    await killGateways();
    await cleanUp();
  });

  it("of chisme node comes when commands and HTTP can ask it", async () => {
    const [folder, http] = [freshFolder(), freshPort()];
    process.env.NODE_OPTIONS = LATE;
    const node = await new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--broadcast", "none", "--json",
      "--storage", folder, "--http", String(http)).untilStarted();
    assert.equal(node.events[0].event, "start");
    const client = await ControlClient.connect(await findSocket({ storage: folder }));
    client.close();
    assert.equal((await ask(http, "/v1/status")).status, 200);
  });

  it("of chisme node comes before its last one, also where it ends before it can be asked", async () => {
    process.env.NODE_OPTIONS = LATE;
    const node = new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--broadcast", "none", "--json",
      "--storage", freshFolder());
    node.write("21.5\nquit\n");
    assert.equal((await node.exited).status, 0);
    assert.deepEqual(node.events.map(({ event }) => event), ["start", "row", "row", "minMax", "stop"]);
  });

  it("of chisme gateway comes when commands can ask it", async () => {
    const folder = freshFolder();
    const path = join(folder, "gateway.yaml");
    writeFileSync(path, `storage: data\nnode: {listen: "127.0.0.1:${freshPort()}", broadcast: none}\n`);
    await new GatewayProcess([path], { env: { NODE_OPTIONS: LATE } }).untilStarted();
    const client = await ControlClient.connect(await findSocket({ storage: join(folder, "data") }));
    client.close();
  });

  it("the first line of a recording is in the file that a signal ends as soon as it is there", async () => {
    const folder = freshFolder();
    await new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--broadcast", "none", "--json",
      "--storage", folder).untilStarted();
    const file = join(folder, "run.jsonl");
    const interrupt = preload(`
      import { existsSync } from "node:fs";
      const timer = setInterval(() => {
        if (!existsSync(${JSON.stringify(file)})) return;
        clearInterval(timer);
        process.kill(process.pid, "SIGINT");
      }, 0);`);
    const recorder = spawn(process.execPath, [main, "record", file, "--storage", folder],
      { env: { ...process.env, NODE_OPTIONS: interrupt }, stdio: "ignore" });
    assert.deepEqual(await once(recorder, "close"), [0, null]);
    assert.match(readFileSync(file, "utf8"), /^\{"chisme":"recording"/);
  });
});
