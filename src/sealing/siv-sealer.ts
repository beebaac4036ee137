import { NO_RECEIVER, SEAL_BYTES, type Sealer, type Sealing } from "../engine/wire/sealer.js";
import { BLOCK_BYTES, type BlockCipher, KEY_BYTES } from "./block-cipher.js";
import { Siv } from "./siv.js";

/** A sealer for platforms that have AES but not AES-SIV. */
export class SivSealer implements Sealer {
  private readonly current: Siv;
  private readonly other: Siv | undefined;

  constructor(current: Siv, other: Siv | undefined) {
    this.current = current;
    this.other = other;
  }

  seal(frame: Uint8Array, headLength: number, length: number, room: number, receiver: number): number {
    if (length + SEAL_BYTES > room) return -1;
    begin(this.current, frame, headLength, receiver);
    this.current.seal(frame, headLength, length - headLength);
    return length + SEAL_BYTES;
  }

  unseal(frame: Uint8Array, headLength: number, length: number, receiver: number): number {
    const bodyLength = length - headLength - SEAL_BYTES;
    if (bodyLength < 0) return -1;
    const opened = unseals(this.current, frame, headLength, bodyLength, receiver)
      || (this.other !== undefined && unseals(this.other, frame, headLength, bodyLength, receiver));
    return opened ? length - SEAL_BYTES : -1;
  }
}

/**
 * Creates sealers from a platform's AES.
 *
 * @param cipherOf returns AES-128 under a key of 16 bytes; it may keep the array
 */
export function sealingWith(cipherOf: (key: Uint8Array) => BlockCipher): Sealing {
  return (key, otherKey) => new SivSealer(
    sivOf(key, cipherOf), otherKey === undefined ? undefined : sivOf(otherKey, cipherOf),
  );
}

/** @param key 32 bytes: the first half is for the MAC, the second for the stream (RFC 5297, section 2.6) */
function sivOf(key: Uint8Array, cipherOf: (key: Uint8Array) => BlockCipher): Siv {
  return new Siv(cipherOf(copyOf(key, 0)), cipherOf(copyOf(key, KEY_BYTES / 2)));
}

/** Half of a key in its own ArrayBuffer, as platforms require. */
function copyOf(key: Uint8Array, start: number): Uint8Array {
  const copy = new Uint8Array(BLOCK_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) copy[i] = key[start + i];
  return copy;
}

/** Starts a frame: associates its head and, unless it is for whoever gets it, its receiver. */
function begin(siv: Siv, frame: Uint8Array, headLength: number, receiver: number): void {
  siv.begin();
  siv.associate(frame, 0, headLength);
  if (receiver !== NO_RECEIVER) siv.associateWord(receiver);
}

function unseals(siv: Siv, frame: Uint8Array, headLength: number, bodyLength: number, receiver: number): boolean {
  begin(siv, frame, headLength, receiver);
  return siv.unseal(frame, headLength, bodyLength);
}
