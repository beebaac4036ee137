import { failure } from "../../src/errors.js";
import type { CborValue, MessageOutcome, SetOptions } from "../../src/gossip.js";
import type { Gossip } from "../platform/gossip.js";

/** States of nodes that get no messages. */
export const GONE: ReadonlySet<string> = new Set(["down", "left", "removed"]);

export interface NodeActionsOptions {
  gossip: Gossip;
  /** Shares a value and reports it; undefined withdraws the value. */
  share: (value: CborValue) => void;
  /** Why there are no messages; missing where there are some. */
  noMessages?: string;
  /** Stops the node: it says goodbye. */
  leave: () => void;
}

/**
 * What can be done with a running node. Its prompt and its control socket do it here. Each method throws what the
 * method of `Gossip` throws that has its name.
 */
export class NodeActions {
  private readonly options: NodeActionsOptions;

  constructor(options: NodeActionsOptions) {
    this.options = options;
  }

  push(value: CborValue): void {
    this.options.share(value);
  }

  /** Withdraws the node's value, or what it set in a merge topic. @throws Error ERR_ARGUMENT when one is missing */
  withdraw(topic?: string, key?: string): void {
    if (topic === undefined && key === undefined) {
      this.options.share(undefined);
      return;
    }
    if (topic === undefined || key === undefined) {
      const missing = topic === undefined ? "topic" : "key";
      throw failure("ERR_ARGUMENT", `withdraw: ${missing}: is missing: it takes a topic and a key, or neither`);
    }
    this.options.gossip.withdraw(topic, key);
  }

  log(topic: string, value: CborValue): void {
    this.options.gossip.log(topic, value);
  }

  set(topic: string, key: string, value: CborValue, options?: SetOptions): void {
    this.options.gossip.set(topic, key, value, options);
  }

  remove(topic: string, key: string): void {
    this.options.gossip.remove(topic, key);
  }

  forget(node: number | string): void {
    this.options.gossip.forget(node);
  }

  async send(to: number | string, topic: string, value: CborValue): Promise<MessageOutcome> {
    this.needMessages("send");
    return this.options.gossip.send(to, topic, value);
  }

  /** @returns to how many live nodes it is on its way. @throws Error ERR_NO_ROOM when too many messages wait */
  broadcast(topic: string, value: CborValue): number {
    this.needMessages("broadcast");
    const { gossip } = this.options;
    if (!gossip.broadcast(topic, value)) {
      throw failure("ERR_NO_ROOM", "broadcast: too many messages wait; try again");
    }
    return gossip.rows().filter(({ id, state }) => id !== gossip.id && !GONE.has(state)).length;
  }

  leave(): void {
    this.options.leave();
  }

  /** @throws Error ERR_STATE when the node has no messages */
  needMessages(method: string): void {
    const { noMessages } = this.options;
    if (noMessages !== undefined) throw failure("ERR_STATE", `${method}: ${noMessages}`);
  }
}
