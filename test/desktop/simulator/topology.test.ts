import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MovingTopology, SimNetwork, TOPOLOGY_SHAPES, Topology, type TopologyOptions, type TopologyShape, checkAgreement,
  checkValues, makeTopology,
} from "../../../desktop/simulator/index.js";
import { formatAddress } from "../../../src/engine/wire/address.js";
import { addressOfIndex } from "../../../desktop/simulator/node.js";
import { PathHistory } from "../../../desktop/simulator/path-history.js";
import { propertyOptions } from "../../support/random.js";
import { ROUND_MS, assertNone, violators } from "./support.js";

const SHAPES = TOPOLOGY_SHAPES.map(({ name }) => name);

/** All options of shapes that any number of nodes may have. */
const options: fc.Arbitrary<TopologyOptions> = fc.record({
  shape: fc.constantFrom(...SHAPES),
  nodes: fc.integer({ min: 2, max: 70 }),
  seed: fc.nat(),
  cellSize: fc.integer({ min: 2, max: 20 }),
  bridges: fc.integer({ min: 1, max: 2 }),
}).map(({ shape, nodes, seed, cellSize, bridges }) => ({
  shape, nodes, seed,
  ...(shape === "cells" || shape === "star") && { cellSize },
  ...shape === "cells" && { bridges },
}));

function rows(topology: Topology): string[] {
  return Array.from({ length: topology.nodes }, (_, from) => {
    return Array.from({ length: topology.nodes }, (_, to) => Number(topology.reaches(from, to))).join("");
  });
}

/** A network of nodes that share their index; each has a node in its seed list that it reaches. */
function network(topology: Topology, seed = 1): SimNetwork {
  const made = new SimNetwork({ seed });
  made.topology = topology;
  for (let i = 0; i < topology.nodes; i++) {
    made.addNode({ options: { seedList: [formatAddress(addressOfIndex(topology.parent(i)))] } });
  }
  made.schedule(0, () => made.nodes.forEach((node) => node.push(node.index)));
  return made;
}

