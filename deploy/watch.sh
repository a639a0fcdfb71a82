#!/usr/bin/env bash
# Part of local.sh, which sources it: says what happens to a running cluster, a line for each change, and brings back
# what dies.
# shellcheck disable=SC2154 # `nodes` is local.sh's

say() { echo "$(date +%H:%M:%S) $*"; }

declare -A seen_state=() starts_at=() delay_of=() started_at=()
seen_leader=
delay_max=30     # seconds; a program that dies again and again is started ever more seldom
calm_seconds=60  # one that has run for so long may die anew

# Starts one that has died, after a delay that doubles each time.
bring_back() {
  local name=$1
  if [ -z "${starts_at[$name]:-}" ]; then
    if [ $((SECONDS - ${started_at[$name]:-0})) -gt "$calm_seconds" ]; then delay_of[$name]=1; fi
    starts_at[$name]=$((SECONDS + ${delay_of[$name]:-1}))
    say "$name has died; it is started again in ${delay_of[$name]:-1} s$(last_words "$name")"
  elif [ "$SECONDS" -ge "${starts_at[$name]}" ]; then
    starts_at[$name]=
    delay_of[$name]=$((2 * ${delay_of[$name]:-1}))
    if [ "${delay_of[$name]}" -gt "$delay_max" ]; then delay_of[$name]=$delay_max; fi
    started_at[$name]=$SECONDS
    start_one "$name"
  fi
}

last_words() {
  local line
  line=$(tail -n 1 ".run/$1/log" 2>/dev/null | cut -c1-300) || true
  # What a node says when it ends of its own accord; the last line of one that was killed says nothing of that.
  if [[ $line == *'"level":"error"'* || $line == patronusd:* ]]; then echo ": $line"; fi
}

note_state() {
  local name=$1 state=$2
  [ "${seen_state[$name]:-}" != "$state" ] || return 0
  if [ -n "${seen_state[$name]:-}" ]; then say "$name $state"; fi
  seen_state[$name]=$state
}

note_leader() {
  [ -n "$1" ] && [ "$1" != "$seen_leader" ] || return 0
  if [ -z "$seen_leader" ]; then say "$1 leads"; else say "$1 leads now, instead of $seen_leader"; fi
  seen_leader=$1
}

state_of_code() {
  case "$1" in
    200) echo "is ready" ;;
    404) echo "drains" ;;
    000) echo "does not answer" ;;
    *) echo "is up, not ready" ;;
  esac
}

# Asks all nodes that run in one go: what each says of itself, and who leads as those see it that are ready.
look() {
  local name urls=() names=() code leader votes=() index=0 sinks=()
  for name in "${nodes[@]}"; do
    if is_running "$name"; then
      names+=("$name")
      urls+=("$(url_of "$name")/health/ready")
      sinks+=(-o /dev/null)
    else
      note_state "$name" "is down"
    fi
  done
  [ ${#urls[@]} -gt 0 ] || return 0
  while read -r code leader; do
    name=${names[$index]}
    index=$((index + 1))
    # It may have ended between the two looks.
    if is_running "$name"; then note_state "$name" "$(state_of_code "$code")"; fi
    if [ "$code" = 200 ]; then votes+=("${leader:-none}"); fi
  done < <(ask --max-time 1 "${sinks[@]}" -w '%{http_code} %header{x-patronus-leader}\n' "${urls[@]}" || true)
  # In the middle of an election they may differ.
  leader=$(printf '%s\n' "${votes[@]}" | sort -u)
  if [ ${#votes[@]} -gt 0 ] && [ "$leader" != none ] && [[ $leader != *$'\n'* ]]; then note_leader "$leader"; fi
}

watch_cluster() {
  local name alive
  while :; do
    look
    alive=
    for name in "${nodes[@]}" haproxy $(backups); do
      if is_running "$name"; then
        alive=1
        starts_at[$name]=
      elif [ ! -e ".run/$name.down" ]; then
        alive=1
        bring_back "$name"
      fi
    done
    if [ -z "$alive" ]; then
      say "everything was stopped"
      return 0
    fi
    sleep 0.5
  done
}
