#!/usr/bin/env bash
# Three nodes and HAProxy in front of them on this machine, all under .run/: local.sh run|start NODE|restart NODE|stop
#   DETACH=1  run returns once all nodes are ready        FRESH=1  run begins with empty data
#   PLAIN=1   run also opens plain HTTP on 8081-8083      ADMIN_EMAIL, ADMIN_PASSWORD  run makes the first administrator
#   PATRONUS_BACKUP_TARGETS  where the database's copies go; off: nowhere. Without it .run/backup
set -euo pipefail
umask 077 # secrets and the setup token are in what is written here
cd "$(dirname "$0")/.."

nodes=(dashboard1 dashboard2 dashboard3)
peers="dashboard1=127.0.0.1:7443,dashboard2=127.0.0.1:7444,dashboard3=127.0.0.1:7445"
front=https://127.0.0.1:8440
list_url=https://localhost:8440/pki/ca.crl # as certificates say; HAProxy and the nodes serve it
statistics=http://127.0.0.1:8404/stats
stop_seconds=40 # a node that drains takes its grace and what its clients still wait for

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

# A certificate of patronusctl, on first use; one that is about to end, or is revoked, is renewed.
make_certificate() {
  local file=$1 code=0 tls=.run/tls
  shift
  if [ ! -e "$file" ]; then
    build/patronusctl tls issue --dir "$tls" "$@" --name localhost --name 127.0.0.1 --name ::1 >/dev/null
    return 0
  fi
  build/patronusctl tls show "$file" "$tls/ca.crl" >/dev/null || code=$?
  if [ "$code" -eq 3 ]; then build/patronusctl tls renew --dir "$tls" "$@" >/dev/null; fi
}

make_certificates() {
  local node
  [ -e .run/tls/cluster-secret ] || build/patronusctl tls init --dir .run/tls --crl-url "$list_url" >/dev/null
  # An authority of an earlier version has no list of revoked certificates.
  [ -e .run/tls/ca.crl ] || build/patronusctl tls crl --dir .run/tls >/dev/null 2>&1
  for node in "${nodes[@]}"; do make_certificate ".run/tls/$node.crt" --node "$node"; done
  make_certificate .run/tls/localhost.pem --host localhost
}

# Processes. Each has its id in .run/NAME.pid; .run/NAME.down says that it is down on purpose.

# An id counts only if it still is that program's and no zombie: ids are given out again.
is_running() {
  local pid program=patronusd status
  case "$1" in
    haproxy) program=haproxy ;;
    *.backup) program=patronusctl ;;
  esac
  pid=$(cat ".run/$1.pid" 2>/dev/null) || return 1
  status=$(cat "/proc/${pid:-none}/status" 2>/dev/null) || return 1
  [[ $status == Name:*$program$'\n'* && ! $status =~ State:[[:space:]]*Z ]]
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The ports of one of ours that is not running must be free.
check_ports() {
  local name=$1 port
  shift
  is_running "$name" && return 0
  for port in "$@"; do
    if is_taken "$port"; then
      fail "port $port, which $name needs, is in use by another program; end that one (ss -ltnp 'sport = :$port' names it)"
    fi
  done
}

ports_of() {
  local number
  number=$(number_of "$1")
  echo $((8442 + number)) $((7442 + number))
  if [ -e .run/plain ]; then echo $((8080 + number)); fi
}

# Two commands at once must not start the same one twice.
under_lock() {
  local code=0
  exec 8>.run/lock
  flock 8
  "$@" 8>&- || code=$?
  exec 8>&-
  return "$code"
}

launch() {
  local name=$1 log=$2 pid comm
  shift 2
  setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid" >".run/$name.pid"
  # Until the program itself runs under this id, is_running can't tell it from somebody else's.
  while comm=$(cat "/proc/$pid/comm" 2>/dev/null) && [[ $comm =~ ^(local\.sh|watch\.sh|bash|setsid|env)$ ]]; do
    sleep 0.01
  done
  rm -f ".run/$name.down"
}

