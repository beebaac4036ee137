import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { nodeIdentity } from "../../../desktop/platform/node-signing.js";
import {
  SigningFolder, hexBytes, hexOf, parseCard, readOwnerSecret,
} from "../../../desktop/platform/signing-folder.js";
import { assertShape } from "../../support/control-schema.js";
import { ControlClient } from "../../../desktop/control/control-client.js";
import { signAdmission } from "../../../src/signing/owner.js";
import { at, chisme, freshPlaces, place, print, refused } from "../../support/chisme-command.js";
import { main } from "../../support/command-line.js";
import { NodeProcess, cleanUp, freshPort } from "./node-process.js";
import { logHolds } from "../../support/log-holds.js";

function secretOf(name: string): string {
  return hexOf(new SigningFolder(place(name)).readSecret() ?? assert.fail());
}

describe("chisme identity", function () {
  this.timeout(120000);
  beforeEach(freshPlaces);
  afterEach(cleanUp);

  it("makes a key pair that only the user may read, and shows it without the private key", async () => {
    const made = await print("identity", "new", ...at("hall"));
    const [, id, publicKey] = /^id +(\d+)\npublic key +([0-9a-f]{64})\nfingerprint +([0-9a-f]{4} ?){8}$/.exec(made) ?? [];
    assert.ok(publicKey !== undefined, made);
    assert.equal(await print("identity", "show", ...at("hall")), made);
    assert.equal(await print("identity", "export", ...at("hall"), "--name", "hall 1"), `${id} ${publicKey} hall 1`);
    assert.equal(statSync(join(place("hall"), "identity")).mode & 0o777, 0o600);
    const secret = secretOf("hall");
    assert.equal(hexOf(nodeIdentity(Uint8Array.from(Buffer.from(secret, "hex"))).publicKey), publicKey);
    assert.ok(!made.includes(secret));
    await refused(/hall\/identity is there already/, "identity", "new", ...at("hall"));
    assert.equal(secretOf("hall"), secret);
  });

  it("makes the owner's key pair in a file of its own", async () => {
    const file = place("owner.key");
    const made = await print("identity", "new", "--owner", file);
    assert.match(made, /^public key +[0-9a-f]{64}\nfingerprint /);
    assert.equal(await print("identity", "show", "--owner", file), made);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await refused(/owner\.key is there already/, "identity", "new", "--owner", file);
  });

  it("a key that others may read, or that is none, is refused, and no error shows it", async () => {
    await print("identity", "new", ...at("hall"));
    const path = join(place("hall"), "identity");
    chmodSync(path, 0o644);
    const { stderr } = await chisme("identity", "show", ...at("hall"));
    assert.match(stderr, /identity has the mode 0644: others may know the private key/);
    chmodSync(path, 0o600);
    const secret = readFileSync(path, "utf8").trim();
    assert.ok(!stderr.includes(secret));
    writeFileSync(path, `${secret}00\n`);
    const broken = await chisme("identity", "show", ...at("hall"));
    assert.match(broken.stderr, /holds no private key of a node/);
    assert.ok(!broken.stderr.includes(secret));
    await refused(/one of --storage and --owner is needed/, "identity", "show");
    await refused(/has no identity: chisme identity new/, "identity", "export", ...at("attic"));
    await refused(/--name: "a\\nb" is not a text/, "identity", "export", ...at("hall"), "--name", "a\nb");
  });

  it("options of chisme node that do not go together are refused", async () => {
    await print("identity", "new", "--owner", place("owner.key"));
    await print("identity", "new", ...at("hall"));
    const key = "ab".repeat(32);
    await refused(/--signed: needs a folder/, "node", "--signed");
    await refused(/--signed: .*attic has no identity/, "node", "--signed", ...at("attic"));
    await refused(/--owner: has no effect without --signed/, "node", "--owner", key, ...at("hall"));
    await refused(/--owner: .*nowhere is neither a public key of 64 hex digits nor a file that is there/,
      "node", "--signed", "--owner", place("nowhere"), ...at("hall"));
    await refused(/owner\.key is the owner's private key, which no node needs/,
      "node", "--signed", "--owner", place("owner.key"), ...at("hall"));
    writeFileSync(place("text"), "hello\n");
    await refused(/--owner: .*text is neither a public key of 64 hex digits nor a card/,
      "node", "--signed", "--owner", place("text"), ...at("hall"));
    await refused(/--signed: needs room for events/, "node", "--signed", "--feed-bytes", "0", ...at("hall"));
    await refused(/--signed: needs room for events/, "node", "--signed", "--dialect", "auto", ...at("hall"));
  });
});

