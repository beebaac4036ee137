import type { SimRandom } from "../desktop/simulator/random.js";
import { Engine, NO_RECEIVER, SEAL_BYTES, dropReasonName } from "../src/engine/index.js";
import { countUpdates } from "../src/engine/table/transmits.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { pureSealing } from "../src/sealing/aes.js";
import { mutate } from "./mutate.js";
import { assertSame, checkTable, dropsOf, fail, snapshot } from "./node-checks.js";
import type { Session } from "./target.js";
import { PORT, engineOptions } from "../test/support/engine-options.js";
import { takeDatagrams, takeNotifications } from "../test/support/engine-outputs.js";

const NODES = 3;
const CAPACITY = 8;
const SEED_CAPACITY = 8;
const BYTES_MAX = 512;
const BURST_MAX = 4;
/** PROTOCOL.md: an unproven address receives at most this many times the bytes that it sent. */
const AMPLIFICATION_MAX = 3;
const CAPTURED_MAX = 400;
/** Inputs after which a node must have no due timer left. */
const SETTLE_MAX = 16;
const OWN_ADDRESS = 0x0a000001;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const OTHER_KEY = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
/** Reasons for which one row is refused, and not the whole of the datagram. */
const OF_ROWS = ["tableFull", "valueTooLarge"];

const sealing = pureSealing();
const reader = new FrameReader();

/** A node's datagram that the attacker captured. */
interface Captured {
  bytes: Uint8Array;
  from: number;
  /** The node that it is for; -1 for none of them. */
  to: number;
  isDelivered: boolean;
}

interface Member {
  engine: Engine;
  /** Number of the input that started it. */
  startedAt: number;
  /** The datagrams that it accepted since, as hexadecimal text. */
  accepted: Set<string>;
}

/**
 * Three nodes with a key, and an attacker between them without it. The attacker
 * captures all datagrams and drops, delays, repeats, redirects, mutates or replays
 * them, from other addresses and after restarts of the nodes. Lines:
 *
 *   start node nowMs revision isRemembered randomSeed
 *   tick node nowMs
 *   publish node nowMs byte
 *   receive node nowMs address port bytes
 *
 * The model: a datagram may change the receiver only if a node sent exactly these
 * bytes to it after the receiver's last start, knowing its id, and the receiver
 * has not yet accepted them. It moves no row that it is not the proof of.
 * Any other datagram changes neither a table nor seeds, revision or deadlines. It
 * causes no notification except of a stranger, and at most AMPLIFICATION_MAX times
 * its bytes as answers.
 */
export class SealedSession implements Session {
  private readonly members: Member[] = [];
  /** Number of the input at which each datagram was sent last. */
  private readonly sentAt = new Map<string, number>();
  /** The id that each datagram is sealed for, or NO_RECEIVER. */
  private readonly receiverOf = new Map<string, number>();
  private captured: Captured[] = [];
  private readonly sealer = sealing(KEY, undefined);
  private inputs = 0;
  private nowMs = 1000;

  draw(random: SimRandom): string {
    if (this.members.length < NODES) return this.drawStart(random, this.members.length, 0);
    const node = random.below(NODES);
    const kind = random.below(100);
    if (kind < 12) return `tick ${node} ${this.drawTime(random, node)}`;
    if (kind < 15) return `publish ${node} ${this.nowMs} ${random.below(24)}`;
    if (kind < 16) return this.drawStart(random, node, this.members[node].engine.revision() + 1);
    if (kind < 55) {
      const next = this.captured.find(({ isDelivered, to }) => !isDelivered && to >= 0);
      if (next !== undefined) {
        next.isDelivered = true;
        if (random.chance(0.8)) return receiveLine(next.to, this.nowMs, addressOf(next.from), next.bytes);
      }
      return `tick ${node} ${this.drawTime(random, node)}`;
    }
    return this.drawAttack(random, node);
  }

