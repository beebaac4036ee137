import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { frameText } from "../../../desktop/recording/frame-text.js";
import { nodeSealing } from "../../../desktop/platform/node-sealing.js";
import { RecordingFile } from "../../../desktop/recording/recording-file.js";
import { readRecording } from "../../../desktop/recording/read-recording.js";
import type { RecordingEntry, RecordingHead } from "../../../desktop/recording/recording.js";
import { SimNetwork, SimRandom } from "../../../desktop/simulator/index.js";
import { assertShape } from "../../support/control-schema.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { main } from "../../support/command-line.js";

const KEY = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f";
const HEAD = '{"chisme":"recording","version":1,"beganMs":1,"node":{"id":1,"address":"127.0.0.1","port":1},'
  + '"isSealed":false,"members":[],"events":[]}';
const DATAGRAM = '{"atMs":2,"kind":"datagram","direction":"in","address":"127.0.0.1","port":5000,"bytes":"wQE="}';

function chisme(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
}

async function entriesOf(file: string): Promise<[RecordingHead, RecordingEntry[]]> {
  const all = [];
  for await (const item of readRecording(file)) all.push(item);
  const [head, ...entries] = all;
  return [head as RecordingHead, entries as RecordingEntry[]];
}

describe("recordings of nodes", function () {
  this.timeout(180000);
  afterEach(cleanUp);

  /** Two nodes, of which the first is recorded while a value is pushed to it. */
  async function record(file: string, ...more: string[]): Promise<{ node: NodeProcess; folder: string }> {
    const folder = freshFolder();
    const [one, two] = [freshPort(), freshPort()];
    const args = ["--json", "--interval", "200", "--broadcast", "none", ...more];
    const node = await new NodeProcess("--listen", `127.0.0.1:${one}`, "--seed", `127.0.0.1:${two}`, "--name", "hall",
      "--storage", folder, ...args).untilStarted();
    await new NodeProcess("--listen", `127.0.0.1:${two}`, "--seed", `127.0.0.1:${one}`, "--name", "attic",
      "--value", "7", "--socket", "none", ...args).untilStarted();
    await node.untilMinMax(7, 7, 1);
    const recorder = spawn(process.execPath, [main, "record", file, "--storage", folder],
      { stdio: "ignore" });
    while (!existsSync(file) || statSync(file).size === 0) await sleep(50);
    assert.equal(chisme("push", "--storage", folder, "21.5").status, 0);
    assert.equal(chisme("log", "--storage", folder, "door", "open").status, 0);
    await sleep(2000);
    recorder.kill("SIGINT");
    const [status] = await once(recorder, "close") as [number];
    assert.equal(status, 0);
    return { node, folder };
  }

  it("a recording has members, datagrams both ways, rows, events, inputs and counters, and is printed", async () => {
    const file = path.join(freshFolder(), "run.jsonl");
    await record(file);
    const [head, entries] = await entriesOf(file);
    assert.deepEqual(head.members.map(({ name }) => name).sort(), ["attic", "hall"]);
    assert.equal(head.node.name, "hall");
    for (const kind of ["datagram", "row", "event", "input", "stats"]) {
      assert.ok(entries.some((entry) => entry.kind === kind), kind);
    }
    for (const direction of ["in", "out"]) {
      assert.ok(entries.some((entry) => entry.kind === "datagram" && entry.direction === direction), direction);
    }
    for (const entry of entries) {
      if (entry.kind !== "datagram" && entry.kind !== "input") continue;
      const content = Object.entries(entry).filter(([name]) => name !== "atMs" && name !== "kind");
      assertShape(entry.kind, Object.fromEntries(content));
    }
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const { stdout, status } = chisme("replay", file);
    assert.equal(status, 0);
    assert.match(stdout, /^hall at 127\.0\.0\.1:\d+, from /);
    assert.match(stdout, /-> 127\.0\.0\.1:\d+ {2}\d+ B {2}SYN of hall #\d+/);
    assert.match(stdout, /ROWS .*hall up/);
    assert.match(stdout, /input {2}push \{"value":21\.5\}/);
    assert.match(stdout, /event {2}hall log "door" {2}"open"/);
    const json = chisme("replay", file, "--json", "--from", "0.5", "--to", "1").stdout.trimEnd().split("\n").slice(1);
    const times = json.map((line) => (JSON.parse(line) as RecordingEntry).atMs);
    assert.ok(times.length > 0 && times.every((ms) => ms >= 500 && ms <= 1000), String(times));
    const none = chisme("replay", file, "--from", "5", "--to", "2");
    assert.deepEqual([none.status, none.stdout], [1, ""]);
    assert.match(none.stderr, /--to: 2 is before --from, 5\n$/);
    // A recording is not overwritten.
    const again = chisme("record", file, "--socket", "none-here");
    assert.equal(again.status, 1);
  });

  it("a recording of a sealed node has its datagrams sealed, and never a key", async () => {
    const keyFile = path.join(freshFolder(), "key");
    writeFileSync(keyFile, `${KEY}\n`);
    const file = path.join(freshFolder(), "sealed.jsonl");
    const { folder } = await record(file, "--key-file", keyFile);
    const text = readFileSync(file, "utf8");
    const [head, entries] = await entriesOf(file);
    assert.equal(head.isSealed, true);
    const key = Buffer.from(KEY, "hex");
    for (const part of [key, key.subarray(0, 16), key.subarray(16)]) {
      assert.ok(!text.includes(part.toString("hex")) && !text.includes(part.toString("base64").slice(0, 20)));
    }
    assert.ok(!text.includes(keyFile));
    const datagrams = entries.flatMap((entry) => entry.kind === "datagram" ? [entry] : []);
    assert.ok(datagrams.length > 0);
    for (const { bytes } of datagrams) {
      assert.match(frameText(Buffer.from(bytes, "base64"), String), /^[A-Z]+ of \d+ #\d+, sealed$/);
      assert.ok(!Buffer.from(bytes, "base64").includes(key.subarray(0, 16)));
    }
    assert.match(chisme("replay", file).stdout, /sealed$/m);
    const opened = chisme("replay", file, "--key-file", keyFile);
    assert.equal(opened.status, 0, opened.stderr);
    for (const arrow of ["->", "<-"]) {
      const lines = opened.stdout.split("\n").filter((line) => line.includes(` ${arrow} `));
      assert.ok(lines.length > 0 && lines.every((line) => /\d+, opened(;|,|$)/.test(line)), lines.join("\n"));
    }
    assert.match(opened.stdout, /opened.*ROWS .*hall up/);
    // The page has the same lines.
    const played = new RecordingFile(file, nodeSealing(key, undefined));
    const texts = entries.map((_, at) => played.text.text(played.entry(at)));
    assert.deepEqual(texts, opened.stdout.trimEnd().split("\n").slice(2).map((line) => line.slice(12)));
    const otherFile = path.join(freshFolder(), "other");
    writeFileSync(otherFile, KEY.replaceAll("0", "1"));
    assert.match(chisme("replay", file, "--key-file", otherFile).stdout, /sealed, not by this key$/m);
    writeFileSync(otherFile, "123");
    assert.match(chisme("replay", file, "--key-file", otherFile).stderr, /--key-file: .* is not a key/);
    const over = chisme("record", file, "--storage", folder);
    assert.equal(over.status, 1);
    assert.match(over.stderr, /^error: .* is there already, and stays as it is\n$/);
  });

  it("a recording ends by itself when its node stops", async () => {
    const folder = freshFolder();
    const node = await new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--broadcast", "none",
      "--interval", "200", "--storage", folder).untilStarted();
    const file = path.join(freshFolder(), "run.jsonl");
    const recorder = spawn(process.execPath, [main, "record", file, "--storage", folder],
      { stdio: "ignore" });
    while (!existsSync(file) || statSync(file).size === 0) await sleep(50);
    node.signal("SIGTERM");
    const [status] = await once(recorder, "close") as [number];
    assert.equal(status, 0);
    assert.equal((await entriesOf(file))[0].members.length, 1);
  });

  it("a recording ends with an error when its file cannot grow", async () => {
    const folder = freshFolder();
    const port = freshPort();
    const node = await new NodeProcess("--listen", `127.0.0.1:${port}`, "--json", "--interval", "200",
      "--broadcast", "none", "--storage", folder).untilStarted();
    const file = path.join(freshFolder(), "run.jsonl");
    const pushes = setInterval(() => node.write(`log t ${"x".repeat(100)}\n`), 50);
    // The size of files as a disk that is full, in blocks of 512 bytes.
    const limited = 'trap "" XFSZ; ulimit -f 4; exec "$@"';
    const recorder = spawn("sh", ["-c", limited, "sh", process.execPath, "--import", "tsx", main,
      "record", file, "--storage", folder], { stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    recorder.stderr.on("data", (data: Buffer) => { errors += data.toString(); });
    const late = setTimeout(() => recorder.kill("SIGKILL"), 30000);
    const [status] = await once(recorder, "close") as [number];
    clearTimeout(late);
    clearInterval(pushes);
    assert.equal(status, 1);
    assert.match(errors, /^error: EFBIG/);
  });

  for (const [text, message] of [
    ["", /line 1: is missing: the file is empty/],
    ["hello\n", /line 1: is not JSON/],
    ['{"chisme":"simulation2"}\n', /line 1: chisme: "simulation2" is not "recording"/],
    [HEAD.replace('"version":1', '"version":9'), /line 1: version: 9 is not 1/],
    [HEAD.replace('"members":[]', '"members":[{"id":-1}]'), /line 1: members: .* is no list of members/],
    [`${HEAD}\n${DATAGRAM.slice(0, 40)}`, /line 2: is not JSON: the file is damaged, or its end is missing/],
    [`${HEAD}\n${DATAGRAM}\n${DATAGRAM.replace('"atMs":2', '"atMs":1')}`, /line 3: atMs: 1 is no time from 2/],
    [`${HEAD}\n${DATAGRAM.replace('"in"', '"up"')}`, /line 2: direction: "up" is neither/],
    [`${HEAD}\n${DATAGRAM.replace("wQE=", "<b>")}`, /line 2: bytes: "<b>" is no base64/],
    [`${HEAD}\n${DATAGRAM.replace("5000", "70000")}`, /line 2: port: 70000 is no port/],
    [`${HEAD}\n{"atMs":1,"kind":"party"}`, /line 2: kind: "party" is none of datagram, row/],
    [`${HEAD}\n{"atMs":1,"kind":"row","row":{}}`, /line 2: row: \{\} is no row/],
    [`${HEAD}\n{"atMs":1,"kind":"row","row":{"id":1,"state":"__proto__"}}`, /line 2: row: .* is no row/],
    [`${HEAD}\n{"atMs":1,"kind":"row","row":{"id":1,"state":"up","roundTripMs":"x"}}`, /line 2: row: .* is no row/],
    [`${HEAD}\n{"atMs":1,"kind":"event","event":{"author":1,"topic":"t","timeMs":1e16}}`, /line 2: event: .* no event/],
    [`${HEAD}\n{"atMs":1,"kind":"stats","stats":{"bytesSent":"\\u001b[5m"}}`, /line 2: stats: .* is no object with/],
    [HEAD.replace('"events":[]', '"events":[{}]'), /line 1: events: .* is no list of events/],
    [HEAD.replace('"address":"127.0.0.1"', '"address":"\\u001b[5m"'), /line 1: node: .* is no node/],
    [HEAD.replace('"port":1', '"port":"\\u001b[5m"'), /line 1: node: .* is no node/],
    [HEAD.replace('"beganMs":1', '"beganMs":9e15'), /line 1: beganMs: 9000000000000000 is no time/],
    [HEAD.replace('"recording"', '"\u009b5m\u202e"'), /line 1: chisme: "\ufffd5m\ufffd" is not "recording"/],
    [`${HEAD}\n{"atMs":1,"a":${"[".repeat(50000)}${"]".repeat(50000)}}`, /line 2: is nested deeper than 32 levels/],
    [`${HEAD}\n[]`, /line 2: is no JSON object/],
  ] as const) {
    it(`a file is refused: ${text.slice(-60).trim()}`, async () => {
      const file = path.join(freshFolder(), "bad.jsonl");
      writeFileSync(file, text);
      await assert.rejects(entriesOf(file), message);
    });
  }

  it("a time that no timer can wait for is refused", () => {
    for (const seconds of ["0", "abc", "2147484"]) {
      const { stderr, status } = chisme("record", "never.jsonl", "--seconds", seconds);
      assert.match(stderr, /--seconds: .* is not a number above 0, and at most 2147483/);
      assert.equal(status, 1);
    }
  });

  it("damaged files are read or end in an error that names a line; their text cannot command a terminal", async () => {
    const seed = Number(process.env.CHISME_TEST_SEED ?? Date.now() % 0x100000000);
    console.log(`      seed ${seed}`);
    const random = new SimRandom(seed, 1);
    const row = '{"id":7,"name":"\\u001b[31m\u009b1m\u202e","state":"up","data":"\\u001b[5m"}';
    const stats = '{"datagramsSent":1,"bytesSent":2,"datagramsReceived":3,"bytesReceived":4}';
    const good = `${HEAD}\n${DATAGRAM}\n{"atMs":3,"kind":"row","row":${row}}\n`
      + `{"atMs":4,"kind":"stats","stats":${stats}}\n` + '{"atMs":5,"kind":"skipped","count":3}\n';
    const file = path.join(freshFolder(), "damaged.jsonl");
    for (let run = 0; run < 300; run++) {
      const bytes = Buffer.from(good);
      for (let flips = random.between(1, 4); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
      writeFileSync(file, bytes.subarray(0, random.below(4) === 0 ? random.below(bytes.length) : bytes.length));
      await entriesOf(file).catch((error: Error) => assert.match(error.message, /^line \d+: /));
    }
    writeFileSync(file, good);
    for (const flags of [[], ["--json"]]) {
      const { stdout, status } = chisme("replay", file, ...flags);
      assert.equal(status, 0);
      for (const character of "\u001b\u009b\u202e") assert.ok(!stdout.includes(character), flags.join());
      if (flags.length > 0) {
        assert.deepEqual(stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown),
          good.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown), "nothing is lost");
      }
    }
  });

  it("any bytes have a line, and frames of a run their sections", () => {
    const random = new SimRandom(5, 1);
    const frames: Buffer[] = [];
    const network = new SimNetwork({ seed: 1 });
    for (let i = 0; i < 6; i++) network.addNode({ options: { seedList: ["10.0.0.1", "10.0.0.2"] } });
    network.tap = (entry) => {
      if (entry.kind === "sent") frames.push(Buffer.from(entry.bytes.subarray(0, entry.length)));
    };
    network.runFor(60000);
    assert.ok(frames.length > 20);
    for (const frame of frames) {
      assert.match(frameText(frame, String), /^(SYN|ACK|DIFF) of \d+ #\d+/);
      const damaged = Buffer.from(frame);
      for (let flips = random.between(1, 5); flips > 0; flips--) {
        damaged[random.below(damaged.length)] = random.below(256);
      }
      assert.ok(frameText(damaged.subarray(0, random.below(damaged.length + 1)), String).length > 0);
    }
    const texts = frames.map((frame) => frameText(frame, String));
    assert.ok(texts.some((text) => /^ACK of \d+ #\d+, answers #\d+, in sync(;|$)/.test(text)));
    const sketch = Buffer.from(`c10224a01f0119015a8846f328bb95079819${"00".repeat(25)}`, "hex");
    assert.match(frameText(sketch, String), /answers #7; SKETCH$/);
    assert.equal(frameText(Buffer.from("{}"), String), "JSON of the dialect espgossip");
    assert.match(frameText(Buffer.alloc(0), String), /no frame/);
  });
});
