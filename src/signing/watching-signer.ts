import type { Arena } from "../engine/feed/arena.js";
import type { Chain } from "../engine/feed/chain.js";
import type { FeedSigning, SignedOwn, SignedStore } from "../engine/feed/feed-signing.js";

/** What sees events before they are verified. */
export interface EventWatch {
  /** An event in canonical form, at `at` of `bytes`. A signature is one, too. */
  sawEvent(bytes: Uint8Array, at: number, length: number): void;
  /** A round is over. */
  endRound(): void;
}

/** A signer whose watch sees each event before it is verified: an event may admit the author of its own signature. */
export class WatchingSigner implements FeedSigning {
  private readonly signer: FeedSigning;
  private readonly watch: EventWatch;

  constructor(signer: FeedSigning, watch: EventWatch) {
    this.signer = signer;
    this.watch = watch;
  }

  get base(): number { return this.signer.base; }
  get baseFirst(): number { return this.signer.baseFirst; }
  get baseSecond(): number { return this.signer.baseSecond; }

  begin(arena: Arena, chain: Chain, slot: number, generation: number, held: number): void {
    this.signer.begin(arena, chain, slot, generation, held);
  }

  add(chain: Chain, sequence: number, length: number): void {
    if (length > 0) this.watch.sawEvent(chain.bytes, chain.eventAt, length);
    this.signer.add(chain, sequence, length);
  }

  vouched(): number { return this.signer.vouched(); }
  runEvents(): number { return this.signer.runEvents(); }
  signOwn(own: SignedOwn): void { this.signer.signOwn(own); }
  isUnsignable(feeds: SignedStore): boolean { return this.signer.isUnsignable(feeds); }
  reserve(feeds: SignedStore, slot: number, other: number): boolean { return this.signer.reserve(feeds, slot, other); }
  signGeneration(feeds: SignedStore, slot: number, generation: number): number {
    return this.signer.signGeneration(feeds, slot, generation);
  }

  round(): void {
    this.watch.endRound();
    this.signer.round();
  }

  noteBase(
    author: number, generation: number, held: number, base: number, tipFirst: number, tipSecond: number,
  ): boolean {
    return this.signer.noteBase(author, generation, held, base, tipFirst, tipSecond);
  }

  beginFork(arena: Arena, slot: number, generation: number): void { this.signer.beginFork(arena, slot, generation); }
  noteFork(arena: Arena, slot: number, first: number, held: number): boolean {
    return this.signer.noteFork(arena, slot, first, held);
  }

  beginBehind(arena: Arena, chain: Chain, slot: number, generation: number, held: number, first: number): boolean {
    return this.signer.beginBehind(arena, chain, slot, generation, held, first);
  }
}
