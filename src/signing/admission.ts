import { readU16, readU32, writeU16, writeU32 } from "../cbor/big-endian.js";

/*
 * An admission is a statement of the network's owner about one author (PROTOCOL 10.11):
 *
 * offset  bytes  field
 *      0      1  form: 1
 *      1      4  version: of two admissions of one author the one with the higher version counts
 *      5      4  id of the author
 *      9     32  public key of the author
 *     41      4  generation of the author's feed up to which its events are taken; 2^32 - 1: of all
 *     45      4  sequence number up to which they are taken, in that generation; 2^32 - 1: all
 *     49      6  milliseconds since 1970: no stamp of them is later; 2^48 - 1: any may be
 *     55     64  Ed25519 signature of the owner
 *
 * What is signed: "chisme admit 1", 4 bytes with the hash of the network's name (0 without a name), the first 55 bytes.
 */
export const ADMISSION_BYTES = 119;
const FORM = 1;
const KEY_BYTES = 32;
const SIGNATURE_LENGTH = 64;
const VERSION_AT = 1;
const AUTHOR_AT = 5;
const KEY_AT = 9;
const GENERATION_AT = 41;
const SEQUENCE_AT = 45;
const UNTIL_AT = 49;
const SIGNATURE_AT = 55;
const DOMAIN = [0x63, 0x68, 0x69, 0x73, 0x6d, 0x65, 0x20, 0x61, 0x64, 0x6d, 0x69, 0x74, 0x20, 0x31];
const STATEMENT_AT = DOMAIN.length + 4;

/** In place of a generation or a sequence number: there is no limit. */
export const NO_LIMIT = 4294967295;
/** In place of a time: there is no limit. */
export const NO_END_MS = 281474976710655;
const TWO_32 = 4294967296;

/** What the owner states about an author. */
export interface Admission {
  /** 1 to 4,294,967,295. */
  version: number;
  /** Id of the author, a uint32. */
  author: number;
  /** Ed25519 public key of the author, 32 bytes. */
  key: Uint8Array;
  /** Generation of which its events are taken; NO_LIMIT: of all. Anything else revokes the author. */
  generation: number;
  /** Sequence number up to which its events are taken, in that generation. */
  sequence: number;
  /** Time in milliseconds since 1970 after which no stamp of its events lies. */
  untilMs: number;
}

/** An admission, and its bytes with the owner's signature. */
export interface SignedAdmission extends Admission {
  bytes: Uint8Array;
}

/** Signs an admission. @param network hash of the network's name; 0: it has none @param sign by the owner */
export function signAdmission(
  admission: Admission, network: number, sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(ADMISSION_BYTES);
  bytes[0] = FORM;
  writeU32(bytes, VERSION_AT, admission.version);
  writeU32(bytes, AUTHOR_AT, admission.author);
  for (let i = 0; i < KEY_BYTES; i++) bytes[KEY_AT + i] = admission.key[i];
  writeU32(bytes, GENERATION_AT, admission.generation);
  writeU32(bytes, SEQUENCE_AT, admission.sequence);
  const high = Math.floor(admission.untilMs / TWO_32);
  writeU16(bytes, UNTIL_AT, high);
  writeU32(bytes, UNTIL_AT + 2, admission.untilMs - high * TWO_32);
  const signature = sign(signedPart(bytes, network));
  for (let i = 0; i < SIGNATURE_LENGTH; i++) bytes[SIGNATURE_AT + i] = signature[i];
  return bytes;
}

/** Reads an admission from bytes of any kind; undefined: they are none. The signature is not verified. */
export function readAdmission(bytes: Uint8Array): SignedAdmission | undefined {
  if (bytes.length !== ADMISSION_BYTES || bytes[0] !== FORM) return undefined;
  const version = readU32(bytes, VERSION_AT);
  const generation = readU32(bytes, GENERATION_AT);
  const sequence = readU32(bytes, SEQUENCE_AT);
  const untilMs = readU16(bytes, UNTIL_AT) * TWO_32 + readU32(bytes, UNTIL_AT + 2);
  const isUnlimited = sequence === NO_LIMIT && untilMs === NO_END_MS;
  if (version === 0 || (generation === NO_LIMIT && !isUnlimited)) return undefined;
  const key = part(bytes, KEY_AT, KEY_BYTES);
  return { version, author: readU32(bytes, AUTHOR_AT), key, generation, sequence, untilMs, bytes };
}

/** What the owner signs. */
export function signedPart(bytes: Uint8Array, network: number): Uint8Array {
  const message = new Uint8Array(STATEMENT_AT + SIGNATURE_AT);
  for (let i = 0; i < DOMAIN.length; i++) message[i] = DOMAIN[i];
  writeU32(message, DOMAIN.length, network);
  for (let i = 0; i < SIGNATURE_AT; i++) message[STATEMENT_AT + i] = bytes[i];
  return message;
}

/** The owner's signature. */
export function signatureOf(bytes: Uint8Array): Uint8Array {
  return part(bytes, SIGNATURE_AT, SIGNATURE_LENGTH);
}

/** Whether it takes its author's right to publish. */
export function isRevocation(admission: Admission): boolean {
  return admission.generation !== NO_LIMIT;
}

/** Negative where the first one counts less. Of one version a revocation counts more. */
export function compareAdmissions(one: SignedAdmission, other: SignedAdmission): number {
  if (one.version !== other.version) return one.version - other.version;
  for (let i = GENERATION_AT; i < SIGNATURE_AT; i++) {
    if (one.bytes[i] !== other.bytes[i]) return other.bytes[i] - one.bytes[i];
  }
  for (let i = KEY_AT; i < GENERATION_AT; i++) {
    if (one.bytes[i] !== other.bytes[i]) return other.bytes[i] - one.bytes[i];
  }
  return 0;
}

function part(bytes: Uint8Array, start: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = bytes[start + i];
  return out;
}
