/** From the names of `Gossip`'s options to those of the command line. */
const FLAGS = new Map([
  ["listen", "--listen"],
  ["interface", "--interface"],
  ["port", "--listen port"],
  ["dialect", "--dialect"],
  ["serial", "--serial"],
  ["serialBytesMax", "--serial-bytes"],
  ["udp", "--listen none"],
  ["network", "--network"],
  ["trustedSubnets", "--trusted-subnets"],
  ["advertise", "--advertise"],
  ["seedList", "--seed"],
  ["roundIntervalMs", "--interval"],
  ["id", "--id"],
  ["newId", "--new-id"],
  ["name", "--name"],
  ["version", "--node-version"],
  ["capacity", "--capacity"],
  ["neighboursMax", "--neighbours"],
  ["datagramBytesMax", "--datagram-bytes"],
  ["valueBytesMax", "--value-bytes"],
  ["removeAfterMs", "--remove-after"],
  ["events.bytes", "--feed-bytes"],
  ["events.eventBytesMax", "--event-bytes"],
  ["broadcastAddress", "--broadcast"],
  ["key", "--key-file"],
  ["otherKey", "--other-key-file"],
  ["allowUnsealed", "--allow-unsealed"],
]);

/**
 * Puts flags in place of the names of `Gossip`'s options in an error's message: at
 * its start, as in "roundIntervalMs: 5 is not…", and in the parentheses at its
 * end, as in "(105 less than datagramBytesMax)".
 */
export function inFlags(message: string): string {
  const inPlace = message
    .replace("allowUnsealed must be true", "--allow-unsealed is needed")
    .replace("beside the option id", "beside --id")
    .replace("without the option serial", "without --serial")
    .replace("none of the trustedSubnets", "none of the --trusted-subnets")
    .replace(/\([^()]*\)$/, (limit) => limit.replace(/[\w.]+/g, flagOf));
  return inPlace.replace(/^([\w.]+)(\[\d+\])?(?=:)/, (text, name: string) => FLAGS.get(name) ?? text);
}

function flagOf(name: string): string {
  return FLAGS.get(name) ?? name;
}
