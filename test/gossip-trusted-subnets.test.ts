import assert from "node:assert/strict";
import { parseAddress } from "../src/engine/wire/address.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import type { ChismeError, GossipOptions } from "../src/gossip.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";
import { FakeNetwork, FakeNode, type FakeSocket, frameHex, rowHex, rowsHex, started } from "./support/fake-platform.js";

const MINUTE_MS = 60000;
const trustedSubnets = ["192.168.0.0/24"];
const dialects = [["compact", {}], ["espgossip", { dialect: espgossip() }], ["auto", { dialect: auto() }]] as const;

/** Where a node sent datagrams, except broadcasts. */
function targets({ sent }: FakeSocket): string[] {
  const broadcast = parseAddress("255.255.255.255");
  const addresses = sent.map(({ to }) => to).filter((to) => to !== broadcast);
  return [...new Set(addresses)].map((to) => [24, 16, 8, 0].map((shift) => (to >>> shift) & 255).join("."));
}

function boardJson(type: string, ...addresses: string[]): string {
  const rows = Object.fromEntries(addresses.map((address) => [address, { revision: 1, heartbeat: 9, state: 0 }]));
  return Buffer.from(JSON.stringify({ type, ...rows })).toString("hex");
}

/** A SYN of the node 99 with rows at 192.168.0.99 and 10.0.0.77. */
function synWithStranger(): string {
  const stranger = "10" + "00004d00" + "0a00004d" + "1388" + "00" + "01";
  return frameHex(1, 99, 0, 3, rowsHex(rowHex(99, 99, "00", "05"), stranger));
}

function refusal(run: () => unknown): Partial<ChismeError> {
  try {
    run();
  } catch (error) {
    const { code, message, option } = error as ChismeError;
    return { code, message, ...option !== undefined && { option } };
  }
  return {};
}

describe("Gossip: trustedSubnets", () => {
  for (const [name, more] of dialects) {
    it(`drops and counts what comes from elsewhere, and answers nothing, in the dialect ${name}`, () => {
      const { node } = started({ trustedSubnets, ...more });
      node.socket.sent.length = 0;
      for (const hex of [synWithStranger(), boardJson("SYN", "10.0.0.9"), boardJson("ACK", "192.168.0.70"), "", "c1"]) {
        node.arrive(hex, "10.0.0.9");
      }
      assert.equal(node.gossip.stats().drops.untrusted, 5);
      assert.equal(node.gossip.rows().length, 1);
      assert.deepEqual(node.socket.sent, []);
    });

    it(`holds rows with addresses elsewhere, and never sends there, in the dialect ${name}`, () => {
      const { network, node } = started({ trustedSubnets, ...more });
      if (name === "espgossip") node.arrive(boardJson("SYN", "192.168.0.99", "10.0.0.77"));
      else node.arrive(synWithStranger());
      assert.equal(node.row("10.0.0.77")?.state, "up");
      network.run(60 * MINUTE_MS);
      assert.ok(node.socket.sent.length > 100);
      assert.deepEqual(targets(node.socket), ["192.168.0.99"]);
      assert.equal(node.gossip.stats().drops.untrusted, 0);
    });
  }

  it("does not try stored addresses elsewhere, and stores none", () => {
    const storage = new MemoryStorage();
    const peers = [[10, 0, 0, 77, 0x13, 0x88], [192, 168, 0, 98, 0x13, 0x88]];
    storage.writePeers(Uint8Array.from(peers.flat()), 12);
    const { network, node } = started({ trustedSubnets, storage, broadcastAddress: "none" });
    network.run(30 * MINUTE_MS);
    assert.deepEqual(targets(node.socket).sort(), ["192.168.0.98", "192.168.0.99"]);
  });

  it("refuses seeds and other addresses elsewhere, with the name of the option", () => {
    const make = (options: Partial<GossipOptions>) => (): unknown => started({ trustedSubnets, ...options });
    assert.deepEqual(refusal(make({ seedList: ["192.168.0.7", "192.168.1.7:5001"] })), {
      code: "ERR_OPTION", option: "seedList[1]",
      message: 'seedList[1]: "192.168.1.7" is in none of the trustedSubnets',
    });
    const { node } = started({ trustedSubnets });
    assert.deepEqual(refusal(() => node.gossip.push(1, "10.0.0.5")), {
      code: "ERR_ARGUMENT", option: "address", message: 'push: address: "10.0.0.5" is in none of the trustedSubnets',
    });
    node.gossip.push(1, "192.168.0.5");
  });

  it("skips a host name that leads elsewhere, and reports that once", () => {
    const network = new FakeNetwork();
    const socket = new FakeNode(network, "192.168.0.53").socket;
    let address = parseAddress("10.0.0.77");
    socket.resolve = (_, callback) => void network.after(5, () => callback(address));
    const options = { socket, seedList: ["box.local"], broadcastAddress: "none", trustedSubnets };
    const node = new FakeNode(network, "192.168.0.53", options);
    node.gossip.start();
    network.run(30 * MINUTE_MS);
    assert.deepEqual(socket.sent, []);
    const seedErrors = (): string[] => node.errors.filter(([code]) => code === "seed").map(([, message]) => message);
    const problem = "the seed box.local is at 10.0.0.77, which is in none of the trustedSubnets";
    assert.deepEqual(seedErrors(), [problem]);
    address = parseAddress("192.168.0.60");
    network.run(30 * MINUTE_MS);
    assert.deepEqual(targets(socket), ["192.168.0.60"]);
    assert.deepEqual(seedErrors(), [problem, "the seed box.local is found again"]);
  });

  it("says so when nobody answers but datagrams from elsewhere arrive", () => {
    const { network, node } = started({ trustedSubnets });
    network.run(MINUTE_MS);
    node.arrive(synWithStranger(), "10.0.0.9");
    network.run(5 * MINUTE_MS);
    const alone = node.errors.find(([code]) => code === "alone");
    assert.match(alone?.[1] ?? "", /datagrams arrive from outside of the trustedSubnets$/);
  });
});
