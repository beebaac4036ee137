import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { KEY_BYTES } from "../../src/sealing/block-cipher.js";
import { formatKey } from "../../src/sealing/key.js";
import type { ControlClient } from "../control/control-client.js";
import type { KeysState } from "../control/node-rekeying.js";
import type { AdmittedAuthor, SigningState } from "../control/node-signing.js";
import type { KeyHolding } from "../platform/key-changes.js";
import { RING_KEYS } from "../platform/key-ring.js";
import { type KeySigner, type KeyStatement, isSealable, keyNumber, openKey, readStatement, sealKey, signPhase }
  from "../platform/sealed-key.js";
import { hexBytes, hexOf } from "../platform/signing-folder.js";
import { type AskOptions, type Printed, ask, asking } from "./ask.js";
import { type Owner, readOwnerOf } from "./owner-file.js";

interface OwnerOptions extends AskOptions {
  owner: string;
  force?: true;
}

/** A device that the owner admits, and how far it has gone with a key. */
interface Device {
  id: number;
  name?: string;
  /** "none": the key is not sealed to it. "sealed": it has not said that it holds it. */
  step: "none" | "sealed" | KeyHolding["step"];
}

/** Where the change of the network's key stands. */
interface Change {
  /** Name of the latest key; undefined: the owner never made one. */
  name: string | undefined;
  isSwitched: boolean;
  isEnded: boolean;
  devices: Device[];
  /** Revoked devices to which it was sealed before. */
  known: { id: number; name?: string }[];
  statements: KeyStatement[];
  /** Keys that nodes may still use, that one included. */
  open: number;
  /** The highest number of a key that the node holds, or that the owner stated something about; 0: of none. */
  latest: number;
}

const NUMBER_MAX = 4294967295;
/** Statements in one request, whose length is bounded. */
const REQUEST_STATEMENTS = 100;
const STEP_TEXTS = {
  none: "it is not sealed to it", sealed: "not confirmed", opens: "opens frames with it", seals: "seals with it",
  only: "has no older one",
};
const SHOW_ADVICE = "Whoever has this key is in the network. Give it only to nodes that do not sign.";
const MORE_HELP = `
The change has three steps, new, switch and end, and status says when each may
follow. Revoke the device that was lost before. docs/SIGNING.md has an example.`;

/** `chisme rekey`. */
export function rekeyCommand(): Command {
  return new Command("rekey")
    .description("Change the network's key for all devices but the revoked ones.")
    .addCommand(owned("new", "Make a new key, and have it published sealed to each device that is admitted.")
      .action(asking(async (client, { owner }: OwnerOptions) => makeKey(client, owner))))
    .addCommand(ask("status", "List which devices hold the new key, and which seal with it.")
      .action(asking(async (client) => {
        const change = await readChange(client);
        return { json: jsonOf(change), lines: statusLines(change) };
      })))
    .addCommand(owned("switch", "Have all nodes seal with the new key. They still open frames with the old one.")
      .option("--force", "also if devices have not confirmed that they hold it: they will hear nothing")
      .action(asking(async (client, options: OwnerOptions) => nextStep(client, options, "switch"))))
    .addCommand(owned("end", "Have all nodes forget the old key: who has no other one is locked out.")
      .option("--force", "also if devices have not confirmed that they seal with the new one")
      .action(asking(async (client, options: OwnerOptions) => nextStep(client, options, "end"))))
    .addCommand(owned("show", "Print the new key, for nodes that do not sign. It is secret.")
      .action(asking(async (client, { owner }: OwnerOptions) => showKey(client, owner))))
    .addHelpText("after", MORE_HELP);
}

function owned(usage: string, description: string): Command {
  return ask(usage, description).requiredOption("--owner <file>", "the file with the owner's private key");
}

async function makeKey(client: ControlClient, file: string): Promise<Printed> {
  const { name: before, latest, devices, open, isEnded } = await readChange(client);
  const { signer, owner } = await ownerOf(client, file);
  if (devices.length === 0) throw new Error("rekey new: the node knows of no device that is admitted: chisme admit");
  if (open >= RING_KEYS - 1) {
    throw new Error(`rekey new: ${open} keys wait for their end, and nodes remember no more: chisme rekey end first`);
  }
  const number = 1 + Math.max(latest, before === undefined ? 0 : keyNumber(before));
  if (number > NUMBER_MAX) throw new Error(`rekey new: there is no key after number ${NUMBER_MAX}`);
  const { admitted } = await client.call<SigningState>("signing");
  const key = randomBytes(KEY_BYTES);
  const statements = [sealKey(number, key, { kind: "owner", id: 0, publicKey: owner.publicKey }, signer)];
  for (const { author, key: publicKey, isRevoked } of admitted) {
    if (isRevoked) continue;
    if (!isSealable(hexBytes(publicKey))) {
      throw new Error(`rekey new: the key of ${author} is no Ed25519 public key: chisme revoke ${author}`);
    }
    statements.push(sealKey(number, key, { kind: "device", id: author, publicKey: hexBytes(publicKey) }, signer));
  }
  await publish(client, statements);
  const sealed = statements.length - 1;
  const instead = before === undefined || isEnded ? [] : [`key ${keyNumber(before)} will not be used any more`];
  return {
    json: { number, devices: sealed },
    lines: [`key ${number} is sealed to ${sealed} of ${devices.length} devices`, ...instead],
  };
}