launch_node() {
  local node=$1 number plain=off
  is_running "$node" && return 0
  number=$(number_of "$node")
  mkdir -p ".run/$node"
  if [ -e .run/plain ]; then plain="127.0.0.1:$((8080 + number))"; fi
  launch "$node" ".run/$node/log" env -u PATRONUS_CONFIG -u PATRONUS_CLUSTER_SECRET PATRONUS_NODE_ID="$node" \
    PATRONUS_NODE_ADDR="127.0.0.1:$((8442 + number))" PATRONUS_LISTEN_PLAIN="$plain" \
    PATRONUS_TLS_CERT=".run/tls/$node.crt" PATRONUS_TLS_KEY=".run/tls/$node.key" \
    PATRONUS_PEER_ADDR="127.0.0.1:$((7442 + number))" PATRONUS_PEERS="$peers" PATRONUS_PEER_CA=.run/tls/ca.crt PATRONUS_TLS_CRL=.run/tls/ca.crl \
    PATRONUS_CLUSTER_SECRET_FILE=.run/tls/cluster-secret PATRONUS_DATA_DIR=".run/$node/raft" PATRONUS_DB_PATH=".run/$node/dashboard.db" \
    build/patronusd
}

launch_haproxy() {
  is_running haproxy && return 0
  launch haproxy .run/haproxy.log env PATH="$PATH:/usr/sbin" FRONT_BIND=127.0.0.1:8440 FRONT_STATS=127.0.0.1:8404 \
    FRONT_CERT=.run/tls/localhost.pem FRONT_CA=.run/tls/ca.crt FRONT_NODE1=127.0.0.1:8443 FRONT_NODE2=127.0.0.1:8444 \
    FRONT_NODE3=127.0.0.1:8445 FRONT_LOG=notice haproxy -W -S unix@.run/haproxy.sock -f deploy/haproxy/haproxy.cfg
}

# What copies a node's database off site; it brings Litestream along, and ends it with itself.
launch_backup() {
  local node=${1%.backup}
  is_running "$1" && return 0
  launch "$1" ".run/$node/backup.log" env PATRONUS_BACKUP_TARGETS="$(cat .run/backup-targets)" \
    PATRONUS_LITESTREAM="$(cat .run/litestream-program)" PATRONUS_DATA_DIR=".run/$node/raft" PATRONUS_DB_PATH="$PWD/.run/$node/dashboard.db" \
    PATRONUS_BACKUP_METRICS_ADDR="127.0.0.1:$((9190 + $(number_of "$node")))" build/patronusctl backup run
}

start_one() {
  case "$1" in
    haproxy) under_lock launch_haproxy ;;
    *.backup) under_lock launch_backup "$1" ;;
    *) under_lock launch_node "$1" ;;
  esac
}

# Which of them are to run: none, if there is nowhere to copy to, or no Litestream.
backups() { if [ -e .run/backup-targets ]; then printf '%s.backup\n' "${nodes[@]}"; fi; }

