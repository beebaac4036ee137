#!/usr/bin/env bash
# TypeDoc 0.28.20 with TypeScript 5.9.3, Node.js 20.20.2.
#
# Input: a package with "workspaces": [".", "cli"], which npm accepts, and a TypeDoc configuration with
# "entryPointStrategy": "packages" and "entryPoints": [".", "cli"].
# Expected: TypeDoc writes the pages of both packages, or it reports a wrong option.
# Observed: TypeDoc stops with "RangeError: Maximum call stack size exceeded". With "workspaces": ["cli"] it does not
# overflow. TypeDoc replaces a package by the members of its workspaces, and looks for the workspaces of each member:
# "." leads to the same package again.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

mkdir cli
for package in . cli; do
  echo 'export const answer = 42;' > "$package/index.ts"
  echo '{ "files": ["index.ts"] }' > "$package/tsconfig.json"
done
echo '{ "name": "finding-cli", "version": "1.0.0", "private": true }' > cli/package.json
echo '{ "entryPoints": ["index.ts"] }' > cli/typedoc.json
cat > typedoc.json <<'JSON'
{ "entryPointStrategy": "packages", "entryPoints": [".", "cli"], "out": "pages" }
JSON

manifest() {
  echo "{ \"name\": \"finding-root\", \"version\": \"1.0.0\", \"private\": true, \"workspaces\": $1 }" > package.json
}

manifest '[]'
npm install --silent --no-audit --no-fund --no-save typedoc@0.28.20 typescript@5.9.3
status=0
for workspaces in '["cli"]' '[".", "cli"]'; do
  manifest "$workspaces"
  output="$(npx --no-install typedoc 2>&1 || true)"
  overflow=no
  if grep -q "Maximum call stack size exceeded" <<<"$output"; then overflow=yes; fi
  echo "workspaces $workspaces: stack overflow: $overflow"
  expected=no
  if [ "$workspaces" = '[".", "cli"]' ]; then expected=yes; fi
  if [ "$overflow" != "$expected" ]; then
    echo "this finding says: $expected"
    echo "$output"
    status=1
  fi
done
exit "$status"
