/** The part of the SDK's class `Preference` that care needs. */
export interface Preferences {
  get(domain: string, key: string): unknown;
  /** Numbers are int32, and an ArrayBuffer has at most 63 bytes. */
  set(domain: string, key: string, value: number | ArrayBuffer): void;
  delete(domain: string, key: string): void;
}

/** A Wi-Fi network, as bytes of UTF-8. */
export interface Credentials {
  /** 1 to 32 bytes. */
  ssid: Uint8Array;
  /** 8 to 63 bytes, or none for an open network. */
  password: Uint8Array;
}

const SSID_BYTES_MAX = 32;
const PASSWORD_BYTES_MIN = 8;
/** WPA's longest passphrase, and the longest preference of ESP8266. */
const PASSWORD_BYTES_MAX = 63;
const SSID_KEY = "ssid";
const PASSWORD_KEY = "password";
/** The network before: it is tried again when the newer one cannot be joined. */
const FORMER = "-1";

/** What is wrong with the name of a network; "" if nothing. */
export function ssidProblem(ssid: Uint8Array): string {
  return ssid.length > 0 && ssid.length <= SSID_BYTES_MAX ? "" : `is not of 1 to ${SSID_BYTES_MAX} bytes`;
}

/** What is wrong with a password; "" if nothing. It never shows the password. */
export function passwordProblem(password: Uint8Array): string {
  const { length } = password;
  const isGood = length === 0 || (length >= PASSWORD_BYTES_MIN && length <= PASSWORD_BYTES_MAX);
  return isGood ? "" : `is not of ${PASSWORD_BYTES_MIN} to ${PASSWORD_BYTES_MAX} bytes, or empty`;
}

/**
 * The Wi-Fi networks that a board may join: the newest that was saved, the one before it, and the one that was built
 * in. So a wrong password shuts no board out of the network that it was in. The preferences hold two; saving writes
 * them up to four times.
 */
export class SavedNetworks {
  private readonly preferences: Preferences;
  private readonly domain: string;

  /** @param domain of the preferences, at most 15 characters */
  constructor(preferences: Preferences, domain: string) {
    this.preferences = preferences;
    this.domain = domain;
  }

  /** At most three, the newest first. @param builtIn network of the build, if it has one */
  list(builtIn?: Credentials): Credentials[] {
    const found = [this.read(""), this.read(FORMER), builtIn];
    const networks: Credentials[] = [];
    for (const network of found) {
      if (network !== undefined && !networks.some((other) => isSame(other, network))) networks.push(network);
    }
    return networks;
  }

  /** Saves a network that has no problem. The one that was saved before becomes the former one. */
  save(network: Credentials): void {
    const newest = this.read("");
    if (newest !== undefined && isSame(newest, network)) return;
    if (newest !== undefined) this.write(FORMER, newest);
    this.write("", network);
  }

  /** Forgets all networks that were saved. */
  forget(): void {
    for (const end of ["", FORMER]) {
      this.preferences.delete(this.domain, SSID_KEY + end);
      this.preferences.delete(this.domain, PASSWORD_KEY + end);
    }
  }

  private read(end: string): Credentials | undefined {
    const ssid = this.bytes(SSID_KEY + end);
    if (ssid === undefined || ssidProblem(ssid) !== "") return undefined;
    const password = this.bytes(PASSWORD_KEY + end) ?? new Uint8Array(0);
    return passwordProblem(password) === "" ? { ssid, password } : undefined;
  }

  /** A power cut leaves no name, so that no name stands beside the password of another network. */
  private write(end: string, { ssid, password }: Credentials): void {
    this.preferences.delete(this.domain, SSID_KEY + end);
    if (password.length === 0) this.preferences.delete(this.domain, PASSWORD_KEY + end);
    else this.preferences.set(this.domain, PASSWORD_KEY + end, bufferOf(password));
    this.preferences.set(this.domain, SSID_KEY + end, bufferOf(ssid));
  }

  private bytes(key: string): Uint8Array | undefined {
    const value = this.preferences.get(this.domain, key);
    return typeof value === "object" ? new Uint8Array(value as ArrayBuffer) : undefined;
  }
}

/**
 * Which of several networks to try next: each one for some attempts, in turn, and the one that was joined last first.
 */
export class NetworkChoice {
  private networks: Credentials[] = [];
  private index = 0;
  private attempts = 0;
  private readonly attemptsEach: number;

  /** @param attemptsEach attempts of one network before the next one has its turn */
  constructor(attemptsEach: number) {
    this.attemptsEach = attemptsEach;
  }

  /** @param networks the newest first, which is tried next */
  reset(networks: Credentials[]): void {
    this.networks = networks;
    this.index = 0;
    this.attempts = 0;
  }

  /** For the next attempt; undefined if there is none. */
  next(): Credentials | undefined {
    const { networks } = this;
    if (networks.length === 0) return undefined;
    if (this.attempts >= this.attemptsEach) {
      this.attempts = 0;
      this.index = (this.index + 1) % networks.length;
    }
    this.attempts++;
    return networks[this.index];
  }

  /** The last attempt joined. */
  joined(): void {
    this.attempts = 0;
  }
}

function isSame(one: Credentials, other: Credentials): boolean {
  return areEqual(one.ssid, other.ssid) && areEqual(one.password, other.password);
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}
