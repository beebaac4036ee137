import { failure } from "../../src/errors.js";

/**
 * What comes in answer to a question: each item as it arrives, by `for await`, or all of them when awaited. Items are
 * kept, so that both work at any time, and more than once.
 */
export class Arrivals<Item> implements AsyncIterable<Item>, PromiseLike<Item[]> {
  private readonly items: Item[] = [];
  private isOver = false;
  private error: Error | undefined;
  private waiting: (() => void)[] = [];

  /** @internal An item arrived. */
  add(item: Item): void {
    this.items.push(item);
    this.wake();
  }

  /** @internal No more items come. @param wasSent whether the question was sent at all */
  end(wasSent: boolean): void {
    this.isOver = true;
    if (!wasSent) this.error = failure("ERR_NO_ROOM", "the node has no room for another message now");
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Item> {
    for (let next = 0; ; next++) {
      while (next >= this.items.length && !this.isOver) await new Promise<void>((wake) => this.waiting.push(wake));
      if (this.error !== undefined) throw this.error;
      if (next >= this.items.length) return;
      yield this.items[next];
    }
  }

  then<Result = Item[], Failure = never>(
    onFulfilled?: ((items: Item[]) => Result | PromiseLike<Result>) | null,
    onRejected?: ((reason: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.all().then(onFulfilled, onRejected);
  }

  private async all(): Promise<Item[]> {
    const items: Item[] = [];
    for await (const item of this) items.push(item);
    return items;
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }
}
