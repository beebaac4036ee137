import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { measureGateway } from "../../../bench/gateway-database.js";
import { Gossip } from "../../../desktop/platform/node.js";
import { eventFeeds } from "../../../src/events/index.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { GatewayProcess, eventually, killGateways, requireSqlite, sqlite } from "./gateway-process.js";

describe("database of chisme gateway", function () {
  this.timeout(180000);

  it("a full disk is told, the gateway goes on, and nothing is lost when there is room again", async function () {
    requireSqlite(this);
    const folder = freshFolder();
    const disk = join(folder, "disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      assert.notEqual(process.env.CI, "true", "mounting needs root");
      process.stderr.write("skipped: mounting needs root\n");
      this.skip();
    }
    let gossip: Gossip | undefined;
    try {
      const [port, hooked] = [freshPort(), join(folder, "hooked")];
      const path = join(folder, "gateway.yaml");
      writeFileSync(path, `storage: gateway\nnode: {listen: "127.0.0.1:${port}", broadcast: none, interval: 200}\n`
        + `sqlite: {file: disk/readings.db}\nhooks: {door: {command: "cat > ${hooked}"}}\n`);
      const gateway = await new GatewayProcess([path]).untilStarted();
      // A reader in WAL mode needs room for its own file, too: it looks when there is some.
      const filler = join(disk, "filler");
      const free = (): number => Number(execFileSync("stat", ["-f", "-c", "%a", disk]));
      writeFileSync(filler, Buffer.alloc((free() - 4) * 4096));
      gossip = new Gossip({
        listen: "127.0.0.1", port: freshPort(), seedList: [`127.0.0.1:${port}`], id: 71, roundIntervalMs: 200,
        broadcastAddress: "none", events: eventFeeds({ bytes: 1048576 }),
      });
      gossip.start();
      let published = 0;
      const publish = (count: number): void => {
        for (const end = published + count; published < end; published++) gossip?.log("count", published);
      };
      publish(2000);
      await gateway.until("it told", () => /warning: sqlite: cannot be written: .*full/.test(gateway.stderr));
      publish(500);
      gossip.set("door", "front", "open");
      await gateway.until("the rest goes on: the hook ran", () => {
        const input = execFileSync("cat", [hooked], { encoding: "utf8" });
        return input === '{"front":"open"}';
      });
      rmSync(filler);
      await gateway.until("it is written again", () => gateway.stderr.includes("sqlite: is written again"));
      await eventually("all is stored", () => {
        const values = sqlite<{ value: string }>(join(disk, "readings.db"),
          "SELECT value FROM events WHERE topic = 'count' ORDER BY number").map(({ value }) => Number(value));
        return values.length === published && values.every((value, index) => value === index);
      });
    } finally {
      await gossip?.close();
      await killGateways();
      execFileSync("umount", [disk]);
      await cleanUp();
    }
  });

  it("events are stored about as fast as inserts by hand, in steady memory", async () => {
    const { ratio, rssAfterTenth, rssAfterAll } = await measureGateway(20000);
    // npm run bench:gateway measures; this only notices when it is out of proportion.
    assert.ok(ratio > 0.2, `${ratio}`);
    assert.ok(rssAfterAll - rssAfterTenth < 200 * 1048576, `${rssAfterTenth} to ${rssAfterAll}`);
  });
});
