import config from "mc/config";
import Preference from "preference";
import { type Credentials, NetworkChoice, SavedNetworks } from "./credentials.js";
import type { WifiNetwork } from "./wifi.js";

/** Attempts of a network before the next one has its turn: about a minute. */
const ATTEMPTS_EACH = 2;

const saved = new SavedNetworks(Preference, "chisme-wifi");
const choice = new NetworkChoice(ATTEMPTS_EACH);

/** Begins with the newest network anew. */
export function resetNetworks(): void {
  choice.reset(saved.list(config.ssid === undefined ? undefined : {
    ssid: bytesOf(String(config.ssid)),
    password: bytesOf(String(config.password ?? "")),
  }));
}

export function saveNetwork(network: Credentials): void {
  saved.save(network);
  resetNetworks();
}

export function forgetNetworks(): void {
  saved.forget();
  resetNetworks();
}

/** For `joinOneOf`. */
export function nextNetwork(): WifiNetwork | undefined {
  const network = choice.next();
  if (network === undefined) return undefined;
  return { SSID: textOf(network.ssid), password: textOf(network.password) };
}

export function joinedNetwork(): void {
  choice.joined();
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(ArrayBuffer.fromString(text));
}

function textOf(bytes: Uint8Array): string {
  return String.fromArrayBuffer(bytes.slice().buffer);
}
