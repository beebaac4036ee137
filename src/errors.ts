/**
 * Why a call was refused; `code` of what this library throws. The list is
 * closed:
 *
 * | code | meaning |
 * | --- | --- |
 * | `ERR_OPTION` | an option of a constructor or a maker is wrong; `option` names it |
 * | `ERR_ARGUMENT` | an argument of a method is wrong; `option` names it |
 * | `ERR_STATE` | the method cannot run now: the node is not running, was closed, or has no events |
 * | `ERR_NO_ROOM` | a fixed buffer or list is full |
 * | `ERR_STORAGE` | another process or node uses the storage, or its content does not let the node go on |
 *
 * A storage or socket of the application may throw its own errors, which pass
 * through unchanged.
 */
export type ErrorCode = "ERR_OPTION" | "ERR_ARGUMENT" | "ERR_STATE" | "ERR_NO_ROOM" | "ERR_STORAGE";

/**
 * What went wrong while a node runs: the first argument of `onError`, and the
 * `code` of the error beside it.
 *
 * | code | meaning |
 * | --- | --- |
 * | `socket` | the socket failed, waits for its address, or is bound after that |
 * | `storage` | the storage threw while the node runs, or works again; or its event log was damaged, or is repaired |
 * | `send` | the socket refused a datagram: the first of a run of the node; on Node.js not for an address that cannot be
 * reached |
 * | `idConflict` | another device uses this node's id: once a start |
 * | `nameConflict` | a live node of another id has this node's name: once for each of the first 8 ids of a start |
 * | `tableFull` | there are more live nodes than rows: once a start |
 * | `seal` | an address sends frames that are not sealed, or for 8 rounds ones that the key does not open; or frames
 * are sealed and this node has no key, once a start |
 * | `fork` | a feed has two different events under one number: once a start |
 * | `alone` | no other node was live for 16 rounds: once for each such time |
 * | `seed` | a host name of `seedList` does not resolve, or resolves again |
 * | `limits` | a node has another `valueBytesMax` or `eventBytesMax`, once for each start of it; or it keeps no event
 * feeds although this node published events, once a start; or it has room for fewer rows than this node holds, once a
 * start; or NodeMCU boards cannot repeat all rows, once a start |
 * | `network` | an address sends frames of a network with another name, or without one: once a start |
 */
export type GossipErrorCode = "socket" | "storage" | "idConflict" | "nameConflict" | "tableFull" | "send" | "seal"
  | "fork" | "limits" | "network" | "alone" | "seed";

/**
 * An error of this library. It is a `TypeError` where a value has the wrong
 * type, a `RangeError` where the type is right and the value is not, otherwise
 * an `Error`. Espruino has no `RangeError` and gets an `Error` in its place.
 */
export interface ChismeError<Code extends ErrorCode | GossipErrorCode = ErrorCode | GossipErrorCode> extends Error {
  code: Code;
  /** Name of the option or argument that is wrong, such as "port" or "events.bytes". */
  option?: string;
  /** What the platform threw, where it did. */
  cause?: unknown;
}

/**
 * An option or an argument is wrong.
 *
 * @param method that the argument is of; "" for an option
 * @param name of the option or argument
 * @param problem such as "70000 is not an integer from 1 to 65535"
 * @param isRange whether the type is right and the value is not
 */
export function invalid(method: string, name: string, problem: string, isRange: boolean): ChismeError {
  const message = `${method === "" ? "" : `${method}: `}${name}: ${problem}`;
  // eslint-disable-next-line no-restricted-globals -- `typeof` is safe where Espruino has none.
  const kind = !isRange ? TypeError : typeof RangeError === "undefined" ? Error : RangeError;
  const error = new kind(message) as ChismeError;
  error.code = method === "" ? "ERR_OPTION" : "ERR_ARGUMENT";
  error.option = name;
  return error;
}

/** Something other than a value is wrong. */
export function failure(code: ErrorCode | GossipErrorCode, message: string): ChismeError {
  const error = new Error(message) as ChismeError;
  error.code = code;
  return error;
}
