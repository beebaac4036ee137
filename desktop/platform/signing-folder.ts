import * as files from "node:fs";
import { join } from "node:path";
import { ADMISSION_BYTES } from "../../src/signing/admission.js";
import type { Pin } from "../../src/signing/keys.js";
import { isMissing, replaceFile, writeAll } from "./file-log.js";
import { SECRET_BYTES } from "./node-signing.js";
import type { RingState } from "./key-ring.js";
import { readIfThere } from "./read-if-there.js";
import { type KeyStatement, keyName, keyNumber, readStatement } from "./sealed-key.js";

/** Bits of a file's mode that open it to other users. */
const OTHERS = 0o077;
const MODE = 0o600;
const OWNER_SECRET = "owner-secret ";

/**
 * What signing keeps in a node's storage folder, one a line of text:
 *
 * identity  the private key, for the user alone (mode 0600)
 * pins      authors and keys that were pinned at first use
 * admitted  the owner's public key and the admissions that count: a card, which may be copied to other nodes
 * network-keys  the network's keys that came sealed to this node, for the user alone (mode 0600)
 */
export class SigningFolder {
  private readonly folder: string;

  /** Does not make the folder. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * The private key of the node; undefined: it has none.
   *
   * @throws Error if other users may read the file, or it holds no key; the error never shows the key
   */
  readSecret(): Uint8Array | undefined {
    const path = join(this.folder, "identity");
    return readSecretFile(path, "");
  }

  /** Stores a new private key. @throws Error if there is one already, and what the file system throws */
  writeSecret(secret: Uint8Array): void {
    files.mkdirSync(this.folder, { recursive: true });
    writeSecretFile(join(this.folder, "identity"), "", secret);
  }

  /** Lines that are no pins, such as one at whose writing power was lost, do not count. */
  readPins(): Pin[] {
    return this.lines("pins").flatMap((line) => {
      const [, author, key] = /^(\d{1,10}) ([0-9a-f]{64})$/.exec(line) ?? [];
      return key === undefined || Number(author) > 0xffffffff ? [] : [{ author: Number(author), key: hexBytes(key) }];
    });
  }

  addPin(author: number, key: Uint8Array): void {
    this.append("pins", `${author} ${hexOf(key)}\n`);
  }

  /** Admissions that were stored under an owner, unverified; none if they are of another owner. */
  readAdmissions(owner: Uint8Array): Uint8Array[] {
    const card = parseCard(this.lines("admitted").join("\n"));
    return card.owner !== undefined && hexOf(card.owner) === hexOf(owner) ? card.admissions : [];
  }

  /** Replaces what is stored. */
  writeAdmissions(owner: Uint8Array, admissions: readonly Uint8Array[]): void {
    replaceFile(files, join(this.folder, "admitted"), (file) => writeText(file, formatCard(owner, admissions)));
  }

  addAdmission(admission: Uint8Array): void {
    this.append("admitted", `admission ${hexOf(admission)}\n`);
  }

  /**
   * The network's keys that came sealed to this node; undefined: none did.
   *
   * @throws Error if other users may read the file, or it holds something else; the error never shows a key
   */
  readKeys(): RingState | undefined {
    const path = join(this.folder, "network-keys");
    const text = readPrivateFile(path, "the network's key");
    if (text === undefined) return undefined;
    const state: RingState = { keys: [], switched: "", ended: "" };
    for (const line of text.trimEnd().split("\n")) {
      const [, word, name, hex] = /^(key|switched|ended) ([0-9a-f]{24})(?: ([0-9a-f]{64}))?$/.exec(line) ?? [];
      const key = hex === undefined ? undefined : hexBytes(hex);
      const isGood = key === undefined ? word === "switched" || word === "ended"
        : word === "key" && keyName(keyNumber(name), key) === name;
      if (!isGood) throw new Error(`${path} does not hold keys of a network`);
      if (key !== undefined) state.keys = [...state.keys, { name, key }];
      else state[word as "switched" | "ended"] = name;
    }
    return state;
  }

  /** Replaces the keys. A power loss leaves the old ones or the new ones. */
  writeKeys({ keys, switched, ended }: RingState): void {
    const lines = keys.map(({ name, key }) => `key ${name} ${hexOf(key)}\n`);
    if (switched !== "") lines.push(`switched ${switched}\n`);
    if (ended !== "") lines.push(`ended ${ended}\n`);
    const path = join(this.folder, "network-keys");
    // One whose writing was cut may have been made by others.
    files.rmSync(`${path}.new`, { force: true });
    replaceFile(files, path, (file) => writeText(file, lines.join("")), MODE);
  }

