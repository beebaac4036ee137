import assert from "node:assert/strict";
import { SimNetwork, type SimNode, noFaults } from "../../desktop/simulator/index.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { SECTION_LINK_REPORT, TYPE_SYN, sectionHead } from "../../src/engine/wire/frame.js";
import { Gossip, type GossipErrorCode, type GossipOptions } from "../../src/gossip.js";
import { LINKS_MAX, type LinkQuality, type LinkTable, linkTable } from "../../src/links/index.js";
import { FakeNetwork, frameHex, joined } from "../support/fake-platform.js";
import { status } from "../../src/status/index.js";

const MINUTE_MS = 60000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A network in which the nodes measure their links, but for those that `plain` names. */
function measuring(count: number, options: Partial<GossipOptions> = {}, plain: number[] = []): SimNetwork {
  const network = new SimNetwork({ seed: 77 });
  for (let i = 0; i < count; i++) {
    network.addNode({
      options: { seedList: ["10.0.0.1"], roundIntervalMs: 1000, ...options },
      start: (platform, storage, node) => {
        const onError = (code: GossipErrorCode, { message }: Error): void => void node.errors.push({ code, message });
        const gossip = new Gossip({ storage, onError, ...platform, ...!plain.includes(i) && { links: linkTable() } });
        gossip.start();
        return gossip;
      },
    });
  }
  return network;
}

function gossipOf(node: SimNode): Gossip {
  assert.ok(node.gossip !== undefined);
  return node.gossip;
}

/** What a node measured of another. */
function quality(of: SimNode, to: SimNode): LinkQuality {
  const found = status(gossipOf(of)).neighbours.find(({ id }) => id === to.id);
  assert.ok(found !== undefined, "no neighbour");
  const { roundTripMs, lossTo, lossFrom } = found;
  return {
    ...roundTripMs !== undefined && { roundTripMs }, ...lossTo !== undefined && { lossTo },
    ...lossFrom !== undefined && { lossFrom },
  };
}

