import type { SimRandom } from "../desktop/simulator/random.js";
import { HEAD_BYTES, KIND_MAX, KIND_SEND, OUTCOME_DELIVERED, OUTCOME_REFUSED } from "../src/engine/message/message.js";
import type { Engine, EngineOptions } from "../src/engine/index.js";
import { OWN_SLOT } from "../src/engine/table/rows.js";
import { SECTION_HOP, SECTION_MESSAGE, sectionHead } from "../src/engine/wire/frame.js";
import { messages } from "../src/messages/index.js";
import type { FrameSource } from "./frame-source.js";
import { drawBytes, drawWord } from "./mutate.js";
import type { DatagramSource, World } from "./world.js";

const MESSAGE_BYTES_MAX = 64;
/** What a datagram needs beside a message. */
const FRAME_BYTES = 112;
const QUEUE = 4;

/** Compact frames with a message or an answer to one behind their other sections. */
export class MessageSource implements DatagramSource {
  constructor(private readonly frames: FrameSource) {}

  draw(random: SimRandom, world: World): Uint8Array {
    const frame = this.frames.draw(random, world);
    const room = 1472 - frame.length;
    const section = random.chance(0.75) ? drawMessage(random, world) : drawHop(random);
    return random.chance(0.1) || section.length > room ? frame : new Uint8Array(Buffer.concat([frame, section]));
  }
}

function drawMessage(random: SimRandom, world: World): Uint8Array {
  const length = random.chance(0.9) ? random.below(48) : random.below(300);
  const content = Buffer.alloc(HEAD_BYTES + length);
  content[0] = random.chance(0.5) ? random.below(2) : random.below(256);
  content.writeUIntBE(random.chance(0.9) ? random.between(1, 60000) : random.below(0x1000000), 1, 3);
  content[4] = random.below(KIND_MAX + (random.chance(0.05) ? 3 : 1));
  content.writeUInt32BE(random.chance(0.4) ? world.engine.rows.id(OWN_SLOT) : world.drawId(random), 5);
  content.writeUInt32BE(world.drawId(random), 9);
  content.writeUInt32BE(drawWord(random, [0, 1, 2, 33, 0xffffffff]), 13);
  // Often a topic of one letter and a number.
  if (length >= 3 && random.chance(0.6)) content.set([0x61, 0x74, random.below(24)], HEAD_BYTES);
  else content.set(drawBytes(random, length), HEAD_BYTES);
  return section(SECTION_MESSAGE, random.chance(0.6) ? content.subarray(0, HEAD_BYTES + Math.min(3, length)) : content);
}

function drawHop(random: SimRandom): Uint8Array {
  return section(SECTION_HOP, Buffer.from([random.below(6), random.below(256), random.below(256)]));
}

function section(tag: number, content: Uint8Array): Uint8Array {
  const head = sectionHead(tag, content.length);
  return Buffer.concat([Buffer.from([head >> 8, head & 255]), content]);
}

/** The option of an engine. */
export function messagesOf(options: EngineOptions): NonNullable<EngineOptions["messages"]> {
  const messageBytesMax = Math.min(MESSAGE_BYTES_MAX, options.datagramBytesMax - FRAME_BYTES);
  return messages({ messageBytesMax, queue: QUEUE, senders: 3 }).engineMessages(options.datagramBytesMax);
}

/**
 * Takes what arrived and ended, as an application would, and posts a message now and then.
 *
 * @throws Error when a message has no place, or more of a payload than its place has
 */
export function checkMessages(engine: Engine): void {
  const { messages: posted, rows } = engine;
  if (posted === undefined) return;
  const { store } = posted;
  for (let place = 0; place < store.count; place++) {
    if (store.length(place) > store.messageBytes) throw new Error(`a message of ${store.length(place)} bytes`);
  }
  for (let place = posted.nextForApp(); place >= 0; place = posted.nextForApp()) {
    if (store.from(place) === rows.id(OWN_SLOT)) posted.release(place);
    else posted.settle(place, posted.open(place) === 3 ? OUTCOME_DELIVERED : OUTCOME_REFUSED);
  }
  if (store.waiting(-1) > store.count) throw new Error(`${store.waiting(-1)} messages wait`);
  if (rows.count < 2 || store.waiting(OWN_SLOT) > 0) return;
  const other = rows.slotAt(0) === OWN_SLOT ? rows.slotAt(1) : rows.slotAt(0);
  store.bytes.set([0x61, 0x74, 1], store.scratch() + HEAD_BYTES);
  posted.post(posted.clock.callerMs, KIND_SEND, rows.id(other), 3, 60000, 0);
}
