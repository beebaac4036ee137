import { readFileSync } from "node:fs";
import { createCipheriv } from "node:crypto";
import type { BlockCipher } from "../../src/sealing/block-cipher.js";
import { Siv } from "../../src/sealing/siv.js";

/** A message of RFC 5297's appendix A; bytes as hexadecimal text, with spaces for the eye. */
export interface SivVector {
  name: string;
  key: string;
  associated: string[];
  plain: string;
  vector: string;
  encrypted: string;
}

const file = new URL("../vectors/aes-siv.json", import.meta.url);
export const sivVectors = JSON.parse(readFileSync(file, "utf8")) as SivVector[];

/** A sealed frame; bytes as hexadecimal text. */
export interface SealedFrameVector {
  name: string;
  /** null: whoever gets it. */
  receiver: string | null;
  head: string;
  body: string;
  sealed: string;
}

const framesFile = new URL("../vectors/sealed-frames.json", import.meta.url);
export const sealedFrames = JSON.parse(readFileSync(framesFile, "utf8")) as {
  key: string;
  frames: SealedFrameVector[];
};

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** AES-128 of node:crypto, which is neither that of the library nor one of ours. */
export class NodeCipher implements BlockCipher {
  readonly block = new Uint8Array(16);
  private readonly cipher;

  constructor(key: Uint8Array) {
    this.cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  }

  encrypt(): void {
    this.block.set(this.cipher.update(this.block));
  }
}

/** Seals with any number of components of associated data: vector and encrypted bytes. */
export function sealWith(cipherOf: (key: Uint8Array) => BlockCipher, vector: SivVector): Uint8Array {
  const siv = sivOf(cipherOf, vector);
  const plain = fromHex(vector.plain);
  const bytes = new Uint8Array(plain.length + 16);
  bytes.set(plain);
  siv.seal(bytes, 0, plain.length);
  return bytes;
}

export function openWith(
  cipherOf: (key: Uint8Array) => BlockCipher, vector: SivVector, sealed: Uint8Array,
): Uint8Array | undefined {
  const bytes = sealed.slice();
  const isGood = sivOf(cipherOf, vector).unseal(bytes, 0, sealed.length - 16);
  return isGood ? bytes.slice(0, sealed.length - 16) : undefined;
}

function sivOf(cipherOf: (key: Uint8Array) => BlockCipher, vector: SivVector): Siv {
  const key = fromHex(vector.key);
  const siv = new Siv(cipherOf(key.slice(0, 16)), cipherOf(key.slice(16)));
  siv.begin();
  for (const hex of vector.associated) {
    const component = fromHex(hex);
    siv.associate(component, 0, component.length);
  }
  return siv;
}
