#!/bin/bash
# Starts MongoDB as a replica set with users, which needs a key that its members share, in a file that nobody else reads.
set -euo pipefail
umask 077
printf %s "$MONGODB_KEY" >/tmp/key
exec docker-entrypoint.sh mongod --replSet natter --bind_ip_all --keyFile /tmp/key "$@"