function near(actual: number | undefined, expected: number, tolerance: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, not ${expected}`);
}

/** Datagrams with a report, of all that were sent. */
function watchReports(network: SimNetwork): { reports: number; datagrams: number } {
  const seen = { reports: 0, datagrams: 0 };
  network.tap = (entry) => {
    if (entry.kind !== "sent") return;
    seen.datagrams++;
    const end = entry.length - 6;
    const { bytes } = entry;
    if (bytes[1] % 8 !== TYPE_SYN) return;
    if (end > 0 && ((bytes[end] << 8) | bytes[end + 1]) === sectionHead(SECTION_LINK_REPORT, 4)) seen.reports++;
  };
  return seen;
}

describe("links", function () {
  this.timeout(120000);

  for (const [name, more] of [["", {}], [", sealed", { key: "07".repeat(32), sealing: nodeSealing }],
    [", in a network with a name", { network: "home" }]] as const) {
    it(`each end of a link measures the loss in each direction${name}`, () => {
      const network = measuring(2, more);
      const [first, second] = network.nodes;
      network.faults.link = (from) => ({ ...noFaults(), lossProbability: from === first ? 0.3 : 0.05 });
      network.runFor(HOUR_MS);
      for (const [here, there, to, from] of [[first, second, 0.3, 0.05], [second, first, 0.05, 0.3]] as const) {
        const { lossTo, lossFrom } = quality(here, there);
        near(lossTo, to, 0.1, `${here.name}, loss to`);
        near(lossFrom, from, 0.1, `${here.name}, loss from`);
      }
      // A link that gets better is seen to.
      network.faults.link = undefined;
      network.runFor(HOUR_MS);
      near(quality(first, second).lossTo, 0, 0.02, "loss of a good link");
    });
  }

  it("a link without loss shows none, and one without reports shows nothing", () => {
    const network = measuring(3, {}, [2]);
    network.runFor(2 * HOUR_MS);
    const [first, second, third] = network.nodes;
    near(quality(first, second).lossTo, 0, 0.01, "loss to");
    near(quality(first, second).lossFrom, 0, 0.01, "loss from");
    const { roundTripMs, ...losses } = quality(first, third);
    assert.ok(roundTripMs !== undefined && roundTripMs >= 2 && roundTripMs <= 20, String(roundTripMs));
    assert.deepEqual(losses, {});
    assert.deepEqual(quality(third, first), {});
    for (const node of network.nodes) {
      assert.deepEqual(node.errors, []);
      const { drops } = gossipOf(node).stats();
      assert.deepEqual(Object.entries(drops).filter(([reason, count]) => count > 0 && reason !== "echo"), []);
    }
  });

  it("the round-trip time is that of the attempt that was answered, whatever was lost", () => {
    const network = measuring(3);
    const [first, second, third] = network.nodes;
    const delayed = (ms: number) => ({ ...noFaults(), lossProbability: 0.4, delayMs: { min: ms, max: ms } });
    network.faults.link = (from, to) => delayed([from, to].includes(third) ? 60 : 20);
    network.runFor(HOUR_MS);
    near(quality(first, second).roundTripMs, 40, 2, "near");
    near(quality(first, third).roundTripMs, 120, 2, "far");
  });

  it("a node that starts again counts anew", () => {
    const network = measuring(2);
    const [first, second] = network.nodes;
    network.runFor(2 * HOUR_MS);
    for (let i = 0; i < 4; i++) {
      second.restart({ keepStorage: i % 2 === 0 });
      network.runFor(20 * MINUTE_MS);
      const { lossTo, lossFrom } = quality(first, second);
      near(lossTo, 0, 0.05, "loss to");
      near(lossFrom, 0, 0.05, "loss from");
    }
  });

  it("reports cost at most half a byte a node and round at rest", () => {
    const run = (plain: number[]): { bytes: number; rounds: number; reports: number } => {
      const network = measuring(6, { roundIntervalMs: 10000 }, plain);
      network.runFor(DAY_MS / 2);
      const before = network.counts.bytes;
      const seen = watchReports(network);
      network.runFor(DAY_MS);
      return { bytes: network.counts.bytes - before, rounds: 6 * DAY_MS / 10000, reports: seen.reports };
    };
    const without = run([0, 1, 2, 3, 4, 5]);
    const withReports = run([]);
    assert.equal(without.reports, 0);
    const more = (withReports.bytes - without.bytes) / without.rounds;
    assert.ok(withReports.reports > 1000, String(withReports.reports));
    assert.ok(more > 0.2 && more <= 0.5, `${more} bytes a node and round`);
  });

  it(`a table has room for ${LINKS_MAX} neighbours, and gives the place of one that is gone to another`, () => {
    const network = measuring(LINKS_MAX + 4);
    network.runFor(HOUR_MS);
    const [first] = network.nodes;
    const measured = (): number[] => status(gossipOf(first)).neighbours
      .filter(({ roundTripMs }) => roundTripMs !== undefined).map(({ id }) => id);
    const before = measured();
    assert.equal(before.length, LINKS_MAX);
    const gone = network.nodes.filter(({ id }) => before.includes(id)).slice(0, 3);
    for (const node of gone) node.crash();
    network.runFor(HOUR_MS);
    const after = measured();
    assert.equal(after.length, LINKS_MAX);
    for (const { id } of gone) assert.ok(!after.includes(id));
  });

  it("a report of another length is skipped, and one that cannot be is not counted", () => {
    const network = new FakeNetwork();
    const links = linkTable();
    const [first, second] = joined(network, [{ links }, { links: linkTable() }]);
    const measured = (): LinkQuality | undefined => links.qualityOf(second.gossip.id);
    network.run(HOUR_MS);
    const before = measured();
    assert.ok(before?.lossFrom !== undefined);
    const drops = JSON.stringify(first.gossip.stats().drops);
    // Three bytes, five bytes, none; then counts of which no two go together.
    for (const [i, report] of ["8003ffffff", "8005ffffffffff", "8000", "8004ffff0000", "800480000000"].entries()) {
      const hex = frameHex(1, second.gossip.id, second.gossip.revision, i, report);
      first.arrive(hex, second.address);
    }
    assert.deepEqual(measured(), before);
    assert.equal(JSON.stringify(first.gossip.stats().drops), drops);
  });

  it("a table is of one node", () => {
    const links = linkTable();
    measuring(1, { links }, [0]).runFor(1);
    assert.throws(() => measuring(1, { links }, [0]).runFor(1), {
      name: "RangeError", code: "ERR_OPTION", message: "links: belongs to another node; each node needs its own",
    });
    const bad = (): void => measuring(1, { links: {} as LinkTable }, [0]).runFor(1);
    assert.throws(bad, /^TypeError: links: .* has no method bind$/);
  });
});
