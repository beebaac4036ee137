import { lookup } from "node:dns";
import multicastDns, { type MulticastDNS, type ResponsePacket } from "multicast-dns";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import { places } from "./interfaces.js";

/** When the queries of multicast DNS are sent, and when the last answer may come. */
const QUERIES_MS = [0, 1000];
const ANSWER_MS = 3000;
/** Interfaces that a name is looked for on. */
const INTERFACES_MAX = 8;

/**
 * Looks up the IPv4 address of a host: as the system does, so by its hosts file
 * and DNS; a name that ends with ".local" then by multicast DNS (RFC 6762).
 *
 * @param callback gets the address, 0 if there is none; once, later
 */
export function resolveHost(name: string, callback: (address: number) => void): void {
  lookup(name, { family: 4 }, (error, address) => {
    if (error === null) callback(parseAddress(address));
    else if (name.toLowerCase().endsWith(".local")) resolveLocally(name, callback);
    else callback(0);
  });
}

/** Asks the hosts on each network. The first answer counts. */
function resolveLocally(name: string, callback: (address: number) => void): void {
  const outward = places().filter((place) => !place.isLoopback).slice(0, INTERFACES_MAX);
  const sockets = outward.map((place) => openMdns(formatAddress(place.address)));
  const timers: NodeJS.Timeout[] = [];
  const end = (address: number): void => {
    for (const timer of timers) clearTimeout(timer);
    for (const socket of sockets) {
      socket.removeAllListeners("response");
      socket.destroy();
    }
    callback(address);
  };
  for (const socket of sockets) {
    socket.on("response", (response) => {
      const address = answerIn(response, name);
      if (address > 0) end(address);
    });
  }
  for (const delayMs of QUERIES_MS) {
    timers.push(setTimeout(() => {
      for (const socket of sockets) socket.query([{ name, type: "A" }]);
    }, delayMs));
  }
  timers.push(setTimeout(() => end(0), sockets.length === 0 ? 0 : ANSWER_MS));
}

function openMdns(address: string): MulticastDNS {
  // A socket that is bound to the address of the interface would receive no multicasts on Linux.
  const socket = multicastDns({ interface: address, bind: "0.0.0.0" });
  // An interface that has just gone, or a port 5353 that another program does not share: then there is no answer.
  socket.on("error", () => undefined);
  socket.on("warning", () => undefined);
  return socket;
}

/** The address that a response gives a host; 0 when it gives none. */
function answerIn(response: ResponsePacket, name: string): number {
  for (const answer of [...response.answers ?? [], ...response.additionals ?? []]) {
    if (answer.type !== "A" || answer.name.toLowerCase() !== name.toLowerCase()) continue;
    return Math.max(0, parseAddress(answer.data));
  }
  return 0;
}
