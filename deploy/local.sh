#!/usr/bin/env bash
# A three-node cluster on this machine, under .run/: local.sh run|start NODE|restart NODE|stop
#   DETACH=1  run returns once all nodes are ready      FRESH=1  run begins with empty data
#   PLAIN=1   run also opens plain HTTP on 8081-8083, for measurements
set -euo pipefail
cd "$(dirname "$0")/.."

nodes=(dashboard1 dashboard2 dashboard3)
peers="dashboard1=127.0.0.1:7443,dashboard2=127.0.0.1:7444,dashboard3=127.0.0.1:7445"

fail() { echo "$*" >&2; exit 1; }

number_of() {
  case "$1" in
    dashboard1) echo 1 ;;
    dashboard2) echo 2 ;;
    dashboard3) echo 3 ;;
    *) fail "NODE='$1' is not a node; use dashboard1, dashboard2 or dashboard3" ;;
  esac
}

url_of() { echo "https://127.0.0.1:$((8442 + $(number_of "$1")))"; }

# curl that trusts the cluster's own authority.
ask() { curl -s --cacert .run/tls/ca.crt "$@"; }

# Certificates as an operator makes them, on first use; those that are about to end are renewed.
make_certificates() {
  local node code tls=.run/tls ctl=build/patronusctl
  [ -e "$tls/cluster-secret" ] || "$ctl" tls init --dir "$tls" >/dev/null
  for node in "${nodes[@]}"; do
    if [ ! -e "$tls/$node.crt" ]; then
      "$ctl" tls issue --dir "$tls" --node "$node" --name localhost --name 127.0.0.1 --name ::1 >/dev/null
      continue
    fi
    code=0
    "$ctl" tls show "$tls/$node.crt" >/dev/null || code=$?
    if [ "$code" -eq 3 ]; then "$ctl" tls renew --dir "$tls" --node "$node" >/dev/null; fi
  done
}

# A process id counts only if it still is a node: ids are given out again.
is_running() {
  local pid
  pid=$(cat ".run/$1.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = patronusd ]
}

start_node() {
  local node=$1 number plain=off
  number=$(number_of "$node")
  is_running "$node" && return 0
  mkdir -p ".run/$node"
  if [ -e .run/plain ]; then plain="127.0.0.1:808$number"; fi
  env -u PATRONUS_CONFIG PATRONUS_NODE_ID="$node" PATRONUS_NODE_ADDR="127.0.0.1:$((8442 + number))" \
    PATRONUS_LISTEN_PLAIN="$plain" PATRONUS_TLS_CERT=".run/tls/$node.crt" PATRONUS_TLS_KEY=".run/tls/$node.key" \
    PATRONUS_PEER_ADDR="127.0.0.1:$((7442 + number))" PATRONUS_PEERS="$peers" PATRONUS_PEER_CA=.run/tls/ca.crt \
    PATRONUS_CLUSTER_SECRET_FILE=.run/tls/cluster-secret PATRONUS_DATA_DIR=".run/$node/raft" \
    setsid build/patronusd >>".run/$node/log" 2>&1 </dev/null &
  echo $! >".run/$node.pid"
}

stop_node() {
  local node=$1 pid waited=0
  is_running "$node" || return 0
  pid=$(cat ".run/$node.pid")
  kill -TERM "$pid"
  while is_running "$node"; do
    sleep 0.05
    waited=$((waited + 1))
    if [ "$waited" -gt 200 ]; then
      echo "$node did not stop in ten seconds; it is killed" >&2
      kill -KILL "$pid"
    fi
  done
  rm -f ".run/$node.pid"
}

wait_ready() {
  local node waited=0
  for node in "$@"; do
    until ask -f -o /dev/null --max-time 2 "$(url_of "$node")/health/ready"; do
      is_running "$node" || fail "$node ended; its log ends with: $(tail -n 2 ".run/$node/log")"
      sleep 0.05
      waited=$((waited + 1))
      [ "$waited" -gt 1200 ] && fail "$node is not ready after a minute: $(ask "$(url_of "$node")/health/ready")"
    done
  done
  return 0
}

stop_all() {
  local node
  for node in "${nodes[@]}"; do stop_node "$node"; done
}

show_cluster() {
  echo
  for node in "${nodes[@]}"; do
    echo "  $node  $(url_of "$node")$([ -e .run/plain ] && echo "  http://127.0.0.1:808$(number_of "$node")")"
  done
  cat <<EOF

  write   curl --cacert .run/tls/ca.crt -X PUT https://127.0.0.1:8443/api/v1/state/demo/greeting -d hello
  read    curl --cacert .run/tls/ca.crt https://127.0.0.1:8445/api/v1/state/demo/greeting
  status  curl --cacert .run/tls/ca.crt https://127.0.0.1:8444/api/v1/cluster/status
  certificates are in .run/tls/, data and logs in .run/
EOF
}

run() {
  local node
  command -v curl >/dev/null || fail "curl is missing; install it with apt-get install curl"
  if [ -n "${FRESH:-}" ]; then
    stop_all
    rm -rf .run
  fi
  mkdir -p .run
  rm -f .run/plain
  if [ -n "${PLAIN:-}" ]; then touch .run/plain; fi
  make_certificates
  for node in "${nodes[@]}"; do start_node "$node"; done
  if [ -z "${DETACH:-}" ]; then trap 'echo; echo "stopping"; stop_all; exit 0' INT TERM; fi
  wait_ready "${nodes[@]}"
  echo "Three nodes are ready."
  show_cluster
  [ -n "${DETACH:-}" ] && return 0
  echo "  Ctrl-C ends the cluster; the data stays for the next run."
  while :; do
    for node in "${nodes[@]}"; do
      if [ -e ".run/$node.pid" ] && ! is_running "$node"; then
        echo "$(date +%H:%M:%S) $node has ended; bring it back with: make start NODE=$node"
        rm -f ".run/$node.pid"
      fi
    done
    sleep 0.5
  done
}

case "${1:-}" in
  run) run ;;
  start)
    [ -n "${2:-}" ] || fail "say which node: make start NODE=dashboard2"
    number_of "$2" >/dev/null
    start_node "$2"
    wait_ready "$2"
    echo "$2 is ready"
    ;;
  restart)
    [ -n "${2:-}" ] || fail "say which node: make restart NODE=dashboard2"
    number_of "$2" >/dev/null
    stop_node "$2"
    start_node "$2"
    wait_ready "$2"
    echo "$2 is ready"
    ;;
  stop) stop_all && echo "stopped" ;;
  *) fail "usage: deploy/local.sh run|start NODE|restart NODE|stop" ;;
esac