  private lines(name: string): string[] {
    return (readIfThere(join(this.folder, name)) ?? "").split("\n");
  }

  private append(name: string, text: string): void {
    const path = join(this.folder, name);
    const file = files.openSync(path, "a+");
    try {
      // A line at whose writing power was lost is ended.
      const { size } = files.fstatSync(file);
      const last = Buffer.alloc(1);
      if (size > 0) files.readSync(file, last, 0, 1, size - 1);
      writeText(file, size > 0 && last[0] !== 0x0a ? `\n${text}` : text);
      files.fsyncSync(file);
    } finally {
      files.closeSync(file);
    }
  }
}

/** What the owner stated, as text that a new node may be given. Nothing in it is secret. */
export interface Card {
  /** The owner's public key; undefined: the text has none. */
  owner: Uint8Array | undefined;
  admissions: Uint8Array[];
  /** Of the network's key: sealed to each device. */
  statements: KeyStatement[];
}

/** Reads a card. Lines of other forms do not count. */
export function parseCard(text: string): Card {
  const card: Card = { owner: undefined, admissions: [], statements: [] };
  for (const line of text.split(/\r?\n/)) {
    const [, word, hex] = /^(owner|admission|rekey) ((?:[0-9a-f]{2})+)$/.exec(line) ?? [];
    if (hex === undefined) continue;
    if (word === "owner" && hex.length === 64) card.owner ??= hexBytes(hex);
    if (word === "admission" && hex.length === 2 * ADMISSION_BYTES) card.admissions.push(hexBytes(hex));
    const statement = word === "rekey" ? readStatement(hexBytes(hex)) : undefined;
    if (statement !== undefined) card.statements.push(statement);
  }
  return card;
}

export function formatCard(
  owner: Uint8Array, admissions: readonly Uint8Array[], statements: readonly Uint8Array[] = [],
): string {
  return [
    `owner ${hexOf(owner)}\n`, ...admissions.map((bytes) => `admission ${hexOf(bytes)}\n`),
    ...statements.map((bytes) => `rekey ${hexOf(bytes)}\n`),
  ].join("");
}

/** The owner's private key. @throws as `SigningFolder.readSecret`, and if there is no file */
export function readOwnerSecret(path: string): Uint8Array {
  const secret = readSecretFile(path, OWNER_SECRET);
  if (secret === undefined) throw new Error(`${path} is not there: chisme identity new --owner makes one`);
  return secret;
}

/** Whether a text is that of an owner's private key. */
export function isOwnerSecret(text: string): boolean {
  return text.startsWith(OWNER_SECRET);
}

/** Stores the private key of a new owner. @throws as `SigningFolder.writeSecret` */
export function writeOwnerSecret(path: string, secret: Uint8Array): void {
  writeSecretFile(path, OWNER_SECRET, secret);
}

function readSecretFile(path: string, head: string): Uint8Array | undefined {
  const text = readPrivateFile(path, "the private key");
  if (text === undefined) return undefined;
  const hex = text.startsWith(head) ? text.slice(head.length).trimEnd() : "";
  if (!new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`).test(hex)) {
    throw new Error(`${path} holds no private key of ${head === "" ? "a node" : "an owner"}`);
  }
  return hexBytes(hex);
}

/** The text of a file; undefined: there is none. @param what it holds. @throws Error if other users may read it */
function readPrivateFile(path: string, what: string): string | undefined {
  let file: number;
  try {
    file = files.openSync(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const { mode } = files.fstatSync(file);
    if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw new Error(`${path} has the mode ${octal}: others may know ${what}. Make a new one, or chmod 600`);
    }
    return files.readFileSync(file, "utf8");
  } finally {
    files.closeSync(file);
  }
}

/** "wx" refuses to replace a key. */
function writeSecretFile(path: string, head: string, secret: Uint8Array): void {
  let file: number;
  try {
    file = files.openSync(path, "wx", MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(`${path} is there already, and a lost key cannot be made again`, { cause: error });
  }
  try {
    // The mode above is reduced by the umask of the process, but never widened.
    writeText(file, `${head}${hexOf(secret)}\n`);
    files.fsyncSync(file);
  } finally {
    files.closeSync(file);
  }
}

/** On a disk that is nearly full, one write may take only a part. */
function writeText(file: number, text: string): void {
  const bytes = Buffer.from(text);
  writeAll(files, file, bytes, bytes.length, null);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function hexBytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