async function nextStep(client: ControlClient, { owner: file, force }: OwnerOptions, step: "switch" | "end"):
Promise<Printed> {
  const { name, isSwitched, isEnded, devices, known } = await readChange(client);
  const { signer } = await ownerOf(client, file);
  if (name === undefined) throw new Error(`rekey ${step}: there is no new key: chisme rekey new`);
  if (step === "switch" && isEnded) {
    throw new Error(`rekey switch: key ${keyNumber(name)} is the only one already; for another: chisme rekey new`);
  }
  if (step === "end" && !isSwitched) {
    throw new Error("rekey end: nodes still seal with the old key: chisme rekey switch");
  }
  const number = keyNumber(name);
  if (known.length > 0 && !force) {
    throw new Error(`rekey ${step}: key ${number} was sealed to ${listOf(known)} before the revocation: `
      + "chisme rekey new");
  }
  const behind = behindOf(devices, step);
  if (behind.length > 0 && !force) {
    const what = step === "switch" ? "hold" : "seal with";
    throw new Error(`rekey ${step}: not confirmed that they ${what} key ${number}: ${listOf(behind)}. Wait, or revoke `
      + "them; --force leaves them out, until they get a card");
  }
  await publish(client, [signPhase(step, name, signer)]);
  if (known.length > 0) {
    process.stderr.write(`warning: key ${number} was sealed to ${listOf(known)} before the revocation, so it still `
      + "hears the network: chisme rekey new\n");
  }
  return {
    json: { number, behind: behind.map(({ id }) => id) },
    lines: [step === "end" ? `nodes have only key ${number}` : `nodes seal with key ${number}, and open older ones`],
  };
}

async function showKey(client: ControlClient, file: string): Promise<Printed> {
  const { name, statements } = await readChange(client);
  const { signer, owner } = await ownerOf(client, file);
  const key = name === undefined ? undefined : keyOf(name, statements, owner, signer.network);
  if (key === undefined) throw new Error("rekey show: there is no new key that this owner can open: chisme rekey new");
  process.stderr.write(`${SHOW_ADVICE}\n`);
  return { json: { number: keyNumber(name ?? ""), key: formatKey(key) }, lines: [formatKey(key)] };
}

/**
 * Seals the latest key to a device that was admitted after it was made.
 *
 * @returns what to print; nothing where the owner never changed the key
 */
export async function sealToAdmitted(
  client: ControlClient, owner: Owner, device: { id: number; publicKey: Uint8Array },
): Promise<string[]> {
  // A node without a key has no such method.
  const state = await client.call<KeysState>("keys").catch(() => undefined);
  if (state === undefined) return [];
  const statements = statementsOf(state);
  const name = latestOf(statements);
  const key = name === undefined ? undefined : keyOf(name, statements, owner, state.network);
  if (name === undefined || key === undefined) return [];
  const signer = signerOf(owner, state.network);
  await publish(client, [sealKey(keyNumber(name), key, { kind: "device", ...device }, signer)]);
  return [`key ${keyNumber(name)} of the network is sealed to it`];
}

/** What a card has of the network's key: the latest one for each device, and the owner's last words. */
export async function cardStatements(client: ControlClient): Promise<Uint8Array[]> {
  const state = await client.call<KeysState>("keys").catch(() => undefined);
  const statements = state === undefined ? [] : statementsOf(state);
  const name = latestOf(statements);
  const last = (kind: "switch" | "end"): KeyStatement[] =>
    statements.filter((one) => one.kind === kind).sort((one, other) => one.name < other.name ? 1 : -1).slice(0, 1);
  const sealed = statements.filter((one) => one.kind === "device" && one.name === name);
  return [...sealed, ...last("switch"), ...last("end")].map(({ bytes }) => bytes);
}

