#!/usr/bin/env bash
# npm 11.19.1 and 10.8.2, Node.js 20.20.2.
#
# Input: a root package with "workspaces": [".", "cli"]. The member "." gives the workspace `cli` a link to the root,
# so that `cli` can depend on the root by its name and version.
# Expected: `npm ci` runs the script `prepare` of each package once, the root's and that of `cli`.
# Observed: `npm ci` succeeds. It runs `prepare` of the root twice, first for the link and at the end for the root
# itself, and that of `cli` once. Both runs of the root have the same working directory.
# A build in `prepare` therefore runs twice in each `npm ci`.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
expected="root 2 times, cli 1 times"
status=0

mkdir -p "$folder/project/cli"
cd "$folder/project"
cat > package.json <<'JSON'
{
  "name": "finding-root",
  "version": "1.0.0",
  "private": true,
  "workspaces": [".", "cli"],
  "scripts": { "prepare": "node -e \"require('fs').appendFileSync(process.env.FINDING_LOG, 'root ')\"" }
}
JSON
cat > cli/package.json <<'JSON'
{
  "name": "finding-cli",
  "version": "1.0.0",
  "private": true,
  "dependencies": { "finding-root": "1.0.0" },
  "scripts": { "prepare": "node -e \"require('fs').appendFileSync(process.env.FINDING_LOG, 'cli ')\"" }
}
JSON

for version in 11.19.1 10.8.2; do
  npm install --silent --no-audit --no-fund --prefix "$folder/npm-$version" "npm@$version"
  npm=(node "$folder/npm-$version/node_modules/npm/bin/npm-cli.js")
  export FINDING_LOG="$folder/log-$version"
  FINDING_LOG=/dev/null "${npm[@]}" install --silent --no-audit --no-fund
  "${npm[@]}" ci --silent --no-audit --no-fund
  count() { tr ' ' '\n' < "$FINDING_LOG" | grep -cx "$1"; }
  observed="root $(count root) times, cli $(count cli) times"
  echo "npm $version: prepare ran: $observed"
  if [ "$observed" != "$expected" ]; then
    echo "npm $version: this finding says: $expected"
    status=1
  fi
done
exit "$status"
