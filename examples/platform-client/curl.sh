#!/usr/bin/env bash
# A backup platform's integration in ten lines of curl: check the store, back up once a day, follow, restore.
set -euo pipefail
api=${FENCEPOST_URL:-http://127.0.0.1:7420}/v1 auth="Authorization: Bearer ${FENCEPOST_TOKEN:-}" json="Content-Type: application/json"
get() { curl -sS --fail-with-body -H "$auth" "$@"; }
get -X POST $api/profiles/default/store/validate | jq -c '{valid, location}'
get "$api/bindings/explain?resource=secrets&namespace=app1&name=app1-db" | jq -r .reason
backup='{"action": "backup", "subject": {"kind": "Secret", "name": "app1-db", "namespace": "app1"}, "profile": {"name": "store"}}'
id=$(get $api/actions -H "$json" -H "Idempotency-Key: app1-db $(date +%F)" -d "$backup" | jq -r .id)
get -N $api/actions/$id/events -H "Accept: text/event-stream" | grep --line-buffered -E '^(id|event: [ap].*\.)' | paste - -
get "$api/actions/$id?wait=30s" | jq -c '{id, state, artifacts}'
restore=$(get $api/actions -H "$json" -d "{\"action\": \"restore\", \"from\": \"$id\"}" | jq -r .id)
get "$api/actions/$restore?wait=5m" | jq -c '{id, state}'
