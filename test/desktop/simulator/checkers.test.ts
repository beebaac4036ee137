import assert from "node:assert/strict";
import {
  SimNetwork, checkAgreement, checkDatagramBytes, checkErrors, checkMinMax, checkStatements, checkValues, oneWay, split,
} from "../../../desktop/simulator/index.js";
import type { Gossip } from "../../../src/gossip.js";
import { ROUND_MS, addNodes, assertNone, violators } from "./support.js";

function settled(nodes = 6): SimNetwork {
  const network = new SimNetwork({ seed: 3 });
  addNodes(network, nodes);
  network.runFor(4 * ROUND_MS);
  network.nodes.forEach((node, index) => node.push(index));
  network.runFor(8 * ROUND_MS);
  return network;
}

describe("checkers", () => {
  it("the checkers report nothing of a network in sync", () => {
    const network = settled();
    for (const check of [checkAgreement, checkValues, checkStatements, checkDatagramBytes, checkErrors]) {
      assertNone(check(network));
    }
  });

  it("the checkers report a partition that is not healed, on both sides", () => {
    const network = settled();
    network.faults.cuts = [split(network.nodes.slice(0, 2), network.nodes.slice(2))];
    network.runFor(20 * ROUND_MS);
    const violations = checkAgreement(network);
    assert.equal(violators(violations).length, 6);
    assert.ok(violations.some(({ detail }) => detail.endsWith("is held as down")));
  });

  it("the checkers report a one-way partition that is not healed", () => {
    const network = settled();
    network.faults.cuts = [oneWay(network.nodes.slice(0, 3), network.nodes.slice(3))];
    network.nodes[0].push("news");
    network.runFor(20 * ROUND_MS);
    assert.ok(checkAgreement(network).length > 0);
  });

  it("the checkers report a node that holds another's value under another name", () => {
    const network = new SimNetwork({ seed: 3 });
    for (const name of ["a", "b"]) network.addNode({ options: { seedList: ["10.0.0.1"], name } });
    network.runFor(8 * ROUND_MS);
    network.nodes[1].push(1);
    network.runFor(ROUND_MS);
    assertNone(checkValues(network));
    const { rows } = network.nodes[0].gossip!.engine;
    rows.setValue(rows.find(network.nodes[1].id), Uint8Array.of(0x61, 0x63, 0x01), 0, 3);
    const details = checkValues(network).map(({ detail }) => detail);
    assert.deepEqual(details, ['node 1 (10.0.0.2) shares 1 as "b"; it is held with 1 as "c"']);
  });

  it("the checkers report exactly the nodes that were not notified of a value", () => {
    const network = settled();
    network.faults.lossProbability = 1;
    network.nodes[4].push("unheard");
    const violations = checkValues(network);
    assert.equal(violations.length, 5);
    assert.ok(!violators(violations).includes(network.nodes[4].name));
    assert.equal(violations[0].detail, 'node 4 (10.0.0.5) shares "unheard"; it is held with 4');
    assertNone(checkStatements(network));
  });

  it("the checkers report old statements, unless only values count", () => {
    const network = settled();
    network.faults.lossProbability = 1;
    network.nodes[4].push(4);
    const violations = checkAgreement(network);
    assert.deepEqual(violators(violations), network.nodes.filter((_, i) => i !== 4).map(({ name }) => name));
    for (const { detail } of violations) {
      assert.match(detail, /^node 4 \(10\.0\.0\.5\) is at revision 0, heartbeat \d+; it is held at 0, \d+$/);
    }
    assertNone(checkValues(network));
  });

  it("the checkers report a node without rows once for each row that it should hold", () => {
    const network = new SimNetwork({ seed: 3 });
    addNodes(network, 3);
    network.faults.lossProbability = 1;
    network.runFor(2 * ROUND_MS);
    const violations = checkAgreement(network);
    assert.equal(violations.length, 6);
    for (const { detail } of violations) assert.match(detail, /is not held$/);
  });

  it("the checkers report a node that is held as live and does not run", () => {
    const network = settled();
    network.nodes[5].crash();
    assert.equal(violators(checkAgreement(network)).length, 5);
    network.runFor(20 * ROUND_MS);
    assertNone(checkAgreement(network));
  });

  it("the checkers report a node that lies about itself", () => {
    const network = settled();
    const liar = network.nodes[1].gossip as Gossip;
    const honestRows = liar.rows.bind(liar);
    liar.rows = () => honestRows().map((row) => row.id === liar.id ? { ...row, data: "another" } : row);
    const others = network.nodes.filter((_, i) => i !== 1).map(({ name }) => name);
    assert.deepEqual(violators(checkStatements(network)), others);
    liar.rows = () => honestRows().map((row) => row.id === liar.id ? row : { ...row, heartbeat: row.heartbeat + 1 });
    assert.deepEqual(violators(checkStatements(network)), [network.nodes[1].name]);
  });

  it("the checkers report a datagram above the limit", () => {
    const network = settled();
    network.send(network.nodes[2], new Uint8Array(1201), 1201, 0x0a000001, 5000);
    const node = network.nodes[2].name;
    assert.deepEqual(checkDatagramBytes(network), [
      { check: "datagramBytes", node, detail: "sent 1201 bytes; its limit is 1200" },
    ]);
  });

  it("the checkers report a false minimum or maximum", () => {
    const network = settled(3);
    const none = { minimum: undefined, maximum: undefined };
    const beliefs = [{ minimum: 1, maximum: 5 }, { minimum: 1, maximum: 4 }, none];
    const violations = checkMinMax(network, ({ index }) => beliefs[index], [5, 1, 3]);
    assert.deepEqual(violations.map(({ detail }) => detail), [
      "computed 1 to 4; true are 1 to 5", "computed undefined to undefined; true are 1 to 5",
    ]);
  });

  it("the checkers report the errors of nodes", () => {
    const network = settled(2);
    network.addNode({ id: network.nodes[0].id, options: { seedList: ["10.0.0.1"] } });
    network.runFor(60 * ROUND_MS);
    assert.ok(checkErrors(network).some(({ detail }) => detail.startsWith("reported idConflict")));
  });
});