describe("an owner and devices, as processes", function () {
  this.timeout(240000);
  let ownerKey: string;
  let ports: Record<string, number>;

  beforeEach(async () => {
    freshPlaces();
    ports = { hall: freshPort(), attic: freshPort(), sensor: freshPort() };
    await Promise.all([
      print("identity", "new", "--owner", place("owner.key")), ...Object.keys(ports).map((name) =>
        print("identity", "new", ...at(name))),
    ]);
    ownerKey = /public key +(\w+)/.exec(await print("identity", "show", "--owner", place("owner.key")))?.[1] ?? "";
  });
  afterEach(cleanUp);

  async function start(name: string, ...more: string[]): Promise<NodeProcess> {
    const seeds = Object.entries(ports).filter(([other]) => other !== name)
      .flatMap(([, port]) => ["--seed", `127.0.0.1:${port}`]);
    return new NodeProcess("--listen", `127.0.0.1:${ports[name]}`, ...seeds, "--interval", "200",
      "--broadcast", "none", "--name", name, "--json", "--signed", ...at(name), ...more).untilStarted();
  }

  async function admit(name: string): Promise<void> {
    const line = await print("identity", "export", ...at(name), "--name", name);
    const printed = await print("admit", line, "--owner", place("owner.key"), ...at("hall"));
    assert.match(printed, /^admitted \d+, version \d+/);
  }

  function values(node: NodeProcess): unknown[] {
    return node.events.flatMap((event) => event.event === "feedEvent" && event.topic === "door" ? [event.value] : []);
  }

  async function untilValues(node: NodeProcess, ...wanted: unknown[]): Promise<void> {
    await node.until(`the values ${wanted.join()}`, () => JSON.stringify(values(node)) === JSON.stringify(wanted));
  }

  /** How many batches a node has refused for want of a signature. None is malformed. */
  async function refusals(name: string): Promise<number> {
    const client = await ControlClient.connect(join(place(name), "control.sock"));
    const { drops } = await client.call<{ drops: { signature: number; event: number } }>("stats");
    client.close();
    assert.equal(drops.event, 0);
    return drops.signature;
  }

  /** Has a node publish something, and waits until another one has refused it. */
  async function publishInVain(node: NodeProcess, value: string, refusing: string): Promise<void> {
    const before = await refusals(refusing);
    node.write(`log door ${value}\n`);
    while (await refusals(refusing) === before) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  it("a sensor is admitted, stolen and revoked: it tries, and nothing happens", async () => {
    const [hall, attic, sensor] = await Promise.all(
      Object.keys(ports).map((name) => start(name, "--owner", ownerKey)));
    await publishInVain(sensor, "early", "hall");
    for (const name of Object.keys(ports)) await admit(name);
    await untilValues(hall, "early");
    await untilValues(attic, "early");
    assert.match(await print("revoke", "sensor", "--owner", place("owner.key"), ...at("hall")),
      /^revoked \d+, version 2, events up to 0:2 stay$/);
    // Its own events.
    await publishInVain(sensor, "stolen", "hall");
    sensor.write("quit\n");
    await sensor.exited;
    // A new generation: the thief has its key, but not its events, and believes everything.
    const { id } = JSON.parse(await print("admitted", "--json", ...at("attic"))) as { id: number };
    mkdirSync(place("thief"));
    for (const file of ["identity", "id"]) cpSync(join(place("sensor"), file), join(place("thief"), file));
    writeFileSync(join(place("thief"), "revision"), "90\n");
    ports.thief = ports.sensor;
    delete ports.sensor;
    const thief = await start("thief");
    await publishInVain(thief, "generation", "hall");
    thief.write("quit\n");
    await thief.exited;
    // Another id, and the id of a device that is admitted.
    const renamed = await start("thief", "--new-id");
    await publishInVain(renamed, "renamed", "hall");
    renamed.write("quit\n");
    await renamed.exited;
    attic.write("quit\n");
    await attic.exited;
    writeFileSync(join(place("thief"), "id"), `${id}\n`);
    const robber = await start("thief");
    await publishInVain(robber, "robbed", "hall");
    robber.write("quit\n");
    await robber.exited;
    assert.deepEqual(values(hall), ["early"]);
    const again = await start("attic", "--owner", ownerKey);
    await untilValues(again, "early");
    const state: unknown = JSON.parse(await print("admitted", "--json", ...at("attic")));
    assertShape("signing", state);
    const { admitted } = state as { admitted: { isRevoked: boolean }[] };
    assert.deepEqual(admitted.map(({ isRevoked }) => isRevoked), [false, false, true]);
  });

  it("the list outlives restarts, a card gives it to a node, and no recording has a private key", async () => {
    const hall = await start("hall", "--owner", ownerKey);
    const recorder = spawn(process.execPath, [main, "record", place("run.jsonl"), ...at("hall")]);
    while (!existsSync(place("run.jsonl"))) await new Promise((resolve) => setTimeout(resolve, 100));
    for (const name of ["hall", "attic"]) await admit(name);
    const card = await print("admitted", "--card", ...at("hall"));
    assert.equal(parseCard(card).admissions.length, 2);
    writeFileSync(place("card"), `${card}\n`);
    recorder.kill("SIGINT");
    await once(recorder, "close");
    hall.write("quit\n");
    await hall.exited;
    // A line at whose writing power was lost.
    appendFileSync(join(place("hall"), "admitted"), "admission 0100");
    const again = await start("hall", "--owner", ownerKey);
    const attic = await start("attic", "--owner", place("card"));
    attic.write("log door open\n");
    await untilValues(again, "open");
    assert.equal((await print("admitted", ...at("hall"))).split("\n").length, 2);
    const ofOwner = readFileSync(place("owner.key"), "utf8").trim().split(" ")[1];
    const secrets = [secretOf("hall"), secretOf("attic"), ofOwner];
    const recording = readFileSync(place("run.jsonl"), "utf8");
    const outputs = [...hall.lines, ...again.lines, ...attic.lines, recording].join("\n");
    assert.match(outputs, /"admit"/);
    for (const secret of secrets) assert.ok(!outputs.includes(secret));
  });

  it("a keeper gives back what it verified after kill -9, and gives up what was revoked while it was off", async () => {
    const keep = ["--owner", ownerKey, "--keep"];
    const hall = await start("hall", ...keep);
    const sensor = await start("sensor", "--owner", ownerKey);
    await publishInVain(sensor, "early", "hall");
    for (const name of ["hall", "sensor"]) await admit(name);
    await untilValues(hall, "early");
    sensor.write("log door late\n");
    await untilValues(hall, "early", "late");
    while (!logHolds(join(place("hall"), "signed-feeds"), "late")) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await Promise.all([hall.kill(), sensor.kill()]);
    const again = await start("hall", ...keep);
    await admit("attic");
    const attic = await start("attic", "--owner", ownerKey);
    await untilValues(attic, "early", "late");
    await Promise.all([again.kill(), attic.kill()]);
    // The owner's word of the revocation reached only the list. What the keeper holds goes beyond it.
    const identity = nodeIdentity(readOwnerSecret(place("owner.key")));
    const [id, key] = (await print("identity", "export", ...at("sensor"))).split(" ");
    const revocation = signAdmission({
      version: 2, author: Number(id), key: hexBytes(key), generation: 0, sequence: 2, untilMs: Date.now() + 600000,
    }, 0, (message) => identity.sign(message));
    appendFileSync(join(place("hall"), "admitted"), `admission ${hexOf(revocation)}\n`);
    const last = await start("hall", ...keep);
    const doors = async (): Promise<string> => print("events", "--topic", "door", "--json", ...at("hall"));
    while ((await doors()).includes("late")) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.match(await doors(), /"early"/);
    assert.deepEqual(last.events.filter(({ event }) => event === "error"), []);
  });

  it("what is wrong about admitting and revoking is said", async () => {
    await start("hall", "--owner", ownerKey);
    await print("identity", "new", "--owner", place("other.key"));
    const owner = ["--owner", place("owner.key"), ...at("hall")];
    const key = "cd".repeat(32);
    await refused(/the file with the owner's private key|required option '--owner/, "admit", "7", ...at("hall"));
    const nobody = await chisme("admitted", ...at("hall"));
    assert.deepEqual([nobody.stdout, nobody.stderr], ["", "this node knows of no device that was admitted\n"]);
    await refused(/hall\/identity holds no private key of an owner/,
      "admit", "7", key, "--owner", join(place("hall"), "identity"), ...at("hall"));
    await refused(/absent\.key is not there: chisme identity new --owner makes one/,
      "admit", "7", key, "--owner", place("absent.key"), ...at("hall"));
    await refused(/admit: "hello" is neither an id nor a line/, "admit", "hello", ...owner);
    await refused(/admit: "4294967296" is neither/, "admit", "4294967296", ...owner);
    await refused(/admit: the key of 7 is not known: give the line/, "admit", "7", ...owner);
    await refused(/--owner: .*other\.key has the fingerprint .*, but the node's owner /,
      "admit", "7", key, "--owner", place("other.key"), ...at("hall"));
    await refused(/revoke: 7 was never admitted/, "revoke", "7", ...owner);
    await refused(/revoke: no node has the name garden: give the id/, "revoke", "garden", ...owner);
    await print("admit", "7", key, ...owner);
    await refused(/admit: 7 is known under another key/, "admit", "7", "ab".repeat(32), ...owner);
    await print("revoke", "7", ...owner);
    assert.equal(await print("admit", "7", ...owner, "--json"), '{"author":7,"version":3,"isRevoked":false}');
    const { id } = JSON.parse(await print("admitted", "--json", ...at("hall"))) as { id: number };
    await print("admit", String(id), ...owner);
    await refused(/revoke: it is the node that would publish this/, "revoke", "hall", ...owner);
  });

  it("without an owner keys are pinned at first use, also over restarts", async () => {
    const [hall, sensor] = await Promise.all([start("hall"), start("sensor")]);
    sensor.write("log door open\n");
    await untilValues(hall, "open");
    for (const node of [hall, sensor]) {
      node.write("quit\n");
      await node.exited;
    }
    assert.equal(new SigningFolder(place("hall")).readPins().length, 1);
    // Another device takes the sensor's id.
    const id = readFileSync(join(place("sensor"), "id"), "utf8");
    writeFileSync(join(place("attic"), "id"), id);
    const again = await start("hall");
    const thief = await start("attic");
    await publishInVain(thief, "stolen", "hall");
    thief.write("quit\n");
    await thief.exited;
    const back = await start("sensor");
    back.write("log door closed\n");
    await again.until("the sensor is back", () => values(again).includes("closed"));
    assert.ok(!values(again).includes("stolen"));
    const owner = ["--owner", place("owner.key")];
    await refused(/the node knows no owner/, "admit", "7", "ab".repeat(32), ...owner, ...at("hall"));
  });
});
