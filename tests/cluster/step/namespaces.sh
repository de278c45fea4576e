#!/usr/bin/env bash
# The cluster's first process and its namespaces: network, mounts and processes. They end with it, and all in them.
source "$(dirname "$(readlink -f "$0")")/../common.sh"

if ! is_up; then
    rm -rf --one-file-system "$state" # what a machine that lost its power left
    mkdir -p "$state" "$logs" "$run"
    # pause waits and reaps. What it inherits is the lock; where unshare ends, the kernel ends it too.
    # shellcheck disable=SC2016  # $$ is the shell that becomes unshare
    setsid flock --no-fork --nonblock "$lock" bash -c '
        printf "%s\n" "keeper=$$" "$@" >"$0"
        exec unshare --net --mount --pid --fork --kill-child --mount-proc pause' \
        "$run/holder" "checkout=$checkout" "owner=${CLUSTER_OWNER:-}" "state=$state" </dev/null >"$logs/keeper.log" 2>&1 9>&- &
    wait_for 20 "the start of the first process" inside true
    for folder in "${fixed_folders[@]}"; do
        mkdir -p "$folder"
        inside mount -t tmpfs tmpfs "$folder"
    done
    if [[ -n ${CLUSTER_OWNER:-} ]]; then
        setsid bash -c 'tail --pid="$CLUSTER_OWNER" --follow /dev/null; exec "$0"' "$here/down.sh" </dev/null >/dev/null 2>&1 9>&- &
    fi
fi

# One link to the host and no default route: what is addressed outside fails at once with "network unreachable".
if ! ip link show "$host_link" >/dev/null 2>&1; then
    ip link add "$host_link" type veth peer name node netns "$(pgrep --parent "$(held keeper)")"
    ip address add "$host_address/30" dev "$host_link"
    ip link set "$host_link" up
    inside ip link set lo up
    inside ip address add "$node_address/30" dev node
    inside ip link set node up
    # What the node itself sends to a Service is routed before kube-proxy rewrites it, so it needs some route.
    inside ip route replace "$service_network" dev node
    inside sysctl --quiet --write net.ipv4.ip_forward=1
    inside sysctl --quiet --write net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true # where the module is loaded
fi

# A cgroup of its own to root the kubelet's in: in every hierarchy of v1, or in the one of v2.
if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    for controller in $(</sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true # rdma and the like may be refused
    done
    mkdir -p "/sys/fs/cgroup$cgroup_root"
else
    for hierarchy in /sys/fs/cgroup/*/; do
        [[ $hierarchy != */unified/ ]] || continue
        mkdir -p "$hierarchy$cgroup_root"
        [[ -e $hierarchy/cpuset.cpus ]] || continue
        for file in cpuset.cpus cpuset.mems; do # empty in a new one
            cat "$hierarchy/$file" >"$hierarchy$cgroup_root/$file"
        done
    done
fi

# kubelet hands volumes into Pods through its folder, which must be a shared mount for that.
mkdir -p "$kubelet_root"
inside mountpoint --quiet "$kubelet_root" || inside bash -c 'mount --bind "$0" "$0" && mount --make-rshared "$0"' "$kubelet_root"
