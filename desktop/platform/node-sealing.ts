import { aessiv } from "@noble/ciphers/aes.js";
import { NO_RECEIVER, type Sealer, type Sealing } from "../../src/engine/wire/sealer.js";

/** Sealing on Node.js, with @noble/ciphers. Unlike sealing on boards it allocates. */
export const nodeSealing: Sealing = (key, otherKey) => new NodeSealer(key, otherKey);

class NodeSealer implements Sealer {
  private readonly key: Uint8Array;
  private readonly keys: Uint8Array[];

  constructor(key: Uint8Array, otherKey: Uint8Array | undefined) {
    this.key = key;
    this.keys = otherKey === undefined ? [key] : [key, otherKey];
  }

  seal(frame: Uint8Array, headLength: number, length: number, room: number, receiver: number): number {
    return sealFrame(this.key, frame, headLength, length, room, receiver);
  }

  unseal(frame: Uint8Array, headLength: number, length: number, receiver: number): number {
    for (const key of this.keys) {
      const plain = unsealFrame(key, frame, headLength, length, receiver);
      if (plain >= 0) return plain;
    }
    return -1;
  }
}

/** As `seal` of a sealer, with this key. */
export function sealFrame(
  key: Uint8Array, frame: Uint8Array, headLength: number, length: number, room: number, receiver: number,
): number {
  const cipher = aessiv(key, ...associated(frame, headLength, receiver));
  const sealed = cipher.encrypt(frame.subarray(headLength, length));
  if (headLength + sealed.length > room) return -1;
  frame.set(sealed, headLength);
  return headLength + sealed.length;
}

/** As `unseal` of a sealer, with this key alone. */
export function unsealFrame(
  key: Uint8Array, frame: Uint8Array, headLength: number, length: number, receiver: number,
): number {
  const plain = decrypt(key, associated(frame, headLength, receiver), frame.subarray(headLength, length));
  if (plain === undefined) return -1;
  frame.set(plain, headLength);
  return headLength + plain.length;
}

/** The components of associated data. */
function associated(frame: Uint8Array, headLength: number, receiver: number): Uint8Array[] {
  const head = frame.subarray(0, headLength);
  if (receiver === NO_RECEIVER) return [head];
  return [head, Uint8Array.of(receiver >>> 24, receiver >>> 16, receiver >>> 8, receiver)];
}

/** Returns undefined where the library throws: the data is too short, or was not sealed with this key. */
function decrypt(key: Uint8Array, data: Uint8Array[], sealed: Uint8Array): Uint8Array | undefined {
  try {
    return aessiv(key, ...data).decrypt(sealed);
  } catch {
    return undefined;
  }
}
