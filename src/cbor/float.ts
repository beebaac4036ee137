/**
 * IEEE 754 numbers for CBOR: the shortest exact one of half (binary16), single and
 * double. Uses only integer arithmetic and scaling by powers of two, which are
 * exact on every engine. Nothing is allocated.
 */
const HALF_INFINITY = 0x7c00;
const HALF_NAN = 0x7e00;
const HALF_MAX = 65504;
const HALF_SIGN = 0x8000;
/** Its 10 digits behind the point, the exponent above them, and that of 1. */
const HALF_FRACTION = 0x3ff;
const HALF_EXPONENT_MAX = 0x1f;
const HALF_BIAS = 15;

/**
 * The bits of `value` as a half; -1 if a half cannot hold it exactly. The
 * significand is scaled to 1024 to 2047, or less at the smallest exponent (a
 * subnormal). The value fits if the scaled significand is an integer.
 */
export function halfBits(value: number): number {
  if (value !== value) return HALF_NAN;
  const sign = value < 0 || 1 / value < 0 ? HALF_SIGN : 0;
  let significand = Math.abs(value);
  if (significand === 0) return sign;
  if (significand === Infinity) return sign | HALF_INFINITY;
  if (significand > HALF_MAX) return -1;
  let exponent = 25;
  while (significand >= 2048) {
    significand /= 2;
    exponent++;
  }
  while (significand < 1024 && exponent > 1) {
    significand *= 2;
    exponent--;
  }
  if (significand !== Math.floor(significand)) return -1;
  // The leading 1024 of a normal number carries into the exponent; a subnormal has none.
  return sign | (((exponent - 1) << 10) + significand);
}

/** The value of a half given as its 16 bits. */
export function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & HALF_FRACTION;
  const sign = bits & HALF_SIGN ? -1 : 1;
  if (exponent === HALF_EXPONENT_MAX) return fraction === 0 ? sign * Infinity : NaN;
  // Not `-0`: Espruino reads that as the integer 0.
  if ((bits & 0x7fff) === 0) return sign / Infinity;
  let value = exponent === 0 ? fraction : fraction + 1024;
  let scale = exponent === 0 ? 1 : exponent;
  for (; scale < 25; scale++) value /= 2;
  for (; scale > 25; scale--) value *= 2;
  return sign * value;
}

/**
 * Whether the big-endian float of `width` (2, 4 or 8) bytes at `at` is the shortest
 * form: neither a narrower float nor an integer within ±(2^53 - 1) has the same
 * value. NaN must be the half 7e00.
 */
export function isShortestFloat(bytes: Uint8Array, at: number, width: number): boolean {
  const head = (bytes[at] << 8) | bytes[at + 1];
  if (width === 2) return isShortestHalf(head);
  const exponentBits = width === 4 ? 8 : 11;
  const exponentMax = (1 << exponentBits) - 1;
  const biased = (head >> (15 - exponentBits)) & exponentMax;
  const digits = fractionDigits(bytes, at, width, 15 - exponentBits);
  if (biased === exponentMax) return false;
  // Zero, which is a float only as the half -0, or a subnormal, which no narrower format holds.
  if (biased === 0) return digits > 0;
  const exponent = biased - (exponentMax >> 1);
  if (exponent >= 0 && exponent <= 52 && digits <= exponent) return false;
  if (fits(exponent, digits, -14, 15, 10)) return false;
  return width === 4 || !fits(exponent, digits, -126, 127, 23);
}

/** Whether a half is neither an integer nor a NaN with other bits. Most readings of sensors are halves. */
function isShortestHalf(half: number): boolean {
  const biased = (half >> 10) & HALF_EXPONENT_MAX;
  const fraction = half & HALF_FRACTION;
  if (biased === HALF_EXPONENT_MAX) return fraction === 0 || half === HALF_NAN;
  if (biased === 0) return fraction > 0 || half === HALF_SIGN;
  // Below 1, or with bits behind the point.
  return biased < HALF_BIAS || ((fraction << (biased - HALF_BIAS)) & HALF_FRACTION) !== 0;
}

/** Binary digits of the fraction up to its last 1. The first two bytes hold `headDigits` digits. */
function fractionDigits(bytes: Uint8Array, at: number, width: number, headDigits: number): number {
  let last = width - 1;
  while (last > 1 && bytes[at + last] === 0) last--;
  const headFraction = ((bytes[at] << 8) | bytes[at + 1]) & ((1 << headDigits) - 1);
  let rest = last > 1 ? bytes[at + last] : headFraction;
  if (rest === 0) return 0;
  let digits = headDigits + (last - 1) * 8;
  for (; (rest & 1) === 0; rest >>= 1) digits--;
  return digits;
}

/**
 * Whether 1.f * 2^exponent, f having `digits` binary digits, is exact in a format
 * with `fraction` of them and exponents `min` to `max` (below `min`: subnormals).
 */
function fits(exponent: number, digits: number, min: number, max: number, fraction: number): boolean {
  return exponent <= max && digits <= fraction && exponent - digits >= min - fraction;
}
