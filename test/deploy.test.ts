import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { loadConfig } from "../desktop/gateway/config.js";
import { cleanUp, freshFolder } from "./desktop/cli/node-process.js";

const folder = fileURLToPath(new URL("../deploy/", import.meta.url));

interface Compose {
  services: Record<string, { volumes?: string[]; secrets?: string[] }>;
  volumes: Record<string, unknown>;
  secrets: Record<string, unknown>;
}

describe("deploy", function () {
  this.timeout(60000);

  afterEach(cleanUp);

  it("the systemd unit is a good one, by systemd-analyze", function () {
    try {
      execFileSync("systemd-analyze", ["--version"], { stdio: "ignore" });
    } catch {
      assert.notEqual(process.env.CI, "true", "systemd-analyze is missing");
      this.skip();
    }
    const unit = join(freshFolder(), "chisme-gateway.service");
    // Here the command is not installed.
    const text = readFileSync(join(folder, "chisme-gateway.service"), "utf8");
    writeFileSync(unit, text.replace("/usr/local/bin/chisme gateway", `${process.execPath} gateway`));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", unit], { encoding: "utf8" });
    assert.equal(`${stdout}${stderr}`.split("\n").filter((line) => line.includes("chisme-gateway")).join("\n"), "");
    assert.equal(status, 0, stderr);
  });

  it("the configurations of gateways fit the schema", () => {
    assert.equal(loadConfig(join(folder, "gateway.yaml")).config.http?.listen, "0.0.0.0:8600");
    assert.equal(loadConfig(join(folder, "../examples/hosts/gateway.yaml")).config.publish?.length, 1);
  });

  it("the Compose file names files, volumes and secrets that are there", () => {
    const { services, volumes, secrets } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"), { merge: true }) as
      Compose;
    for (const [name, service] of Object.entries(services)) {
      for (const volume of service.volumes ?? []) {
        const [from] = volume.split(":");
        if (from.startsWith("./")) assert.doesNotThrow(() => readFileSync(join(folder, from)), `${name}: ${from}`);
        else assert.ok(from in volumes, `${name}: ${from}`);
      }
      for (const secret of service.secrets ?? []) assert.ok(secret in secrets, `${name}: ${secret}`);
    }
    for (const sensor of ["hall", "attic", "garden"]) assert.ok("command" in services[sensor]);
  });

  it("the flow of Node-RED is one whose wires lead to its nodes", () => {
    const nodes = JSON.parse(readFileSync(join(folder, "node-red-flow.json"), "utf8")) as
      { id: string; wires?: string[][] }[];
    const ids = nodes.map(({ id }) => id);
    for (const { wires = [] } of nodes) for (const target of wires.flat()) assert.ok(ids.includes(target), target);
  });
});
