import { CBOR_TOO_DEEP, CBOR_TOO_LARGE } from "./cbor.js";

/**
 * The error for a value that `encodeCbor` does not encode.
 *
 * @param bytesMax what it may take, by the option `option`
 */
export function cborFailure(name: string, failure: number, bytesMax: number, option: string): Error {
  if (failure === CBOR_TOO_LARGE) return new Error(`${name}: takes more than ${bytesMax} bytes of CBOR (${option})`);
  if (failure === CBOR_TOO_DEEP) return new Error(`${name}: is nested deeper than 4 levels`);
  return new Error(`${name}: has a part that CBOR can't express, such as a function`);
}
