#!/usr/bin/env bash
# Installs a real VS Code, npm's code-server, which shows it in a browser, for tests/e2e/test_vscode.py.
# Usage: install-code-server.sh [DIR]      by default the folder `code-server` beside this file
# Only what the tests need is built: of VS Code's native modules those that it does not start without.
set -euo pipefail
dir=${1:-$(cd "$(dirname "$0")" && pwd)/code-server}
major=$(node -p 'parseInt(process.versions.node)')
case $major in
  20) version=4.100.3 ;; # VS Code 1.100, the newest for Node 20
  22) version=4.110.0 ;;
  24) version=4.139.1 ;;
  *) echo "code-server takes Node 20, 22 or 24, not $major" >&2; exit 2 ;;
esac
if [ -f "$dir/.installed-$version" ]; then exit 0; fi
mkdir -p "$dir"
cd "$dir"
[ -f package.json ] || echo "{\"private\": true}" > package.json # or npm would install into a folder above
gyp="node $(npm root -g)/npm/node_modules/node-gyp/bin/node-gyp.js"
prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
headers=()
if [ -f "$prefix/include/node/node.h" ]; then headers=("--nodedir=$prefix"); fi # else node-gyp fetches them

# npm 11 runs no install scripts unasked, and some of these need more than the tests do: none is run.
npm install --no-audit --no-fund --no-save --ignore-scripts --no-progress --loglevel=error "code-server@$version"
server=$dir/node_modules/code-server
(cd "$dir/node_modules/argon2" && ../.bin/node-pre-gyp rebuild --build-from-source "${headers[@]}" >/dev/null 2>&1)
(cd "$server/lib/vscode" && npm install --no-audit --no-fund --omit=dev --ignore-scripts --no-progress --loglevel=error)
for module in @parcel/watcher @vscode/spdlog native-watchdog node-pty; do
  (cd "$server/lib/vscode/node_modules/$module" && $gyp rebuild --silent "${headers[@]}" >/dev/null)
done
ln -sfn node_modules "$server/lib/vscode/node_modules.asar"
touch "$dir/.installed-$version"
