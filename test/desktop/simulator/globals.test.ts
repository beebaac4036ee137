import assert from "node:assert/strict";
import { SimNetwork, type SimNode, type SimNodeOptions } from "../../../desktop/simulator/index.js";
import { Gossip } from "../../../src/gossip.js";

const T = 1767225600000;

/** A network with one device whose application does something when it starts. */
function withApplication(
  application: (gossip: Gossip, node: SimNode) => void, more: SimNodeOptions = {}, seed = 1,
): { network: SimNetwork; node: SimNode } {
  const network = new SimNetwork({ seed });
  const node = network.addNode({
    start(platform, storage, started) {
      const gossip = new Gossip({ ...platform, storage });
      gossip.start();
      application(gossip, started);
      return gossip;
    },
    ...more,
  });
  return { network, node };
}

describe("timers of an application in the simulator", () => {
  it("timers run in virtual time, so that an application with setInterval behaves as on a device", () => {
    const network = new SimNetwork({ seed: 7 });
    for (let i = 0; i < 3; i++) {
      network.addNode({
        options: { seedList: ["10.0.0.1"] },
        start(platform, storage) {
          const gossip = new Gossip({ ...platform, storage });
          gossip.start();
          let readings = 0;
          setInterval(() => gossip.push(`reading ${++readings}`), 30000);
          return gossip;
        },
      });
    }
    network.runFor(10 * 60000 + 15000);
    for (const { gossip } of network.nodes) {
      assert.deepEqual(gossip?.rows().map(({ data }) => data), ["reading 20", "reading 20", "reading 20"]);
    }
  });

  it("timers fire at the times of a device, in their order, with their arguments", () => {
    const calls: unknown[][] = [];
    const { network } = withApplication((_gossip, { network: { nowMs } }) => {
      const note = (...all: unknown[]): void => void calls.push([network.nowMs - nowMs, ...all]);
      setTimeout(note, 20, "b", 1);
      setTimeout(note, 10, "a");
      setTimeout(note);
      setTimeout(note, -5, "negative");
      setTimeout(note, 2 ** 31, "too long");
      setImmediate(note, "immediate");
      const timer = setInterval(() => {
        note("interval");
        if (network.nowMs - nowMs > 20) clearInterval(timer);
      }, 10);
      clearTimeout(setTimeout(note, 1, "cleared"));
      clearTimeout(+setTimeout(note, 1, "cleared by its number"));
      clearImmediate(setImmediate(note, "cleared"));
      setTimeout(note, 5, "refreshed").refresh().unref().ref();
      clearTimeout(undefined);
    });
    network.runFor(1000);
    assert.deepEqual(calls, [
      [0, "immediate"], [1], [1, "negative"], [1, "too long"], [5, "refreshed"], [10, "a"], [10, "interval"],
      [20, "b", 1], [20, "interval"], [30, "interval"],
    ]);
  });

  it("may be refreshed after they went off, as on Node.js, but not after they were cleared", () => {
    const times: number[] = [];
    const { network } = withApplication(() => {
      const timer = setTimeout(() => {
        times.push(network.nowMs);
        if (times.length < 3) timer.refresh();
      }, 10);
      const cleared = setTimeout(() => times.push(-1), 10);
      clearTimeout(cleared);
      cleared.refresh();
    });
    network.runFor(100);
    assert.deepEqual(times, [10, 20, 30]);
  });

  it("keep their place when one throws on a device that stood still: the others follow, and the node lives on", () => {
    const calls: string[] = [];
    const { network, node } = withApplication((gossip) => {
      setTimeout(() => { throw new Error("of the application"); }, 10);
      setTimeout(() => calls.push("second"), 10);
      setTimeout(() => gossip.push(1), 20);
    });
    network.runFor(5);
    node.stall(60000);
    assert.throws(() => network.runFor(120000), /of the application/);
    const { datagrams } = network.counts;
    network.runFor(120000);
    assert.deepEqual(calls, ["second"]);
    assert.ok(network.counts.datagrams > datagrams + 5);
  });

  it("that restart a device which stood still lose the datagrams that waited for it", () => {
    for (let seed = 1; seed <= 8; seed++) {
      const { network, node } = withApplication((_gossip, started) => {
        if (started.starts === 1) setTimeout(() => started.restart({ keepStorage: true }), 10);
      }, {}, seed);
      const received: number[] = [];
      network.tap = (entry) => {
        if (entry.kind === "datagram" && entry.address === 0x0a000009) received.push(entry.node.starts);
      };
      network.runFor(5);
      node.stall(1000);
      network.inject(node, new Uint8Array(8), 0x0a000009, 5000);
      network.runFor(2000);
      assert.equal(node.starts, 2);
      assert.ok(!received.includes(2), `seed ${seed}`);
    }
  });

  it("timers end with the power, and begin again with the next start", () => {
    const calls: number[] = [];
    const { network, node } = withApplication((_gossip, { starts }) => {
      setInterval(() => calls.push(starts), 1000);
    });
    network.runFor(2500);
    node.crash();
    network.runFor(5000);
    assert.deepEqual(calls, [1, 1]);
    node.start();
    network.runFor(2500);
    assert.deepEqual(calls, [1, 1, 2, 2]);
  });

  it("timers are late on a device that stands still, and follow the rate of its clock", () => {
    const calls: number[] = [];
    const { network, node } = withApplication(() => {
      setInterval(() => calls.push(network.nowMs), 1000);
    }, { clockSkewPpm: 250000 });
    network.runFor(1000);
    assert.deepEqual(calls, [800], "its clock is fast by a quarter");
    node.stall(5000);
    network.runFor(7000);
    assert.deepEqual(calls, [800, 6000, 6800, 7600]);
  });

  it("callbacks of the node, and a test with run(), can set and clear timers", () => {
    const calls: string[] = [];
    const { network, node } = withApplication(() => undefined);
    network.runFor(0);
    const timer = node.run(() => setTimeout(() => calls.push("cleared"), 100));
    node.run(() => setTimeout(() => calls.push("run"), 100));
    node.run(() => clearTimeout(timer));
    network.runFor(1000);
    const inCallback = withApplication(() => undefined, {
      start(platform, storage) {
        const options = { onState: () => void setTimeout(() => calls.push("of a callback"), 100) };
        const gossip = new Gossip({ ...platform, storage, seedList: ["10.0.0.2"], ...options });
        gossip.start();
        return gossip;
      },
    });
    inCallback.network.addNode();
    inCallback.network.runFor(20000);
    assert.deepEqual(calls, ["run", "of a callback"]);
  });

  it("timers belong to the device whose code sets them, even when devices call each other", () => {
    const calls: string[] = [];
    const { network, node } = withApplication(() => undefined);
    const other = network.addNode();
    network.runFor(0);
    node.run(() => {
      other.run(() => setTimeout(() => calls.push("other"), 100));
      setTimeout(() => calls.push("node"), 100);
    });
    node.crash();
    network.runFor(1000);
    assert.deepEqual(calls, ["other"]);
  });

  it("the simulator restores the globals, even when an application throws", () => {
    const before = { ...names() };
    const { network } = withApplication(() => {
      assert.notEqual(names().setTimeout, before.setTimeout);
      setTimeout(() => {
        throw new Error("of the application");
      }, 1);
    });
    network.schedule(0, () => assert.ok(Date.now() > T, "the test's own code has the real time"));
    assert.throws(() => network.runFor(1000), /of the application/);
    assert.deepEqual(names(), before);
    assert.ok(!Object.hasOwn(performance, "now"));
  });

  it("refuse a callback that is no function", () => {
    const { network } = withApplication(() => (setTimeout as (callback: unknown) => unknown)({}));
    assert.throws(() => network.runFor(1), /^TypeError: callback: \[object Object\] is not a function/);
  });

  function names(): Record<string, unknown> {
    return {
      setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate, Date, random: Math.random,
    };
  }
});

