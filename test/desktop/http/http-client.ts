import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

const PATIENCE_MS = 60000;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** One request on a connection of its own. */
export async function ask(
  port: number, path: string, { method = "GET", headers, body }: Asked = {},
): Promise<Answer> {
  const asked = request({ host: "127.0.0.1", port, path, method, agent: false, headers: {
    ...headers, ...body !== undefined && { "content-length": String(Buffer.byteLength(body)) },
  } });
  asked.end(body);
  const [response] = await once(asked, "response") as [IncomingMessage];
  let text = "";
  for await (const bytes of response.setEncoding("utf8")) text += bytes as string;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

export interface StreamMessage {
  event: string;
  data: Record<string, unknown>;
}

/** A client of server-sent events. */
export class EventStream {
  readonly messages: StreamMessage[] = [];
  readonly response: IncomingMessage;
  private rest = "";

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.on("error", () => undefined);
    response.setEncoding("utf8").on("data", (text: string) => {
      const blocks = (this.rest + text).split("\n\n");
      this.rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== undefined) this.messages.push({ event, data: JSON.parse(data) as Record<string, unknown> });
      }
    });
  }

  static async open(port: number, headers: Record<string, string> = {}): Promise<EventStream> {
    const asked = request({ host: "127.0.0.1", port, path: "/v1/changes", headers, agent: false });
    asked.on("error", () => undefined);
    asked.end();
    const [response] = await once(asked, "response") as [IncomingMessage];
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers["content-type"], "text/event-stream");
    return new EventStream(response);
  }

  async until(what: string, wanted: (message: StreamMessage) => boolean): Promise<StreamMessage> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.messages.find(wanted);
      if (found !== undefined) return found;
      assert.ok(performance.now() < deadlineMs, `waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.response.destroy();
  }
}
