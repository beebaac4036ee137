import { type SignedAdmission, isRevocation } from "../../src/signing/admission.js";
import { AdmissionList } from "../../src/signing/admission-list.js";
import type { Pin } from "../../src/signing/keys.js";
import { type SignedFeeds, pinnedKeys, signedFeeds } from "../../src/signing/index.js";
import { type KeyLog, type KeysByHand, NetworkKeys } from "./network-keys.js";
import { nodeIdentity, nodeVerify } from "./node-signing.js";
import { readIfThere } from "./read-if-there.js";
import { type Card, SigningFolder, hexBytes, isOwnerSecret, parseCard } from "./signing-folder.js";

/** What could not be stored is tried again after so long. */
const AGAIN_MS = 10000;

/** Of the options of `chisme node`, those that say how it signs. */
export interface NodeKeyOptions {
  signed?: true;
  /** The owner's public key as 64 hexadecimal digits, or the path of a card. */
  owner?: string;
  storage?: string;
  network?: string;
  id?: number;
  newId?: true;
  interval: number;
}

/** How a node signs, and whose events it takes. */
export interface NodeKeys {
  feeds: SignedFeeds;
  publicKey: Uint8Array;
  /** undefined: the network has no owner, and keys are pinned at first use. */
  admissions: AdmissionList | undefined;
  /** undefined: the network has no owner, or no key. */
  network: NetworkKeys | undefined;
  /**
   * The node has started, and its folder is locked: stores the admissions and keys that count, also those of the card.
   * Says if the owner has not admitted the device, or revoked it, now and when that changes.
   *
   * @param id of the node
   * @throws what the file system throws
   */
  store: (id: number) => void;
}

/**
 * @param byHand the network's key that the node was given
 * @param log gets what happens to the network's keys
 * @returns undefined where the node does not sign
 * @throws Error that names an option, and shows no private key
 */
export function openNodeKeys(options: NodeKeyOptions, byHand: KeysByHand, log: KeyLog): NodeKeys | undefined {
  const { signed, owner, storage } = options;
  if (!signed) {
    if (owner !== undefined) throw new Error("--owner: has no effect without --signed");
    return undefined;
  }
  if (storage === undefined) throw new Error("--signed: needs a folder with an identity, --storage");
  const folder = new SigningFolder(storage);
  const secret = naming("--signed", () => folder.readSecret());
  if (secret === undefined) {
    throw new Error(`--signed: ${storage} has no identity: chisme identity new --storage ${storage}`);
  }
  const identity = nodeIdentity(secret);
  const card = owner === undefined ? undefined : readOwner(owner);
  let ownId: number | undefined;
  const admissions = card && ownedKeys(folder, card, log, (admission) => {
    if (admission.author === ownId) log.info(ownStanding(admission));
  });
  const network = card && naming("--signed", () =>
    NetworkKeys.open({ ...options, folder, secret, publicKey: identity.publicKey, card, byHand, log }));
  const pin = storing(({ author, key }: Pin) => folder.addPin(author, key), "a pinned key", log);
  const keys = admissions ?? pinnedKeys(folder.readPins(), (author, key) => pin({ author, key }));
  const feeds = signedFeeds({ identity, verify: nodeVerify, keys });
  const store = (id: number): void => {
    if (admissions !== undefined) folder.writeAdmissions(admissions.owner, admissions.all().map(({ bytes }) => bytes));
    network?.storeAll();
    ownId = id;
    const own = admissions?.find(id);
    const isAdmitted = own !== undefined && !isRevocation(own);
    if (admissions !== undefined && !isAdmitted) log.warn(ownStanding(own));
  };
  return { feeds, publicKey: identity.publicKey, admissions, network, store };
}

/** @throws Error that names the option */
function readOwner(text: string): Card & { owner: Uint8Array } {
  if (/^[0-9a-f]{64}$/i.test(text)) return { owner: hexBytes(text), admissions: [], statements: [] };
  const content = naming("--owner", () => readIfThere(text));
  if (content === undefined) {
    throw new Error(`--owner: ${text} is neither a public key of 64 hex digits nor a file that is there`);
  }
  if (isOwnerSecret(content)) {
    throw new Error(`--owner: ${text} is the owner's private key, which no node needs: give the public one, which `
      + `chisme identity show --owner ${text} prints`);
  }
  const { owner, ...card } = parseCard(content);
  if (owner === undefined) throw new Error(`--owner: ${text} is neither a public key of 64 hex digits nor a card`);
  return { owner, ...card };
}

function ownedKeys(
  folder: SigningFolder, { owner, admissions }: Card & { owner: Uint8Array }, log: KeyLog,
  onAdmission: (admission: SignedAdmission) => void,
): AdmissionList {
  const store = storing(({ bytes }: SignedAdmission) => folder.addAdmission(bytes), "an admission", log);
  return new AdmissionList({
    owner,
    verify: nodeVerify,
    stored: [...folder.readAdmissions(owner), ...admissions],
    onAdmission: (admission) => {
      store(admission);
      onAdmission(admission);
    },
  });
}

/** @param own what the owner says about this device; undefined: nothing is known */
function ownStanding(own: SignedAdmission | undefined): string {
  if (own === undefined) return "the owner has not admitted this device: nobody takes the events that it publishes";
  return isRevocation(own) ? "the owner revoked this device: nobody takes the events that it publishes from then on"
    : "the owner has admitted this device";
}

/**
 * What stores items in their order. It is called amid an input of the node, so it throws nothing: on a full disk it
 * says so once, and tries again until there is room.
 */
export function storing<Item>(
  store: (item: Item) => void, what: string, log: KeyLog,
  later: (run: () => void) => void = (run) => void setTimeout(run, AGAIN_MS).unref(),
): (item: Item) => void {
  const waiting: Item[] = [];
  const storeWaiting = (): void => {
    try {
      for (; waiting.length > 0; waiting.shift()) store(waiting[0]);
    } catch (error) {
      if (!isTold) log.warn(`${what} counts, but cannot be stored yet: ${(error as Error).message}`);
      isTold = true;
      later(storeWaiting);
      return;
    }
    isTold = false;
  };
  let isTold = false;
  return (item) => {
    if (waiting.push(item) === 1) storeWaiting();
  };
}

function naming<Result>(flag: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw new Error(`${flag}: ${(error as Error).message}`, { cause: error });
  }
}
