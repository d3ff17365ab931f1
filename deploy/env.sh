#!/usr/bin/env bash
# Writes the secrets of an installation to stdout, new at every run, as the lines of an environment file.
# NATTER is a command that runs `natter`, which makes the keys of the bus.
set -euo pipefail

hex() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }     # fits into a URL
base64key() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }

cat <<EOF
# Written by \`make env\`. Keep it, and keep it secret: SECRET_KEY is needed to read what is in the databases.

# The name that people reach this server by, and its address in full. For a name that the world knows, the load balancer fetches
# a certificate from Let's Encrypt; ports 80 and 443 have to be reachable.
DOMAIN=localhost
PUBLIC_URL=https://localhost

# Mail: smtp://user:password@mail.example.org:587. Without it links are written to auth's log.
#SMTP_URL=
#MAIL_FROM=
# Who may register, besides the first, who is the owner: open or invite.
#SIGN_UP=invite

SECRET_KEY=$(base64key 32)
POSTGRES_PASSWORD=$(hex)
POSTGRES_AUTH_PASSWORD=$(hex)
POSTGRES_ROOMS_PASSWORD=$(hex)
MONGODB_PASSWORD=$(hex)
MONGODB_ROOT_PASSWORD=$(hex)
MONGODB_KEY=$(base64key 96)
GRAFANA_PASSWORD=$(hex)

# By these the services sign in to NATS: NATS_SEED_… are secret, NATS_NKEY_… are their public parts.
EOF
${NATTER:-bin/natter} nkeys
