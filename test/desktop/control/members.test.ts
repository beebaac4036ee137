import assert from "node:assert/strict";
import pc from "picocolors";
import { memberLines, membersSummary } from "../../../desktop/cli/members-text.js";
import { type Member, MemberTimes } from "../../../desktop/control/members.js";
import type { NodeRow, NodeState } from "../../../src/gossip.js";

function row(id: number, state: NodeState): NodeRow {
  return { id, address: `10.0.0.${id}`, port: 5000, revision: 0, heartbeat: 0, state, data: undefined };
}

describe("members", () => {
  it("times: a state lasts from its change on, a probe is no change, and a node that is forgotten begins anew", () => {
    let nowMs = 1000;
    const times = new MemberTimes(() => nowMs);
    times.updated(row(2, "up"));
    nowMs += 500;
    times.changed(row(2, "probed"));
    times.heard(2);
    times.heard(3);
    assert.equal(times.size, 1, "a node without a row has no times");
    nowMs += 500;
    assert.deepEqual(times.of(row(2, "probed")), { inStateMs: 1000, lastHeardMs: 500 });
    times.changed(row(2, "down"));
    nowMs += 250;
    assert.deepEqual(times.of(row(2, "down")), { inStateMs: 250, lastHeardMs: 750 });
    times.forget(2);
    assert.deepEqual(times.of(row(2, "up")), { inStateMs: 0, lastHeardMs: 0 });
  });

  it("times: those of nodes without a row do not pile up", () => {
    const times = new MemberTimes(() => 0);
    for (let id = 1; id <= 100; id++) times.updated(row(id, "up"));
    times.keepOnly([row(7, "up"), row(8, "up")]);
    assert.equal(times.size, 2);
  });

  it("the list has a sign and a colour for each state, in columns as wide as they need", () => {
    const member = (id: number, state: NodeState, more: Partial<Member>): Member =>
      ({ ...row(id, state), isSelf: false, inStateMs: 0, lastHeardMs: 0, ...more });
    const members = [
      member(1, "up", { name: "hall", isSelf: true, data: 21.5 }),
      member(2, "probed", { roundTripMs: 12.4, inStateMs: 90061000, port: 5001 }),
      member(3, "asleep", { name: "日本", inStateMs: 3725000 }),
      member(4, "suspect", { lastHeardMs: 61000 }), member(5, "down", { data: "\u001b[2J" }),
      member(6, "left", { roundTripMs: 1.25 }), member(7, "removed", { name: "two words" }),
    ];
    assert.deepEqual(memberLines(members, pc.createColors(false)), [
      "state      name         id  address          for  heard    trip  rev  value",
      "+ up       hall          1  10.0.0.1          0s     0s            0  21.5  (this node)",
      "+ up                     2  10.0.0.2:5001  1d 1h     0s   12 ms    0  -",
      "z asleep   日本          3  10.0.0.3       1h 2m     0s            0  -",
      "? suspect                4  10.0.0.4          0s  1m 1s            0  -",
      'x down                   5  10.0.0.5          0s     0s            0  "\\u001b[2J"',
      "- left                   6  10.0.0.6          0s     0s  1.3 ms    0  -",
      '. removed  "two words"   7  10.0.0.7          0s     0s            0  -',
    ]);
    const versions = memberLines([{ ...members[0], version: "1.2.3" }, members[3]], pc.createColors(false));
    assert.match(versions[0], / rev {2}version {2}value$/);
    assert.match(versions[1], / 0 {2}1\.2\.3 {4}21\.5 {2}\(this node\)$/);
    const colored = memberLines(members, pc.createColors(true)).slice(1);
    const colors = colored.map((line) => /^.\[(\d+)m/.exec(line)?.[1]);
    assert.deepEqual(colors, ["32", "32", "34", "33", "31", "2", "2"]);
    assert.deepEqual(memberLines(members, pc.createColors(false), 12)[3], "z asleep   …");
    assert.equal(membersSummary(members), "7 nodes: 2 up, 1 asleep, 1 suspect, 1 down, 1 left, 1 removed");
    assert.equal(membersSummary(members.slice(0, 1)), "1 node: 1 up");
  });
});