describe("time and chance of an application in the simulator", () => {
  it("the application gets the device's time of day, uptime and random numbers", () => {
    const draw = (seed: number): unknown[] => {
      const drawn: unknown[] = [];
      const { network, node } = withApplication(() => {
        setTimeout(() => {
          drawn.push(Date.now(), new Date().toISOString(), Date().length > 10, performance.now(), Math.random());
          drawn.push(new Date(5).getTime(), new Date() instanceof Date, Date.UTC(1970, 0, 1));
        }, 1500);
      }, { physicalStartMs: T, startAfterMs: 500 }, seed);
      network.runFor(1000);
      node.jumpClock(60000);
      network.runFor(9000);
      return drawn;
    };
    const [now, iso, isText, uptimeMs, random, ...rest] = draw(1);
    assert.deepEqual([now, iso, isText, uptimeMs], [T + 62000, "2026-01-01T00:01:02.000Z", true, 1500]);
    assert.deepEqual(rest, [5, true, 0]);
    assert.ok(typeof random === "number" && random >= 0 && random < 1);
    assert.deepEqual(draw(1)[4], random);
    assert.notEqual(draw(2)[4], random);
  });

  it("time begins at 1970 on a device that does not know the time of day", () => {
    const times: number[] = [];
    const { network } = withApplication(() => setTimeout(() => times.push(Date.now()), 1500), { startAfterMs: 500 });
    network.runFor(9000);
    assert.deepEqual(times, [1500]);
  });
});
