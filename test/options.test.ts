import assert from "node:assert/strict";
import fc from "fast-check";
import { eventFeeds } from "../src/events/index.js";
import { type ChismeError, Gossip, type GossipOptions } from "../src/gossip.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import { latestMap } from "../src/views/latest-map.js";
import { minMax } from "../src/views/min-max.js";
import { records } from "../src/views/records.js";
import { topicMerge } from "../src/views/topic-merge.js";
import { parseEndpoint } from "../src/checks.js";
import { checkOptions } from "../src/options.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";
import { propertyOptions } from "./support/random.js";

const { socket, clock } = new FakeNode(new FakeNetwork(), "192.168.0.53");

function check(options: Record<string, unknown>): ReturnType<typeof checkOptions> {
  return checkOptions({ socket, clock, ...options });
}

/** Checks that the options are refused with a message that has all these parts in this order. */
function refuses(options: Record<string, unknown>, ...parts: string[]): void {
  assert.throws(() => check(options), (error: ChismeError) => {
    assert.ok(error instanceof RangeError || error instanceof TypeError, error.name);
    assert.equal(error.code, "ERR_OPTION");
    assert.equal(error.option, parts[0]);
    let at = 0;
    for (const part of parts) {
      const found = error.message.indexOf(part, at);
      assert.ok(found >= 0, `${JSON.stringify(error.message)} lacks ${JSON.stringify(part)}`);
      at = found + part.length;
    }
    assert.ok(error.message.startsWith(parts[0]), error.message);
    return true;
  });
}

const integers = [
  { name: "id", least: 0, most: 4294967295, fallback: 0xc0a80035 },
  { name: "port", least: 1, most: 65535, fallback: 5000 },
  { name: "roundIntervalMs", least: 100, most: 3600000, fallback: 10000 },
  { name: "capacity", least: 2, most: 65535, fallback: 64 },
  { name: "datagramBytesMax", least: 128, most: 1472, fallback: 1200 },
  { name: "valueBytesMax", least: 0, most: 255, fallback: 32 },
  { name: "seedCapacity", least: 1, most: 255, fallback: 16 },
  { name: "removeAfterMs", least: 60000, most: 1728000000, fallback: 86400000 },
  { name: "randomSeed", least: 0, most: 4294967295, fallback: 0 },
] as const;

