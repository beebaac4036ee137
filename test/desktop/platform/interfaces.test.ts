import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { broadcastOf, broadcasts, likelyAddress, placesOf } from "../../../desktop/platform/interfaces.js";
import { formatAddress, parseAddress } from "../../../src/engine/wire/address.js";

function ipv4(address: string, netmask: string, internal = false): NetworkInterfaceInfo {
  return { address, netmask, family: "IPv4", mac: "00:00:00:00:00:00", internal, cidr: null };
}

const ipv6: NetworkInterfaceInfo = {
  address: "fe80::1", netmask: "ffff:ffff:ffff:ffff::", family: "IPv6", mac: "", internal: false, cidr: null,
  scopeid: 2,
};

describe("interfaces", () => {
  it("the broadcast address of a network is its highest; networks of less than 4 addresses have none", () => {
    for (const [address, netmask, expected] of [
      ["10.77.0.11", "255.255.255.0", "10.77.0.255"], ["172.17.0.1", "255.255.0.0", "172.17.255.255"],
      ["10.0.0.5", "255.255.255.252", "10.0.0.7"], ["192.168.1.1", "255.255.254.0", "192.168.1.255"],
      ["200.1.1.1", "128.0.0.0", "255.255.255.255"],
      ["10.0.0.4", "255.255.255.254", "0.0.0.0"], ["10.0.0.4", "255.255.255.255", "0.0.0.0"],
    ]) {
      const broadcast = broadcastOf(parseAddress(address), parseAddress(netmask));
      assert.equal(formatAddress(broadcast), expected, `${address} ${netmask}`);
    }
  });

  it("broadcasts go to each network once, and to no loopback", () => {
    const all = placesOf({
      lo: [ipv4("127.0.0.1", "255.0.0.0", true)], eth0: [ipv6, ipv4("10.77.0.11", "255.255.255.0")],
      eth1: [ipv4("10.88.0.1", "255.255.0.0"), ipv4("10.88.0.2", "255.255.0.0")],
      wg0: [ipv4("10.9.0.1", "255.255.255.255")], none: undefined,
    });
    assert.deepEqual(broadcasts(all).map(formatAddress), ["10.77.0.255", "10.88.255.255"]);
    assert.deepEqual(all.map(({ name }) => name), ["lo", "eth0", "eth1", "eth1", "wg0"]);
  });

  it("a node guesses the first address that is not of a bridge of containers, else that of the bridge", () => {
    const docker0 = [ipv4("172.17.0.1", "255.255.0.0")];
    const lo = [ipv4("127.0.0.1", "255.0.0.0", true)];
    const guess = (all: NodeJS.Dict<NetworkInterfaceInfo[]>) => formatAddress(likelyAddress(placesOf(all)));
    const wlan0 = [ipv4("10.0.0.9", "255.0.0.0")];
    assert.equal(guess({ lo, docker0, "br-0123456789ab": docker0, wlan0 }), "10.0.0.9");
    assert.equal(guess({ lo, "br-lan": [ipv4("192.168.1.1", "255.255.255.0")] }), "192.168.1.1");
    assert.equal(guess({ lo, docker0 }), "172.17.0.1");
    assert.equal(guess({ lo, eth0: [ipv6] }), "0.0.0.0");
    assert.equal(guess({}), "0.0.0.0");
  });
});
