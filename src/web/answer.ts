import { utf8Length, utf8Write } from "../cbor/utf8.js";

/** An answer over HTTP whose body is made while it is sent: of the body no more than one text of it is in RAM. */
export class WebAnswer {
  /** Such as 200. */
  readonly status: number;
  /** Names in lower case, each followed by its value. */
  readonly headers: string[];
  private readonly nextText: () => string;
  private bytes = new Uint8Array(0);
  private at = 0;

  /** @param nextText the next part of the body, "" at its end */
  constructor(status: number, headers: string[], nextText: () => string) {
    this.status = status;
    this.headers = headers;
    this.nextText = nextText;
  }

  /**
   * Writes the next bytes of the body to the beginning of `out`.
   *
   * @param bytesMax at most `out.length`
   * @returns how many: less than `bytesMax` only at the end of the body
   */
  read(out: Uint8Array, bytesMax: number): number {
    let length = 0;
    while (length < bytesMax) {
      if (this.at === this.bytes.length && !this.encodeNext()) break;
      while (length < bytesMax && this.at < this.bytes.length) out[length++] = this.bytes[this.at++];
    }
    return length;
  }

  private encodeNext(): boolean {
    const text = this.nextText();
    this.bytes = new Uint8Array(utf8Length(text));
    this.at = 0;
    utf8Write(text, this.bytes, 0);
    return text !== "";
  }
}
