import { passing } from "./memory.js";
import { type ServerSentEvent, SseParser } from "./sse-parser.js";

/** A stream over which nothing came for so long is dead: the server sends a comment each 15 s. */
const SILENCE_MS = 40000;

/** An answer that is an error of the server. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Requests to the server of this page. The token is in a header, never in an address. */
export class Api {
  async get<Answer>(path: string): Promise<Answer> {
    const response = await this.request(path);
    return await response.json() as Answer;
  }

  async post(path: string, body: object): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    const response = await this.request(path, { method: "POST", headers, body: JSON.stringify(body) });
    return response.json();
  }

  setToken(token: string): void {
    passing.set("token", token);
  }

  /**
   * Follows changes until the stream ends.
   *
   * @throws ApiError or TypeError when it does not begin or breaks
   */
  async follow(onMessages: (messages: ServerSentEvent[]) => void): Promise<void> {
    const abort = new AbortController();
    const response = await this.request("/v1/changes", { signal: abort.signal });
    if (response.body === null) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new SseParser();
    for (;;) {
      const timer = setTimeout(() => abort.abort(), SILENCE_MS);
      try {
        const { done, value } = await reader.read();
        if (done) return;
        onMessages(parser.add(value));
      } finally {
        clearTimeout(timer);
      }
    }
  }

  private async request(path: string, { headers, ...more }: RequestInit = {}): Promise<Response> {
    const token = passing.get("token");
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(path, { cache: "no-store", headers: { ...headers, ...authorization }, ...more });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({})) as { detail?: unknown };
    throw new ApiError(response.status, typeof problem.detail === "string" ? problem.detail : response.statusText);
  }
}
