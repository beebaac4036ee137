import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type CborValue, decodeCbor } from "../../src/cbor/cbor.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import {
  FLAG_IN_SYNC, SECTION_MESSAGE, SECTION_ROWS, TYPE_BITS, TYPE_LEAVE, sectionHead,
} from "../../src/engine/wire/frame.js";
import { rowCheck } from "../../src/engine/table/row-check.js";
import { type VectorRow, frames, refusals, tableOf } from "../engine/wire/frame-support.js";
import { type Captured, fieldsOf, fromHex, requireTshark } from "./capture.js";

interface Row { id: number; revision: number; heartbeat: number; state: number; value: string }
interface Refusal { name: string; reason: string; hex: string }
interface EventVector {
  sequence: number; kind: string; topic: string; key?: string; timeMs: number; counter: number; payload?: string;
  ttlSeconds?: number; origin?: object; canonical: string;
}
interface FeedVector { name: string; hex: string; held: { numbers: number[] }; sections: object }
interface Feed { author: number; events: EventVector[]; frames: FeedVector[]; refusals: Refusal[] }
interface MessageVector {
  name: string; kind: number; try: number; hops: number; to: number; from: number; left: number; number: number;
  topic?: string; value?: CborValue; hex: string; sealed: string;
}

function read<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8")) as Content;
}

const feeds = read<Feed & { copies: Feed; deltas: Feed }>("feeds");
const sealed = read<{ key: string; frames: { name: string; receiver: string | null; sealed: string; head: string;
  body: string }[] }>("sealed-frames");
const messages = read<{ key: string; messages: MessageVector[]; refused: (Refusal & { type: number })[] }>("messages");
const sleep = read<{ waking: { sleeper: Row & { seconds: number }; peer: Row; syn: string; ack: string } }>("sleep");
const time = read<{ request: string; answers: { name: string; hex: string; unixMs: number; source: number;
  hops: number; errorMs: number; ageSeconds: number }[]; ignored: { name: string; hex: string }[] }>("time");
const espgossip = read<{ steps: { sends?: { datagram: object }[] }[] }[]>("espgossip");

const SYN = "c101 24a01f01 19 01 5a 8846f328bb95";
const ACK = "c102 24a01f01 19 01 5a 8846f328bb95 07";

/** Reasons that a frame alone shows. */
const SHOWN = new Set(["version", "type", "length", "section", "row", "value", "event"]);
/** A frame alone does not show these: what is refused depends on what its receiver knows. */
const NOT_ALONE = new Set(["a chunk whose value was changed on the way", "HISTORY whose value was changed on the way"]);

const captured = (hex: string): Captured => ({ bytes: fromHex(hex) });
const hexId = (id: number): string => `0x${id.toString(16).padStart(8, "0")}`;
const hexIds = (ids: readonly number[] = []): string[] => ids.map(hexId);
const decimals = (numbers: readonly number[] = []): string[] => numbers.map(String);