  run(line: string): string | undefined {
    const words = line.split(" ");
    const [node, nowMs, a, b, c] = words.slice(1).map(Number);
    this.inputs++;
    this.nowMs = nowMs;
    if (words[0] === "start") {
      this.members[node] = { engine: this.start(node, a, b === 1, c), startedAt: this.inputs, accepted: new Set() };
      this.drain(node);
      return undefined;
    }
    const member = this.members[node];
    // In a shortened session the lines that this one needs may be missing.
    if (member === undefined) return undefined;
    if (words[0] === "receive") return this.receive(node, member, a, b, new Uint8Array(Buffer.from(words[5], "hex")));
    if (words[0] === "tick") member.engine.tick(nowMs);
    else if (words[0] === "publish") member.engine.publish(nowMs, Uint8Array.of(a), 1, 0, 0);
    else throw new Error(`there is no input ${words[0]}`);
    this.drain(node);
    return undefined;
  }

  private start(node: number, revision: number, isRemembered: boolean, randomSeed: number): Engine {
    const engine = new Engine(engineOptions({
      id: node + 1, address: addressOf(node), capacity: CAPACITY, valueBytesMax: 8, datagramBytesMax: BYTES_MAX,
      removeAfterMs: 60000, seedCapacity: SEED_CAPACITY, randomSeed,
      sealer: sealing(KEY, node === 0 ? OTHER_KEY : undefined),
    }));
    for (let other = 0; other < NODES; other++) if (other !== node) engine.addSeed(addressOf(other), PORT);
    engine.start(this.nowMs, revision, isRemembered);
    return engine;
  }

  private receive(node: number, member: Member, address: number, port: number, bytes: Uint8Array): string | undefined {
    const text = Buffer.from(bytes).toString("hex");
    const sentAt = this.sentAt.get(text) ?? -1;
    // In a shortened session the node that sealed this datagram may be missing. A holder of the key may send anything.
    if (sentAt < 0 && this.isSealed(bytes)) return undefined;
    const isForIt = this.receiverOf.get(text) === node + 1;
    const mayCount = isForIt && sentAt > member.startedAt && !member.accepted.has(text);
    const { engine } = member;
    this.settle(node, engine);
    const before = stateOf(engine);
    const drops = dropsOf(engine);
    engine.receive(this.nowMs, address, port, bytes.slice(), bytes.length);
    const reasons = dropsOf(engine).flatMap((count, reason) => count > drops[reason] ? [dropReasonName(reason)] : []);
    const dropped = reasons.find((reason) => !OF_ROWS.includes(reason));
    const after = stateOf(engine);
    const sentBytes = this.drain(node);
    if (mayCount && dropped === undefined) member.accepted.add(text);
    else this.assertNothing(before, after, sentAt < 0 ? 0 : AMPLIFICATION_MAX * bytes.length, sentBytes);
    const what = sentAt < 0 ? "forged" : mayCount ? "sent" : "replayed";
    if (sentAt < 0 && dropped === undefined) fail("a forged datagram was accepted");
    return dropped === undefined ? `${what}: accepted` : `${what}, dropped: ${dropped}`;
  }

  /** Handles due timers, so that all later changes are caused by the datagram. */
  private settle(node: number, engine: Engine): void {
    for (let left = SETTLE_MAX; left > 0 && ((this.nowMs - engine.nextDeadline()) | 0) >= 0; left--) {
      engine.tick(this.nowMs);
      this.drain(node);
    }
  }

  private assertNothing(before: State, after: State, answerMax: number, sentBytes: number): void {
    assertSame(before.rows, after.rows, -1);
    if (before.rest !== after.rest) fail(`a refused datagram changed ${before.rest} to ${after.rest}`);
    if (sentBytes > answerMax) fail(`the answers have ${sentBytes} bytes; ${answerMax} are allowed`);
  }

  private isSealed(bytes: Uint8Array): boolean {
    return this.receiverIn(bytes) !== undefined;
  }

  /** The id that a datagram is sealed for, or NO_RECEIVER; undefined if it is not sealed. */
  private receiverIn(bytes: Uint8Array): number | undefined {
    if (reader.parseHead(bytes, bytes.length) !== 0) return undefined;
    const receivers = reader.isUnaddressed() ? [NO_RECEIVER] : this.members.map((_, node) => node + 1);
    return receivers.find((id) => this.sealer.unseal(bytes.slice(), reader.headLength, bytes.length, id) >= 0);
  }

  /** Polls all outputs and checks the node. Returns the number of bytes sent. */
  private drain(node: number): number {
    const { engine } = this.members[node];
    takeNotifications(engine);
    let sentBytes = 0;
    for (const { bytes, to } of takeDatagrams(engine, BURST_MAX)) {
      sentBytes += bytes.length;
      this.capture(node, bytes, to);
    }
    if (engine.seeds.count > SEED_CAPACITY) fail(`${engine.seeds.count} seeds`);
    checkTable(engine.rows, node + 1);
    return sentBytes;
  }

