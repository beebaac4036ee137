/** A number of so many significant digits, without an exponent, is never halfway between two doubles. */
const DIGITS_SAFE = 15;
/** More than any double needs. */
const DIGITS_MAX = 20;

const POINT = 0x2e;
const MINUS = 0x2d;
const ZERO = 0x30;
const SMALL_E = 0x65;

/**
 * A JSON number that engines read as the same double: the nearest to `text` or, if
 * `text` is halfway between two, the one farther from zero. There XS makes that one
 * of a number, and V8 the even one.
 *
 * The result has the first 20 significant digits of `text`, or zeros, and then a 1.
 * Such a number is never halfway: as an integer it has too many bits, and as a
 * fraction it is no sum of powers of two.
 *
 * @param text a number by the grammar of JSON; one with at most 15 significant
 * digits and no exponent is returned as it is
 */
export function decimalText(text: string): string {
  let count = 0;
  let kept = "";
  let hasPoint = false;
  let at = 0;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code | 0x20) === SMALL_E) break;
    if (code === POINT) hasPoint = true;
    else if (code !== MINUS && (count > 0 || code !== ZERO)) count++;
    if (count <= DIGITS_MAX || code === POINT) kept += text[at];
    else if (!hasPoint) kept += count === DIGITS_MAX + 1 ? "1" : "0";
    else if (count === DIGITS_MAX + 1) kept += "1";
  }
  if (count === 0 || (count <= DIGITS_SAFE && at === text.length)) return text;
  if (count <= DIGITS_MAX) {
    if (!hasPoint) kept += ".";
    for (; count < DIGITS_MAX; count++) kept += "0";
    kept += "1";
  } else if (kept.charCodeAt(kept.length - 1) === POINT) kept += "0";
  return kept + text.substring(at);
}