/** A value as the dissector shows it: CBOR's diagnostic notation. */
function shown(value: CborValue): string {
  if (value instanceof Uint8Array) return `h'${Buffer.from(value).toString("hex")}'`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value !== "object" || value === null) return value === undefined ? "undefined" : JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${shown(inner)}`);
  return `{${entries.join(", ")}}`;
}

function shownHex(hex: string): string {
  const bytes = fromHex(hex);
  const result = decodeCbor(bytes, 0, bytes.length);
  assert.ok(result.ok);
  return shown(result.value);
}

/** Milliseconds since 1970 of a field of Wireshark's type absolute time. */
function msOf(text: string): number {
  return Date.parse(text.replace(/\.(\d{3})\d* UTC$/, ".$1 UTC"));
}

describe("the dissector for Wireshark, on the vectors", function () {
  this.timeout(60000);
  before(function () { requireTshark(this); });

  it("shows what each frame states", async () => {
    const results = await fieldsOf(frames.map(({ hex }) => captured(hex)), [
      "chisme.type", "chisme.id", "chisme.revision", "chisme.counter", "chisme.in_reply_to", "chisme.heartbeat",
      "chisme.flags.in_sync", "chisme.table_hash", "chisme.row.address", "chisme.row.port",
      "chisme.row.id", "chisme.row.state", "chisme.row.revision", "chisme.row.heartbeat", "chisme.row.check",
      "chisme.ping_req.id", "chisme.indirect_ack.id", "chisme.want.id", "chisme.digest.from", "chisme.digest.to",
      "chisme.fingerprints.log", "chisme.fingerprints.range", "chisme.limits.value_bytes", "chisme.limits.event_bytes",
      "chisme.limits.capacity", "chisme.drop", "_ws.expert",
    ]);
    for (const [i, vector] of frames.entries()) {
      const { name } = vector;
      const rows = (vector.rows ?? []).map((id) => vector.held.find((row) => row.id === id)!);
      const log = vector.flat?.log ?? vector.buckets;
      const result = results[i];
      const states = result["chisme.row.state"];
      const bytes = fromHex(vector.hex);
      const isAck = vector.type === 2 || vector.type === 6;
      const isInSync = isAck && (vector.flags & FLAG_IN_SYNC) !== 0;
      const hash = tableOf(vector.held).tableHash;
      // The sender's own row has an address only if the sender advertises it.
      const isWhole = ({ isForeign }: VectorRow): boolean => vector.updates !== true || isForeign === true;
      const addressed = rows.filter(isWhole).filter(({ id }) => id !== vector.held[0].id || vector.type > TYPE_LEAVE);
      const checks = rows.filter((row) => !isWhole(row));
      const limits = vector.limits === "same" ? undefined : vector.limits;
      assert.deepEqual(result, {
        "chisme.flags.in_sync": isAck ? [isInSync ? "1" : "0"] : [],
        "chisme.table_hash": isInSync ? [] : [hexId(hash.first >>> 0).slice(2) + hexId(hash.second & 0xffff).slice(-4)],
        "chisme.row.address": addressed.map(({ address }) => formatAddress(address)),
        "chisme.row.port": decimals(addressed.map(({ port }) => port)),
        "chisme.type": [String(bytes[1] & TYPE_BITS)], "chisme.id": result["chisme.id"],
        "chisme.revision": result["chisme.revision"], "chisme.counter": [String(vector.counter)],
        "chisme.in_reply_to": [2, 3, 6, 7].includes(vector.type) ? [String(vector.inReplyTo)] : [],
        "chisme.heartbeat": result["chisme.heartbeat"],
        "chisme.row.id": hexIds(rows.map(({ id }) => id)), "chisme.row.state": states,
        "chisme.row.revision": decimals(rows.filter(isWhole).map(({ revision }) => revision)),
        "chisme.row.check": checks.map(({ address, port, revision, heartbeat }) => (
          `0x${rowCheck(address, port, revision, heartbeat).toString(16).padStart(2, "0")}`
        )),
        "chisme.row.heartbeat": decimals(rows.map(({ heartbeat }) => heartbeat)),
        "chisme.ping_req.id": hexIds(vector.probes), "chisme.indirect_ack.id": hexIds(vector.heard),
        "chisme.want.id": hexIds(vector.wants), "chisme.digest.from": hexIds(vector.digests?.map(({ from }) => from)),
        "chisme.digest.to": hexIds(vector.digests?.map(({ to }) => to)),
        "chisme.fingerprints.log": log === undefined ? [] : [String(log)],
        "chisme.fingerprints.range": decimals(vector.flat?.ranges),
        "chisme.limits.value_bytes": decimals(limits?.slice(0, 1)),
        "chisme.limits.event_bytes": decimals(limits?.slice(1, 2)),
        "chisme.limits.capacity": decimals(limits?.slice(2, 3)),
        "chisme.drop": [], "_ws.expert": [],
      }, name);
      // 6 on the wire is UP and asleep.
      const held = decimals(rows.map(({ state }) => state));
      assert.deepEqual(states.map((state) => state === "6" ? "0" : state), held, name);
    }
  });

  it("shows values of rows as text", async () => {
    const plain = frames.filter(({ rows, held }) => rows !== undefined
      && held.every(({ value }) => value === "" || decodeCbor(fromHex(value), 0, value.length / 2).ok));
    assert.ok(plain.length > 5);
    const fields = ["chisme.row.value", "chisme.row.lacks_value"] as const;
    const results = await fieldsOf(plain.map(({ hex }) => captured(hex)), fields);
    for (const [i, { name, rows, held }] of plain.entries()) {
      const { "chisme.row.value": values, "chisme.row.lacks_value": lacked } = results[i];
      const shared = rows!.map((id) => held.find((row) => row.id === id)!.value).filter((value) => value !== "");
      if (lacked.length > 0) assert.ok(values.length < rows!.length, name);
      else assert.deepEqual(values, shared.map(shownHex), name);
    }
  });

  it("shows which hashes and limits an answer shares with the frame that it answers", async () => {
    const inSync = "c122 24a01f01 19 03 5a 07";
    const results = await fieldsOf([
      captured(inSync), captured(`${inSync} 6800`), captured(`${ACK} 6800`), captured(`${ACK} 6803 200040`),
    ], ["_ws.col.Info", "chisme.limits.value_bytes", "chisme.drop"]);
    assert.deepEqual(results.map((result) => result["_ws.col.Info"].join().replace(/^.* hb 90/, "")),
      [", in sync", ", in sync, same limits", ", same limits", ", limits"]);
    assert.deepEqual(results.map((result) => result["chisme.limits.value_bytes"].join()), ["", "", "", "32"]);
    assert.deepEqual(results.flatMap((result) => result["chisme.drop"]), []);
  });

  it("takes network and port of rows from the first row of the section with its address in full", async () => {
    const foreign = "18 c0a8003c c0a8003c 1388 02 0a";
    const full = "10 24a01f02 c0a80036 1388 02 0a";
    const other = "10 24a01f04 0a000007 1389 02 0a";
    const inBase = (id: number, host: string): string => `08 24a01f0${id} ${host} 02 0a`;
    const rows = `${foreign} 00 ${full} ${inBase(3, "4b")} ${other} ${inBase(5, "4c")}`;
    const section = sectionHead(SECTION_ROWS, rows.replaceAll(" ", "").length / 2).toString(16);
    const [result] = await fieldsOf([captured(`${SYN} ${section} ${rows}`)],
      ["chisme.row.address", "chisme.row.port", "chisme.drop"]);
    assert.deepEqual(result, {
      "chisme.row.address": ["192.168.0.60", "192.168.0.54", "192.168.0.75", "10.0.0.7", "192.168.0.76"],
      "chisme.row.port": ["5000", "5000", "5000", "5001", "5000"], "chisme.drop": [],
    });
  });

  it("shows names and versions", async () => {
    const rows = [
      ["f94e60", [], [], "25.5"], ["676b69746368656ef94e60", ["kitchen"], [], "25.5"],
      ["6d6b69746368656e1f312e342e32f94e60", ["kitchen"], ["1.4.2"], "25.5"],
      ["661f312e342e32f94e60", [], ["1.4.2"], "25.5"], ["676b69746368656ef7", ["kitchen"], [], undefined],
      ["676b69746368656e", [], [], '"kitchen"'],
    ] as const;
    const results = await fieldsOf(rows.map(([shared]) => {
      const size = shared.length / 2;
      const byte = (n: number): string => n.toString(16).padStart(2, "0");
      return captured(`${SYN} 10${byte(2 + size)} 20 ${byte(size)} ${shared}`);
    }), ["chisme.row.name", "chisme.row.version", "chisme.row.value", "chisme.drop"]);
    assert.deepEqual(results, rows.map(([, name, version, value]) => ({
      "chisme.row.name": name, "chisme.row.version": version, "chisme.row.value": value === undefined ? [] : [value],
      "chisme.drop": [],
    })));
  });

  for (const [name, vectors] of Object.entries({
    "frames.json": refusals, "feeds.json": feeds.refusals,
    "messages.json": messages.refused.map(({ type, hex, ...rest }) => (
      { ...rest, hex: (type === 1 ? SYN : ACK) + hex }
    )),
  })) {
    it(`marks each frame of ${name} that every node refuses, with the reason`, async () => {
      const bare = vectors.filter(({ hex }) => hex !== "");
      const results = await fieldsOf(bare.map(({ hex }) => captured(hex)), ["chisme.drop", "_ws.expert.message"]);
      let marked = 0;
      for (const [i, vector] of bare.entries()) {
        const [drop] = results[i]["chisme.drop"];
        const says = results[i]["_ws.expert.message"].join();
        if (vector.reason === "unsealed") assert.equal(drop, "length", vector.name);
        else if (vector.name === "JSON") assert.equal(drop, undefined);
        else if (vector.reason === "magic" || (SHOWN.has(vector.reason) && !NOT_ALONE.has(vector.name))) {
          assert.equal(drop, vector.reason, vector.name);
          assert.ok(says.startsWith(`${drop}: `), says);
          marked++;
        } else assert.equal(drop, undefined, vector.name);
      }
      assert.ok(marked > 6, `${marked} were marked`);
    });
  }

  it("shows the events of feeds, of copies and of snapshots", async () => {
    for (const feed of [feeds, feeds.copies, feeds.deltas]) {
      const own = feed.frames.filter(({ sections }) => "events" in sections && Object.keys(sections).length === 1);
      const results = await fieldsOf(own.map(({ hex }) => captured(hex)), [
        "chisme.batch.author", "chisme.event.sequence", "chisme.event.kind", "chisme.event.topic", "chisme.event.time",
        "chisme.event.counter", "chisme.event.value", "chisme.drop",
      ]);
      assert.ok(own.length > 0);
      for (const result of results) {
        assert.deepEqual(result["chisme.batch.author"], [hexId(feed.author)]);
        assert.deepEqual(result["chisme.event.sequence"], decimals(feed.events.map(({ sequence }) => sequence)));
        assert.deepEqual(result["chisme.event.topic"], feed.events.map(({ topic }) => topic));
        assert.deepEqual(result["chisme.event.counter"], decimals(feed.events.map(({ counter }) => counter)));
        assert.deepEqual(result["chisme.event.time"].map(msOf), feed.events.map(({ timeMs }) => timeMs));
        assert.deepEqual(result["chisme.event.kind"], feed.events.map(({ kind, ttlSeconds, origin, canonical }) => {
          // An end has an origin, too. A copy has no topic's length in its head.
          const isCopy = origin !== undefined && (Number.parseInt(canonical.slice(0, 2), 16) & 0x1f) === 0;
          return (isCopy ? "copy, " : "") + kind + (ttlSeconds === undefined ? "" : " for a time");
        }));
        assert.deepEqual(result["chisme.event.value"],
          feed.events.flatMap(({ payload }) => payload === undefined ? [] : [shownHex(payload)]));
        assert.deepEqual(result["chisme.drop"], []);
      }
    }
    const others = [...feeds.frames, ...feeds.copies.frames, ...feeds.deltas.frames];
    const results = await fieldsOf(others.map(({ hex }) => captured(hex)), [
      "chisme.event.sequence", "chisme.gap.floor", "chisme.drop",
    ]);
    for (const [i, { name, held, sections }] of others.entries()) {
      assert.deepEqual(results[i]["chisme.drop"], [], name);
      if ("gap" in sections) assert.equal(results[i]["chisme.gap.floor"].length, 1, name);
      else assert.ok(results[i]["chisme.event.sequence"].every((text) => held.numbers.includes(Number(text))), name);
    }
  });

  const KEYS = ["-o", `chisme.keys:${sealed.key}`];
  it("opens sealed frames with the key, and says what it needs without it", async () => {
    // Node 24a01f02 is at .54, and 24a01f01 at .53.
    const all = sealed.frames.map(({ sealed: hex, receiver }) => receiver === "24a01f01"
      ? { ...captured(hex), from: 0xc0a80036, to: 0xc0a80035 } : captured(hex));
    const opened = await fieldsOf(all, ["chisme.heartbeat", "chisme.table_hash", "chisme.sealed", "chisme.receiver",
      "chisme.drop"], ["-2", ...KEYS]);
    const bodies = await fieldsOf(sealed.frames.map(({ head, body }) => {
      const bytes = fromHex(head + body);
      // The same without the seal and its flags.
      bytes[1] &= ~0x90;
      return { bytes };
    }), ["chisme.heartbeat", "chisme.table_hash"]);
    for (const [i, { name, receiver }] of sealed.frames.entries()) {
      assert.deepEqual(opened[i], {
        ...bodies[i], "chisme.sealed": ["opened"], "chisme.receiver": receiver === null ? [] : [`0x${receiver}`],
        "chisme.drop": [],
      }, name);
    }
    const wrong = ["-o", `chisme.keys:${"ab".repeat(32)}`];
    for (const [options, says] of [[[], /needs a key/], [wrong, /not with these keys/]] as const) {
      for (const result of await fieldsOf(all, ["chisme.sealed", "chisme.heartbeat", "chisme.drop"], options)) {
        assert.match(result["chisme.sealed"].join(), says);
        assert.deepEqual([...result["chisme.heartbeat"], ...result["chisme.drop"]], []);
      }
    }
  });

  it("marks sealed frames that are shorter than the shortest body", async () => {
    // The first is an ACK in sync.
    const heads = [["c132", 2], ["c112", 7], ["c111", 7]] as const;
    const results = await fieldsOf(heads.flatMap(([head, least]) => [least, least - 1].map((length) => (
      captured(`${head} 24a01f01 19 03 ${"00".repeat(16 + length)}`)
    ))), ["chisme.sealed", "chisme.drop"]);
    assert.deepEqual(results.map((result) => [result["chisme.sealed"].length, result["chisme.drop"].join()]),
      heads.flatMap(() => [[1, ""], [0, "length"]]));
  });

  it("shows messages", async () => {
    const results = await fieldsOf(messages.messages.map(({ hex }) => {
      const bytes = fromHex(hex);
      return captured(`${SYN} ${sectionHead(SECTION_MESSAGE, bytes.length).toString(16)} ${hex}`);
    }), ["chisme.message.kind", "chisme.message.repeat", "chisme.message.hops", "chisme.message.left",
      "chisme.message.to", "chisme.message.from", "chisme.message.number", "chisme.message.topic",
      "chisme.message.value", "_ws.expert"]);
    for (const [i, vector] of messages.messages.entries()) {
      assert.deepEqual(results[i], {
        "chisme.message.kind": [String(vector.kind)], "chisme.message.repeat": [String(vector.try)],
        "chisme.message.hops": [String(vector.hops)], "chisme.message.left": [String(vector.left)],
        "chisme.message.to": [hexId(vector.to)], "chisme.message.from": [hexId(vector.from)],
        "chisme.message.number": [String(vector.number)],
        "chisme.message.topic": (vector.topic ?? "") === "" ? [] : [vector.topic],
        "chisme.message.value": results[i]["chisme.message.value"], "_ws.expert": [],
      }, vector.name);
      if (vector.value !== undefined && vector.topic !== "") {
        assert.deepEqual(results[i]["chisme.message.value"], [shown(vector.value)], vector.name);
      }
    }
  });

  it("shows a waking of a node that sleeps", async () => {
    const { sleeper, syn, ack } = sleep.waking;
    const [result, answer] = await fieldsOf([captured(syn), captured(ack)], [
      "chisme.row.id", "chisme.row.state", "chisme.row.back", "chisme.row.value", "chisme.drop",
    ]);
    assert.deepEqual(result, {
      "chisme.row.id": [hexId(sleeper.id)], "chisme.row.state": ["6"], "chisme.row.back": [String(sleeper.seconds)],
      "chisme.row.value": ["21.5"], "chisme.drop": [],
    });
    assert.deepEqual(answer["chisme.drop"], []);
  });

  it("shows requests for the time and answers, and says which are ignored", async () => {
    const good = await fieldsOf([captured(SYN + time.request), ...time.answers.map(({ hex }) => captured(ACK + hex))], [
      "chisme.time.request", "chisme.time.unix", "chisme.time.source", "chisme.time.hops", "chisme.time.error",
      "chisme.time.age", "_ws.expert",
    ]);
    assert.deepEqual(good[0]["chisme.time.request"], ["1"]);
    for (const [i, answer] of time.answers.entries()) {
      const result = good[i + 1];
      assert.equal(msOf(result["chisme.time.unix"][0]), answer.unixMs);
      assert.deepEqual(result["chisme.time.source"], [hexId(answer.source)]);
      assert.deepEqual([result["chisme.time.hops"], result["chisme.time.error"], result["chisme.time.age"]].flat(),
        decimals([answer.hops, answer.errorMs, answer.ageSeconds]));
      assert.deepEqual(result["_ws.expert"], []);
    }
    const bad = await fieldsOf(time.ignored.map(({ hex }) => captured(ACK + hex)), ["chisme.ignored", "chisme.drop"]);
    for (const [i, { name }] of time.ignored.entries()) {
      assert.deepEqual([bad[i]["chisme.ignored"].length, bad[i]["chisme.drop"]], [1, []], name);
    }
  });

  it("shows link report, window, sketch, a HOP of what waits, and sections that it does not know", async () => {
    const results = await fieldsOf([
      captured(`${SYN} 8004 0102 0304`), captured(`${ACK.replace("c102", "c103")} 9001 40`),
      captured(`${ACK} 9819 80 ${"0102".repeat(12)}`), captured(`${ACK} 7801 05`),
      captured(`${SYN} f803 aabbcc`),
      captured(`${SYN} 8003 010203`), captured(`${ACK} 9818 ${"0102".repeat(12)}`),
    ], ["chisme.link.sent", "chisme.link.received", "chisme.window", "chisme.sketch", "chisme.hop.count",
      "chisme.section.unknown", "chisme.ignored", "chisme.drop"]);
    const given = results.map((result) => Object.values(result).map((values) => values.join()).join(" "));
    const ignored = results.slice(-2).map((result) => result["chisme.ignored"].join());
    assert.deepEqual(given.map((line) => line.trim()),
      ["258 772", "64", "0102".repeat(12), "5", "aabbcc", ...ignored]);
    assert.ok(ignored.every((reason) => reason !== ""));
  });

  it("gives ESPGossip's datagrams to the dissector for JSON, on any port", async () => {
    const texts = espgossip.flatMap(({ steps }) => steps.flatMap(({ sends = [] }) => sends))
      .map(({ datagram }) => JSON.stringify(datagram)).slice(0, 50);
    assert.ok(texts.length > 20);
    for (const port of [5000, 7777]) {
      const results = await fieldsOf(texts.map((text) => ({ bytes: Buffer.from(text), fromPort: port, toPort: port })),
        ["_ws.col.Protocol", "json.key", "chisme.json.mark"]);
      for (const [i, result] of results.entries()) {
        assert.deepEqual(result["_ws.col.Protocol"], ["chisme"]);
        assert.ok(result["json.key"].includes("type"), texts[i]);
        assert.deepEqual(result["chisme.json.mark"], []);
      }
    }
    const [marked] = await fieldsOf([{ bytes: Buffer.from('{ "type":"SYN"}') }], ["chisme.json.mark"]);
    assert.deepEqual(marked["chisme.json.mark"], ["1"]);
  });

  it("finds frames on any port, and leaves other datagrams alone", async () => {
    const elsewhere = (hex: string): Captured => ({ ...captured(hex), fromPort: 40001, toPort: 40002 });
    const others = [
      "c1", "c101", "c1ff00000000000000000000000000000000", "7b2261223a317d000000000000000000", "00".repeat(40),
    ];
    const results = await fieldsOf([...frames.map(({ hex }) => elsewhere(hex)), ...others.map(elsewhere)],
      ["_ws.col.Protocol"]);
    assert.deepEqual(results.map((result) => result["_ws.col.Protocol"].join()),
      [...frames.map(() => "chisme"), ...others.map(() => "UDP")]);
    const [moved] = await fieldsOf([elsewhere("c101")], ["chisme.drop"], ["-o", "chisme.port:40002"]);
    assert.deepEqual(moved["chisme.drop"], ["length"]);
  });
});
