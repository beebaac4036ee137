#!/usr/bin/env bash
# npm 11.19.1 and 10.8.2, @leichtgewicht/ip-codec 2.0.5 (multicast-dns 7.2.5 depends on it), Node.js 20.20.2.
#
# Input: a package that npm has installed from the registry, ready to run, is installed into a second project from its
# folder under node_modules, with --install-links: npm packs the folder, as if it came from a registry.
# Expected: the second project gets the same files. No script of the package runs, as none ran at the first install.
# Observed: npm runs the package's script `prepare` in the first project's node_modules. The script of this package
# calls npx, which needs the registry. So `npm install --offline` of an installed package fails. npm 10.8.2 runs the
# script even with --ignore-scripts; npm 11.19.1 does not.
# A test that installs from its clone, without network, has to take the scripts out of the copies that it installs.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
expected_in() {
  local ignoring="good"
  if [ "$1" = 10.8.2 ]; then ignoring="failed in prepare"; fi
  echo "first install good, from its folder failed in prepare, with --ignore-scripts $ignoring"
}
status=0

for version in 11.19.1 10.8.2; do
  npm install --silent --no-audit --no-fund --prefix "$folder/npm-$version" "npm@$version"
  npm=(node "$folder/npm-$version/node_modules/npm/bin/npm-cli.js")
  first="$folder/first-$version"
  mkdir -p "$first"
  cd "$first"
  echo '{ "private": true }' > package.json
  "${npm[@]}" install --silent --no-audit --no-fund @leichtgewicht/ip-codec@2.0.5
  node -e 'require("@leichtgewicht/ip-codec")'
  observed="first install good"
  # An empty cache: what an earlier run of npx left there would hide that the script needs the registry.
  for flags in "" "--ignore-scripts"; do
    second="$folder/second-$version$flags"
    mkdir -p "$second"
    cd "$second"
    echo '{ "private": true }' > package.json
    log="$second/log"
    # shellcheck disable=SC2086
    if "${npm[@]}" install --offline --install-links --no-audit --no-fund --cache "$second/cache" $flags \
      "$first/node_modules/@leichtgewicht/ip-codec" > "$log" 2>&1; then
      result="good"
    elif grep -q "npx @leichtgewicht/esm2umd" "$log"; then
      result="failed in prepare"
    else
      result="failed otherwise"
    fi
    if [ -z "$flags" ]; then observed="$observed, from its folder $result"; else observed="$observed, with $flags $result"; fi
  done
  echo "npm $version: $observed"
  if [ "$observed" != "$(expected_in "$version")" ]; then
    echo "npm $version: this finding says: $(expected_in "$version")"
    status=1
  fi
done
exit "$status"
