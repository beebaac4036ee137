import { SimRandom } from "../desktop/simulator/random.js";
import { DROP_REASONS, type Dialect, Engine, type NodeEngine, dropReasonName } from "../src/engine/index.js";
import { countUpdates } from "../src/engine/table/transmits.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import { pureSealing } from "../src/sealing/aes.js";
import { FrameSource } from "./frame-source.js";
import { JsonSource } from "./json-source.js";
import { mutate } from "./mutate.js";
import { assertSame, snapshot } from "./node-checks.js";
import { type DatagramSource, World, mixOf } from "./world.js";
import { PORT, engineOptions } from "../test/support/engine-options.js";
import { takeDatagrams, takeNotifications } from "../test/support/engine-outputs.js";

const OWN_ADDRESS = 0x0a000001;
const KEY = new Uint8Array(32).fill(0x5a);
const OTHER_KEY = new Uint8Array(32).fill(0x5b);
/** Time between two datagrams. */
const STEP_MS = 1;
const RECORDED = 500;
/** Measurements of the heap in a run. */
const HEAP_SAMPLES = 10;

export interface LongLife {
  name: string;
  datagrams: number;
  accepted: number;
  drops: Record<string, number>;
  rows: number;
  capacity: number;
  seeds: number;
  /** Bytes of the heap in use, in the course of the run. */
  heapBytes: number[];
}

/** Runs one node of each kind while a stranger sends to it all the time. */
export function longLives(datagrams: number, seed: number): LongLife[] {
  const frames = new FrameSource();
  const json = new JsonSource();
  const make = (dialect: Dialect) => dialect({ ...OPTIONS, randomSeed: seed });
  return [
    live("sealed", sealedNode(seed), recordedSource(seed), datagrams, seed, true),
    live("compact", make((options) => new Engine(options)), frames, datagrams, seed, false),
    live("espgossip", make(espgossip()), json, datagrams, seed, false),
    live("auto", make(auto()), mixOf(0.5, frames, json), datagrams, seed, false),
  ];
}

const OPTIONS = engineOptions({ address: OWN_ADDRESS, valueBytesMax: 48 });

/** @param isClosed whether no datagram may change the node */
function live(
  name: string, engine: NodeEngine, source: DatagramSource, datagrams: number, seed: number, isClosed: boolean,
): LongLife {
  const random = new SimRandom(seed, 7);
  const world = new World(engine, Array.from({ length: 64 }, (_, i) => OWN_ADDRESS + i));
  engine.addSeed(OWN_ADDRESS + 1, PORT);
  engine.start(0, 1, true);
  const heapBytes: number[] = [];
  const rows = snapshot(engine.rows);
  for (let i = 1; i <= datagrams; i++) {
    const nowMs = (i * STEP_MS) >>> 0;
    // Handle due timers first, so that all later changes are caused by the datagram.
    while (((nowMs - engine.nextDeadline()) | 0) >= 0) {
      engine.tick(nowMs);
      drain(engine, world);
    }
    const bytes = source.draw(random, world);
    const updatesBefore = countUpdates(engine.rows);
    const deadline = engine.nextDeadline();
    const heartbeat = engine.rows.heartbeat(0);
    engine.receive(nowMs, world.drawAddress(random), PORT, bytes.slice(), bytes.length);
    if (isClosed) {
      const same = engine.nextDeadline() === deadline && countUpdates(engine.rows) === updatesBefore
        && engine.rows.heartbeat(0) === heartbeat && engine.rows.count === rows.size;
      if (!same) throw new Error(`${name}: datagram ${i} changed something: ${Buffer.from(bytes).toString("hex")}`);
    }
    drain(engine, world);
    if (i % Math.ceil(datagrams / HEAP_SAMPLES) === 0) {
      globalThis.gc?.();
      heapBytes.push(process.memoryUsage().heapUsed);
    }
  }
  if (isClosed) assertSame(rows, snapshot(engine.rows), engine.rows.id(0));
  return { ...figuresOf(name, engine), datagrams, heapBytes };
}

function figuresOf(name: string, engine: NodeEngine): Omit<LongLife, "datagrams" | "heapBytes"> {
  const drops: Record<string, number> = {};
  let dropped = 0;
  for (let reason = 1; reason < DROP_REASONS; reason++) {
    const count = engine.stats.drops(reason);
    if (count > 0) drops[dropReasonName(reason)] = count;
    dropped += count;
  }
  const accepted = Math.max(0, engine.stats.datagramsReceived() - dropped);
  return { name, accepted, drops, rows: engine.rows.count, capacity: engine.rows.capacity, seeds: engine.seeds.count };
}

function drain(engine: NodeEngine, world: World): void {
  takeNotifications(engine);
  for (const { bytes } of takeDatagrams(engine)) world.sent(bytes);
}

function sealedNode(seed: number): Engine {
  return new Engine({ ...OPTIONS, randomSeed: seed, sealer: pureSealing()(KEY, OTHER_KEY) });
}

/** Replays sealed frames of the network's past and of the node itself, unchanged or mutated. */
function recordedSource(seed: number): DatagramSource {
  const recorded: Uint8Array[] = [];
  const peer = new Engine({
    ...OPTIONS, id: 2, address: OWN_ADDRESS + 1, randomSeed: seed + 1, sealer: pureSealing()(KEY, undefined),
  });
  peer.addSeed(OWN_ADDRESS, PORT);
  peer.start(0, 1, true);
  while (recorded.length < RECORDED) {
    peer.tick(peer.nextDeadline());
    for (const { bytes } of takeDatagrams(peer)) recorded.push(bytes);
  }
  return {
    draw: (random, world) => {
      const isOwn = world.datagrams.length > 0 && random.chance(0.3);
      const pick = () => random.pick(isOwn ? world.datagrams : recorded);
      return random.chance(0.1) ? pick() : mutate(random, pick(), pick());
    },
  };
}