describe("shapes of topologies", () => {
  it("each shape connects any number of nodes, and links work both ways", () => {
    fc.assert(fc.property(options, (given) => {
      const topology = makeTopology(given);
      assert.ok(topology.isConnected);
      assert.equal(topology.parts().length, 1);
      assert.equal(topology.oneWayLinks, 0);
      assert.equal(topology.nodes, given.nodes);
      assert.equal(topology.shape, given.shape);
      for (let node = 0; node < given.nodes; node++) assert.ok(!Array.from(topology.neighbours(node)).includes(node));
    }), propertyOptions(200));
  });

  it("equal seeds give equal topologies, and other seeds give others where something is random", () => {
    fc.assert(fc.property(options, (given) => {
      assert.deepEqual(rows(makeTopology(given)), rows(makeTopology(given)));
    }), propertyOptions(50));
    const radio = (seed: number): string[] => rows(makeTopology({ shape: "radio", nodes: 30, seed }));
    assert.notDeepEqual(radio(1), radio(2));
    const oneWay = (seed: number): string[] => rows(makeTopology({ shape: "grid", nodes: 30, seed, oneWayPart: 0.2 }));
    assert.notDeepEqual(oneWay(1), oneWay(2));
  });

  for (const [given, links, diameter] of [
    [{ shape: "all", nodes: 5 }, 10, 1],
    [{ shape: "line", nodes: 16 }, 15, 15],
    [{ shape: "ring", nodes: 16 }, 16, 8],
    [{ shape: "ring", nodes: 2 }, 1, 1],
    [{ shape: "grid", nodes: 49 }, 156, 6],
    [{ shape: "grid", nodes: 12 }, 29, 3],
    [{ shape: "cells", nodes: 48, cellSize: 16 }, 3 * 120 + 2 * 16, 3],
    [{ shape: "cells", nodes: 48, cellSize: 16, bridges: 2 }, 3 * 120 + 4 * 16, 3],
    [{ shape: "star", nodes: 45, cellSize: 8 }, 10 + 5 + 5 * 28, 5],
  ] as const) {
    it(`${JSON.stringify(given)} has ${links} links, and ${diameter} on its longest path`, () => {
      const topology = makeTopology(given);
      assert.deepEqual([topology.links, topology.diameter], [links, diameter]);
    });
  }

  it("a grid of any number of nodes has about as many rows as columns", () => {
    for (let nodes = 2; nodes <= 120; nodes++) {
      const topology = makeTopology({ shape: "grid", nodes });
      const side = Math.sqrt(nodes);
      assert.ok(topology.diameter >= Math.ceil(side) - 1 && topology.diameter <= side + 1, `${nodes} nodes`);
    }
  });

  it("each cell of a star is linked by one node of the hub", () => {
    const topology = makeTopology({ shape: "star", nodes: 45, cellSize: 8 });
    for (let hub = 0; hub < 5; hub++) {
      const outer = Array.from(topology.neighbours(hub)).filter((node) => node >= 5);
      assert.equal(outer.length, 1);
      const without = topology.parts((node) => node !== hub).map(({ length }) => length).sort((a, b) => a - b);
      assert.deepEqual(without, [8, 36]);
    }
  });

  it("a network of cells falls apart without a bridge, and does not if there are two", () => {
    const one = makeTopology({ shape: "cells", nodes: 48, cellSize: 16 });
    assert.deepEqual(one.parts((node) => node !== 15).map(({ length }) => length), [15, 32]);
    const two = makeTopology({ shape: "cells", nodes: 48, cellSize: 16, bridges: 2 });
    assert.equal(two.parts((node) => node !== 15).length, 1);
  });

  it("the given part of the links works in one direction, and the others connect all nodes", () => {
    fc.assert(fc.property(fc.constantFrom<TopologyShape>("all", "grid"), fc.nat(), fc.integer({ min: 0, max: 40 }),
      (shape, seed, percent) => {
        const topology = makeTopology({ shape, nodes: 36, seed, oneWayPart: percent / 100 });
        assert.equal(topology.oneWayLinks, Math.round(topology.links * percent / 100));
        assert.ok(topology.isConnected);
        assert.equal(topology.links, makeTopology({ shape, nodes: 36 }).links);
      }), propertyOptions(50));
  });

  for (const [given, name, message] of [
    [undefined, "options", /options: undefined is not an object/],
    [{ shape: "tree", nodes: 4 }, "shape", /shape: "?tree"? is not one of all, line/],
    [{ shape: "line" }, "nodes", /nodes: undefined is not an integer from 2 to 5000/],
    [{ shape: "line", nodes: 1 }, "nodes", /nodes: 1 is not an integer from 2 to 5000/],
    [{ shape: "line", nodes: 9, seed: -1 }, "seed", /seed: -1 is not an integer/],
    [{ shape: "grid", nodes: 9, oneWayPart: 0.6 }, "oneWayPart", /oneWayPart: 0.6 is not a number from 0 to 0.5/],
    [{ shape: "line", nodes: 9, oneWayPart: 0.2 }, "oneWayPart", /from 0 to 0: a line of 9 nodes falls apart/],
    [{ shape: "ring", nodes: 10, oneWayPart: 0.2 }, "oneWayPart", /from 0 to 0.1: a ring/],
    [{ shape: "line", nodes: 9, cellSize: 4 }, "cellSize", /cellSize: not allowed here: only cells and star/],
    [{ shape: "star", nodes: 9, cellSize: 1 }, "cellSize", /cellSize: 1 is not an integer from 2/],
    [{ shape: "star", nodes: 9, bridges: 2 }, "bridges", /bridges: not allowed here: only cells/],
    [{ shape: "cells", nodes: 9, bridges: 3 }, "bridges", /bridges: 3 is not an integer from 1 to 2/],
    [{ shape: "grid", nodes: 9, speed: 0.1 }, "speed", /speed: not allowed here: only the nodes of radio/],
    [{ shape: "radio", nodes: 9, speed: 2 }, "speed", /speed: 2 is not a number from 0 to 1/],
    [{ shape: "radio", nodes: 9, speed: 0.1, oneWayPart: 0.1 }, "speed", /links of nodes that move work both ways/],
    [{ shape: "line", nodes: 9, size: 2 }, "size", /size/],
  ] as const) {
    it(`${JSON.stringify(given)} is refused, with the name and what is allowed`, () => {
      assert.throws(() => makeTopology(given as never), (error: Error & { code?: string; option?: string }) => {
        assert.match(error.message, message);
        assert.deepEqual([error.code, error.option], ["ERR_OPTION", name]);
        return true;
      });
    });
  }
});

