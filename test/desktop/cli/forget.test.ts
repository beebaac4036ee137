import assert from "node:assert/strict";
import { Commands } from "../../../desktop/cli/commands.js";
import { Contributions } from "../../../desktop/control/contributions.js";
import { MemberTimes } from "../../../desktop/control/members.js";
import { NodeActions } from "../../../desktop/control/node-actions.js";
import { NodeQueries } from "../../../desktop/control/node-queries.js";
import { MessageCommands } from "../../../desktop/cli/message-commands.js";
import type { NodeReport } from "../../../desktop/cli/node-report.js";
import { SimNetwork } from "../../../desktop/simulator/index.js";
import { latestMap } from "../../../src/views/latest-map.js";

const MINUTE_MS = 60000;

describe("the command forget", () => {
  it("removes a node by its id or its address, and says what is wrong otherwise", () => {
    const network = new SimNetwork({ seed: 5 });
    for (let i = 0; i < 4; i++) network.addNode({ options: { seedList: ["10.0.0.1"] } });
    network.runFor(5 * MINUTE_MS);
    const [first, second, third, fourth] = network.nodes;
    const nothing = (): void => undefined;
    const gossip = first.gossip! as never;
    const latest = latestMap({ capacity: 2 });
    const times = new MemberTimes(() => network.nowMs);
    const commands = new Commands({
      gossip, report: {} as NodeReport, messages: new MessageCommands({} as NodeReport, 1000, () => 0),
      queries: new NodeQueries({ gossip, latest, contributions: new Contributions(), times }),
      actions: new NodeActions({ gossip, share: nothing, leave: nothing }),
    });
    const run = (line: string): number => first.run(() => commands.run(line, assert.ifError));
    assert.throws(() => run("forget"), /^Error: forget: NODE is missing: forget NODE$/);
    assert.throws(() => run("forget 10.0.0.2"), { code: "ERR_STATE", message: /is (up|probed), neither down nor left$/ });
    assert.throws(() => run("forget 7"), { code: "ERR_ARGUMENT", message: "forget: node: no row has 7" });
    assert.throws(() => run("forget kitchen"), { code: "ERR_ARGUMENT" });
    second.crash();
    third.gossip!.close();
    network.runFor(10 * MINUTE_MS);
    run(`forget ${second.id}`);
    run("forget 10.0.0.3:5000");
    network.runFor(MINUTE_MS);
    for (const node of [first, fourth]) {
      assert.deepEqual([second, third].map(({ id }) => node.gossip!.row(id)!.state), ["removed", "removed"]);
    }
  });
});
