import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanUp, freshFolder } from "../desktop/cli/node-process.js";
import { GatewayProcess, eventually, killGateways } from "../desktop/gateway/gateway-process.js";
import { Hosts } from "./hosts.js";
import { requireHosts } from "./support.js";

const ROUTERS = ["north", "south", "west"];
const example = fileURLToPath(new URL("../../examples/hosts/", import.meta.url));

describe("examples/hosts/gateway.yaml on three hosts", function () {
  this.timeout(240000);
  let hosts: Hosts;
  let folder: string;

  before(function () {
    requireHosts(this);
  });
  beforeEach(() => {
    hosts = new Hosts();
    folder = freshFolder();
    hosts.switch("lan");
    ROUTERS.forEach((name, index) => {
      hosts.host(name);
      hosts.cable(name, "eth0", "lan");
      hosts.address(name, "eth0", `10.77.0.${index + 1}/24`);
    });
  });
  afterEach(async () => {
    await killGateways();
    await cleanUp();
    hosts.remove();
  });

  const leases = (router: string, ...hostNames: [string, string][]): void => {
    const lines = hostNames.map(([name, address]) => `1700000000 02:00:00:00:00:01 ${address} ${name} *\n`);
    writeFileSync(join(folder, `${router}.leases`), lines.join(""));
  };
  const fileOf = (router: string): string => join(folder, `${router}.hosts`);

  /** The example as it is, with folders of this test, and shorter times. */
  function start(router: string): GatewayProcess {
    const path = join(folder, `${router}.yaml`);
    const text = readFileSync(join(example, "gateway.yaml"), "utf8")
      .replaceAll("examples/hosts/", example)
      .replace("/var/lib/chisme/gateway", join(folder, router))
      .replace("/var/lib/misc/dnsmasq.leases]", `${join(folder, router)}.leases]`)
      .replace("/var/lib/chisme/hosts, /run/dnsmasq/dnsmasq.pid", `${fileOf(router)}, ${join(folder, "none.pid")}`)
      .replace("everySeconds: 10", "everySeconds: 1").replace("interval: 5000", "interval: 300");
    writeFileSync(path, text);
    return new GatewayProcess([path], { wrapper: hosts.wrapper(router) });
  }

  const allHave = (lines: string[]): Promise<void> => eventually(`all have ${lines.join(", ")}`, () =>
    ROUTERS.every((router) => existsSync(fileOf(router))
      && readFileSync(fileOf(router), "utf8") === lines.map((line) => `${line}\n`).join("")));

  it("each has the hosts of all in its file: new ones, one that moves, one that goes, also after kill -9", async () => {
    leases("north", ["laptop", "10.1.1.30"], ["*", "10.1.1.31"]);
    leases("south", ["printer", "10.1.2.20"]);
    leases("west");
    const gateways = ROUTERS.map(start);
    await allHave(["10.1.1.30 laptop", "10.1.2.20 printer"]);
    // It moves to another router: both have a lease for a while.
    leases("west", ["laptop", "10.1.3.31"]);
    await allHave(["10.1.2.20 printer", "10.1.3.31 laptop"]);
    leases("north");
    leases("south", ["printer", "10.1.2.20"], ["camera", "10.1.2.40"]);
    await allHave(["10.1.2.20 printer", "10.1.2.40 camera", "10.1.3.31 laptop"]);
    await gateways[1].kill();
    copyFileSync(join(folder, "north.leases"), join(folder, "south.leases"));
    leases("west");
    start("south");
    await allHave([]);
  });
});
