import { CBOR_TOO_DEEP, CBOR_TOO_LARGE } from "./cbor/cbor.js";
import { type ChismeError, invalid } from "./errors.js";

/**
 * The error for a method's argument `value` that `encodeCbor` does not encode.
 *
 * @param code one of the `CBOR_` codes
 * @param bytesMax the most that the value may take as CBOR, which the option `limit` sets
 */
export function cborFailure(method: string, code: number, bytesMax: number, limit: string): ChismeError {
  const problem = code === CBOR_TOO_LARGE ? `takes more than ${bytesMax} bytes of CBOR (${limit})`
    : code === CBOR_TOO_DEEP ? "is nested deeper than 4 levels"
    : "has a part that CBOR cannot encode, such as a function";
  return invalid(method, "value", problem, code === CBOR_TOO_LARGE || code === CBOR_TOO_DEEP);
}
