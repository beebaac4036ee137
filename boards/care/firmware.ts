import type { Preferences } from "./credentials.js";
import { type Connect, type HttpTarget, httpGet, parseUrl } from "./http-get.js";

/** Where a new image is written: the part of flash that is not running. */
export interface Image {
  /** Bytes one behind the other. @throws Error when flash fails */
  write(bytes: Uint8Array): void;
  /** The next start is from this image. @throws Error when the image is none for this chip */
  complete(): void;
  /** Gives the image up; the running one stays. */
  abort(): void;
}

/** SHA-256 of bytes that come in parts. */
export interface Hash {
  write(bytes: Uint8Array): void;
  /** 32 bytes. */
  close(): Uint8Array;
}

/** What the platform gives. */
export interface FirmwareOptions {
  /** Version that runs, as "1.4.2": up to 4 numbers. */
  version: string;
  preferences: Preferences;
  /** Of the preferences, at most 15 characters. */
  domain: string;
  setTimer: (callback: () => void, delayMs: number) => unknown;
  clearTimer: (timer: unknown) => void;
  /** From 0 to 1, as `Math.random`. */
  random: () => number;
  connect: Connect;
  /** Bytes that an image may have. */
  imageBytesMax: number;
  openImage: (bytes: number) => Image;
  hash: () => Hash;
  /** Restarts the board: the new image starts. */
  restart: () => void;
  /** Tells the boot loader that this image is good. */
  confirm: () => void;
  /** Has the boot loader start the image before this one, at once. */
  rollback: () => void;
  /** Gets what happens, as a line of text. */
  onNews: (text: string) => void;
}

/** An announcement that has been checked. */
interface Announcement {
  version: string;
  target: HttpTarget;
  size: number;
  /** 64 hexadecimal digits in lower case. */
  sha256: string;
}

const VERSION = /^\d{1,5}(?:\.\d{1,5}){0,3}$/;
const VERSION_CHARACTERS_MAX = 16;
/** Nodes begin at different times, so that not all load at once. */
const SPREAD_MS = 60000;
/** A download without a byte for so long has failed. */
const SILENCE_MS = 30000;
/** Attempts of one announcement in one life; the first wait between them, which grows fourfold. */
const ATTEMPTS_MAX = 4;
const RETRY_MS = 60000;
/** How long a new image may take to join, and how often it may start until then. */
const TRIAL_MS = 600000;
const TRIAL_STARTS_MAX = 3;
/** How often an image is switched to that never reported that it runs. */
const SWITCHES_MAX = 2;

/** Version on trial, as bytes; the tag of its image; how often it started; how often it was switched to. */
const TRIAL = "trial";
const TAG = "tag";
const STARTS = "starts";
const SWITCHES = "switches";
/** Tag of the image that was rolled back last. */
const REFUSED = "refused";

/**
 * Updates a board's program from announcements such as
 * `{ version: "1.4.3", url: "http://192.168.0.10:8080/node.bin", size: 912384, sha256: "…" }`.
 *
 * The image is checked while it loads, by size and SHA-256; only a right one is switched to. Until then the running
 * image stays, whatever happens. A new image is on trial: it must join within 10 minutes and 3 starts, else the board
 * goes back and refuses that image from then on. An announcement is as trustworthy as who could publish it: see
 * SECURITY.md.
 */
export class FirmwareUpdate {
  private readonly options: FirmwareOptions;
  private announcement: Announcement | undefined;
  private attempts = 0;
  private timer: unknown;
  private stop: (() => void) | undefined;
  private image: Image | undefined;
  private trialTimer: unknown;

  /** @throws RangeError when the version is none */
  constructor(options: FirmwareOptions) {
    const { version } = options;
    if (!isVersion(version)) {
      throw new RangeError(`version: ${String(version)} is not up to 4 numbers with dots, at most 16 characters`);
    }
    this.options = options;
  }

