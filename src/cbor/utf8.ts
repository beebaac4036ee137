/**
 * UTF-8 (RFC 3629) from and to the strings of three engines.
 *
 * V8 and XS strings are UTF-16 code units. Espruino has two kinds of strings. Byte
 * strings have characters from 0 to 255, which by convention hold UTF-8: all text
 * from sockets, and every string on small boards. In builds with Unicode, literals
 * have whole code points as characters. Both kinds are written as the same UTF-8.
 * On Espruino the result of reading is a byte string.
 *
 * No function here throws or reads outside the given range.
 */
const REPLACEMENT = 0xfffd;

/** Whether the bytes from `start` to `end`, exclusive, are valid UTF-8: shortest forms, no surrogates. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let position = start;
  while (position < end) {
    const lead = bytes[position++];
    if (lead < 0x80) continue;
    const more = continuationBytes(lead);
    if (more === 0 || more > end - position) return false;
    // Only the second byte can show an overlong form, a surrogate or more than U+10FFFF.
    const second = bytes[position];
    if (lead === 0xe0 && second < 0xa0) return false;
    if (lead === 0xed && second > 0x9f) return false;
    if (lead === 0xf0 && second < 0x90) return false;
    if (lead === 0xf4 && second > 0x8f) return false;
    for (let i = 0; i < more; i++) {
      if ((bytes[position++] & 0xc0) !== 0x80) return false;
    }
  }
  return true;
}

/** Number of bytes after a lead byte: 1 to 3; 0 if the byte is not a lead byte. */
function continuationBytes(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 1;
  return lead < 0xf0 ? 2 : 3;
}

/** Length of `text` in UTF-8, in bytes. Never less than `text.length`. */
export function utf8Length(text: string): number {
  let length = 0;
  let index = 0;
  while (index < text.length) {
    const code = scalarAt(text, index);
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    index += unitsAt(text, index, code);
  }
  return length;
}

/**
 * Writes `text` at `offset` and returns the offset after it. The caller has checked
 * that `utf8Length(text)` bytes fit. A surrogate without its partner is written as
 * U+FFFD, as by TextEncoder.
 */
export function utf8Write(text: string, out: Uint8Array, offset: number): number {
  let at = offset;
  let index = 0;
  while (index < text.length) {
    const code = scalarAt(text, index);
    index += unitsAt(text, index, code);
    if (code < 0x80) {
      out[at++] = code;
      continue;
    }
    if (code < 0x800) {
      out[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        out[at++] = 0xe0 | (code >> 12);
      } else {
        out[at++] = 0xf0 | (code >> 18);
        out[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      out[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    out[at++] = 0x80 | (code & 0x3f);
  }
  return at;
}

/** The Unicode scalar value that starts at `index`; U+FFFD for half a surrogate pair. */
function scalarAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit > 0xdbff || index + 1 === text.length) return REPLACEMENT;
  const low = text.charCodeAt(index + 1);
  if (low < 0xdc00 || low > 0xdfff) return REPLACEMENT;
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/** Characters taken by the scalar value `code` at `index`: 2 for a surrogate pair. */
function unitsAt(text: string, index: number, code: number): number {
  // Espruino's Unicode strings have code points above U+FFFF in one character.
  return code > 0xffff && text.charCodeAt(index) < 0x10000 ? 2 : 1;
}

/**
 * On an engine with byte strings: the characters of `text` as bytes, if these are
 * valid UTF-8. `null` otherwise and on other engines.
 */
export function utf8OfByteString(text: string): Uint8Array | null {
  if (hasWideCharacters()) return null;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return null;
    bytes[i] = code;
  }
  return isUtf8(bytes, 0, bytes.length) ? bytes : null;
}

/** The text of the bytes from `start` to `end`, exclusive, which must be valid UTF-8 (`isUtf8`). */
export function utf8Read(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let position = start;
  let wide = true;
  while (position < end) {
    // Eight characters at a time, because each concatenation copies the string on XS.
    if (end - position >= 8 && isAsciiRun(bytes, position)) {
      text += asciiRun(bytes, position);
      position += 8;
      continue;
    }
    const lead = bytes[position];
    if (lead >= 0x80 && wide) wide = hasWideCharacters();
    const more = lead < 0x80 || !wide ? 0 : continuationBytes(lead);
    text += more === 0 ? String.fromCharCode(lead) : readScalar(bytes, position, more);
    position += 1 + more;
  }
  return text;
}

function isAsciiRun(bytes: Uint8Array, at: number): boolean {
  const mix = bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3] |
    bytes[at + 4] | bytes[at + 5] | bytes[at + 6] | bytes[at + 7];
  return mix < 0x80;
}

function asciiRun(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(
    bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3],
    bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7],
  );
}

/** The character, as one or two code units, whose lead byte is at `position` and has `more` bytes after it. */
function readScalar(bytes: Uint8Array, position: number, more: number): string {
  let code = bytes[position] & (0x3f >> more);
  for (let i = 1; i <= more; i++) code = (code << 6) | (bytes[position + i] & 0x3f);
  if (code < 0x10000) return String.fromCharCode(code);
  const rest = code - 0x10000;
  return String.fromCharCode(0xd800 | (rest >> 10), 0xdc00 | (rest & 0x3ff));
}

/** False on Espruino, where `fromCharCode` keeps only the low 8 bits. */
function hasWideCharacters(): boolean {
  return String.fromCharCode(0x100).charCodeAt(0) === 0x100;
}
