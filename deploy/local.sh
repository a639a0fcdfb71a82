#!/usr/bin/env bash
# A three-node cluster on this machine, under .run/: local.sh run|start NODE|restart NODE|stop
#   DETACH=1  run returns once all nodes are ready      FRESH=1  run begins with empty data
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

url_of() { echo "http://127.0.0.1:808$(number_of "$1")"; }

# A process id counts only if it still is a node: ids are given out again.
is_running() {
  local pid
  pid=$(cat ".run/$1.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = patronusd ]
}

start_node() {
  local node=$1 number
  number=$(number_of "$node")
  is_running "$node" && return 0
  mkdir -p ".run/$node"
  env -u PATRONUS_CONFIG PATRONUS_NODE_ID="$node" PATRONUS_LISTEN_PLAIN="127.0.0.1:808$number" \
    PATRONUS_PEER_ADDR="127.0.0.1:$((7442 + number))" PATRONUS_PEERS="$peers" PATRONUS_DATA_DIR=".run/$node/raft" \
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
    until curl -fs -o /dev/null --max-time 2 "$(url_of "$node")/health/ready"; do
      is_running "$node" || fail "$node ended; its log ends with: $(tail -n 2 ".run/$node/log")"
      sleep 0.05
      waited=$((waited + 1))
      [ "$waited" -gt 1200 ] && fail "$node is not ready after a minute: $(curl -s "$(url_of "$node")/health/ready")"
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
  for node in "${nodes[@]}"; do echo "  $node  $(url_of "$node")"; done
  cat <<EOF

  write   curl -X PUT http://127.0.0.1:8081/api/v1/state/demo/greeting -d hello
  read    curl http://127.0.0.1:8083/api/v1/state/demo/greeting
  status  curl http://127.0.0.1:8082/api/v1/cluster/status
  data and logs are in .run/
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
