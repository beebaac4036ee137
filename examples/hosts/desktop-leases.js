// node desktop-leases.js LEASEFILE: prints dnsmasq's leases as one JSON object, for `publish:` of chisme gateway.
import { readFileSync } from "node:fs";

const [, , leaseFile] = process.argv;
/** A line of dnsmasq: when it ends, hardware address, IP address, name or "*", client. */
const LEASE = /^\d+ \S+ (\d{1,3}(?:\.\d{1,3}){3}) ([a-z0-9](?:[a-z0-9-]{0,29}[a-z0-9])?)( |$)/i;

const hosts = new Map();
for (const line of readFileSync(leaseFile, "utf8").split("\n")) {
  const [, address, name] = LEASE.exec(line) ?? [];
  if (name !== undefined) hosts.set(name.toLowerCase(), address);
}
console.log(JSON.stringify(Object.fromEntries(hosts)));
