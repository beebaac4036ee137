import assert from "node:assert/strict";
import type { NodeProcess } from "../desktop/cli/node-process.js";
import { cleanUp } from "../desktop/cli/node-process.js";
import { Hosts } from "./hosts.js";
import { errorsOf, requireHosts, rowOf, toldOf } from "./support.js";

describe("chisme node on hosts that are network namespaces", function () {
  this.timeout(120000);
  let hosts: Hosts;

  before(function () {
    requireHosts(this);
  });
  beforeEach(() => {
    hosts = new Hosts();
    hosts.switch("net");
  });
  afterEach(async () => {
    await cleanUp();
    hosts.remove();
  });

  /** A host with one interface, eth0, on the switch "net". */
  function host(name: string, address?: string): void {
    hosts.host(name);
    hosts.cable(name, "eth0", "net");
    if (address !== undefined) hosts.address(name, "eth0", address);
  }

  /** Waits until each node holds the values of all: each node shares its number, from 1 on. */
  async function allMeet(...nodes: NodeProcess[]): Promise<void> {
    await Promise.all(nodes.map((node) => node.untilMinMax(1, nodes.length, nodes.length)));
  }

  function start(name: string, number: number, ...more: string[]): NodeProcess {
    return hosts.node(name, "--id", String(number), "--value", String(number), ...more);
  }

  it("two nodes find each other by broadcast on an isolated network without gateway", async () => {
    host("a", "10.77.0.11/24");
    host("b", "10.77.0.12/24");
    const nodes = [start("a", 1), start("b", 2)];
    await allMeet(...nodes);
    assert.deepEqual(nodes.map(errorsOf), [[], []]);
  });

  it("nodes that start before any address wait, and find each other when the network is there", async () => {
    host("a");
    host("b");
    host("c");
    const waiting = "socket: no interface has the address 10.77.0.12: the node waits for it";
    const absent = "socket: the interface eth0 has no IPv4 address: the node waits for it";
    const nodes = [start("a", 1), start("b", 2, "--listen", "10.77.0.12"), start("c", 3, "--interface", "eth0")];
    for (const node of nodes) await node.untilStarted();
    await nodes[1].until("it waits", () => errorsOf(nodes[1]).length > 0);
    await nodes[2].until("it waits", () => errorsOf(nodes[2]).length > 0);
    ["a", "b", "c"].forEach((name, i) => hosts.address(name, "eth0", `10.77.0.1${i + 1}/24`));
    await allMeet(...nodes);
    assert.deepEqual(socketErrors(nodes[0]), []);
    assert.deepEqual(socketErrors(nodes[1]), [waiting, "socket: bound to 10.77.0.12"]);
    assert.deepEqual(socketErrors(nodes[2]), [absent, "socket: bound to 10.77.0.13"]);
  });

  it("a bridge of containers that is the first interface of all hosts does no harm", async () => {
    ["a", "b"].forEach((name, i) => {
      hosts.host(name);
      hosts.ip(name, "link", "add", "docker0", "type", "bridge");
      // Docker's bridge is connected as soon as a container runs.
      hosts.ip(name, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
      hosts.ip(name, "link", "set", "veth0", "master", "docker0", "up");
      hosts.ip(name, "link", "set", "veth1", "up");
      hosts.address(name, "docker0", "172.17.0.1/16");
      hosts.cable(name, "wlan0", "net");
      hosts.address(name, "wlan0", `10.77.0.1${i + 1}/24`);
    });
    const nodes = [start("a", 1), start("b", 2)];
    await allMeet(...nodes);
    for (const [i, node] of nodes.entries()) {
      await node.until("it has its own address", () => rowOf(node, i + 1)?.address === `10.77.0.1${i + 1}`);
      assert.equal(rowOf(node, 2 - i)?.address, `10.77.0.1${2 - i}`);
    }
  });

  it("nodes that listen on one address receive broadcasts of boards and desktops of their network", async () => {
    host("a", "10.77.0.11/24");
    host("b", "10.77.0.12/24");
    host("c", "10.77.0.13/24");
    // The last one sends to 10.77.0.255, and hears nobody's broadcast before it has sent one.
    await allMeet(start("a", 1, "--listen", "10.77.0.11"), start("b", 2, "--interface", "eth0"), start("c", 3));
  });

  it("a node goes on under the address of a new lease", async () => {
    for (const i of [1, 2, 3]) host("abc"[i - 1], `10.77.0.1${i}/24`);
    const nodes = [start("a", 1), start("b", 2), start("c", 3, "--interface", "eth0")];
    await allMeet(...nodes);
    for (const name of ["b", "c"]) hosts.ip(name, "addr", "flush", "dev", "eth0");
    hosts.address("b", "eth0", "10.77.0.112/24");
    hosts.address("c", "eth0", "10.77.0.113/24");
    for (const id of [2, 3]) {
      // A reading that a must get from the new address.
      nodes[id - 1].write("2.5\n");
      await nodes[0].until(`${id} is up at its new address`, () => {
        const row = rowOf(nodes[0], id);
        return row?.address === `10.77.0.11${id}` && row.state === "up";
      });
    }
  });

  it("a node whose cable was out is up again, and reports each trouble once", async () => {
    host("a", "10.77.0.11/24");
    host("b", "10.77.0.12/24");
    const nodes = [start("a", 1), start("b", 2)];
    await allMeet(...nodes);
    hosts.ip("b", "link", "set", "eth0", "down");
    await nodes[0].until("b is down", () => rowOf(nodes[0], 2)?.state === "down");
    hosts.ip("b", "link", "set", "eth0", "up");
    await nodes[0].until("b is up", () => rowOf(nodes[0], 2)?.state === "up");
    await nodes[1].until("a is up", () => rowOf(nodes[1], 1)?.state === "up");
    const sends = errorsOf(nodes[1]).filter((error) => error.startsWith("send"));
    assert.ok(sends.length <= 1, sends.join("; "));
  });

  it("a seed with a name that ends with .local is found by multicast DNS, on a network without DNS", async () => {
    host("a", "10.77.0.11/24");
    host("b", "10.77.0.12/24");
    const responder = hosts.program("a", `
      import multicastDns from "multicast-dns";
      const mdns = multicastDns({ interface: "10.77.0.11", bind: "0.0.0.0" });
      mdns.on("query", ({ questions }) => {
        if (!questions.some(({ name, type }) => name === "box.local" && type === "A")) return;
        mdns.respond([{ name: "box.local", type: "A", ttl: 120, data: "10.77.0.11" }]);
      });
    `);
    try {
      // Without its seed b does not find a, which hears no broadcast at this port.
      const a = start("a", 1, "--listen", ":5001", "--broadcast", "10.77.0.99");
      const b = start("b", 2, "--seed", "box.local:5001");
      await allMeet(a, b);
      assert.deepEqual(errorsOf(b), []);
    } finally {
      responder.kill("SIGKILL");
    }
  });

  it("a node that nobody answers says where it broadcast to, and that a name is not found", async () => {
    host("a", "10.77.0.11/24");
    host("b", "10.77.0.12/24");
    const [a, b] = [start("a", 1), start("b", 2, "--seed", "box.example", "--listen", ":5001")];
    for (const node of [a, b]) await node.until("it says so", () => errorsOf(node).some((e) => e.startsWith("alone")));
    assert.match(errorsOf(a).join("\n"), /^alone: .* tried broadcast to 10\.77\.0\.255; nothing arrives: .* another port/m);
    assert.match(errorsOf(b).join("\n"), /^seed: the seed box\.example is no host that is found$/m);
    assert.match(errorsOf(b).join("\n"), /^alone: .* tried box\.example:5001 \(not found, or this node\), broadcast to 10\.77\.0\.255;/m);
  });

  describe("a host on two networks, and hosts on each of them,", () => {
    beforeEach(() => {
      host("a", "10.77.0.11/24");
      host("b", "10.77.0.12/24");
      host("c", "10.77.0.13/24");
      hosts.switch("other");
      hosts.cable("c", "eth1", "other");
      hosts.address("c", "eth1", "10.88.0.1/24");
      hosts.host("d");
      hosts.cable("d", "eth0", "other");
      hosts.address("d", "eth0", "10.88.0.2/24");
    });

    it("become one network by broadcast: the host in the middle passes all on", async () => {
      const nodes = [start("a", 1), start("b", 2), start("c", 3), start("d", 4)];
      await allMeet(...nodes);
      const [a, , c] = nodes;
      // c is at one address for a, and at another for d.
      for (const reading of [3.1, 3.2, 3.3]) {
        c.write(`${reading}\n`);
        for (const node of nodes) {
          await node.until("it has the reading", () => rowOf(node, 3)?.data === reading);
        }
      }
      assert.deepEqual([rowOf(a, 3)?.state, rowOf(a, 4)?.state], ["up", "up"]);
    });

    it("stay apart where the host in the middle is told one interface", async () => {
      const [a, b, c] = [start("a", 1), start("b", 2), start("c", 3, "--interface", "eth0")];
      const d = start("d", 4);
      await allMeet(a, b, c);
      // Rounds of d that nobody heard.
      await d.untilStarted();
      assert.deepEqual([...new Set(addressesOf(c, 3))], ["10.77.0.13"]);
      assert.equal(rowOf(c, 4), undefined);
    });
  });

  function socketErrors(node: NodeProcess): string[] {
    return errorsOf(node).filter((error) => error.startsWith("socket"));
  }
});

function addressesOf(node: NodeProcess, id: number): string[] {
  return toldOf(node, id).map(({ address }) => address);
}