describe("paths of a topology", () => {
  it("distances count links that work both ways", () => {
    const topology = makeTopology({ shape: "ring", nodes: 6 });
    assert.deepEqual([...topology.distances(0)], [0, 1, 2, 3, 2, 1]);
    topology.set(0, 5, false);
    assert.deepEqual([...topology.distances(0)], [0, 1, 2, 3, 4, 5]);
    assert.deepEqual([topology.links, topology.oneWayLinks], [6, 1]);
    assert.deepEqual([...topology.distances(0, (node) => node !== 2)], [0, 1, -1, -1, -1, -1]);
    assert.equal(topology.eccentricity(2), 3);
  });

  it("a node's parent is a neighbour that is nearer to the first node", () => {
    for (const shape of SHAPES) {
      const topology = makeTopology({ shape, nodes: 30, seed: 3 });
      const distances = topology.distances(0);
      assert.equal(distances[topology.parent(0)], 1, shape);
      for (let node = 1; node < 30; node++) assert.equal(distances[topology.parent(node)], distances[node] - 1, shape);
    }
    assert.equal(new Topology("nothing", 3, () => false).parent(1), -1);
  });

  it("a node that a topology does not have reaches itself only", () => {
    const topology = makeTopology({ shape: "all", nodes: 4 });
    assert.deepEqual([topology.reaches(4, 4), topology.reaches(4, 0), topology.reaches(0, 4)], [true, false, false]);
  });

  it("the history of paths has pairs with a path in all of the last rounds", () => {
    const topology = makeTopology({ shape: "line", nodes: 3 });
    const history = new PathHistory(2);
    assert.equal(history.note(topology), 1);
    assert.ok(history.hadPath(0, 2));
    topology.set(1, 2, false);
    assert.equal(history.note(topology), 2);
    assert.deepEqual([history.hadPath(0, 1), history.hadPath(0, 2)], [true, false]);
    topology.set(1, 2, true);
    history.note(topology);
    assert.ok(!history.hadPath(0, 2));
    history.note(topology);
    assert.ok(history.hadPath(0, 2));
  });
});

describe("nodes that move", () => {
  const moving = (seed: number, speed = 0.2): MovingTopology => {
    return makeTopology({ shape: "radio", nodes: 40, seed, speed }) as MovingTopology;
  };

  it("nodes begin connected, move as far as their speed allows, and stay in the square", () => {
    const topology = moving(1);
    assert.ok(topology instanceof MovingTopology && topology.isConnected);
    for (let round = 0; round < 300; round++) {
      const before = topology.places.slice();
      topology.move(1);
      for (let node = 0; node < 40; node++) {
        const [x, y] = [topology.places[2 * node], topology.places[2 * node + 1]];
        const length = Math.hypot(x - before[2 * node], y - before[2 * node + 1]);
        assert.ok(length > 0 && length <= 0.2 * topology.range + 1e-9, `node ${node} moved by ${length}`);
        assert.ok(x >= 0 && x <= 1 && y >= 0 && y <= 1);
      }
    }
  });

  it("links follow the distances in both directions; they are lost and come back", () => {
    const topology = moving(2);
    let lost = 0;
    let found = 0;
    let divided = 0;
    let joined = 0;
    for (let round = 0; round < 300; round++) {
      const before = rows(topology).join("");
      const wasConnected = topology.isConnected;
      topology.move(1);
      const after = rows(topology).join("");
      for (let i = 0; i < after.length; i++) {
        if (before[i] > after[i]) lost++;
        else if (before[i] < after[i]) found++;
      }
      if (wasConnected && !topology.isConnected) divided++;
      if (!wasConnected && topology.isConnected) joined++;
      assert.equal(topology.oneWayLinks, 0);
    }
    assert.ok(lost > 100 && found > 100 && divided > 1 && joined > 1, `${lost} ${found} ${divided} ${joined}`);
  });

  it("equal seeds move equally, and half rounds add up to whole ones", () => {
    const [one, other, third] = [moving(3), moving(3), moving(4)];
    for (let round = 0; round < 20; round++) {
      one.move(1);
      other.move(1);
      third.move(1);
    }
    assert.deepEqual(rows(one), rows(other));
    assert.notDeepEqual(rows(one), rows(third));
    const halves = moving(3);
    halves.move(0.5);
    halves.move(0.5);
    const whole = moving(3);
    whole.move(1);
    halves.places.forEach((place, i) => assert.ok(Math.abs(place - whole.places[i]) < 1e-9));
  });
});

