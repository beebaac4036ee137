import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { NodeProcess } from "../desktop/cli/node-process.js";

let made = 0;

/** Whether this process may make network namespaces: it is root on Linux, with the command `ip` of iproute2. */
export function canMakeHosts(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const name = `chisme-${process.pid}-probe`;
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return true;
  } catch {
    return false;
  }
}

/** Hosts that are network namespaces, on switches that are bridges in one more namespace. Removed by `remove`. */
export class Hosts {
  private readonly prefix = `chisme-${process.pid}-${made++}-`;
  private readonly names = new Set<string>();
  private cables = 0;
  /** For a run that ends before `remove`. */
  private readonly onExit = (): void => this.remove();

  constructor() {
    process.once("exit", this.onExit);
    this.host("switches");
  }

  /** A host without cables. */
  host(name: string): void {
    ip("netns", "add", this.prefix + name);
    this.names.add(name);
    this.ip(name, "link", "set", "lo", "up");
  }

  /** `ip …` in a host. */
  ip(host: string, ...args: string[]): void {
    ip("-netns", this.prefix + host, ...args);
  }

  switch(name: string): void {
    this.ip("switches", "link", "add", name, "type", "bridge");
    this.ip("switches", "link", "set", name, "up");
  }

  /** Adds an interface to a host, and a cable from it to a switch. The interface is down and has no address. */
  cable(host: string, device: string, toSwitch: string): void {
    const end = `cable${this.cables++}`;
    this.ip("switches", "link", "add", end, "type", "veth", "peer", "name", device, "netns", this.prefix + host);
    this.ip("switches", "link", "set", end, "master", toSwitch, "up");
  }

  /**
   * A cable between two hosts. Each end has the name of the other host, the address of
   * its own host, and a route to the address of the other one and to no other address.
   * A host with several such cables has one address on all of them, as routers of
   * meshes do, and passes nothing on.
   */
  link(host: string, address: string, peer: string, peerAddress: string): void {
    this.ip(host, "link", "add", peer, "type", "veth", "peer", "name", host, "netns", this.prefix + peer);
    this.ip(host, "addr", "add", address, "peer", `${peerAddress}/32`, "dev", peer);
    this.ip(peer, "addr", "add", peerAddress, "peer", `${address}/32`, "dev", host);
    this.ip(host, "link", "set", "dev", peer, "up");
    this.ip(peer, "link", "set", "dev", host, "up");
  }

  /** Whether a host has a route to an address. */
  hasRoute(host: string, address: string): boolean {
    try {
      this.ip(host, "route", "get", address);
      return true;
    } catch {
      return false;
    }
  }

  /** Gives an interface an address such as "10.77.0.11/24", and switches it on. */
  address(host: string, device: string, address: string): void {
    this.ip(host, "addr", "add", address, "broadcast", "+", "dev", device);
    this.ip(host, "link", "set", device, "up");
  }

  /** What stands in front of a command so that it runs on a host. */
  wrapper(host: string): string[] {
    return ["ip", "netns", "exec", this.prefix + host];
  }

  /** `chisme node …` on a host, with lines of JSON. */
  node(host: string, ...args: string[]): NodeProcess {
    return NodeProcess.within(this.wrapper(host), "--json", "--interval", "300",
      "--feed-bytes", "0", ...args);
  }

  /** A program in JavaScript on a host, with the packages of this project. The caller ends it. */
  program(host: string, code: string): ChildProcess {
    return spawn("ip", this.programOn(host, code), { stdio: "inherit" });
  }

  /** What a program on a host prints until it ends; it may import this project's modules, from the project's folder. */
  output(host: string, code: string): string {
    return execFileSync("ip", this.programOn(host, code), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  }

  /** Removes all hosts, with their interfaces. Their processes must have ended. */
  remove(): void {
    process.removeListener("exit", this.onExit);
    const problems: unknown[] = [];
    for (const name of this.names) {
      try {
        ip("netns", "del", this.prefix + name);
      } catch (error) {
        problems.push(error);
      }
    }
    this.names.clear();
    if (problems.length > 0) throw new AggregateError(problems, "hosts that cannot be removed");
  }

  private programOn(host: string, code: string): string[] {
    const command = [process.execPath, "--import", "tsx", "--input-type=module", "--eval", code];
    return ["netns", "exec", this.prefix + host, ...command];
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
