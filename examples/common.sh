# Shared by the examples: narration, free ports, a daemon, an S3 server, and clean-up. Source it with the example's
# arguments; it sets `work`, and `api`, where the REST API is. With --kubernetes the daemon is the chart's, on the
# cluster of kubectl's current context, and `kubernetes` is set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${FENCEPOST_BUILD:-$root/build}
export PATH=$build/bin:/usr/lib/postgresql/15/bin:${GOBIN:-$HOME/go/bin}:$PATH

if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold= dim= plain=; fi
kubernetes=
[[ ${1:-} != --kubernetes ]] || kubernetes=yes
background=() # processes that the clean-up ends
started=$(date +%s.%N)
say() { printf '%s[%5.1fs]%s %s\n' "$dim" "$(bc_minus "$(date +%s.%N)" "$started")" "$plain" "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
bc_minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until)) || fail "$what did not happen in time; the daemon's log is $work/daemon.log"
        sleep 0.1
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The manifests hold @NAMES@ of shell variables.
render() {
    local text name
    text=$(<"$1")
    while [[ $text =~ @([A-Z0-9_]+)@ ]]; do
        name=${BASH_REMATCH[1]}
        text=${text//@$name@/${!name}}
    done
    printf '%s\n' "$text"
}

prepare() {
    "$root/scripts/install-deps"
    if [[ -z ${FENCEPOST_BUILD:-} ]]; then
        title "Build"
        "$root/scripts/build" default fencepost kando fencepost-supervisor
    fi
    work=$(mktemp -d "${TMPDIR:-/tmp}/fencepost-example.XXXXXX")
    chmod 755 "$work"
    trap clean_up EXIT
}

clean_up() {
    local status=$?
    set +e
    if ((status != 0)) && [[ -s $work/daemon.log ]]; then
        printf '\nThe last lines of the daemon (%s):\n' "$work/daemon.log" >&2
        tail -n 15 "$work/daemon.log" >&2
    fi
    ((${#background[@]})) && kill "${background[@]}" 2>/dev/null
    # The daemon first: it would start again what ends under it.
    if [[ -n $kubernetes && -z ${FENCEPOST_KEEP:-} ]]; then
        declare -F remove_objects >/dev/null && remove_objects >/dev/null
        helm uninstall fencepost --namespace default --wait >/dev/null
    fi
    [[ -n ${daemon:-} ]] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    for folder in "$work"/data/pods/*/*/; do
        [[ -s $folder/supervisor.pid ]] && kill "$(<"$folder/supervisor.pid")" 2>/dev/null
    done
    [[ -n ${store:-} ]] && kill "$store" 2>/dev/null
    wait 2>/dev/null
    if [[ -z ${FENCEPOST_KEEP:-} ]]; then
        rm -rf "$work"
    else
        printf 'kept: %s\n' "$work"
    fi
    exit "$status"
}

# On Kubernetes the nodes have the chart's images already, or can pull them (scripts/build-images).
start_daemon() {
    PORT=${PORT:-$(free_port)}
    api=http://127.0.0.1:$PORT
    if [[ -n $kubernetes ]]; then
        helm install fencepost "$root/charts/fencepost" --namespace default --set clusterWide=true --wait >"$work/helm.log"
        kubectl port-forward --namespace default deployment/fencepost "$PORT:7420" >>"$work/daemon.log" 2>&1 &
        export FENCEPOST_SERVER=kubernetes://default
    else
        fencepost serve --data-dir "$work/data" --listen "127.0.0.1:$PORT" >>"$work/daemon.log" 2>&1 &
        export FENCEPOST_SERVER=$api
    fi
    daemon=$!
    wait_for 20 "the daemon's start" curl -sf "$api/readyz"
}

# An S3 server on this host, or a folder where none is installed. STORE_HOST is an address of this host that Pods reach.
start_store() {
    STORE_HOST=${STORE_HOST:-127.0.0.1}
    if command -v versitygw >/dev/null; then
        S3_PORT=$(free_port) S3_KEY=fencepost S3_SECRET=fencepost-secret-key BUCKET=backups
        mkdir -p "$work/s3/$BUCKET"
        ROOT_ACCESS_KEY=$S3_KEY ROOT_SECRET_KEY=$S3_SECRET versitygw --port "$STORE_HOST:$S3_PORT" --quiet \
            posix "$work/s3" >"$work/s3.log" 2>&1 &
        store=$!
        wait_for 20 "the S3 server's start" bash -c "exec 3<>/dev/tcp/$STORE_HOST/$S3_PORT"
        repository="s3:http://$STORE_HOST:$S3_PORT/$BUCKET/fencepost"
        render "$root/examples/profile-s3.yaml" | fencepost apply -f -
    else
        [[ -z $kubernetes ]] || fail "no S3 server to be started here: scripts/install-deps --test installs versitygw"
        mkdir -p "$work/store"
        STORE=$work/store repository=$work/store
        render "$root/examples/profile-file.yaml" | fencepost apply -f -
    fi
}

# action JSON: POSTs it, prints each phase as it goes, and leaves the finished action in $finished.
run_action() {
    local id
    id=$(curl -sS -X POST "$api/v1/actions" -H 'Content-Type: application/json' -d "$1" | jq -re .id) ||
        fail "POST /v1/actions was refused"
    local seen='' line
    while :; do
        finished=$(curl -sS "$api/v1/actions/$id?wait=1s")
        while read -r line; do
            [[ -z $line || $seen == *"|$line|"* ]] && continue
            seen+="|$line|"
            say "  $line"
        done < <(jq -r '.phases[] | select(.state != "pending") | "\(.name): \(.state)"' <<<"$finished")
        case $(jq -r .state <<<"$finished") in
            complete) break ;;
            failed | cancelled) jq . <<<"$finished" >&2; fail "the action $id did not complete" ;;
        esac
    done
    action_id=$id
}
