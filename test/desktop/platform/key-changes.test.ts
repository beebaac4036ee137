import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KEY_TOPIC, KeyChanges, readHolding } from "../../../desktop/platform/key-changes.js";
import { KeyRing, RING_KEYS, type RingState } from "../../../desktop/platform/key-ring.js";
import { nodeDigest } from "../../../desktop/platform/node-digest.js";
import { nodeSealing } from "../../../desktop/platform/node-sealing.js";
import { nodeIdentity, nodeVerify } from "../../../desktop/platform/node-signing.js";
import { keyName, openKey, readStatement, sealKey, signPhase } from "../../../desktop/platform/sealed-key.js";
import { SigningFolder } from "../../../desktop/platform/signing-folder.js";
import { eventFeeds } from "../../../src/events/index.js";
import type { FeedEvent } from "../../../src/gossip.js";
import { signedFeeds } from "../../../src/signing/index.js";
import { AdmissionList, NO_END_MS, NO_LIMIT, signAdmission } from "../../../src/signing/owner.js";
import { FakeNetwork, FakeNode } from "../../support/fake-platform.js";

const BASE = 0xc0a80000;
const ROUND_MS = 10000;
const LONELY_MS = 16 * ROUND_MS;
const OWNER = nodeIdentity(new Uint8Array(32).fill(200));
const SIGNER = { network: 0, sign: (message: Uint8Array): Uint8Array => OWNER.sign(message) };
const [OLD, NEW, NEWER] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
const [HALL, SENSOR, GARDEN] = [53, 54, 55];
const NAME = keyName(1, NEW);

function secretOf(host: number): Uint8Array {
  return new Uint8Array(32).fill(host);
}

/** The key of a number, sealed to the device at 192.168.0.`host`. */
function sealed(host: number, number = 1, key = NEW, by = SIGNER): Uint8Array {
  const { publicKey } = nodeIdentity(secretOf(host));
  return sealKey(number, key, { kind: "device", id: BASE + host, publicKey }, by);
}

function admission(host: number, revokedAt?: { generation: number; sequence: number }): Uint8Array {
  return signAdmission({
    version: revokedAt === undefined ? 1 : 2, author: BASE + host, key: nodeIdentity(secretOf(host)).publicKey,
    generation: NO_LIMIT, sequence: NO_LIMIT, untilMs: NO_END_MS, ...revokedAt && { ...revokedAt, untilMs: 1e12 },
  }, 0, SIGNER.sign);
}

interface Device {
  host: number;
  node: FakeNode;
  list: AdmissionList;
  ring: KeyRing;
  changes: KeyChanges;
  events: FeedEvent[];
  texts: string[];
  /** What its storage holds. */
  disk: { state: RingState | undefined; isFull: boolean };
}

/** A device that is told the old key, in a network of which 192.168.0.53 is the seed. */
function device(network: FakeNetwork, host: number, disk: Device["disk"] = { state: undefined, isFull: false },
  revision = 3): Device {
  const ring = new KeyRing({ key: OLD, nowMs: () => network.nowMs, lonelyMs: LONELY_MS });
  if (disk.state !== undefined) ring.set(disk.state);
  const texts: string[] = [];
  const identity = nodeIdentity(secretOf(host));
  const changes = new KeyChanges({
    ring, owner: OWNER.publicKey, network: 0, secret: secretOf(host), publicKey: identity.publicKey,
    id: () => BASE + host, onChange: (text) => void texts.push(text),
    store: (state) => {
      if (disk.isFull) throw new Error("ENOSPC");
      disk.state = state;
    },
  });
  const events: FeedEvent[] = [];
  const stored = [HALL, SENSOR, GARDEN].map((one) => admission(one));
  const list = new AdmissionList({ owner: OWNER.publicKey, verify: nodeVerify, stored });
  const node = new FakeNode(network, `192.168.0.${host}`, {
    seedList: ["192.168.0.53"], key: OLD, sealing: () => ring,
    events: eventFeeds({
      bytes: 65536, digest: nodeDigest, views: [list, changes],
      signing: signedFeeds({ identity, verify: nodeVerify, keys: list }),
      onEvent: (event) => void events.push(event),
    }),
  });
  node.storage.revision = revision;
  node.gossip.start();
  const round = (): void => {
    if (!node.socket.isOpen) return;
    changes.endRound(node.gossip);
    network.after(ROUND_MS, round);
  };
  network.after(ROUND_MS, round);
  return { host, node, list, ring, changes, events, texts, disk };
}

function publish({ node }: Device, key: string, statement: Uint8Array): void {
  node.gossip.set(KEY_TOPIC, key, statement);
}

