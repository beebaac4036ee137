import DNSSD from "embedded:network/dnssd";
import UDP from "embedded:io/socket/udp";

/** After the name itself, "name-2" to "name-9" are tried. */
const NAMES_MAX = 9;

/**
 * Makes a board known as `label`.local, and its node as a service of the type _chisme._udp. Where another device has
 * the name, the board takes the next of `label`-2 to `label`-9 that is free.
 *
 * @param label as `hostLabel` makes it
 * @param port UDP port of the node
 * @param onNamed called with the name that the board has
 * @returns a function that ends it, as before a new address
 */
export function announceHost(label: string, port: number, onNamed: (host: string) => void): () => void {
  let responder: DNSSD;
  try {
    responder = new DNSSD({ socket: { io: UDP } });
  } catch (error) {
    // As in the SDK's simulator on Linux, whose sockets have no multicast.
    trace(`mDNS: ${(error as Error).message}\n`);
    return () => undefined;
  }
  const claim = (number: number): void => {
    if (number > NAMES_MAX) return trace(`mDNS: ${label} to ${label}-${NAMES_MAX} are taken\n`);
    const host = number === 1 ? label : `${label}-${number}`;
    responder.claim({
      host,
      onReady: () => {
        responder.advertise({ serviceType: "_chisme._udp", host, port });
        onNamed(`${host}.local`);
      },
      onError: () => claim(number + 1),
    });
  };
  claim(1);
  return () => responder.close();
}
