/**
 * What passes over a node's control socket: JSON-RPC 2.0, one JSON text a line, in UTF-8. docs/CONTROL.md describes it,
 * and docs/control.schema.json its objects.
 */

/** Of what answers mean. It rises when a client of before would misread one. */
export const PROTOCOL_VERSION = 1;
/** Longest answer that a client accepts. */
export const ANSWER_BYTES_MAX = 268435456;
/** Longest line that a node accepts, without its end. */
export const REQUEST_BYTES_MAX = 65536;
/** Clients at one time. */
export const CLIENTS_MAX = 16;
/** Bytes that wait for a client that follows changes. While more wait, changes are counted and not sent. */
export const FOLLOW_BYTES_MAX = 262144;
/** A client that sends no request for so long, and follows nothing, is closed. */
export const IDLE_MS = 60000;

// The codes of JSON-RPC 2.0, and three of the range that it leaves to servers.
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** The node cannot do it now; `data.code` says why. */
export const REFUSED = -32000;
export const TOO_MANY_CLIENTS = -32001;
export const REQUEST_TOO_LONG = -32002;

export type RequestId = string | number | null;

export interface RpcRequest {
  jsonrpc: "2.0";
  id: RequestId;
  method: string;
  params?: Record<string, unknown>;
}

export interface RpcError {
  code: number;
  message: string;
  /** `code` of the library's error. */
  data?: { code: string };
}

export type RpcResponse = { jsonrpc: "2.0"; id: RequestId } & ({ result: unknown } | { error: RpcError });

/** A change that a client follows, or "skipped": how many it missed. */
export interface RpcNotification {
  jsonrpc: "2.0";
  method: string;
  params: object;
}

/** An error that becomes the answer to a request. */
export class ControlError extends Error {
  readonly code: number;
  readonly data: { code: string } | undefined;

  constructor(code: number, message: string, data?: { code: string }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** Splits bytes into lines of at most `bytesMax`. Only a line feed ends one; readline of Node.js 24 knows more ends. */
export class LineSplitter {
  private readonly bytesMax: number;
  /** What stands behind the last line feed, as it came. */
  private rest: Buffer[] = [];
  private restBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** @returns the lines that are whole now; undefined when one is too long */
  add(bytes: Buffer): string[] | undefined {
    const lines: string[] = [];
    this.rest.push(bytes);
    this.restBytes += bytes.length;
    if (!bytes.includes(LINE_FEED)) return this.restBytes > this.bytesMax ? undefined : lines;
    let all = Buffer.concat(this.rest);
    for (let end = all.indexOf(LINE_FEED); end >= 0; end = all.indexOf(LINE_FEED)) {
      if (end > this.bytesMax) return undefined;
      lines.push(all.toString("utf8", 0, end));
      all = all.subarray(end + 1);
    }
    this.rest = [all];
    this.restBytes = all.length;
    return all.length > this.bytesMax ? undefined : lines;
  }

  /** What stands behind the last line feed. */
  end(): string {
    return Buffer.concat(this.rest).toString("utf8");
  }
}

const LINE_FEED = 10;