  /** To be called once a start, before the network is joined. */
  begin(): void {
    const { options } = this;
    const trial = this.text(TRIAL);
    if (trial === "") return;
    if (trial !== options.version) {
      const isKnownBad = this.number(STARTS) > 0 || this.number(SWITCHES) >= SWITCHES_MAX;
      if (isKnownBad) this.set(REFUSED, this.number(TAG));
      this.forget(TRIAL, STARTS);
      options.onNews(`version ${trial} did not stay${isKnownBad ? ", it is refused from now on" : ""}`);
      return;
    }
    const starts = this.number(STARTS) + 1;
    this.set(STARTS, starts);
    if (starts > TRIAL_STARTS_MAX) this.goBack(`did not join in ${TRIAL_STARTS_MAX} starts`);
    else this.trialTimer = options.setTimer(() => this.goBack("did not join in time"), TRIAL_MS);
  }

  /** To be called when the node hears another one: a new image has passed its trial. */
  joined(): void {
    const { options } = this;
    if (this.trialTimer === undefined) return;
    options.clearTimer(this.trialTimer);
    this.trialTimer = undefined;
    // First the boot loader: after a loss of power in between the trial is repeated.
    options.confirm();
    this.forget(TRIAL, STARTS, SWITCHES, TAG);
    options.onNews(`version ${options.version} stays`);
  }

  /** To be called with the value of each announcement for this model of board, also again. */
  announced(value: unknown): void {
    const { options } = this;
    const found = readAnnouncement(value, options.imageBytesMax);
    if (typeof found === "string") return options.onNews(`announcement: ${found}`);
    if (compareVersions(found.version, options.version) <= 0) return;
    const known = this.announcement;
    if (known !== undefined && known.sha256 === found.sha256 && known.version === found.version
      && known.target.address === found.target.address && known.target.port === found.target.port
      && known.target.path === found.target.path) return;
    if (tagOf(found) === this.number(REFUSED)) return options.onNews(`version ${found.version} was refused before`);
    this.close();
    this.announcement = found;
    this.attempts = 0;
    this.wait(options.random() * SPREAD_MS);
  }

  /** Ends what is under way. The trial of a new image goes on. */
  close(): void {
    if (this.timer !== undefined) this.options.clearTimer(this.timer);
    this.timer = undefined;
    this.stop?.();
    this.stop = undefined;
    this.image?.abort();
    this.image = undefined;
    this.announcement = undefined;
  }

  private wait(delayMs: number): void {
    this.timer = this.options.setTimer(() => {
      this.timer = undefined;
      this.load();
    }, delayMs);
  }

  private load(): void {
    const { announcement, options } = this;
    if (announcement === undefined) return;
    const { target, size } = announcement;
    this.attempts++;
    const hash = options.hash();
    this.expect();
    const failed = (problem: string): void => this.failed(problem);
    try {
      this.stop = httpGet(target, size, options.connect, {
        onBody: (bytes) => {
          this.expect();
          try {
            // Erases flash, so not before the server has answered well.
            this.image ??= options.openImage(size);
            this.image.write(bytes);
            hash.write(bytes);
          } catch (error) {
            this.stop?.();
            failed(`flash: ${(error as Error).message}`);
          }
        },
        onComplete: () => {
          this.stop = undefined;
          if (hexOf(hash.close()) === announcement.sha256) this.switchTo(announcement);
          else failed("has another SHA-256 than announced");
        },
        onFailed: failed,
      });
    } catch (error) {
      failed((error as Error).message);
    }
  }

  /** The next byte must arrive in time. */
  private expect(): void {
    const { options } = this;
    if (this.timer !== undefined) options.clearTimer(this.timer);
    this.timer = options.setTimer(() => {
      this.timer = undefined;
      this.stop?.();
      this.failed("stands still");
    }, SILENCE_MS);
  }

