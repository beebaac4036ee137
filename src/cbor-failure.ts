import { CBOR_TOO_DEEP, CBOR_TOO_LARGE } from "./cbor/cbor.js";
import { type ChismeError, rangeError, typeError } from "./errors.js";

/**
 * The error for an argument that `encodeCbor` does not encode.
 *
 * @param argument name of the argument
 * @param prefix what the message begins with before the name, such as "log: "
 * @param failure one of the `CBOR_` codes
 * @param bytesMax the most that the value may take as CBOR, which `limit` sets
 * @param limit name of an option
 */
export function cborFailure(
  argument: string, prefix: string, failure: number, bytesMax: number, limit: string,
): ChismeError {
  const name = `${prefix}${argument}: `;
  if (failure === CBOR_TOO_LARGE) {
    return rangeError("ERR_ARGUMENT", argument, `${name}takes more than ${bytesMax} bytes of CBOR (${limit})`);
  }
  if (failure === CBOR_TOO_DEEP) {
    return rangeError("ERR_ARGUMENT", argument, `${name}is nested deeper than 4 levels`);
  }
  return typeError("ERR_ARGUMENT", argument, `${name}has a part that CBOR can't express, such as a function`);
}