describe("options: numbers", () => {
  for (const { name, least, most, fallback } of integers) {
    it(`${name} is an integer from ${least} to ${most}, ${fallback} by default`, () => {
      assert.equal(check({})[name], fallback);
      assert.equal(check({ [name]: undefined })[name], fallback);
      for (const good of [least, least + 1, most - 1, most]) assert.equal(check({ [name]: good })[name], good);
      const range = [String(least), String(most)];
      for (const bad of [least - 1, most + 1, least + 0.5, most - 0.5, -1, NaN, Infinity, -Infinity, 2 ** 53]) {
        refuses({ [name]: bad }, name, String(bad), ...range);
      }
      refuses({ [name]: String(fallback) }, name, `"${fallback}"`, ...range);
      refuses({ [name]: null }, name, "null", ...range);
      refuses({ [name]: true }, name, "true", ...range);
      refuses({ [name]: [fallback] }, name, "array", ...range);
      refuses({ [name]: { valueOf: () => fallback } }, name, "object", ...range);
      refuses({ [name]: BigInt(fallback) }, name, String(fallback), ...range);
    });
  }

  it("valueBytesMax leaves room for a frame around the value, and for what events add to it", () => {
    assert.equal(check({ datagramBytesMax: 128, valueBytesMax: 55 }).valueBytesMax, 55);
    const limit = "73 less than datagramBytesMax";
    refuses({ datagramBytesMax: 128, valueBytesMax: 56 }, "valueBytesMax", "56", "0", "55", limit);
    assert.equal(check({ datagramBytesMax: 328, valueBytesMax: 255 }).valueBytesMax, 255);
    refuses({ datagramBytesMax: 327, valueBytesMax: 255 }, "valueBytesMax", "255", "0", "254", limit);
    assert.equal(check({ datagramBytesMax: 128 }).valueBytesMax, 32);
    const events = { events: eventFeeds({ digest: nodeDigest }), datagramBytesMax: 300 };
    assert.equal(check({ ...events, valueBytesMax: 209 }).valueBytesMax, 209);
    refuses({ ...events, valueBytesMax: 210 }, "valueBytesMax", "210", "0", "209", "91 less than datagramBytesMax");
  });

  it("id is that of the device by default, which is checked too", () => {
    assert.equal(check({ socket: { ...fakeSocket(), deviceId: (port: number) => port + 1 }, port: 77 }).id, 78);
    refuses({ socket: { ...fakeSocket(), deviceId: () => NaN } }, "id", "NaN");
  });

  it("trustedSubnets has 1 to 8 subnets, each an address, a slash and the bits of its network", () => {
    const word = (text: string): number[] => [...check({ trustedSubnets: [text] }).trustedSubnets ?? []];
    assert.equal(check({}).trustedSubnets, undefined);
    assert.deepEqual(word("192.168.0.0/16"), [0xc0a80000, 0xffff0000]);
    assert.deepEqual(word("10.0.0.1/32"), [0x0a000001, 0xffffffff]);
    assert.deepEqual(word("0.0.0.0/0"), [0, 0]);
    assert.deepEqual(word("128.0.0.0/1"), [0x80000000, 0x80000000]);
    const eight = Array.from({ length: 8 }, (_, i) => `10.${i}.0.0/16`);
    assert.equal(check({ trustedSubnets: eight }).trustedSubnets?.length, 16);
    refuses({ trustedSubnets: [...eight, "10.9.0.0/16"] }, "trustedSubnets", "9 subnets", "1 to 8");
    refuses({ trustedSubnets: [] }, "trustedSubnets", "0 subnets", "1 to 8");
    refuses({ trustedSubnets: "10.0.0.0/8" }, "trustedSubnets", '"10.0.0.0/8" is not an array', '"192.168.0.0/16"');
    for (const bad of [
      "192.168.0.0", "192.168.0.0/", "/16", "192.168.0/16", "192.168.0.0/33", "192.168.0.0/-1", "192.168.0.0/016",
      "192.168.0.0/1.5", "192.168.0.0/ 16", "fe80::/10", "", 7, null,
    ]) {
      const shown = bad === null ? "null" : JSON.stringify(bad);
      refuses({ trustedSubnets: ["10.0.0.0/8", bad] }, "trustedSubnets[1]", shown, '"192.168.0.0/16"');
    }
    refuses({ trustedSubnets: ["192.168.0.1/16"] }, "trustedSubnets[0]", '"192.168.0.1/16"', '"192.168.0.0/16"');
  });

  it("address is the one that the socket gives", () => {
    assert.equal(check({}).address, 0xc0a80035);
  });
});

function fakeSocket(): Record<string, unknown> {
  const nothing = () => undefined;
  return { bind: nothing, send: nothing, ownAddress: () => 1, deviceId: () => 1, close: nothing };
}

