# Where everything is, and how the cluster's processes are started. Sourced by the scripts of this folder.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
checkout=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fencepost
home=${CLUSTER_HOME:-$cache/cluster} # programs and images, kept
instance=${CLUSTER_INSTANCE:-}       # a number up to 255: another cluster beside the first
bin=$home/bin
images=$home/images
crds=$home/crds
cnpg=$home/cnpg
state=$home/state$instance # everything that down.sh forgets
logs=$state/logs
certificates=$state/certificates
kubelet_root=$state/kubelet
containerd_socket=$state/containerd/containerd.sock
csi_data=$state/csi

# Machine-wide names. The lock is held by the cluster's first process, so it is free exactly when there is no cluster;
# busy is held by up.sh and down.sh, one at a time.
lock=/run/lock/fencepost-cluster$instance
busy=$lock-busy
run=/run/fencepost-cluster$instance
host_link=fp-cluster$instance
cgroup_root=/fencepost-cluster$instance # two kubelets under one root would end each other's Pods
host_address=10.99.${instance:-0}.1     # what Pods reach this machine by
node_address=10.99.${instance:-0}.2     # API server, node and DNS
# Where containerd, CNI and kubelet write whatever they are told; the cluster has its own in its mount namespace.
fixed_folders=(/run/containerd /var/lib/cni /var/lib/kubelet /var/log/containers)
pod_network=10.244.0.0/24
service_network=10.96.0.0/16
node=node1

export KUBECONFIG=$state/admin.kubeconfig
export PATH=$bin:$PATH:/usr/sbin:/sbin

fail() { echo "cluster: $*" >&2; exit 1; }
cannot() { echo "cluster: $*" >&2; exit 77; } # this machine does not allow it: tests that need it are skipped
say() { printf '[%6.1fs] %s\n' "$(awk -v a="$(date +%s.%N)" -v b="$began" 'BEGIN { print a - b }')" "$*"; }
began=$(date +%s.%N)

# held VALUE: what the cluster's first process wrote when it took the lock (checkout, owner, keeper, state).
held() { sed -n "s/^$1=//p" "$run/holder" 2>/dev/null || true; }
is_up() { ! flock --nonblock "$lock" true; }

# inside COMMAND...: in the cluster's namespaces. Not `ip netns exec`, which mounts /sys anew, without /sys/fs/cgroup.
inside() {
    local init
    init=$(pgrep --parent "$(held keeper)" 2>/dev/null) || { echo "cluster: it is not up" >&2; return 1; }
    nsenter --target "$init" --net --mount --pid -- "$@"
}

# start NAME COMMAND...: inside, detached, unless it runs already. Its pid (as seen inside) is in NAME.pid.
start() {
    local name=$1
    shift
    if runs "$name"; then return; fi
    inside bash -c 'setsid "${@:3}" <&- >>"$2" 2>&1 & echo $! >"$1"' start "$state/$name.pid" "$logs/$name.log" "$@" 9>&-
}
runs() { [[ -s $state/$1.pid ]] && inside bash -c "kill -0 $(<"$state/$1.pid") 2>&-"; }

# put FILE: standard input, but only where it differs: kube-proxy ends when its configuration is touched.
put() {
    local text
    text=$(cat)
    [[ -e $1 && $text == "$(<"$1")" ]] || printf '%s\n' "$text" >"$1"
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until)) || fail "$what did not happen in time; the logs are in $logs"
        sleep 0.2
    done
}

in_containerd() { inside ctr --address "$containerd_socket" --namespace k8s.io "$@"; }
