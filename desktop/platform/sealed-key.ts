import { createHash, hkdfSync, randomBytes } from "node:crypto";
import { gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { nodeVerify } from "./node-signing.js";

/*
 * What the owner states about the network's key (PROTOCOL 10.12). All numbers are in network byte order:
 *
 * offset  bytes  field
 *      0      1  kind: 1 a key for a device, 2 the same key for the owner, 3 switch to it, 4 end the older ones
 *      1      4  number of the key, 1 to 2^32 - 1
 *      5      8  first bytes of SHA-256("chisme key", key)
 *     13      4  kinds 1 and 2: id of the device; 0 for the owner
 *     17     32  kinds 1 and 2: ephemeral X25519 public key
 *     49     48  kinds 1 and 2: the key under AES-256-GCM, with its tag
 *             64  Ed25519 signature of the owner
 *
 * What is signed: "chisme rekey 1", 4 bytes with the hash of the network's name (0 without a name), and all before it.
 */
export const PHASE_BYTES = 77;
export const SEALED_KEY_BYTES = 161;
const NETWORK_KEY_BYTES = 32;
const NUMBER_AT = 1;
const ID_AT = 13;
const EPHEMERAL_AT = 17;
const SEALED_AT = 49;
const SIGNATURE_BYTES = 64;
const CHECK_BYTES = 8;
const SIGN_DOMAIN = Buffer.from("chisme rekey 1");
const SEAL_DOMAIN = Buffer.from("chisme seal 1");
const CHECK_DOMAIN = Buffer.from("chisme key");
/** A key of AES-GCM is used once, as each sealed key has an ephemeral key of its own. */
const NONCE = new Uint8Array(12);

const KINDS = ["device", "owner", "switch", "end"] as const;

/** A signed statement of the owner about one key of the network. */
export interface KeyStatement {
  /** "device", "owner": it has the key, sealed. "switch": seal with it. "end": forget all older keys. */
  kind: typeof KINDS[number];
  /** Which key: its number and its check, as 24 hexadecimal digits. Of two names the later one is the greater text. */
  name: string;
  /** Id of the device for which it is sealed; 0 in other kinds. */
  id: number;
  bytes: Uint8Array;
}

/** Who may open a sealed key. */
export interface Recipient {
  kind: "device" | "owner";
  /** Of a device. 0 for the owner. */
  id: number;
  /** Its Ed25519 public key, 32 bytes. */
  publicKey: Uint8Array;
}

/** Who signs, and for which network. */
export interface KeySigner {
  /** Hash of the network's name; 0: it has none. */
  network: number;
  sign: (message: Uint8Array) => Uint8Array;
}

/** The name of a key: its number, and a check that shows which key of that number it is. */
export function keyName(number: number, key: Uint8Array): string {
  const check = createHash("sha256").update(CHECK_DOMAIN).update(key).digest("hex").slice(0, 2 * CHECK_BYTES);
  return number.toString(16).padStart(8, "0") + check;
}

/** The number in a key's name. */
export function keyNumber(name: string): number {
  return parseInt(name.slice(0, 8), 16);
}

/**
 * Seals a key of the network to a device, or to the owner.
 *
 * @param ephemeral an X25519 private key for this call alone
 * @throws Error when the public key is no point of the curve
 */
export function sealKey(
  number: number, key: Uint8Array, to: Recipient, by: KeySigner, ephemeral: Uint8Array = randomBytes(32),
): Uint8Array {
  const head = Buffer.alloc(SEALED_AT);
  head[0] = KINDS.indexOf(to.kind) + 1;
  head.set(Buffer.from(keyName(number, key), "hex"), NUMBER_AT);
  head.writeUInt32BE(to.id, ID_AT);
  head.set(x25519.getPublicKey(ephemeral), EPHEMERAL_AT);
  const shared = x25519.getSharedSecret(ephemeral, ed25519.utils.toMontgomery(to.publicKey));
  const sealed = gcm(sealingKey(shared, head, to.publicKey, by.network), NONCE).encrypt(key);
  return signed(Buffer.concat([head, sealed]), by);
}

/** Whether a key can be sealed to an Ed25519 public key: it is a point of the curve, and of no small order. */
export function isSealable(publicKey: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(publicKey).isSmallOrder();
  } catch {
    return false;
  }
}

/** The owner's word to seal with a key, or to forget all older ones. */
export function signPhase(kind: "switch" | "end", name: string, by: KeySigner): Uint8Array {
  return signed(Buffer.concat([Buffer.of(KINDS.indexOf(kind) + 1), Buffer.from(name, "hex")]), by);
}

/** Reads a statement from bytes of any kind; undefined: they are none. The signature is not verified. */
export function readStatement(bytes: Uint8Array): KeyStatement | undefined {
  const kind = bytes.length === 0 ? undefined : KINDS[bytes[0] - 1];
  if (kind === undefined) return undefined;
  const isSealed = kind === "device" || kind === "owner";
  if (bytes.length !== (isSealed ? SEALED_KEY_BYTES : PHASE_BYTES)) return undefined;
  const buffer = Buffer.from(bytes);
  const id = isSealed ? buffer.readUInt32BE(ID_AT) : 0;
  if (buffer.readUInt32BE(NUMBER_AT) === 0 || (kind === "owner" && id !== 0)) return undefined;
  return { kind, name: buffer.toString("hex", NUMBER_AT, ID_AT), id, bytes: new Uint8Array(bytes) };
}

/** Whether the owner signed a statement, for this network. */
export function isOfOwner({ bytes }: KeyStatement, owner: Uint8Array, network: number): boolean {
  const end = bytes.length - SIGNATURE_BYTES;
  return nodeVerify(owner, signedPart(bytes.subarray(0, end), network), bytes.subarray(end));
}

/**
 * The key in a statement that is sealed for the holder of a private key.
 *
 * @param secret Ed25519 private key (the seed), 32 bytes
 * @returns undefined where it is sealed for somebody else, or is not the key that the statement names
 */
export function openKey(
  { kind, name, bytes }: KeyStatement, secret: Uint8Array, publicKey: Uint8Array, network: number,
): Uint8Array | undefined {
  if (kind !== "device" && kind !== "owner") return undefined;
  const head = bytes.subarray(0, SEALED_AT);
  try {
    const shared = x25519.getSharedSecret(ed25519.utils.toMontgomerySecret(secret), head.subarray(EPHEMERAL_AT));
    const sealed = bytes.subarray(SEALED_AT, SEALED_KEY_BYTES - SIGNATURE_BYTES);
    const key = gcm(sealingKey(shared, head, publicKey, network), NONCE).decrypt(sealed);
    return key.length === NETWORK_KEY_BYTES && keyName(keyNumber(name), key) === name ? key : undefined;
  } catch {
    // The library throws for points of low order, and for what is sealed with another key.
    return undefined;
  }
}

/** All that says for whom and for what the key is goes into the derived key, so that nothing of it can be exchanged. */
function sealingKey(shared: Uint8Array, head: Uint8Array, publicKey: Uint8Array, network: number): Uint8Array {
  const info = Buffer.concat([SEAL_DOMAIN, word(network), head, publicKey]);
  return new Uint8Array(hkdfSync("sha256", shared, new Uint8Array(0), info, 32));
}

function signed(statement: Uint8Array, { network, sign }: KeySigner): Uint8Array {
  return new Uint8Array(Buffer.concat([statement, sign(signedPart(statement, network))]));
}

function signedPart(statement: Uint8Array, network: number): Uint8Array {
  return Buffer.concat([SIGN_DOMAIN, word(network), statement]);
}

function word(number: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}