describe("a network with a topology", () => {
  it("datagrams arrive only where the topology lets them, also broadcasts", () => {
    const net = new SimNetwork({ seed: 1 });
    net.topology = makeTopology({ shape: "line", nodes: 4 });
    net.topology.set(1, 2, false);
    // One round, an hour from now: the nodes themselves send nothing meanwhile.
    for (let i = 0; i < 4; i++) net.addNode({ options: { seedList: ["10.0.0.9"], roundIntervalMs: 3600000 } });
    net.runFor(1);
    const arrived: string[] = [];
    net.tap = (entry) => {
      if (entry.kind === "datagram") arrived.push(`${entry.address & 0xff}-${entry.node.index + 1}`);
    };
    const noise = Uint8Array.of(1, 2, 3);
    for (const from of net.nodes) {
      for (const to of net.nodes) if (from !== to) net.send(from, noise, 3, to.address, to.port);
    }
    net.runFor(100);
    assert.deepEqual(arrived.splice(0).sort(), ["1-2", "2-1", "3-2", "3-4", "4-3"]);
    assert.equal(net.counts.outOfReach, 7);
    for (const from of net.nodes) net.send(from, noise, 3, 0xffffffff, from.port);
    net.runFor(100);
    const echoes = ["1-1", "2-2", "3-3", "4-4"];
    assert.deepEqual(arrived.sort(), ["1-2", "2-1", "3-2", "3-4", "4-3", ...echoes].sort());
    assert.equal(net.counts.outOfReach, 14);
  });

  it("a value gets from end to end of a line", () => {
    const net = network(makeTopology({ shape: "line", nodes: 6 }));
    net.runFor(60 * ROUND_MS);
    assert.equal(net.nodes[5].gossip?.rows().find(({ id }) => id === net.nodes[0].id)?.data, 0);
    assertNone(checkValues(net));
  });

  it("a topology that is set later holds from then on", () => {
    const net = network(makeTopology({ shape: "all", nodes: 4 }));
    net.topology = undefined;
    net.runFor(10 * ROUND_MS);
    assert.equal(net.counts.outOfReach, 0);
    assertNone(checkAgreement(net));
    net.topology = new Topology("islands", 4, (a, b) => (a < 2) === (b < 2));
    net.runFor(10 * ROUND_MS);
    assert.ok(net.counts.outOfReach > 0);
  });

  it("checkers compare a node with the running nodes to which it has a path", () => {
    const topology = makeTopology({ shape: "line", nodes: 4 });
    const net = network(topology);
    net.runFor(60 * ROUND_MS);
    assertNone(checkValues(net));
    assert.deepEqual(net.runningParts.map((part) => part.map(({ index }) => index)), [[0, 1, 2, 3]]);
    // Nodes 0 and 1 need not agree with 2 and 3 any more. From 2 to 1 datagrams still arrive.
    topology.set(1, 2, false);
    net.nodes[0].push("left");
    net.nodes[3].push("right");
    net.runFor(8 * ROUND_MS);
    assert.deepEqual(net.runningParts.map((part) => part.map(({ index }) => index)), [[0, 1], [2, 3]]);
    assertNone(checkValues(net));
    topology.set(1, 2, true);
    // Whether what 2 knows still reached 1 depends on when 2 found out that 1 does not answer.
    for (const node of net.nodes.slice(2)) assert.ok(violators(checkValues(net)).includes(node.name));
    // A node without power passes nothing on.
    net.nodes[1].crash();
    assert.deepEqual(net.runningParts.map((part) => part.map(({ index }) => index)), [[0], [2, 3]]);
  });
});
