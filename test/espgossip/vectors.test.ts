import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { RANDOM } from "../../src/engine/table/node-words.js";
import { parseAddress, formatAddress } from "../../src/engine/wire/address.js";
import { EspGossipEngine } from "../../src/espgossip/engine.js";
import { EspGossip, type EspGossipRow } from "../../src/espgossip/facade.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";

interface Sent { to: string; port: number; datagram: unknown }

interface Step {
  op: "start" | "round" | "receive" | "push" | "setRevFileValue";
  /** Uptime in seconds. */
  at: number;
  from?: string;
  /** 5000 by default. */
  fromPort?: number;
  text?: string;
  data?: null;
  to?: string;
  value?: number;
  sends: Sent[];
  callbacks: unknown[];
  networkState: Record<string, EspGossipRow>;
  seedList: string[];
  revFile: number;
}

interface Run {
  name: string;
  ip: string;
  config: { roundInterval?: number };
  roundIntervalMs: number;
  revFileBefore?: number;
  steps: Step[];
}

const file = new URL("../vectors/espgossip.json", import.meta.url);
const runs = JSON.parse(readFileSync(file, "utf8")) as Run[];

/** Has its round when it is told to, as the script of the runs does. */
class ScriptedEngine extends EspGossipEngine {
  isRoundDue = false;

  override tick(nowMs: number): void {
    super.tick(nowMs);
    if (this.isRoundDue) this.round();
  }

  override round(): void {
    this.isRoundDue = false;
    super.round();
  }
}

/** Replays a run on the facade. */
class Replay {
  private readonly sends: Sent[] = [];
  private readonly callbacks: unknown[] = [];
  private readonly storage = new MemoryStorage();
  private readonly gossip: EspGossip;
  private engine: ScriptedEngine | undefined;
  private nowMs = 0;
  private timer: (() => void) | undefined;
  private onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void = () => undefined;

  constructor(run: Run) {
    if (run.revFileBefore !== undefined) this.storage.writeRevision(run.revFileBefore);
    this.gossip = new EspGossip({
      socket: {
        bind: (_port, onDatagram) => { this.onDatagram = onDatagram; },
        send: (bytes, length, address, port) => {
          const text = Buffer.from(bytes.subarray(0, length)).toString();
          this.sends.push({ to: formatAddress(address), port, datagram: JSON.parse(text) });
        },
        ownAddress: () => parseAddress(run.ip),
        deviceId: () => 1,
        close: () => undefined,
      },
      clock: {
        nowMs: () => this.nowMs,
        setTimer: (callback) => { this.timer = callback; return 1; },
        clearTimer: () => { this.timer = undefined; },
      },
      storage: this.storage,
      dialect: (options) => {
        assert.equal(options.roundIntervalMs, run.roundIntervalMs);
        this.engine = new ScriptedEngine(options, {}, false);
        return this.engine;
      },
    });
    // The recorded configuration is the table that the module itself appends to: what it began with shows at the start.
    const seedList = [run.ip, ...run.steps[0].seedList];
    this.gossip.setConfig({ ...run.config, seedList });
    this.gossip.callbackFunction = (update) => this.callbacks.push(structuredClone(update));
  }

  step(step: Step): void {
    this.nowMs = step.at * 1000;
    this.sends.length = 0;
    this.callbacks.length = 0;
    this.aim(step);
    this.run(step);
    assert.deepEqual(this.sends, step.sends);
    assert.deepEqual(this.callbacks, step.callbacks);
    assert.deepEqual(this.gossip.networkState, step.networkState);
    assert.deepEqual(JSON.parse(this.gossip.getNetworkState()), step.networkState);
    // Before its start a node has not looked at its own address.
    if (this.engine !== undefined) assert.deepEqual(this.gossip.seedList, step.seedList);
    assert.equal(this.storage.readRevision(), step.revFile);
  }

  /** The random were used up when the runs were written down; where the SYN went shows what they were. */
  private aim({ sends }: Step): void {
    if (this.engine === undefined || sends.length === 0) return;
    const index = this.gossip.seedList.indexOf(sends[0].to);
    // The next number is the sum of the first two words and the last one.
    this.engine.rows.words.set([Math.max(0, index), 0, 0, 0], RANDOM);
  }

  private run(step: Step): void {
    switch (step.op) {
      case "start": this.gossip.start(); break;
      case "round": this.round(); break;
      case "receive": this.receive(step); break;
      case "push": this.gossip.pushGossip(step.data, step.to); break;
      case "setRevFileValue": this.gossip.setRevFileValue(step.value ?? 0); break;
    }
  }

  private round(): void {
    assert.ok(this.engine !== undefined && this.timer !== undefined);
    this.engine.isRoundDue = true;
    this.timer();
  }

  private receive({ text = "", from = "", fromPort = 5000 }: Step): void {
    const bytes = new Uint8Array(Buffer.from(text));
    this.onDatagram(bytes, bytes.length, parseAddress(from), fromPort);
  }
}

describe("ESPGossip as the reference runs it", () => {
  for (const run of runs) {
    it(`${run.name} (${run.steps.length} steps)`, () => {
      const replay = new Replay(run);
      for (const step of run.steps) replay.step(step);
    });
  }

  it("the vectors have 18 runs of 66 steps", () => {
    assert.equal(runs.length, 18);
    assert.equal(runs.reduce((sum, { steps }) => sum + steps.length, 0), 66);
  });
});