describe("options: objects and functions", () => {
  it("a socket, clock or storage that lacks one method is refused with its name", () => {
    for (const [name, methods] of [
      ["socket", ["send", "bind", "ownAddress", "deviceId", "close"]],
      ["clock", ["nowMs", "setTimer", "clearTimer"]],
      ["storage", ["readRevision", "writeRevision"]],
    ] as const) {
      const all = Object.fromEntries(methods.map((method) => [method, () => 1]));
      check({ [name]: all });
      for (const method of methods) {
        refuses({ [name]: { ...all, [method]: undefined } }, name, `has no method ${method}`);
      }
    }
  });

  for (const dialect of [auto, espgossip]) it(`dialect makes an engine: ${dialect.name} without () is refused`, () => {
    assert.throws(() => new Gossip({ socket, clock, dialect: dialect as never }), {
      name: "TypeError", code: "ERR_OPTION", option: "dialect",
      message: "dialect: it is not made by espgossip() or auto() of chisme/espgossip",
    });
  });

  it("the makers of dialects and views refuse other options, and options of another type, with their names", () => {
    const merge = { topic: "t", merge: () => 1 };
    for (const [make, name, option, problem] of [
      [() => espgossip({ recove: true } as never), "TypeError", "recove", "there is no such option"],
      [() => auto({ wrap: true } as never), "TypeError", "wrap", "there is no such option"],
      [() => minMax({ onchange: () => 1 } as never), "TypeError", "onchange", "there is no such option"],
      [() => minMax((() => 1) as never), "TypeError", "options", "a function is not an object"],
      [() => minMax({ select: 1 } as never), "TypeError", "select", "1 is not a function"],
      [() => minMax({ onChange: 1 } as never), "TypeError", "onChange", "1 is not a function"],
      [() => latestMap({ topic: "door" } as never), "TypeError", "topic", "there is no such option"],
      [() => latestMap({ topics: "door" } as never), "TypeError", "topics", '"door" is not an array of topics'],
      [() => latestMap({ onChange: 1 } as never), "TypeError", "onChange", "1 is not a function"],
      [() => records({ topics: [] } as never), "TypeError", "topics", "there is no such option"],
      [() => records({ onChange: 1 } as never), "TypeError", "onChange", "1 is not a function"],
      [() => topicMerge(undefined as never), "TypeError", "options", "undefined has no method merge"],
      [() => topicMerge({ topic: "t" } as never), "TypeError", "options", "an object has no method merge"],
      [() => topicMerge({ ...merge, topic: 5 } as never), "TypeError", "topic", "5 is not a text"],
      [() => topicMerge({ ...merge, on: 1 } as never), "TypeError", "on", "there is no such option"],
      [() => topicMerge({ ...merge, onChange: 1 } as never), "TypeError", "onChange", "1 is not a function"],
    ] as [() => unknown, string, string, string][]) {
      assert.throws(make, { name, code: "ERR_OPTION", option, message: `${option}: ${problem}` });
    }
  });

  it("a view belongs to one node", () => {
    const view = minMax();
    const make = (more: Partial<GossipOptions>) => new Gossip({ socket, clock, digest: nodeDigest, ...more });
    make({ views: [view] });
    assert.throws(() => make({ views: [view] }), { name: "RangeError", code: "ERR_OPTION", option: "views" });
    for (const shared of [latestMap(), records(), topicMerge({ topic: "+t", merge: () => 1 })]) {
      make({ events: eventFeeds({ views: [shared] }) });
      const again = () => make({ events: eventFeeds({ views: [shared] }) });
      assert.throws(again, { name: "RangeError", code: "ERR_OPTION", option: "events.views" });
    }
    const events = eventFeeds();
    assert.notEqual(make({ events }), make({ events }));
  });

  for (const name of ["socket", "clock", "storage"]) {
    it(`${name} is an object with methods`, () => {
      for (const [bad, shown] of [
        [5, "5"], ["x", '"x"'], [null, "null"], [{}, "an object"], [[], "an array"], [true, "true"],
      ] as const) refuses({ [name]: bad }, name, shown);
    });
  }

  it("socket and clock are needed", () => {
    assert.throws(() => checkOptions({ clock } as unknown as GossipOptions), /^TypeError: socket: undefined/);
    assert.throws(() => checkOptions({ socket } as unknown as GossipOptions), /^TypeError: clock: undefined/);
  });

  for (const name of ["debugOutput", "onUpdate", "onState", "onError"]) {
    it(`${name} is a function`, () => {
      check({ [name]: () => undefined });
      check({ [name]: undefined });
      for (const [bad, shown] of [
        [5, "5"], ["log", '"log"'], [null, "null"], [{}, "an object"], [[], "an array"], [NaN, "NaN"],
      ] as const) refuses({ [name]: bad }, name, shown, "function");
    });
  }

  it("views is an array of views", () => {
    const view = { bind: () => undefined, rowChanged: () => undefined, settle: () => undefined };
    check({ views: [] });
    check({ views: [view] });
    for (const bad of [5, "views", {}, view, [5], [{}], [undefined], [null]]) {
      assert.throws(() => new Gossip({ socket, clock, views: bad } as unknown as GossipOptions), /^TypeError: views/);
    }
  });

  it("all options together are an object", () => {
    for (const bad of [undefined, null, 5, "x"]) {
      assert.throws(() => checkOptions(bad as unknown as GossipOptions), { name: "TypeError", code: "ERR_OPTION", message: /^options: / });
    }
  });

  it("an unknown option is named", () => {
    refuses({ interval: 10 }, "interval", "no such option");
    refuses({ Port: 5000 }, "Port", "no such option");
    refuses({ onupdate: undefined }, "onupdate", "no such option");
    refuses({ toString: 1 }, "toString", "no such option");
    refuses({ "": 1 }, "", "no such option");
  });
});

