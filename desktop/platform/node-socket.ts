import { isIPv4 } from "node:net";
import { show } from "../../src/checks.js";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import { invalid } from "../../src/errors.js";
import type { GossipSocket } from "../../src/platform/types.js";
import { type Place, broadcasts, likelyAddress, places } from "./interfaces.js";
import { randomId } from "./random-id.js";
import { resolveHost } from "./resolve-host.js";
import { type OnDatagram, UdpSocket } from "./udp-socket.js";

/** A datagram to this address goes to the broadcast address of each interface. */
const LIMITED_BROADCAST = 0xffffffff;
/** How often the socket looks for its address. */
const WATCH_MS = 1000;

/**
 * A UDP socket of Node.js.
 *
 * Without an address and an interface it listens on all interfaces. With one, it
 * is bound to that address, or to the one that the interface has. Where that
 * address is not there, the socket waits: it looks each second, and binds as soon
 * as the address is there. When the interface has another address, the socket
 * moves to it. While it waits from the start, what is sent is lost without an error.
 *
 * A datagram to 255.255.255.255 goes to the broadcast address of each interface or,
 * with an address or an interface, of that one only. Loopback interfaces, and
 * networks of less than 4 addresses, have none. The interfaces are read anew each
 * time.
 *
 * A datagram to an address to which this computer has no way is counted, without an
 * error: in a network where not everybody reaches everybody that is no fault.
 */
export class NodeSocket implements GossipSocket {
  /** See `GossipSocket`. */
  unreachable = 0;
  /** As uint32; 0: all interfaces, or those of `interfaceName`. */
  private readonly listen: number;
  private readonly interfaceName: string | undefined;
  private port = 0;
  private onDatagram: OnDatagram = () => undefined;
  private onError: (error: Error) => void = () => undefined;
  private main: UdpSocket | undefined;
  /** Where `main` is bound; undefined on all interfaces, and before it was bound. */
  private place: Place | undefined;
  /** Sockets that receive broadcasts for `main`, which is bound to an address. */
  private ears: UdpSocket[] = [];
  private watch: NodeJS.Timeout | undefined;
  /** What was reported last: "" that all is well. */
  private trouble = "";
  private readonly unclosed = new Set<UdpSocket>();

  /**
   * @param listen IPv4 address to bind to
   * @param interfaceName the interface to whose address to bind, such as "eth0"; only without `listen`
   * @throws RangeError or TypeError ERR_OPTION when `listen` is no IPv4 address, or `interfaceName` no name
   */
  constructor(listen?: string, interfaceName?: string) {
    this.listen = listen === undefined ? 0 : checkListen(listen);
    if (interfaceName !== undefined) checkInterface(interfaceName, listen);
    this.interfaceName = interfaceName;
  }

  bind(port: number, onDatagram: OnDatagram, onError: (error: Error) => void): void {
    this.port = port;
    this.onDatagram = onDatagram;
    this.onError = onError;
    this.trouble = "";
    this.unreachable = 0;
    if (this.isEverywhere()) {
      this.main = this.open(0, false, onDatagram);
      return;
    }
    const trouble = this.move();
    this.watch = setInterval(() => this.look(), WATCH_MS);
    // Reports only when the caller's start is over.
    if (trouble !== "") setImmediate(() => this.report(trouble));
  }

