export interface ServerSentEvent {
  event: string;
  data: string;
}

/** A message that has no end after so many characters is none of this server. */
const MESSAGE_MAX = 4194304;

/** Splits a stream of server-sent events into messages, as the HTML standard describes it. Comments are left out. */
export class SseParser {
  private rest = "";

  /** @throws Error when a message is too long */
  add(text: string): ServerSentEvent[] {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    if (this.rest.length > MESSAGE_MAX) throw new Error("a message of the server is too long");
    return blocks.map(messageOf).filter((message) => message.data !== "");
  }
}

function messageOf(block: string): ServerSentEvent {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.startsWith("event:")) event = value;
    else if (line.startsWith("data:")) data.push(value);
  }
  return { event, data: data.join("\n") };
}