  private capture(from: number, bytes: Uint8Array, address: number): void {
    const receiver = this.receiverIn(bytes);
    if (bytes.length < SEAL_BYTES || receiver === undefined) fail("a datagram was sent that is not sealed");
    const text = Buffer.from(bytes).toString("hex");
    this.sentAt.set(text, this.inputs);
    this.receiverOf.set(text, receiver);
    const to = address - OWN_ADDRESS;
    this.captured.push({ bytes, from, to: to >= 0 && to < NODES ? to : -1, isDelivered: false });
    if (this.captured.length > CAPTURED_MAX) this.captured = this.captured.slice(CAPTURED_MAX >> 1);
  }

  private drawStart(random: SimRandom, node: number, revision: number): string {
    const isWiped = random.chance(0.3);
    return `start ${node} ${this.nowMs} ${isWiped ? 0 : revision} ${isWiped ? 0 : 1} ${random.next()}`;
  }

  private drawAttack(random: SimRandom, node: number): string {
    const address = random.chance(0.2) ? random.next() : addressOf(random.below(NODES));
    if (this.captured.length === 0) return `tick ${node} ${this.drawTime(random, node)}`;
    const one = random.pick(this.captured);
    const other = random.pick(this.captured);
    switch (random.below(6)) {
      // As it was: to its receiver again, to another, back to its sender, from where it came or from elsewhere.
      case 0: return receiveLine(node, this.nowMs, addressOf(one.from), one.bytes);
      case 1: return receiveLine(node, this.nowMs, address, one.bytes);
      case 2: return receiveLine(node, this.nowMs, address, mutate(random, one.bytes, other.bytes));
      case 3: return receiveLine(node, this.nowMs, address, withHead(one.bytes, other.bytes));
      case 4: return receiveLine(node, this.nowMs, address, resealed(one.bytes));
      default: return receiveLine(node, this.nowMs, address, withCounter(random, one.bytes));
    }
  }

  private drawTime(random: SimRandom, node: number): number {
    const dueMs = this.members[node].engine.nextDeadline();
    if (random.chance(0.7) && ((dueMs - this.nowMs) | 0) > 0) return dueMs;
    return (this.nowMs + random.below(random.chance(0.05) ? 100000 : 500)) >>> 0;
  }
}

/** All that a datagram may bear on. */
interface State {
  rows: Map<number, string>;
  rest: string;
}

function stateOf(engine: Engine): State {
  const { seeds } = engine;
  const words: number[] = [engine.revision(), countUpdates(engine.rows), engine.nextDeadline()];
  for (let i = 0; i < seeds.count; i++) words.push(seeds.address(i), seeds.port(i));
  return { rows: snapshot(engine.rows), rest: words.join(" ") };
}

function addressOf(node: number): number {
  return OWN_ADDRESS + node;
}

function receiveLine(node: number, nowMs: number, address: number, bytes: Uint8Array): string {
  return `receive ${node} ${nowMs} ${address} ${PORT} ${Buffer.from(bytes).toString("hex")}`;
}

/** A body under another frame's head. */
function withHead(body: Uint8Array, head: Uint8Array): Uint8Array {
  const bodyFrom = headLength(body);
  return Uint8Array.of(...head.subarray(0, headLength(head)), ...body.subarray(bodyFrom));
}

/** The same under a key that is not the network's. */
function resealed(bytes: Uint8Array): Uint8Array {
  const length = bytes.length - SEAL_BYTES;
  const out = new Uint8Array(bytes.length);
  out.set(bytes.subarray(0, length));
  const sealer = sealing(Uint8Array.from(KEY, (byte) => byte ^ 1), undefined);
  sealer.seal(out, headLength(bytes), length, out.length, NO_RECEIVER);
  return out;
}

/** With bits of the head changed: type, id, revision and counter are in clear. */
function withCounter(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  out[random.below(headLength(bytes))] ^= 1 << random.below(8);
  return out;
}

function headLength(bytes: Uint8Array): number {
  reader.parseHead(bytes, bytes.length);
  return reader.headLength;
}