describe("options: addresses", () => {
  const bad: [unknown, string][] = [
    ["", '""'], ["1.2.3", '"1.2.3"'], ["1.2.3.256", '"1.2.3.256"'], ["01.2.3.4", '"01.2.3.4"'],
    [" 1.2.3.4", '" 1.2.3.4"'], ["host", '"host"'], ["0.0.0.0", '"0.0.0.0"'],
    [5, "5"], [NaN, "NaN"], [{}, "an object"], [["1.2.3.4"], "an array"], [true, "true"],
  ];

  it("broadcastAddress is an IPv4 address, 255.255.255.255 by default", () => {
    assert.equal(check({}).broadcastAddress, 0xffffffff);
    assert.equal(check({ broadcastAddress: "192.168.0.255" }).broadcastAddress, 0xc0a800ff);
    for (const [value, shown] of bad) refuses({ broadcastAddress: value }, "broadcastAddress", shown, "192.168.0.54");
    refuses({ broadcastAddress: "1.2.3.4:5000" }, "broadcastAddress", '"1.2.3.4:5000"');
  });

  it("seedList has addresses with and without a port, none by default", () => {
    assert.deepEqual(check({}).seeds, []);
    assert.deepEqual(check({ seedList: [] }).seeds, []);
    assert.deepEqual(check({ seedList: ["192.168.0.54", "192.168.0.54:5001", "1.2.3.4:1", "1.2.3.4:65535"] }).seeds, [
      0xc0a80036, 5000, 0xc0a80036, 5001, 0x01020304, 1, 0x01020304, 65535,
    ]);
    assert.deepEqual(check({ seedList: ["192.168.0.54"], port: 77 }).seeds, [0xc0a80036, 77]);
  });

  it("seedList names the seed that is wrong", () => {
    for (const [value, shown] of bad) refuses({ seedList: ["1.2.3.4", value] }, "seedList[1]", shown, "192.168.0.54");
    for (const port of ["0", "65536", "123456", "-1", "1.5", "1e3", "x", "", " 1", "1 ", "5000:1"]) {
      refuses({ seedList: [`1.2.3.4:${port}`] }, "seedList[0]", ": port", "from 1 to 65535");
    }
    refuses({ seedList: ["1.2.3.4:0"] }, "seedList[0]", ": port", "0");
    refuses({ seedList: ["1.2.3.4:65536"] }, "seedList[0]", ": port", "65536");
    refuses({ seedList: ["::1"] }, "seedList[0]");
    refuses({ seedList: [undefined] }, "seedList[0]", "undefined");
  });

  it("seedList is an array and not longer than seedCapacity", () => {
    for (const [value, shown] of [["1.2.3.4", '"1.2.3.4"'], [5, "5"], [{}, "an object"], [NaN, "NaN"]] as const) {
      refuses({ seedList: value }, "seedList", shown, "array");
    }
    const seedList = Array.from({ length: 17 }, (_, i) => `10.0.0.${i + 1}`);
    assert.equal(check({ seedList: seedList.slice(1) }).seeds.length, 32);
    refuses({ seedList }, "seedList", "17", "16");
    refuses({ seedList: ["1.1.1.1", "1.1.1.2"], seedCapacity: 1 }, "seedList", "2", "1");
  });

  it("an address with a port is read or refused", () => {
    const octet = fc.nat(260);
    const port = fc.oneof(fc.nat(70000).map(String), fc.constantFrom("", "x", "1.5"));
    const endpoint = fc.tuple(octet, octet, octet, octet, fc.option(port));
    fc.assert(fc.property(endpoint, ([a, b, c, d, portText]) => {
      const good = [a, b, c, d].every((part) => part < 256) && a + b + c + d > 0
        && (portText === null || (/^\d+$/.test(portText) && Number(portText) >= 1 && Number(portText) <= 65535));
      const text = `${a}.${b}.${c}.${d}${portText === null ? "" : `:${portText}`}`;
      const out: number[] = [];
      if (!good) {
        assert.throws(() => parseEndpoint("push", "address", text, 9, out), /^RangeError: push: address: /);
      } else {
        parseEndpoint("push", "address", text, 9, out);
        const address = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
        assert.deepEqual(out, [address, portText === null ? 9 : Number(portText)]);
      }
    }), propertyOptions(2000));
  });
});

describe("options: RangeError and TypeError", () => {
  const named: [Record<string, unknown>, string][] = [
    [{ port: 0 }, "RangeError"], [{ port: "5000" }, "TypeError"], [{ seedList: ["1.2.3"] }, "RangeError"],
    [{ seedList: [5] }, "TypeError"], [{ seedList: 5 }, "TypeError"], [{ interval: 1 }, "TypeError"],
    [{ seedList: ["1.1.1.1", "1.1.1.2"], seedCapacity: 1 }, "RangeError"], [{ onState: 1 }, "TypeError"],
    [{ key: "0" }, "RangeError"], [{ key: 0 }, "TypeError"],
  ];
  for (const [options, name] of named) {
    it(`${JSON.stringify(options)} throws a ${name}`, () => {
      assert.throws(() => check(options), { name, code: "ERR_OPTION" });
    });
  }
});
