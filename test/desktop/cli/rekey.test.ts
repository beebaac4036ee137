import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient } from "../../../desktop/control/control-client.js";
import type { KeysState } from "../../../desktop/control/node-rekeying.js";
import { SigningFolder, hexOf } from "../../../desktop/platform/signing-folder.js";
import type { GossipStats } from "../../../src/gossip.js";
import { at, chisme, freshPlaces, place, print, refused } from "../../support/chisme-command.js";
import { main } from "../../support/command-line.js";
import { assertShape } from "../../support/control-schema.js";
import { NodeProcess, cleanUp, freshPort } from "./node-process.js";

const OLD_KEY = "5c".repeat(32);
/** Each look at the status starts a process. */
const STATUS_PAUSE_MS = 500;
let ports: Record<string, number>;
let ownerKey: string;

function owned(): string[] {
  return ["--owner", place("owner.key"), ...at("hall")];
}

async function connect(name: string): Promise<ControlClient> {
  return ControlClient.connect(join(place(name), "control.sock"));
}

async function start(name: string, ...more: string[]): Promise<NodeProcess> {
  const seeds = Object.entries(ports).filter(([other]) => other !== name)
    .flatMap(([, port]) => ["--seed", `127.0.0.1:${port}`]);
  const node = await new NodeProcess("--listen", `127.0.0.1:${ports[name]}`, ...seeds, "--interval", "200",
    "--broadcast", "none", "--name", name, "--json", "--signed", ...at(name), ...more).untilStarted();
  await eventually(`the socket of ${name}`, async () => {
    const client = await connect(name).catch(() => undefined);
    client?.close();
    return client !== undefined;
  });
  return node;
}

/** With the key that was given by hand, and the owner's public key. */
async function startOld(name: string): Promise<NodeProcess> {
  return start(name, "--owner", ownerKey, "--key-file", place("old-key"));
}

