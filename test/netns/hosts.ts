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

  constructor() {
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

  /** Gives an interface an address such as "10.77.0.11/24", and switches it on. */
  address(host: string, device: string, address: string): void {
    this.ip(host, "addr", "add", address, "broadcast", "+", "dev", device);
    this.ip(host, "link", "set", device, "up");
  }

  /** `chisme node …` on a host, with lines of JSON. */
  node(host: string, ...args: string[]): NodeProcess {
    return NodeProcess.within(["ip", "netns", "exec", this.prefix + host], "--json", "--interval", "300",
      "--feed-bytes", "0", ...args);
  }

  /** A program in JavaScript on a host, with the packages of this project. The caller ends it. */
  program(host: string, code: string): ChildProcess {
    const command = [process.execPath, "--input-type=module", "--eval", code];
    return spawn("ip", ["netns", "exec", this.prefix + host, ...command], { stdio: "inherit" });
  }

  /** Removes all hosts, with their interfaces. Their processes must have ended. */
  remove(): void {
    for (const name of this.names) ip("netns", "del", this.prefix + name);
    this.names.clear();
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
