import { type WifiNetwork, builtInNetwork } from "network";
import Preference from "preference";
import { type Credentials, NetworkChoice, SavedNetworks } from "./credentials.js";

/** Attempts of a network before the next one has its turn: about a minute. */
const ATTEMPTS_EACH = 2;

const saved = new SavedNetworks(Preference, "chisme-wifi");
const choice = new NetworkChoice(ATTEMPTS_EACH);

/** Begins with the newest network anew. */
export function resetNetworks(): void {
  const builtIn = builtInNetwork();
  choice.reset(saved.list(builtIn === undefined ? undefined : {
    ssid: new Uint8Array(ArrayBuffer.fromString(builtIn.SSID)),
    password: new Uint8Array(ArrayBuffer.fromString(builtIn.password)),
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

/** For `joinNetwork`. */
export function nextNetwork(): WifiNetwork | undefined {
  const network = choice.next();
  if (network === undefined) return undefined;
  return { SSID: textOf(network.ssid), password: textOf(network.password) };
}

export function joinedNetwork(): void {
  choice.joined();
}

function textOf(bytes: Uint8Array): string {
  return String.fromArrayBuffer(bytes.slice().buffer);
}
