#!/usr/bin/env bash
# mocha 12.0.3 and 11.7.5, tsx 4.23.15, TypeScript sources, Node.js 20.20.2.
#
# Input: a package with "type": "module", whose test and source are TypeScript. mocha runs with `--node-option import=tsx`.
# Expected: the files are ES modules, as for `node --import tsx test.ts`, which runs beside it.
# Observed: under mocha both files are CommonJS: `module` exists, they are in the cache of `require`, and each constant
# that the source exports is a getter. Nothing is printed about it, and `import.meta.url` works.
# Cause: mocha tries `require()` first. It fails for an ES module on older Node.js only; since 20.19 tsx's hook for
# `require` gets the file, and rewrites it. So tests run another program than users do. Loops that read imported
# constants call a getter each time: simulations took 2 to 4 times as long.
# With `--no-experimental-require-module` mocha loads both as ES modules.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
status=0

cd "$folder"
mkdir 11 12
cat > test.ts <<'TS'
import { createRequire } from "node:module";
import { LIMIT } from "./source.js";

const cache = createRequire(import.meta.url).cache;
const source = Object.entries(cache).find(([file]) => file.endsWith("source.ts"))?.[1];
const constant = source && Object.getOwnPropertyDescriptor(source.exports, "LIMIT");
const kind = typeof module === "object" ? "CommonJS" : "ES module";
const how = constant === undefined ? "not in the cache of require" : constant.get ? "a getter" : "a property";
console.log(`observed: test is ${kind}, LIMIT (${LIMIT}) is ${how}`);
if (typeof it === "function") it("runs", () => {});
TS
echo 'export const LIMIT: number = 7;' > source.ts
as_commonjs="test is CommonJS, LIMIT (7) is a getter"
as_module="test is ES module, LIMIT (7) is not in the cache of require"

check() { # what is run, what it should print, command
  local what="$1" expected="$2" observed
  shift 2
  observed="$("$@" | sed -n 's/^observed: //p')"
  echo "$what: $observed"
  if [ "$observed" != "$expected" ]; then
    echo "$what: this finding says: $expected"
    status=1
  fi
}

for mocha in 12.0.3 11.7.5; do
  cd "$folder/${mocha%%.*}"
  echo '{ "name": "finding", "version": "1.0.0", "private": true, "type": "module" }' > package.json
  cp ../test.ts ../source.ts .
  npm install --silent --no-audit --no-fund "mocha@$mocha" tsx@4.23.15
  check "node alone" "$as_module" node --import tsx test.ts
  check "mocha $mocha" "$as_commonjs" npx mocha --node-option import=tsx test.ts
  check "mocha $mocha without require of modules" "$as_module" \
    npx mocha --node-option import=tsx,no-experimental-require-module test.ts
done
exit "$status"