  /** @throws Error when there is no open socket or the system refused a datagram before this one */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    const main = this.main;
    if (main === undefined) {
      if (this.watch === undefined) throw new Error("the socket is not open");
      return;
    }
    const targets = address === LIMITED_BROADCAST ? this.broadcastAddresses() : [address];
    let failure: unknown;
    for (const target of targets) {
      try {
        main.send(bytes, length, target, port);
      } catch (error) {
        failure = error;
      }
    }
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- It is the system's error.
    if (failure !== undefined) throw failure;
  }

  ownAddress(): number {
    if (this.listen !== 0) return this.listen;
    if (this.interfaceName === undefined) return likelyAddress(places());
    return (this.place ?? this.wanted())?.address ?? 0;
  }

  broadcastAddresses(): number[] {
    if (this.isEverywhere()) return broadcasts(places());
    const place = this.wanted();
    return place === undefined ? [] : broadcasts([place]);
  }

  resolve(name: string, callback: (address: number) => void): void {
    resolveHost(name, callback);
  }

  /** A random number, another one at each call: addresses change, and several computers can have the same one. */
  deviceId(): number {
    return randomId();
  }

  /** Closes the socket once the system has the last datagram; nothing is received any more. */
  close(): void {
    clearInterval(this.watch);
    this.watch = undefined;
    this.onError = () => undefined;
    this.release();
  }

  /** Resolves once the socket is closed, at once if it was never bound. Never rejects. */
  async closed(): Promise<void> {
    await Promise.all([...this.unclosed].map((socket) => socket.closed));
  }

  private isEverywhere(): boolean {
    return this.listen === 0 && this.interfaceName === undefined;
  }

  /** The address to be bound to, if this computer has it now; the one that is bound stays as long as it is there. */
  private wanted(): Place | undefined {
    const all = places().filter((place) => (
      this.interfaceName === undefined ? place.address === this.listen : place.name === this.interfaceName
    ));
    return all.find((place) => place.address === this.place?.address) ?? all[0];
  }

  private look(): void {
    let trouble: string;
    try {
      trouble = this.move();
    } catch (error) {
      trouble = (error as Error).message;
    }
    this.report(trouble);
  }

  /** Reports what changed: that the socket waits or cannot be bound, and that it is bound after that. */
  private report(trouble: string): void {
    if (trouble === this.trouble || this.watch === undefined) return;
    this.trouble = trouble;
    const bound = `bound to ${formatAddress(this.place?.address ?? this.listen)}`;
    this.onError(new Error(trouble === "" ? bound : trouble));
  }

  /**
   * Binds to the wanted address, unless that is done. Returns why the node waits; "" if it does not.
   *
   * @throws the system's error when the address is there and cannot be bound
   */
  private move(): string {
    const place = this.wanted();
    if (place === undefined) {
      // An address that the system does not list may be there all the same, as those of 127.0.0.0/8 are.
      if (this.main === undefined && this.listen !== 0 && this.openUnlisted()) return "";
      if (this.main !== undefined && this.place === undefined) return "";
      const missing = this.interfaceName === undefined ? `no interface has the address ${formatAddress(this.listen)}`
        : `the interface ${this.interfaceName} has no IPv4 address`;
      return `${missing}: the node waits for it`;
    }
    const before = this.place;
    if (this.main !== undefined && before?.address === place.address && before.broadcast === place.broadcast) return "";
    // An address that is the same with another netmask can only be bound when it is free.
    this.release();
    this.main = this.open(place.address, false, this.onDatagram);
    this.place = place;
    if (process.platform === "linux" && place.broadcast !== 0) this.listenToBroadcasts(place);
    return "";
  }

  /** Returns false when this computer does not have the address. */
  private openUnlisted(): boolean {
    try {
      this.main = this.open(this.listen, false, this.onDatagram);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRNOTAVAIL") return false;
      throw error;
    }
  }

  /**
   * Linux passes broadcasts only to sockets that are bound to all addresses or to
   * the broadcast address itself. A broadcast to 255.255.255.255 may come from any
   * network; only this one's count.
   */
  private listenToBroadcasts(place: Place): void {
    const { address, netmask } = place;
    const onBroadcast: OnDatagram = (bytes, length, from, port) => {
      if (((from ^ address) & netmask) === 0) this.onDatagram(bytes, length, from, port);
    };
    for (const broadcast of [place.broadcast, LIMITED_BROADCAST]) {
      try {
        this.ears.push(this.open(broadcast, true, onBroadcast));
      } catch (error) {
        // The node still hears all that is sent to its own address.
        setImmediate(() => this.onError(error as Error));
      }
    }
  }

  private open(address: number, isShared: boolean, onDatagram: OnDatagram): UdpSocket {
    const binding = { address, port: this.port, isShared };
    const socket = new UdpSocket(binding, onDatagram, (error) => this.onError(error), () => this.unreachable++);
    this.unclosed.add(socket);
    void socket.closed.then(() => this.unclosed.delete(socket));
    return socket;
  }

  private release(): void {
    for (const socket of [this.main, ...this.ears.splice(0)]) socket?.close();
    this.main = undefined;
    this.place = undefined;
  }
}

function checkListen(listen: string): number {
  if (isIPv4(listen)) return parseAddress(listen);
  const isText = typeof listen === "string";
  const problem = isText && listen.includes(":") ? "is not an IPv4 address; IPv6 is not supported"
    : 'is not an IPv4 address such as "192.168.0.54"';
  throw invalid("", "listen", `${show(listen)} ${problem}`, isText);
}

function checkInterface(name: string, listen: string | undefined): void {
  if (typeof name !== "string" || name === "") {
    throw invalid("", "interface", `${show(name)} is not the name of an interface such as "eth0"`, name === "");
  }
  if (listen === undefined) return;
  throw invalid("", "interface", `${show(name)} has no effect beside the option listen`, true);
}
