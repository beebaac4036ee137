import type { NodeEngine } from "../../src/engine/index.js";
import type { MessageMaker } from "../../src/engine/options.js";
import type { Gossip, Message, MessageOutcome } from "../../src/gossip.js";
import { type MessageOptions, type Messages, messages } from "../../src/messages/index.js";
import type { MessageApi } from "../../src/messages/message-api.js";

/** What a node is asked to do: `send`, `broadcast`, `query`, `ping` or `reachability` of `Gossip`. */
export const HOWS = ["send", "broadcast", "query", "ping", "reach"] as const;

const TOPIC = "t";

/** Gets what becomes of messages, in numbers. An outcome is its place in OUTCOMES. */
type Tell = (name: string, a: number, b: number, c: number) => void;

export const OUTCOMES: MessageOutcome[] = ["delivered", "timeout", "unknown", "refused"];

/*
 * This runs on Espruino, too: in the language of src.
 */

/**
 * The option `messages` of a node of a trace, the same in the simulation and in a
 * replay. All values are numbers. Of queries the even ones are answered.
 *
 * @param takes whether the node takes messages; otherwise it refuses those for it
 */
export function traceMessages(
  queue: number, bytesMax: number, senders: number, takes: boolean, tell: Tell | undefined,
): Messages {
  const options: MessageOptions = { queue, messageBytesMax: bytesMax, senders };
  if (takes) {
    options.onMessage = (message: Message): void => {
      const number = message.value as number;
      if (tell !== undefined) tell("message", message.from, message.hops, number);
      if (message.reply !== undefined && number % 2 === 0) message.reply(number + 1);
    };
  }
  return messages(options);
}

/** Does what a line `message` says, with the methods of `Gossip` or of its part. */
export function talk(
  of: Pick<MessageApi | Gossip, "send" | "broadcast" | "query" | "ping" | "reachability">,
  how: string, to: number, timeoutMs: number, value: number, tell: Tell | undefined,
): void {
  const say: Tell = tell === undefined ? () => undefined : tell;
  const onOutcome = (outcome: MessageOutcome): void => say("outcome", OUTCOMES.indexOf(outcome), value, 0);
  const onEnd = (wasSent: boolean): void => say("end", wasSent ? 1 : 0, value, 0);
  switch (how) {
    case "send": of.send(to, TOPIC, value, { timeoutMs, onOutcome }); break;
    case "broadcast": of.broadcast(TOPIC, value); break;
    case "query":
      of.query(TOPIC, value, {
        timeoutMs, onEnd, onAnswer: (answer) => say("answer", answer.from, answer.hops, answer.value as number),
      });
      break;
    case "ping":
      of.ping(to, {
        timeoutMs,
        onPong: (pong) => {
          const there = pong.there === undefined ? 0 : pong.there.length;
          const back = pong.back === undefined ? 0 : pong.back.length;
          say("pong", OUTCOMES.indexOf(pong.outcome), pong.ms === undefined ? 0 : pong.ms, there * 32 + back);
        },
      });
      break;
    default:
      of.reachability((reach) => say("reach", reach.from, reach.hops, reach.neighbours.length), timeoutMs, onEnd);
  }
}

/** The messages of the node that a harness drives. */
export class HarnessMessages {
  private maker: Messages | undefined;
  private api: MessageApi | undefined;
  private nowMs = 0;
  readonly tell: Tell;

  constructor(tell: Tell) {
    this.tell = tell;
  }

  /** What the next new node gets: the words of a line `messages`. A queue of 0: no messages. */
  configure(words: string[]): void {
    const queue = Number(words[1]);
    this.maker = queue === 0 ? undefined
      : traceMessages(queue, Number(words[2]), Number(words[3]), words[4] === "1", this.tell);
  }

  /** For the options of a new engine. */
  engineMessages(datagramBytesMax: number): MessageMaker | undefined {
    return this.maker === undefined ? undefined : this.maker.engineMessages(datagramBytesMax);
  }

  /** There is a new engine. */
  bind(engine: NodeEngine, port: number): void {
    this.api = engine.messages === undefined || this.maker === undefined ? undefined : this.maker.api(engine.messages, {
      nowMs: () => this.nowMs, drain: () => undefined, checkRunning: () => undefined,
    }, port);
  }

  /** The words of a line `message`. */
  talk(words: string[]): void {
    if (this.api === undefined) return;
    talk(this.api, words[2], Number(words[3]), Number(words[4]), Number(words[5]), this.tell);
  }

  /** Calls back, as a node does after an input. */
  notify(): void {
    if (this.api !== undefined) this.api.notify(ALWAYS_OPEN);
  }

  /** An input begins. */
  begin(nowMs: number): void {
    this.nowMs = nowMs;
  }
}

const ALWAYS_OPEN = { isOpen: (): boolean => true };
