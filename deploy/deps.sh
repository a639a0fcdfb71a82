#!/usr/bin/env bash
# Installs what is missing, and only that: deps.sh build|run|test|bench|failover|tokens|testssl|fuzz|profile|lint ...
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build pkg-config ccache curl libuv1-dev node-llhttp picojson-dev libcli11-dev libspdlog-dev libfmt-dev prometheus-cpp-dev zlib1g-dev libssl-dev libargon2-dev liblmdb-dev libsqlite3-dev libcurl4-openssl-dev"
  [run]="curl haproxy"
  [test]="haproxy apache2-utils openssl libgtest-dev librapidcheck-dev python3 prometheus"
  [bench]="libbenchmark-dev libnghttp2-dev etcd-server etcd-client"
  [failover]="python3 etcd-server iproute2 nftables"
  [tokens]="python3 nginx wrk"
  [testssl]="testssl.sh curl python3"
  [fuzz]="clang-19 libclang-rt-19-dev llvm-19"
  [profile]="python3 linux-perf"
  [lint]="clang-19 clang-format-19 clang-tidy-19 shellcheck"
)

missing=()
for group in "$@"; do
  for package in ${groups[$group]:?unknown group $group; use build, run, test, bench, failover, tokens, testssl, fuzz, profile or lint}; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
done
# Tests take real programs from npm, wherever that comes from; Debian's package of it is large.
if [[ " $* " == *" test "* ]] && ! command -v npm >/dev/null; then missing+=(npm); fi
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "These packages are missing and need root to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
# The lists may be old or absent on a fresh machine; services must not start by themselves.
"${as_root[@]}" apt-get update -qq
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
  made_policy=1
fi
status=0
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/patronus-deps.log 2>&1 || status=$?
[ -n "$made_policy" ] && "${as_root[@]}" rm -f "$policy"
if [ "$status" -ne 0 ]; then
  tail -20 /tmp/patronus-deps.log >&2
  echo "Installing packages failed" >&2
fi
exit "$status"