  private failed(problem: string): void {
    const { announcement, options } = this;
    this.stop = undefined;
    this.image?.abort();
    this.image = undefined;
    if (this.timer !== undefined) options.clearTimer(this.timer);
    this.timer = undefined;
    if (announcement === undefined) return;
    const isLast = this.attempts >= ATTEMPTS_MAX;
    options.onNews(`version ${announcement.version} ${problem}${isLast ? ": given up until the next start" : ""}`);
    if (!isLast) this.wait(RETRY_MS * 4 ** (this.attempts - 1));
  }

  private switchTo(announcement: Announcement): void {
    const { options, image } = this;
    const tag = tagOf(announcement);
    try {
      const switches = this.number(TAG) === tag ? this.number(SWITCHES) : 0;
      // All before the switch: from then on any start is from the new image.
      this.set(TAG, tag);
      this.set(SWITCHES, switches + 1);
      this.forget(STARTS);
      options.preferences.set(options.domain, TRIAL, bytesOf(announcement.version));
      image?.complete();
    } catch (error) {
      try {
        this.forget(TRIAL);
      } catch {
        // The next start forgets it.
      }
      return this.failed(`cannot be started: ${(error as Error).message}`);
    }
    this.image = undefined;
    if (this.timer !== undefined) options.clearTimer(this.timer);
    this.timer = undefined;
    options.onNews(`version ${announcement.version} starts`);
    options.restart();
  }

  private goBack(problem: string): void {
    this.trialTimer = undefined;
    this.options.onNews(`version ${this.options.version} ${problem}: back to the one before`);
    try {
      this.options.rollback();
    } catch (error) {
      this.options.onNews(`it stays: ${(error as Error).message}`);
    }
  }

  private number(key: string): number {
    const value = this.options.preferences.get(this.options.domain, key);
    return typeof value === "number" ? value : 0;
  }

  private set(key: string, value: number): void {
    if (this.number(key) !== value) this.options.preferences.set(this.options.domain, key, value);
  }

  private text(key: string): string {
    const value = this.options.preferences.get(this.options.domain, key);
    if (typeof value !== "object") return "";
    let text = "";
    for (const byte of new Uint8Array(value as ArrayBuffer)) text += String.fromCharCode(byte);
    return text;
  }

  private forget(...keys: string[]): void {
    for (const key of keys) this.options.preferences.delete(this.options.domain, key);
  }
}

/** Compares versions of dotted numbers: negative if the first is older. A missing number is 0. */
export function compareVersions(one: string, other: string): number {
  const parts = one.split(".");
  const others = other.split(".");
  for (let i = 0; i < 4; i++) {
    const order = Number(parts[i] ?? 0) - Number(others[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function isVersion(version: unknown): version is string {
  return typeof version === "string" && version.length <= VERSION_CHARACTERS_MAX && VERSION.test(version);
}

/** A value as an announcement; what is wrong with it if it is none. */
function readAnnouncement(value: unknown, bytesMax: number): Announcement | string {
  if (typeof value !== "object" || value === null) return "is not a map";
  const { version, url, size, sha256 } = value as Record<string, unknown>;
  if (!isVersion(version)) return "version is not up to 4 numbers with dots, at most 16 characters";
  const target = typeof url === "string" ? parseUrl(url) : undefined;
  if (target === undefined) return "url is not http:// with an IPv4 address, at most 128 characters";
  const isSize = typeof size === "number" && size > 0 && size <= bytesMax && Math.floor(size) === size;
  if (!isSize) return `size is not from 1 to ${bytesMax} bytes`;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return "sha256 is not 64 hexadecimal digits";
  return { version, target, size, sha256 };
}

/** 31 bits that name an image in the preferences, never 0. */
function tagOf({ sha256 }: Announcement): number {
  return (parseInt(sha256.slice(0, 8), 16) >>> 1) | 1;
}

function bytesOf(text: string): ArrayBuffer {
  const buffer = new ArrayBuffer(text.length);
  const bytes = new Uint8Array(buffer);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return buffer;
}

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte + 256).toString(16).slice(1);
  return text;
}
