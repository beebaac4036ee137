import { failure, invalid } from "../../src/errors.js";
import { isRevocation, readAdmission } from "../../src/signing/admission.js";
import { ADMISSION_TOPIC, type AdmissionList, type IgnoredAdmissions } from "../../src/signing/admission-list.js";
import type { Gossip } from "../platform/gossip.js";

/** An author that the owner admitted or revoked. */
export interface AdmittedAuthor {
  author: number;
  authorName?: string;
  /** Public key, as hexadecimal text. */
  key: string;
  version: number;
  isRevoked: boolean;
  /** The admission with the owner's signature, as hexadecimal text. */
  admission: string;
}

/** What a node that signs says about keys. All bytes are hexadecimal text. */
export interface SigningState {
  id: number;
  publicKey: string;
  /** Hash of the network's name; 0: it has none. */
  network: number;
  /** Without an owner keys are pinned at first use. */
  owner?: string;
  admitted: AdmittedAuthor[];
  ignored: IgnoredAdmissions;
  /** How far the feed of the author that was asked for is held, and the time of its last event. */
  feed?: { generation: number; sequence: number; timeMs: number };
}

/** What can be asked of the keys of a running node, and done with them. */
export class NodeSigning {
  private readonly gossip: Gossip;
  private readonly publicKey: Uint8Array;
  private readonly admissions: AdmissionList | undefined;

  /** @param admissions undefined: the network has no owner */
  constructor(gossip: Gossip, publicKey: Uint8Array, admissions: AdmissionList | undefined) {
    this.gossip = gossip;
    this.publicKey = publicKey;
    this.admissions = admissions;
  }

  state(author: number | undefined): SigningState {
    const { gossip, admissions } = this;
    const feed = gossip.frontier().find((entry) => entry.author === author);
    let timeMs = 0;
    if (feed !== undefined) {
      gossip.eachEvent((event) => {
        if (event.author === author && event.copiedBy === undefined) timeMs = Math.max(timeMs, event.timeMs);
      });
    }
    return {
      id: gossip.id,
      publicKey: hexOf(this.publicKey),
      network: admissions?.network ?? 0,
      ...admissions !== undefined && { owner: hexOf(admissions.owner) },
      admitted: (admissions?.all() ?? []).map((one) => {
        const authorName = gossip.row(one.author)?.name;
        return {
          author: one.author, ...authorName !== undefined && { authorName }, key: hexOf(one.key), version: one.version,
          isRevoked: isRevocation(one), admission: hexOf(one.bytes),
        };
      }),
      ignored: { ...admissions?.ignored ?? { form: 0, signature: 0, old: 0, full: 0, unverified: 0 } },
      ...feed !== undefined && { feed: { generation: feed.generation, sequence: feed.sequence, timeMs } },
    };
  }

  /** Takes an admission and publishes it. @param hex with the owner's signature */
  admit(hex: unknown): void {
    if (this.admissions === undefined) throw failure("ERR_STATE", "admit: the node knows no owner (--owner)");
    const isHex = typeof hex === "string" && /^([0-9a-f]{2})*$/.test(hex);
    const bytes = isHex ? new Uint8Array(Buffer.from(hex, "hex")) : undefined;
    const admission = bytes === undefined ? undefined : readAdmission(bytes);
    if (bytes === undefined || admission === undefined) {
      throw invalid("admit", "admission", "is no admission as hexadecimal text", isHex);
    }
    if (!this.admissions.offer(bytes)) {
      throw invalid("admit", "admission", "is not of this network's owner, or the node has a later one", true);
    }
    this.gossip.set(ADMISSION_TOPIC, String(admission.author), bytes);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
