import type { Command } from "commander";
import { type Admission, NO_END_MS, NO_LIMIT, signAdmission } from "../../src/signing/admission.js";
import type { ControlClient } from "../control/control-client.js";
import type { Member } from "../control/members.js";
import type { AdmittedAuthor, SigningState } from "../control/node-signing.js";
import { isSealable } from "../platform/sealed-key.js";
import { formatCard, hexBytes, hexOf } from "../platform/signing-folder.js";
import { type AskOptions, type Printed, type Words, ask, asking } from "./ask.js";
import { readNode } from "./commands.js";
import { fingerprint } from "./identity.js";
import { readOwnerOf } from "./owner-file.js";
import { cardStatements, sealToAdmitted } from "./rekey.js";

interface OwnerOptions extends AskOptions {
  owner: string;
}

const VERSION_MAX = 4294967295;
/** What a revoked device published last may have a stamp so long after its last event, or after now. */
const SLACK_MS = 60000;
const NOBODY = "this node knows of no device that was admitted\n";

/** The commands with which an owner says who may take part. The owner's private key stays in their process. */
export function admitCommands(): Command[] {
  return [
    owned("admit <device...>", "Let a device take part: the line of chisme identity export, or the id of a known one.")
      .action(asking(async (client, { owner }: OwnerOptions, device) => admit(client, owner, device))),
    owned("revoke <node>", "Have nothing taken of what a device publishes from now on.")
      .action(asking(async (client, { owner }: OwnerOptions, node) => revoke(client, owner, String(node)))),
    ask("admitted", "List the devices that the owner admitted and revoked.")
      .option("--card", "print the owner's public key and all that it stated, for --owner of a new node")
      .action(asking(async (client, { card }: AskOptions & { card?: true }) => {
        const state = await client.call<SigningState>("signing");
        if (state.admitted.length === 0 && !card) process.stderr.write(NOBODY);
        return { json: state, lines: card ? await cardLines(client, state) : state.admitted.map(lineOf) };
      })),
  ];
}

function owned(usage: string, description: string): Command {
  return ask(usage, description).requiredOption("--owner <file>", "the file with the owner's private key");
}

async function admit(client: ControlClient, file: string, device: Words): Promise<Printed> {
  const text = (device as string[]).join(" ").trim();
  const [, idText, keyText] = /^(\d{1,10})(?:\s+([0-9a-fA-F]{64})(?:\s.*)?)?$/.exec(text) ?? [];
  const id = Number(idText);
  if (idText === undefined || id > 0xffffffff) {
    throw new Error(`admit: ${JSON.stringify(text)} is neither an id nor a line of chisme identity export`);
  }
  const state = await client.call<SigningState>("signing");
  const known = state.admitted.find(({ author }) => author === id);
  const key = keyText ?? known?.key ?? (id === state.id ? state.publicKey : undefined);
  if (key === undefined) {
    throw new Error(`admit: the key of ${idText} is not known: give the line of chisme identity export`);
  }
  if (known !== undefined && known.key !== key.toLowerCase()) {
    throw new Error(`admit: ${idText} is known under another key. A device with a new key needs a new id, too: a new `
      + "storage folder");
  }
  return publish(client, file, state, {
    version: nextVersion(known), author: id, key: hexBytes(key), generation: NO_LIMIT, sequence: NO_LIMIT,
    untilMs: NO_END_MS,
  });
}

async function revoke(client: ControlClient, file: string, node: string): Promise<Printed> {
  const id = await idOf(client, node);
  const state = await client.call<SigningState>("signing", { author: id });
  const known = state.admitted.find(({ author }) => author === id);
  if (known === undefined) throw new Error(`revoke: ${node} was never admitted, so nothing of it is taken`);
  if (id === state.id) throw new Error("revoke: it is the node that would publish this; ask another one, by --storage");
  const { generation, sequence, timeMs } = state.feed ?? { generation: 0, sequence: 0, timeMs: 0 };
  if (state.feed === undefined) {
    process.stderr.write("warning: this node holds nothing of it, so also what it published before is taken no more\n");
  }
  return publish(client, file, state, {
    version: nextVersion(known), author: id, key: hexBytes(known.key), generation, sequence,
    untilMs: Math.max(Date.now(), timeMs) + SLACK_MS,
  });
}

/** Signs an admission here, and has the node publish it. */
async function publish(
  client: ControlClient, file: string, state: SigningState, admission: Admission,
): Promise<Printed> {
  const identity = readOwnerOf(state, file);
  const isRevoked = admission.generation !== NO_LIMIT;
  if (!isRevoked && !isSealable(admission.key)) {
    throw new Error(`admit: the key of ${admission.author} is no Ed25519 public key: compare it with chisme identity `
      + "show there");
  }
  const signed = signAdmission(admission, state.network, (bytes) => identity.sign(bytes));
  await client.call("admit", { admission: hexOf(signed) });
  const { author, key, version, generation, sequence } = admission;
  const sealed = isRevoked ? [] : await sealToAdmitted(client, identity, { id: author, publicKey: key });
  const of = isRevoked ? `, events up to ${generation}:${sequence} stay` : `, fingerprint ${fingerprint(key)}`;
  return {
    json: { author, version, isRevoked, ...isRevoked && { generation, sequence } },
    lines: [`${isRevoked ? "revoked" : "admitted"} ${author}, version ${version}${of}`, ...sealed],
  };
}

function nextVersion(known: AdmittedAuthor | undefined): number {
  if (known === undefined) return 1;
  if (known.version < VERSION_MAX) return known.version + 1;
  throw new Error(`there is no version after ${VERSION_MAX}: the device needs another id`);
}

async function idOf(client: ControlClient, node: string): Promise<number> {
  const wanted = readNode(node);
  if (typeof wanted === "number") return wanted;
  const { members } = await client.call<{ members: Member[] }>("members");
  const found = members.filter(({ name }) => name === wanted);
  if (found.length === 1) return found[0].id;
  throw new Error(`revoke: ${found.length === 0 ? "no node has" : "several nodes have"} the name ${node}: give the id`);
}

async function cardLines(client: ControlClient, { owner, admitted }: SigningState): Promise<string[]> {
  if (owner === undefined) throw new Error("--card: the node knows no owner");
  const admissions = admitted.map(({ admission }) => hexBytes(admission));
  return formatCard(hexBytes(owner), admissions, await cardStatements(client)).trimEnd().split("\n");
}

function lineOf({ author, authorName, key, version, isRevoked }: AdmittedAuthor): string {
  const name = authorName === undefined ? "" : ` ${authorName}`;
  const state = isRevoked ? "- revoked " : "+ admitted";
  return `${state} ${author}${name}, version ${version}, fingerprint ${fingerprint(hexBytes(key))}`;
}
