/** The built-ins of Espruino 2v29, as its interpreter told them, for a context in which all others are missing. */
export const globalsPresent = words(`
  Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Date Promise RegExp Error
  ReferenceError SyntaxError TypeError globalThis JSON Math ArrayBuffer Uint8Array Int8Array Uint16Array Int16Array
  Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray DataView decodeURIComponent encodeURIComponent
  eval isFinite isNaN console`);

/** Static members. */
export const staticsPresent: Record<string, string[]> = {
  Object: words(`assign create defineProperties defineProperty entries fromEntries getOwnPropertyDescriptor
    getOwnPropertyDescriptors getOwnPropertyNames getPrototypeOf keys setPrototypeOf values`),
  Array: ["isArray"],
  Number: words("MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY"),
  String: ["fromCharCode"],
  Date: words("now parse"),
  Promise: words("all resolve reject"),
  JSON: words("parse stringify"),
  Math: words(`abs acos asin atan atan2 ceil cos exp floor log max min pow random round sign sin sqrt tan
    E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2`),
};

const ofTypedArrays = words(`buffer byteLength byteOffset length every fill filter find findIndex forEach includes
  indexOf join map reverse reduce set slice some sort subarray toString`);

/** Members of the values of a kind. */
export const membersPresent: Record<string, string[]> = {
  Object: words("hasOwnProperty toString valueOf"),
  Function: words("length apply bind call toString"),
  Array: words(`length concat fill find findIndex pop push reverse shift unshift slice sort splice includes indexOf join
    forEach filter map every some reduce toString`),
  Number: words("toFixed toString valueOf"),
  Boolean: words("toString valueOf"),
  String: words(`length charAt charCodeAt concat endsWith includes indexOf lastIndexOf match padEnd padStart repeat
    replace replaceAll slice split substr substring startsWith toString trim toLowerCase toUpperCase valueOf`),
  RegExp: words("exec source toString test"),
  Error: words("name message toString"),
  ArrayBuffer: ["byteLength"],
  TypedArray: ofTypedArrays,
  DataView: words(`buffer byteLength byteOffset getInt8 setInt8 getUint8 setUint8 getInt16 setInt16 getUint16 setUint16
    getInt32 setInt32 getUint32 setUint32 getFloat32 setFloat32 getFloat64 setFloat64`),
  Promise: words("then catch"),
};

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
