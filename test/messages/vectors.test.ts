import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { closeMessage, openMessage } from "../../src/engine/message/end-seal.js";
import { HEAD_BYTES, KIND_REPLY, QUERY_BYTES } from "../../src/engine/message/message.js";
import { MessageStore } from "../../src/engine/message/message-store.js";
import { RowData } from "../../src/engine/table/rows.js";
import { DROP_NONE, dropReasonName } from "../../src/engine/wire/drops.js";
import { TYPE_ACK } from "../../src/engine/wire/frame.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { pureSealing } from "../../src/sealing/aes.js";

interface MessageVector {
  name: string;
  kind: number;
  try: number;
  hops: number;
  left: number;
  to: number;
  from: number;
  number: number;
  query?: number;
  topic?: string;
  value?: unknown;
  payload?: string;
  check: number;
  hex: string;
  /** The same in a network that is sealed with `key`. */
  sealed: string;
}

const vectors = JSON.parse(readFileSync("test/vectors/messages.json", "utf8")) as {
  key: string;
  messages: MessageVector[];
  refused: { name: string; type: number; hex: string; reason: string }[];
};
const key = Uint8Array.from(Buffer.from(vectors.key, "hex"));

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

/** The section's content as a node writes it. */
function written(vector: MessageVector, isSealed: boolean, sealing = nodeSealing): { hex: string; check: number } {
  const store = new MessageStore({ count: 2, bytesMax: 100, senders: 1 }, 8, isSealed);
  const at = store.scratch();
  store.writeHead(at, vector.kind, vector.to, vector.from, vector.number);
  const payload = at + HEAD_BYTES + (vector.kind === KIND_REPLY ? QUERY_BYTES : 0);
  let end = payload;
  if (vector.payload !== undefined) {
    const bytes = bytesOf(vector.payload);
    store.bytes.set(bytes, payload);
    end += bytes.length;
  } else {
    if (vector.topic !== undefined) end = encodeCbor(vector.topic, store.bytes, end);
    end = encodeCbor(vector.value, store.bytes, end);
  }
  const sealer = isSealed ? sealing(key, undefined) : undefined;
  const length = closeMessage(store, sealer, end - payload, vector.query ?? 0, vector.to);
  store.bytes[at] = (vector.try << 5) | vector.hops;
  store.bytes.set([vector.left >> 16, vector.left >> 8, vector.left], at + 1);
  return { hex: Buffer.from(store.bytes.subarray(at, at + length)).toString("hex"), check: store.check(at) };
}

describe("vectors of messages", () => {
  for (const vector of vectors.messages) {
    it(vector.name, () => {
      const plain = written(vector, false);
      assert.equal(plain.hex, vector.hex.replaceAll(" ", ""));
      assert.equal(plain.check, vector.check);
      assert.equal(written(vector, true).hex, vector.sealed.replaceAll(" ", ""));
      assert.equal(written(vector, true, pureSealing()).hex, vector.sealed.replaceAll(" ", ""), "on boards");
    });
  }

  for (const { name, type, hex, reason } of vectors.refused) {
    it(`refused: ${name}`, () => {
      const section = bytesOf(hex);
      const inReplyTo = type === TYPE_ACK ? "01" : "";
      const head = bytesOf(`c10${type} 24a01f01 19 01 5a 000000000000 ${inReplyTo}`);
      const frame = Buffer.concat([head, section]);
      const found = new FrameReader().parse(frame, frame.length, new RowData());
      assert.equal(found === DROP_NONE ? "none" : dropReasonName(found), reason);
    });
  }
});

describe("the seal between the ends", () => {
  const sealer = nodeSealing(key, undefined);

  /** What the receiver finds in a message of which one byte was changed on the way. */
  function opened(vector: MessageVector, changed: number, own = vector.to): number {
    const store = new MessageStore({ count: 2, bytesMax: 100, senders: 1 }, 8, true);
    const bytes = bytesOf(vector.sealed);
    if (changed >= 0) bytes[changed] ^= 1;
    store.bytes.set(bytes, store.scratch());
    return openMessage(store, sealer, bytes.length, own);
  }

  it("shows a relay nothing, and each change of kind, ends, number or payload", () => {
    const sealedOnes = vectors.messages.filter(({ kind }) => kind < 5);
    assert.ok(sealedOnes.length >= 4);
    for (const vector of sealedOnes) {
      assert.ok(opened(vector, -1) > 0, vector.name);
      const length = bytesOf(vector.sealed).length;
      // Relays change the first 4 bytes: try, hops, what is left of its life.
      for (let at = 0; at < 4; at++) assert.ok(opened(vector, at) > 0, `${vector.name}: byte ${at}`);
      // A changed kind may have another form: it is never taken for another message.
      for (let at = 5; at < length; at++) assert.equal(opened(vector, at), -1, `${vector.name}: byte ${at}`);
      for (const kind of [0, 1, 2, 3, 4]) {
        if (kind === vector.kind) continue;
        const store = new MessageStore({ count: 2, bytesMax: 100, senders: 1 }, 8, true);
        const bytes = bytesOf(vector.sealed);
        bytes[4] = kind;
        store.bytes.set(bytes, store.scratch());
        assert.equal(openMessage(store, sealer, bytes.length, vector.to), -1, `${vector.name} as kind ${kind}`);
      }
    }
  });

  it("keeps a message for one node from another one", () => {
    const send = vectors.messages.find(({ kind }) => kind === 0)!;
    assert.equal(opened(send, -1, send.to + 1), -1);
  });
});