async function eventually(what: string, condition: () => Promise<boolean>, pauseMs = 50): Promise<void> {
  const deadlineMs = performance.now() + 60000;
  while (!await condition()) {
    assert.ok(performance.now() < deadlineMs, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function untilStatus(pattern: RegExp): Promise<void> {
  let status = "";
  await eventually(`a status like ${pattern}`, async () => {
    status = await print("rekey", "status", ...at("hall"));
    return pattern.test(status);
  }, STATUS_PAUSE_MS).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; it is:\n${status}`);
  });
}

async function admit(name: string): Promise<string> {
  return print("admit", await print("identity", "export", ...at(name), "--name", name), ...owned());
}

async function call<Result>(name: string, method: string): Promise<Result> {
  const client = await connect(name);
  const result = await client.call<Result>(method);
  client.close();
  return result;
}

async function sealDrops(name: string): Promise<number> {
  return (await call<GossipStats>(name, "stats")).drops.seal;
}

function values(node: NodeProcess): unknown[] {
  return node.events.flatMap((event) => event.event === "feedEvent" && event.topic === "door" ? [event.value] : []);
}

async function untilValue(node: NodeProcess, value: string): Promise<void> {
  await node.until(`the value ${value}`, () => values(node).includes(value));
}

function storedKeys(name: string): string[] {
  return (new SigningFolder(place(name)).readKeys()?.keys ?? []).map(({ key }) => hexOf(key));
}

async function stop(node: NodeProcess): Promise<void> {
  node.write("quit\n");
  await node.exited;
}

describe("chisme rekey, with processes", function () {
  this.timeout(300000);

  beforeEach(async () => {
    freshPlaces();
    ports = { hall: freshPort(), sensor: freshPort(), garden: freshPort() };
    writeFileSync(place("old-key"), OLD_KEY);
    await Promise.all([print("identity", "new", "--owner", place("owner.key")),
      ...[...Object.keys(ports), "attic"].map((name) => print("identity", "new", ...at(name)))]);
    ownerKey = /public key +(\w+)/.exec(await print("identity", "show", "--owner", place("owner.key")))?.[1] ?? "";
  });
  afterEach(cleanUp);

  it("the key is changed for all but a revoked device, which then hears nothing and is not heard", async () => {
    const [hall, sensor, garden] = await Promise.all(Object.keys(ports).map(startOld));
    const recorder = spawn(process.execPath, [main, "record", place("run.jsonl"), ...at("hall")]);
    await eventually("the recording", async () => Promise.resolve(existsSync(place("run.jsonl"))));
    for (const name of Object.keys(ports)) await admit(name);
    garden.write("log door early\n");
    await untilValue(hall, "early");
    await print("revoke", "garden", ...owned());
    await refused(/rekey switch: there is no new key: chisme rekey new/, "rekey", "switch", ...owned());
    assert.equal(await print("rekey", "new", ...owned()), "key 1 is sealed to 2 of 2 devices");
    await untilStatus(/^key 1 is not used yet\n\+ \d+ hall: opens frames with it\n\+ \d+ sensor: opens frames with it\nnext: chisme rekey switch$/);
    // One that is never there, and then revoked, has the key sealed to it.
    assert.match(await admit("attic"), /\nkey 1 of the network is sealed to it$/);
    await refused(/rekey switch: not confirmed that they hold key 1: \d+\. Wait, or revoke them/,
      "rekey", "switch", ...owned());
    const attic = (await print("identity", "export", ...at("attic"))).split(" ")[0];
    await print("revoke", attic, ...owned());
    await refused(/rekey switch: key 1 was sealed to \d+ before the revocation: chisme rekey new/,
      "rekey", "switch", ...owned());
    assert.match(await print("rekey", "status", ...at("hall")), /was revoked, and it was sealed to it .*rekey new$/);
    const forced = await chisme("rekey", "switch", "--force", ...owned());
    assert.match(forced.stderr, /warning: key 1 was sealed to \d+ before the revocation.*: chisme rekey new/);
    assert.equal(await print("rekey", "new", ...owned()),
      "key 2 is sealed to 2 of 2 devices\nkey 1 will not be used any more");
    await untilStatus(/hall: opens.*\n.*sensor: opens frames with it\nnext: chisme rekey switch$/);
    await refused(/rekey end: nodes still seal with the old key: chisme rekey switch/, "rekey", "end", ...owned());
    assert.equal(await print("rekey", "switch", ...owned()), "nodes seal with key 2, and open older ones");
    await untilStatus(/^key 2 is used, and older ones are opened\n.*hall: seals with it\n.*sensor: seals with it\nnext: chisme rekey end$/);
    // The garden still has the old key: it is opened, but hears nothing any more.
    const unheard = await sealDrops("garden");
    await eventually("what the garden cannot open", async () => await sealDrops("garden") > unheard + 3);
    // A restart uses what is stored.
    await sensor.kill();
    const again = await startOld("sensor");
    again.write("log door switched\n");
    await untilValue(hall, "switched");
    assert.equal(await print("rekey", "end", ...owned()), "nodes have only key 2");
    await untilStatus(/^key 2 is the only one\n.*hall: has no older one\n.*sensor: has no older one$/);
    const before = await sealDrops("hall");
    await eventually("frames of the garden that the hall drops", async () => await sealDrops("hall") > before + 3);
    garden.write("log door stolen\n");
    hall.write("log door late\n");
    await untilValue(again, "late");
    const drops = await sealDrops("hall");
    await eventually("further drops", async () => await sealDrops("hall") > drops + 3);
    assert.deepEqual(values(hall), ["early", "switched", "late"]);
    assert.deepEqual(values(garden), ["early", "stolen"]);
    // What each of them has.
    const key = await print("rekey", "show", ...owned());
    assert.deepEqual(["hall", "sensor"].map(storedKeys), [[key], [key]]);
    assert.equal(statSync(join(place("hall"), "network-keys")).mode & 0o777, 0o600);
    assert.deepEqual(storedKeys("garden"), []);
    assert.notEqual(key, OLD_KEY);
    const state = await call<KeysState>("hall", "keys");
    assertShape("keys", state);
    assert.equal(state.held.length, 1);
    assert.deepEqual(state.ignored, { form: 0, signature: 0, old: 0, unopened: 0, unverified: 0 });
    recorder.kill("SIGINT");
    await once(recorder, "close");
    // A restart with the old key's file says that the stored one counts.
    await stop(hall);
    const last = await startOld("hall");
    await last.until("the warning", () => last.stderr.includes("given by hand is not used"));
    again.write("log door again\n");
    await untilValue(last, "again");
    const texts = [readFileSync(place("run.jsonl"), "utf8"),
      ...[hall, sensor, garden, again, last].flatMap(({ lines, stderr }) => [...lines, stderr])];
    for (const secret of [key, OLD_KEY, Buffer.from(key, "hex").toString("base64").slice(0, 42)]) {
      assert.ok(texts.every((text) => !text.includes(secret)));
    }
  });

  it("a card brings the key to a device that joins, or was away during the whole change", async () => {
    delete ports.garden;
    const hall = await startOld("hall");
    const away = await startOld("sensor");
    for (const name of Object.keys(ports)) await admit(name);
    hall.write("log door early\n");
    await untilValue(away, "early");
    await stop(away);
    await print("rekey", "new", ...owned());
    await untilStatus(/hall: opens(.*\n)*next: chisme rekey switch, when 1 more has confirmed$/);
    // One that joins in the middle has both keys: the old one by hand, the new one by the card.
    await admit("garden");
    ports.garden = freshPort();
    writeFileSync(place("card"), `${await print("admitted", "--card", ...at("hall"))}\n`);
    const garden = await start("garden", "--owner", place("card"), "--key-file", place("old-key"));
    await untilStatus(/garden: opens/);
    await refused(/not confirmed that they hold key 1: \d+ sensor/, "rekey", "switch", ...owned());
    await print("rekey", "switch", "--force", ...owned());
    await untilStatus(/hall: seals(.*\n)*.*garden: seals/);
    await refused(/not confirmed that they seal with key 1: \d+ sensor/, "rekey", "end", ...owned());
    await print("rekey", "end", "--force", ...owned());
    await untilStatus(/hall: has no older one\n- \d+ sensor: not confirmed\n.*garden: has no older one/);
    await refused(/rekey switch: key 1 is the only one already; for another: chisme rekey new/,
      "rekey", "switch", "--force", ...owned());
    const lost = await startOld("sensor");
    const before = await sealDrops("sensor");
    await eventually("what it cannot open", async () => await sealDrops("sensor") > before + 3);
    await stop(lost);
    // A card of before its admission has no key for it, and it does not start in clear.
    writeFileSync(place("card"), `${await print("admitted", "--card", ...at("hall"))}\n`);
    await refused(/have the device admitted and the card made after that/,
      "node", "--signed", "--owner", place("card"), ...at("attic"));
    // A device that is admitted now gets the key with the card, too.
    await admit("attic");
    ports.attic = freshPort();
    writeFileSync(place("card"), `${await print("admitted", "--card", ...at("hall"))}\n`);
    assert.ok(!readFileSync(place("card"), "utf8").includes(await print("rekey", "show", ...owned())));
    const back = await start("sensor", "--owner", place("card"), "--key-file", place("old-key"));
    const attic = await start("attic", "--owner", place("card"));
    attic.write("log door new\n");
    hall.write("log door late\n");
    for (const node of [hall, garden, back, attic]) {
      await untilValue(node, "late");
      await untilValue(node, "new");
    }
    await untilStatus(/^key 1 is the only one(\n\+ \d+ (hall|sensor|garden|attic): has no older one){4}$/);
    // From now on the storage has it.
    await stop(back);
    const again = await startOld("sensor");
    hall.write("log door last\n");
    await untilValue(again, "last");
  });

  it("what is wrong is said", async () => {
    delete ports.garden;
    delete ports.sensor;
    const unsealed = await start("hall", "--owner", ownerKey);
    await refused(/rekey.*keys: the node needs an owner \(--signed --owner\) and a key|keys: the node needs an owner/,
      "rekey", "new", ...owned());
    await stop(unsealed);
    const hall = await startOld("hall");
    await refused(/rekey new: the node knows of no device that is admitted/, "rekey", "new", ...owned());
    await admit("hall");
    for (const key of ["f".repeat(64), "01".padEnd(64, "0")]) {
      await refused(/admit: the key of 5 is no Ed25519 public key/, "admit", "5", key, ...owned());
    }
    await refused(/required option '--owner/, "rekey", "new", ...at("hall"));
    await print("identity", "new", "--owner", place("other.key"));
    await refused(/--owner: .*other\.key has the fingerprint .*, but the node's owner /,
      "rekey", "new", "--owner", place("other.key"), ...at("hall"));
    await refused(/rekey show: there is no new key that this owner can open/, "rekey", "show", ...owned());
    assert.equal(await print("rekey", "status", ...at("hall")), "the owner never changed the network's key");
    const client = await connect("hall");
    await assert.rejects(client.call("rekey", { statements: [] }), /rekey: statements: is no list of statements/);
    await assert.rejects(client.call("rekey", { statements: ["00"] }), /rekey: statements: is no list of statements/);
    const forged = `03${"00000001".padEnd(24, "a")}${"00".repeat(64)}`;
    await assert.rejects(client.call("rekey", { statements: [forged] }), /one is not of this network's owner/);
    client.close();
    for (const number of [1, 2, 3]) {
      assert.match(await print("rekey", "new", ...owned()), new RegExp(`^key ${number} is sealed to 1 of 1 devices`));
    }
    await refused(/rekey new: 3 keys wait for their end/, "rekey", "new", ...owned());
    await untilStatus(/^key 3 is not used yet\n.*opens/);
    await stop(hall);
    const path = join(place("hall"), "network-keys");
    chmodSync(path, 0o640);
    const node = ["node", "--signed", "--owner", ownerKey, ...at("hall")];
    await refused(/network-keys has the mode 0640: others may know the network's key/, ...node);
    chmodSync(path, 0o600);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, -5));
    const broken = await chisme(...node);
    assert.match(broken.stderr, /--signed: .*network-keys does not hold keys of a network/);
    for (const [, secret] of text.matchAll(/key \w+ (\w+)/g)) assert.ok(!broken.stderr.includes(secret.slice(0, 16)));
    rmSync(path);
  });
});
