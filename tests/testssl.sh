#!/usr/bin/env bash
# What testssl.sh finds at a node's HTTPS and at HAProxy's, as `make run` starts them. Exit code 1 if anything is above
# LOW. A cluster that runs is used as it is; else one is started, and ended afterwards. Options for testssl may follow.
set -euo pipefail
cd "$(dirname "$0")/.."

found=$(mktemp -d)
started=
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
  rm -rf "$found"
  if [ -n "$started" ]; then deploy/local.sh stop >/dev/null; fi
}
trap cleanup EXIT

if ! curl -sf -o /dev/null --max-time 2 --cacert .run/tls/ca.crt https://127.0.0.1:8440/health/ready; then
  started=1
  DETACH=1 deploy/local.sh run >/dev/null
fi

code=0
for door in "a node:8443" "HAProxy:8440"; do
  what=${door%:*} port=${door##*:}
  echo "== $what, localhost:$port"
  json=$found/$port.json
  # Its exit code counts findings of every kind, so the file is what is judged.
  testssl --ip 127.0.0.1 --add-ca .run/tls/ca.crt --warnings batch --quiet --color 0 --jsonfile "$json" "$@" \
    "https://localhost:$port" >"$found/$port.log" 2>&1 || true
  python3 tests/testssl_findings.py "$json" || { code=1; tail -n 5 "$found/$port.log"; }
done
exit "$code"