function house(): { network: FakeNetwork; hall: Device; sensor: Device; garden: Device } {
  const network = new FakeNetwork();
  const [hall, sensor, garden] = [HALL, SENSOR, GARDEN].map((host) => device(network, host));
  network.run(6 * ROUND_MS);
  return { network, hall, sensor, garden };
}

/** Has the hall publish that the garden is revoked, at what the hall holds of it. */
function revokeGarden(network: FakeNetwork, hall: Device): void {
  const { generation, sequence } = hall.node.gossip.frontier().find(({ author }) => author === BASE + GARDEN)
    ?? { generation: 0, sequence: 0 };
  const bytes = admission(GARDEN, { generation, sequence });
  hall.list.offer(bytes);
  hall.node.gossip.set("+admit", String(BASE + GARDEN), bytes);
  network.run(6 * ROUND_MS);
}

/** What a device last said about its keys, as another one holds it. */
function holding(of: Device, at: Device): string | undefined {
  const last = at.events.findLast(({ author, topic, key }) =>
    author === BASE + of.host && topic === KEY_TOPIC && key === "holds");
  return readHolding(last?.value)?.step;
}

function values({ events }: Device): unknown[] {
  return events.filter(({ topic }) => topic === "door").map(({ value }) => value);
}

describe("a change of the network's key", () => {
  it("opens, seals and ends by the owner's word, and what is said meanwhile arrives", () => {
    const { network, hall, sensor } = house();
    for (const host of [HALL, SENSOR]) publish(hall, String(host), sealed(host));
    network.run(6 * ROUND_MS);
    for (const one of [hall, sensor]) assert.deepEqual([one.ring.names, one.ring.sealing.name], [["", NAME], ""]);
    assert.deepEqual([holding(sensor, hall), holding(hall, sensor)], ["opens", "opens"]);
    for (const [kind, step, names] of [["switch", "seals", ["", NAME]], ["end", "only", [NAME]]] as const) {
      publish(hall, kind, signPhase(kind, NAME, SIGNER));
      network.run(6 * ROUND_MS);
      for (const one of [hall, sensor]) {
        assert.deepEqual([one.ring.names, one.ring.sealing.name], [names, NAME]);
        assert.deepEqual(one.disk.state, one.ring.current);
      }
      assert.deepEqual([holding(sensor, hall), holding(hall, sensor)], [step, step]);
      sensor.node.gossip.log("door", kind);
      network.run(3 * ROUND_MS);
    }
    assert.deepEqual(values(hall), ["switch", "end"]);
    assert.match(sensor.texts.join("\n"), /^key 1 of the network arrived.*\nthe node seals with.*\nthe node has only key 1/);
  });

  it("a revoked device has all events and frames, and can open neither the key nor what is sealed with it", () => {
    const { network, hall, sensor, garden } = house();
    garden.node.gossip.log("door", "early");
    network.run(3 * ROUND_MS);
    revokeGarden(network, hall);
    const before = [hall, sensor].map(({ node }) => node.socket.sent.length);
    for (const host of [HALL, SENSOR]) publish(hall, String(host), sealed(host));
    publish(hall, "owner", sealKey(1, NEW, { kind: "owner", id: 0, publicKey: OWNER.publicKey }, SIGNER));
    network.run(6 * ROUND_MS);
    publish(hall, "switch", signPhase("switch", NAME, SIGNER));
    network.run(6 * ROUND_MS);
    publish(hall, "end", signPhase("end", NAME, SIGNER));
    network.run(6 * ROUND_MS);
    // It got the sealed keys of all others.
    const statements = garden.events.filter(({ topic, key }) => topic === KEY_TOPIC && key !== "holds")
      .map(({ value }) => readStatement(value as Uint8Array) ?? assert.fail());
    assert.ok(statements.length >= 3);
    for (const statement of statements) {
      assert.equal(openKey(statement, secretOf(GARDEN), nodeIdentity(secretOf(GARDEN)).publicKey, 0), undefined);
      // Nor does it help to call itself another.
      for (const host of [HALL, SENSOR]) {
        assert.equal(openKey(statement, secretOf(GARDEN), nodeIdentity(secretOf(host)).publicKey, 0), undefined);
      }
    }
    assert.deepEqual(garden.ring.names, [""]);
    // All frames of the others from the change on: those from the switch on do not open with what it has.
    const sealer = nodeSealing(OLD, secretOf(GARDEN));
    const frames = [hall, sensor].flatMap(({ node }, i) => node.socket.sent.slice(before[i]));
    const opened = frames.map(({ hex }) => {
      const frame = new Uint8Array(Buffer.from(hex, "hex"));
      const receivers = [HALL, SENSOR, GARDEN].map((host) => BASE + host);
      return receivers.some((id) => [...Array(24).keys()].some((head) =>
        sealer.unseal(frame.slice(), head + 1, frame.length, id) >= 0));
    });
    const lastOpened = opened.lastIndexOf(true);
    assert.ok(opened.includes(true), "before the switch it opens them");
    assert.ok(opened.slice(opened.indexOf(true)).includes(false));
    assert.ok(lastOpened < opened.length - 1);
    // It is neither heard, nor does it hear.
    const drops = hall.node.gossip.stats().drops.seal;
    const seen = garden.events.length;
    garden.node.gossip.log("door", "stolen");
    sensor.node.gossip.log("door", "late");
    network.run(12 * ROUND_MS);
    assert.ok(hall.node.gossip.stats().drops.seal > drops);
    assert.deepEqual([values(hall), values(sensor)], [["early", "late"], ["early", "late"]]);
    assert.deepEqual(garden.events.slice(seen).map(({ author }) => author), [BASE + GARDEN]);
  });

  it("what an admitted device forges, replays or sends to another is ignored and counted", () => {
    const { network, hall, sensor, garden } = house();
    const thief = nodeIdentity(secretOf(GARDEN));
    const own = { network: 0, sign: (message: Uint8Array): Uint8Array => thief.sign(message) };
    publish(garden, "a", sealed(SENSOR, 7, NEWER, own));
    publish(garden, "b", signPhase("end", NAME, own));
    publish(garden, "c", new Uint8Array([1, 2, 3]));
    garden.node.gossip.set(KEY_TOPIC, "d", "text");
    publish(garden, "e", sealed(SENSOR, 7, NEWER, { ...SIGNER, network: 1 }));
    network.run(6 * ROUND_MS);
    assert.deepEqual(sensor.changes.ignored, { form: 2, signature: 3, old: 0, unopened: 0, unverified: 0 });
    // What is sealed for the hall, with the sensor's id.
    const { publicKey } = nodeIdentity(secretOf(HALL));
    publish(hall, "x", sealKey(1, NEW, { kind: "device", id: BASE + SENSOR, publicKey }, SIGNER));
    // What is sealed for the sensor, with the id of a device that is not there.
    const other = { kind: "device", id: BASE + 99, publicKey: nodeIdentity(secretOf(SENSOR)).publicKey } as const;
    publish(hall, "y", sealKey(1, NEW, other, SIGNER));
    network.run(3 * ROUND_MS);
    assert.equal(sensor.changes.ignored.unopened, 1);
    assert.deepEqual(sensor.ring.names, [""]);
    // An old one comes again.
    for (const host of [HALL, SENSOR, GARDEN]) publish(hall, String(host), sealed(host, 2, NEWER));
    network.run(6 * ROUND_MS);
    publish(hall, "switch", signPhase("switch", keyName(2, NEWER), SIGNER));
    network.run(3 * ROUND_MS);
    const old = [sealed(SENSOR), signPhase("switch", NAME, SIGNER)];
    for (const [i, statement] of old.entries()) publish(garden, `old ${i}`, statement);
    network.run(6 * ROUND_MS);
    assert.equal(sensor.changes.ignored.old, 2);
    assert.deepEqual(sensor.ring.names, ["", keyName(2, NEWER)]);
    assert.equal(sensor.ring.sealing.name, keyName(2, NEWER));
  });

  it("verifies at most 32 bad ones in a round, and the good one among them in a later round", () => {
    const { network, sensor } = house();
    const bad = sealed(SENSOR);
    const event = (value: Uint8Array): FeedEvent => ({
      author: 1, copiedBy: undefined, generation: 1, sequence: 1, timeMs: 1, counter: 0, topic: KEY_TOPIC, key: "k",
      kind: "set", ttlMs: 0, endMs: Infinity, value,
    });
    for (let i = 0; i < 40; i++) {
      const copy = bad.slice();
      copy[60 + i] ^= 1;
      sensor.changes.apply(event(copy));
    }
    assert.deepEqual(sensor.changes.ignored, { form: 0, signature: 32, old: 0, unopened: 0, unverified: 8 });
    sensor.changes.apply(event(bad));
    assert.deepEqual(sensor.ring.names, [""]);
    let asked = 0;
    sensor.changes.endRound({
      eachEvent: (callback: (one: FeedEvent) => void) => {
        asked++;
        callback(event(bad));
      },
      set: () => undefined,
    });
    assert.deepEqual([asked, sensor.ring.names], [1, ["", NAME]]);
    network.run(ROUND_MS);
  });

  it("no flood of bad ones keeps a good one behind them out for ever", () => {
    const { network, hall, sensor, garden } = house();
    // The hall has the lowest id, so its events are looked at first.
    const bad = sealed(SENSOR, 7, NEWER, { network: 1, sign: SIGNER.sign });
    for (let i = 0; i < 40; i++) {
      const copy = bad.slice();
      copy[60 + i] ^= 1;
      publish(hall, `bad ${i}`, copy);
    }
    network.run(6 * ROUND_MS);
    publish(garden, String(SENSOR), sealed(SENSOR));
    network.run(8 * ROUND_MS);
    assert.deepEqual(sensor.ring.names, ["", NAME]);
    const { signature } = sensor.changes.ignored;
    network.run(10 * ROUND_MS);
    assert.equal(sensor.changes.ignored.signature, signature, "then none is verified again");
  });

  it("what a device said with a later stamp is not what it says since its feed began anew", () => {
    const { hall: { changes, ring } } = house();
    ring.set(ring.with({ name: NAME, key: NEW }));
    const say = (timeMs: number, value: Uint8Array): void => changes.apply({
      author: BASE + HALL, copiedBy: undefined, generation: 1, sequence: 1, timeMs, counter: 0, topic: KEY_TOPIC,
      key: "holds", kind: "set", ttlMs: 0, endMs: Infinity, value,
    });
    say(5000, new Uint8Array(13));
    // Its clock was wrong: the feed begins anew, with stamps that are earlier.
    changes.forget(BASE + HALL);
    let times = 0;
    const gossip = {
      eachEvent: (): void => undefined,
      set: (_topic: string, _key: string, value: unknown): void => {
        times++;
        say(1000 + times, value as Uint8Array);
      },
    };
    for (let i = 0; i < 5; i++) changes.endRound(gossip);
    assert.equal(times, 1);
  });

  it("a key that cannot be stored is not used, and is taken when there is room", () => {
    const { network, hall, sensor } = house();
    sensor.disk.isFull = true;
    publish(hall, String(SENSOR), sealed(SENSOR));
    network.run(3 * ROUND_MS);
    assert.deepEqual([sensor.ring.names, holding(sensor, hall)], [[""], undefined]);
    assert.match(sensor.texts[0], /cannot be stored, and is not used/);
    sensor.disk.isFull = false;
    network.run(3 * ROUND_MS);
    assert.deepEqual([sensor.ring.names, holding(sensor, hall)], [["", NAME], "opens"]);
  });

  it("a node that is cut off at each point comes back with what it stored, and is never lost", () => {
    // Power goes when the storage has seen so many writes, and comes back after some rounds or when all is over.
    for (const writes of [1, 2, 3]) {
      for (const isLate of [false, true]) {
        const { network, hall, sensor, garden } = house();
        // Else the garden, which has only the old key, would pass the switch on.
        garden.node.gossip.close();
        for (const host of [HALL, SENSOR]) publish(hall, String(host), sealed(host));
        network.run(6 * ROUND_MS);
        const cut = (): void => {
          sensor.node.clock.stop();
          sensor.node.socket.close();
        };
        let revision = 4;
        let last = sensor;
        const back = (): void => { last = device(network, SENSOR, sensor.disk, revision++); };
        const step = (at: number, kind?: "switch" | "end"): void => {
          if (kind !== undefined) publish(hall, kind, signPhase(kind, NAME, SIGNER));
          network.run(kind === undefined || writes > at ? 6 * ROUND_MS : 0);
          if (writes !== at) return;
          cut();
          network.run(6 * ROUND_MS);
          if (!isLate) back();
          network.run(6 * ROUND_MS);
        };
        step(1);
        step(2, "switch");
        step(3, "end");
        if (isLate) back();
        network.run(40 * ROUND_MS);
        last.node.gossip.log("door", "back");
        network.run(6 * ROUND_MS);
        assert.deepEqual([last.ring.names, last.ring.sealing.name], [[NAME], NAME], `${writes} ${isLate}`);
        assert.deepEqual(values(hall), ["back"], `${writes} ${isLate}`);
        assert.equal(holding(last, hall), "only");
      }
    }
  });
});

