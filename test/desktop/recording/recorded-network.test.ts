import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ChangeKind } from "../../../desktop/control/changes.js";
import { RecordedNetwork } from "../../../desktop/recording/recorded-network.js";
import { RecordedState } from "../../../desktop/recording/recorded-state.js";
import { PLAYED_BYTES_MAX, RecordingFile } from "../../../desktop/recording/recording-file.js";
import { SimRandom } from "../../../desktop/simulator/index.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { main } from "../../support/command-line.js";

const SELF = { id: 1, name: "hall", address: "10.0.0.1", port: 5000 };

interface Shown { position: number; atMs: number; isPlaying: boolean; failure?: string; entries: {
  text: string; isDropped?: boolean;
}[]; }

function row(id: number, state: string, data: number): object {
  return { id, address: `10.0.0.${id}`, port: 5000, revision: 0, heartbeat: 1, state, data };
}

/** A recording of so many random entries, over about a second for each 10. */
function madeFile(count: number, seed = 3): string {
  const random = new SimRandom(seed, 1);
  const members = [{ ...row(1, "up", 0), isSelf: true, inStateMs: 5 }];
  const lines: object[] = [{
    chisme: "recording", version: 1, beganMs: 1000, node: SELF, isSealed: false, members, events: [],
  }];
  let atMs = 0;
  for (let at = 0; at < count; at++) {
    atMs += random.below(200);
    const id = random.between(2, 20);
    const kind = random.below(10);
    const state = ["up", "suspect", "down", "left"][random.below(4)];
    if (kind < 5) {
      const direction = kind < 2 ? "in" : "out";
      lines.push({ atMs, kind: "datagram", direction, address: `10.0.0.${id}`, port: 5000, bytes: "wQE=",
        ...kind === 0 && { drop: "length" } });
    } else if (kind < 8) {
      lines.push({ atMs, kind: "row", row: row(id, state, at) });
    } else if (kind === 8) {
      lines.push({ atMs, kind: "forgotten", row: row(id, state, at) });
    } else {
      lines.push({ atMs, kind: "event", event: {
        author: id, generation: 1, sequence: at, timeMs: atMs, counter: 0, kind: "log", topic: "door", value: at,
      } });
    }
  }
  const file = path.join(freshFolder(), "run.jsonl");
  writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  return file;
}

describe("recordings as networks", function () {
  this.timeout(120000);
  const networks: RecordedNetwork[] = [];
  afterEach(cleanUp);
  afterEach(() => networks.splice(0).forEach((network) => network.close()));

  function networkOf(file: string): RecordedNetwork {
    const network = new RecordedNetwork(new RecordingFile(file));
    networks.push(network);
    return network;
  }

  it("the state after any number of entries is that of applying them one by one", () => {
    const file = new RecordingFile(madeFile(3000));
    assert.equal(file.count, 3000);
    const state = new RecordedState(file.head, file.stepMs);
    for (let at = 0; at <= file.count; at++) {
      if (at % 37 === 0 || at === file.count) {
        const jumped = file.stateAfter(at);
        assert.equal(jumped.position, at);
        assert.deepEqual(jumped, state);
        assert.deepEqual(jumped.members(file.endMs), state.members(file.endMs));
      }
      if (at < file.count) state.apply(file.entry(at));
    }
    assert.ok(state.endedRounds().some(({ drops }) => drops > 0));
    assert.ok(state.endedRounds().length <= 512);
  });

  it("steps forward and back agree, and tell of their changes", () => {
    const network = networkOf(madeFile(200));
    const seen: ChangeKind[] = [];
    network.changes.listen((kind) => seen.push(kind));
    const views: object[] = [];
    for (let at = 0; at < 200; at++) {
      views.push(network.view());
      network.act({ action: "step" });
    }
    for (const kind of ["row", "forgotten", "event", "datagrams", "round", "recording"] as const) {
      assert.ok(seen.includes(kind), kind);
    }
    assert.ok(!seen.includes("reset"));
    for (let at = 199; at >= 0; at--) {
      network.act({ action: "back" });
      assert.deepEqual(network.view(), views[at]);
    }
    assert.ok(seen.includes("reset"));
    const { position, atMs } = network.act({ action: "back" }) as Shown;
    assert.deepEqual([position, atMs], [0, 0]);
  });

  it("lines are of the last 50 entries, and what was dropped is marked", () => {
    const network = networkOf(madeFile(200));
    const { endMs } = network.act({ action: "pause" }) as Shown & { endMs: number };
    const { entries, position } = network.act({ action: "jump", atMs: endMs }) as Shown;
    assert.equal(position, 200);
    assert.equal(entries.length, 50);
    const dropped = entries.filter(({ isDropped }) => isDropped);
    assert.ok(dropped.length > 0 && dropped.every(({ text }) => /dropped: length$/.test(text)));
    assert.deepEqual(entries.filter(({ text }) => text.includes("dropped")), dropped);
  });

  for (const [body, message] of [
    [{ action: "fly" }, /^action: "fly" is none of play, /],
    [{ action: "jump" }, /^atMs: nothing is no number from 0 to \d+$/],
    [{ action: "jump", atMs: 1e9 }, /^atMs: 1000000000 is no number from 0 to \d+$/],
    [{ action: "speed", speed: 0 }, /^speed: 0 is no number from 0.01 to 1000$/],
    [{ action: "step", by: 2 }, /^by: 2 is not for step$/],
  ] as const) {
    it(`${JSON.stringify(body)} is refused`, () => {
      const network = networkOf(madeFile(20));
      assert.throws(() => network.act({ ...body }), { message });
    });
  }

  it("a damaged file plays up to the wrong line, and names it", () => {
    const file = madeFile(20);
    writeFileSync(file, "{\"atMs\":", { flag: "a" });
    const recording = new RecordingFile(file);
    assert.equal(recording.count, 20);
    assert.match(recording.failure ?? "", /^line 22: is not JSON/);
    writeFileSync(file, "{}\n");
    assert.throws(() => new RecordingFile(file), /^Error: line 1: chisme: nothing is not "recording"/);
    writeFileSync(file, "");
    assert.throws(() => new RecordingFile(file), /^Error: line 1: is missing/);
    truncateSync(file, PLAYED_BYTES_MAX + 1);
    assert.throws(() => new RecordingFile(file), /^Error: is longer than 134217728 bytes/);
  });

  it("chisme replay --http plays a recording until a signal", async () => {
    const [file, port] = [madeFile(50), freshPort()];
    const replay = spawn(process.execPath, [main, "replay", file, "--http", `127.0.0.1:${port}`]);
    const [line] = await once(replay.stdout, "data") as [Buffer];
    assert.equal(String(line), `page: http://127.0.0.1:${port}/ (Ctrl-C ends it)\n`);
    const url = `http://127.0.0.1:${port}/v1`;
    const jumped = await fetch(`${url}/recording`, {
      method: "POST", headers: { "content-type": "application/json" }, body: '{"action":"jump","atMs":2000}',
    });
    assert.equal((await jumped.json() as Shown).atMs, 2000);
    const { source, self } = await (await fetch(`${url}/network`)).json() as { source: string; self: number };
    assert.deepEqual([source, self], ["recording", 1]);
    const { events } = await (await fetch(`${url}/events`)).json() as { events: object[] };
    const recording = new RecordingFile(file);
    assert.equal(events.length, recording.stateAfter(recording.countUntil(2000)).eventCount);
    replay.kill("SIGINT");
    assert.deepEqual(await once(replay, "close"), [0, null]);
  });
});
