export const SECTION_MESSAGE = 14;

/** Where the section MESSAGE or HOP of a frame that is not sealed begins; -1: it has none. */
export function messageSection(bytes: Uint8Array, length: number): number {
  let at = 6;
  const skipVarint = (): void => {
    while (bytes[at] >= 0x80) at++;
    at++;
  };
  for (let i = 0; i < 3; i++) skipVarint();
  at += 8;
  const type = bytes[1] & 7;
  if (type === 2 || type === 3) skipVarint();
  while (at < length && bytes[at] < SECTION_MESSAGE) at += 3 + bytes[at + 1] * 256 + bytes[at + 2];
  return at < length ? at : -1;
}

/** Whether a frame that is not sealed has a section MESSAGE or HOP. */
export function isOfMessage(bytes: Uint8Array, length: number): boolean {
  return messageSection(bytes, length) >= 0;
}
