// node desktop-hosts-file.js FILE [PIDFILE]: writes the hosts of all routers into FILE, for `hooks:` of chisme gateway,
// and has dnsmasq, whose process id is in PIDFILE, read it.
import { readFileSync, renameSync, writeFileSync } from "node:fs";

const [, , file, pidFile] = process.argv;
/** What others share goes into a file that another program reads. */
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$/;
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;

/** For each host what each router set, the oldest first: of a host that moved, the later one counts. */
const hosts = JSON.parse(readFileSync(0, "utf8"));
const lines = [];
for (const [name, contributions] of Object.entries(hosts)) {
  const address = String(contributions.at(-1).value);
  if (HOST_NAME.test(name) && ADDRESS.test(address)) lines.push(`${address} ${name}\n`);
}
// A reader sees the old file or the new one.
writeFileSync(`${file}.new`, lines.sort().join(""));
renameSync(`${file}.new`, file);

if (pidFile !== undefined) {
  try {
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGHUP");
  } catch (error) {
    // It reads the file when it starts. ESRCH: it ended, and the file of its id stayed.
    if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error;
  }
}
