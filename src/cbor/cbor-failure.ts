import { CBOR_TOO_DEEP, CBOR_TOO_LARGE } from "./cbor.js";

/**
 * The error for a value that `encodeCbor` refuses.
 *
 * @param name of the argument
 * @param failure the negative code that `encodeCbor` returned
 * @param bytesMax longest encoding, set by the option `option`
 */
export function cborFailure(name: string, failure: number, bytesMax: number, option: string): Error {
  if (failure === CBOR_TOO_LARGE) return new Error(`${name}: takes more than ${bytesMax} bytes of CBOR (${option})`);
  if (failure === CBOR_TOO_DEEP) return new Error(`${name}: is nested deeper than 4 levels`);
  return new Error(`${name}: has a part that CBOR cannot encode, such as a function`);
}
