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