describe("a ring of keys", () => {
  const FRAME = new Uint8Array(64).fill(9);

  function frame(by: KeyRing): Uint8Array {
    const bytes = new Uint8Array(128);
    bytes.set(FRAME);
    return bytes.slice(0, by.seal(bytes, 12, 64, 128, 7));
  }

  function opens(ring: KeyRing, bytes: Uint8Array): boolean {
    const copy = bytes.slice();
    const length = ring.unseal(copy, 12, copy.length, 7);
    if (length >= 0) assert.deepEqual(copy.slice(0, length), FRAME);
    else assert.deepEqual(copy, bytes);
    return length >= 0;
  }

  function ringOf(key: Uint8Array, otherKey?: Uint8Array, nowMs = (): number => 0): KeyRing {
    return new KeyRing({ key, otherKey, nowMs, lonelyMs: 100 });
  }

  it("opens frames of all keys that are not ended, those given by hand included", () => {
    const other = new Uint8Array(32).fill(8);
    const ring = ringOf(OLD, other);
    const frames = [OLD, other, NEW].map((key) => frame(ringOf(key)));
    assert.deepEqual(frames.map((one) => opens(ring, one)), [true, true, false]);
    ring.set(ring.with({ name: NAME, key: NEW }));
    assert.deepEqual(frames.map((one) => opens(ring, one)), [true, true, true]);
    assert.ok(opens(ringOf(OLD), frame(ring)));
    ring.set(ring.stated("switch", NAME));
    assert.deepEqual(frames.map((one) => opens(ring, one)), [true, true, true]);
    assert.ok(opens(ringOf(NEW), frame(ring)));
    ring.set(ring.stated("end", NAME));
    assert.deepEqual(frames.map((one) => opens(ring, one)), [false, false, true]);
  });

  it("the owner's word about a key that it does not hold changes nothing until the key comes", () => {
    const ring = ringOf(OLD);
    ring.set(ring.stated("switch", NAME));
    ring.set(ring.stated("end", NAME));
    assert.ok(opens(ringOf(OLD), frame(ring)));
    ring.set(ring.with({ name: NAME, key: NEW }));
    assert.deepEqual(ring.names, [NAME]);
  });

  it("holds 4 keys beside that given by hand, and never drops the one that it seals with", () => {
    const ring = ringOf(OLD);
    ring.set(ring.with({ name: NAME, key: NEW }));
    ring.set(ring.stated("switch", NAME));
    for (let number = 2; number < 9; number++) {
      const key = new Uint8Array(32).fill(number);
      ring.set(ring.with({ name: keyName(number, key), key }));
    }
    const numbers = ring.current.keys.map(({ name }) => Number(name.slice(0, 8)));
    assert.equal(numbers.length, RING_KEYS);
    assert.deepEqual([numbers, ring.sealing.name], [[1, 6, 7, 8], NAME]);
  });

  it("tries the newest key after a while without frames of the older ones, until one comes", () => {
    let nowMs = 0;
    const ring = ringOf(OLD, undefined, () => nowMs);
    ring.set(ring.with({ name: NAME, key: NEW }));
    nowMs = 100;
    assert.ok(opens(ringOf(OLD), frame(ring)));
    nowMs = 101;
    assert.ok(opens(ringOf(NEW), frame(ring)));
    // A frame of the new key is no reason to go back, or to stay.
    assert.ok(opens(ring, frame(ringOf(NEW))));
    assert.ok(opens(ringOf(NEW), frame(ring)));
    assert.ok(opens(ring, frame(ringOf(OLD))));
    assert.ok(opens(ringOf(OLD), frame(ring)));
  });

  it("is stored for the user alone, and what is no state is refused", () => {
    const path = mkdtempSync(join(tmpdir(), "chisme-test-"));
    try {
      const folder = new SigningFolder(path);
      assert.equal(folder.readKeys(), undefined);
      const states: RingState[] = [
        { keys: [], switched: NAME, ended: "" },
        { keys: [{ name: NAME, key: NEW }, { name: keyName(2, NEWER), key: NEWER }], switched: NAME, ended: NAME },
      ];
      for (const state of states) {
        writeFileSync(join(path, "network-keys.new"), "cut", { mode: 0o666 });
        folder.writeKeys(state);
        assert.deepEqual(folder.readKeys(), state);
        assert.equal(statSync(join(path, "network-keys")).mode & 0o777, 0o600);
      }
      assert.deepEqual(readdirSync(path), ["network-keys"]);
      for (const text of ["", "hello\n", `key ${NAME}\n`, `switched ${NAME} ${"00".repeat(32)}\n`,
        `key ${keyName(2, NEWER)} ${"01".repeat(32)}\n`]) {
        writeFileSync(join(path, "network-keys"), text);
        assert.throws(() => folder.readKeys(), /network-keys does not hold keys of a network/);
      }
    } finally {
      rmSync(path, { recursive: true });
    }
  });
});