function keyOf(
  name: string, statements: KeyStatement[], { secret, publicKey }: Owner, network: number,
): Uint8Array | undefined {
  const statement = statements.find((one) => one.kind === "owner" && one.name === name);
  return statement && openKey(statement, secret, publicKey, network);
}

async function readChange(client: ControlClient): Promise<Change> {
  const { admitted } = await client.call<SigningState>("signing");
  const state = await client.call<KeysState>("keys");
  const statements = statementsOf(state);
  const name = latestOf(statements);
  const ended = statements.filter(({ kind }) => kind === "end").map((one) => one.name).sort().at(-1) ?? "";
  const names = new Set(statements.map((one) => one.name).filter((one) => one > ended));
  const sealed = statements.filter((one) => one.kind === "device" && one.name === name);
  const recipients = new Set(sealed.map(({ id }) => id));
  const said = new Map(state.holdings.map((one) => [one.author, one]));
  const stepOf = (author: number): Device["step"] => {
    const holding = said.get(author);
    if (holding !== undefined && holding.name === name) return holding.step;
    return recipients.has(author) ? "sealed" : "none";
  };
  const is = (kind: KeyStatement["kind"]): boolean =>
    statements.some((one) => one.kind === kind && one.name === name);
  const numbers = [...statements.map((one) => one.name), ...state.held.filter((one) => one !== "")].map(keyNumber);
  return {
    name, isSwitched: is("switch"), isEnded: is("end"), statements, open: names.size, latest: Math.max(0, ...numbers),
    devices: admitted.filter(({ isRevoked }) => !isRevoked).map((one) => ({ ...named(one), step: stepOf(one.author) })),
    known: admitted.filter(({ isRevoked, author }) => isRevoked && recipients.has(author)).map(named),
  };
}

function named({ author, authorName }: AdmittedAuthor): { id: number; name?: string } {
  return { id: author, ...authorName !== undefined && { name: authorName } };
}

function statementsOf({ statements }: KeysState): KeyStatement[] {
  return statements.flatMap((hex) => readStatement(hexBytes(hex)) ?? []);
}

function latestOf(statements: readonly KeyStatement[]): string | undefined {
  return statements.filter(({ kind }) => kind === "owner").map(({ name }) => name).sort().at(-1);
}

async function ownerOf(client: ControlClient, file: string): Promise<{ signer: KeySigner; owner: Owner }> {
  const state = await client.call<SigningState>("signing");
  const owner = readOwnerOf(state, file);
  return { owner, signer: signerOf(owner, state.network) };
}

function signerOf(owner: Owner, network: number): KeySigner {
  return { network, sign: (message) => owner.sign(message) };
}

async function publish(client: ControlClient, statements: Uint8Array[]): Promise<void> {
  for (let at = 0; at < statements.length; at += REQUEST_STATEMENTS) {
    await client.call("rekey", { statements: statements.slice(at, at + REQUEST_STATEMENTS).map(hexOf) });
  }
}

function jsonOf({ name, isSwitched, isEnded, devices, known }: Change): object {
  return { ...name !== undefined && { number: keyNumber(name) }, isSwitched, isEnded, devices, known };
}

function statusLines({ name, isSwitched, isEnded, devices, known }: Change): string[] {
  if (name === undefined) return ["the owner never changed the network's key"];
  const phase = isEnded ? "is the only one" : isSwitched ? "is used, and older ones are opened" : "is not used yet";
  return [
    `key ${keyNumber(name)} ${phase}`,
    ...devices.map((one) => `${one.step === "none" || one.step === "sealed" ? "-" : "+"} ${textOf(one)}: ${
      STEP_TEXTS[one.step]}`),
    ...known.map((one) => `! ${textOf(one)} was revoked, and it was sealed to it before: chisme rekey new`),
    ...known.length > 0 || isEnded ? [] : [nextText(devices, isSwitched ? "end" : "switch")],
  ];
}

/** Devices for which the next step is too early. */
function behindOf(devices: readonly Device[], step: "switch" | "end"): Device[] {
  return devices.filter((device) => device.step === "none" || device.step === "sealed"
    || (step === "end" && device.step === "opens"));
}

function nextText(devices: readonly Device[], step: "switch" | "end"): string {
  const waiting = behindOf(devices, step).length;
  const when = waiting === 0 ? "" : `, when ${waiting} more ${waiting === 1 ? "has" : "have"} confirmed`;
  return `next: chisme rekey ${step}${when}`;
}

function textOf({ id, name }: { id: number; name?: string }): string {
  return name === undefined ? String(id) : `${id} ${name}`;
}

function listOf(devices: readonly { id: number; name?: string }[]): string {
  return devices.map(textOf).join(", ");
}
