#!/usr/bin/env bash
# tsx 4.23.15, Node.js 20.20.2.
#
# Input: a function that returns an object literal with three arrow functions; 20,000 such objects are kept. It runs as
# JavaScript on Node.js alone, and the same with a type as TypeScript under `node --import tsx`.
# Expected: types are removed, so both take the same memory.
# Observed: an object takes four times as many bytes under tsx. The JavaScript file takes no more under tsx.
# Cause: tsx has esbuild keep the names of functions. Each time the literal is evaluated, a call of
# `Object.defineProperty` sets the name of each function in it. V8 then keeps the properties of that function in a
# dictionary of its own. Methods of classes are named once, and take nothing more.
# So memory that is measured under tsx, or a program that runs so, is not that of the compiled program.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "name": "finding", "version": "1.0.0", "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund tsx@4.23.15

program() { # type of the result
  cat <<TS
function make()$1 {
  let n = 0;
  return { next: () => n++, value: () => n, twice: () => 2 * n };
}
const COUNT = 20000;
const kept = new Array(COUNT).fill(undefined);
for (let i = 0; i < 100; i++) kept[i] = make();
globalThis.gc();
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < COUNT; i++) kept[i] = make();
globalThis.gc();
console.log(Math.round((process.memoryUsage().heapUsed - before) / kept.length));
TS
}
program "" > plain.mjs
program ": { next: () => number; value: () => number; twice: () => number }" > typed.mts

plain="$(node --expose-gc plain.mjs)"
under="$(node --expose-gc --import tsx plain.mjs)"
typed="$(node --expose-gc --import tsx typed.mts)"
echo "bytes an object: JavaScript $plain, JavaScript under tsx $under, TypeScript under tsx $typed"
if ((typed < 3 * plain || under > plain * 3 / 2)); then
  echo "this finding says: TypeScript under tsx takes four times as much, JavaScript the same"
  exit 1
fi
