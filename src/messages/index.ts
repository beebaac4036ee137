import type { CborValue } from "../cbor/cbor.js";
import { checkFunction, checkNames, integer, show } from "../checks.js";
import { HEAD_BYTES, QUERY_BYTES } from "../engine/message/message.js";
import { MessageProtocol } from "../engine/message/message-protocol.js";
import type { MessageMaker } from "../engine/options.js";
import {
  FEEDS_HASH_BYTES, LIMITS_BYTES_MAX, NETWORK_HASH_BYTES, PREAMBLE_BYTES_MAX, SECTION_HEAD_BYTES,
} from "../engine/wire/frame.js";
import { SEAL_BYTES } from "../engine/wire/sealer.js";
import { invalid } from "../errors.js";
import { MessageApi, type MessagingNode } from "./message-api.js";
import type { Message } from "./message-types.js";

export type {
  Answer, Message, MessageOutcome, PingOptions, PingResult, QueryOptions, Reach, SendOptions,
} from "./message-types.js";

/** Options of `messages`. All have a default. */
export interface MessageOptions<Value extends CborValue = CborValue> {
  /**
   * Called once with each message of another node for this one, in a run of this node. Its sender is told that the
   * message is delivered when the call returns, or that it is refused if the call throws; what it throws then leaves
   * the library, as from all callbacks. Without it the node only passes on messages of others and sends its own; a
   * message for it is refused.
   */
  onMessage?: (message: Message<Value>) => void;
  /**
   * Messages that wait here at one time, own ones and those of others: 2 to 64, 8 by default. Own ones take at most
   * three quarters, those from one neighbour half. Each takes `messageBytesMax` and 65 bytes of RAM, and a bit a row.
   */
  queue?: number;
  /**
   * Longest message in bytes of CBOR, topic and value together, best the same in all nodes: 16 to `datagramBytesMax`
   * - 112, 200 by default or what fits. A node does not pass on longer ones.
   */
  messageBytesMax?: number;
  /**
   * Senders of which the node remembers what it got, so that nothing is delivered twice: 1 to 1,024; by default as many
   * as `capacity`, at most 64. Each takes 20 bytes, for as long as a message of it may be under way. A message of one
   * more is not taken meanwhile: its sender tries again until its time is over.
   */
  senders?: number;
}

/** Messages for one node: what `messages` makes for the option `messages` of `Gossip`. */
export interface Messages {
  /** @internal Makes the engine's part. @throws RangeError ERR_OPTION where other options do not fit */
  engineMessages(datagramBytesMax: number): MessageMaker;
  /** @internal Makes the part of `Gossip`. */
  api(protocol: MessageProtocol, node: MessagingNode, port: number): MessageApi;
}

/**
 * Messages, for the option `messages` of `Gossip`: to one node, also over several hops, to all nodes, and questions
 * to all. A program that does not import this function has none of their code.
 *
 * @throws RangeError or TypeError ERR_OPTION that names the option as `messages.NAME`
 */
export function messages<Value extends CborValue = CborValue>(options?: MessageOptions<Value>): Messages {
  const given: MessageOptions<Value> = options ?? {};
  if (typeof given !== "object") throw invalid("", "messages", `${show(given)} is not an object of options`, false);
  checkNames("messages.", given, "onMessage queue messageBytesMax senders");
  checkFunction("messages.onMessage", given.onMessage);
  const queue = integer("messages.queue", given.queue, 8, 2, 64);
  integer("messages.senders", given.senders, 1, 1, 1024);
  const bytesMax = given.messageBytesMax;
  const limit = `${FRAME_BYTES} less than datagramBytesMax`;
  integer("messages.messageBytesMax", bytesMax, BYTES_LEAST, BYTES_LEAST, DATAGRAM_BYTES_MOST - FRAME_BYTES, limit);
  const onMessage = given.onMessage as ((message: Message) => void) | undefined;
  return {
    engineMessages: (datagramBytesMax) => {
      const room = datagramBytesMax - FRAME_BYTES;
      const longest = integer(
        "messages.messageBytesMax", bytesMax, Math.min(room, BYTES_DEFAULT), BYTES_LEAST, room, limit,
      );
      return (rows, clock, rounds, outbox, sealer) => new MessageProtocol(
        { count: queue, bytesMax: longest, senders: given.senders ?? Math.min(rows.capacity, SENDERS_DEFAULT) },
        rows, clock, rounds, outbox, sealer,
      );
    },
    api: (protocol, node, port) => new MessageApi(protocol, node, port, onMessage),
  };
}

/** Of a table with more rows, as only some of its nodes send within one minute or two. */
const SENDERS_DEFAULT = 64;
const BYTES_LEAST = 16;
const BYTES_DEFAULT = 200;
const DATAGRAM_BYTES_MOST = 1472;
/** What a datagram needs beside a message so that one fits it. */
const FRAME_BYTES = SEAL_BYTES + PREAMBLE_BYTES_MAX + FEEDS_HASH_BYTES + LIMITS_BYTES_MAX + NETWORK_HASH_BYTES
  + SECTION_HEAD_BYTES + HEAD_BYTES + QUERY_BYTES + SEAL_BYTES + 1;
