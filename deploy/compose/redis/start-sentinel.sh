#!/bin/sh
# Starts a sentinel of docker-compose.sentinel.yml with what it knew when it was stopped, if it knew something.
set -eu
[ -f /data/sentinel.conf ] || cp /etc/carillon/sentinel.conf /data/sentinel.conf
exec redis-server /data/sentinel.conf --sentinel
