import assert from "node:assert/strict";
import { FakeNetwork } from "../support/fake-platform.js";
import {
  BASE, ROUND_MS, type OwnedNode, SENSOR, admission, bytesOf, drops, heldOf, house, owned, publish, relay, revoke,
  values,
} from "./owner-support.js";

/** Rounds until a condition holds. */
function roundsUntil(network: FakeNetwork, condition: () => boolean): number {
  let rounds = 0;
  for (; !condition(); rounds++) {
    assert.ok(rounds < 100);
    network.run(ROUND_MS);
  }
  return rounds;
}

/** A sensor that was revoked long ago and has gone on, and a node without keys that holds what it published. */
function revoked(events: number): { network: FakeNetwork; hall: OwnedNode; attic: OwnedNode; sensor: OwnedNode } {
  const network = new FakeNetwork();
  const { hall, attic, sensor } = house(network);
  relay(network, 60);
  sensor.node.gossip.log("door", "before");
  network.run(6 * ROUND_MS);
  revoke(hall);
  network.run(2 * ROUND_MS);
  for (let i = 0; i < events; i++) sensor.node.gossip.log("door", i);
  network.run(200 * ROUND_MS);
  return { network, hall, attic, sensor };
}

describe("events that a node refuses for their author", () => {
  for (const events of [1, 60]) {
    it(`come from peers in one of ten rounds in the end, also if there are ${events}`, () => {
      const { network, hall, attic, sensor } = revoked(events);
      const before = [hall, attic].map(drops);
      const bytes = bytesOf(network, [hall.node, attic.node, sensor.node], 320);
      const refused = [hall, attic].map((one, i) => drops(one) - before[i]);
      // They come again after 64 rounds, and where a new statement of the sensor shows what is held of its feed.
      assert.ok(refused.every((count) => count > 0 && count <= 45), refused.join());
      assert.ok(bytes < (events === 1 ? 120 : 250), String(bytes));
      for (const one of [hall, attic]) assert.deepEqual(values(one), ["before"]);
    });
  }

  it("are taken at once when their author is admitted again", () => {
    const { network, hall, attic } = revoked(3);
    publish(hall, admission(SENSOR, { version: 3 }));
    const all = ["before", 0, 1, 2];
    const rounds = roundsUntil(network, () => [hall, attic].every((one) => values(one).length === all.length));
    assert.ok(rounds <= 3, String(rounds));
    for (const one of [hall, attic]) assert.deepEqual(values(one), all);
  });

  it("are looked at again at once when there are more: they may admit their author", () => {
    const network = new FakeNetwork();
    const { hall, attic } = house(network);
    const garden = owned(network, 56);
    garden.node.gossip.log("door", "early");
    network.run(200 * ROUND_MS);
    assert.deepEqual(values(hall), []);
    publish(garden, admission(56));
    const rounds = roundsUntil(network, () => [hall, attic].every((one) => values(one).length === 1));
    assert.ok(rounds <= 3, String(rounds));
  });

  it("keep no peer from what it lacks of the same author", () => {
    const { network, hall } = revoked(3);
    const cut = heldOf(hall, SENSOR);
    const late = owned(network, 58, { seed: 54 });
    const passing = relay(network, 61);
    const rounds = roundsUntil(network, () => heldOf(late, SENSOR).sequence === cut.sequence);
    assert.ok(rounds <= 6, String(rounds));
    network.run(6 * ROUND_MS);
    assert.deepEqual(values(late), ["before"]);
    assert.equal(heldOf({ node: passing }, SENSOR).author, BASE + SENSOR);
  });

  it("hide no events of others that the same peer has", () => {
    const { network, hall, attic, sensor } = revoked(3);
    // The hall reaches only the node without keys, which holds what is refused.
    network.loses = (from, to) => [from, to].includes(BASE + 53) && ![from, to].includes(BASE + 60);
    sensor.node.gossip.close();
    network.run(100 * ROUND_MS);
    attic.node.gossip.log("lamp", "on");
    const rounds = roundsUntil(network, () => values(hall, "lamp").length === 1);
    assert.ok(rounds <= 6, String(rounds));
  });

  it("leave a feed alone only where nothing of it could be taken: a node gets what it lacks from any peer", () => {
    const network = new FakeNetwork();
    const { hall, attic, sensor } = house(network);
    // The attic knows of the revocation, lacks honest events, and meets a later generation first.
    network.loses = (from, to) => from === BASE + 54 || to === BASE + 54;
    sensor.node.gossip.log("door", "before");
    network.run(6 * ROUND_MS);
    sensor.node.gossip.close();
    const cut = revoke(hall);
    attic.list.offer(admission(SENSOR, { version: 2, ...cut, untilMs: 1e12 }));
    network.loses = (from, to) => from === BASE + 53 || to === BASE + 53;
    const thief = owned(network, SENSOR, { revision: 90, isLax: true, seed: 54 });
    thief.node.gossip.log("door", "stolen");
    network.run(20 * ROUND_MS);
    assert.ok(drops(attic) > 0);
    assert.deepEqual(values(attic), []);
    network.loses = () => false;
    const rounds = roundsUntil(network, () => heldOf(attic, SENSOR).sequence === cut.sequence);
    assert.ok(rounds <= 12, String(rounds));
    network.run(20 * ROUND_MS);
    assert.deepEqual(values(attic), ["before"]);
  });
});
