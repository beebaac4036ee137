import { writeFileSync } from "node:fs";
import { ConfigError } from "./config.js";

export const INITIAL_CONFIG = `# Configuration of chisme gateway. docs/GATEWAY.md describes each field.
# Check it:  chisme gateway --check gateway.yaml
# Run it:    chisme gateway gateway.yaml
# Paths count from the folder of this file. After a change: kill -HUP.

# Folder of the node: its id, its events, the feeds of all others. One process for each folder.
storage: gateway

# Name of this site, for other sites.
# site: home

# As the flags of chisme node.
node:
  name: gateway
  # listen: 192.168.0.5:5000
  # seed: [192.168.0.54, "192.168.0.60:5001"]
  # network: home
  # keyFile: /run/secrets/chisme-key   # or keyEnv: NAME_OF_A_VARIABLE
  # capacity: 1024                     # rows of nodes
  # signed: true                       # signs events, and takes only signed ones, as docs/SIGNING.md says
  # owner: network-card                # who may take part: a card file, or the owner's public key

# The database. Without this section it is gateway.db in the storage folder.
sqlite:
  file: readings.db
  # retention:        # without it nothing is removed
  #   days: 365
  #   megabytes: 2000

# Shows the node over HTTP, as docs/HTTP.md says. Addresses that other computers reach need a token.
# http:
#   listen: 127.0.0.1:8600
#   tokenFile: /run/secrets/chisme-token
#   write: true                        # requests may publish events and values

# Carries nodes, values and events to an MQTT broker, and commands from it.
# mqtt:
#   url: mqtt://192.168.0.2        # mqtts:// for TLS
#   user: chisme
#   passwordFile: /run/secrets/mqtt-password
#   homeAssistant: true            # Home Assistant finds the nodes by itself

# Joins this site to others through NATS JetStream, as docs/SITES.md says. It needs the name above: site.
# sites:
#   servers: ["nats://192.168.0.2", "nats://192.168.0.3"]   # tls:// for TLS
#   user: home
#   passwordFile: /run/secrets/nats-password
#   replicas: 3                    # servers that hold the stream
#   import: [+hosts, voucher]      # topics of other sites that come into this network

# Runs when the values of a topic change. The command gets all of them as JSON on standard input.
# hooks:
#   +hosts:
#     command: [/usr/local/bin/write-hosts, /etc/dnsmasq.hosts]
#     timeoutSeconds: 30
#   voucher:
#     url: http://127.0.0.1:3000/vouchers

# Runs commands, and sets each key of the JSON object that they print.
# publish:
#   - topic: +hosts
#     everySeconds: 60
#     command: [/usr/local/bin/read-leases]
#     ttlSeconds: 7200
`;

/** @throws ConfigError when there is such a file already, or it cannot be written */
export function writeInitialConfig(file: string): void {
  try {
    writeFileSync(file, INITIAL_CONFIG, { flag: "wx" });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    const why = isThere ? `${file} is there already, and stays as it is` : (error as Error).message;
    throw new ConfigError(`--init: ${why}`);
  }
}
