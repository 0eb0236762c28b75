#!/bin/sh
# Makes one Redis Cluster of the hosts that are named, each a primary with its share of the 16384 slots:
#   form-cluster.sh HOST…
# Where they are one already, it tells them the first one's present address, which a container that was made again has
# new, and they tell each other.
set -eu

# HOST COMMAND…; fails where the command does.
tell() {
  host=$1
  shift
  answer=$(redis-cli -e -h "$host" "$@") || return
  printf '%s\n' "$answer" | tr -d '\r'
}

first=$(getent hosts "$1") || {
  echo "$1 has no address" >&2
  exit 1
}
first=${first%% *}
number=0
for node in "$@"; do
  [ $number -eq 0 ] || tell "$node" cluster meet "$first" 6379
  # Those that it has already it keeps.
  if ! tell "$node" cluster nodes | grep -q 'myself.* connected [0-9]'; then
    tell "$node" cluster addslotsrange $((16384 * number / $#)) $((16384 * (number + 1) / $# - 1))
  fi
  number=$((number + 1))
done

for node in "$@"; do
  tries=0
  until tell "$node" cluster info | grep -qx cluster_state:ok; do
    tries=$((tries + 1))
    if [ $tries -ge 60 ]; then
      echo "$node does not see a whole cluster after 60 s" >&2
      exit 1
    fi
    sleep 1
  done
done
echo "a Redis Cluster of $*"
