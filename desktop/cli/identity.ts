import { createHash } from "node:crypto";
import { Command } from "commander";
import { FileStorage } from "../platform/file-storage.js";
import { randomId } from "../platform/random-id.js";
import { newSecret, nodeIdentity } from "../platform/node-signing.js";
import { SigningFolder, hexOf, readOwnerSecret, writeOwnerSecret } from "../platform/signing-folder.js";

interface PlaceOptions {
  storage?: string;
  owner?: string;
}

const NO_ID = "none yet";
const ADVICE = "Keep this file where no node is, and a copy in another place: who has it decides who may take part,\n"
  + "and without it nobody can.";
const MORE_HELP = `
The identity of a node is an Ed25519 key pair, in the file "identity" of its
storage folder. That of an owner is in a file of its own. No command prints a
private key. docs/SIGNING.md says how to begin.`;

/** `chisme identity`. */
export function identityCommand(): Command {
  return new Command("identity")
    .description("Make and show the key pair with which a node, or the owner of a network, signs.")
    .addCommand(place("new", "Make a new key pair. It never replaces one.").action(running(make)))
    .addCommand(place("show", "Print id, public key and fingerprint.").action(running(show)))
    .addCommand(new Command("export")
      .description("Print what the owner needs to admit this node, on one line: id, public key, name.")
      .requiredOption("--storage <folder>", "the node with this storage folder")
      .option("--name <text>", "a name for people; nothing checks it")
      .showHelpAfterError("(--help lists the options)")
      .action(running(exportLine)))
    .addHelpText("after", MORE_HELP);
}

/** For people who compare keys: the first 16 bytes of the SHA-256 of a public key. */
export function fingerprint(publicKey: Uint8Array): string {
  const hex = createHash("sha256").update(publicKey).digest("hex").slice(0, 32);
  return hex.match(/.{4}/g)?.join(" ") ?? "";
}

function place(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option("--storage <folder>", "the node with this storage folder")
    .option("--owner <file>", "the owner of a network, whose key pair is in this file")
    .showHelpAfterError("(--help lists the options)");
}

function make({ storage, owner }: PlaceOptions): string[] {
  const secret = newSecret();
  if (storage !== undefined) {
    new SigningFolder(storage).writeSecret(secret);
    // The node would draw an id at its first start, but its owner needs the id before.
    const files = new FileStorage(storage);
    try {
      if (files.readId() === undefined) files.writeId(randomId());
    } finally {
      files.close();
    }
    return show({ storage });
  }
  writeOwnerSecret(owner ?? "", secret);
  process.stderr.write(`${ADVICE}\n`);
  return show({ owner: owner ?? "" });
}

function show({ storage, owner }: PlaceOptions): string[] {
  const secret = storage === undefined ? readOwnerSecret(owner ?? "") : secretOf(storage);
  const { publicKey } = nodeIdentity(secret);
  return [
    ...storage === undefined ? [] : [`id           ${idOf(storage)}`],
    `public key   ${hexOf(publicKey)}`,
    `fingerprint  ${fingerprint(publicKey)}`,
  ];
}

function exportLine({ storage = "", name }: PlaceOptions & { name?: string }): string[] {
  if (name !== undefined && !/^[^\p{Cc}]{1,64}$/u.test(name)) {
    throw new Error(`--name: ${JSON.stringify(name)} is not a text of 1 to 64 characters without control characters`);
  }
  const { publicKey } = nodeIdentity(secretOf(storage));
  if (idOf(storage) === NO_ID) throw new Error(`${storage} has no id: start the node once`);
  return [[idOf(storage), hexOf(publicKey), ...name === undefined ? [] : [name]].join(" ")];
}

function secretOf(storage: string): Uint8Array {
  const secret = new SigningFolder(storage).readSecret();
  if (secret === undefined) throw new Error(`${storage} has no identity: chisme identity new --storage ${storage}`);
  return secret;
}

function idOf(storage: string): string {
  const id = new FileStorage(storage).readId();
  return id === undefined ? NO_ID : String(id);
}

/** A command's action, which needs one of both places. */
function running<Options extends PlaceOptions>(run: (options: Options) => string[]): (options: Options) => void {
  return (options) => {
    try {
      if ((options.storage === undefined) === (options.owner === undefined)) {
        throw new Error("one of --storage and --owner is needed");
      }
      for (const line of run(options)) process.stdout.write(`${line}\n`);
    } catch (error) {
      process.stderr.write(`error: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  };
}
