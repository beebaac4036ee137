import type { IPublishPacket } from "mqtt";
import type { CborValue } from "../../../src/gossip.js";
import type { NodeActions } from "../../control/node-actions.js";
import type { PartLog } from "../gateway-log.js";
import type { TakenMessages } from "./taken-messages.js";
import type { Topics } from "./topics.js";

/** Longer than any value of the network can be: 1,353 bytes of CBOR, in JSON with escapes. */
const PAYLOAD_BYTES_MAX = 16384;

/** Does what messages of the broker ask for, each once. */
export class IncomingCommands {
  private readonly topics: Topics;
  private readonly taken: TakenMessages;
  private readonly actions: () => NodeActions;
  private readonly log: PartLog;

  constructor(topics: Topics, taken: TakenMessages, actions: () => NodeActions, log: PartLog) {
    this.topics = topics;
    this.taken = taken;
    this.actions = actions;
    this.log = log;
  }

  /**
   * A message that asks for what cannot be is refused in the log.
   *
   * @throws Error when the node cannot do it now; the broker must send the message again
   */
  take(topic: string, packet: IPublishPacket): void {
    // What was retained was sent before the gateway asked, perhaps long ago, and comes after each new connection.
    if (packet.retain) {
      this.log.warn(`${topic}: a retained message is no command; publish it without "retain"`);
      return;
    }
    if (this.taken.has(packet)) return;
    try {
      this.run(topic, Buffer.from(packet.payload));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ERR_ARGUMENT") throw error;
      this.log.warn(`${topic}: ${message}`);
    }
    this.taken.add(packet);
  }

  private run(topic: string, payload: Buffer): void {
    const command = this.topics.command(topic);
    if (command === undefined) throw argument("a name in it is none: write all but letters, digits, _ and - as %XX");
    if (payload.length > PAYLOAD_BYTES_MAX) throw argument(`the message has more than ${PAYLOAD_BYTES_MAX} bytes`);
    const actions = this.actions();
    if (command.action === "set" && payload.length === 0) actions.remove(command.topic, command.key);
    else if (command.action === "set") actions.set(command.topic, command.key, valueOf(payload));
    else if (command.action === "log") actions.log(command.topic, valueOf(payload));
    else if (payload.length === 0) actions.withdraw();
    else actions.push(valueOf(payload));
  }
}

/** JSON, or text. */
function valueOf(payload: Buffer): CborValue {
  const text = payload.toString("utf8");
  try {
    return JSON.parse(text) as CborValue;
  } catch {
    return text;
  }
}

function argument(message: string): Error {
  return Object.assign(new RangeError(message), { code: "ERR_ARGUMENT" });
}
