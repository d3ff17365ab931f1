#!/usr/bin/env bash
# Prints the Secrets that the manifests refer to, from the file that `make env` wrote (or another in its form):
#   k8s/secrets.sh .env | kubectl apply -n natter -f -
# POSTGRES_AUTH_URL, POSTGRES_ROOMS_URL and MONGODB_URL in that file name databases outside of the cluster; without them it is those of the dev overlay.
set -euo pipefail

while IFS= read -r line; do
	if [[ $line =~ ^([A-Z0-9_]+)=(.*)$ ]]; then declare "${BASH_REMATCH[1]}=${BASH_REMATCH[2]}"; fi
done <"${1:-.env}"

# name, then the names of variables or name=value
secret() {
	printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: natter-%s\nstringData:\n' "$1"
	local entry name value
	for entry in "${@:2}"; do
		name=${entry%%=*} value=${entry#*=}
		[[ $entry == *=* ]] || value=${!name}
		[[ -z $value ]] || printf "  %s: '%s'\n" "$name" "${value//\'/\'\'}"
	done
}

auth=${POSTGRES_AUTH_URL:-postgres://natter_auth:$POSTGRES_AUTH_PASSWORD@postgres/natter_auth}
rooms=${POSTGRES_ROOMS_URL:-postgres://natter_rooms:$POSTGRES_ROOMS_PASSWORD@postgres/natter_rooms}
mongodb=${MONGODB_URL:-mongodb://natter:$MONGODB_PASSWORD@mongodb/natter?replicaSet=natter}
secret auth "NATTER_NATS_NKEY=$NATS_SEED_AUTH" "NATTER_POSTGRES_URL=$auth" "NATTER_SECRET_KEY=$SECRET_KEY" \
	"NATTER_SMTP_URL=${SMTP_URL:-}" "NATTER_MAIL_FROM=${MAIL_FROM:-}"
secret rooms "NATTER_NATS_NKEY=$NATS_SEED_ROOMS" "NATTER_POSTGRES_URL=$rooms"
secret message-store "NATTER_NATS_NKEY=$NATS_SEED_MESSAGE_STORE" "NATTER_MONGODB_URL=$mongodb"
secret edge-gateway "NATTER_NATS_NKEY=$NATS_SEED_EDGE_GATEWAY"
secret nats NATS_NKEY_AUTH NATS_NKEY_ROOMS NATS_NKEY_MESSAGE_STORE NATS_NKEY_EDGE_GATEWAY NATS_NKEY_OPERATOR
# Of the dev overlay's databases.
if [[ -z ${POSTGRES_AUTH_URL:-} ]]; then secret postgres POSTGRES_PASSWORD POSTGRES_AUTH_PASSWORD POSTGRES_ROOMS_PASSWORD; fi
if [[ -z ${MONGODB_URL:-} ]]; then
	secret mongodb "MONGO_INITDB_ROOT_PASSWORD=$MONGODB_ROOT_PASSWORD" MONGODB_PASSWORD MONGODB_KEY
fi
