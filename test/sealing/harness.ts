/*
 * Drives a sealer by lines of text, on any JavaScript engine. Bytes are hexadecimal, "-" stands for none.
 *
 *   keys key otherKey     makes the sealer; otherKey may be "-"
 *   to id                 the receiver of all frames that follow, as a decimal number; "-", as at first: anybody
 *   head bytes            the frame that follows begins with these
 *   body bytes            goes on with these; may come again
 *   seal                  answers the length, or -1
 *   open                  the same, of the frame as it is
 *   flip bit              changes one bit of the frame, by its number
 *   frame                 answers the bytes of the frame
 *   time n                seals and opens it n times; answers the length
 *   idle                  does nothing: what a line costs by itself
 */
import { NO_RECEIVER, type Sealer, type Sealing } from "../../src/engine/wire/sealer.js";
import { parseKey } from "../../src/sealing/key.js";

const FRAME_BYTES_MAX = 1472;

export class SealingHarness {
  private readonly sealing: Sealing;
  private readonly frame = new Uint8Array(FRAME_BYTES_MAX);
  private sealer: Sealer | undefined;
  private receiver = NO_RECEIVER;
  private headLength = 0;
  private length = 0;

  constructor(sealing: Sealing) {
    this.sealing = sealing;
  }

  line(text: string): string {
    const words = text.split(" ");
    const word = words.length > 1 ? words[1] : "";
    switch (words[0]) {
      case "idle": return "ok";
      case "keys": return this.makeSealer(word, words[2]);
      case "to": return this.address(word);
      case "head": return this.begin(word);
      case "body": return this.append(word);
      case "seal": return this.seal();
      case "open": return this.open();
      case "flip": return this.flip(Number(word));
      case "frame": return this.bytes();
      case "time": return this.time(Number(word));
      default: return "error: " + text;
    }
  }

  private makeSealer(key: string, otherKey: string): string {
    this.sealer = this.sealing(parseKey("key", key), otherKey === "-" ? undefined : parseKey("otherKey", otherKey));
    return "ok";
  }

  private address(word: string): string {
    this.receiver = word === "-" ? NO_RECEIVER : Number(word);
    return "ok";
  }

  private begin(hex: string): string {
    this.length = 0;
    this.append(hex);
    this.headLength = this.length;
    return "ok";
  }

  private append(hex: string): string {
    if (hex !== "-") {
      for (let i = 0; i < hex.length; i += 2) this.frame[this.length++] = parseInt(hex.substring(i, i + 2), 16);
    }
    return "ok";
  }

  private seal(): string {
    return this.took(this.sealer!.seal(this.frame, this.headLength, this.length, FRAME_BYTES_MAX, this.receiver));
  }

  private open(): string {
    return this.took(this.sealer!.unseal(this.frame, this.headLength, this.length, this.receiver));
  }

  private took(length: number): string {
    if (length >= 0) this.length = length;
    return String(length);
  }

  private flip(bit: number): string {
    this.frame[bit >> 3] ^= 1 << (bit & 7);
    return "ok";
  }

  private bytes(): string {
    let text = "";
    for (let i = 0; i < this.length; i++) text += (this.frame[i] < 16 ? "0" : "") + this.frame[i].toString(16);
    return text;
  }

  private time(count: number): string {
    for (let i = 0; i < count; i++) {
      this.seal();
      if (this.open() === "-1") return "error: what was sealed is not opened";
    }
    return String(this.length);
  }
}