prepare_backups() {
  local program targets=${PATRONUS_BACKUP_TARGETS:-file://$PWD/.run/backup}
  rm -f .run/backup-targets
  if [ "$targets" = off ]; then return 0; fi
  program=${PATRONUS_LITESTREAM:-$(command -v litestream || true)}
  # It stays for the next run, and for the tests.
  if [ -z "$program" ]; then program=$(deploy/litestream/get.sh "$PWD/.run/litestream") || { echo "Nothing is copied off site."; return 0; }; fi
  echo "$program" >.run/litestream-program
  echo "$targets" >.run/backup-targets
}

# SIGTERM: a node drains, HAProxy ends at once. With "now" it is told again and again, so that it does not drain.
stop_one() {
  local name=$1 how=${2:-drain} pid deadline=$((SECONDS + stop_seconds))
  is_running "$name" || { rm -f ".run/$name.pid"; return 0; }
  touch ".run/$name.down"
  pid=$(cat ".run/$name.pid")
  kill -TERM "$pid" 2>/dev/null || true
  while is_running "$name"; do
    sleep 0.05
    if [ "$how" = now ]; then kill -TERM "$pid" 2>/dev/null || true; fi
    if [ "$SECONDS" -gt "$deadline" ]; then
      echo "$name did not stop in $stop_seconds seconds; it is killed" >&2
      kill -KILL "$pid" 2>/dev/null || true
      deadline=$((SECONDS + stop_seconds))
    fi
  done
  rm -f ".run/$name.pid"
}

# When all go there is nobody to drain for.
stop_all() {
  local name
  stop_one haproxy
  for name in "${nodes[@]}"; do if is_running "$name"; then touch ".run/$name.down"; fi; done
  for name in "${nodes[@]}"; do stop_one "$name" now; done
  # Last, so that what the nodes wrote in the end is copied too.
  for name in "${nodes[@]}"; do stop_one "$name.backup"; done
}

wait_ready() {
  local node deadline=$((SECONDS + 60))
  for node in "$@"; do
    until ask -f -o /dev/null --max-time 2 "$(url_of "$node")/health/ready"; do
      is_running "$node" || fail "$node ended; its log ends with: $(tail -n 2 ".run/$node/log")"
      [ "$SECONDS" -le "$deadline" ] || fail "$node is not ready after a minute: $(ask "$(url_of "$node")/health/ready")"
      sleep 0.05
    done
  done
}

# Until the balancer sends clients to these nodes.
wait_balanced() {
  local node deadline=$((SECONDS + 15))
  for node in "$@"; do
    until curl -s --max-time 2 "$statistics;csv" | grep -q "^patronus,$node,.*,UP,"; do
      is_running haproxy || fail "HAProxy ended; .run/haproxy.log ends with: $(tail -n 3 .run/haproxy.log)"
      [ "$SECONDS" -le "$deadline" ] || fail "HAProxy does not send clients to $node; see $statistics and .run/haproxy.log"
      sleep 0.05
    done
  done
}

# The first administrator.

# What a node has logged since its last start holds the token as long as there is no user.
setup_token() {
  local node token
  for node in "${nodes[@]}"; do
    token=$(awk '/"event":"start"/ { token = "" }
                 /"event":"setup_token"/ { sub(/"}.*/, ""); sub(/.* /, ""); token = $0 }
                 END { print token }' ".run/$node/log")
    if [ -n "$token" ]; then echo "$token"; return 0; fi
  done
}

keep_setup_token() {
  local token deadline=$((SECONDS + 5))
  while :; do
    token=$(setup_token)
    # Of a cluster that was here before, a node that is ready knows whether it has users.
    if [ -n "$token" ] || [ -n "$1" ] || [ "$SECONDS" -ge "$deadline" ]; then break; fi
    sleep 0.1
  done
  rm -f .run/setup-token
  if [ -n "$token" ]; then (umask 077 && echo "$token" >.run/setup-token); fi
}

json_string() {
  local text=$1
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Secrets go to curl through its standard input and a pipe, not as arguments that everybody can list.
make_admin() {
  local email=$1 password=$2 name=${ADMIN_NAME:-${1%%@*}} answer code body
  [ -e .run/setup-token ] || { echo "The first administrator was made before."; return 0; }
  if [[ $email$name$password == *[[:cntrl:]]* ]]; then
    fail "ADMIN_EMAIL, ADMIN_NAME and ADMIN_PASSWORD can't hold control characters"
  fi
  body="{\"email\":$(json_string "$email"),\"name\":$(json_string "$name"),\"password\":$(json_string "$password")}"
  answer=$(printf '%s' "$body" | ask --max-time 20 -w '\n%{http_code}' -H 'Content-Type: application/json' --data-binary @- \
    --config <(printf 'header = "Authorization: Setup %s"\n' "$(cat .run/setup-token)") "$front/api/v1/auth/init-admin") ||
    fail "the first administrator could not be made: no answer from $front"
  code=${answer##*$'\n'}
  case "$code" in
    201) echo "The first administrator is $email." ;;
    409) echo "The first administrator was made before." ;;
    *) fail "the first administrator could not be made: ${answer%$'\n'*}" ;;
  esac
  rm -f .run/setup-token
}

# What people type.

show_cluster() {
  local node
  cat <<EOT

  dashboard    $front                    trust .run/tls/ca.crt: curl --cacert .run/tls/ca.crt
  statistics   $statistics
EOT
  for node in "${nodes[@]}"; do
    echo "  $node   $(url_of "$node")$([ -e .run/plain ] && echo "  http://127.0.0.1:$((8080 + $(number_of "$node")))")"
  done
  if [ -e .run/backup-targets ]; then echo "  copies       $(cat .run/backup-targets), by Litestream; build/patronusctl backup status"; fi
  if [ -e .run/setup-token ]; then echo "  setup token  .run/setup-token, to make the first administrator"; fi
  cat <<EOT

  status       curl --cacert .run/tls/ca.crt $front/api/v1/cluster/status
  data and logs are in .run/; make stop ends everything, make restart NODE=dashboard2 drains and restarts one
EOT
}

# The terminal may be gone already.
end_run() {
  trap '' INT TERM HUP
  { echo && echo "Stopping; the data stays for the next run."; } 2>/dev/null || true
  stop_all
  exit 0
}

run() {
  local node began=$SECONDS had_data=
  if [ -n "${FRESH:-}" ]; then
    stop_all
    # The authority stays: a browser may have been told to trust it.
    for node in "${nodes[@]}"; do rm -rf ".run/$node"; done
    rm -f .run/setup-token .run/haproxy.log
  fi
  mkdir -p .run
  if [ -d .run/dashboard1/raft ]; then had_data=1; fi
  if [ -n "${PLAIN:-}" ]; then touch .run/plain; else rm -f .run/plain; fi
  check_ports haproxy 8440 8404
  # shellcheck disable=SC2046 # the ports are words
  for node in "${nodes[@]}"; do check_ports "$node" $(ports_of "$node"); done
  if [ -z "${DETACH:-}" ]; then
    exec 9>.run/watch.lock
    # One that has just been stopped takes a moment to notice.
    flock -w 3 9 || fail "make run runs already in another terminal; make stop ends it, DETACH=1 starts what is down"
    trap end_run INT TERM HUP
    trap stop_all EXIT
  fi
  make_certificates
  for node in "${nodes[@]}"; do start_one "$node"; done
  wait_ready "${nodes[@]}"
  prepare_backups
  for node in $(backups); do start_one "$node"; done
  start_one haproxy
  wait_balanced "${nodes[@]}"
  echo "Three nodes are ready after $((SECONDS - began)) s, with HAProxy in front of them."
  keep_setup_token "$had_data"
  if [ -n "${ADMIN_EMAIL:-}" ] && [ -n "${ADMIN_PASSWORD:-}" ]; then make_admin "$ADMIN_EMAIL" "$ADMIN_PASSWORD"; fi
  show_cluster
  [ -z "${DETACH:-}" ] || return 0
  echo "  Ctrl-C ends the cluster; the data stays for the next run. What happens meanwhile:"
  echo
  # shellcheck source=deploy/watch.sh
  . deploy/watch.sh
  watch_cluster
}

one_node() {
  [ -n "${1:-}" ] || fail "say which node: make $2 NODE=dashboard2"
  number_of "$1" >/dev/null
  [ -e ".run/tls/$1.crt" ] || fail "there is no cluster yet; begin with make run"
}

back_in_service() {
  start_one "$1"
  wait_ready "$1"
  if is_running haproxy; then wait_balanced "$1"; fi
  echo "$1 is ready"
}

case "${1:-}" in
  run) run ;;
  start)
    one_node "${2:-}" start
    # shellcheck disable=SC2046
    check_ports "$2" $(ports_of "$2")
    back_in_service "$2"
    ;;
  restart)
    one_node "${2:-}" restart
    stop_one "$2"
    back_in_service "$2"
    ;;
  stop) stop_all && echo "stopped" ;;
  *) fail "usage: deploy/local.sh run|start NODE|restart NODE|stop" ;;
esac
