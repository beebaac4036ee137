import { aessiv } from "@noble/ciphers/aes.js";
import type { Sealer, Sealing } from "../../src/engine/wire/sealer.js";

/** Sealing on Node.js, with @noble/ciphers. Unlike sealing on boards it allocates. */
export const nodeSealing: Sealing = (key, otherKey) => new NodeSealer(key, otherKey);

class NodeSealer implements Sealer {
  private readonly key: Uint8Array;
  private readonly keys: Uint8Array[];

  constructor(key: Uint8Array, otherKey: Uint8Array | undefined) {
    this.key = key;
    this.keys = otherKey === undefined ? [key] : [key, otherKey];
  }

  seal(frame: Uint8Array, headLength: number, length: number, room: number): number {
    const sealed = aessiv(this.key, frame.subarray(0, headLength)).encrypt(frame.subarray(headLength, length));
    if (headLength + sealed.length > room) return -1;
    frame.set(sealed, headLength);
    return headLength + sealed.length;
  }

  unseal(frame: Uint8Array, headLength: number, length: number): number {
    for (const key of this.keys) {
      const plain = decrypt(key, frame.subarray(0, headLength), frame.subarray(headLength, length));
      if (plain === undefined) continue;
      frame.set(plain, headLength);
      return headLength + plain.length;
    }
    return -1;
  }
}

/** Returns undefined where the library throws: the data is too short, or was not sealed with this key. */
function decrypt(key: Uint8Array, head: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return aessiv(key, head).decrypt(sealed);
  } catch {
    return undefined;
  }
}
